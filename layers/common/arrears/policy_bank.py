"""What a policy must say of its bank in production, by what it sends.

Outside production placeholders stand in for what a policy leaves out (`documents/bank.py`). In production nothing does:
a text, a letter or a file that lacks its bank's phone number is refused when it is made, and waits for an operator. So
that not every case comes to that, a policy that lacks what it needs is not published there.
"""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from arrears.documents.bank import DEFAULT_LETTER, DEFAULT_MONTHLY, DEFAULT_SMS
from arrears.domain.policy import Bank, Policy
from arrears.policy_sense import answers, reminders

if TYPE_CHECKING:
    from arrears.documents.templates import Templates

#: The variables of texts and letters that a policy gives, each with the keys of `bank` of which one must be there.
_OF_THE_BANK = {
    "bank": ("name",),
    "phone": ("phone",),
    "hours": ("hours",),
    "how_to_pay": ("payment_account", "how_to_pay"),
    "website": ("website",),
    "email": ("email",),
    "law_firm": ("law_firm",),
    "lawyer": ("lawyer",),
    "mandate": ("mandate",),
    "mandate_date": ("mandate_date",),
}
#: What every letter names, whatever its wording (`documents/letters.py`), and a lawyer's besides.
_LETTER = ("bank", "phone", "hours", "website", "how_to_pay")
_LAWYER = ("law_firm", "lawyer", "mandate", "mandate_date")
#: Likewise of what is no text and no letter: what says it, and the keys of `bank`.
_OTHERS = {
    "queue_call": ("what a caller may say to others", ("name", "phone")),
    "place_with_agency": ("an agency's case sheet", ("name", "phone", "mandate_date")),
    "file_legal": ("the file for court", ("name", "address", "mandate_date")),
}

Keys = tuple[str, ...]


def missing_of_the_bank(policy: Policy, templates: "Templates") -> list[tuple[str, str]]:
    """Return the keys of `bank` that a policy leaves out and needs: the key, and what needs it, in words."""
    wanted: dict[Keys, list[str]] = {}
    for keys, by in chain(_by_templates(policy, templates), _by_actions(policy)):
        if not any(_says(policy.bank, key) for key in keys) and by not in wanted.setdefault(keys, []):
            wanted[keys].append(by)
    order = list(Bank.model_fields)
    return [(keys[0], _in_words(keys, wanted[keys])) for keys in sorted(wanted, key=lambda each: order.index(each[0]))]


def _in_words(keys: Keys, by: list[str]) -> str:
    others = f" and {len(by) - 1} more" if len(by) > 1 else ""
    either = f" (or {keys[1]})" if len(keys) > 1 else ""
    return f"is needed{either} by {by[0]}{others}, and not given"


def _says(bank: Bank, key: str) -> bool:
    if key == "name" and key not in bank.model_fields_set:
        return False
    value = getattr(bank, key)
    return bool("".join(value).strip() if isinstance(value, str | tuple) else value)


def _actions(policy: Policy) -> Iterator[tuple[str, str | None]]:
    """Yield what the policy does to reach somebody: the action and its template."""
    for stage in policy.stages.values():
        for step in stage.steps:
            yield step.action, step.template
    yield from answers(policy)
    if policy.monthly_reminder is not None:
        yield "send_sms", policy.monthly_reminder.template or DEFAULT_MONTHLY
    yield from reminders(policy)


def used_templates(policy: Policy) -> list[str]:
    """Return the names of the templates by which the policy writes, those that it does not name included."""
    defaults = {"send_sms": DEFAULT_SMS, "queue_letter": DEFAULT_LETTER}
    names = (template or defaults[action] for action, template in _actions(policy) if action in defaults)
    return list(dict.fromkeys(names))


def _by_templates(policy: Policy, templates: "Templates") -> Iterator[tuple[Keys, str]]:
    for name in used_templates(policy):
        if name not in templates:
            continue
        template = templates.by_name[name]
        variables = list(templates.variables(name))
        if template.channel == "letter":
            yield ("address",), f"template {name}"
            variables += _LETTER
        if template.kind == "lawyer_letter":
            yield from (((key,), f"template {name}") for key in ("law_firm_address", "law_firm_phone"))
            variables += _LAWYER
        yield from ((_OF_THE_BANK[each], f"template {name}") for each in variables if each in _OF_THE_BANK)


def _by_actions(policy: Policy) -> Iterator[tuple[Keys, str]]:
    done = {action for action, _ in _actions(policy)}
    for action, (by, keys) in _OTHERS.items():
        if action in done:
            yield from (((key,), by) for key in keys)
    own = bool(policy.agencies) and all(agency.mandate for agency in policy.agencies)
    if "place_with_agency" in done and not own:
        yield ("mandate",), _OTHERS["place_with_agency"][0]
