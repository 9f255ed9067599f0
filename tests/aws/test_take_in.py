"""Taking rows in: what each kind of row changes, that it counts once, and that news reaches the case that is open."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from arrears.adapters.table import StaleError
from arrears.domain.case import replay
from arrears.domain.codec import event_to_json
from arrears.domain.events import (
    ActionDone,
    ActionPlanned,
    AgencyReported,
    ArrearsReported,
    CallResult,
    CaseClosed,
    HoldLifted,
    HoldPlaced,
    LetterReported,
    PaymentReceived,
)
from arrears.domain.policy_parts import Action
from arrears.effects.exports import Exports
from arrears.errors import TransientConflictError
from arrears.usecases import take_in
from arrears.usecases.assess import TRIES, Assess
from tests.support.builders import ACCOUNT_ID, CASE_ID, DUE, OPENS, PROFILE, account, extract, money, stamp
from tests.support.rows import LETTER, Import, Row
from tests.support.stack import Stack

if TYPE_CHECKING:
    from arrears.files import Kind

DAY = timedelta(days=1)
LATER = {"as_of": (OPENS + DAY).isoformat(), "past_due_amount": "1200.00"}
CURED = {"as_of": (OPENS + DAY).isoformat(), "past_due_amount": "0", "oldest_due_date": ""}


@pytest.fixture
def come_in(stack: Stack) -> Import:
    """Takes rows in, on the day on which the default account's case opens."""
    return Import(stack)


def assess(stack: Stack) -> None:
    """Take a turn with the default case: opens it, or closes it when it is cured."""
    Assess(stack.table, stack.settings, lambda *_: None)({"case_id": CASE_ID, "generation": 1})


@pytest.fixture
def open_case(stack: Stack, come_in: Import) -> None:
    """The default account is reported past due, and its case is open."""
    come_in("portfolio")
    assess(stack)


def act(stack: Stack, action: Action, on: date, *, action_id: str = "", agency_id: str | None = None) -> str:
    """Have an action planned and done on the default case; return its id."""
    case = stack.case(CASE_ID)
    action_id = action_id or f"{CASE_ID}.agency.0.{len(case.case.done) + 1}"
    planned = ActionPlanned(action_id, action, "agency", "agency.0", on, "a test", agency_id=agency_id)
    stack.table.append(case, [planned, ActionDone(action_id, on)], stamp(on))
    return action_id


@pytest.fixture
def placed(stack: Stack, open_case: None) -> None:  # noqa: ARG001 - asked for its effect
    """The default case is with the agency `default` since the day it opened."""
    act(stack, "place_with_agency", OPENS, agency_id="default")


def meanwhile(monkeypatch: pytest.MonkeyPatch, stack: Stack, method: str, happens: Callable[[], object]) -> None:
    """Let something happen right after the first read by a method of the table."""
    read = getattr(stack.table, method)
    once = [happens]

    def interrupted(*arguments: Any, **named: Any) -> Any:
        answer = read(*arguments, **named)
        if once:
            once.pop()()
        return answer

    monkeypatch.setattr(stack.table, method, interrupted)


# --- portfolio -------------------------------------------------------------------------------------------------------
def test_an_account_past_due_waits_on_the_queue_from_the_first_date_a_case_could_open(
    stack: Stack, come_in: Import
) -> None:
    due_soon = {"account_id": "SOON", "oldest_due_date": "2005-06-02"}

    assert come_in("portfolio", {}, due_soon) == ["accepted", "accepted"]

    assert stack.queued() == {ACCOUNT_ID: "2005-06-02", "SOON": "2005-06-03"}
    record = stack.table.account(ACCOUNT_ID)
    assert record.account.arrears(OPENS) == money("1000.00")
    assert record.profile == replace(PROFILE, phone_family=None, phone_contact=None)


def test_an_account_that_owes_nothing_is_kept_and_not_queued(stack: Stack, come_in: Import) -> None:
    assert come_in("portfolio", {"past_due_amount": "0", "oldest_due_date": ""}) == ["accepted"]

    assert stack.table.account(ACCOUNT_ID).version == 1
    assert stack.queued() == {}


def test_the_same_row_again_changes_nothing(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("portfolio", at="2005-06-02T05:00:00+00:00") == ["unchanged"]
    assert come_in("portfolio", {"past_due_amount": "1000.0"}) == ["unchanged"], "the same amount, written otherwise"
    assert stack.table.account(ACCOUNT_ID).version == 1


def test_a_newer_extract_replaces_the_one_before(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")
    stack.on(OPENS + DAY)

    assert come_in("portfolio", LATER) == ["accepted"]

    record = stack.table.account(ACCOUNT_ID)
    assert [known.as_of for known in record.account.extracts] == [OPENS + DAY]
    assert list(record.sources) == ["2005-06-03"]


def test_an_extract_older_than_the_one_in_force_changes_nothing(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("portfolio", {"as_of": "2005-06-01", "past_due_amount": "9.00"}) == ["unchanged"]
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS) == money("1000.00")


def test_an_extract_of_a_later_date_is_kept_until_then(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("portfolio", {"as_of": "2005-06-10", "past_due_amount": "0", "oldest_due_date": ""}) == ["accepted"]

    known = stack.table.account(ACCOUNT_ID).account
    assert known.arrears(OPENS) == money("1000.00")
    assert known.arrears(date(2005, 6, 10)) == money("0")


def test_another_file_corrects_an_extract_of_the_same_date(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("portfolio", {"past_due_amount": "700.00"}, at="2005-06-02T05:00:00+00:00") == ["accepted"]
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS) == money("700.00")


def test_a_correction_stands_when_the_event_of_the_earlier_file_comes_after_it(stack: Stack, come_in: Import) -> None:
    come_in("portfolio", {"past_due_amount": "700.00"}, at="2005-06-02T05:00:00+00:00")

    assert come_in("portfolio", at="2005-06-02T04:00:00+00:00") == ["unchanged"]
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS) == money("700.00")


def test_two_rows_of_one_account_and_date_contradict_each_other(stack: Stack, come_in: Import) -> None:
    outcomes = come_in("portfolio", {}, {"past_due_amount": "5.00"}, {})

    assert outcomes == [
        "accepted",
        "account_id: contradicts line 2 of the same file, which was taken",
        "unchanged",
    ]
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS) == money("1000.00")


def test_a_new_address_is_stored_though_the_figures_are_the_same(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("portfolio", {"phone_mobile": "+8613800138999"}) == ["accepted"]

    profile = stack.table.account(ACCOUNT_ID).profile
    assert profile is not None
    assert profile.phone_mobile == "+8613800138999"


def test_a_row_ahead_of_its_date_says_who_the_cardholder_is_from_then_on(stack: Stack, come_in: Import) -> None:
    come_in("portfolio", {"as_of": "2005-06-10"})

    assert come_in("portfolio", {"phone_mobile": "+8613800138999"}) == ["accepted"], "it is the one in force"

    record = stack.table.account(ACCOUNT_ID)
    before, after = record.profile_on(date(2005, 6, 9)), record.profile_on(date(2005, 6, 10))
    assert before is not None
    assert before.phone_mobile == "+8613800138999"
    assert after is not None
    assert after.phone_mobile == PROFILE.phone_mobile


def test_one_row_with_a_wrong_date_ahead_changes_nothing_of_today(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")
    wrong = {"as_of": "2005-12-02", "currency": "USD", "timezone": "Pacific/Auckland", "phone_mobile": "+8613800138999"}
    assert come_in("portfolio", wrong) == ["accepted"]

    assert come_in("payments") == ["accepted"], "the account's currency is that of the extract in force"
    stack.on(OPENS + DAY)
    assert come_in("portfolio", {**LATER, "phone_mobile": "+8613800138111"}) == ["accepted"]

    record = stack.table.account(ACCOUNT_ID)
    now = record.profile_on(OPENS + DAY)
    assert now is not None
    assert (now.phone_mobile, record.account.timezone) == ("+8613800138111", "Asia/Shanghai")
    assert record.account.arrears(OPENS + DAY) == money("1200.00")


AHEAD: dict["Kind", Row] = {
    "portfolio": {"as_of": "2199-12-31"},
    "payments": {"paid_at": "2199-12-31T00:00:00+08:00"},
    "holds": {"at": "2199-12-31"},
    "calls": {"called_at": "2199-12-31T10:00:00+08:00"},
}


@pytest.mark.usefixtures("open_case")
@pytest.mark.parametrize("kind", list(AHEAD))
def test_a_date_that_no_early_file_has_is_refused(stack: Stack, come_in: Import, kind: "Kind") -> None:
    known, case = stack.table.account(ACCOUNT_ID), stack.case(CASE_ID)
    (column,) = AHEAD[kind]

    (refused,) = come_in(kind, AHEAD[kind])

    assert refused == f"{column}: is more than 300 days after the business date, which is {OPENS}"
    assert (stack.table.account(ACCOUNT_ID), stack.case(CASE_ID)) == (known, case)


def test_what_comes_some_months_early_and_the_end_of_a_hold_are_taken_in(come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("payments", {"paid_at": "2006-03-01T00:00:00+08:00"}) == ["accepted"]
    assert come_in("holds", {"status": "lifted", "at": "2007-01-01"}) == ["accepted"]
    assert come_in("holds", {"hold_id": "H2", "at": "2005-06-05", "until": "2007-01-01"}) == ["accepted"]


def test_a_drop_that_is_taken_in_again_reports_the_same(come_in: Import) -> None:
    """Its function died before it could write down what came of the rows."""
    rows: tuple[Row, ...] = (
        {},
        {"as_of": "2005-06-01"},
        {"account_id": "B"},
        {"account_id": "B", "past_due_amount": "1.00"},
    )
    backwards = (
        {"as_of": "2005-05-01", "oldest_due_date": "2005-05-01"},
        {"as_of": "2005-05-20", "oldest_due_date": ""},
    )
    backwards[1]["past_due_amount"] = "0"

    first = come_in("portfolio", *rows, run="one")
    older_first = come_in("portfolio", *({**row, "account_id": "C"} for row in backwards), run="two")

    assert come_in("portfolio", *rows, run="one") == first
    assert older_first == ["accepted", "accepted"]
    assert come_in("portfolio", *({**row, "account_id": "C"} for row in backwards), run="two") == older_first


@pytest.mark.usefixtures("open_case")
def test_news_of_an_open_case_is_appended_and_wakes(stack: Stack, come_in: Import) -> None:
    stack.on(OPENS + DAY)

    assert come_in("portfolio", LATER) == ["accepted"]

    assert stack.events(CASE_ID)[-1] == ArrearsReported(
        stack.table.account(ACCOUNT_ID).account.extracts[-1], OPENS + DAY
    )
    last = stack.item(f"ACCOUNT#{ACCOUNT_ID}", f"EVENT#{CASE_ID}#{stack.case(CASE_ID).case.version:06d}")
    assert last is not None
    assert last["wakes"] == {"BOOL": True}
    assert stack.queued() == {}
    assert replay(stack.events(CASE_ID)) == stack.case(CASE_ID).case


@pytest.mark.usefixtures("open_case")
def test_another_number_is_news_for_the_case_which_is_told_that_it_is_another_one_and_not_which(
    stack: Stack, come_in: Import
) -> None:
    assert come_in("portfolio", {"phone_mobile": "+8613800138999"}, run="one") == ["accepted"]

    event = stack.events(CASE_ID)[-1]
    assert isinstance(event, ArrearsReported)
    assert event.extract.renewed == ("mobile",)
    assert "13800138999" not in event_to_json(event)
    assert stack.table.account(ACCOUNT_ID).account == stack.case(CASE_ID).case.account
    before = stack.kinds(CASE_ID)
    assert come_in("portfolio", {"phone_mobile": "+8613800138999"}, run="one") == ["accepted"], "taken in again"
    assert come_in("portfolio", {"phone_mobile": "+8613800138999"}, run="two") == ["unchanged"]
    assert stack.kinds(CASE_ID) == before


@pytest.mark.usefixtures("open_case")
def test_a_new_name_is_no_news_for_the_case(stack: Stack, come_in: Import) -> None:
    before = stack.kinds(CASE_ID)

    assert come_in("portfolio", {"cardholder_name": "Li Na"}) == ["accepted"]
    assert stack.kinds(CASE_ID) == before


@pytest.mark.usefixtures("open_case")
def test_an_account_that_the_net_has_queued_stays_queued(stack: Stack, come_in: Import) -> None:
    """Its case is open and its execution has failed: off the queue, nobody would start another."""
    record = stack.table.account(ACCOUNT_ID)
    stack.table.transact([stack.table.put_account(replace(record, generation=2), OPENS)])
    stack.on(OPENS + DAY)

    come_in("portfolio", LATER)
    come_in("payments")

    assert stack.queued() == {ACCOUNT_ID: OPENS.isoformat()}
    assert stack.table.account(ACCOUNT_ID).generation == 2


@pytest.mark.usefixtures("open_case")
def test_after_a_case_that_closed_today_the_next_opens_tomorrow_at_the_earliest(stack: Stack, come_in: Import) -> None:
    come_in("portfolio", {"past_due_amount": "0", "oldest_due_date": ""}, at="2005-06-02T05:00:00+00:00")
    assess(stack)
    assert stack.kinds(CASE_ID)[-1] == CaseClosed.__name__

    come_in("portfolio", {"past_due_amount": "800.00"}, at="2005-06-02T06:00:00+00:00")

    assert stack.queued() == {ACCOUNT_ID: "2005-06-03"}


def test_a_row_that_meets_an_opening_is_news_for_the_case(
    stack: Stack, come_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_in("portfolio")
    meanwhile(monkeypatch, stack, "accounts", lambda: assess(stack))

    assert come_in("portfolio", {"past_due_amount": "700.00"}, at="2005-06-02T05:00:00+00:00") == ["accepted"]

    assert stack.kinds(CASE_ID)[-1] == "ArrearsReported"
    assert stack.table.account(ACCOUNT_ID).open_case == CASE_ID


@pytest.mark.usefixtures("open_case")
def test_a_row_that_meets_a_closing_queues_the_account_again(
    stack: Stack, come_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.on(OPENS + DAY)
    come_in("portfolio", CURED)
    meanwhile(monkeypatch, stack, "accounts", lambda: assess(stack))

    assert come_in("portfolio", {**LATER, "past_due_amount": "700.00"}, at="2005-06-03T05:00:00+00:00") == ["accepted"]

    assert stack.kinds(CASE_ID)[-1] == "CaseClosed"
    assert stack.queued() == {ACCOUNT_ID: "2005-06-03"}


def test_an_account_that_others_keep_changing_is_left_for_the_next_try(
    stack: Stack, come_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def stale(_: object) -> None:
        tries.append(1)
        raise StaleError([0])

    monkeypatch.setattr(stack.table, "transact", stale)

    with pytest.raises(TransientConflictError):
        come_in("portfolio")
    assert len(tries) == TRIES


def test_an_account_cannot_outgrow_its_item(stack: Stack, come_in: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_in, "MOST_FACTS", 2)
    rows = [{"payment_id": f"PAY-{number}"} for number in range(4)]

    outcomes = come_in("payments", *rows)

    assert outcomes[:2] == ["accepted", "accepted"]
    assert outcomes[2].startswith("account_id: has more than 2 facts")
    assert len(stack.table.account(ACCOUNT_ID).account.payments) == 2


# --- payments --------------------------------------------------------------------------------------------------------
def test_a_payment_counts_once_however_often_it_comes(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("payments") == ["accepted"]
    assert come_in("payments") == ["unchanged"]
    assert come_in("payments", {"paid_at": "2005-06-03T01:30:00Z", "amount": "400"}) == ["unchanged"]

    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS + DAY) == money("600.00")


@pytest.mark.parametrize("change", [{"amount": "401.00"}, {"paid_at": "2005-06-04T09:30:00+08:00"}])
def test_a_payment_that_says_something_else_under_the_same_id_is_refused(
    stack: Stack, come_in: Import, change: dict[str, str]
) -> None:
    come_in("portfolio")
    come_in("payments")

    assert come_in("payments", change) == ["payment_id: contradicts what came in before under the same id"]
    assert len(stack.table.account(ACCOUNT_ID).account.payments) == 1


def test_a_payment_in_another_currency_is_refused(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("payments", {"currency": "USD"}) == ["currency: is not CNY, the account's"]
    assert stack.table.fact(ACCOUNT_ID, "payment", "PAY-1") is None


def test_a_row_that_was_refused_does_not_stand_in_the_way_of_a_good_one(come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("payments", {"currency": "USD"}, {}) == ["currency: is not CNY, the account's", "accepted"]


def test_a_payment_for_an_account_nobody_knows_counts_once_it_is_known(stack: Stack, come_in: Import) -> None:
    """Its date is then that at the account's place: half past five in the evening in UTC is tomorrow in Shanghai."""
    assert come_in("payments", {"paid_at": "2005-06-02T17:30:00Z"}) == ["accepted"]
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS) is None

    come_in("portfolio")

    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS) == money("1000.00")
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS + DAY) == money("600.00")


def test_a_payment_in_full_takes_the_account_off_the_queue(stack: Stack, come_in: Import) -> None:
    stack.on(OPENS + DAY)
    come_in("portfolio")

    come_in("payments", {"amount": "1000.00"})

    assert stack.queued() == {}


@pytest.mark.usefixtures("open_case")
def test_a_payment_is_news_for_the_case(stack: Stack, come_in: Import) -> None:
    assert come_in("payments") == ["accepted"]
    assert come_in("payments") == ["unchanged"]

    assert [kind for kind in stack.kinds(CASE_ID) if kind == "PaymentReceived"] == ["PaymentReceived"]
    assert stack.case(CASE_ID).case.arrears(OPENS + DAY) == money("600.00")
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS + DAY) == money("600.00")


def test_a_payment_that_the_extract_has_in_it_is_kept_as_a_fact_only(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")

    assert come_in("payments", {"paid_at": "2005-06-02T09:00:00+08:00"}) == ["accepted"]

    record = stack.table.account(ACCOUNT_ID)
    assert (record.account.payments, record.version) == ((), 1)
    assert stack.table.fact(ACCOUNT_ID, "payment", "PAY-1") is not None


def test_what_two_drops_write_at_once_counts_once(
    stack: Stack, come_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_in("portfolio")
    other = Import(stack)
    meanwhile(monkeypatch, stack, "facts", lambda: other("payments", run="other"))

    assert come_in("payments") == ["unchanged"]
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS + DAY) == money("600.00")


# --- holds -----------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("open_case")
def test_a_hold_is_placed_lifted_and_placed_again(stack: Stack, come_in: Import) -> None:
    lifted, again = {"status": "lifted", "at": "2005-06-05"}, {"at": "2005-06-08"}

    assert come_in("holds", {}, lifted, again) == ["accepted", "accepted", "accepted"]
    assert come_in("holds", again, lifted, {}) == ["unchanged", "unchanged", "unchanged"]

    assert stack.events(CASE_ID)[-3:] == [
        HoldPlaced("HOLD-1", "dispute", date(2005, 6, 3)),
        HoldLifted("HOLD-1", "dispute", date(2005, 6, 5)),
        HoldPlaced("HOLD-1", "dispute", date(2005, 6, 8)),
    ]
    for known in (stack.table.account(ACCOUNT_ID).account, stack.case(CASE_ID).case.account):
        (hold,) = known.holds
        assert hold.periods() == [(date(2005, 6, 3), date(2005, 6, 5)), (date(2005, 6, 8), None)]


def test_a_hold_for_an_account_nobody_knows_is_kept(stack: Stack, come_in: Import) -> None:
    assert come_in("holds") == ["accepted"]
    come_in("portfolio")

    (hold,) = stack.table.account(ACCOUNT_ID).account.holds
    assert hold.periods() == [(date(2005, 6, 3), None)]


def test_a_hold_with_another_reason_at_the_same_time_is_refused(come_in: Import) -> None:
    come_in("holds")

    assert come_in("holds", {"reason": "fraud"}) == ["hold_id: contradicts what came in before under the same id"]
    assert come_in("holds", {"note": "by telephone"}) == ["unchanged"]


# --- calls -----------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("open_case")
def test_the_result_of_a_call_is_news_for_the_case(stack: Stack, come_in: Import) -> None:
    stack.on(OPENS + DAY)

    assert come_in("calls") == ["accepted"]
    assert come_in("calls") == ["unchanged"]

    event = stack.events(CASE_ID)[-1]
    assert isinstance(event, CallResult)
    assert (event.call.call_id, event.call.called_on) == ("CALL-1", OPENS + DAY)
    assert stack.kinds(CASE_ID).count("CallResult") == 1


@pytest.mark.usefixtures("open_case")
@pytest.mark.parametrize("called_at", ["2005-06-02T10:00:00+08:00", "2005-05-20T10:00:00+08:00"])
def test_a_call_made_before_the_case_opened_is_none_of_its_own(stack: Stack, come_in: Import, called_at: str) -> None:
    assert come_in("calls", {"called_at": called_at}) == ["accepted"]

    assert stack.case(CASE_ID).case.calls == ()
    assert stack.table.fact(ACCOUNT_ID, "call", "CALL-1") is not None


def test_a_call_dated_after_a_case_opens_counts_in_it_though_it_came_before(stack: Stack, come_in: Import) -> None:
    come_in("portfolio")
    assert come_in("calls", {}, {"call_id": "EARLY", "called_at": "2005-05-20T10:00:00+08:00"}) == ["accepted"] * 2

    assess(stack)

    assert [call.call_id for call in stack.case(CASE_ID).case.calls] == ["CALL-1"]
    assert [call.call_id for call in stack.table.account(ACCOUNT_ID).account.calls] == ["CALL-1"]


@pytest.mark.usefixtures("open_case")
def test_a_number_that_is_dead_stays_so_for_the_next_case(stack: Stack, come_in: Import) -> None:
    assert come_in("calls", {"result": "invalid_number"}) == ["accepted"]

    for known in (stack.table.account(ACCOUNT_ID).account, stack.case(CASE_ID).case.account):
        assert known.unusable_on("mobile", "call") == OPENS + DAY


def test_a_call_for_an_account_nobody_knows_is_kept(stack: Stack, come_in: Import) -> None:
    assert come_in("calls") == ["accepted"]
    assert [call.call_id for call in stack.table.account(ACCOUNT_ID).account.calls] == ["CALL-1"]


# --- letters ---------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("open_case")
def test_a_letter_that_was_queued_is_reported_on_its_case(stack: Stack, come_in: Import) -> None:
    letter_id = str(LETTER["letter_id"])
    act(stack, "queue_letter", OPENS, action_id=letter_id)

    assert come_in("letters", {}, {"status": "delivered", "at": "2005-08-03"}) == ["accepted", "accepted"]
    assert come_in("letters") == ["unchanged"]

    assert stack.events(CASE_ID)[-2:] == [
        LetterReported(letter_id, "dispatched", date(2005, 8, 1), "RR123456785CN"),
        LetterReported(letter_id, "delivered", date(2005, 8, 3), "RR123456785CN"),
    ]


@pytest.mark.usefixtures("open_case")
def test_a_letter_whose_queueing_is_not_confirmed_yet_is_known(stack: Stack, come_in: Import) -> None:
    letter_id = str(LETTER["letter_id"])
    planned = ActionPlanned(letter_id, "queue_letter", "lawyer_letter", "lawyer_letter.0", OPENS, "a test")
    stack.table.append(stack.case(CASE_ID), [planned], stamp())

    assert come_in("letters") == ["accepted"]


@pytest.mark.usefixtures("open_case")
@pytest.mark.parametrize("letter_id", ["CARD-0001-20050602.lawyer_letter.0.2", "CARD-0009-20050602.lawyer_letter.0.1"])
def test_a_letter_that_was_never_queued_is_refused(stack: Stack, come_in: Import, letter_id: str) -> None:
    act(stack, "queue_letter", OPENS, action_id=str(LETTER["letter_id"]))

    assert come_in("letters", {"letter_id": letter_id}) == ["letter_id: is not the id of a letter that was queued"]


@pytest.mark.usefixtures("open_case")
def test_an_action_that_is_no_letter_is_none(stack: Stack, come_in: Import) -> None:
    act(stack, "queue_call", OPENS, action_id=str(LETTER["letter_id"]))

    assert come_in("letters") == ["letter_id: is not the id of a letter that was queued"]


@pytest.mark.usefixtures("open_case")
def test_a_letter_is_reported_after_its_case_is_closed_too(stack: Stack, come_in: Import) -> None:
    act(stack, "queue_letter", OPENS, action_id=str(LETTER["letter_id"]))
    come_in("portfolio", {"past_due_amount": "0", "oldest_due_date": ""}, at="2005-06-02T05:00:00+00:00")
    assess(stack)

    assert come_in("letters") == ["accepted"]

    assert stack.kinds(CASE_ID)[-2:] == ["CaseClosed", "LetterReported"]
    assert replay(stack.events(CASE_ID)) == stack.case(CASE_ID).case
    assert stack.queued("open") == {}


# --- agencies --------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("placed")
def test_a_payment_that_an_agency_took_is_booked_and_reported(stack: Stack, come_in: Import) -> None:
    assert come_in("returns") == ["accepted"]
    assert come_in("returns") == ["unchanged"]

    reported, received = stack.events(CASE_ID)[-2:]
    assert isinstance(reported, AgencyReported)
    assert (reported.agency_id, reported.outcome, reported.amount) == ("default", "payment", money("150.00").amount)
    assert isinstance(received, PaymentReceived)
    assert (received.payment.payment_id, received.payment.source) == ("agency:default:RET-1", "agency:default")
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS + DAY) == money("850.00")


@pytest.mark.usefixtures("placed")
def test_a_payment_is_booked_though_the_case_was_recalled_and_closed(stack: Stack, come_in: Import) -> None:
    come_in("portfolio", {"past_due_amount": "0", "oldest_due_date": ""}, at="2005-06-02T05:00:00+00:00")
    act(stack, "recall_from_agency", OPENS, action_id=f"{CASE_ID}.agency.0.1.recall", agency_id="default")
    assess(stack)
    assert stack.kinds(CASE_ID)[-1] == "CaseClosed"

    assert come_in("returns") == ["accepted"]

    assert stack.kinds(CASE_ID)[-2:] == ["CaseClosed", "AgencyReported"]
    assert [paid.payment_id for paid in stack.table.account(ACCOUNT_ID).account.payments] == ["agency:default:RET-1"]


@pytest.mark.usefixtures("placed")
def test_an_agency_gives_a_case_back_once(stack: Stack, come_in: Import) -> None:
    returned = {"outcome": "returned", "amount": "", "currency": ""}
    stack.table.transact([Exports(stack.table).held("default", CASE_ID, has=True)])
    assert Exports(stack.table).cases_held("default") == [CASE_ID]

    assert come_in("returns", returned) == ["accepted"]
    assert come_in("returns", returned) == ["unchanged"]
    assert come_in("returns", {**returned, "return_id": "RET-2"}) == [
        "case_id: is no case that this agency still has",
    ]

    assert stack.case(CASE_ID).case.placement is None
    assert Exports(stack.table).cases_held("default") == []
    assert [placement.ended for placement in stack.case(CASE_ID).case.placements] == ["returned"]


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("outcome", ["promise", "uncontactable"])
def test_what_else_an_agency_says_is_recorded(stack: Stack, come_in: Import, outcome: str) -> None:
    assert come_in("returns", {"outcome": outcome, "amount": "", "currency": ""}) == ["accepted"]

    event = stack.events(CASE_ID)[-1]
    assert isinstance(event, AgencyReported)
    assert event.outcome == outcome
    assert stack.case(CASE_ID).case.placement is not None


@pytest.mark.usefixtures("placed")
def test_a_dispute_that_an_agency_hears_of_is_a_hold(stack: Stack, come_in: Import) -> None:
    assert come_in("returns", {"outcome": "disputed", "amount": "", "currency": ""}) == ["accepted"]

    assert stack.kinds(CASE_ID)[-2:] == ["AgencyReported", "HoldPlaced"]
    for known in (stack.table.account(ACCOUNT_ID).account, stack.case(CASE_ID).case.account):
        (hold,) = known.holds
        assert (hold.hold_id, hold.reason) == ("agency:default:RET-1", "dispute")
        assert hold.periods() == [(date(2005, 6, 3), None)]


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("case_id", [CASE_ID, "CARD-0009-20050602"])
def test_another_agencys_case_is_refused(come_in: Import, case_id: str) -> None:
    assert come_in("returns", {"case_id": case_id}, agency_id="other") == [
        "case_id: is no case that this agency was given"
    ]


@pytest.mark.usefixtures("open_case")
def test_a_case_that_was_never_placed_is_refused(come_in: Import) -> None:
    assert come_in("returns") == ["case_id: is no case that this agency was given"]


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("outcome", ["payment", "returned"])
def test_a_report_from_before_the_placement_is_refused(come_in: Import, outcome: str) -> None:
    assert come_in("returns", {"at": "2005-06-01", "outcome": outcome}) == ["at: is before the case was placed"]


@pytest.mark.usefixtures("placed")
def test_an_agencys_payment_in_another_currency_is_refused(stack: Stack, come_in: Import) -> None:
    assert come_in("returns", {"currency": "USD"}) == ["currency: is not CNY, the account's"]
    assert stack.kinds(CASE_ID)[-1] == "ActionDone"


# --- what is stored --------------------------------------------------------------------------------------------------
def test_a_fact_that_meets_one_of_another_account_leaves_it_alone(stack: Stack, come_in: Import) -> None:
    other = account(extract(as_of=DUE), account_id="B")
    stack.report(other, on=DUE)

    come_in("portfolio")
    assert come_in("payments", {}, {"account_id": "B"}) == ["accepted", "accepted"]

    assert stack.table.account("B").account.arrears(OPENS + DAY) == money("600.00")
    assert stack.table.account(ACCOUNT_ID).account.arrears(OPENS + DAY) == money("600.00")


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=lambda order: "".join(map(str, order)))
def test_files_may_come_in_any_order(stack: Stack, come_in: Import, order: tuple[int, ...]) -> None:
    """What is known in the end is the same: the newest extract in force, the payment after it, the hold while it is."""
    stack.on(date(2005, 6, 6))
    files: list[tuple[Kind, Row]] = [
        ("portfolio", {}),
        ("portfolio", {"as_of": "2005-06-04", "past_due_amount": "900.00"}),
        ("payments", {"paid_at": "2005-06-05T09:00:00+08:00"}),
        ("holds", {"at": "2005-06-05"}),
    ]

    for index in order:
        kind, row = files[index]
        come_in(kind, row)

    known = stack.table.account(ACCOUNT_ID)
    assert known.account.arrears(date(2005, 6, 6)) == money("500.00")
    assert [hold.periods() for hold in known.account.holds] == [[(date(2005, 6, 5), None)]]
    assert stack.queued() == {ACCOUNT_ID: "2005-06-06"}
