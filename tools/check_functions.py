"""Check that handlers stay thin: they import the package, Powertools' types and no other function.

What a function does is in the package, where it can be tested and where the borders between packages are watched
(import-linter). A handler is deployed on its own, so that an import of another one fails on AWS, and only there.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.template import ROOT

ALLOWED = {
    "__future__",
    "arrears",
    "aws_lambda_powertools",
    "collections",
    "dataclasses",
    "datetime",
    "functools",
    "json",
    "typing",
}
MOST_STATEMENTS = 20


def check(file: Path, source: str) -> Iterator[str]:
    """What is wrong with a handler."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for module in imported(node):
            if module.split(".")[0] not in ALLOWED:
                yield f"{file}:{getattr(node, 'lineno', 0)}: imports {module}: that is the package's business"
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        statements = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
        if statements > MOST_STATEMENTS:
            yield f"{file}:{function.lineno}: {function.name} has {statements} statements: more than a handler does"
    if not ast.get_docstring(tree):
        yield f"{file}:1: no docstring: what is it for?"


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "." * node.level + (node.module or "")


def main() -> int:
    """Check every handler."""
    findings = [
        finding
        for path in sorted((ROOT / "functions").glob("*/*.py"))
        for finding in check(path.relative_to(ROOT), path.read_text(encoding="utf-8"))
    ]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
