"""The search for people's data finds it, however it is written."""

import base64
import gzip
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

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
        {"cardholder_name": "Ada Invented", "address_line1": "中山路七段", "phone_mobile": "+886 900 111 222"},
        {"cardholder_name": "吴明", "address_line1": "Ann", "phone_mobile": "+12015550123"},
    ]
)
Writing = Callable[[str], str]


def in_json(text: str) -> str:
    return json.dumps({"errorMessage": text})


def packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


#: What machines do to a text before it comes to a log, a history or a queue.
WRITINGS: dict[str, Writing] = {
    "as it is": str,
    "in other words": lambda text: f"姓名{text}先生",
    "in JSON": in_json,
    "in JSON in JSON": lambda text: json.dumps({"Cause": in_json(f"bad {text}")}),
    "in JSON in JSON in Python": lambda text: repr({"cause": json.dumps({"Cause": in_json(text)})}),
    "as bytes in Python": lambda text: repr(text.encode()),
    "behind a line's end in JSON": lambda text: json.dumps({"trace": f"line one\n{text}\n"}),
    "in an address of the web": quote,
    "in a form": lambda text: f"name={quote_plus(text)}&x=1",
    "twice in an address of the web": lambda text: quote(quote(text)),
    "in JSON in an address of the web": lambda text: quote(in_json(text)),
    "in wide characters": lambda text: "".join(
        chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text
    ),
    "in base64": lambda text: base64.b64encode(f"who: {text}, or somebody else".encode()).decode(),
    "in base64 of the web": lambda text: base64.urlsafe_b64encode(f"??>>{text}??>>~~~".encode()).decode().rstrip("="),
    "compressed": lambda text: json.dumps({"awslogs": {"data": packed(text)}}),
    "compressed in JSON in JSON": lambda text: json.dumps({"body": json.dumps({"data": packed(in_json(text))})}),
}


@pytest.mark.parametrize("written", WRITINGS.values(), ids=WRITINGS)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("林美玲", "林美玲"),
        ("吴明", "吴明"),
        ("Ada Invented", "ada invented"),
        ("12 Made-Up Lane", "12 made-up lane"),
        ("中山路七段", "中山路七段"),
        ("+441632960123", "phone 441632960123"),
    ],
)
def test_whoever_is_named_is_found_however_it_is_written(written: Writing, text: str, found: str) -> None:
    assert PEOPLE.found_in(written(text)) == {found}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sent to ADA INVENTED, at last", "ada invented"),
        ("地址12 Made-Up Lane, 2楼", "12 made-up lane"),
        ("of Ann.", "ann"),
        ("call 01632 960123", "phone 441632960123"),
        ("+44 (0)1632 960-123", "phone 441632960123"),
        ("00441632960123", "phone 441632960123"),
        ("mobile441632960123x", "phone 441632960123"),
        ("on 441632960123 2005-07-01", "phone 441632960123"),
        ("1 (201) 555.0123", "phone 12015550123"),
        ("+886-900-111-222", "phone 886900111222"),
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
        "Ada of another name, planned with Anna",
        "中山路",
        "林小姐",
        "1132867200000 4111111111111112",
        "991632960123456 77732960123",
        "3f4b9c45-7030-4215-8429-8aab00112233",
        "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",
        "100% of 50%25 \\u12 \\x1",
    ],
)
def test_what_is_not_is_not(text: str) -> None:
    assert PEOPLE.found_in(text) == set()


def test_where_nobody_is_known_nobody_is_found() -> None:
    assert People.of([]).found_in("Ada Invented, +441632960123") == set()
