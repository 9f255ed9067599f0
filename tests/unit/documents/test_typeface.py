import unicodedata
from pathlib import Path

import pytest

from arrears.documents.errors import FontsNotFoundError
from arrears.documents.typeface import MISSING_SORT, find_fonts, typeface_for

FILES = ("NotoSansSC-subset.ttf", "NotoSansTC-subset.ttf", "NotoSans-subset.ttf")


def characters_of(codec: str) -> set[str]:
    pairs = (bytes([lead, trail]) for lead in range(0x81, 0xFF) for trail in range(0x40, 0xFF))
    texts = (pair.decode(codec, errors="ignore") for pair in pairs)
    return {text for text in texts if len(text) == 1 and unicodedata.category(text) != "Co"}


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "en"])
def test_every_chinese_character_of_both_standards_is_there(language: str) -> None:
    face = typeface_for(language)
    wanted = {
        text for codec in ("gb2312", "big5", "gbk") for text in characters_of(codec) if "\u4e00" <= text <= "\u9fff"
    }
    assert len(wanted) > 20_000
    assert [text for text in sorted(wanted) if not face.has(text)] == []


def test_latin_greek_and_cyrillic_names_are_there() -> None:
    face = typeface_for("en")
    for name in ("Łukasz Żółć", "Nguyễn Thị Hường", "Θεοδώρα", "Ёлкина", "Şükrü Iğd\u0131r", "O’Brien–Smith"):
        assert [character for character in name if character != " " and not face.has(character)] == []


def test_characters_are_drawn_as_the_language_draws_them() -> None:
    assert typeface_for("zh-TW").glyph("骨")[0] != typeface_for("zh-CN").glyph("骨")[0]
    assert typeface_for("zh-TW").glyph("吴")[1] == "吴"  # a simplified character in a traditional letter


@pytest.mark.parametrize("character", ["\U0001f600", "\u0627", "\U00020000", "\ue000", "한"])
def test_a_missing_glyph_is_a_mark_and_no_crash(character: str) -> None:
    face = typeface_for("zh-CN")
    assert not face.has(character)
    assert face.glyph(character)[1] == MISSING_SORT


def test_the_fonts_are_found_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped = find_fonts()
    for name in FILES:
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setenv("ARREARS_FONTS", str(tmp_path))
    assert find_fonts() == tmp_path
    (tmp_path / FILES[1]).unlink()  # an incomplete folder is none
    assert find_fonts() == shipped


def test_where_there_are_no_fonts_the_error_says_where_they_were_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARREARS_FONTS", str(tmp_path))
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    with pytest.raises(FontsNotFoundError, match="ARREARS_FONTS") as caught:
        find_fonts()
    assert str(tmp_path) in str(caught.value)
    assert "/opt/python/fonts" in str(caught.value)


def test_the_licence_lies_beside_the_fonts_and_they_are_small_enough() -> None:
    folder = find_fonts()
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text(encoding="utf-8")
    assert sum((folder / name).stat().st_size for name in FILES) < 9_000_000
