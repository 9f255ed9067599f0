from datetime import date

import pytest

from arrears.documents.parts import Repayment, postal_address, remaining, total
from tests.unit.documents.made_up import BANKS, money


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        (
            {"line1": "No. 220, Sample Road", "city": "Hsinchu", "postal_code": "300", "country": "TW"},
            ("No. 220, Sample Road", "300 Hsinchu"),
        ),
        (
            {"line1": "1 Rd", "line2": "Flat 2", "city": "X", "region": "Y", "country": "TW", "abroad": True},
            ("1 Rd", "Flat 2", "X", "Y", "Taiwan"),
        ),
        (
            {"line1": "样本路272号", "line2": "8栋", "city": "广州市", "region": "广东省", "postal_code": "510000"},
            ("510000", "广东省广州市样本路272号8栋"),
        ),
        ({"line1": "樣本路1號", "city": "臺北市", "region": "臺北市"}, ("臺北市樣本路1號",)),
        ({"line1": "", "country": "TW"}, ()),
    ],
)
def test_an_address_stands_as_on_an_envelope(parts: dict[str, str], lines: tuple[str, ...]) -> None:
    assert postal_address(**parts) == lines  # type: ignore[arg-type]


def test_only_what_was_paid_after_the_report_is_taken_off() -> None:
    paid = (
        Repayment(date(2005, 6, 4), money("1")),
        Repayment(date(2005, 6, 5), money("2")),
        Repayment(date(2005, 6, 6), money("4")),
    )
    assert remaining(money("100"), date(2005, 6, 5), paid) == money("96")
    assert remaining(money("3"), date(2005, 6, 5), paid) == money("0")
    assert total([each.amount for each in paid], "TWD") == money("7")
    assert total([], "TWD") == money("0")


def test_objections_go_to_the_bank_unless_it_says_otherwise() -> None:
    assert BANKS["en"].objection_address == "Sample Bank, 12 Example Road, Taipei 100"
    assert BANKS["zh-CN"].objection_address == "100000 北京市示例区样本大街12号 示例商业银行"
