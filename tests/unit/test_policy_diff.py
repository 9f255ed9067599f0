"""What differs between two policies, in words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from arrears.cli import main
from arrears.domain.policy import Policy
from arrears.policy_diff import document_differences, policy_differences
from arrears.policy_file import load_policy
from arrears.resources import policies_folder, resource
from arrears.rules_file import load_pack

SHIPPED = sorted(policies_folder().glob("*.yaml"))
BASE: dict[str, Any] = json.loads(load_policy(resource("tw-credit-card.yaml")).document())["policy"]

FILES = "files returns bytes 5242880, acks bytes 65536, returns types .csv, .csv.gz"


def changed(**keys: Any) -> Policy:
    return Policy.model_validate(json.loads(json.dumps(BASE)) | keys)


def stages(stage: str, **keys: Any) -> Policy:
    every = json.loads(json.dumps(BASE["stages"]))
    every[stage] |= keys
    return changed(stages=every)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (stages("lawyer_letter", **{"from": {"days_past_due": 45}}), ["lawyer's letter: 60 -> 45 DPD"]),
        (stages("agency", **{"from": {"months_past_due": 2}}), ["agency: overdue for more than 3 -> 2 months"]),
        (stages("agency", term_days=60), ["agency: an agency's term 90 -> 60 days"]),
        (stages("agency", requires=[]), ["agency, requires: letter: taken out"]),
        (
            stages("agency", requires=[{"action": "queue_letter", "at_least_days_ago": 7}]),
            ["agency, requires, letter: at least 14 -> 7 days ago"],
        ),
        (
            stages("call", steps=[{"action": "queue_call", "every_days": 5, "at_most": 4}]),
            ["call, call: every 3 -> 5 days", "call, call: at most 6 -> 4 times"],
        ),
        (stages("call", steps=[]), ["call: call: taken out"]),
        (
            stages("lawyer_letter", steps=[*BASE["stages"]["lawyer_letter"]["steps"], {"action": "queue_call"}]),
            ["lawyer's letter: call: new, call"],
        ),
        (stages("call", promise_windows_days=[5, 2]), ["call: time to keep a promise 7, 5, 3, 2, 1 -> 5, 2 days"]),
        (stages("legal", minimum_arrears={"TWD": "6000.00"}), ["legal: only from 5000.00 -> 6000.00 TWD"]),
        (changed(cure_tolerance={"TWD": "2.00"}), ["cure tolerance 1.00 -> 2.00 TWD"]),
        (changed(cure_tolerance={}), ["cure tolerance 1.00 -> none TWD"]),
        (changed(contact={"hours": ["09:00", "20:00"]}), ["contact: hours 08:00, 21:00 -> 09:00, 20:00"]),
        (changed(contact={}), ["contact: hours 08:00, 21:00 -> none"]),
        (
            changed(agencies=[{"id": "north"}]),
            [f"agencies: north: new, id north, share 1, {FILES}"],
        ),
        (
            changed(
                stages={name: stage for name, stage in BASE["stages"].items() if name != "reminder"},
                monthly_reminder=None,
            ),
            ["reminder: no such stage any more"],
        ),
    ],
)
def test_differences_in_words(other: Policy, said: list[str]) -> None:
    told = policy_differences(changed(), other)
    assert [line for line in told if not line.startswith("monthly reminder")] == said


def test_a_new_stage_says_what_it_is() -> None:
    every = {**BASE["stages"], "last_word": {"from": {"agency": "failed"}, "steps": [{"action": "queue_letter"}]}}
    (said,) = policy_differences(changed(), changed(stages=every))
    assert said == "last word: a new stage, when the agency failed, letter"


def test_another_order_of_the_stages_is_told() -> None:
    names = ["reminder", "lawyer_letter", "call", "agency", "legal"]
    every = {name: BASE["stages"][name] for name in names}
    every["lawyer_letter"] = {**every["lawyer_letter"], "from": {"days_past_due": 10}}
    first, second = policy_differences(changed(), changed(stages=every))
    assert first.startswith("order of the stages: reminder, call, lawyer_letter")
    assert second == "lawyer's letter: 60 -> 10 DPD"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_nothing_differs_from_itself(path: Path) -> None:
    policy = load_policy(path).policy
    assert policy_differences(policy, policy.model_copy(update={"name": "other", "version": "9"})) == []


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path


def test_no_change_goes_untold() -> None:
    """Every key of the fullest policy that ships, taken out or changed one at a time, makes a line."""
    policy = load_policy(resource("tw-credit-card-full.yaml")).policy
    plain = json.loads(policy.model_dump_json(by_alias=True))
    tried = 0
    for path in leaves(plain):
        if path in {("name",), ("version",)}:
            continue
        changes: list[Any] = [None, 7, "25", "mon", True, []]
        for change in changes:
            altered = json.loads(json.dumps(plain))
            place = altered
            for key in path[:-1]:
                place = place[key]
            if place[path[-1]] == change:
                continue
            place[path[-1]] = change
            try:
                other = Policy.model_validate(altered)
            except ValueError:
                continue
            if other != policy:
                tried += 1
                assert policy_differences(policy, other), (path, change)
                assert all(" -> " in line or ": " in line for line in policy_differences(policy, other))
    assert tried > 150


def made_of(kind: Any) -> Any:
    """Return a value of a model or of another type, in which everything that can be said is said; leaves are `a`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: made_of(field.annotation) for name, field in kind.model_fields.items()}
    models = [made_of(part) for part in get_args(kind)]
    if get_origin(kind) is dict:
        return {"x": models[1]}
    if get_origin(kind) is tuple and isinstance(models[0], dict):
        return [models[0]]
    return next((model for model in models if isinstance(model, dict | list)), "a")


def test_every_field_of_the_language_can_be_told() -> None:
    """Whatever is added to the models is told when it changes, by its name and with both values."""
    whole = made_of(Policy)
    every = [path for path in leaves(whole) if path[0] not in {"name", "version", "packs", "rules"}]
    assert len(every) >= 90
    for path in every:
        other = json.loads(json.dumps(whole))
        place = other
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = "b"

        lines = document_differences(whole, other)

        assert lines, path
        assert any(line.replace(":", " ").split().count("b") for line in lines), (path, lines)


def test_another_order_of_steps_is_told() -> None:
    """Steps are taken in their order, and are known by their places."""
    steps = [{"action": "queue_call", "every_days": 3}, {"action": "send_sms", "template": "monthly"}]

    said = policy_differences(stages("call", steps=steps), stages("call", steps=steps[::-1]))

    assert said == ["call: order call, text monthly -> text monthly, call"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    base = {key: value for key, value in BASE.items() if key != "packs"}
    first.write_text(json.dumps(base))
    other = json.loads(json.dumps(base)) | {"version": "2"}
    other["stages"]["lawyer_letter"]["from"]["days_past_due"] = 45
    second.write_text(json.dumps(other))

    assert main(["policy", "diff", str(first), str(second)]) == 0
    assert capsys.readouterr().out == "tw-credit-card 2026.1 -> tw-credit-card 2\n  lawyer's letter: 60 -> 45 DPD\n"
    assert main(["policy", "diff", str(first), str(first)]) == 0
    assert "nothing differs" in capsys.readouterr().out


def test_a_policy_that_is_refused_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    assert main(["policy", "diff", str(bad), str(bad)]) == 1
    assert "bad.json:1" in capsys.readouterr().err


def test_a_rule_of_contact_is_told_in_words() -> None:
    cn = load_policy(resource("cn-credit-card.yaml")).policy
    fields = json.loads(cn.model_dump_json(by_alias=True))
    fields["packs"][0]["rules"][1]["at_most"] = 2

    (line,) = policy_differences(cn, Policy.model_validate(fields))

    assert line.startswith("rules of contact: cn/calls-a-day: At most 3 calls a day. (Guideline of 2024")
    assert " -> At most 2 calls a day. (" in line


def test_a_pack_more_or_less_is_told() -> None:
    policy = changed(rules=["cn"], packs=[load_pack(resource("rules", "cn.yaml"))])

    assert policy_differences(changed(), policy) == [
        "rules of contact: tw: taken out, 0 rules",
        "rules of contact: cn: new, 3 rules",
    ]
