"""Build one Lambda layer: `build_layer.py common|documents ARTIFACTS_DIR`, called by `sam build` through make.

ARREARS_TARGET=aws, the default, takes wheels for the runtime and architecture that template.yaml names, whatever this
machine is; ARREARS_TARGET=local takes what runs on this machine's Python, for the embedded stack and the tests.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.template import ROOT, functions, load

# Amazon Linux 2023 has glibc 2.34; wheels that ask for less run there too.
UV_PLATFORM = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
PIP_PLATFORMS = {
    architecture: [f"manylinux_2_28_{machine}", f"manylinux_2_17_{machine}", f"manylinux2014_{machine}"]
    for architecture, machine in (("arm64", "aarch64"), ("x86_64", "x86_64"))
}


def runtime_and_architecture() -> tuple[str, str]:
    """The Python version and architecture that every function of the template names: ("3.14", "arm64")."""
    named = {
        (str(function["Runtime"]), str((function.get("Architectures") or ["x86_64"])[0]))
        for function in functions(load()).values()
    }
    if len(named) != 1:
        raise SystemExit(f"one layer serves one runtime and architecture; the template names {sorted(named)}")
    runtime, architecture = named.pop()
    return runtime.removeprefix("python"), architecture


def install(layer: str, target: Path, *, aws: bool) -> None:
    """Install the layer's locked requirements into a folder, wheels only."""
    lock = ROOT / "requirements" / f"{layer}.txt"
    uv = [sys.executable, "-m", "uv"]
    has_uv = subprocess.run([*uv, "--version"], capture_output=True, check=False).returncode == 0
    if has_uv:
        command = [*uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--no-deps", "--link-mode", "copy"]
    else:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary",
            ":all:",
            "--no-deps",
            "--no-compile",
        ]
    command += ["--target", str(target), "--requirement", str(lock)]
    if aws:
        version, architecture = runtime_and_architecture()
        command += ["--python-version", version]
        if has_uv:
            command += ["--python-platform", UV_PLATFORM[architecture]]
        else:
            command += ["--implementation", "cp"]
            command += [part for platform in PIP_PLATFORMS[architecture] for part in ("--platform", platform)]
    elif has_uv:
        command += ["--python", sys.executable]
    subprocess.run(command, check=True)


def strip(target: Path, settings: dict[str, Any]) -> None:
    """Take out what no function reads: other services' models, other languages, tests, stubs, commands."""
    services = {*settings["services"]}
    for entry in (target / "botocore" / "data").glob("*"):
        if entry.is_dir() and entry.name not in services:
            shutil.rmtree(entry)
    for entry in (target / "boto3" / "data").glob("*"):
        if entry.name not in services:
            shutil.rmtree(entry)
    for examples in (target / "botocore" / "data").rglob("examples-1.json*"):
        examples.unlink()
    for entry in (target / "babel" / "locale-data").glob("*.dat"):
        if entry.stem.split("_")[0] not in {"root", *settings["locales"]}:
            entry.unlink()
    for pattern in ("bin", "**/tests", "**/__pycache__", "boto3/examples"):
        for folder in [*target.glob(pattern)]:
            shutil.rmtree(folder, ignore_errors=True)
    # An image format and a toolkit that no letter uses, but half of what the imaging library weighs.
    unused = ("PIL/_avif.*", "pillow.libs/libavif*", "PIL/_imagingtk.*")
    for pattern in ("**/*.pyi", "**/*.c", "**/*.h", ".lock", *unused):
        for file in [*target.glob(pattern)]:
            file.unlink()


def add_own(layer: str, target: Path) -> None:
    """Put in what is ours: the package with its policies, or what documents need."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc", "Makefile", ".*")
    shutil.copytree(ROOT / "layers" / layer, target, dirs_exist_ok=True, ignore=unwanted)
    if layer == "common":
        shutil.copytree(ROOT / "infra" / "policies", target / "arrears" / "policies", ignore=unwanted)


def compile_bytecode(target: Path, *, aws: bool) -> None:
    """Compile ahead, since a layer cannot be written to; hashed, so that the same source gives the same layer."""
    python: str | None = sys.executable
    if aws:
        version, _ = runtime_and_architecture()
        if version != f"{sys.version_info.major}.{sys.version_info.minor}":
            python = interpreter(version)
        if python is None:
            return  # tools/build.py says so
    command = [str(python), "-m", "compileall", "-q", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(target), "-p", "/opt/python", str(target)], check=False)


def interpreter(version: str) -> str | None:
    """A Python of that version, if this machine has one."""
    for candidate in (shutil.which(f"python{version}"), uv_python(version)):
        if candidate:
            found = subprocess.run(
                [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=False,
            )
            if found.stdout.strip() == version:
                return candidate
    return None


def uv_python(version: str) -> str | None:
    """A Python that uv has installed or knows of."""
    command = [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", version]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None


def main() -> None:
    """Build the layer named by the first argument into the folder named by the second."""
    layer, artifacts = sys.argv[1], Path(sys.argv[2])
    aws = os.environ.get("ARREARS_TARGET", "aws") == "aws"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["arrears"]["layers"]
    target = artifacts / "python"
    target.mkdir(parents=True, exist_ok=True)
    install(layer, target, aws=aws)
    strip(target, settings)
    add_own(layer, target)
    compile_bytecode(target, aws=aws)


if __name__ == "__main__":
    main()
