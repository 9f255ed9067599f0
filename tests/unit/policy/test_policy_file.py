"""Reading a policy's file: what is wrong with it is told by line, all at once."""

import json
from pathlib import Path

import pytest
import yaml

from arrears.domain.policy import Policy
from arrears.policy_file import MAX_POLICY, PolicyFileError, load_policy, shipped_policy
from arrears.resources import policies_folder

GOOD = """\
name: good
version: "2026.1"
cure_tolerance: {CNY: "1.00"}
stages:
  reminder:
    from: {days_past_due: 1}
    steps: [{action: send_sms, template: just_overdue, every_days: 7, at_most: 3}]
  letter:
    from: {months_past_due: 2}
    steps:
      - action: queue_letter
        template: lawyer_letter
"""


def refused(tmp_path: Path, text: str, name: str = "policy.yaml") -> list[str]:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(PolicyFileError) as error:
        load_policy(path)
    return [str(problem).removeprefix(f"{path}:") for problem in error.value.problems]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(policies_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_what_ships_is_good(path: Path) -> None:
    assert load_policy(path).templates is not None


def test_a_policy_may_be_json(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path / "a.yaml", GOOD)).policy
    for indent in (None, 2, "\t"):
        text = json.dumps(yaml.safe_load(GOOD), indent=indent)
        assert load_policy(write(tmp_path / "policy.json", text)).policy == policy


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: good\n", "", "1: name: is missing"),
        (
            "name: good",
            "name: no good",
            (
                "1: name: is no name that can stand here: a name has letters, digits, '.', '_' and '-', and no space, "
                "such as my-bank"
            ),
        ),
        (
            "every_days: 7",
            "every_day: 7",
            "7: stages.reminder.steps[0].every_day: is no key of a policy here; did you mean every_days?",
        ),
        (
            "every_days: 7",
            "every_days: 0",
            "7: stages.reminder.steps[0].every_days: should be greater than or equal to 1",
        ),
        ("months_past_due: 2", "months: 2", "9: stages.letter.from.months: is no key of a policy here"),
        (
            "{months_past_due: 2}",
            "{}",
            "9: stages.letter.from: say when the stage begins: days_past_due, months_past_due or agency",
        ),
        (
            '"1.00"',
            '"a lot"',
            '3: cure_tolerance.CNY: should be an amount such as "1000.00": no comma, no % and no currency',
        ),
        ('"1.00"', '"-1"', "3: cure_tolerance.CNY: should be greater than or equal to 0"),
        (
            "CNY:",
            "yuan:",
            "3: cure_tolerance.yuan: is no name that can stand here: a currency is its code of ISO 4217, such as CNY",
        ),
        (
            "template: lawyer_letter",
            "template: nothing",
            (
                "12: stages.letter.steps[0].template: no template is named nothing; "
                "there are dispute_received, final_notice, lawyer_letter, reminder_letter, statement_of_account"
            ),
        ),
        (
            "template: just_overdue",
            "template: lawyer_letter",
            "7: stages.reminder.steps[0].template: lawyer_letter is a template for letter, not sms",
        ),
        (
            "action: queue_letter",
            "action: queue_call",
            "12: stages.letter.steps[0].template: this action takes no template",
        ),
    ],
)
def test_a_problem_names_its_line_its_field_and_its_reason(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    assert problem in refused(tmp_path, GOOD.replace(old, new, 1))


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        GOOD.replace("every_days: 7", "every_days: 0").replace("name: good\n", "").replace("months_past_due", "months")
    )
    assert [problem.partition(": ")[2].partition(": ")[0] for problem in refused(tmp_path, text)] == [
        "name",
        "stages.reminder.steps[0].every_days",
        "stages.letter.from.months",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: is no policy: a mapping with name, version and stages"),
        ("- a\n- b\n", "1: is no policy: a mapping with name, version and stages"),
        ("name: [\n", "2: a bracket is not closed"),
        (GOOD + "name: again\n", "13: name is given twice"),
        (GOOD + 'bank: {name: one, "name": two}\n', "13: name is given twice"),
        ("a: &a [x]\nb: *a\n", "2: aliases (*name) are not allowed: write it out"),
        (
            "name: !!python/object/apply:os.system [ls]\n",
            "1: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed",
        ),
    ],
)
def test_what_is_no_plain_yaml(tmp_path: Path, text: str, problem: str) -> None:
    assert refused(tmp_path, text) == [problem]


def test_a_bomb_of_aliases_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert refused(tmp_path, bomb) == ["2: aliases (*name) are not allowed: write it out"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "nothing.yaml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (write(tmp_path / "long.yaml", "#" * (MAX_POLICY + 1)), "is longer than 256 KiB"),
    ):
        with pytest.raises(PolicyFileError, match=reason):
            load_policy(path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: x\nbank: {name: caf\xe9}\n")
    with pytest.raises(PolicyFileError, match=r"latin\.yaml:2: is not UTF-8"):
        load_policy(latin)


def test_amounts_are_read_as_they_are_written(tmp_path: Path) -> None:
    text = GOOD.replace('{CNY: "1.00"}', "{CNY: 1000.10, TWD: 5, USD: '0.3'}")
    tolerance = load_policy(write(tmp_path / "policy.yaml", text)).policy.cure_tolerance
    assert {currency: str(amount) for currency, amount in tolerance.items()} == {
        "CNY": "1000.10",
        "TWD": "5",
        "USD": "0.3",
    }


def test_times_of_day_need_no_quotes(tmp_path: Path) -> None:
    """YAML reads 08:00 as a number in base sixty."""
    text = GOOD + "contact: {hours: [08:00, 24:00]}\n"
    policy_file = load_policy(write(tmp_path / "policy.yaml", text))
    hours = policy_file.policy.contact.hours
    assert hours is not None
    assert f"{hours[0]:%H:%M}" == "08:00"
    # What a stack is given reads the same.
    assert Policy.model_validate(json.loads(policy_file.document())["policy"]) == policy_file.policy


def test_warnings_have_their_line_and_are_no_errors(tmp_path: Path) -> None:
    text = GOOD + 'freeze: {arrears_over: {TWD: "1"}}\n'
    warnings = [str(warning) for warning in load_policy(write(tmp_path / "policy.yaml", text)).warnings]
    assert any(":13: freeze.arrears_over: no amount in CNY" in warning for warning in warnings)
    assert any(":3: cure_tolerance: no amount in TWD" in warning for warning in warnings)


def test_templates_beside_the_policy_come_before_those_that_ship(tmp_path: Path) -> None:
    own = "channel: sms\ntexts: [{language: en, text: 'Please call us.'}]\n"
    (tmp_path / "one").mkdir()
    (tmp_path / "two" / "templates").mkdir(parents=True)
    write(tmp_path / "one" / "just_overdue.yaml", own)
    write(tmp_path / "two" / "templates" / "just_overdue.yaml", own)
    for folder in ("one", "two"):
        templates = load_policy(write(tmp_path / folder / "policy.yaml", GOOD)).templates
        assert templates is not None
        assert templates.by_name["just_overdue"].texts[0].fields["text"] == "Please call us."
        assert "lawyer_letter" in templates


def test_a_bad_template_is_told_in_its_own_file(tmp_path: Path) -> None:
    write(tmp_path / "just_overdue.yaml", "channel: sms\ntexts: [{language: en, text: 'Hello {nobody}.'}]\n")
    path = write(tmp_path / "policy.yaml", GOOD)
    with pytest.raises(PolicyFileError, match=r"just_overdue\.yaml:2: unknown variable \{nobody\}"):
        load_policy(path)
    assert load_policy(path, check_templates=False).warnings


def test_a_simulation_only_warns_of_a_template_that_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "policy.yaml", GOOD.replace("just_overdue", "not_written_yet"))
    warnings = [str(warning) for warning in load_policy(path, check_templates=False).warnings]
    assert any("no template is named not_written_yet" in warning for warning in warnings)


def test_a_shipped_policy_by_name() -> None:
    assert shipped_policy("cn-credit-card").is_file()
    with pytest.raises(FileNotFoundError):
        shipped_policy("no-such-policy")


COUNTERS = "at any of our counters, with the app, or by giro to account 000-0000-0000-0000-000 " * 2
STEP = "stages.reminder.steps[0]"


@pytest.mark.parametrize(
    ("rules", "template", "problem"),
    [
        ("sms: {max_segments: 2}", True, f"8: {STEP}.template: just_overdue takes 3"),
        ("sms: {max_segments: 2}", False, f"8: {STEP}: just_overdue takes 3"),
        (f"bank: {{how_to_pay: '{COUNTERS}'}}", True, f"8: {STEP}.template: just_overdue takes 5"),
        (
            "sms: {max_segments: 2}\nmonthly_reminder: {day: 5, stages: [reminder]}",
            False,
            "2: monthly_reminder: monthly takes 3",
        ),
    ],
    ids=["named by a step", "of a step that names none", "with the bank's own words", "of the monthly reminder"],
)
def test_a_text_longer_than_the_policy_allows_is_refused(
    tmp_path: Path, rules: str, template: bool, problem: str
) -> None:
    text = f"{rules}\n{GOOD}" if template else f"{rules}\n{GOOD.replace('template: just_overdue, ', '')}"
    assert any(each.startswith(problem) for each in refused(tmp_path, text)), refused(tmp_path, text)
