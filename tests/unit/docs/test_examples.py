"""The examples in the documents are good: files parse, JSON follows its schema, tables name the columns there are."""

import io
import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from arrears import __version__
from arrears.adapters.settings import LONGEST_WAIT
from arrears.effects.agency_rows import CASE_COLUMNS, RECALL_COLUMNS
from arrears.effects.wording import LETTER_PAY_WITHIN, OBJECTION_WITHIN, SMS_PAY_WITHIN
from arrears.files import COLUMNS, Kind, RowError, parse, read_rows
from arrears.files.cells import MAX_CELL, MAX_NOTE
from arrears.files.reader import MAX_LINE
from arrears.policy_file import load_policy
from arrears.usecases.next_step import MOST_TURNS, OLDEST
from tests.unit.docs.markdown import DOCUMENTS, blocks, first_cells, read, section
from tools.template import ROOT, load

FILES = read(ROOT / "docs" / "files.md")
POLICY = read(ROOT / "docs" / "policy.md")
AGENCIES = read(ROOT / "docs" / "for-agencies.md")
SCHEMAS = ROOT / "infra" / "policies" / "schemas"
KINDS = list(COLUMNS)
WITH_SCHEMA = [(block.schema, block.text) for document in DOCUMENTS for block in blocks(read(document)) if block.schema]


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_of_a_kind_are_the_columns_there_are(kind: Kind) -> None:
    assert first_cells(section(FILES, kind)) == list(COLUMNS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_taken_in(kind: Kind) -> None:
    examples = [block for block in blocks(section(FILES, kind)) if block.language in {"csv", "jsonl"}]

    assert "csv" in {block.language for block in examples}
    for block in examples:
        rows = list(read_rows(io.BytesIO(block.text.encode()), kind, f"example.{block.language}"))
        assert rows
        for _, row in rows:
            assert not isinstance(row, RowError), row
            parse(kind, row)


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_is_said_to_be_needed_is_needed(kind: Kind) -> None:
    needed = [
        cells[1].strip().strip("`")
        for line in section(FILES, kind).splitlines()
        if (cells := line.split("|"))[2:3] == [" yes "]
    ]
    example = next(block for block in blocks(section(FILES, kind)) if block.language == "csv")
    _, row = next(iter(read_rows(io.BytesIO(example.text.encode()), kind, "example.csv")))

    assert needed
    for column in needed:
        assert not isinstance(row, RowError)
        with pytest.raises(RowError):
            parse(kind, {**row, column: ""})


def test_the_limits_are_as_written() -> None:
    assert MAX_LINE == 1 << 20
    assert f"a cell {MAX_CELL} characters, a note {MAX_NOTE:,}" in FILES


@pytest.mark.parametrize(("schema", "text"), WITH_SCHEMA, ids=[schema for schema, _ in WITH_SCHEMA])
def test_an_example_follows_its_schema(schema: str, text: str) -> None:
    jsonschema.validate(json.loads(text), json.loads(read(SCHEMAS / f"{schema}.schema.json")))


def test_every_schema_is_named_in_the_documents() -> None:
    everything = "".join(read(document) for document in DOCUMENTS)

    assert [path.name for path in SCHEMAS.glob("*.json") if path.name.split(".")[0] not in everything] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=[path.name for path in DOCUMENTS])
def test_json_is_json(document: Path) -> None:
    for block in blocks(read(document)):
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "jsonl":
            [json.loads(line) for line in block.text.splitlines()]


def test_what_agencies_get_is_told_column_by_column() -> None:
    assert first_cells(section(AGENCIES, "cases.csv and cases.jsonl")) == list(CASE_COLUMNS)
    assert first_cells(section(AGENCIES, "recalls.csv")) == list(RECALL_COLUMNS)


def test_the_example_policy_is_good_without_a_warning_in_production_too(tmp_path: Path) -> None:
    example = next(block for block in blocks(POLICY) if block.language == "yaml")
    path = tmp_path / "example.yaml"
    path.write_text(example.text)
    policy_file = load_policy(path)

    assert policy_file.warnings == ()
    assert policy_file.lacking == ()
    assert policy_file.policy.opening_of_hours().hour == 8


def test_the_fixed_deadlines_are_as_written() -> None:
    words = f"payment within {SMS_PAY_WITHIN.days} days, a letter within {LETTER_PAY_WITHIN.days}, and"

    assert words in " ".join(POLICY.split())
    assert f"within {OBJECTION_WITHIN.days} days of a letter" in " ".join(POLICY.split())


def test_the_rules_are_thirteen() -> None:
    numbers = re.findall(r"^(\d+)\. \*\*", section(POLICY, "How it reads"), re.MULTILINE)

    assert numbers == [str(number) for number in range(1, 14)]


def test_the_limits_of_executions_are_as_written() -> None:
    text = " ".join(read(ROOT / "docs" / "architecture.md").split())

    assert f"has taken {MOST_TURNS:,} turns or is {OLDEST.days} days old" in text
    assert f"No wait is longer than {LONGEST_WAIT.days} days." in text
    assert f"{load()['Parameters']['Shards']['Default']} shards by default" in text


def test_decisions_are_numbered_short_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(folder.glob("[0-9]*.md"))
    index = read(folder / "README.md")

    numbers = [path.name[:4] for path in decisions]
    assert len(set(numbers)) == len(numbers)
    for path in decisions:
        text = read(path)
        assert f"- [{text.splitlines()[0].removeprefix('# ')}]({path.name})" in index
        assert len(text.split()) < 300, path.name
        assert "**Why.**" in text
        assert "**Given up.**" in text


def test_the_changelog_has_this_version() -> None:
    heading = re.search(r"^## (\S+)(?: - (\S+))?$", read(ROOT / "CHANGELOG.md"), re.MULTILINE)

    assert heading is not None
    assert heading[1] == __version__
    if heading[2]:
        date.fromisoformat(heading[2])
