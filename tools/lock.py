"""Compile requirements/*.txt from pyproject.toml: `make lock`.

runtime.txt is the one source of versions. The layers take their part of it, and the tests all of it, so that what is
tested is what is deployed. tools.txt is apart: its commands pin other versions of the same libraries.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
HEADER = "# Made by `make lock` from pyproject.toml: change it there.\n"


def name_of(requirement: str) -> str:
    """The normalised name of a requirement: `Babel>=2` is `babel`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    if not found:
        raise ValueError(f"no name in the requirement {requirement!r}")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def split_layers(project: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The dependencies of the common layer, of the documents layer, and of the command line, which are in no layer."""
    dependencies: list[str] = project["project"]["dependencies"]
    layers = project["tool"]["arrears"]["layers"]
    of_documents, of_commands = ({name_of(name) for name in layers.get(key, [])} for key in ("documents", "none"))
    unknown = (of_documents | of_commands) - {name_of(requirement) for requirement in dependencies}
    if unknown:
        raise ValueError(f"[tool.arrears.layers] names what is no dependency: {', '.join(sorted(unknown))}")
    documents = [requirement for requirement in dependencies if name_of(requirement) in of_documents]
    commands = [requirement for requirement in dependencies if name_of(requirement) in of_commands]
    common = [requirement for requirement in dependencies if requirement not in (*documents, *commands)]
    return common, documents, commands


def compile_lock(name: str, requirements: list[str], *, upgrade: bool, constraint: str | None = None) -> Path:
    """Resolve for every Python from 3.11 and every platform, and write requirements/<name>.txt."""
    target = REQUIREMENTS / f"{name}.txt"
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += [
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--output-file",
        str(target),
    ]
    if upgrade:
        command.append("--upgrade")
    if constraint:
        command += ["--constraint", str(REQUIREMENTS / f"{constraint}.txt")]
    done = subprocess.run([*command, "-"], input="\n".join(requirements), text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    target.write_text(HEADER + target.read_text(encoding="utf-8").removeprefix(HEADER), encoding="utf-8")
    return target


def without_packages(target: Path, packages: Path) -> None:
    """Leave out of one lock what another one holds: the documents layer lies on top of the common one."""
    held = {name_of(line) for line in packages.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
    lines = target.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.startswith("#") or name_of(line) not in held]
    target.write_text("".join(kept), encoding="utf-8")


def main() -> None:
    """Compile every lock; `--upgrade` takes the newest versions that the ranges allow."""
    upgrade = "--upgrade" in sys.argv[1:]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    common, documents, commands = split_layers(project)
    compile_lock("runtime", common + documents + commands, upgrade=upgrade)
    compile_lock("common", common, upgrade=upgrade, constraint="runtime")
    compile_lock("documents", documents, upgrade=upgrade, constraint="runtime")
    without_packages(REQUIREMENTS / "documents.txt", REQUIREMENTS / "common.txt")
    groups = project["dependency-groups"]
    compile_lock("dev", common + documents + commands + groups["dev"], upgrade=upgrade, constraint="runtime")
    compile_lock("tools", groups["tools"], upgrade=upgrade)


if __name__ == "__main__":
    main()
