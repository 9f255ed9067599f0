"""What a policy says that means nothing is refused; what can never come true is told."""

import json
from pathlib import Path

import pytest

from arrears.domain.policy import Policy
from arrears.files.currencies import CURRENCIES
from arrears.policy_file import PolicyFileError, load_policy
from arrears.resources import policies_folder
from tests.unit.policy.test_wrong_policies import GOOD

REQUIRES = "requires: [{action: queue_letter, at_least_days_ago: 14}]"


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('tolerance: {TWD: "1.00"}', 'tolerance: {RMB: "1.00"}', "3: cure_tolerance.RMB: is no currency: write CNY"),
        (
            'over: {TWD: "50000.00"}',
            'over: {TWD: "50000.00", XYZ: "1"}',
            "20: freeze.arrears_over.XYZ: is no currency: write its code of ISO 4217, such as CNY",
        ),
        (
            "freeze: {",
            "agencies: [{id: north, currencies: [NTD]}]\nfreeze: {",
            "20: agencies[0].currencies[0]: is no currency: write TWD",
        ),
        (
            REQUIRES,
            "requires: [{action: queue_letter, template: final_notise}]",
            "16: stages.agency.requires[0].template: no template is named final_notise; there are dispute_received,",
        ),
        (
            REQUIRES,
            "requires: [{action: queue_letter, template: just_overdue}]",
            "16: stages.agency.requires[0].template: just_overdue is a template for sms, not letter",
        ),
        (
            REQUIRES,
            "requires: [{action: queue_call, template: just_overdue}]",
            "16: stages.agency.requires[0].template: this action takes no template",
        ),
        (
            REQUIRES,
            "requires: [{action: send_sms, counts_from: delivered}]",
            "16: stages.agency.requires[0].counts_from: only a letter is delivered: send_sms counts from",
        ),
        (
            "    steps: [{action: queue_call",
            "    term_days: 30\n    steps: [{action: queue_call",
            "10: stages.call.term_days: no step of this stage is place_with_agency: write the term in the stage that",
        ),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = changed(tmp_path, (old, new))
    with pytest.raises(PolicyFileError) as refused:
        load_policy(path)
    (told,) = refused.value.problems
    assert str(told).startswith(f"{path}:{said}")


def test_every_currency_in_which_an_account_can_be_kept_may_stand_in_a_policy(tmp_path: Path) -> None:
    amounts = ", ".join(f'{code}: "1"' for code in sorted(CURRENCIES))
    load_policy(changed(tmp_path, ('tolerance: {TWD: "1.00"}', f"tolerance: {{{amounts}}}")))


def test_what_was_published_before_plays_on(tmp_path: Path) -> None:
    """A stack reads what it keeps, whatever a later release thinks of it."""
    kept = json.loads(load_policy(changed(tmp_path)).document())["policy"]
    kept["cure_tolerance"] = {"RMB": "1.00"}
    kept["stages"]["call"]["term_days"] = 30
    assert Policy.model_validate(kept).stages["call"].term_days == 30


def test_a_second_term_in_another_stage_is_refused(tmp_path: Path) -> None:
    text = json.loads(load_policy(changed(tmp_path)).document())["policy"]
    stages = text["stages"]
    agency = stages["agency"] | {"term_days": 60}
    text["stages"] = {**stages, "agency": agency, "second_agency": agency | {"term_days": 120}}
    path = tmp_path / "two.json"
    path.write_text(json.dumps(text | {"name": "two"}))
    with pytest.raises(PolicyFileError, match=r"stages\.second_agency\.term_days: stage agency says 60: all"):
        load_policy(path)


def test_a_term_may_stand_where_a_fallback_places(tmp_path: Path) -> None:
    fallback = "contact: {fallback: {queue_call: {action: place_with_agency}}, "
    step = "    steps: [{action: queue_call"
    load_policy(changed(tmp_path, ("contact: {", fallback), (step, f"    term_days: 90\n{step}")))


def warned(path: Path) -> list[str]:
    return [str(each) for each in load_policy(path).warnings if "never entered" in each.reason]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            (("{action: queue_letter, template: lawyer_letter, at_most: 1}", ""),),
            "stages.agency.requires[0]: nothing before this stage does a queue_letter, so the stage is never entered",
        ),
        (
            ((REQUIRES, "requires: [{action: queue_letter, template: final_notice}]"),),
            "stages.agency.requires[0]: nothing before this stage does a queue_letter with template final_notice, so",
        ),
        (
            (("    from: {days_past_due: 60}", "    from: {days_past_due: 60}\n    requires: [{action: file_legal}]"),),
            "stages.lawyer_letter.requires[0]: nothing before this stage does a file_legal, so",
        ),
    ],
    ids=["the step is not there", "another template is sent", "nothing before does it"],
)
def test_a_stage_that_nothing_leads_to_is_told(changes: tuple[tuple[str, str], ...], said: str, tmp_path: Path) -> None:
    (told,) = warned(changed(tmp_path, *changes))
    assert said in told


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ((REQUIRES, "requires: [{action: queue_letter, template: lawyer_letter}]"),),
        ((REQUIRES, "requires: [{action: send_sms, template: monthly}]"),),
        (
            (REQUIRES, "requires: [{action: queue_letter, template: final_notice}]"),
            ("contact: {", "contact: {fallback: {send_sms: {action: queue_letter, template: final_notice}}, "),
        ),
        (
            (REQUIRES, "requires: [{action: queue_letter, template: dispute_received}]"),
            (
                "contact: {",
                "holds: {dispute: {steps: [{action: queue_letter, template: dispute_received}]}}\ncontact: {",
            ),
        ),
        (
            (REQUIRES, "requires: [{action: send_sms, template: promise_reminder}]"),
            ("contact: {", "promises: {remind_days_before: 1}\ncontact: {"),
        ),
    ],
    ids=["as it was", "a step", "the monthly reminder", "a fallback", "a hold", "a promise"],
)
def test_a_stage_that_something_leads_to_is_not(changes: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    assert warned(changed(tmp_path, *changes)) == []


@pytest.mark.parametrize("path", sorted(policies_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_stage_of_what_ships_can_be_entered(path: Path) -> None:
    assert warned(path) == []


TEXTS = """\
channel: sms
texts:
  - {language: en, text: Please call us.}
  - {language: en, MORE, text: Please do call us.}
"""


@pytest.mark.parametrize("more", ["", "stage: call, ", "country: CN, shared_phone: true, "])
def test_a_second_text_for_the_same_cases_is_refused(more: str, tmp_path: Path) -> None:
    twice = TEXTS.replace("MORE, ", more) + f"  - {{language: en, {more}text: Please call.}}\n"
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "just_overdue.yaml"
    file.write_text(twice)
    with pytest.raises(PolicyFileError) as refused:
        load_policy(changed(tmp_path))
    (told,) = refused.value.problems
    assert str(told) == f"{file}:{5 if more else 4}: a text in en for the same cases is there already"


def test_a_text_for_a_stage_that_the_policy_does_not_have_is_told(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "just_overdue.yaml"
    for stage, told in (("call", []), ("calls", [f"{file}:4: texts[1].stage: the policy has no stage calls, so"])):
        file.write_text(TEXTS.replace("MORE", f"stage: {stage}"))
        found = [str(each) for each in load_policy(changed(tmp_path)).warnings if each.file == str(file)]
        assert len(found) == len(told)
        assert all(each.startswith(start) for each, start in zip(found, told, strict=True))


def test_of_a_template_that_ships_nothing_is_told(tmp_path: Path) -> None:
    """It has a variant for the stage `call`, which a policy may call something else."""
    path = changed(tmp_path, ("  call:", "  phone:"), ("[reminder, call]", "[reminder, phone]"))
    assert load_policy(path).warnings == ()
