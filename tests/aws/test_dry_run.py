"""A dry run over the open cases: who would be contacted tomorrow under a new policy, and who would not any more."""

import csv
import getpass
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from arrears.cli import main
from arrears.domain.case import Case
from arrears.usecases.assess import Assess
from arrears.usecases.dry_run import CHANGES, COLUMNS, Different, DryRun, compared
from tests.support.builders import CASE_ID, OPENS, POLICY, PROFILE, account, extract, personal_data, policy
from tests.support.stack import Stack

DAY = timedelta(days=1)
CASES = 6
#: What production needs of a bank that texts and calls.
BANK = {"name": "Bank", "phone": "+44 1632 960001", "hours": "08:00-20:00", "payment_account": "000-000000-00"}
CONTACTED, NO_LONGER, OTHERWISE, ELSE = CHANGES


def ladder(**days: int) -> dict[str, Any]:
    """The tests' ladder with stages that begin on other days."""
    stages: dict[str, Any] = json.loads(json.dumps(POLICY["stages"]))
    for name, number in days.items():
        stages[name]["from"] = {"days_past_due": number}
    return stages


@pytest.fixture
def case(stack: Stack) -> Case:
    """A case of 13 days past due: its first text went out, and it is called in two days."""
    stack.report(account())
    Assess(stack.table, stack.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 1})
    stack.on(OPENS + 12 * DAY)
    return stack.case(CASE_ID).case


def tried(case: Case, *, on: int = 14, last: int | None = None, **changes: Any) -> Different | None:
    """Try a policy on the days past due from `on` through `last`."""
    first = OPENS + (on - 1) * DAY
    return compared(case, policy(), policy(**changes), first, first if last is None else OPENS + (last - 1) * DAY)


def test_a_stage_that_begins_sooner_contacts_who_would_not_have_been(case: Case) -> None:
    found = tried(case, stages=ladder(call=14, reminder=1))

    assert found is not None
    assert found.change in (CONTACTED, OTHERWISE)
    assert [step.what for step in found.after][:2] == ["stage call", "queue_call"]


def test_a_stage_that_begins_later_contacts_somebody_no_longer(case: Case) -> None:
    stages = ladder(call=20)
    stages["reminder"]["steps"] = [POLICY["stages"]["reminder"]["steps"][0] | {"at_most": 1}]
    found = tried(case, on=15, stages=stages)

    assert found is not None
    assert found.change in (NO_LONGER, OTHERWISE)


def test_the_same_ladder_under_another_version_changes_nothing(case: Case) -> None:
    assert tried(case, version="2") is None


def test_another_template_is_another_contact(case: Case) -> None:
    stages = ladder()
    stages["call"]["steps"] = [{"action": "send_sms", "template": "just_overdue"}]

    found = tried(case, on=15, stages=stages)

    assert found is not None
    assert found.change == OTHERWISE


def test_a_stage_alone_is_no_contact(case: Case) -> None:
    stages = ladder()
    stages["call"]["steps"] = []
    further = json.loads(json.dumps(stages))
    further["lawyer_letter"] |= {"steps": [], "from": {"days_past_due": 15}}
    first = OPENS + 14 * DAY

    found = compared(case, policy(stages=stages), policy(stages=further), first, first)

    assert found is not None
    assert found.change == ELSE


def test_of_several_dates_every_step_counts(case: Case) -> None:
    assert tried(case, on=14, last=14, stages=ladder(lawyer_letter=20)) is None
    found = tried(case, on=14, last=20, stages=ladder(lawyer_letter=20))

    assert found is not None
    assert found.after[-1].what == "queue_letter"
    assert found.after[-1].on == OPENS + 19 * DAY


# --- over a stack ----------------------------------------------------------------------------------------------------
@pytest.fixture
def many(stack: Stack) -> Stack:
    """Cases of many accounts, over many shards, of 13 days past due; every third one owes little."""
    for number in range(CASES):
        account_id = f"CARD-{number:04d}"
        stack.report(account(extract("50.00" if number % 3 == 0 else "1000.00"), account_id=account_id))
        request: Any = {"case_id": f"{account_id}-{OPENS:%Y%m%d}", "generation": 1}
        Assess(stack.table, stack.settings, lambda *_: None)(request)
    stack.on(OPENS + 12 * DAY)
    return stack


def softer() -> dict[str, Any]:
    """Whoever owes less than 100 yuan is not called."""
    stages = ladder()
    stages["call"]["minimum_arrears"] = {"CNY": "100.00"}
    return {"version": "2", "stages": stages}


def test_every_open_case_is_looked_at_and_counted(many: Stack) -> None:
    run = DryRun(many.table, many.settings, policy(**softer()), OPENS + 14 * DAY)

    found = list(run)

    assert run.cases == CASES
    assert [each.account_id for each in sorted(found, key=lambda each: each.account_id)] == [
        f"CARD-{number:04d}" for number in range(0, CASES, 3)
    ]
    assert run.counts.total() == 2


def test_a_case_keeps_the_policy_that_counts_for_it_as_what_it_is_compared_with(many: Stack) -> None:
    many.publish(**softer(), scope="new_cases")

    assert list(DryRun(many.table, many.settings, policy(**softer()), OPENS + 14 * DAY))
    assert not list(DryRun(many.table, many.settings, policy(), OPENS + 14 * DAY))


def test_nothing_is_written(many: Stack) -> None:
    before = many.case(f"CARD-0001-{OPENS:%Y%m%d}")

    list(DryRun(many.table, many.settings, policy(**softer()), date(2005, 12, 1)))

    assert many.case(f"CARD-0001-{OPENS:%Y%m%d}") == before
    assert many.settings.active().policy.label == "test 1"


@pytest.fixture
def command(many: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file with the softer policy, and the stack as the one that commands talk to."""
    monkeypatch.setattr("arrears.stack.connect", lambda _: many)
    path = tmp_path / "softer.json"
    stages = {name: stage for name, stage in softer()["stages"].items() if name in ("reminder", "call")}
    path.write_text(json.dumps(POLICY | {"version": "2", "stages": stages}))
    return path


def test_the_command_counts_and_lists_by_account_and_names_nobody(
    command: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "different.csv"

    assert main(["policy", "dry-run", str(command), "--on", "2005-06-16", "--out", str(out)]) == 0

    shown = capsys.readouterr().out
    assert "test 2 instead of test 1: 6 open cases" in shown
    assert "the same                                                         4" in shown
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2
    assert all(row["account_id"] in row["case_id"] for row in rows)
    assert not [text for text in personal_data(PROFILE) if text in shown + out.read_text(encoding="utf-8")]


def test_a_date_that_is_over_cannot_be_tried(command: Path) -> None:
    assert main(["policy", "dry-run", str(command), "--on", "2005-06-14"]) == 2


def test_a_policy_is_compared_with_the_active_one(command: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "diff", "--active", str(command)]) == 0
    assert "call: only from none -> 100.00 CNY" in capsys.readouterr().out
    assert main(["policy", "diff", str(command)]) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "test 2 is the active policy"),
        (("--from", "2005-07-01"), "test 2 is the policy of all cases from 2005-07-01 on"),
        (("--new-cases-only",), "test 2 is the policy of cases that open from 2005-06-14 on; the others keep theirs"),
    ],
)
def test_publish_says_for_whom_it_counts(
    command: Path, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "publish", str(command), *options]) == 0
    assert capsys.readouterr().out == f"{said}\n"


def test_who_published_a_policy_and_why_is_listed(command: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--by", "A. Manager", "--why", "softer\nletters", "--new-cases-only"]
    assert main(["policy", "publish", str(command), *told]) == 0
    capsys.readouterr()

    assert main(["policy", "history"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].endswith("  test 2  new cases from 2005-06-14 on by A. Manager: softer letters")
    assert lines[-1] == f"{len(lines) - 1} published"


def test_without_a_name_who_is_logged_in_publishes(command: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "publish", str(command)]) == 0
    assert main(["policy", "history"]) == 0
    assert f"all cases at once by {getpass.getuser()}\n" in capsys.readouterr().out


@pytest.mark.parametrize("production", [False, True])
def test_another_policy_under_the_same_version_is_warned_of_and_refused_in_production(
    command: Path, many: Stack, production: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish = ["policy", "publish", str(command)]
    written = json.loads(command.read_text()) | {"bank": BANK}
    command.write_text(json.dumps(written))
    assert main(publish) == 0
    assert main(publish) == 0, "the same again is no other policy"
    assert "another policy" not in capsys.readouterr().err
    command.write_text(json.dumps(written | {"cure_tolerance": {"CNY": "3.00"}}))
    monkeypatch.setattr(many.settings, "production", production)

    assert main(publish) == int(production)

    assert "another policy is known as test 2" in capsys.readouterr().err
    assert many.settings.active().policy.tolerance("CNY") == (1 if production else 3)
    assert main([*publish, "--same-version"]) == 0
    assert many.settings.active().policy.tolerance("CNY") == 3


def test_a_date_that_is_over_is_warned_of(command: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "publish", str(command), "--from", "2005-06-01"]) == 0
    assert "--from 2005-06-01 is over: it counts at once" in capsys.readouterr().err
