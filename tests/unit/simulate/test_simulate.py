"""The simulator from files to files: formats, dates, what is refused, what is written."""

import csv
import gzip
import json
import tracemalloc
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from arrears.domain.policy import Policy
from arrears.simulate import Inputs, InputsError, simulate
from arrears.simulate.store import Facts
from tests.unit.simulate.conftest import Simulate
from tests.unit.simulate.files import call, extract, hold, letter, payment, returned, write

FIRST, LAST = date(2005, 6, 1), date(2006, 6, 30)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "timeline.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def rejects_of(folder: Path) -> list[dict[str, Any]]:
    path = folder / "rejects.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# --- dates -----------------------------------------------------------------------------------------------------------
def test_an_extract_before_the_first_date_is_what_is_known_then(play: Simulate) -> None:
    rows = [extract("A", "2005-05-01", "900.00", "2005-04-25"), extract("A", "2005-05-20", "100.00", "2005-05-10")]
    assert play("2005-06-01", "2005-06-01", portfolio=rows) == [
        "06-01 - case_opened",
        "06-01 call stage_entered",
        "06-01 call queue_call",
    ]


def test_an_extract_is_known_from_its_date_on(play: Simulate) -> None:
    rows = [extract("A", "2005-06-03", "100.00", "2005-06-01")]
    assert play("2005-06-01", "2005-06-02", portfolio=rows) == []
    assert play("2005-06-01", "2005-06-03", portfolio=rows)[0] == "06-03 - case_opened"


def test_the_last_date_is_played_and_no_other_one_after_it(play: Simulate) -> None:
    rows = [extract("A", "2005-06-02", "100.00", "2005-06-01")]
    assert [row for row in play("2005-06-02", "2005-06-08", portfolio=rows) if "send_sms" in row] == [
        "06-02 reminder send_sms"
    ]
    assert [row for row in play("2005-06-02", "2005-06-09", portfolio=rows) if "send_sms" in row] == [
        "06-02 reminder send_sms",
        "06-09 reminder send_sms",
    ]


@pytest.mark.parametrize(
    ("paid_at", "closed"),
    [
        ("2005-06-10T15:59:59+00:00", "06-10"),  # 23:59 in Taipei
        ("2005-06-10T16:00:00+00:00", "06-11"),  # midnight in Taipei
        ("2005-06-10T23:59:59-12:00", "06-11"),
    ],
)
def test_a_payment_counts_on_its_date_at_the_accounts_place(play: Simulate, paid_at: str, closed: str) -> None:
    rows = [extract("A", "2005-06-02", "100.00", "2005-06-01")]
    paid = [payment("A", paid_at, "100.00")]
    assert play("2005-06-02", "2005-06-30", portfolio=rows, payments=paid)[-1] == f"{closed} reminder case_closed"


def test_a_payment_on_the_date_of_the_extract_is_in_it(play: Simulate) -> None:
    rows = [extract("A", "2005-06-02", "100.00", "2005-06-01")]
    assert "case_closed" not in str(
        play("2005-06-02", "2005-06-30", portfolio=rows, payments=[payment("A", "2005-06-02", "100.00")])
    )
    assert "06-03 reminder case_closed" in play(
        "2005-06-02", "2005-06-30", portfolio=rows, payments=[payment("A", "2005-06-03", "100.00")]
    )


def test_a_payment_before_the_first_date_counts_when_it_is_later_than_the_extract(play: Simulate) -> None:
    rows = [extract("A", "2005-05-20", "100.00", "2005-05-10")]
    paid = [payment("A", "2005-05-25", "99.00")]
    assert play("2005-06-01", "2005-06-30", portfolio=rows, payments=paid) == []


def test_all_facts_of_a_date_come_in_before_anything_is_decided(play: Simulate) -> None:
    rows = [extract("A", "2005-06-02", "100.00", "2005-06-01")]
    paid = [payment("A", "2005-06-09", "100.00")]
    held = [hold("A", "placed", "2005-06-09")]
    assert play("2005-06-02", "2005-06-30", portfolio=rows, payments=paid, holds=held)[3:] == [
        "06-09 reminder case_closed"
    ]


def test_a_closed_case_opens_again_with_the_next_arrears(play: Simulate, tmp_path: Path) -> None:
    rows = [
        extract("A", "2005-06-02", "100.00", "2005-06-01"),
        extract("A", "2005-06-05", "0.00"),
        extract("A", "2005-06-06", "50.00", "2005-06-03"),
    ]
    play("2005-06-02", "2005-06-06", portfolio=rows)
    assert [row["case_id"] for row in rows_of(tmp_path / "out") if row["action"] == "case_opened"] == [
        "A-20050602",
        "A-20050606",
    ]


def test_accounts_keep_their_own_calendar(play: Simulate, tmp_path: Path) -> None:
    """It is 1 June in Honolulu while it is 2 June in Taipei; a case's dates are those of its place."""
    rows = [
        extract("A", "2005-06-01", "100.00", "2005-05-31", timezone="Pacific/Honolulu"),
        extract("B", "2005-06-01", "100.00", "2005-05-31"),
    ]
    at = "2005-06-02T05:00:00+00:00"  # 1 June, 19:00 in Honolulu; 2 June, 13:00 in Taipei
    play("2005-06-01", "2005-06-05", portfolio=rows, payments=[payment("A", at, "100"), payment("B", at, "100")])
    closed = {row["account_id"]: row["date"] for row in rows_of(tmp_path / "out") if row["action"] == "case_closed"}
    assert closed == {"B": "2005-06-02"}  # A's is on the date of its extract, and so in it


def test_a_payment_in_another_currency_pays_nothing(play: Simulate) -> None:
    rows = [extract("A", "2005-06-02", "100.00", "2005-06-01")]
    paid = [payment("A", "2005-06-03", "100.00", currency="USD")]
    assert "case_closed" not in str(play("2005-06-02", "2005-06-30", portfolio=rows, payments=paid))


# --- holds, promises, agencies, letters ------------------------------------------------------------------------------
def test_a_hold_stops_everything_until_the_date_it_is_lifted(play: Simulate) -> None:
    rows = [extract("A", "2005-06-02", "100.00", "2005-06-01")]
    held = [hold("A", "placed", "2005-06-09"), hold("A", "lifted", "2005-06-12")]
    assert play("2005-06-02", "2005-06-12", portfolio=rows, holds=held)[2:] == [
        "06-02 reminder send_sms",
        "06-12 reminder send_sms",
    ]


def test_a_promise_stands_through_its_date(play: Simulate) -> None:
    rows = [extract("A", "2005-06-01", "100.00", "2005-05-01")]
    calls = [call("A", "2005-06-02T10:00:00+08:00", "promise", "2005-06-09")]
    assert play("2005-06-01", "2005-06-10", portfolio=rows, calls=calls)[2:] == [
        "06-01 call queue_call",
        "06-10 call queue_call",
    ]


def test_a_promise_beyond_the_window_holds_nothing(play: Simulate) -> None:
    rows = [extract("A", "2005-06-01", "100.00", "2005-05-01")]
    calls = [call("A", "2005-06-02T10:00:00+08:00", "promise", "2005-06-10")]
    assert play("2005-06-01", "2005-06-05", portfolio=rows, calls=calls)[3:] == ["06-04 call queue_call"]


def test_each_conversation_shortens_the_window(play: Simulate) -> None:
    rows = [extract("A", "2005-06-01", "100.00", "2005-05-01")]
    talk = call("A", "2005-06-02T09:00:00+08:00", "refused")
    no_talk = call("A", "2005-06-02T08:00:00+08:00", "message_left")
    promise = call("A", "2005-06-03T10:00:00+08:00", "promise", "2005-06-07")
    held = ["06-08 call queue_call"]
    assert play("2005-06-01", "2005-06-08", portfolio=rows, calls=[no_talk, promise])[3:] == held
    assert play("2005-06-01", "2005-06-08", portfolio=rows, calls=[talk, promise])[3:] == [
        "06-04 call queue_call",
        "06-07 call queue_call",
    ]


OLD = [extract("A", "2005-06-01", "6000.00", "2005-03-20")]  # letter on 1 June, agency on 21 June


def test_an_agency_that_gives_a_case_back_has_failed(play: Simulate) -> None:
    assert play("2005-06-01", "2005-07-01", portfolio=OLD, returns=[returned("A-20050601", "2005-07-01")])[2:] == [
        "06-01 lawyer_letter queue_letter",
        "06-21 agency stage_entered",
        "06-21 agency place_with_agency",
        "07-01 legal stage_entered",
        "07-01 legal file_legal",
    ]


def test_what_an_agency_was_paid_counts(play: Simulate) -> None:
    rows = [returned("A-20050601", "2005-07-01", "payment", amount="6000.00", currency="TWD")]
    assert play("2005-06-01", "2005-07-02", portfolio=OLD, returns=rows)[-2:] == [
        "07-01 agency recall_from_agency",
        "07-01 agency case_closed",
    ]


def test_a_dispute_that_an_agency_reports_is_a_hold(play: Simulate) -> None:
    rows = [returned("A-20050601", "2005-07-01", "disputed")]
    assert play("2005-06-01", "2006-06-30", portfolio=OLD, returns=rows)[-1] == "07-01 agency recall_from_agency"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (returned("A-20050601", "2005-06-10"), "case_id"),  # not placed yet
        (returned("A-20050531", "2005-07-01"), "case_id"),  # no such case
        (returned("B-20050601", "2005-07-01"), "case_id"),  # no such account
        (returned("A-20050601", "2005-09-20"), "case_id"),  # its term is over
        (returned("A-20050601", "2005-10-20", "promise"), "at"),  # long after that
        (returned("A-20050601", "2005-07-01", "payment", amount="6000.01", currency="TWD"), "amount"),  # never owed
        (returned("A-20050601", "2005-07-01", "payment", amount="0.00", currency="TWD"), "amount"),
        (returned("A-20050601", "2005-07-01", "payment", amount="10.00", currency="CNY"), "currency"),
    ],
)
def test_a_return_of_what_the_agency_does_not_have_is_refused(
    play: Simulate, tmp_path: Path, row: dict[str, str | None], field: str
) -> None:
    without = play("2005-06-01", "2005-12-31", portfolio=OLD)
    assert play("2005-06-01", "2005-12-31", portfolio=OLD, returns=[row]) == without
    assert [(reject["line"], reject["field"]) for reject in rejects_of(tmp_path / "out")] == [(2, field)]


def test_letters_that_were_queued_may_be_reported_and_others_not(play: Simulate, tmp_path: Path) -> None:
    rows = [
        letter("A-20050601.lawyer_letter.0.1", "dispatched", "2005-06-03"),
        letter("A-20050601.lawyer_letter.0.2", "dispatched", "2005-06-03"),
    ]
    play("2005-06-01", "2005-06-30", portfolio=OLD, letters=rows)
    assert [(reject["line"], reject["field"]) for reject in rejects_of(tmp_path / "out")] == [(3, "letter_id")]


# --- files -----------------------------------------------------------------------------------------------------------
def test_folders_formats_and_packed_files_say_the_same(tmp_path: Path, policy: Policy) -> None:
    june = [extract("A", "2005-06-02", "100.00", "2005-06-01"), extract("B", "2005-06-02", "0.00")]
    july = [extract("A", "2005-07-02", "200.00", "2005-06-01"), extract("B", "2005-07-02", "9.00", "2005-06-25")]
    paid = [payment("A", "2005-07-09", "100.00")]
    one = Inputs(
        [write(tmp_path / "all.csv", "portfolio", june + july)], [write(tmp_path / "paid.csv", "payments", paid)]
    )
    write(tmp_path / "portfolio/2005/06.csv.gz", "portfolio", june)
    write(tmp_path / "portfolio/2005/07.jsonl", "portfolio", july)
    (tmp_path / "portfolio/README.md").write_text("not a file of the bank")
    other = Inputs([tmp_path / "portfolio"], [write(tmp_path / "paid.jsonl.gz", "payments", paid)])
    summaries = [simulate(inputs, policy, FIRST, LAST, tmp_path / name) for inputs, name in ((one, "1"), (other, "2"))]
    assert summaries[0] == summaries[1]
    assert (tmp_path / "1/timeline.csv").read_bytes() == (tmp_path / "2/timeline.csv").read_bytes()


def test_the_newest_extract_wins_whatever_the_order_of_the_files(tmp_path: Path, policy: Policy) -> None:
    old = write(tmp_path / "old.csv", "portfolio", [extract("A", "2005-05-20", "100.00", "2005-05-10")])
    new = write(tmp_path / "new.csv", "portfolio", [extract("A", "2005-05-30", "0.00")])
    for files in ([old, new], [new, old]):
        assert simulate(Inputs(files), policy, FIRST, LAST, tmp_path / "out")["cases"]["opened"] == 0


def test_of_two_extracts_of_one_date_the_later_file_counts(tmp_path: Path, policy: Policy) -> None:
    owes = write(tmp_path / "owes.csv", "portfolio", [extract("A", "2005-06-02", "100.00", "2005-06-01")])
    paid = write(tmp_path / "paid.csv", "portfolio", [extract("A", "2005-06-02", "0.00")])
    opened = [
        simulate(Inputs(files), policy, FIRST, LAST, tmp_path / "out")["cases"]["opened"]
        for files in ([owes, paid], [paid, owes])
    ]
    assert opened == [0, 1]


def test_an_account_twice_in_a_file(tmp_path: Path, policy: Policy) -> None:
    row = extract("A", "2005-06-02", "100.00", "2005-06-01")
    path = write(
        tmp_path / "x.csv", "portfolio", [row, row, {**row, "past_due_amount": "1.00"}, extract("B", "2005-06-02", "0")]
    )
    summary = simulate(Inputs([path]), policy, FIRST, LAST, tmp_path)
    assert summary["rows"]["portfolio"] == {"rows": 4, "accepted": 2, "unchanged": 1, "rejected": 1}
    assert rejects_of(tmp_path) == [
        {
            "file": str(path),
            "line": 4,
            "field": "account_id",
            "reason": "contradicts line 2 of the same file, which was taken",
        }
    ]
    assert summary["cases"]["opened"] == 1


def test_a_payment_that_comes_twice_counts_once(tmp_path: Path, policy: Policy) -> None:
    portfolio = write(tmp_path / "x.csv", "portfolio", [extract("A", "2005-06-02", "100.00", "2005-06-01")])
    paid = payment("A", "2005-06-03", "60.00")
    files = [write(tmp_path / f"{name}.csv", "payments", [paid, paid]) for name in ("a", "b")]
    other = write(tmp_path / "c.csv", "payments", [{**paid, "amount": "99.00"}])
    summary = simulate(Inputs([portfolio], [*files, other]), policy, FIRST, LAST, tmp_path)
    assert summary["rows"]["payments"] == {"rows": 5, "accepted": 1, "unchanged": 3, "rejected": 1}
    assert summary["cases"]["closed"] == 0


def test_a_payment_for_an_account_not_known_is_accepted(tmp_path: Path, policy: Policy) -> None:
    portfolio = write(tmp_path / "x.csv", "portfolio", [extract("A", "2005-06-02", "0.00")])
    payments = write(tmp_path / "y.csv", "payments", [payment("Z", "2005-06-03", "60.00")])
    summary = simulate(Inputs([portfolio], [payments]), policy, FIRST, LAST, tmp_path)
    assert summary["accounts"] == 1
    assert summary["rows"]["payments"]["accepted"] == 1


def test_rows_that_are_refused_are_told_by_file_and_line_and_the_rest_counts(tmp_path: Path, policy: Policy) -> None:
    good = extract("A", "2005-06-02", "100.00", "2005-06-01")
    bad = [
        {**good, "account_id": "B", "currency": "NTD"},
        {**good, "account_id": "C", "past_due_amount": "much"},
        {**good, "account_id": "D", "oldest_due_date": "2005-06-03"},
    ]
    portfolio = write(tmp_path / "a.csv", "portfolio", [*bad, good])
    (tmp_path / "b.csv").write_text("account_id,as_of\nE,2005-06-02\nF,2005-06-02\n")
    packed = gzip.compress(b"".join(b"%d\n" % number for number in range(1000)))
    (tmp_path / "c.csv.gz").write_bytes(packed[:-20])
    summary = simulate(Inputs([portfolio, tmp_path / "b.csv", tmp_path / "c.csv.gz"]), policy, FIRST, LAST, tmp_path)
    rejects = rejects_of(tmp_path)
    assert [(Path(reject["file"]).name, reject["line"], reject["field"]) for reject in rejects][:5] == [
        ("a.csv", 2, "currency"),
        ("a.csv", 3, "past_due_amount"),
        ("a.csv", 4, "oldest_due_date"),
        ("b.csv", 2, "header"),
        ("b.csv", 3, "header"),
    ]
    assert rejects[-1]["field"] == "file"
    assert summary["rejected"] == len(rejects)
    counts = summary["rows"]["portfolio"]
    assert counts["rows"] == counts["accepted"] + counts["unchanged"] + counts["rejected"]
    assert summary["cases"]["opened"] == 1


def test_no_rejects_file_where_nothing_was_refused(tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "rejects.jsonl").write_text("of the run before\n")
    path = write(tmp_path / "x.csv", "portfolio", [extract("A", "2005-06-02", "0.00")])
    simulate(Inputs([path]), policy, FIRST, LAST, tmp_path)
    assert not (tmp_path / "rejects.jsonl").exists()
    assert rows_of(tmp_path) == []
    assert (tmp_path / "timeline.csv").read_text() == "date,account_id,case_id,stage,action,reason\n"


def test_paths_that_lead_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputsError, match="there is no such file or folder"):
        Inputs([tmp_path / "nothing"]).files()
    with pytest.raises(InputsError, match=r"no \.csv or \.jsonl file"):
        Inputs([tmp_path]).files()


# --- what is written -------------------------------------------------------------------------------------------------
def test_the_timeline_is_ordered_by_date_account_and_what_happened_first(tmp_path: Path, policy: Policy) -> None:
    rows = [extract(name, "2005-06-02", "100.00", "2005-06-01") for name in ("b", "A", "a", "C-1", "C")]
    simulate(Inputs([write(tmp_path / "x.csv", "portfolio", rows)]), policy, FIRST, date(2005, 6, 10), tmp_path)
    timeline = rows_of(tmp_path)
    keys = [(row["date"], row["account_id"]) for row in timeline]
    assert keys == sorted(keys)
    assert [row["action"] for row in timeline[:3]] == ["case_opened", "stage_entered", "send_sms"]
    assert list(timeline[0]) == ["date", "account_id", "case_id", "stage", "action", "reason"]
    assert timeline[0]["case_id"] == f"{timeline[0]['account_id']}-20050602"


def test_every_row_has_a_reason_in_the_policys_words(tmp_path: Path, policy: Policy) -> None:
    simulate(Inputs([write(tmp_path / "x.csv", "portfolio", OLD)]), policy, FIRST, LAST, tmp_path)
    reasons = {row["action"]: row["reason"] for row in rows_of(tmp_path)}
    assert reasons["case_opened"] == "6000.00 TWD past due, 73 DPD on 2005-06-01"
    assert reasons["place_with_agency"].startswith("stage agency: place_with_agency 1 of 1")
    assert all(reasons.values())


def test_the_summary_counts_what_is_in_the_timeline(tmp_path: Path, policy: Policy) -> None:
    portfolio = [
        *OLD,
        extract("B", "2005-06-02", "100.00", "2005-06-01"),
        extract("C", "2005-06-02", "77.00", "2005-06-01", currency="USD"),
    ]
    inputs = Inputs(
        [write(tmp_path / "x.csv", "portfolio", portfolio)],
        [
            write(
                tmp_path / "y.csv",
                "payments",
                [payment("B", "2005-06-10", "100.00"), payment("A", "2005-06-22", "500.50")],
            )
        ],
    )
    summary = simulate(inputs, policy, FIRST, date(2005, 12, 31), tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert summary["policy"] == "test 1"
    assert (summary["from"], summary["to"]) == ("2005-06-01", "2005-12-31")
    assert summary["accounts"] == 3
    assert summary["cases"] == {"opened": 3, "closed": 1, "open": 2}
    assert summary["cured_by_stage"]["reminder"] == 1
    # A currency without a minimum for court: that minimum is not applied (rule 9).
    assert summary["open_by_stage"] == dict.fromkeys(["none", *policy.ladder], 0) | {"legal": 2}
    assert (summary["placed"], summary["recalled"], summary["filed"]) == (2, 2, 2)
    assert summary["amounts"]["TWD"] == {
        "opened": "6100.00",
        "placed": "6000.00",
        "filed": "5499.50",
        "open": "5499.50",
    }
    assert summary["amounts"]["USD"] == {"opened": "77.00", "placed": "77.00", "filed": "77.00", "open": "77.00"}
    timeline = rows_of(tmp_path)
    for action, count in summary["actions"].items():
        assert count == sum(row["action"] == action for row in timeline)


# --- memory ----------------------------------------------------------------------------------------------------------
def _peak(folder: Path, policy: Policy, months: int) -> int:
    """The most memory that is taken to play 150 accounts, a file for each month."""
    for month in range(months):
        as_of = date(2005, 1, 1) + timedelta(days=30 * month)
        owed = [
            extract(
                f"A{number}", as_of.isoformat(), f"{100 + month}.00", (as_of - timedelta(days=number % 90)).isoformat()
            )
            for number in range(150)
        ]
        write(folder / f"portfolio/{as_of}.csv.gz", "portfolio", owed)
    inputs = Inputs([folder / "portfolio"])
    tracemalloc.start()
    simulate(inputs, policy, date(2005, 1, 1), date(2005, 1, 1) + timedelta(days=30 * months), folder / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_stays_flat_when_the_horizon_doubles(
    tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arrears.simulate.store._WAITING", 256)
    # What is remembered of decisions has a bound of its own, which so few accounts do not reach (`test_cohorts`).
    monkeypatch.setattr("arrears.simulate.cohorts.MOST_STEPS", 0)
    _peak(tmp_path / "warm", policy, 12)
    once, twice = _peak(tmp_path / "once", policy, 6), _peak(tmp_path / "twice", policy, 12)
    # The accounts that are played at a time have twice the facts: 1.15 times. All rows in memory would take 1.44 times.
    assert twice < 1.25 * once


def test_a_bucket_that_is_too_large_is_sorted_into_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arrears.simulate.store._WAITING", 64)
    monkeypatch.setattr("arrears.simulate.store._MOST_ROWS", 8)
    facts = Facts()
    for number in range(5000):
        facts.add((f"account {number % 999}", (0, 0, number, str(number))))
    accounts = dict(facts.accounts())
    facts.close()
    assert len(accounts) == 999
    assert sum(map(len, accounts.values())) == 5000
    for rows in accounts.values():
        assert [row[2] for row in rows] == sorted(row[2] for row in rows)
