"""Wrong policies: each is refused with its file, the line, the rule that it breaks and the reason, in words."""

from pathlib import Path

import pytest

from arrears.cli import main
from arrears.policy_file import MAX_POLICY, PolicyFileError, load_policy

GOOD = """\
name: bank
version: "1"
cure_tolerance: {TWD: "1.00"}
stages:
  reminder:
    from: {days_past_due: 1}
    steps: [{action: send_sms, template: just_overdue, every_days: 7, at_most: 3}]
  call:
    from: {days_past_due: 15}
    steps: [{action: queue_call, every_days: 3, at_most: 6}]
  lawyer_letter:
    from: {days_past_due: 60}
    steps: [{action: queue_letter, template: lawyer_letter, at_most: 1}]
  agency:
    from: {months_past_due: 3}
    requires: [{action: queue_letter, at_least_days_ago: 14}]
    steps: [{action: place_with_agency, at_most: 1}]
    term_days: 90
monthly_reminder: {day: 5, template: monthly, stages: [reminder, call]}
freeze: {arrears_over: {TWD: "50000.00"}, after_collections: 2, apart_days: 30}
contact: {hours: ["08:00", "21:00"], holidays: [2005-10-10]}
"""

#: What is replaced by what, on which line it is told, where in the policy, and a part of the reason.
WRONG = {
    "no_name": ("name: bank\n", "", 1, "name", "is missing"),
    "name_with_a_blank": ("name: bank", "name: my bank", 1, "name", "is no name that can stand here: a name has"),
    "unknown_key": ("freeze:", "freezer:", 20, "freezer", "is no key of a policy"),
    "unknown_key_of_a_step": ("every_days: 3", "every_day: 3", 10, "stages.call.steps[0].every_day", "is no key"),
    "key_given_twice": ("contact:", 'cure_tolerance: {TWD: "2.00"}\ncontact:', 21, "", "cure_tolerance is given twice"),
    "stage_given_twice": ("  lawyer_letter:\n", "  call:\n", 11, "", "call is given twice"),
    "stages_out_of_order": (
        "days_past_due: 60",
        "days_past_due: 10",
        4,
        "stages",
        "lawyer_letter would begin at 10 DPD",
    ),
    "stage_that_never_begins": ("{months_past_due: 3}", "{}", 15, "stages.agency.from", "say when the stage begins"),
    "no_stage_at_all": (
        GOOD[GOOD.index("stages:") : GOOD.index("monthly")],
        "stages: {}\n",
        4,
        "stages",
        "at least one stage",
    ),
    "stage_with_a_capital": ("  agency:\n", "  Agency:\n", 14, "stages.Agency", "is no name that can stand here"),
    "negative_days": (
        "days_past_due: 15",
        "days_past_due: -15",
        9,
        "stages.call.from.days_past_due",
        "greater than or equal to 0",
    ),
    "days_that_are_no_number": (
        "days_past_due: 15",
        "days_past_due: soon",
        9,
        "stages.call.from.days_past_due",
        "a whole number such as 15",
    ),
    "unknown_action": (
        "action: queue_call",
        "action: visit",
        10,
        "stages.call.steps[0].action",
        "should be one of send_sms, queue_call",
    ),
    "repeated_every_zero_days": (
        "every_days: 3",
        "every_days: 0",
        10,
        "stages.call.steps[0].every_days",
        "greater than or equal to 1",
    ),
    "unknown_template": (
        "template: monthly",
        "template: weekly",
        19,
        "monthly_reminder.template",
        "no template is named weekly; there are",
    ),
    "template_of_another_kind": (
        "template: just_overdue",
        "template: lawyer_letter",
        7,
        "stages.reminder.steps[0].template",
        "is a template for letter, not sms",
    ),
    "template_where_none_goes": (
        "action: queue_call,",
        "action: queue_call, template: monthly,",
        10,
        "stages.call.steps[0].template",
        "this action takes no template",
    ),
    "reminder_in_a_stage_that_is_not": (
        "[reminder, call]",
        "[reminder, calls]",
        19,
        "monthly_reminder",
        "there is no stage 'calls'",
    ),
    "impossible_day_of_the_month": ("day: 5", "day: 32", 19, "monthly_reminder.day", "less than or equal to 31"),
    "impossible_date": ("2005-10-10", "2005-02-30", 21, "contact.holidays[0]", "2005-02-30 is not in the calendar"),
    "hours_that_end_before_they_begin": (
        '["08:00", "21:00"]',
        '["21:00", "08:00"]',
        21,
        "contact.hours",
        "the end must be later",
    ),
    "hours_without_quotes": ('["08:00", "21:00"]', "[8, 21]", 21, "contact.hours[0]", "write a time of day in quotes"),
    "amount_without_its_currency": (
        'arrears_over: {TWD: "50000.00"}',
        'arrears_over: "50000.00"',
        20,
        "freeze.arrears_over",
        'write {CNY: "1000.00"}',
    ),
    "currency_that_is_none": (
        '{TWD: "50000.00"}',
        '{NT$: "50000.00"}',
        20,
        "freeze.arrears_over.NT$",
        "is no name that can stand here",
    ),
    "negative_amount": (
        '{TWD: "50000.00"}',
        '{TWD: "-1.00"}',
        20,
        "freeze.arrears_over.TWD",
        "greater than or equal to 0",
    ),
    "more_of_a_cent_than_there_is": ('"1.00"', '"1.00001"', 3, "cure_tolerance.TWD", "4 decimal places"),
    "fallback_to_itself": (
        "contact: {",
        "contact: {fallback: {send_sms: {action: send_sms}}, ",
        21,
        "contact.fallback",
        "cannot stand in for itself",
    ),
    "budget_without_a_price": (
        "contact: {",
        'sms: {monthly_budget: {total: "1"}}\ncontact: {',
        21,
        "sms.monthly_budget",
        "say segment_price too",
    ),
    "yaml_that_runs_code": ('version: "1"', "version: !!python/object/apply:os.system [ls]", 2, "", "is not allowed"),
    "yaml_that_unfolds": ('version: "1"', 'version: &a "1"\nagency_id: *a', 3, "", "aliases (*name) are not allowed"),
    "yaml_that_is_none": ("stages:\n", "stages: [\n", 6, "", ""),
}


#: Bound by two packs, and as loose as they let it be.
BOUND = """\
name: bank
version: "1"
rules: [cn, us-reg-f]
stages:
  reminder:
    from: {days_past_due: 1}
    steps: [{action: send_sms, template: just_overdue, every_days: 7, at_most: 3}]
  call:
    from: {days_past_due: 15}
    steps: [{action: queue_call, every_days: 3, at_most: 6}]
  legal:
    from: {months_past_due: 3}
    steps: [{action: file_legal, at_most: 1}]
contact:
  hours: ["08:00", "21:00"]
  caps: [{actions: [queue_call], at_most: 7, in_days: 7}]
calls:
  numbers: [mobile, work, home]
  tries_per_number: 3
  again_after_days: 0
"""
CALLS = """\
calls:
  numbers: [mobile, work, home]
  tries_per_number: 3
"""
#: What is replaced by what, on which line it is told, where, the rule, and a part of the reason.
LOOSER = {
    "hours_that_begin_early": (
        '["08:00", "21:00"]',
        '["07:59", "21:00"]',
        15,
        "contact.hours",
        "(us-reg-f: hours, Regulation F 12 CFR 1006.6(b))",
        "07:59-21:00 is wider than 08:00-21:00",
    ),
    "hours_that_end_late": (
        '["08:00", "21:00"]',
        '["08:00", "21:01"]',
        15,
        "contact.hours",
        "(cn: hours, Secondary texts on quiet hours, not verified)",
        "a bank that does not follow it names cn/hours in without",
    ),
    "a_greater_cap": (
        "at_most: 7, in_days: 7",
        "at_most: 8, in_days: 7",
        16,
        "contact.caps[0]",
        "(us-reg-f: calls-7-in-7, Regulation F 12 CFR 1006.14(b)(2))",
        "8 in 7 days is more than 7 in 7 days",
    ),
    "a_greater_cap_in_fewer_days": (
        "at_most: 7, in_days: 7",
        "at_most: 8, in_days: 5",
        16,
        "contact.caps[0]",
        "(us-reg-f: calls-7-in-7",
        "8 in 5 days is more than 7 in 7 days",
    ),
    "family_among_the_numbers": (
        "[mobile, work, home]",
        "[mobile, work, home, family]",
        18,
        "calls.numbers",
        "(cn: third-parties, Measures on the credit-card business of commercial banks (CBRC 2011 no. 2) art. 68)",
        "family: other people are not called; a guarantor may be",
    ),
    "numbers_left_out": (
        CALLS,
        "calls:\n  tries_per_number: 3\n",
        17,
        "calls.numbers",
        "(cn: third-parties",
        "family and contact, which numbers left out means: other people are not called",
    ),
    "more_tries_of_a_number_in_a_day": (
        "tries_per_number: 3",
        "tries_per_number: 4",
        19,
        "calls.tries_per_number",
        "(cn: calls-a-day, Guideline of 2024, GB/T 45251-2025, not verified)",
        "4 tries of a number are more than 3 in 1 days",
    ),
    "a_verified_rule_left_out": (
        'version: "1"',
        'version: "1"\nwithout: [us-reg-f/hours]',
        3,
        "without",
        "us-reg-f/hours is verified (Regulation F 12 CFR 1006.6(b))",
        "cannot be left out",
    ),
    "a_rule_left_out_that_is_none": (
        'version: "1"',
        'version: "1"\nwithout: [cn/quiet]',
        3,
        "without",
        "cn/quiet is no rule of its packs",
        "",
    ),
    "a_pack_that_is_none": (
        "us-reg-f]",
        "us-reg-g]",
        3,
        "rules",
        "no pack of rules is named us-reg-g",
        "cn, tw, uk-conc",
    ),
    "a_pack_outside_the_folders": ("us-reg-f]", '"../x"]', 3, "rules", "../x", ""),
    "a_pack_written_into_the_policy": (
        "rules: [cn",
        "packs: [{}]\nrules: [cn",
        3,
        "packs",
        "is no key of a policy",
        "",
    ),
}


def problems(path: Path) -> str:
    with pytest.raises(PolicyFileError) as refused:
        load_policy(path)
    return str(refused.value)


def test_the_policy_that_they_are_made_from_is_good(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert load_policy(path).policy.label == "bank 1"


def test_there_are_more_than_twenty_five_of_them() -> None:
    assert len(WRONG) > 25


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_policy_is_refused_with_its_place(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, line, place, reason = WRONG[name]
    assert GOOD.count(old) >= 1
    path = tmp_path / f"{name}.yaml"
    path.write_text(GOOD.replace(old, new, 1))

    (first, *_) = told = problems(path).splitlines()

    start = f"{path}:{line}: {place}: " if place else f"{path}:{line}: "
    assert first.startswith(start), told
    assert reason in first
    assert main(["policy", "check", str(path)]) == 1
    assert first in capsys.readouterr().err


def test_ten_megabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(10 * 1024 * 1024)
    assert problems(path) == f"{path}: is longer than {MAX_POLICY // 1024} KiB"


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"name: bank\nversion: \xff\n")
    assert problems(path) == f"{path}:2: is not UTF-8"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(GOOD.replace("days_past_due: 15", "days_past_due: -15").replace("day: 5", "day: 32"))
    assert [line.split(":")[1] for line in problems(path).splitlines()] == ["9", "19"]


def test_the_policy_that_looser_ones_are_made_from_is_good(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(BOUND)
    assert [pack.name for pack in load_policy(path).policy.packs] == ["cn", "us-reg-f"]


@pytest.mark.parametrize("name", LOOSER)
def test_a_policy_that_is_looser_than_its_packs_is_refused_with_the_rule(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, line, place, rule, reason = LOOSER[name]
    assert BOUND.count(old) >= 1
    path = tmp_path / f"{name}.yaml"
    path.write_text(BOUND.replace(old, new, 1))

    told = problems(path).splitlines()

    (found,) = [each for each in told if rule in each] or [told[0]]
    assert found.startswith(f"{path}:{line}: {place}"), told
    assert rule in found
    assert reason in found
    assert main(["policy", "check", str(path)]) == 1
    assert found in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["08:00", "21:00"]', '["09:00", "20:00"]'),
        ("at_most: 7, in_days: 7", "at_most: 6, in_days: 7"),
        ("at_most: 7, in_days: 7", "at_most: 8, in_days: 8"),
        (
            "at_most: 7, in_days: 7}",
            "at_most: 7, in_days: 7}, {actions: [send_sms, queue_call], at_most: 9, in_days: 7}",
        ),
        ("[mobile, work, home]", "[mobile]"),
        ("[mobile, work, home]", "[mobile, family]\n  other_people: guarantors"),
        (CALLS + "  again_after_days: 0\n", ""),
        ("rules: [cn, us-reg-f]", "rules: cn"),
        ('  hours: ["08:00", "21:00"]\n', ""),
    ],
)
def test_a_policy_may_be_stricter_than_its_packs(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "stricter.yaml"
    assert old in BOUND
    path.write_text(BOUND.replace(old, new))
    load_policy(path)


UK = BOUND.replace("[cn, us-reg-f]", "uk-conc")


@pytest.mark.parametrize(
    ("row", "place", "rule", "reason"),
    [
        ("dispute: {allows: [{action: send_sms}]}", "dispute.allows[0]", "disputed-debt", "send_sms is not done while"),
        ("dispute: {steps: [{action: send_sms}]}", "dispute.steps[0]", "disputed-debt", "send_sms is not done while"),
        ("dispute: {ends_after_days: 90}", "dispute.ends_after_days", "disputed-debt", "until it is lifted"),
        (
            "breathing_space: {ends_after_days: 59}",
            "breathing_space.ends_after_days",
            "breathing-space",
            "59 days are too few: the hold counts 60 days",
        ),
        ("breathing_space: {allows: [{action: queue_letter}]}", "breathing_space.allows[0]", "breathing-space", ""),
    ],
)
def test_a_hold_that_lets_out_what_a_rule_suspends_is_refused(
    row: str, place: str, rule: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "holds.yaml"
    path.write_text(f"{UK}holds:\n  {row}\n")
    (told,) = problems(path).splitlines()
    assert told.startswith(f"{path}:22: holds.{place}: ")
    assert f"(uk-conc: {rule}, " in told
    assert reason in told


def test_a_hold_matrix_may_be_as_loose_as_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "holds.yaml"
    rows = ["dispute: {allows: [{action: queue_letter}]}", "breathing_space: {ends_after_days: 60}"]
    path.write_text(f"{UK}holds:\n  {rows[0]}\n  {rows[1]}\n  hardship: {{allows: [{{action: send_sms}}]}}\n")
    load_policy(path)


def beside(folder: Path, rule: str) -> Path:
    """A policy with a pack of its own beside it."""
    (folder / "rules").mkdir()
    source = "{law: Law, article: art. 1, says: So it is.}"
    ruled = f"rules:\n  - {{id: one, source: {source}, verified: true, {rule}}}\n"
    made = f"name: own\ntitle: Own\nabout: Made up.\n{ruled}"
    (folder / "rules" / "own.yaml").write_text(made)
    path = folder / "policy.yaml"
    path.write_text(BOUND.replace("[cn, us-reg-f]", "own"))
    return path


@pytest.mark.parametrize(
    ("rule", "line", "reason"),
    [
        (
            "kind: notice, before: file_legal, action: queue_letter, template: final_notice, days: 14",
            11,
            "stages.legal.requires: file_legal needs a queue_letter final_notice at least 14 days before (own: one, ",
        ),
        (
            "kind: language, languages: [en, fr]",
            7,
            "stages.reminder.steps[0].template: just_overdue is not written in fr (own: one, Law art. 1)",
        ),
        (
            "kind: opt_out_wording, words: {en: [UNSUBSCRIBE], zh: [拒收]}",
            7,
            "stages.reminder.steps[0].template: just_overdue in en does not say how to opt out (UNSUBSCRIBE)",
        ),
    ],
)
def test_a_policy_that_lacks_what_a_rule_asks_for_is_refused(rule: str, line: int, reason: str, tmp_path: Path) -> None:
    path = beside(tmp_path, rule)
    assert f"{path}:{line}: {reason}" in problems(path)


@pytest.mark.parametrize(
    ("rule", "line", "reason"),
    [
        ("kind: cap, actions: [queue_call], at_most: 0, in_days: 1", 5, "rules[0].at_most: should be greater"),
        (
            "kind: cap, actions: [queue_call], at_most: 1, in_days: 1, per: day",
            5,
            "rules[0].per: should be one of account",
        ),
        ("kind: curfew", 5, "rules[0]: should be one of hours, cap"),
        ("kind: wishes", 5, "rules[0].numbers: is missing"),
        ("kind: wishes, numbers: [work], until: 2005-06-01", 5, "rules[0].until: is no key of a pack here"),
    ],
)
def test_a_wrong_pack_is_refused_with_its_own_place(rule: str, line: int, reason: str, tmp_path: Path) -> None:
    path = beside(tmp_path, rule)
    assert problems(path).startswith(f"{tmp_path / 'rules' / 'own.yaml'}:{line}: {reason}")
