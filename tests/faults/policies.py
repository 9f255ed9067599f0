"""Small policies whose stages follow each other within days, so that a dozen dates see every kind of action."""

import copy
from typing import Any

BANK: dict[str, Any] = {
    "name": "Sample Bank",
    "phone": "+44 1632 960001",
    "hours": "08:00-20:00",
    "address": ["1 Sample Square"],
    "website": "https://bank.example",
    "payment_account": "000-000000-00",
    "law_firm": "Sample & Partners",
    "law_firm_address": ["2 Sample Square"],
    "law_firm_phone": "+44 1632 960002",
    "lawyer": "A. Sample",
    "mandate": "PA-001",
    "mandate_date": "2005-01-03",
}
_REMINDER = {
    "from": {"days_past_due": 1},
    "steps": [{"action": "send_sms", "template": "just_overdue", "every_days": 1, "at_most": 3}],
}
_CALL = {
    "from": {"days_past_due": 3},
    "steps": [{"action": "queue_call", "every_days": 1, "at_most": 2}],
    "promise_windows_days": [3, 2],
}
_LETTER = {
    "from": {"days_past_due": 5},
    "steps": [{"action": "queue_letter", "template": "lawyer_letter", "at_most": 1}],
}
_AGENCY = {
    "from": {"days_past_due": 6},
    "requires": [{"action": "queue_letter", "at_least_days_ago": 1}],
    "steps": [{"action": "place_with_agency", "at_most": 1}],
    "term_days": 3,
}
_LEGAL = {"from": {"agency": "failed"}, "steps": [{"action": "file_legal", "at_most": 1}]}
_LADDER = {"reminder": _REMINDER, "call": _CALL, "lawyer_letter": _LETTER, "agency": _AGENCY, "legal": _LEGAL}
_FREEZE = {"arrears_over": {"CNY": "50000.00"}, "after_collections": 1, "apart_days": 1}

POLICIES: dict[str, dict[str, Any]] = {
    "plain": {"name": "plain", "version": "1", "cure_tolerance": {"CNY": "1.00"}, "stages": _LADDER, "freeze": _FREEZE},
    "guarded": {
        "name": "guarded",
        "version": "1",
        "cure_tolerance": {"CNY": "1.00"},
        "stages": _LADDER,
        "freeze": _FREEZE,
        "contact": {
            "hours": ["08:00", "21:00"],
            "one_of_a_kind_a_day": True,
            "caps": [{"at_most": 4, "in_days": 7}],
            "fallback": {"send_sms": {"action": "queue_letter", "template": "lawyer_letter"}},
        },
        "calls": {"tries_per_number": 2, "again_after_days": 1, "capacity_per_day": 1},
        "monthly_reminder": {"day": 5, "template": "monthly", "stages": ["reminder", "call"]},
    },
    "agencies": {
        "name": "agencies",
        "version": "1",
        "cure_tolerance": {"CNY": "1.00"},
        "stages": {
            "reminder": {**_REMINDER, "steps": _REMINDER["steps"]},
            "agency": {**_AGENCY, "requires": []},
            "legal": _LEGAL,
        },
        "agencies": [
            {
                "id": "north",
                "name": "North",
                "share": 60,
                "term_days": 3,
                "mandate": "PA-2",
                "mandate_date": "2005-01-03",
            },
            {
                "id": "south",
                "name": "South",
                "share": 40,
                "term_days": 2,
                "mandate": "PA-3",
                "mandate_date": "2005-01-03",
            },
        ],
        "legal": {"approval": {"remind_every_days": 1, "escalate_after_days": 2}},
    },
}


def second(policy: dict[str, Any]) -> dict[str, Any]:
    """The version after a policy's first: who is called is called sooner, and there is one text more."""
    later = copy.deepcopy(policy) | {"version": "2"}
    later["stages"]["reminder"]["steps"][0]["at_most"] = 4
    if "call" in later["stages"]:
        later["stages"]["call"]["from"] = {"days_past_due": 2}
    return later
