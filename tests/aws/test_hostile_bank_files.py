"""Who can put a file into the inbound bucket may be hostile: what cannot be taken in is refused, with its reason."""

import gzip
import json
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from arrears.usecases import split_file
from arrears.usecases.drop import report_key
from tests.support.builders import account, extract
from tests.support.inbox import INBOUND, Inbox, counts
from tests.support.rows import PAYMENT, PORTFOLIO, Row, csv_of
from tests.support.stack import Stack


@pytest.fixture
def inbox(stack: Stack) -> Inbox:
    stack.report(account(extract("1000.00")))
    return Inbox(stack)


RECEIPT: Row = {"action_id": "CARD-0001-20050602.call.0.1", "status": "failed", "final": "false", "at": "2005-06-03"}


def payment(**changes: str) -> bytes:
    return csv_of({**PAYMENT, **changes})


def portfolio(**changes: str) -> bytes:
    return csv_of({**PORTFOLIO, **changes})


OUT = "file: its name leads out of its folder"
UNSEEN = "file: its name holds characters that cannot be seen"
WIDE = csv_of(PAYMENT).replace(b"\n", b",".join(b"c%d" % each for each in range(9_000)) + b"\n", 1)
#: What it is, its key, its bytes, and how the reason of its first reject begins.
HOSTILE: list[tuple[str, str, bytes, str]] = [
    ("a bomb of one line", "payments/a.csv.gz", gzip.compress(b"0" * 80_000_000), "file: the gzip file unpacks to"),
    (
        "a bomb of blank lines",
        "payments/a.csv",
        gzip.compress(b"\n" * 9_000_000, 1),
        "file: has more than 100000 blank",
    ),
    ("nine thousand columns", "payments/a.csv", WIDE, "header: has 9004 columns; at most 256 are read"),
    ("zero bytes", "payments/a.csv", b"\0" * 2_000, "header: columns payment_id"),
    (
        "a zero byte in a name",
        "portfolio/a.csv",
        portfolio(cardholder_name="a\0b"),
        "cardholder_name: holds the control",
    ),
    ("UTF-16", "payments/a.csv", payment().decode().encode("utf-16"), "header: is not valid UTF-8"),
    ("Big5", "portfolio/a.csv", portfolio(city="臺北").decode().encode("big5", "replace"), "row: is not valid UTF-8"),
    ("a name that turns around", "portfolio/a.csv", portfolio(cardholder_name="\u202eannA"), "cardholder_name: holds"),
    (
        "a colour for a terminal",
        "receipts/a.csv",
        csv_of(RECEIPT | {"reason": "\x1b[31m"}),
        "reason: holds the control",
    ),
    ("a long reason", "receipts/a.csv", csv_of(RECEIPT | {"reason": "x" * 300}), "reason: is longer than 256"),
    ("a formula as an id", "payments/a.csv", payment(payment_id="=1+1"), "payment_id:"),
    ("a key of the table as an account", "payments/a.csv", payment(account_id="ACCOUNT#1"), "account_id:"),
    ("digits of another script", "payments/a.csv", payment(amount="\u0664\u0660"), "amount:"),
    ("a letter that looks like another", "payments/a.csv", payment(account_id="\u0421ARD-0001"), "account_id:"),
    ("a way out", "payments/../reports/a.csv", payment(), OUT),
    ("a way out, in wide characters", "payments/\uff0e\uff0e\uff0fa.csv", payment(), OUT),
    ("a way out on Windows", "payments/..\\a.csv", payment(), OUT),
    ("a way out over a division slash", "payments/..\u2215a.csv", payment(), OUT),
    ("a name that ends elsewhere", "payments/\u202evsc.a.csv", payment(), UNSEEN),
    ("a name with a line break", "payments/a\nb.csv", payment(), UNSEEN),
    ("a name with nothing in it", "payments/a\u200b.csv", payment(), UNSEEN),
    ("a name that is too long", f"payments/{'a' * 1_010}", payment(), "file: its name is longer than 1000 bytes"),
]


@pytest.mark.parametrize(
    ("key", "body", "reason"), [each[1:] for each in HOSTILE], ids=[each[0].replace(" ", "-") for each in HOSTILE]
)
def test_it_is_refused_with_its_reason_and_changes_nothing(
    inbox: Inbox, stack: Stack, key: str, body: bytes, reason: str
) -> None:
    known = stack.table.account(PAYMENT["account_id"] or "")

    inbox.run(inbox.put(key, body))

    stored = inbox.read(report_key(key), INBOUND)
    assert stored is not None, "every file gets a report"
    report = json.loads(stored)
    assert (report["accepted"], report["unchanged"]) == (0, 0)
    assert report["rejected"] == report["rows"] >= 1
    assert "error" not in report
    rejects = inbox.read(report_key(key).replace("reports/", "rejects/", 1).removesuffix(".json") + ".jsonl", INBOUND)
    assert str(json.loads((rejects or b"").splitlines()[0])["reason"]).startswith(reason)
    assert stack.table.account(PAYMENT["account_id"] or "") == known


def test_a_file_with_more_than_one_import_takes_is_refused_as_a_whole(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_file, "MOST_PIECE", 20_000)
    many = csv_of(*[PAYMENT | {"payment_id": f"PAY-{number}"} for number in range(200)])

    assert inbox.drop("payments/many.csv.gz", many) == counts(rejected=1)

    (reject,) = inbox.rejects("payments/many.csv.gz")
    assert str(reject["reason"]).startswith("file: holds more than one import takes")
    assert (
        inbox.drop("payments/some.csv", csv_of(*[PAYMENT | {"payment_id": f"P-{i}"} for i in range(9)]))["accepted"]
        == 9
    )


def test_a_name_in_any_script_is_a_name(inbox: Inbox) -> None:
    assert inbox.drop("payments/2005/六月 (1) é…v2.csv", payment()) == counts(accepted=1)


@given(st.text(st.sampled_from("a./\\%2f\u2025\uff0e\u200b\x00\u202e六"), min_size=1, max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_a_key_that_is_taken_no_part_leads_up(name: str) -> None:
    from arrears.files import RowError
    from arrears.usecases.bank_files import check_bank_key
    from arrears.usecases.drop import drop_of

    drop = drop_of({"bucket": {"name": "in"}, "object": {"key": f"payments/{name}"}}, "in", "out")
    try:
        check_bank_key(drop)
    except RowError:
        return
    parts = unicodedata.normalize("NFKC", name).replace("\\", "/").split("/")
    assert ".." not in parts
    assert "." not in parts
    assert all(part.isprintable() for part in parts)
