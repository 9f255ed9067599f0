"""Thirteen odd accounts of the real portfolio, worked out by hand from the rules of docs/policy.md.

The policy is the ladder of docs/policy.md in TWD: texts from 1 DPD (every 7 days, 3), calls from 15 DPD (every 3 days,
6), a letter from 60 DPD, an agency after more than 3 months and 14 days after a letter, court when the agency failed
and 5,000.00 are owed; a monthly text on the 5th; frozen above 50,000.00 after two collections 30 days apart.
"""

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from arrears.policy_file import load_policy
from arrears.simulate import Inputs, simulate

HERE = Path(__file__).parent
POLICY = """
name: by-hand
version: "1"
cure_tolerance: {TWD: "1.00"}
stages:
  reminder:
    from: {days_past_due: 1}
    steps: [{action: send_sms, template: just_overdue, every_days: 7, at_most: 3}]
  call:
    from: {days_past_due: 15}
    steps: [{action: queue_call, every_days: 3, at_most: 6}]
    promise_windows_days: [7, 5, 3, 2, 1]
  lawyer_letter:
    from: {days_past_due: 60}
    steps: [{action: queue_letter, template: lawyer_letter, at_most: 1}]
  agency:
    from: {months_past_due: 3}
    requires: [{action: queue_letter, at_least_days_ago: 14}]
    steps: [{action: place_with_agency, at_most: 1}]
    term_days: 90
  legal:
    from: {agency: failed}
    minimum_arrears: {TWD: "5000.00"}
    steps: [{action: file_legal, at_most: 1}]
monthly_reminder: {day: 5, template: monthly, stages: [reminder, call, lawyer_letter]}
freeze: {arrears_over: {TWD: "50000.00"}, after_collections: 2, apart_days: 30}
"""

#: By account: what happens, in the short notation of `short`.
BY_HAND: dict[str, str] = {
    # Three cases in half a year.
    # 1. Due 3 March. Known on 10 April: 28 + 10 = 38 DPD, so the first stage is call (15), and six calls follow, every
    #    3 days from 10 April: 13, 16, 19, 22, 25. 60 DPD: 3 March + 60 = 2 May (28 left of March, 30 of April, 2).
    #    The letter goes then; 5 May is the monthly text; on 8 May nothing is owed. More than 3 months past due would
    #    have been 4 June. The payment of 1 April is older than the extract and is in it.
    # 2. Due 3 July, known on 7 August: 28 + 7 = 35 DPD. 60 DPD: 3 July + 60 = 1 September (28 + 31 + 1). The payment
    #    of 1 August is older than the extract. On 4 September nothing is owed, a day before the monthly text.
    # 3. Due 3 October, known on 9 October: 6 DPD, reminder. Texts on 9 and 16 October; 15 DPD is 18 October, before
    #    the third. Calls 18, 21, 24, 27, 30 October and 2 November; monthly texts 5 November and, in the letter stage
    #    (3 October + 60 = 2 December), 5 December. Three months after 3 October is 3 January: later than that is 4
    #    January, and the letter of 2 December is 33 days old. Term: 4 January + 90 = 4 April (27 + 28 + 31 + 4). 1,000
    #    are below the minimum of 5,000 for court, so it stays with the agency stage for good.
    "TW000002": """
        20050410: 04-10 open, call: call; 04-13 call; 04-16 call; 04-19 call; 04-22 call; 04-25 call;
            05-02 lawyer_letter: letter; 05-05 text; 05-08 close
        20050807: 08-07 open, call: call; 08-10 call; 08-13 call; 08-16 call; 08-19 call; 08-22 call;
            09-01 lawyer_letter: letter; 09-04 close
        20051009: 10-09 open, reminder: text; 10-16 text; 10-18 call: call; 10-21 call; 10-24 call; 10-27 call;
            10-30 call; 11-02 call; 11-05 text; 12-02 lawyer_letter: letter; 12-05 text; 01-04 agency: place;
            04-04 recall
    """,
    # Opted out of SMS. Due 23 October, known on 30 October: 7 DPD, the reminder stage is entered and its texts do not
    # go out; neither do the monthly ones. 15 DPD: 7 November. 60 DPD: 23 October + 60 = 22 December (8 + 30 + 22).
    # Later than 23 January is 24 January; the letter is 33 days old. 24 January + 90 = 24 April (7 + 28 + 31 + 24).
    # 316 are too little for court.
    "TW000022": """
        20051030: 10-30 open, reminder; 11-07 call: call; 11-10 call; 11-13 call; 11-16 call; 11-19 call; 11-22 call;
            12-22 lawyer_letter: letter; 01-24 agency: place; 04-24 recall
    """,
    # Known on the first day: due 1 October, extract of 2 October, 1 DPD. Texts 2, 9, (16) October, the monthly one on
    # the 5th between them. 15 DPD is 16 October: the call stage is found before the third text, which falls away.
    # Calls 16, 19, 22, 25, 28, 31 October. 60 DPD: 1 October + 60 = 30 November. Later than 1 January is 2 January;
    # the letter is 33 days old. 2 January + 90 = 2 April (29 + 28 + 31 + 2). 1,797.30 are too little for court.
    "TW000100": """
        20051002: 10-02 open, reminder: text; 10-05 text; 10-09 text; 10-16 call: call; 10-19 call; 10-22 call;
            10-25 call; 10-28 call; 10-31 call; 11-05 text; 11-30 lawyer_letter: letter; 12-05 text;
            01-02 agency: place; 04-02 recall
    """,
    # Frozen. Due 25 August, known on 2 October: 6 + 30 + 2 = 38 DPD. Calls 2, 5, 8, 11, 14, 17 October, and on the 5th
    # the monthly text after the call. 60 DPD: 25 August + 60 = 24 October (6 + 30 + 24). Freeze: 60,998.20 and later
    # 91,497.30 exceed 50,000; the first collection counted is the call of 2 October, the next must be 30 days later,
    # 1 November or after: the letter of 24 October is too early, the text of 5 November counts. It must lie on an
    # earlier date: 6 November. Later than 25 November is 26 November; the letter is 33 days old. 26 November + 90 = 24
    # February (4 + 31 + 31 + 24): recalled, failed, and 91,497.30 go to court on that date.
    "TW000124": """
        20051002: 10-02 open, call: call; 10-05 call, text; 10-08 call; 10-11 call; 10-14 call; 10-17 call;
            10-24 lawyer_letter: letter; 11-05 text; 11-06 freeze; 11-26 agency: place;
            02-24 recall, legal: file
    """,
    # Paid two days after an agency got it. Due 6 June, known on 10 July: 24 + 10 = 34 DPD. 60 DPD: 6 June + 60 = 5
    # August (24 + 31 + 5): letter and monthly text on one date. The extract of 7 August says the oldest due date is
    # 6 July, which takes nothing back. The payment of 2 August, 7.00, counts until then and changes nothing. Later
    # than 6 October (6 July + 3 months) is 7 October. On 9 October nothing is owed: recall first, then close.
    "TW000130": """
        20050710: 07-10 open, call: call; 07-13 call; 07-16 call; 07-19 call; 07-22 call; 07-25 call;
            08-05 lawyer_letter: letter, text; 09-05 text; 10-05 text; 10-07 agency: place; 10-09 recall, close
    """,
    # Open on the first date that is played, at exactly 60 DPD: 2 February + 60 = 3 April (26 + 31 + 3). Text on 5
    # April. Later than 2 May is 3 May; the letter of 3 April is 30 days old; so the extract of 8 May, with a due date
    # of 2 April, comes too late to matter. 3 May + 90 = 1 August (28 + 30 + 31 + 1). Owed on that date: 13,456.40 of
    # 3 July less the 3,000 paid on 1 August are 10,456.40, enough for court.
    "TW000176": """
        20050403: 04-03 open, lawyer_letter: letter; 04-05 text; 05-03 agency: place; 08-01 recall, legal: file
    """,
    # No mobile number: no texts, but calls, for other numbers are on file. Due 16 March, known on 17 April: 15 + 17 =
    # 32 DPD. 60 DPD: 16 March + 60 = 15 May (15 + 30 + 15). 760 paid on 15 May change nothing. Later than 16 June is
    # 17 June; 33 days after the letter. 17 June + 90 = 15 September (13 + 31 + 31 + 15): 10,543.50 of 21 August go to
    # court. Paid by 23 October, and closed in court.
    "TW000190": """
        20050417: 04-17 open, call: call; 04-20 call; 04-23 call; 04-26 call; 04-29 call; 05-02 call;
            05-15 lawyer_letter: letter; 06-17 agency: place; 09-15 recall, legal: file; 10-23 close
    """,
    # From nothing to 98,391.20 at once. Due 9 July, known on 14 August: 22 + 14 = 36 DPD. 60 DPD: 9 July + 60 = 7
    # September (22 + 31 + 7). The extract of 11 September: 50,706.20, due 9 September; the stage stays. Freeze: first
    # counted the call of 14 August, the next not before 13 September, so not the text of 5 September and not the
    # letter, but the text of 5 October: frozen on the 6th, while 50,706.20 still exceed 50,000. Paid by 16 October.
    "TW000408": """
        20050814: 08-14 open, call: call; 08-17 call; 08-20 call; 08-23 call; 08-26 call; 08-29 call; 09-05 text;
            09-07 lawyer_letter: letter; 10-05 text; 10-06 freeze; 10-16 close
    """,
    # Paid between two extracts, and late again. Due 3 March, known on 10 April: 38 DPD; letter on 2 May. The extracts
    # keep the case below three months: due 3 April (later than 3 July), 3 May (known since 5 June: later than 3
    # August), 3 June (known since 10 July: later than 3 September). 4,500 paid on 1 June against the 6,239.80 of 8 May
    # leave 1,739.80. 6,000 paid on 1 August against 5,613.40 leave nothing: closed on that date, not on the next
    # extract's. That one says 4,494.80, due 3 July: 28 + 7 = 35 DPD on 7 August, a new case. Letter on 1 September;
    # the extract of 4 September has 3 September as the due date; texts on the 5th; nothing owed on 9 October.
    "TW000502": """
        20050410: 04-10 open, call: call; 04-13 call; 04-16 call; 04-19 call; 04-22 call; 04-25 call;
            05-02 lawyer_letter: letter; 05-05 text; 06-05 text; 07-05 text; 08-01 close
        20050807: 08-07 open, call: call; 08-10 call; 08-13 call; 08-16 call; 08-19 call; 08-22 call;
            09-01 lawyer_letter: letter; 09-05 text; 10-05 text; 10-09 close
    """,
    # Cured while with the agency, then all the way to court. Due 10 March, known on 17 April: 21 + 17 = 38 DPD. 60
    # DPD: 10 March + 60 = 9 May (21 + 30 + 9). Later than 10 June is 11 June; the letter is 33 days old; the extract
    # of 12 June, due 10 April, comes a day late. Nothing owed on 17 July. Second: due 10 August, known on 11 September:
    # 21 + 11 = 32 DPD. 60 DPD: 10 August + 60 = 9 October (21 + 30 + 9). Later than 10 November is 11 November. 11
    # November + 90 = 9 February (19 + 31 + 31 + 9): 16,154.70 go to court.
    "TW000534": """
        20050417: 04-17 open, call: call; 04-20 call; 04-23 call; 04-26 call; 04-29 call; 05-02 call; 05-05 text;
            05-09 lawyer_letter: letter; 06-05 text; 06-11 agency: place; 07-17 recall, close
        20050911: 09-11 open, call: call; 09-14 call; 09-17 call; 09-20 call; 09-23 call; 09-26 call; 10-05 text;
            10-09 lawyer_letter: letter; 11-05 text; 11-11 agency: place; 02-09 recall, legal: file
    """,
    # Never pays, opens beyond the calls. Due 8 February, known on 10 April: 20 + 31 + 10 = 61 DPD, so the letter is
    # the first thing done. Text on 5 May. Later than 8 May is 9 May; the letter is 29 days old. 9 May + 90 = 7 August
    # (22 + 30 + 31 + 7): 14,011.80 of 10 July go to court. Nothing owed on 9 October: closed in court.
    "TW000832": """
        20050410: 04-10 open, lawyer_letter: letter; 05-05 text; 05-09 agency: place; 08-07 recall, legal: file;
            10-09 close
    """,
    # Too little for court, paid two days after the term. Due 10 March, known on 17 April: 38 DPD; letter on 9 May;
    # agency on 11 June; 11 June + 90 = 9 September (19 + 31 + 31 + 9). 323 paid on 9 July against 1,415 leave 1,092,
    # which is what the extract of 17 July says too: it is not taken off twice.
    "TW003034": """
        20050417: 04-17 open, call: call; 04-20 call; 04-23 call; 04-26 call; 04-29 call; 05-02 call; 05-05 text;
            05-09 lawyer_letter: letter; 06-05 text; 06-11 agency: place; 09-09 recall; 09-11 close
    """,
    # No phone at all: the call stage is entered and nobody is called, no text goes out. Due 25 June, known on 31 July:
    # 5 + 31 = 36 DPD. 60 DPD: 25 June + 60 = 24 August (5 + 31 + 24). The letter is the only collection, so nothing is
    # frozen though 106,628.40 are owed. Due dates move a month at a time (25 July, 25 August), so the agency's three
    # months are never over. Paid by 30 October.
    "TW004324": """
        20050731: 07-31 open, call; 08-24 lawyer_letter: letter; 10-30 close
    """,
}

_WORDS = {
    "case_opened": "open",
    "case_closed": "close",
    "send_sms": "text",
    "queue_call": "call",
    "queue_letter": "letter",
    "freeze_account": "freeze",
    "place_with_agency": "place",
    "recall_from_agency": "recall",
    "file_legal": "file",
}


def short(rows: list[dict[str, str]]) -> str:
    """Cases as `date of opening: MM-DD what, ...; ...`, a stage that is entered as `stage: what is done at once`."""
    cases: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        days = cases[row["case_id"].rpartition("-")[2]]
        if row["action"] == "stage_entered":
            days[row["date"][5:]].append(f"{row['stage']}:")
        else:
            days[row["date"][5:]].append(_WORDS[row["action"]])
    return " ".join(
        f"{case}: " + "; ".join(f"{day} {_joined(done)}" for day, done in days.items()) for case, days in cases.items()
    )


def _joined(done: list[str]) -> str:
    return ", ".join(done).replace(":, ", ": ").removesuffix(":")


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("by-hand")
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    odd = HERE / "odd_accounts"
    inputs = Inputs([odd / "portfolio.csv"], [odd / "payments.csv"])
    simulate(inputs, load_policy(policy).policy, date(2005, 4, 3), date(2006, 6, 30), folder)
    accounts = defaultdict(list)
    with (folder / "timeline.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            accounts[row["account_id"]].append(row)
    return accounts


@pytest.mark.parametrize("account_id", sorted(BY_HAND))
def test_what_was_worked_out_by_hand(timeline: dict[str, list[dict[str, str]]], account_id: str) -> None:
    assert short(timeline[account_id]) == " ".join(BY_HAND[account_id].split())


def test_nobody_else_is_in_the_timeline(timeline: dict[str, list[dict[str, str]]]) -> None:
    assert set(timeline) == set(BY_HAND)


def test_dates_carry_their_year(timeline: dict[str, list[dict[str, str]]]) -> None:
    last = timeline["TW000002"][-1]
    assert (last["date"], last["action"]) == ("2006-04-04", "recall_from_agency")
    filed = timeline["TW000124"][-1]
    assert (filed["date"], filed["stage"], filed["action"]) == ("2006-02-24", "legal", "file_legal")
