"""A story of holds and plans, taken in from rows on the stack's table day by day, and played by the simulator."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.cli import main
from arrears.domain.case import replay
from arrears.domain.decide import Act, Wait, decide
from arrears.domain.events import ActionDone, PlanAccepted, PlanAgreed, PlanEnded, PlanRefused
from arrears.domain.timeline import timeline
from arrears.domain.turn import planned
from arrears.files import OPTIONAL, Kind
from arrears.simulate import Inputs, simulate
from arrears.usecases.assess import Assess
from arrears.usecases.open_cases import OpenCases
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, policy, stamp
from tests.support.rows import ROWS, Import, Row
from tests.support.stack import Stack

KEYS: dict[str, Any] = {
    "holds": {
        "dispute": {
            "steps": [{"action": "queue_letter", "template": "dispute_received"}],
            "counts_days": False,
            "review_after_days": 5,
        },
        "breathing_space": {"ends_after_days": 60, "not_again_within_months": 12, "counts_days": False},
    },
    "instalments": {"grace_days": 3, "remind_days_before": 3, "at_most": 12},
}


def plan(plan_id: str, agreed_on: str, instalments: str, first_due: str) -> tuple[Kind, Row]:
    """A plan that is agreed."""
    terms = {"plan_id": plan_id, "agreed_on": agreed_on, "instalments": instalments, "first_due": first_due}
    return "plans", {**terms}


#: What is told on which date: a dispute, a plan that is missed, one that is refused, breathing space, one that is paid.
STORY: dict[str, list[tuple[Kind, Row]]] = {
    "2005-06-02": [("portfolio", {})],
    "2005-06-05": [("holds", {"at": "2005-06-05"})],
    "2005-06-12": [("holds", {"at": "2005-06-12", "status": "lifted"})],
    "2005-06-14": [("plans", {"agreed_on": "2005-06-14"})],
    "2005-07-01": [("payments", {"payment_id": "P1", "paid_at": "2005-07-01T09:00:00+08:00", "amount": "250.00"})],
    "2005-08-06": [plan("IP-2", "2005-08-06", "13", "2005-09-01")],
    "2005-09-03": [
        ("holds", {"hold_id": "B1", "reason": "breathing_space", "at": "2005-09-03"}),
        ("holds", {"hold_id": "D2", "reason": "dispute", "at": "2005-09-03T15:00:00+08:00", "until": "2005-09-20"}),
    ],
    "2005-11-15": [("holds", {"hold_id": "B2", "reason": "breathing_space", "at": "2005-11-15"})],
    "2005-12-10": [plan("IP-3", "2005-12-10", "3", "2005-12-20")],
    "2005-12-19": [("payments", {"payment_id": "P2", "paid_at": "2005-12-19T09:00:00+08:00", "amount": "250.00"})],
    "2006-01-21": [("payments", {"payment_id": "P3", "paid_at": "2006-01-21T09:00:00+08:00", "amount": "500.00"})],
}
LAST = date(2006, 1, 31)


@pytest.fixture
def come_in(stack: Stack) -> Import:
    """Takes rows in."""
    return Import(stack)


def play_a_date(stack: Stack, on: date, case_id: str = CASE_ID) -> date:
    """Do what the execution does on a date: assess, carry out, assess again; return the date that it waits for."""
    stack.on(on)
    while True:
        Assess(stack.table, stack.settings, lambda *_: None)({"case_id": case_id, "generation": 1})
        record = stack.table.case(case_id)
        if record is None or not record.case.is_open:
            return date.max
        now = stack.settings.clock().now(record.case.account.timezone)
        decision = decide(record.case, stack.settings.active().policy, now)
        if not isinstance(decision, Act):
            return decision.until.on if isinstance(decision, Wait) and decision.until is not None else date.max
        stack.table.append(record, [planned(decision, now), ActionDone(decision.action_id, on)], stamp(on))


def write(folder: Path) -> Inputs:
    """Write the story as the files of the simulator."""
    rows: dict[Kind, list[Row]] = {}
    for told in STORY.values():
        for kind, cells in told:
            rows.setdefault(kind, []).append({**ROWS[kind], **cells})
    for kind, each in rows.items():
        columns = [*ROWS[kind], *OPTIONAL.get(kind, ())]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(each)
        (folder / f"{kind}.csv").write_text(text.getvalue(), encoding="utf-8")
    return Inputs(**{kind: [folder / f"{kind}.csv"] for kind in rows})


def test_the_stack_and_the_simulator_tell_the_same_story(stack: Stack, come_in: Import, tmp_path: Path) -> None:
    stack.publish(**KEYS)
    on = OPENS
    while on <= LAST:
        stack.on(on)
        for kind, cells in STORY.get(on.isoformat(), []):
            assert come_in(kind, cells) == ["accepted"]
        news = [date.fromisoformat(day) for day in STORY if date.fromisoformat(day) > on]
        on = min([play_a_date(stack, on), *news])

    summary = simulate(write(tmp_path), policy(**KEYS), OPENS, LAST, tmp_path / "out")

    assert summary["rejected"] == 0
    events = stack.events(CASE_ID)
    with (tmp_path / "out" / "timeline.csv").open(encoding="utf-8", newline="") as opened:
        theirs = [tuple(row) for row in list(csv.reader(opened))[1:]]
    ours = [
        (row.date.isoformat(), row.account_id, row.case_id, row.stage, row.action, row.reason)
        for row in timeline(events)
    ]
    assert ours == theirs
    assert replay(events) == stack.case(CASE_ID).case
    assert [type(event) for event in events if isinstance(event, PlanAccepted | PlanRefused | PlanEnded)] == [
        *(PlanAccepted, PlanEnded, PlanRefused, PlanAccepted),
    ], "missed, refused, and paid at last, which cures"
    assert [(row[0], row[4]) for row in ours if row[0] < "2005-07-10"] == [
        ("2005-06-02", "case_opened"),
        ("2005-06-02", "stage_entered"),
        ("2005-06-02", "send_sms"),
        ("2005-06-05", "queue_letter"),
        ("2005-06-12", "send_sms"),
        ("2005-06-28", "send_sms"),
    ]
    assert ours[-1][0] == "2006-01-21"
    assert ours[-1][4] == "case_closed"


# --- what `case show` says -------------------------------------------------------------------------------------------
def test_a_hold_that_does_not_count_is_not_shown_as_one_that_does(
    stack: Stack, come_in: Import, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("arrears.stack.connect", lambda _: stack)
    stack.publish(**KEYS)

    def shown() -> list[str]:
        assert main(["case", "show", ACCOUNT_ID]) == 0
        return [
            line.strip() for line in capsys.readouterr().out.splitlines() if line.lstrip().startswith(("hold", "on h"))
        ]

    breathing = {"hold_id": "B1", "reason": "breathing_space"}
    stack.on(OPENS)
    come_in("holds", {**breathing, "at": "2005-06-02"}, {**breathing, "at": "2005-06-04", "status": "lifted"})
    assert shown() == ["hold: breathing_space since 2005-06-02 until 2005-06-04"], "before any case"

    come_in("portfolio")
    play_a_date(stack, OPENS)
    stack.on(date(2005, 6, 10))
    come_in("holds", {**breathing, "hold_id": "B2", "at": "2005-06-10"})
    play_a_date(stack, date(2005, 6, 10))

    (line,) = shown()
    assert line.startswith("hold without effect: breathing_space since 2005-06-10: the breathing_space hold before")


# --- rows of plans/ --------------------------------------------------------------------------------------------------
@pytest.fixture
def open_case(stack: Stack, come_in: Import) -> None:
    """The default account is past due, and its case open."""
    come_in("portfolio")
    play_a_date(stack, OPENS)


@pytest.mark.usefixtures("open_case")
def test_a_plan_is_news_for_the_case_once(stack: Stack, come_in: Import) -> None:
    assert come_in("plans") == ["accepted"]
    assert come_in("plans") == ["unchanged"]
    assert come_in("plans", {"amount": "251.00"}) == ["plan_id: contradicts what came in before under the same id"]

    assert [event for event in stack.events(CASE_ID) if isinstance(event, PlanAgreed)] == [PlanAgreed(_plan(stack))]


def _plan(stack: Stack) -> Any:
    return stack.case(CASE_ID).case.plans[0].plan


@pytest.mark.usefixtures("open_case")
def test_a_plan_in_another_currency_or_unknown_is_refused_with_its_reason(come_in: Import) -> None:
    assert come_in("plans", {"currency": "TWD"}) == ["currency: is not CNY, the account's"]
    cancelled = {"status": "cancelled", "cancelled_on": "2005-07-01"}
    assert come_in("plans", cancelled) == ["plan_id: is no plan that was agreed"]
    assert come_in("plans", {}, cancelled) == ["accepted", "accepted"]


def test_a_plan_that_comes_before_its_case_is_the_cases_and_not_the_accounts_any_more(
    stack: Stack, come_in: Import
) -> None:
    assert come_in("plans", {"agreed_on": "2005-06-01"}) == ["accepted"]
    assert len(stack.table.account(ACCOUNT_ID).account.plans) == 1

    come_in("portfolio")
    play_a_date(stack, OPENS)

    assert stack.table.account(ACCOUNT_ID).account.plans == ()
    assert [known.plan.plan_id for known in stack.case(CASE_ID).case.plans] == ["IP-1"]


@pytest.mark.usefixtures("open_case")
def test_a_hold_with_an_end_contradicts_the_same_with_another(come_in: Import) -> None:
    assert come_in("holds", {"until": "2005-07-01"}) == ["accepted"]
    assert come_in("holds", {"until": "2005-07-01"}) == ["unchanged"]
    assert come_in("holds", {"until": "2005-07-02"}) == ["hold_id: contradicts what came in before under the same id"]


ENDING: Row = {"reason": "hardship", "at": "2005-06-03", "until": "2005-06-10", "review_on": "2005-06-05"}


def test_a_hold_that_is_told_before_a_case_opens_ends_in_it_as_told(stack: Stack, come_in: Import) -> None:
    stack.on(date(2005, 5, 20))
    assert come_in("holds", {**ENDING, "at": "2005-05-20"}) == ["accepted"]
    stack.on(OPENS)
    come_in("portfolio")

    assert play_a_date(stack, OPENS) == date(2005, 6, 5), "its review"
    assert stack.case(CASE_ID).case.stage is None
    assert play_a_date(stack, date(2005, 6, 5)) == date(2005, 6, 10)
    assert stack.case(CASE_ID).case.listed[-1].why == "hold_review"
    play_a_date(stack, date(2005, 6, 10))
    assert stack.case(CASE_ID).case.stage == "reminder"


@pytest.mark.usefixtures("open_case")
def test_the_next_case_inherits_a_hold_with_its_end(stack: Stack, come_in: Import) -> None:
    stack.on(date(2005, 6, 3))
    come_in("holds", ENDING)
    stack.on(date(2005, 6, 4))
    come_in("payments", {"paid_at": "2005-06-04T01:00:00+08:00", "amount": "1000.00"})
    assert play_a_date(stack, date(2005, 6, 4)) == date.max, "closed"

    stack.on(date(2005, 6, 7))
    come_in("portfolio", {"as_of": "2005-06-07", "past_due_amount": "900.00"})
    wakes = play_a_date(stack, date(2005, 6, 7), f"{ACCOUNT_ID}-20050607")

    assert wakes == date(2005, 6, 10)
    assert stack.table.account(ACCOUNT_ID).account.holds == stack.case(CASE_ID).case.account.holds


@pytest.mark.parametrize("end", [{"until": "2005-07-01"}, {}], ids=["by its row", "by the matrix"])
def test_a_hold_is_on_the_operators_list_from_its_review_until_it_is_over(
    stack: Stack, come_in: Import, end: Row
) -> None:
    stack.publish(holds={"breathing_space": {"review_after_days": 5, "ends_after_days": 28}})
    come_in("portfolio")
    play_a_date(stack, OPENS)
    come_in("holds", {"reason": "breathing_space", **end})

    def listed(on: date) -> list[str]:
        play_a_date(stack, on)
        return [each.why for each in OpenCases(stack.table, stack.settings).listed()]

    assert listed(date(2005, 6, 7)) == []
    assert listed(date(2005, 6, 8)) == listed(date(2005, 6, 30)) == ["hold_review"]
    assert listed(date(2005, 7, 1)) == []
