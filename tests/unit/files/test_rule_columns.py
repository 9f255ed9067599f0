"""The columns that rules of contact read: whose number is a guarantor's, and where nobody wants to be called."""

import pytest

from arrears.files import CallRow, PortfolioRow, RowError, parse
from arrears.files.records import cells_of, impersonal, plain_extract, plain_portfolio
from arrears.simulate.facts import dated_facts, keep
from arrears.simulate.player import no_refusal
from tests.unit.files.rows import good

CALL = good("calls") | {"phone": "work", "result": "message_left", "promised_amount": "", "promised_on": ""}
FAMILY = {"phone_family": "+447700900061", "phone_contact": "+447700900062"}


def extract_of(**cells: str) -> PortfolioRow:
    record = parse("portfolio", good("portfolio") | FAMILY | cells)
    assert isinstance(record, PortfolioRow)
    return record


def test_a_portfolio_may_say_whose_number_is_a_guarantors() -> None:
    assert extract_of().extract.guarantors == ()
    assert extract_of(guarantor_phone="").extract.guarantors == ()
    assert extract_of(guarantor_phone="family").extract.guarantors == ("family",)
    assert extract_of(guarantor_phone="contact family").extract.guarantors == ("family", "contact")


def test_a_guarantor_without_a_number_is_none() -> None:
    assert extract_of(guarantor_phone="family", phone_family="").extract.guarantors == ()


@pytest.mark.parametrize("cell", ["mobile", "yes", "family,contact"])
def test_nobody_else_is_a_guarantor(cell: str) -> None:
    with pytest.raises(RowError, match="guarantor_phone: is none of contact, family"):
        extract_of(guarantor_phone=cell)


def test_the_simulator_keeps_whose_number_is_a_guarantors() -> None:
    row = good("portfolio") | FAMILY | {"guarantor_phone": "contact"}

    _, kept = keep("portfolio", row, 0, 2, "")

    (dated,) = dated_facts([kept], lambda *_: None, [None])
    assert dated.fact == extract_of(guarantor_phone="contact").extract
    assert plain_portfolio(row) is None, "it is looked at cell by cell"
    plain = plain_portfolio(good("portfolio") | FAMILY | {"phone_home": ""})
    assert plain is not None
    assert plain_extract(impersonal(plain)) == plain_extract(cells_of("TW000001", plain_extract(plain)))


def test_a_call_may_say_where_nobody_wants_to_be_called() -> None:
    plain, told = parse("calls", CALL), parse("calls", CALL | {"not_wanted": "work family work"})

    assert isinstance(plain, CallRow)
    assert isinstance(told, CallRow)
    assert plain.not_wanted == ()
    assert told.not_wanted == told.call("Asia/Taipei").not_wanted == ("work", "family")
    with pytest.raises(RowError, match="not_wanted: is none of contact, family, home, mobile, work"):
        parse("calls", CALL | {"not_wanted": "office"})


def test_the_simulator_keeps_where_nobody_wants_to_be_called() -> None:
    _, kept = keep("calls", CALL | {"not_wanted": "work"}, 0, 2, "")

    (dated,) = dated_facts([kept], lambda *_: None, [None])

    told = parse("calls", CALL | {"not_wanted": "work"})
    assert isinstance(told, CallRow)
    assert dated.fact == told.call("UTC")
    assert dated.refuse is not no_refusal
