"""The two switches on the deployed stack, turned by the command line as an operator does it.

Paused, nothing leaves while cases are due for every kind of contact, what takes something back goes on, and what waited
goes out once afterwards. In shadow all is decided and recorded, and nothing leaves until shadow mode is over.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from arrears.domain.dates import ONE_DAY
from arrears.domain.decide import case_id_of
from arrears.domain.events import ActionDone, ActionHeld, ActionPlanned, CaseClosed, CaseOpened
from arrears.effects.folders import recalls_folder
from arrears.usecases.next_step import execution_name
from tests.e2e.test_going_on import owing, payments, portfolio, reached
from tests.support.embedded import Embedded

#: One action for each stage, each at once; nothing of it is due again while a test plays.
POLICY: dict[str, Any] = {
    "name": "switched",
    "version": "1",
    "cure_tolerance": {"TWD": "1.00"},
    "stages": {
        "reminder": {
            "from": {"days_past_due": 1},
            "steps": [{"action": "send_sms", "template": "just_overdue", "every_days": 30, "at_most": 2}],
        },
        "call": {"from": {"days_past_due": 15}, "steps": [{"action": "queue_call", "every_days": 30, "at_most": 2}]},
        "lawyer_letter": {
            "from": {"days_past_due": 40},
            "steps": [{"action": "queue_letter", "template": "lawyer_letter", "at_most": 1}],
        },
        "agency": {
            "from": {"days_past_due": 70},
            "steps": [{"action": "place_with_agency", "at_most": 1}],
            "term_days": 90,
        },
        "legal": {"from": {"days_past_due": 100}, "steps": [{"action": "file_legal", "at_most": 1}]},
    },
    "bank": {"name": "Sample Bank", "phone": "+44 1632 960001", "address": ["1 Sample Square"]},
}
#: For each kind of action an account that is due for it, and how long it is past due.
DUE = {"send_sms": 5, "queue_call": 20, "queue_letter": 45, "place_with_agency": 75, "file_legal": 105}


@pytest.fixture
def switched(stack: Embedded) -> Iterator[Embedded]:
    """The stack with a policy of these tests' own; afterwards both switches are off, and the policy is as before."""
    with stack.playing(POLICY):
        yield stack
        switches = stack.stack.settings.switches()
        for each in ("pause", "shadow"):
            if getattr(switches, each) is not None:
                stack.stack.settings.turn(each, on=False, by="the test")


class People:
    """Accounts that are each due for another kind of action, and what went out for them."""

    def __init__(self, stack: Embedded, prefix: str, due: dict[str, int] = DUE) -> None:
        self.stack, self.opened_on = stack, stack.today
        self.rows = {
            action: owing(
                f"{prefix}-{action.upper().replace('_', '-')}",
                stack.today,
                days,
                phone_mobile=f"+44770090{sum(prefix.encode()) % 10}6{number:02}",
            )
            for number, (action, days) in enumerate(due.items())
        }
        stack.drop(f"portfolio/{prefix.lower()}.csv", portfolio(*self.rows.values()))

    def account(self, action: str) -> str:
        return self.rows[action]["account_id"] or ""

    def case_id(self, action: str) -> str:
        return case_id_of(self.account(action), self.opened_on)

    def out(self) -> dict[str, dict[str, Any]]:
        """What has left for each; no letter that lies in the documents bucket, which has not left."""
        found = {}
        for action, row in self.rows.items():
            left = reached(self.stack, self.case_id(action), row["phone_mobile"] or "")
            left["DocumentsBucket"] = [key for key in left["DocumentsBucket"] if key.startswith("mail/")]
            found[action] = {where: what for where, what in left.items() if what}
        return found

    def done(self, action: str) -> list[ActionDone]:
        """What is recorded as done, as often as it is."""
        return [event for event in self.stack.events(self.case_id(action)) if isinstance(event, ActionDone)]


def status(stack: Embedded) -> dict[str, str]:
    """The lines of `arrears ops status`."""
    told = stack.arrears("ops", "status").stdout.splitlines()
    return {line[:14].strip(): line[14:].strip() for line in told}


NOTHING: dict[str, dict[str, Any]] = {action: {} for action in DUE}


def test_paused_nothing_leaves_and_what_waited_leaves_once_when_it_goes_on(switched: Embedded) -> None:
    before = People(switched, "E2E-OUT", {name: DUE[name] for name in ("queue_call", "place_with_agency")})
    switched.advance()
    assert {action: len(before.done(action)) for action in before.rows} == {"queue_call": 1, "place_with_agency": 1}

    turned = switched.arrears("ops", "pause", "--by", "I. Operator", "--why", "wrong rates in the extract")
    assert turned.returncode == 0, turned.stderr
    assert "what goes out is paused" in turned.stdout
    due, paid_on = People(switched, "E2E-PAUSED"), switched.today
    for action in before.rows:
        switched.drop(f"payments/e2e-paid-in-a-pause-{action}.csv", payments(before.account(action), paid_on))
    switched.advance(2)

    # Nothing left, each case says why, and so does the status.
    assert due.out() == NOTHING
    for action in DUE:
        events = switched.events(due.case_id(action))
        assert not [event for event in events if isinstance(event, ActionPlanned)], action
        (held,) = [event for event in events if isinstance(event, ActionHeld)]
        assert (held.action, "wrong rates in the extract" in held.reason) == (action, True)
        assert switched.execution(execution_name(due.case_id(action), 1))["status"] == "RUNNING"
    told = status(switched)
    assert told["goes out"].startswith("NOTHING: PAUSED since")
    assert told["goes out"].endswith("by I. Operator: wrong rates in the extract")
    assert int(told["held"].split()[0]) >= len(DUE)

    # What takes something back went on, and cures.
    assert before.done("place_with_agency")[1:], "it is recalled"
    recalls = switched.read("AgencyBucket", f"{recalls_folder('default', paid_on)}recalls.csv").decode()
    assert before.case_id("place_with_agency") in recalls
    tasks = before.out()["queue_call"]["CallQueueUrl"]
    assert [task["schema"].rpartition("-")[0] for task in tasks] == ["call-task", "call-withdrawal"]
    for action in before.rows:
        assert isinstance(switched.events(before.case_id(action))[-1], CaseClosed)
        assert switched.execution(execution_name(before.case_id(action), 1))["status"] == "SUCCEEDED"

    resumed = switched.arrears("ops", "resume", "--by", "I. Operator")
    assert resumed.returncode == 0, resumed.stderr
    resumed_on = switched.today
    switched.advance()
    first = due.out()
    assert status(switched)["goes out"] == "yes"
    assert {action: list(what) for action, what in first.items()} == {
        "send_sms": ["texts"],
        "queue_call": ["CallQueueUrl"],
        "queue_letter": ["DocumentsBucket"],  # in the day's batch for the mailing house
        "place_with_agency": ["AgencyBucket"],
        "file_legal": ["LegalBucket"],
    }
    assert len(first["send_sms"]["texts"]) == len(first["queue_call"]["CallQueueUrl"]) == 1
    switched.advance(2)
    assert due.out() == first, "once"
    for action in DUE:
        assert [done.on for done in due.done(action)] == [resumed_on]
    assert switched.arrears("audit", "verify", due.account("file_legal")).returncode == 0


def test_in_shadow_everything_is_recorded_and_nothing_leaves_until_it_is_over(switched: Embedded) -> None:
    turned = switched.arrears("ops", "shadow", "on", "--by", "I. Operator", "--why", "first month")
    assert turned.returncode == 0, turned.stderr
    shown = People(switched, "E2E-SHADOW")
    switched.advance(2)

    assert shown.out() == NOTHING
    for action in DUE:
        events = switched.events(shown.case_id(action))
        assert isinstance(events[0], CaseOpened)
        assert events[0].shadow
        (planned,) = [event for event in events if isinstance(event, ActionPlanned)]
        (done,) = shown.done(action)
        assert (planned.action, planned.action_id) == (action, done.action_id)
        assert ("shadow", "yes") in done.details
    told = status(switched)
    assert told["shadow"].startswith("ON since")
    assert int(told["in shadow"]) >= len(DUE)
    assert "in shadow" in switched.arrears("case", "show", shown.account("send_sms")).stdout

    over = switched.arrears("ops", "shadow", "off", "--by", "I. Operator")
    assert over.returncode == 0, over.stderr
    assert int(over.stdout.split("shadow mode is off; ")[1].split()[0]) >= len(DUE)
    ended_on = switched.today
    switched.advance()
    assert status(switched)["shadow"] == "off"
    for action in DUE:
        closed = switched.events(shown.case_id(action))[-1]
        assert isinstance(closed, CaseClosed)
        assert "shadow mode is over" in closed.reason
        assert switched.execution(execution_name(shown.case_id(action), 1))["status"] == "SUCCEEDED"
    assert shown.out() == NOTHING

    # From the next date on it is real, and begins with nothing done.
    switched.advance()
    fresh = case_id_of(shown.account("send_sms"), ended_on + ONE_DAY)
    opened, *after = switched.events(fresh)
    assert isinstance(opened, CaseOpened)
    assert not opened.shadow
    assert len([event for event in after if isinstance(event, ActionDone)]) == 1
    assert len(switched.texts()[shown.rows["send_sms"]["phone_mobile"] or ""]) == 1
