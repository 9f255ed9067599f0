"""Whole files: split, taken in and reported, with what the bank's and the agencies' systems get wrong."""

import gzip
import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from arrears.domain.decide import account_of
from arrears.effects.exports import Exports
from arrears.errors import PermanentActionError, PermanentSetupError, TransientServiceError
from arrears.files import Kind
from arrears.usecases import acknowledge, finish_import, split_file
from arrears.usecases.drop import piece_rejects_key, result_key
from tests.support.builders import ACCOUNT_ID, CASE_ID, OPENS, personal_data
from tests.support.inbox import AGENCY, INBOUND, Inbox, counts
from tests.support.rows import PAYMENT, PORTFOLIO, RETURN, ROWS, csv_of
from tests.support.stack import Stack

KEY = "portfolio/2005/06/02.csv"
ACK_KEY = "agency_id=default/acks/1.json"
MANIFEST_KEY = "agency_id=default/placements/date=2005-06-02/manifest.json"
MANIFEST = json.dumps({"schema": "1", "agency_id": "default", "date": "2005-06-02", "case_count": 3}).encode()


@pytest.fixture
def inbox(stack: Stack) -> Inbox:
    """Two empty buckets, and the import."""
    return Inbox(stack)


def accounts(number: int, **changes: str) -> list[dict[str, str | None]]:
    """Rows of so many accounts."""
    return [{**PORTFOLIO, "account_id": f"A{index:05d}", **changes} for index in range(number)]


# --- good files ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["portfolio", "payments", "holds", "calls"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ""])
def test_a_file_of_every_kind_and_format_is_taken_in(inbox: Inbox, kind: Kind, suffix: str) -> None:
    row = ROWS[kind]
    body = f"{json.dumps(row)}\n".encode() if "jsonl" in suffix else csv_of(row)

    assert inbox.drop(f"{kind}/file{suffix}", body) == counts(accepted=1)
    assert inbox.rejects(f"{kind}/file{suffix}") == []


def test_a_file_dropped_again_changes_nothing(inbox: Inbox) -> None:
    body = csv_of(*accounts(3))

    assert inbox.drop(KEY, body) == counts(accepted=3)
    assert inbox.drop(KEY, body) == counts(unchanged=3), "under the same key"
    assert inbox.drop("portfolio/again.csv", body) == counts(unchanged=3), "under another"


def test_a_key_may_hold_what_a_file_system_dislikes(inbox: Inbox) -> None:
    assert inbox.drop("portfolio/帳戶 2005+06/a b.csv", csv_of(PORTFOLIO)) == counts(accepted=1)


def test_a_file_is_split_so_that_each_account_is_in_one_piece_in_file_order(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 2_000)
    rows = [{**PAYMENT, "account_id": f"A{index % 40}", "payment_id": f"P{index}"} for index in range(200)]
    detail = inbox.put("payments/many.csv", csv_of(*rows))

    first = inbox.split_file(detail)

    assert 1 < len(first["pieces"]) <= split_file.MOST_PIECES
    owners: dict[str, str] = {}
    lines = []
    for piece in first["pieces"]:
        stored = inbox.read(piece)
        assert stored is not None
        entries = [json.loads(line) for line in stored.splitlines()]
        assert [entry["line"] for entry in entries] == sorted(entry["line"] for entry in entries)
        for entry in entries:
            assert owners.setdefault(entry["row"]["account_id"], piece) == piece
            assert rows[entry["line"] - 2] == entry["row"]
        lines += [entry["line"] for entry in entries]
    assert sorted(lines) == list(range(2, 202))
    before = [inbox.read(piece) for piece in first["pieces"]]
    assert inbox.split_file(detail) == first
    assert [inbox.read(piece) for piece in first["pieces"]] == before, "the same version gives the same pieces"


@pytest.mark.parametrize(("kind", "column"), [("letters", "letter_id"), ("returns", "case_id")])
def test_rows_that_name_a_letter_or_a_case_go_where_their_account_is(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, kind: Kind, column: str
) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 100)
    suffix = ".lawyer_letter.0.1" if kind == "letters" else ""
    rows = [{**ROWS[kind], column: f"A{index % 5}-2005060{1 + index // 5}{suffix}"} for index in range(30)]
    key = f"{'agency_id=default/' if kind == 'returns' else ''}{kind}/many.csv"

    split = inbox.split_file(inbox.put(key, csv_of(*rows)))

    owners: dict[str, set[str]] = {}
    for piece in split["pieces"]:
        for line in (inbox.read(piece) or b"").splitlines():
            owners.setdefault(account_of(json.loads(line)["row"][column]), set()).add(piece)
    assert len(split["pieces"]) > 1
    assert {len(pieces) for pieces in owners.values()} == {1}


# --- bad files -------------------------------------------------------------------------------------------------------
def test_three_bad_rows_of_many_are_refused_with_their_lines(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 4_000)
    rows = accounts(200)
    rows[10]["past_due_amount"] = "12.x"
    rows[99]["currency"] = "XXX"
    rows[150]["oldest_due_date"] = "2005-06-03"

    assert inbox.drop(KEY, csv_of(*rows)) == counts(accepted=197, rejected=3)

    assert inbox.rejects(KEY) == [
        {
            "line": 12,
            "reason": "past_due_amount: is no amount such as 1234.50 (at most 15 digits and 4 decimals)",
            "row": rows[10],
        },
        {"line": 101, "reason": "currency: is no ISO 4217 currency code", "row": rows[99]},
        {"line": 152, "reason": "oldest_due_date: is later than as_of", "row": rows[150]},
    ]
    assert inbox.counted == {
        "FilesImported": 1,
        "RowsAccepted": 197,
        "RowsUnchanged": 0,
        "RowsRejected": 3,
        "ImportsFailed": 0,
    }


def test_an_account_twice_in_a_file_is_refused_the_second_time(inbox: Inbox) -> None:
    rows = [PORTFOLIO, {**PORTFOLIO, "past_due_amount": "1.00"}]

    assert inbox.drop(KEY, csv_of(*rows)) == counts(accepted=1, rejected=1)
    assert [(reject["line"], reject["reason"]) for reject in inbox.rejects(KEY)] == [
        (3, "account_id: contradicts line 2 of the same file, which was taken")
    ]


def test_a_truncated_gzip_gives_the_rows_before_it_ends(inbox: Inbox) -> None:
    packed = gzip.compress(csv_of(*accounts(300)), mtime=0)
    key = "portfolio/cut.csv.gz"

    inbox.run(inbox.put(key, packed[: len(packed) // 2]))

    report = inbox.report(key)
    assert report["rejected"] in (1, 2), "the end of the file, and the line it broke in"
    assert report["accepted"] > 50
    assert inbox.rejects(key)[-1]["reason"] == "file: the gzip file is truncated"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "header: columns"),
        (b"a,b\n", "header: columns"),
        (b"%PDF-1.7\n\xff\xfe\x00", "row: is not valid UTF-8"),
        (b"\x1f\x8b\x08\x00garbage", "file: the gzip file"),
    ],
    ids=["empty", "bad header", "no csv", "damaged"],
)
def test_a_file_that_cannot_be_used_has_its_report_all_the_same(inbox: Inbox, body: bytes, reason: str) -> None:
    assert inbox.drop("portfolio/bad.bin", body) == counts(rejected=1)
    assert inbox.rejects("portfolio/bad.bin")[0]["reason"].startswith(reason)


def test_every_row_below_a_bad_header_is_refused(inbox: Inbox) -> None:
    rows = [{key: value for key, value in row.items() if key != "currency"} for row in accounts(3)]

    assert inbox.drop(KEY, csv_of(*rows)) == counts(rejected=3)
    assert [(reject["line"], reject["reason"]) for reject in inbox.rejects(KEY)] == [
        (line, "header: column currency is missing") for line in (2, 3, 4)
    ]


def test_a_file_of_no_rows_has_a_report(inbox: Inbox) -> None:
    assert inbox.drop("payments/none.jsonl", b"") == counts()
    assert inbox.drop("payments/none.csv", csv_of(PAYMENT).splitlines()[0]) == counts()


def test_what_an_earlier_version_was_refused_for_is_not_left_lying(inbox: Inbox) -> None:
    inbox.drop(KEY, csv_of({**PORTFOLIO, "currency": "XXX"}))
    assert len(inbox.rejects(KEY)) == 1

    assert inbox.drop(KEY, csv_of(PORTFOLIO)) == counts(accepted=1)
    assert inbox.rejects(KEY) == []


def test_text_that_is_no_text_can_be_refused(inbox: Inbox) -> None:
    """JSON can name half a character, which no encoding has."""
    row = json.dumps(PORTFOLIO | {"city": "?"}).replace('"?"', '"\\ud800"')

    assert inbox.drop("portfolio/half.jsonl", f"{row}\n".encode()) == counts(rejected=1)
    assert inbox.rejects("portfolio/half.jsonl")[0]["reason"] == "city: is not valid UTF-8"


# --- events ----------------------------------------------------------------------------------------------------------
def test_an_event_that_comes_twice_does_not_change_the_report(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(PORTFOLIO))
    inbox.run(detail)
    before = inbox.read(f"reports/{KEY}.json")

    assert inbox.run(detail) is None
    assert inbox.read(f"reports/{KEY}.json") == before


def test_two_imports_of_one_version_at_once_report_the_same(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(*accounts(5), {**PORTFOLIO, "currency": "XXX"}))

    inbox.run(detail, between=lambda _: inbox.run(detail))

    assert inbox.report(KEY) == counts(accepted=5, rejected=1)


def test_a_piece_that_is_taken_in_again_reports_what_it_did_before(inbox: Inbox) -> None:
    split = inbox.split_file(inbox.put(KEY, csv_of(*accounts(5))))

    first = inbox.import_piece(split["drop"], split["pieces"][0])

    assert inbox.import_piece(split["drop"], split["pieces"][0]) == first == counts(accepted=5)


def test_an_event_without_a_version_is_about_the_latest(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(PORTFOLIO))
    detail["object"]["version-id"] = ""

    assert inbox.run(detail) is not None
    assert inbox.report(KEY) == counts(accepted=1)


def test_the_version_that_the_event_names_is_read(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(PORTFOLIO))
    inbox.put(KEY, b"not this")

    inbox.run(detail)

    assert inbox.report(KEY) == counts(accepted=1)


def test_the_report_of_a_later_version_stands(inbox: Inbox) -> None:
    """Two versions are dropped at once, and the import of the first is the slower."""
    detail = inbox.put(KEY, csv_of(PORTFOLIO))

    inbox.run(detail, between=lambda _: inbox.drop(KEY, csv_of(*accounts(4))))

    assert inbox.report(KEY) == counts(accepted=4)


@pytest.mark.parametrize("key", ["reports/portfolio/a.csv.json", "work/x", "other/a.csv", "portfolio", "agency_id=x/a"])
def test_an_object_that_is_no_file_of_ours_is_left_alone(inbox: Inbox, key: str) -> None:
    split = inbox.split_file(inbox.put(key, b"x"))

    assert (split["next"], split["pieces"]) == ("Done", [])


def test_a_bucket_that_is_not_the_stacks_is_a_mistake_of_the_set_up(inbox: Inbox) -> None:
    with pytest.raises(PermanentSetupError):
        inbox.split_file({"bucket": {"name": "other"}, "object": {"key": KEY}})


def test_a_file_that_is_gone_is_said_to_be_gone(inbox: Inbox) -> None:
    detail = inbox.put(KEY, b"x")
    inbox.client.delete_object(Bucket=INBOUND, Key=KEY, VersionId=detail["object"]["version-id"])

    with pytest.raises(PermanentActionError, match="gone"):
        inbox.split_file(detail)


def test_nothing_personal_goes_through_the_execution(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(PORTFOLIO, {**PORTFOLIO, "account_id": "B", "currency": "XXX"}))
    split = inbox.split_file(detail)
    answers: list[Any] = [split, *(inbox.import_piece(split["drop"], piece) for piece in split["pieces"])]
    answers.append(inbox.finish_import({"detail": detail, "split": split}))

    text = json.dumps(answers, ensure_ascii=False)
    assert [personal for personal in [*personal_data(), ACCOUNT_ID] if personal in text] == []


# --- what breaks off -------------------------------------------------------------------------------------------------
def test_a_file_that_could_not_be_split_has_a_report_that_says_so(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(PORTFOLIO))

    finished = inbox.finish_import({"detail": detail, "error": {"Error": "States.Timeout", "Cause": "?"}})

    assert finished["failed"]
    assert inbox.report(KEY) == counts(rejected=1) | {"error": "States.Timeout"}
    assert inbox.rejects(KEY)[0]["reason"].startswith("error: not taken in")
    assert inbox.counted["ImportsFailed"] == 1


def test_a_piece_that_broke_off_is_reported_and_can_be_dropped_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_file, "PIECE_BYTES", 2_000)
    body = csv_of(*accounts(40), {**PORTFOLIO, "currency": "XXX"})
    detail = inbox.put(KEY, body)
    split = inbox.split_file(detail)
    lost, *others = split["pieces"]
    for piece in others:
        inbox.import_piece(split["drop"], piece)

    finished = inbox.finish_import({"detail": detail, "split": split})

    lines = [json.loads(line)["line"] for line in (inbox.read(lost) or b"").splitlines()]
    report = inbox.report(KEY)
    assert (finished["failed"], report["error"]) == (True, "PiecesGivenUp")
    assert (report["rows"], report["rejected"]) == (41, len(lines) + (42 not in lines))
    rejected = [reject["line"] for reject in inbox.rejects(KEY)]
    assert rejected == sorted({*lines, 42})

    again = inbox.drop(KEY, body)
    assert again == counts(accepted=len(set(lines) - {42}), unchanged=40 - len(set(lines) - {42}), rejected=1)


def test_the_same_version_is_imported_again_after_it_broke_off(inbox: Inbox) -> None:
    detail = inbox.put(KEY, csv_of(PORTFOLIO))
    inbox.finish_import({"detail": detail, "error": {"Error": "States.Timeout"}})

    assert inbox.run(detail) is not None
    assert inbox.report(KEY) == counts(accepted=1)


def test_one_account_that_trips_over_a_bug_costs_the_others_nothing(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inbox.stack.table.put_account

    def put_account(record: Any, due: Any) -> Any:
        if record.account.account_id == "A00001":
            raise ZeroDivisionError("Wang Xiaoming")
        return real(record, due)

    monkeypatch.setattr(inbox.stack.table, "put_account", put_account)

    assert inbox.drop(KEY, csv_of(*accounts(3))) == counts(accepted=2, rejected=1)
    assert [(reject["line"], reject["reason"]) for reject in inbox.rejects(KEY)] == [
        (3, "row: could not be taken in (ZeroDivisionError); an operator has to look")
    ]


def test_what_was_taken_in_of_an_account_before_it_trips_over_a_bug_is_told(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inbox.stack.table.put_fact

    def put_fact(account_id: str, kind: str, fact_id: str, content: str) -> Any:
        if fact_id == "P2":
            raise ZeroDivisionError
        return real(account_id, kind, fact_id, content)

    monkeypatch.setattr(inbox.stack.table, "put_fact", put_fact)
    inbox.drop(KEY, csv_of(PORTFOLIO))
    payments = [PAYMENT | {"payment_id": name, "amount": "1.00"} for name in ("P1", "P2", "P3")]

    assert inbox.drop("payments/some.csv", csv_of(*payments)) == counts(accepted=1, rejected=2)
    assert [reject["line"] for reject in inbox.rejects("payments/some.csv")] == [3, 4]


def refusing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, account_id: str, error: str) -> None:
    """Have DynamoDB refuse to write anything of an account."""
    real = inbox.stack.client.put_item

    def put_item(**arguments: Any) -> Any:
        if account_id in str(arguments):
            raise ClientError({"Error": {"Code": error}}, "PutItem")
        return real(**arguments)

    monkeypatch.setattr(inbox.stack.client, "put_item", put_item)


def test_an_account_that_outgrows_the_table_costs_the_others_nothing(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(inbox, monkeypatch, "A00001", "ValidationException")

    assert inbox.drop(KEY, csv_of(*accounts(3))) == counts(accepted=2, rejected=1)
    assert inbox.rejects(KEY)[0]["line"] == 3


@pytest.mark.parametrize(
    ("error", "raised"),
    [("ThrottlingException", TransientServiceError), ("AccessDeniedException", PermanentActionError)],
)
def test_what_the_whole_stack_suffers_from_is_nothing_a_row_is_refused_for(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, error: str, raised: type[Exception]
) -> None:
    refusing(inbox, monkeypatch, ACCOUNT_ID, error)
    split = inbox.split_file(inbox.put(KEY, csv_of(PORTFOLIO)))

    with pytest.raises(raised):
        inbox.import_piece(split["drop"], split["pieces"][0])
    assert inbox.read(result_key(split["pieces"][0])) is None
    assert inbox.read(piece_rejects_key(split["pieces"][0])) is None


# --- agencies --------------------------------------------------------------------------------------------------------
def test_an_agencys_report_lies_in_the_agencys_bucket(inbox: Inbox) -> None:
    key = "agency_id=default/returns/1.csv"

    assert inbox.drop(key, csv_of(RETURN)) == counts(rejected=1)

    assert inbox.rejects(key)[0]["reason"] == "case_id: is no case that this agency was given"
    assert inbox.read(f"reports/{key}.json", INBOUND) is None
    assert CASE_ID in (inbox.read(f"rejects/{key}.jsonl", AGENCY) or b"").decode()


def ack(**changes: object) -> bytes:
    """An acknowledgement of the manifest, with some of its keys replaced."""
    good = {
        "manifest": MANIFEST_KEY,
        "sha256": hashlib.sha256(MANIFEST).hexdigest(),
        "accepted": 3,
        "problems": [],
    }
    return json.dumps(good | changes).encode()


def test_an_acknowledgement_is_recorded_beside_the_days_exports(inbox: Inbox, stack: Stack) -> None:
    inbox.put(MANIFEST_KEY, MANIFEST)

    assert inbox.drop(ACK_KEY, ack()) == counts(accepted=1)
    assert inbox.drop(ACK_KEY, ack()) == counts(unchanged=1)
    assert inbox.drop("agency_id=default/acks/2.json.gz", ack(accepted=True)) == counts(accepted=1)

    items = list(stack.table.query("ACKS#2005-06-02", "default#ACK#"))
    assert [item["problem"]["S"] for item in items] == ["", ""]
    assert {item["key"]["S"] for item in items} == {ACK_KEY, "agency_id=default/acks/2.json.gz"}


@pytest.mark.parametrize(
    ("changes", "reason", "recorded"),
    [
        ({"manifest": "cases.csv"}, "manifest: is no key of a manifest", False),
        ({"manifest": None}, "manifest: is no key of a manifest", False),
        ({"manifest": MANIFEST_KEY.replace("default", "other")}, "manifest: is another agency's", False),
        ({"manifest": MANIFEST_KEY.replace("-02", "-03")}, "manifest: was never written", False),
        ({"sha256": "abc"}, "sha256: is no SHA-256 in hex", False),
        ({"sha256": "0" * 64}, "sha256: is not that of the manifest", True),
        ({"problems": ["no address", "no phone"]}, "problems: the agency names 2", True),
        ({"problems": "no address"}, "problems: the agency names 1", True),
        ({"accepted": False}, "accepted: the agency has not accepted the set", True),
        ({"accepted": 2}, "accepted: is 2, the manifest has 3 cases", True),
        ({"cases": ["A-20050602"]}, "cases: 1 are not in the set, the first is A-20050602", True),
        # An operator's terminal would do as it says.
        ({"cases": ["\x1b[2J", "A"]}, "cases: 2 are not in the set, the first is no case id", True),
    ],
)
def test_an_acknowledgement_that_somebody_has_to_look_at_is_refused_and_kept(
    inbox: Inbox, stack: Stack, changes: dict[str, object], reason: str, *, recorded: bool
) -> None:
    inbox.put(MANIFEST_KEY, MANIFEST)

    assert inbox.drop(ACK_KEY, ack(**changes)) == counts(rejected=1)

    assert inbox.rejects(ACK_KEY)[0]["reason"] == reason
    date = str(changes.get("manifest") or MANIFEST_KEY).partition("date=")[2][:10] or "2005-06-02"
    items = list(stack.table.query(f"ACKS#{date}", "default#ACK#"))
    assert [item["problem"]["S"] for item in items] == ([reason] if recorded else [])


def test_an_agency_cannot_fill_the_table_with_acknowledgements(
    inbox: Inbox, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acknowledge, "MOST_OF_A_DAY", 2)
    inbox.put(MANIFEST_KEY, MANIFEST)
    keys = [f"agency_id=default/acks/{number}.json" for number in range(3)]

    assert [inbox.drop(key, ack())["accepted"] for key in keys] == [1, 1, 0]

    assert (
        inbox.rejects(keys[2])[0]["reason"] == "manifest: has 2 acknowledgements of the sets of its date; tell the bank"
    )
    assert inbox.drop(keys[1], ack()) == counts(unchanged=1)
    assert list(Exports(stack.table).rows(OPENS)) == []
    assert len(list(Exports(stack.table).acks(OPENS))) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\x1f\x8bxx", b'{"a": "' + b"x" * 70_000 + b'"}', b"[" * 50_000])
def test_an_acknowledgement_that_is_no_json_object_is_refused(inbox: Inbox, body: bytes) -> None:
    assert inbox.drop(ACK_KEY, body) == counts(rejected=1)
    assert inbox.rejects(ACK_KEY) == [
        {"line": 1, "reason": "file: is no JSON object of at most 65536 bytes", "row": None}
    ]


def test_refused_rows_beyond_what_the_disk_takes_are_counted(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish_import, "MOST_REJECTS", 2_000)
    monkeypatch.setattr(finish_import, "_LEAST_SHARE", 2_000)
    rows = [PAYMENT | {"payment_id": f"P{number}", "amount": "none"} for number in range(50)]

    assert inbox.drop("payments/bad.csv", csv_of(*rows)) == counts(rejected=50)

    *listed, last = inbox.rejects("payments/bad.csv")
    assert [each["line"] for each in listed] == list(range(2, 2 + len(listed)))
    assert 0 < len(listed) < 50
    reason = f"row: this row and {49 - len(listed)} more of its part of the file were refused and are not listed"
    assert last == {"line": 2 + len(listed), "reason": reason, "row": None}
