"""Build what is deployed: `build.py aws` into .aws-sam/build, `build.py local` into .aws-sam/local.

Both run `sam build` on the same template. `aws` takes wheels for the runtime and architecture that the template names;
`local` takes what runs on the Python at hand. A build whose inputs have not changed is not made again.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.build_layer import interpreter, runtime_and_architecture
from tools.template import ROOT

FOLDERS = {"aws": ROOT / ".aws-sam" / "build", "local": ROOT / ".aws-sam" / "local"}
INPUTS = (
    "template.yaml",
    "pyproject.toml",
    "functions",
    "layers",
    "infra/policies",
    "requirements",
    "tools/build_layer.py",
)


def build(target: str) -> Path:
    """Build for a target if anything has changed since the last time; the path of the built template."""
    folder = FOLDERS[target]
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{target}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make up` and a test may both ask
        stamp, wanted = folder.parent / f"{target}.stamp", fingerprint(target)
        built = folder / "template.yaml"
        if not (built.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
            stamp.unlink(missing_ok=True)
            run_sam(target, folder)
            stamp.write_text(wanted, encoding="utf-8")
    return built


def run_sam(target: str, folder: Path) -> None:
    """Run `sam build`, and show what it said if it fails."""
    sam = ROOT / ".venv-tools" / "bin" / "sam"
    command = [str(sam) if sam.exists() else "sam", "build", "--parallel", "--build-dir", str(folder)]
    command += ["--template-file", str(ROOT / "template.yaml")]
    # `make build PYTHON=...` would hand its own settings on to the makefiles that sam runs.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment = {**inherited, "ARREARS_TARGET": target, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        raise SystemExit(f"sam build failed for {target}")


def fingerprint(target: str) -> str:
    """What a build depends on: the inputs' names and contents, and the Python that compiles them."""
    digest = hashlib.sha256(f"{target} {sys.version} {sys.executable}".encode())
    for file in sorted(input_files()):
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def input_files() -> Iterator[Path]:
    """Every file that goes into a build, or says how."""
    for name in INPUTS:
        path = ROOT / name
        found = path.rglob("*") if path.is_dir() else (path,)
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def main() -> None:
    """Build for the target named by the first argument."""
    target = sys.argv[1] if len(sys.argv) > 1 else "aws"
    if target not in FOLDERS:
        raise SystemExit(f"build.py aws|local, not {target}")
    print(build(target).relative_to(ROOT))
    if target == "aws":
        version, architecture = runtime_and_architecture()
        print(f"for Python {version} on {architecture}")
        if interpreter(version) is None:
            print(f"without bytecode, which costs cold starts: `uv python install {version}` brings what compiles it")


if __name__ == "__main__":
    main()
