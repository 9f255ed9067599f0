"""The settings: the active policy is data, and the clock of a production stack is not to be set."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from arrears.adapters.settings import Settings
from arrears.domain.policy import Policy
from arrears.errors import PermanentSetupError
from tests.support.builders import OPENS, POLICY
from tests.support.stack import Stack


def settings_of(stack: Stack, *, production: bool = False, default_policy: str = "cn-credit-card") -> Settings:
    return Settings(
        stack.client,
        stack.table.name,
        production=production,
        default_policy=default_policy,
        agency_id="agency-7",
    )


def forget(stack: Stack, sk: str) -> None:
    stack.client.delete_item(TableName=stack.table.name, Key={"pk": {"S": "SETTINGS"}, "sk": {"S": sk}})


# --- the clock -------------------------------------------------------------------------------------------------------
def test_a_set_clock_stands_on_its_date(stack: Stack) -> None:
    stack.on(date(2005, 9, 30), is_open=False)

    clock = settings_of(stack).clock()

    assert (clock.set_to, clock.open) == (date(2005, 9, 30), False)


def test_a_clock_that_is_not_set_goes_by_the_real_time_and_is_open(stack: Stack) -> None:
    forget(stack, "CLOCK")

    clock = settings_of(stack).clock()

    assert (clock.set_to, clock.open) == (None, True)


def test_the_clock_of_a_production_stack_cannot_be_set(stack: Stack) -> None:
    forget(stack, "CLOCK")

    with pytest.raises(PermanentSetupError, match="production"):
        settings_of(stack, production=True).set_clock(OPENS, is_open=True)

    assert stack.item("SETTINGS", "CLOCK") is None


def test_a_clock_that_was_set_behind_the_back_of_a_production_stack_is_refused(stack: Stack) -> None:
    stack.on(OPENS)

    assert settings_of(stack, production=True).clock().set_to is None


# --- the policy ------------------------------------------------------------------------------------------------------
def test_until_a_policy_is_published_the_one_that_the_stack_names_is_played(stack: Stack) -> None:
    forget(stack, "POLICY")

    assert settings_of(stack, default_policy="tw-credit-card").active().policy.name == "tw-credit-card"


def test_a_policy_that_does_not_ship_is_an_error_of_the_setup(stack: Stack) -> None:
    forget(stack, "POLICY")

    with pytest.raises(PermanentSetupError):
        settings_of(stack, default_policy="no-such-policy").active()


def test_a_published_policy_takes_effect_at_once_and_is_kept_under_its_name(stack: Stack) -> None:
    settings = settings_of(stack)
    assert settings.active().policy.label == "test 1"

    stack.publish(version="2")

    assert settings.active().policy.label == "test 2"
    for label in ("test 1", "test 2"):
        kept = stack.item("POLICIES", label)
        assert kept is not None
        assert Policy.model_validate(json.loads(kept["document"]["S"])["policy"]).label == label


def test_a_policy_is_parsed_once_for_each_version(stack: Stack) -> None:
    settings = settings_of(stack)
    first = settings.active()

    assert settings.active() is first
    stack.publish(version="2")
    second = settings.active()
    assert second is not first
    assert settings.active() is second


def test_the_item_that_every_invocation_reads_is_small(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy's texts may be large; read by every function, strongly consistent, they would throttle the table."""
    settings = settings_of(stack)
    settings.active()
    read: list[str] = []
    send = stack.client._make_api_call  # type: ignore[attr-defined]

    def counted(operation: str, arguments: dict[str, Any]) -> Any:
        read.append(arguments["Key"]["sk"]["S"])
        return send(operation, arguments)

    monkeypatch.setattr(stack.client, "_make_api_call", counted)
    settings.active()

    assert read == ["POLICY"]
    assert len(str(stack.item("SETTINGS", "POLICY"))) < 400


def test_a_policy_that_is_published_again_under_its_label_takes_effect(stack: Stack) -> None:
    settings = settings_of(stack)
    assert settings.active().policy.tolerance("CNY") == 1

    stack.publish(cure_tolerance={"CNY": "2.00"})

    assert settings.active().policy.tolerance("CNY") == 2


def test_who_gets_a_placement_is_said_by_the_policy_and_else_by_the_stack(stack: Stack) -> None:
    assert settings_of(stack).active().policy.agency_id == "agency-7"

    stack.publish(agency_id="agency-1")

    assert settings_of(stack).active().policy.agency_id == "agency-1"


def test_templates_come_with_the_policy(stack: Stack) -> None:
    templates = {"just_overdue": {"kind": "sms"}}
    stack.settings.publish(json.dumps({"policy": POLICY, "templates": templates}), "test 1")

    active = settings_of(stack).active()

    assert active.templates == templates
    assert replace(active, templates={}).policy == active.policy
