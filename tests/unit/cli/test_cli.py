"""The command line: what is printed, exit codes, and that it starts quickly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from arrears import __version__
from arrears.cli import GROUPS, main
from arrears.resources import resource
from tests.unit.simulate.files import extract, payment, write

POLICY = str(resource("tw-credit-card.yaml"))


def run(*arguments: str, expect: int = 0) -> None:
    try:
        code = main(arguments)
    except SystemExit as ended:  # argparse
        code = ended.code if isinstance(ended.code, int) else 1
    assert code == expect


def simulate(tmp_path: Path, *more: str, expect: int = 0) -> Path:
    rows = [extract("A", "2005-06-02", "1000.00", "2005-06-01"), extract("B", "2005-06-02", "0.00")]
    portfolio = write(tmp_path / "in" / "portfolio.csv", "portfolio", rows)
    payments = write(tmp_path / "in" / "payments.csv", "payments", [payment("A", "2005-06-10", "1000.00")])
    out = tmp_path / "out"
    dates = ("--from", "2005-06-01", "--to", "2005-12-31")
    files = ("--portfolio", str(portfolio), "--payments", str(payments))
    run("simulate", *files, "--policy", POLICY, *dates, "--out", str(out), *more, expect=expect)
    return out


# --- help and usage --------------------------------------------------------------------------------------------------
def test_help_names_every_group(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    shown = capsys.readouterr().out
    assert all(group in shown for group in GROUPS)
    for group in GROUPS:
        run(group, "--help")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    run("--version")
    assert capsys.readouterr().out == f"arrears {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("policy",),
        ("policy", "nonsense"),
        ("policy", "check"),
        ("simulate", "--portfolio", "x", "--policy", "y", "--out", "z", "--from", "2005-06-01"),
        ("simulate", "--portfolio", "x", "--policy", "y", "--out", "z", "--from", "June", "--to", "2005-06-30"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_2(arguments: tuple[str, ...]) -> None:
    run(*arguments, expect=2)


# --- policy ----------------------------------------------------------------------------------------------------------
def test_check_of_a_good_policy(capsys: pytest.CaptureFixture[str]) -> None:
    run("policy", "check", POLICY)
    shown = capsys.readouterr()
    assert shown.out == f"{POLICY}: tw-credit-card 2026.1 is good\n"
    assert shown.err == f"{POLICY}: sms.monthly_budget: none, so SmsBudgetAlarm cannot ring (warning)\n"


def test_check_of_a_policy_with_a_budget_for_texts_has_nothing_to_warn_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.yaml"
    budget = "\nsms: {segment_price: '0.05', monthly_budget: {total: '100'}}\n"
    path.write_text(Path(POLICY).read_text(encoding="utf-8") + budget, encoding="utf-8")
    run("policy", "check", str(path))
    assert capsys.readouterr().err == ""


def test_check_prints_warnings_and_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    run("policy", "check", str(resource("cn-credit-card.yaml")))
    assert "no amount in TWD" in capsys.readouterr().err


def test_check_names_each_mistake_with_its_place_and_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(Path(POLICY).read_text().replace("at_most: 3", "at_most: 0").replace("day: 5", "day: 55"))
    run("policy", "check", str(path), expect=1)
    problems = capsys.readouterr().err.splitlines()
    assert len(problems) == 2
    assert all(problem.startswith(f"{path}:") for problem in problems)
    assert "stages.reminder.steps[0].at_most" in problems[0]
    assert "monthly_reminder.day" in problems[1]


def test_explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("policy", "explain", POLICY)
    assert "Day by day" in capsys.readouterr().out
    run("policy", "explain", str(tmp_path / "none.yaml"), expect=1)
    assert "none.yaml: cannot be read" in capsys.readouterr().err


# --- simulate --------------------------------------------------------------------------------------------------------
def test_simulate_writes_its_files_and_says_what_happened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = simulate(tmp_path)
    assert sorted(path.name for path in out.iterdir()) == ["summary.json", "timeline.csv"]
    shown = capsys.readouterr()
    assert "2 accounts" in shown.out
    assert "1 opened, 1 cured, 0 open" in shown.out
    assert shown.err == ""
    assert json.loads((out / "summary.json").read_text())["cured_by_stage"]["reminder"] == 1


def test_simulate_twice_gives_the_same_files(tmp_path: Path) -> None:
    out = simulate(tmp_path)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {path.name: path.read_bytes() for path in simulate(tmp_path).iterdir()} == first


def test_rows_that_were_refused_are_told_and_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = write(tmp_path / "bad.csv", "portfolio", [extract("C", "2005-06-02", "much")])
    out = simulate(tmp_path, "--portfolio", str(bad))
    assert (out / "rejects.jsonl").exists()
    assert "1 rows were refused: see" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--to", "2005-05-31"), 2, "--to 2005-05-31 is before --from 2005-06-01"),
        (("--payments", "nowhere.csv"), 2, "nowhere.csv: there is no such file or folder"),
        (("--policy", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read"),
    ],
)
def test_what_simulate_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, told: str
) -> None:
    simulate(tmp_path, *more, expect=code)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out" / "timeline.csv").exists()


@pytest.mark.parametrize(
    ("holds", "told"),
    [
        ("2005-06-18", "no file is in it in a folder with a date for its name"),
        ("june/payments", "no file is in it in a folder with a date for its name"),
        ("2005-13-45/payments", "2005-13-45 looks like a date and is none"),
    ],
)
def test_drops_without_files_of_a_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], holds: str, told: str
) -> None:
    (tmp_path / "drops" / holds).mkdir(parents=True)
    simulate(tmp_path, "--drops", str(tmp_path / "drops"), expect=2)
    assert f"{tmp_path / 'drops'}: {told}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--report", "."), 2, "--report .: is a folder; name the file in it"),
        (("--report", "/"), 2, "--report /: is a folder; name the file in it"),
        (("--report", "FILE/report.html"), 1, "FILE: "),
        (("--cost", "send_sms=1"), 2, "--cost and --cost-currency are for --report"),
        (("--cost-currency", "TWD"), 2, "--cost and --cost-currency are for --report"),
    ],
)
def test_a_page_that_cannot_be_written_is_told_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, str], code: int, told: str
) -> None:
    (tmp_path / "FILE").write_text("in the way")
    simulate(tmp_path, *(text.replace("FILE", str(tmp_path / "FILE")) for text in more), expect=code)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / "timeline.csv").mkdir(parents=True)
    simulate(tmp_path, expect=1)
    assert f"arrears: {tmp_path / 'out' / 'timeline.csv'}: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "{}", "[]", '"up"', '{"endpoint": 1, "region": "x"}', "\x00"])
def test_a_stack_file_that_is_none_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    run("case", "show", "A", expect=1)
    assert capsys.readouterr().err == "arrears: .local/stack.json is no stack file: run `make up`\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("local", "advance", "foo"),
        ("local", "clock", "20050618"),
        ("agency", "allocation", "June"),
        ("agency", "reissue", "north", "2005-W24-6"),
        ("agency", "status", "--since", "2005-6-18"),
        ("case", "explain", "A", "--on", "20050618"),
        ("local", "advance", "9999-12-31"),
        ("local", "clock", "0001-01-01"),
    ],
)
def test_a_date_is_refused_the_same_way_everywhere(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run(*arguments, expect=2)
    assert f"{arguments[-1]} is no date such as 2005-06-18" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    simulate(tmp_path, "--out", str(tmp_path / "file" / "out"), expect=1)
    assert "Not a directory" in capsys.readouterr().err


# --- as a program ----------------------------------------------------------------------------------------------------
def _program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "arrears.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_help_imports_nothing_that_is_slow() -> None:
    imported = _program("--help").stderr
    assert "arrears.cli" in imported
    for slow in ("pydantic", "boto3", "yaml", "babel", "arrears.domain", "sqlite3"):
        assert f" {slow}\n" not in imported, slow


def test_simulate_imports_nothing_of_aws_or_documents(tmp_path: Path) -> None:
    portfolio = write(tmp_path / "portfolio.csv", "portfolio", [extract("B", "2005-06-02", "0.00")])
    dates = ("--from", "2005-06-01", "--to", "2005-06-30")
    done = _program(
        "simulate", "--portfolio", str(portfolio), "--policy", POLICY, *dates, "--out", str(tmp_path / "out")
    )
    assert done.returncode == 0
    for not_needed in ("boto3", "botocore", "aws_lambda_powertools", "fpdf"):
        assert f" {not_needed}\n" not in done.stderr, not_needed


def test_output_that_nobody_reads_any_more_is_no_traceback() -> None:
    shell = f"{sys.executable} -m arrears.cli policy explain {POLICY} | head -1"
    done = subprocess.run(["sh", "-c", shell], check=False, capture_output=True, text=True)
    assert done.stdout == "tw-credit-card 2026.1\n"
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
