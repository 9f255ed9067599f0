"""What a policy must say of its bank by what it sends: told by `check`, and refused by a stack in production."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from arrears.cli import main
from arrears.policy_file import load_policy
from arrears.resources import policies_folder

WHOLE = """\
name: bank
version: "1"
stages:
  reminder:
    from: {days_past_due: 1}
    steps: [STEP]
bank:
  name: My Bank
  phone: "+44 1632 960001"
  hours: "08:00-20:00"
  address: [1 Sample Square]
  website: https://bank.example
  payment_account: "000-000000-00"
  law_firm: Sample & Partners
  law_firm_address: [2 Sample Square]
  law_firm_phone: "+44 1632 960002"
  lawyer: A. Sample
  mandate: PA-001
  mandate_date: 2005-01-03
"""
TEXT = {"name", "phone", "hours", "payment_account"}
LETTER = TEXT | {"address", "website"}
LAWYER = LETTER | {"law_firm", "law_firm_address", "law_firm_phone", "lawyer", "mandate", "mandate_date"}
#: A step, and the keys of `bank` that it takes.
NEEDED = {
    "action: send_sms, template: just_overdue": TEXT,
    "action: send_sms": TEXT,
    "action: queue_call": {"name", "phone"},
    "action: queue_letter, template: reminder_letter": LETTER,
    "action: queue_letter, template: lawyer_letter": LAWYER,
    "action: queue_letter": LAWYER,
    "action: place_with_agency": {"name", "phone", "mandate", "mandate_date"},
    "action: file_legal": {"name", "address", "mandate_date"},
}


def policy(folder: Path, step: str, *left_out: str) -> Path:
    lines = [
        line for line in WHOLE.replace("STEP", f"{{{step}}}").splitlines() if not line.strip().startswith(left_out)
    ]
    path = folder / "policy.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def keys() -> list[str]:
    return [line.split(":")[0].strip() for line in WHOLE.partition("bank:\n")[2].splitlines()]


@pytest.mark.parametrize("step", NEEDED)
def test_each_step_needs_what_it_says_and_nothing_else(step: str, tmp_path: Path) -> None:
    assert load_policy(policy(tmp_path, step)).lacking == ()
    path = policy(tmp_path, step, "bank:", *(f"{key}:" for key in keys() if key != "name"), "name: My")
    lacking = load_policy(path).lacking
    assert {problem.field.removeprefix("bank.") for problem in lacking} == NEEDED[step]


def test_it_is_told_with_its_line_and_by_what_it_is_needed(tmp_path: Path) -> None:
    path = policy(tmp_path, "action: send_sms, template: just_overdue", "phone:")
    (lack,) = load_policy(path).lacking
    assert str(lack) == f"{path}:7: bank.phone: is needed by template just_overdue, and not given"


def test_how_to_pay_in_words_stands_for_the_account(tmp_path: Path) -> None:
    path = policy(tmp_path, "action: send_sms", "payment_account:")
    (lack,) = load_policy(path).lacking
    assert "is needed (or how_to_pay) by template just_overdue" in lack.reason
    path.write_text(path.read_text() + "  how_to_pay: At any counter\n")
    assert load_policy(path).lacking == ()


def test_agencies_with_mandates_of_their_own_need_only_the_date(tmp_path: Path) -> None:
    path = policy(tmp_path, "action: place_with_agency", "mandate")
    path.write_text(path.read_text() + "agencies: [{id: north, mandate: N-1, mandate_date: 2005-01-03}]\n")
    assert [problem.field for problem in load_policy(path).lacking] == ["bank.mandate_date"]


def test_a_template_of_the_banks_own_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("channel: sms\ntexts: [{language: en, text: 'Please call {bank}.'}]\n")
    path = policy(tmp_path, "action: send_sms, template: mine", "phone:", "hours:", "payment_account:")
    assert load_policy(path).lacking == ()


@pytest.mark.parametrize("path", sorted(policies_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_what_ships_says_all_of_it(path: Path) -> None:
    assert load_policy(path).lacking == ()


def test_a_simulation_writes_nothing_and_asks_for_nothing(tmp_path: Path) -> None:
    assert load_policy(policy(tmp_path, "action: send_sms", "phone:"), check_templates=False).lacking == ()


def test_check_warns_and_says_that_it_is_not_for_production(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = policy(tmp_path, "action: queue_call", "phone:")
    assert main(["policy", "check", str(path)]) == 0
    shown = capsys.readouterr()
    assert f"{path}:7: bank.phone: is needed by what a caller may say to others, and not given" in shown.err
    assert "bank 1 is good; in production it is refused" in shown.out


@pytest.mark.parametrize("production", [True, False])
def test_only_a_stack_in_production_refuses_it(
    production: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published: list[str] = []

    def publish(_: str, label: str, **__: object) -> SimpleNamespace:
        published.append(label)
        return SimpleNamespace(scope="all", since=None)

    settings = SimpleNamespace(production=production, publish=publish, known_otherwise=lambda *_: False)
    monkeypatch.setattr("arrears.stack.connect", lambda _: SimpleNamespace(settings=settings))
    path = policy(tmp_path, "action: queue_call", "phone:")

    assert main(["policy", "publish", str(path)]) == int(production)
    assert published == ([] if production else ["bank 1"])
    assert f"{path}:7: bank.phone: is needed" in capsys.readouterr().err
