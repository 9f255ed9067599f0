"""The search for people's data finds it, however it is written."""

import pytest

from tests.support.personal import People

PEOPLE = People.of(
    [
        {
            "cardholder_name": "林美玲",
            "address_line1": "12 Made-Up Lane",
            "address_line2": "",
            "phone_mobile": "+441632960123",
            "phone_work": "",
            "card_last4": "4321",
        },
        {"cardholder_name": "Ada Invented", "address_line1": "", "phone_mobile": "+886 900 111 222"},
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"name": "林美玲"}', "林美玲"),
        ("sent to Ada Invented, at last", "Ada Invented"),
        ("lives at 12 Made-Up Lane.", "12 Made-Up Lane"),
        ("number +441632960123 is busy", "+441632960123"),
        ("call 01632 960123", "01632 960123"),
        ("+886-900-111-222", "+886-900-111-222"),
        ('{"card_last4": "4321"}', "card 4321"),
        ("card ****4321", "card 4321"),
        ("pan=4111 1111 1111 1111", "4111 1111 1111 1111"),
    ],
)
def test_what_is_personal_is_found(text: str, found: str) -> None:
    assert PEOPLE.found_in(text) == {found}


@pytest.mark.parametrize(
    "text",
    [
        '{"account_id": "TW004321", "case_id": "TW004321-20050701", "turns": 4321}',
        "2005-07-01T08:00:00 version 12 took 4321 ms, 1632960999",
        "Ada of another name",
        "1132867200000 4111111111111112",
        "3f4b9c45-7030-4215-8429-8aab00112233",
    ],
)
def test_what_is_not_is_not(text: str) -> None:
    assert PEOPLE.found_in(text) == set()
