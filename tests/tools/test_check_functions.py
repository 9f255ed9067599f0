from pathlib import Path

import pytest

from tools.check_functions import check

GOOD = '''"""Does this."""

from typing import Any

from arrears.bootstrap import do_this
from arrears.runtime import handler


@handler
def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    return do_this(event["case_id"])
'''


def findings(source: str) -> list[str]:
    return [*check(Path("functions/do_this/app.py"), source)]


def test_a_thin_handler_has_no_findings() -> None:
    assert findings(GOOD) == []


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("import boto3", "imports boto3"),
        ("from functions.do_that.app import handle", "imports functions.do_that.app"),
        ("from app import handle", "imports app"),
        ("from .other import rule", "imports .other"),
        ("import os", "imports os"),
    ],
)
def test_other_imports_are_found(line: str, finding: str) -> None:
    assert any(finding in found for found in findings(f"{GOOD}\n{line}\n"))


def test_a_long_handler_is_found() -> None:
    body = "\n".join(f"    a{number} = {number}" for number in range(21))
    assert any("has 21 statements" in found for found in findings(f'"""Does."""\n\n\ndef handle() -> None:\n{body}\n'))


def test_a_handler_without_a_docstring_is_found() -> None:
    assert any("no docstring" in found for found in findings("x = 1\n"))
