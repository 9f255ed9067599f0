"""What is wrong with a policy is said in words for a collections manager, not in Python's."""

from pathlib import Path

import pytest

from arrears.policy_file import PolicyFileError, load_policy
from tests.unit.policy.test_wrong_policies import GOOD

DPD = "days_past_due: 15"
HOURS = '["08:00", "21:00"]'
TOLERANCE = 'cure_tolerance: {TWD: "1.00"}'
FREEZE = 'freeze: {arrears_over: {TWD: "50000.00"}, after_collections: 2, apart_days: 30}\n'
#: What is replaced by what, and what is said of it, without the file.
# ruff: noqa: E501 - a line each
SAID = [
    ("a unit", DPD, "days_past_due: 15 days", "should be a whole number such as 15, without a unit"),
    ("a fraction", DPD, "days_past_due: 15.5", "should be a whole number such as 15, without a unit"),
    ("nothing", "{days_past_due: 15}", "", "is empty: give it a value, or leave the key out"),
    ("too little", DPD, "days_past_due: -1", "should be greater than or equal to 0"),
    ("thousands", '"1.00"', '"1,000.00"', 'should be an amount such as "1000.00": no comma, no % and no currency'),
    ("a word", '"1.00"', "a lot", 'should be an amount such as "1000.00": no comma, no % and no currency'),
    ("a fine amount", '"1.00"', '"1.00001"', "should have no more than 4 decimal places"),
    ("percent", "freeze:", 'promises: {minimum_share: "50%"}\nfreeze:', 'should be a number such as "0.5": no comma and no %'),
    ("one amount", TOLERANCE, 'cure_tolerance: "1.00"', 'should be amounts by currency: write {CNY: "1000.00"}'),
    ("a small currency", "{TWD:", "{twd:", "is no name that can stand here: a currency is its code of ISO 4217, such as CNY"),
    ("a number for a text", 'version: "1"', "version: 1", 'should be a text: write it in quotes, such as "1"'),
    ("an empty text", 'version: "1"', 'version: ""', "is empty"),
    ("a name with a space", "name: bank", "name: my bank", "is no name that can stand here: a name has letters, digits, "),
    ("a stage with a space", "  call:", "  first call:", "is no name that can stand here: a stage has a name of small "),
    ("one for a list", "at_most: 6}]", "at_most: 6}]\n    promise_windows_days: 7", "should be a list: write [7, 5, 3]"),
    ("a step for steps", "[{action: queue_call, every_days: 3, at_most: 6}]", "{action: queue_call}", "should be a list: write ["),
    ("hours in one", HOURS, "08:00-21:00", 'should be a list: write ["08:00", "21:00"]'),
    ("three hours", HOURS, '["08:00", "12:00", "21:00"]', "should be a list of 2: there are 3"),
    ("one hour", HOURS, '["08:00"]', "is missing"),
    ("an hour of one digit", HOURS, '["8:00", "21:00"]', 'write a time of day in quotes as HH:MM, such as "08:00"'),
    ("a date of another country", "2005-10-10", "10/10/2005", "should be a date such as 2026-02-17"),
    ("a date that is none", "2005-10-10", "2005-02-30", "2005-02-30 is not in the calendar: should be a date such as 2026-02-17"),
    ("a day in full", "contact: {", "contact: {days: [Monday], ", "should be one of mon, tue, wed, thu, fri, sat or sun; did you mean mon?"),
    ("an agency that fails", "{months_past_due: 3}", "{agency: fail}", "should be failed"),
    ("yes and no", "freeze:", "legal: {withdraw_when_paid: ja}\nfreeze:", "should be true or false"),
    ("a stage of nothing", "  call:\n", "  nothing:\n  call:\n", "is empty: give it a value, or leave the key out"),
    ("a value for keys", "{day: 5, template: monthly, stages: [reminder, call]}", "5", "should have keys of its own"),
    ("a key like another", "every_days: 3", "every_day: 3", "is no key of a policy here; did you mean every_days?"),
    ("a capital", "freeze:", "Freeze:", "is no key of a policy here; did you mean freeze?"),
    ("a key of a hold", "freeze:", "holds: {dispute: {recall: false}}\nfreeze:", "is no key of a policy here; did you mean recalls?"),
    ("a key like none", "freeze:", "zzz: 1\nfreeze:", "is no key of a policy here"),
]  # fmt: skip


def refused(folder: Path, old: str, new: str) -> str:
    assert old in GOOD
    path = folder / "policy.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(PolicyFileError) as found:
        load_policy(path)
    return found.value.problems[0].reason


@pytest.mark.parametrize(("old", "new", "said"), [each[1:] for each in SAID], ids=[each[0] for each in SAID])
def test_what_is_wrong_is_said_in_words(old: str, new: str, said: str, tmp_path: Path) -> None:
    told = refused(tmp_path, old, new)
    assert told.startswith(said)
    assert told.endswith("?") == said.endswith("?")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    from: {days_past_due: 15}", "\tfrom: {days_past_due: 15}", "use spaces, not a tab"),
        ("  call:\n", "   call:\n", "the lines are not indented alike, or a quotation mark is not closed"),
        ("name: bank", "name: bank: mine", "put a text that holds a colon in quotes, and indent the lines alike"),
        (FREEZE, "freeze\uff1a1\n", "a key is followed by a colon and a space, as in `key: value`"),
        ("{day: 5", "[day: 5", "a comma is missing, or a bracket is not closed"),
        ("[2005-10-10]}\n", "[2005-10-10\n", "a comma is missing, or a bracket is not closed"),
        ('version: "1"', 'version: "1', "the lines are not indented alike, or a quotation mark is not closed"),
        ('["08:00", "21:00"], holidays: [2005-10-10]}', "[", "a bracket is not closed"),
    ],
)
def test_so_is_what_is_no_yaml(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert refused(tmp_path, old, new) == said
