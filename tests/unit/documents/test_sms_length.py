import pytest
from hypothesis import given, strategies as st

from arrears.documents.sms_length import GSM_BASIC, GSM_EXTENSION, measure


def test_the_alphabet_has_the_127_characters_of_the_standard() -> None:
    assert len(GSM_BASIC) == 127  # 128 places, of which one is the escape
    assert len(GSM_EXTENSION) == 10  # nine of the table and its form feed


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # 152 and an escaped character: it does not fit into the 153 septets and is not split
        ("a" * 152 + "€" + "a" * 20, "GSM-7", 174, 2),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 305, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("欠" * 70, "UCS-2", 70, 1),
        ("欠" * 71, "UCS-2", 71, 2),
        ("欠" * 134, "UCS-2", 134, 2),
        ("欠" * 135, "UCS-2", 135, 3),
        ("a" * 69 + "欠", "UCS-2", 70, 1),
        ("\U00020000" * 35, "UCS-2", 70, 1),
        # 66 units and a pair of two: the pair goes into the next message
        ("欠" * 66 + "\U00020000" + "欠" * 3, "UCS-2", 71, 2),
        ("£¥éÄñß", "GSM-7", 6, 1),
        ("ç", "UCS-2", 1, 1),  # only the capital is in the alphabet
        ("’", "UCS-2", 1, 1),
    ],
)
def test_a_text_is_counted_as_the_network_bills_it(text: str, encoding: str, units: int, segments: int) -> None:
    size = measure(text)
    assert (size.encoding, size.units, size.segments) == (encoding, units, segments)


@given(st.text(max_size=600))
def test_messages_hold_what_the_network_lets_them_hold(text: str) -> None:
    size = measure(text)
    alone, joined = (160, 153) if size.encoding == "GSM-7" else (70, 67)
    if size.segments == 1:
        assert size.units <= alone
    else:
        assert size.units > alone
        # at most one unit is lost at the end of each message but the last
        assert (size.segments - 1) * (joined - 1) < size.units <= size.segments * joined
    if size.encoding == "UCS-2":
        assert size.units == len(text.encode("utf-16-be", "surrogatepass")) // 2
