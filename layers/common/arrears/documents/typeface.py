"""Finds the fonts and knows which of them has a character; parsed once a process."""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from arrears.documents.errors import FontsNotFoundError

#: Names a folder with the font files; used before all others.
FONTS_VARIABLE: Final = "ARREARS_FONTS"
_FILES: Final = {
    "sc": "NotoSansSC-subset.ttf",
    "tc": "NotoSansTC-subset.ttf",
    "latin": "NotoSans-subset.ttf",
}
#: Printed for a character that no font has: the printers' mark for a missing sort.
MISSING_SORT: Final = "〓"


def find_fonts() -> Path:
    """Return the folder of the font files: `ARREARS_FONTS`, the installed package, a Lambda layer or a checkout.

    Raises:
        FontsNotFoundError: they are in none of these.
    """
    named = os.environ.get(FONTS_VARIABLE)
    here = Path(__file__).resolve()
    places = [
        *([Path(named)] if named else []),
        here.parents[1] / "fonts",  # the wheel: package data
        here.parents[2] / "fonts",  # a layer: /opt/python
        Path(reportlab.__file__).parents[1] / "fonts",  # the layer that brings ReportLab, wherever it is unpacked
        Path("/opt/python/fonts"),
        Path("/opt/fonts"),
        *(parent / "documents" / "fonts" for parent in here.parents[3:4]),  # a checkout: layers/documents
    ]
    for place in places:
        if all((place / name).is_file() for name in _FILES.values()):
            return place
    searched = ", ".join(str(place) for place in places)
    raise FontsNotFoundError(f"the fonts of the documents are in none of {searched}; set {FONTS_VARIABLE}")


@lru_cache(maxsize=4)
def _load(folder: Path) -> dict[str, TTFont]:
    fonts = {}
    for key, name in _FILES.items():
        font = TTFont(f"Arrears-{key}", str(folder / name))
        pdfmetrics.registerFont(font)
        fonts[key] = font
    return fonts


@dataclass(slots=True)
class Typeface:
    """The fonts in the order in which a language asks them for a character.

    Attributes:
        fonts: in that order.
    """

    fonts: tuple[TTFont, ...]
    _glyphs: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def glyph(self, character: str) -> tuple[str, str, float]:
        """Return the font's name, what is printed (a mark when no font has it) and its width in 1/1000 of the size."""
        known = self._glyphs.get(character)
        if known is None:
            known = self._find(character) or self._find(MISSING_SORT) or ("Arrears-sc", " ", 250.0)
            self._glyphs[character] = known
        return known

    def has(self, character: str) -> bool:
        """Say whether a font has the character."""
        return self.glyph(character)[1] == character

    def _find(self, character: str) -> tuple[str, str, float] | None:
        code = ord(character)
        for font in self.fonts:
            if code in font.face.charToGlyph:
                return str(font.fontName), character, float(font.face.charWidths.get(code, font.face.defaultWidth))
        return None


@lru_cache(maxsize=8)
def _typeface(traditional: bool, folder: Path) -> Typeface:  # noqa: FBT001 - a key of the cache
    fonts = _load(folder)
    order = ("tc", "sc", "latin") if traditional else ("sc", "tc", "latin")
    return Typeface(tuple(fonts[key] for key in order))


def is_traditional(language: str) -> bool:
    """Say whether a language is Chinese as written in Taiwan, Hong Kong and Macao."""
    parts = {part.upper() for part in language.replace("_", "-").split("-")}
    return "ZH" in parts and bool(parts & {"TW", "HK", "MO", "HANT"})


def typeface_for(language: str) -> Typeface:
    """Return the fonts for a language: characters are drawn as they are in Taiwan for traditional Chinese."""
    return _typeface(is_traditional(language), find_fonts())
