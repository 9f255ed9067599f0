"""Run every linter and check: `make lint`, or `lint.py NAME...` for some of them.

Two at a time, for two cores. A step that names its inputs is not run again until one of them, or a lock file, changes;
the others keep caches of their own.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.template import ROOT

PASSED = ROOT / ".local" / "lint"
TYPED = ("layers/common", "functions", "tools", "tests", "infra/local", "bench")
TEMPLATES = ("template.yaml", "infra/*.yaml")

# What the checker of the language says of what the language allows, and where that is written.
STATELINT_IS_WRONG = {
    r"BackoffRate is \d+ but should be a Float": "any number from 1.0 on, and JSON's 2 is one (Amazon States Language)",
    r'Field "Label" not allowed in .*': "a field of a Map state in distributed mode (Step Functions Developer Guide)",
}


@dataclass(frozen=True)
class Step:
    """One linter."""

    name: str
    run: Callable[[], tuple[bool, str]]
    """Runs it: whether it passed, and what it said."""
    inputs: tuple[str, ...] = ()
    """Patterns of the files it looks at, for one that is slow and keeps no cache; the configuration included."""


def command(*words: str) -> Callable[[], tuple[bool, str]]:
    """A step that runs a program, which says by its exit code whether all is well."""

    def run() -> tuple[bool, str]:
        done = subprocess.run(
            words,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode == 0, done.stdout

    return run


def python(script: str) -> Callable[[], tuple[bool, str]]:
    """A step that runs one of our own checks."""
    return command(sys.executable, script)


def templates() -> list[str]:
    """The CloudFormation templates there are."""
    return [str(path.relative_to(ROOT)) for pattern in TEMPLATES for path in sorted(ROOT.glob(pattern))]


def statelint() -> tuple[bool, str]:
    """Run statelint over each workflow, and leave out what it is wrong about."""
    said = []
    for path in sorted((ROOT / "infra").glob("*.asl.json")):
        done = subprocess.run(["statelint", str(path)], capture_output=True, text=True, check=False)
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        findings = [line for line in lines if line and not re.fullmatch(r"(\d+|One) errors?:", line)]
        known = [line for line in findings if any(re.search(f"{wrong}$", line) for wrong in STATELINT_IS_WRONG)]
        said += [f"{path.name}: {line}" for line in findings if line not in known]
        if done.returncode and not findings:
            said.append(f"{path.name}: statelint failed: {done.returncode}")
    return not said, "\n".join(said)


def checkov() -> tuple[bool, str]:
    """Run checkov with the project's configuration over every template."""
    files = [word for template in templates() for word in ("--file", template)]
    return command("checkov", "--config-file", ".checkov.yaml", *files)()


def cfn_lint() -> tuple[bool, str]:
    """Run cfn-lint over every template."""
    return command("cfn-lint", *templates())()


# The slow ones first, so that they do not end last.
STEPS = (
    Step("mypy", command("mypy", "--no-error-summary", *(folder for folder in TYPED if (ROOT / folder).is_dir()))),
    Step(
        "sam validate",
        command("sam", "validate", "--lint", "--region", "us-east-1"),
        ("template.yaml", "infra/*.asl.json"),
    ),
    Step("checkov", checkov, (*TEMPLATES, ".checkov.yaml")),
    Step("cfn-lint", cfn_lint, (*TEMPLATES, "infra/*.asl.json", ".cfnlintrc*")),
    Step("ruff check", command("ruff", "check", "--quiet", ".")),
    Step("ruff format", command("ruff", "format", "--check", "--quiet", ".")),
    Step("import-linter", command("lint-imports")),
    Step("handlers", python("tools/check_functions.py")),
    Step("workflows", python("tools/check_asl.py")),
    Step("template", python("tools/check_template.py")),
    Step("statelint", statelint, ("infra/*.asl.json",)),
)


def fingerprint(step: Step) -> str:
    """What a step's outcome depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in (*step.inputs, "requirements/tools.txt", "tools/lint.py"):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def run(step: Step) -> bool:
    """Run a step unless its inputs are those it passed with, and say how it went."""
    stamp = PASSED / step.name.replace(" ", "-")
    now = fingerprint(step) if step.inputs else ""
    if now and stamp.is_file() and stamp.read_text(encoding="utf-8") == now:
        say(f"{step.name:14} ok     as before")
        return True
    started = time.monotonic()
    passed, output = step.run()
    seconds = time.monotonic() - started
    say(f"{step.name:14} {'ok    ' if passed else 'FAILED'} {seconds:5.1f} s", "" if passed else output.rstrip())
    if passed and now:
        PASSED.mkdir(parents=True, exist_ok=True)
        stamp.write_text(now, encoding="utf-8")
    return passed


def say(*lines: str) -> None:
    """Print lines together, though another thread may be printing too."""
    sys.stdout.write("".join(f"{line}\n" for line in lines if line))
    sys.stdout.flush()


def main(names: Iterable[str]) -> int:
    """Run the steps named, or all of them; the exit code says whether every one passed."""
    wanted = [*names]
    unknown = {*wanted} - {step.name for step in STEPS}
    if unknown:
        raise SystemExit(f"no such step: {json.dumps(sorted(unknown))}")
    os.environ.setdefault("SAM_CLI_TELEMETRY", "0")
    os.environ["NO_COLOR"] = "1"
    steps = [step for step in STEPS if not wanted or step.name in wanted]
    with ThreadPoolExecutor(max_workers=2) as pool:
        outcomes = [*pool.map(run, steps)]
    failed = [step.name for step, passed in zip(steps, outcomes, strict=True) if not passed]
    if failed:
        say(f"make lint: failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
