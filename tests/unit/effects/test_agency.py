import json
from dataclasses import replace
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from arrears.domain.events import ActionDone, AgencyReported, CallResult, PaymentReceived
from arrears.effects.agency_rows import CASE_COLUMNS, CASE_SCHEMA, RECALL_COLUMNS, case_row, recall_row
from arrears.effects.contents import agency_numbers, history_of, repayments, sheet_of
from arrears.effects.known import known
from arrears.effects.wording import Wordings
from arrears.resources import resource
from tests.support.builders import PROFILE, extract, money, paid, payment, policy, reported
from tests.unit.effects.made import Play

DOCUMENT = json.loads(resource("schemas", "agency-case-1.schema.json").read_text())
SCHEMA, PROPERTIES = Draft202012Validator(DOCUMENT), DOCUMENT["properties"]
BANK = ("Sample Bank", "+44 1632 960001")


def row_of(play: Play) -> dict[str, object]:
    work = play.until("place_with_agency")
    facts = known(work.record.case, work.account, work.now.on)
    return case_row(facts, work.active, agency_id="default", placement_id=work.act.action_id, mandate="PA-1", bank=BANK)


def test_a_row_is_valid_and_begins_with_the_case_and_the_account() -> None:
    row = row_of(Play())
    SCHEMA.validate({"schema": CASE_SCHEMA, **row})
    assert list(row)[:2] == ["case_id", "account_id"]
    assert tuple(row) == CASE_COLUMNS
    assert set(PROPERTIES) == {"schema", *CASE_COLUMNS}


def test_a_row_of_an_account_of_which_little_is_known_is_valid() -> None:
    bare = replace(extract(), language=None, country=None, risk_grade=None, phones=())
    nobody = replace(PROFILE, **dict.fromkeys(PROFILE.to_dict()))
    rules = policy(stages={"agency": {"from": {"days_past_due": 1}, "steps": [{"action": "place_with_agency"}]}})
    row = row_of(Play(reported=bare, profile=nobody, rules=rules))
    SCHEMA.validate({"schema": CASE_SCHEMA, **row})
    assert row["term_ends_on"] is None


def test_an_agency_gets_no_other_peoples_numbers_and_no_street_address() -> None:
    text = json.dumps(row_of(Play()))
    for value in (PROFILE.phone_family, PROFILE.phone_contact, PROFILE.address_line1, PROFILE.address_line2):
        assert str(value) not in text
    for value in (PROFILE.phone_mobile, PROFILE.name):
        assert str(value) in text


def test_amounts_are_plain_digits_whatever_the_banks_file_had() -> None:
    assert row_of(Play(reported=extract("1E+4")))["arrears"] == "10000"


def test_what_was_paid_since_the_report_is_taken_off_once() -> None:
    play = Play()
    play.append(paid("250.00", on=play.on + timedelta(days=2)))
    assert row_of(play)["arrears"] == "750.00"


def test_the_sheet_has_what_happened_in_order_with_its_arithmetic() -> None:
    play = Play()
    play.on += timedelta(days=1)
    play.append(paid("100.00", on=play.on), CallResult(play.call("CALL-1", "no_answer", phone="home")))
    work = play.until("place_with_agency")
    facts = known(work.record.case, work.account, work.now.on)
    bank = Wordings(production=False).bank(work.active, "zh-CN")
    sheet = sheet_of(facts, work.active, bank, agency_id="default", placement_id=work.act.action_id)
    assert [line.on for line in sheet.history] == sorted(line.on for line in sheet.history)
    assert {("call", "no_answer", "home"), ("sms", "sent", ""), ("letter", "queued", "")} <= {
        (line.channel, line.result, line.detail) for line in sheet.history
    }
    assert [each.number for each in agency_numbers(facts)] == [
        PROFILE.phone_mobile,
        PROFILE.phone_work,
        PROFILE.phone_home,
    ]
    assert [str(each.amount) for each in repayments(facts)] == ["100.00 CNY"]


def test_payments_of_another_currency_and_of_later_are_left_out_and_each_counts_once() -> None:
    play = Play()
    today = payment("10.00", on=play.on + timedelta(days=1))
    play.append(PaymentReceived(today), PaymentReceived(today))
    play.append(PaymentReceived(replace(today, payment_id="PAY-2", amount=money("5.00", "USD"))))
    play.append(PaymentReceived(replace(today, payment_id="PAY-3", paid_on=play.on + timedelta(days=9))))
    work = play.until("send_sms")
    facts = known(work.record.case, work.account, play.on + timedelta(days=1))
    assert [each.on for each in repayments(facts)] == [today.paid_on]


@pytest.mark.parametrize("why", ["cured", "hold", "term"])
def test_a_recall_names_its_placement_even_when_nothing_is_past_due_any_more(why: str) -> None:
    play = Play()
    placed = play.until("place_with_agency")
    play.append(ActionDone(placed.act.action_id, play.on))
    play.on += timedelta(days=3)
    if why == "cured":
        play.append(reported("0.00", as_of=play.on, oldest_due=None))
    placement = play.case.placement
    assert placement is not None
    row = recall_row(play.case, placement, recall_id="recall-1", on=play.on, reason=why)
    assert tuple(row) == RECALL_COLUMNS
    assert (row["placement_id"], row["reason"]) == (placed.act.action_id, why)
    assert row["recalled_on"] == play.on.isoformat()


def test_a_recall_and_a_return_end_a_placement_in_its_history() -> None:
    play = Play()
    placed = play.until("place_with_agency")
    play.append(ActionDone(placed.act.action_id, play.on))
    play.append(AgencyReported("R-1", "default", "returned", play.on))
    assert ("agency", "returned") in [(line.channel, line.result) for line in history_of(play.case)]
