"""What a file tells twice."""

import pytest

from arrears.files import Duplicates, Kind, RowError, key_of, parse
from tests.unit.files.rows import GOOD, good


def check(duplicates: Duplicates, kind: Kind, line: int, **cells: str) -> bool:
    row = good(kind, **cells)
    return duplicates.check(parse(kind, row), row, line)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_the_same_row_again_is_unchanged(kind: Kind) -> None:
    duplicates = Duplicates(kind)
    assert check(duplicates, kind, 2) is False
    assert check(duplicates, kind, 3) is True
    assert check(duplicates, kind, 9) is True


@pytest.mark.parametrize(
    ("kind", "cells", "field"),
    [
        ("portfolio", {"past_due_amount": "1.00"}, "account_id"),
        ("portfolio", {"cardholder_name": "Somebody Else"}, "account_id"),
        ("payments", {"amount": "1.00"}, "payment_id"),
        ("calls", {"result": "refused"}, "call_id"),
        ("letters", {"tracking_number": "X"}, "letter_id"),
        ("returns", {"amount": "1.00"}, "return_id"),
    ],
)
def test_a_row_that_contradicts_one_before_is_refused_and_names_it(
    kind: Kind, cells: dict[str, str], field: str
) -> None:
    duplicates = Duplicates(kind)
    check(duplicates, kind, 7)
    with pytest.raises(RowError, match=f"{field}: contradicts line 7 of the same file, which was taken"):
        check(duplicates, kind, 8, **cells)
    assert check(duplicates, kind, 9) is True


def test_an_account_on_two_dates_and_a_hold_placed_and_lifted_are_no_repeats() -> None:
    portfolio = Duplicates("portfolio")
    assert not check(portfolio, "portfolio", 2)
    assert not check(portfolio, "portfolio", 3, as_of="2005-07-17")
    holds = Duplicates("holds")
    assert not check(holds, "holds", 2)
    assert not check(holds, "holds", 3, status="lifted")
    assert not check(holds, "holds", 4, at="2005-07-01")


def test_a_row_that_was_refused_after_all_is_forgotten() -> None:
    duplicates = Duplicates("payments")
    check(duplicates, "payments", 2)
    duplicates.forget(parse("payments", good("payments")))
    assert check(duplicates, "payments", 3, amount="1.00") is False


def test_keys_say_what_a_row_is_about() -> None:
    assert key_of(parse("portfolio", good("portfolio"))) == ("TW000001", "2005-06-19")
    assert key_of(parse("letters", good("letters"))) == ("TW000001-20050605.lawyer_letter.0.1", "dispatched")
