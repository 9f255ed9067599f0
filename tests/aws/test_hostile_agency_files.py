"""What an agency writes is untrusted: each of these files is refused with its reason and books nothing."""

import gzip
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from arrears.domain.agencies import settle_commission
from arrears.domain.case import evolve, opening
from arrears.domain.decide import open_case
from arrears.domain.events import ActionDone, ActionPlanned, AgencyReported, Event, StageEntered
from arrears.domain.value import changed
from arrears.effects.legal_contents import _Story
from arrears.usecases import take_in
from tests.support.builders import CASE_ID, OPENS, account, extract, money, policy, stamp
from tests.support.inbox import Inbox
from tests.support.rows import HOLD, PAYMENT, csv_of
from tests.support.stack import Stack

HEADER = "return_id,case_id,at,outcome,amount,currency,note"
AT = OPENS.isoformat()
GOOD = f"R-GOOD,{CASE_ID},{AT},payment,10.00,CNY,"
LIMITS = [{"id": "north", "files": {"returns_bytes": 4096, "acks_bytes": 2048}}, {"id": "south"}]
MANIFEST = "agency_id=north/placements/date=2005-06-02/manifest.json"


@pytest.fixture
def inbox(stack: Stack) -> Inbox:
    """A case that is with north, and an import that knows what north may write."""
    stack.publish(agencies=LIMITS)
    stack.report(account(extract("1000.00")))
    opened = open_case(account(extract("1000.00")), policy(), OPENS)
    assert opened is not None
    action_id = f"{CASE_ID}.agency.0.1"
    plan = ActionPlanned(action_id, "place_with_agency", "agency", "agency.0", OPENS, "test", agency_id="north")
    events: list[Event] = [opened, StageEntered("agency", OPENS, "test"), plan, ActionDone(action_id, OPENS)]
    case = opening(opened)
    for event in events[1:]:
        case = evolve(case, event)
    record = stack.table.account(opened.account.account_id)
    taken = stack.table.put_account(type(record)(record.account, record.version, record.profile, CASE_ID), None)
    stack.table.append(None, events, stamp(), extra=[taken])
    made = Inbox(stack)
    made.split_file = type(made.split_file)(
        made.split_file.objects,
        made.split_file.inbound_bucket,
        made.split_file.agency_bucket,
        files_of=stack.settings.active().policy.files_of,
    )
    return made


def rows(*lines: str) -> bytes:
    return "\n".join((HEADER, *lines, "")).encode()


def row(**changes: Any) -> bytes:
    fields = {"return_id": "R1", "case_id": CASE_ID, "at": AT, "outcome": "payment", "amount": "10.00"}
    fields |= {"currency": "CNY", "note": ""} | changes
    return rows(",".join(str(value) for value in fields.values()))


BOMB = gzip.compress(b"0" * 50_000_000)
LINES = gzip.compress(rows(*["x,,,,,,"] * 500_000))
NESTED = gzip.compress(gzip.compress(rows(GOOD)))
RETURNS = "agency_id=north/returns/"
TOO_BIG = "file: is larger than 4096 bytes, which is this agency's limit"
NO_NAME = "file: its name is none: letters, digits and . _ = + - only, no way out of the folder"
NOT_GIVEN = "case_id: is no case that this agency was given"

#: What it is, its key, its bytes, and how the reason of its first reject begins.
HOSTILE: list[tuple[str, str, bytes, str]] = [
    ("a gzip bomb of one line", f"{RETURNS}bomb.csv.gz", BOMB, TOO_BIG),
    ("a gzip bomb of many lines", f"{RETURNS}lines.csv.gz", LINES, TOO_BIG),
    ("a bomb that does not say it is one", f"{RETURNS}bomb.csv", BOMB, TOO_BIG),
    ("a large file", f"{RETURNS}large.csv", rows(*[GOOD] * 200), TOO_BIG),
    ("gzip in gzip", f"{RETURNS}nested.csv.gz", NESTED, "row: is not valid UTF-8"),
    ("a truncated gzip", f"{RETURNS}cut.csv.gz", gzip.compress(rows(GOOD))[:20], "file: the gzip file is truncated"),
    ("UTF-16", f"{RETURNS}utf16.csv", rows(GOOD).decode().encode("utf-16"), "header: is not valid UTF-8"),
    (
        "Big5 in a note",
        f"{RETURNS}big5.csv",
        row(outcome="promise", amount="", note="陳").decode().encode("big5"),
        "row: is not valid UTF-8",
    ),
    ("zero bytes", f"{RETURNS}zero.csv", b"\0" * 2000, "header:"),
    ("a PDF", f"{RETURNS}a.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "row: is not valid UTF-8"),
    ("a program by its name", f"{RETURNS}a.exe", rows(GOOD), "file: is of another type than .csv, .csv.gz"),
    ("a spreadsheet", f"{RETURNS}a.xlsx", b"PK\x03\x04", "file: is of another type than .csv, .csv.gz"),
    ("a way out of the folder", f"{RETURNS}../../agency_id=south/returns/a.csv", rows(GOOD), NO_NAME),
    ("a way up, hidden", f"{RETURNS}x/..%2f..%2fa.csv", rows(GOOD), NO_NAME),
    ("a name with a line break", f"{RETURNS}a\nb.csv", rows(GOOD), NO_NAME),
    ("a name that turns around", f"{RETURNS}\u202evsc.a.csv", rows(GOOD), NO_NAME),
    ("a long name", f"{RETURNS}{'a' * 300}.csv", rows(GOOD), NO_NAME),
    ("a name for a shell", f"{RETURNS}$(rm -rf).csv", rows(GOOD), NO_NAME),
    ("another agency's case", "agency_id=south/returns/a.csv", rows(GOOD), NOT_GIVEN),
    ("an agency that there is not", "agency_id=ghost/returns/a.csv", rows(GOOD), NOT_GIVEN),
    ("a case that there is not", f"{RETURNS}c.csv", row(case_id="CARD-9999-20050602"), NOT_GIVEN),
    ("a case id with a way out", f"{RETURNS}d.csv", row(case_id="../../CARD-0001-20050602"), "case_id: is no case id"),
    ("a key of the table as a case id", f"{RETURNS}e.csv", row(case_id="ACCOUNT#CARD-0001"), "case_id: is no case id"),
    ("a formula as an id", f"{RETURNS}f.csv", row(return_id="=1+1"), "return_id:"),
    ("a formula as an amount", f"{RETURNS}g.csv", row(amount="=10*10"), "amount:"),
    ("a negative payment", f"{RETURNS}h.csv", row(amount="-10.00"), "amount:"),
    ("a payment of nothing", f"{RETURNS}zero-paid.csv", row(amount="0.00"), "amount: is zero although"),
    (
        "a payment of more than was owed",
        f"{RETURNS}much.csv",
        row(amount="999999999999999.99"),
        "amount: is more than the 8000.00 CNY that were owed; talk to the bank",
    ),
    ("an amount without end", f"{RETURNS}i.csv", row(amount="1" * 40), "amount:"),
    ("an amount that is none", f"{RETURNS}j.csv", row(amount="NaN"), "amount:"),
    ("another currency", f"{RETURNS}k.csv", row(currency="USD"), "currency: is not CNY, the account's"),
    (
        "a payment before the placement",
        f"{RETURNS}l.csv",
        row(at=(OPENS - timedelta(days=9)).isoformat()),
        "at: is before the case was placed",
    ),
    *(
        (
            f"a case {outcome} in another century",
            f"{RETURNS}far-{outcome}.csv",
            row(at="2199-12-31", outcome=outcome, amount=amount),
            f"at: is more than a day after the business date, which is {AT}",
        )
        for outcome, amount in (("returned", ""), ("disputed", ""), ("promise", ""), ("payment", "10.00"))
    ),
    ("a control character", f"{RETURNS}m.csv", row(note="\x1b[2Jgone"), "note:"),
    ("an outcome of its own", f"{RETURNS}n.csv", row(outcome="cured"), "outcome:"),
    ("quotation marks without end", f"{RETURNS}p.csv", rows(*['a","'] * 500), "row: a quotation mark is out of place"),
    ("no header", f"{RETURNS}o.csv", GOOD.encode(), "header:"),
    ("an acknowledgement as CSV", "agency_id=north/acks/a.csv", b"{}", "file: is of another type than .json, .json.gz"),
    (
        "a large acknowledgement",
        "agency_id=north/acks/a.json",
        b'{"problems": "' + b"x" * 9000 + b'"}',
        "file: is no JSON object",
    ),
    ("an acknowledgement nested without end", "agency_id=north/acks/b.json", b"[" * 2000, "file: is no JSON object"),
    (
        "a key twice",
        "agency_id=north/acks/d.json",
        b'{"accepted": false, "accepted": true}',
        "file: a key is there twice",
    ),
    ("a number that is none", "agency_id=north/acks/e.json", b'{"accepted": NaN}', "file: NaN and Infinity"),
    ("nesting", "agency_id=north/acks/f.json", b'{"a":' + b"[" * 99 + b"]" * 99 + b"}", "file: is nested more than 8"),
    ("half a character", "agency_id=north/acks/g.json", b'{"problems": "\\ud800"}', "file: is not valid UTF-8"),
    (
        "another agency's manifest",
        "agency_id=south/acks/a.json",
        json.dumps({"manifest": MANIFEST, "sha256": "0" * 64}).encode(),
        "manifest: is another agency's",
    ),
    (
        "a manifest with a way out",
        "agency_id=north/acks/c.json",
        json.dumps({"manifest": "agency_id=north/../x/manifest.json"}).encode(),
        "manifest: is no key of a manifest",
    ),
]


@pytest.mark.parametrize(
    ("key", "body", "reason"), [each[1:] for each in HOSTILE], ids=[each[0].replace(" ", "-") for each in HOSTILE]
)
def test_it_is_refused_with_its_reason_and_books_nothing(
    inbox: Inbox, stack: Stack, key: str, body: bytes, reason: str
) -> None:
    case, known = stack.case(CASE_ID), stack.table.account(case_account())
    inbox.run(inbox.put(key, body))
    report = inbox.report(key)

    assert (report["accepted"], report["unchanged"]) == (0, 0)
    assert report["rejected"] == report["rows"] >= 1
    assert str(inbox.rejects(key)[0]["reason"]).startswith(reason), inbox.rejects(key)[0]["reason"]
    assert stack.case(CASE_ID) == case
    assert stack.table.account(case_account()) == known
    assert not list(stack.table.query("AGENCY#north", "BOOKED#"))


def case_account() -> str:
    return CASE_ID[:-9]


def test_there_are_at_least_twenty() -> None:
    assert len(HOSTILE) >= 20


def test_after_all_of_them_a_good_file_is_still_taken_in(inbox: Inbox, stack: Stack) -> None:
    for _, key, body, _ in HOSTILE[::6]:
        inbox.run(inbox.put(key, body))
    report = inbox.drop(f"{RETURNS}good.csv", rows(GOOD))

    assert report["accepted"] == 1
    assert len(stack.case(CASE_ID).case.payments) == 1
    ((_, kind, entry),) = stack_booked(stack)
    assert (kind, entry["amount"], entry["currency"]) == ("PAYMENT", "10.00", "CNY")


def stack_booked(stack: Stack) -> list[tuple[Any, str, dict[str, str]]]:
    from arrears.effects.exports import Exports

    return list(Exports(stack.table).booked("north", f"{OPENS:%Y-%m}"))


# --- an agency that had the case, and one that writes without end ----------------------------------------------------
def recalled(stack: Stack, on: date, *, then: str = "") -> None:
    """North's placement is over on a date; another agency may have the case from then on."""
    recall = f"{CASE_ID}.agency.0.1.recall"
    events: list[Event] = [
        ActionPlanned(recall, "recall_from_agency", "agency", "term", on, "term over", agency_id="north"),
        ActionDone(recall, on),
    ]
    if then:
        again = f"{CASE_ID}.agency.0.2"
        events += [
            ActionPlanned(again, "place_with_agency", "agency", "agency.0", on, "test", agency_id=then),
            ActionDone(again, on),
        ]
    stack.table.append(stack.case(CASE_ID), events, stamp(on))
    stack.on(on)


def disputed(inbox: Inbox, return_id: str, on: date) -> str:
    """What becomes of a dispute that north reports."""
    key = f"{RETURNS}{return_id}.csv"
    report = inbox.drop(key, row(return_id=return_id, at=on.isoformat(), outcome="disputed", amount="", currency=""))
    return "accepted" if report["accepted"] else str(inbox.rejects(key)[0]["reason"])


def test_who_had_the_case_cannot_take_it_from_who_has_it(inbox: Inbox, stack: Stack) -> None:
    """Neither with a date of today nor with one of then; an operator sees the first of them."""
    recalled(stack, OPENS + timedelta(days=1), then="south")

    for return_id, on in (("D1", OPENS), ("D2", OPENS + timedelta(days=1)), ("D3", OPENS)):
        assert disputed(inbox, return_id, on) == "accepted"

    case = stack.case(CASE_ID).case
    assert case.account.holds == ()
    assert case.placement is not None
    assert [(each.why, each.reason) for each in case.listed] == [
        ("agency_dispute", "north, which does not have the case any more, reports a dispute")
    ]


def test_a_dispute_told_some_days_late_is_a_hold_where_nobody_else_has_the_case(inbox: Inbox, stack: Stack) -> None:
    recalled(stack, OPENS + timedelta(days=1))
    stack.on(OPENS + timedelta(days=8))
    assert disputed(inbox, "D1", OPENS) == "accepted"
    assert [hold.since(OPENS + timedelta(days=8)) for hold in stack.case(CASE_ID).case.account.holds] == [OPENS]


def test_a_dispute_told_long_after_is_for_an_operator(inbox: Inbox, stack: Stack) -> None:
    recalled(stack, OPENS + timedelta(days=1))
    stack.on(OPENS + timedelta(days=9))
    assert disputed(inbox, "D1", OPENS) == "accepted"
    assert stack.case(CASE_ID).case.account.holds == ()
    assert len(stack.case(CASE_ID).case.listed) == 1


def test_one_dispute_of_an_agency_stands_at_a_time(inbox: Inbox) -> None:
    assert disputed(inbox, "D1", OPENS) == "accepted"
    assert "still stands" in disputed(inbox, "D2", OPENS)
    hold = {"hold_id": "agency:north:D1", "reason": "dispute", "status": "lifted", "at": AT}
    assert inbox.drop("holds/lifted.csv", csv_of({**HOLD, **hold}))["accepted"] == 1
    assert disputed(inbox, "D3", OPENS) == "accepted"


def test_a_promise_of_long_after_the_placement_is_refused(inbox: Inbox, stack: Stack) -> None:
    recalled(stack, OPENS + timedelta(days=1))
    stack.on(OPENS + timedelta(days=20))
    key = f"{RETURNS}late.csv"
    late = (OPENS + timedelta(days=9)).isoformat()
    inbox.run(inbox.put(key, row(at=late, outcome="promise", amount="", currency="")))
    assert inbox.rejects(key)[0]["reason"] == "at: is more than 7 days after the agency had the case"


def test_an_agency_cannot_fill_a_case(inbox: Inbox) -> None:
    """What the bank says of it is taken in after that, too."""
    accepted = 0
    for part in range(6):
        lines = [f"P{part}-{number},{CASE_ID},{AT},payment,0.01,CNY," for number in range(40)]
        accepted += inbox.drop(f"{RETURNS}many-{part}.csv", rows(*lines))["accepted"]

    assert accepted == 200
    assert "200 reports" in str(inbox.rejects(f"{RETURNS}many-5.csv")[0]["reason"])
    assert inbox.drop("payments/bank.csv", csv_of(PAYMENT))["accepted"] == 1


def test_an_agencys_facts_leave_room_for_the_banks(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_in, "MOST_FACTS_OF_AGENCIES", 2)
    key = f"{RETURNS}some.csv"
    lines = [f"P{number},{CASE_ID},{(OPENS + timedelta(days=1)).isoformat()},payment,1.00,CNY," for number in range(3)]
    assert inbox.drop(key, rows(*lines))["accepted"] == 1, "the extract and a payment"
    assert inbox.drop("payments/bank.csv", csv_of(PAYMENT))["accepted"] == 1


@pytest.mark.usefixtures("inbox")
def test_no_commission_on_more_than_was_owed(stack: Stack) -> None:
    case = stack.case(CASE_ID).case
    case = changed(case, placements=(changed(case.placements[0], percent=Decimal(20), owed=Decimal(1000)),))
    rule = stack.settings.active().policy
    commissions = []
    for number, amount in enumerate(("700.00", "700.00", "700.00")):
        paid = AgencyReported(f"R{number}", "north", "payment", OPENS, Decimal(amount), "")
        settled = settle_commission(case, rule, paid, money(amount), OPENS)
        commissions.append(str(settled.commission.amount))
        case = evolve(case, settled)
    assert commissions == ["140.00", "60.00", "0.00"]


def test_the_same_id_on_two_cases_books_both(inbox: Inbox, stack: Stack) -> None:
    """As what was booked before the keys had a case in them is still told."""
    known = account(extract("1000.00"), account_id="CARD-0002")
    stack.report(known)
    opened = open_case(known, policy(), OPENS)
    assert opened is not None
    placed = f"{opened.case_id}.agency.0.1"
    events: list[Event] = [
        opened,
        StageEntered("agency", OPENS, "test"),
        ActionPlanned(placed, "place_with_agency", "agency", "agency.0", OPENS, "test", agency_id="north"),
        ActionDone(placed, OPENS),
    ]
    record = stack.table.account("CARD-0002")
    taken = stack.table.put_account(type(record)(record.account, record.version, record.profile, opened.case_id), None)
    stack.table.append(None, events, stamp(), extra=[taken])
    entry = {"case_id": CASE_ID, "return_id": "R-OLD"}
    old = {"pk": {"S": "AGENCY#north"}, "sk": {"S": f"BOOKED#{AT}#RETURN#R-OLD"}, "entry": {"S": json.dumps(entry)}}
    stack.table.transact([{"Put": {"TableName": stack.table.name, "Item": old}}])

    lines = (f"R1,{CASE_ID},{AT},payment,900.00,CNY,", f"R1,{opened.case_id},{AT},payment,0.01,CNY,")
    assert inbox.drop(f"{RETURNS}same.csv", rows(*lines))["accepted"] == 2

    booked = stack_booked(stack)
    assert [(kind, each["case_id"], each.get("amount")) for _, kind, each in booked] == [
        ("PAYMENT", CASE_ID, "900.00"),
        ("PAYMENT", opened.case_id, "0.01"),
        ("RETURN", CASE_ID, None),
    ]


def test_the_dossier_tells_each_report_of_the_agency_that_made_it(inbox: Inbox, stack: Stack) -> None:
    recalled(stack, OPENS + timedelta(days=1), then="south")
    late = row(return_id="P1", outcome="promise", amount="", currency="", note="heard by north")
    assert inbox.drop(f"{RETURNS}late.csv", late)["accepted"] == 1
    south = row(return_id="P2", at=(OPENS + timedelta(days=1)).isoformat(), outcome="returned", amount="", currency="")
    assert inbox.drop("agency_id=south/returns/back.csv", south)["accepted"] == 1

    told = _Story("Asia/Shanghai", {}, currency="CNY")
    for envelope in stack.table.envelopes(CASE_ID):
        told.tell(envelope)

    assert [(each.agency, [back.outcome for back in each.returns], each.end_reason) for each in told.placements] == [
        ("north", ["promise"], "recalled: term over"),
        ("south", ["returned"], "returned"),
    ]
