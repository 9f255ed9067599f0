"""How long a function takes to start, beside an empty handler that imports boto3 and makes one client.

CPU time of a fresh process, the least of several, less that of a process that does nothing: what Lambda's init phase
runs. `ready` also builds what the first invocation needs, which functions import only then.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from arrears.documents.letters import render_letter
from bench.sizes import Size
from tests.support.stack import CREDENTIALS, REGION
from tests.unit.documents.made_up import LANGUAGES, letter, templates
from tools.template import ROOT, functions, load

_EMPTY = "import boto3\nboto3.client('dynamodb')\ndef handle(event, context): pass\n"
#: What an import of boto3 brings, which no function may be without.
_HEAVY = (
    "boto3",
    "botocore",
    "s3transfer",
    "pydantic",
    "aws_lambda_powertools",
    "reportlab",
    "yaml",
    "cryptography",
    "PIL",
    "segno",
)


def measure(size: Size) -> dict[str, Any]:
    """Start every function a few times."""
    nothing = _least("pass", ROOT, size.starts)
    empty = _least(_EMPTY, ROOT, size.starts) - nothing
    found = {}
    for body in list(functions(load()).values())[: size.functions]:
        folder = ROOT / body["CodeUri"]
        found[folder.name] = {
            "init": _least("import app", folder, size.starts) - nothing,
            "loaded": _loaded(folder),
        }
    alone = _least("import boto3", ROOT, size.starts) - nothing
    return {
        "empty": empty,
        "boto3": alone,
        "functions": found,
        "letters": {language: _letter(language) for language in LANGUAGES},
    }


def _letter(language: str, times: int = 10) -> float:
    """Return the CPU time of drawing a lawyer's letter, once fonts and templates are loaded."""
    content = letter("lawyer_letter", language)
    render_letter(content, templates(), language)
    begun = time.process_time()
    for _ in range(times):
        render_letter(content, templates(), language)
    return (time.process_time() - begun) / times


def _environment() -> dict[str, str]:
    return {
        **CREDENTIALS,
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT / "layers/common"),
        "AWS_REGION": REGION,
        "POWERTOOLS_SERVICE_NAME": "arrears",
    }


def _least(program: str, folder: Path, times: int) -> float:
    """Return the least CPU time of some runs, after one that compiles."""
    taken = []
    for _ in range(times + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True, cwd=folder, env=_environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken[1:])


def _loaded(folder: Path) -> list[str]:
    """Return which of the heavy packages a function's init has loaded."""
    program = f"import app, sys; print(*[name for name in {_HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=folder, env=_environment(), capture_output=True, text=True
    )
    return done.stdout.split()
