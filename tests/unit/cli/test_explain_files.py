"""`arrears case explain` from files: the files and assumptions of `arrears simulate`, and none left out unsaid."""

from pathlib import Path

import pytest

from arrears.cli import main
from arrears.cli.played import FILES
from arrears.resources import resource
from tests.unit.simulate.files import extract, payment, write

POLICY = str(resource("tw-credit-card.yaml"))
CASE = "A-20050602"


@pytest.fixture
def portfolio(tmp_path: Path) -> str:
    rows = [extract("A", "2005-06-02", "5000.00", "2005-06-01"), extract("B", "2005-06-02", "0.00")]
    return str(write(tmp_path / "portfolio.csv", "portfolio", rows))


def explain(capsys: pytest.CaptureFixture[str], *arguments: str, expect: int = 0) -> str:
    assert main(["case", "explain", "A", *arguments]) == expect
    return " ".join("".join(capsys.readouterr()).split())


@pytest.mark.parametrize("command", [("simulate",), ("case", "explain")])
def test_both_commands_name_the_same_files(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    shown = capsys.readouterr().out
    for option in (*FILES, "drops", "then", "then-from", "then-new-cases-only", "approve-after"):
        assert f" --{option}" in shown


def test_what_was_dropped_late_was_known_late(
    tmp_path: Path, portfolio: str, capsys: pytest.CaptureFixture[str]
) -> None:
    late = tmp_path / "drops" / "2005-06-20" / "payments" / "late.csv"
    late.parent.mkdir(parents=True)
    write(late, "payments", [payment("A", "2005-06-10", "700.00")])
    files = ("--portfolio", portfolio, "--drops", str(tmp_path / "drops"), "--policy", POLICY)

    assert "5,000.00 TWD were owed" in explain(capsys, *files, "--on", "2005-06-19")
    assert "4,300.00 TWD were owed" in explain(capsys, *files, "--on", "2005-06-20")


def test_a_suit_is_explained_under_what_is_assumed_of_the_legal_officer(
    portfolio: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--portfolio", portfolio, "--policy", POLICY, "--on", "2006-03-01")

    assert "approved by" not in explain(capsys, *files)
    assert "filing for court: 1 of 1 done" in explain(capsys, *files, "--approve-after", "3")


def test_a_second_policy_is_named_with_what_was_decided_under_it(
    tmp_path: Path, portfolio: str, capsys: pytest.CaptureFixture[str]
) -> None:
    second = tmp_path / "second.yaml"
    second.write_text(Path(POLICY).read_text().replace('version: "2026.1"', 'version: "2027.1"'))
    files = ("--portfolio", portfolio, "--policy", POLICY, "--then", str(second), "--then-from", "2005-06-20")

    assert "policy tw-credit-card 2026.1" in explain(capsys, *files, "--on", "2005-06-19")
    assert "policy tw-credit-card 2027.1" in explain(capsys, *files, "--on", "2005-06-20")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--on", "2005-06-19", "--from", "2005-06-20"), "--from 2005-06-20 is after --on 2005-06-19"),
        (("--stack", "arrears-prod"), "--stack asks the deployed table, and --portfolio plays files"),
        (("--then", POLICY), "--then and --then-from go together"),
        (("--then-new-cases-only",), "--then-new-cases-only is about --then"),
        (("--payments", "nowhere.csv"), "nowhere.csv: there is no such file or folder"),
    ],
)
def test_what_makes_no_sense_together_is_refused(
    portfolio: str, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], told: str
) -> None:
    assert told in explain(capsys, "--portfolio", portfolio, "--policy", POLICY, *more, expect=2)


@pytest.mark.parametrize("option", [("--payments", "p.csv"), ("--from", "2005-06-01"), ("--approve-after", "0")])
def test_what_is_about_files_is_not_left_out_where_the_table_is_asked(
    capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    assert f"{option[0]} plays files: --policy says" in explain(capsys, *option, expect=2)


def test_a_policy_without_accounts_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--portfolio or --drops is needed" in explain(capsys, "--policy", POLICY, expect=2)


def test_a_date_before_the_case_is_not_told_of_as_if_it_were_open(
    portfolio: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--portfolio", portfolio, "--policy", POLICY, "--on", "2005-05-01")

    assert f"no case of account A was open on 2005-05-01; {CASE} opened on 2005-06-02" in explain(
        capsys, *files, expect=1
    )
