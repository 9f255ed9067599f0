"""Reads PDFs back as others would."""

import io
import re

from pypdf import PdfReader
from pypdf.generic import DictionaryObject


def pages_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def packed(text: str) -> str:
    """Text without white space: where lines are broken is the typesetter's business."""
    return re.sub(r"\s+", "", text)


def text_of(pdf: bytes) -> str:
    return packed("".join(pages_of(pdf)))


def placed(pdf: bytes, page: int = 0) -> list[tuple[str, float, float]]:
    """Pieces of text with the millimetres from the left and from the top at which they begin."""
    pieces: list[tuple[str, float, float]] = []

    def visit(text: str, matrix: list[float], text_matrix: list[float], *_: object) -> None:
        if text.strip():
            x = matrix[0] * text_matrix[4] + matrix[4]
            y = matrix[3] * text_matrix[5] + matrix[5]
            pieces.append((text.strip(), x / 72 * 25.4, 297 - y / 72 * 25.4))

    PdfReader(io.BytesIO(pdf)).pages[page].extract_text(visitor_text=visit)
    return pieces


def fonts_of(pdf: bytes) -> list[DictionaryObject]:
    found = []
    for page in PdfReader(io.BytesIO(pdf)).pages:
        resources = page["/Resources"].get_object()
        assert isinstance(resources, DictionaryObject)
        fonts = resources["/Font"].get_object()
        assert isinstance(fonts, DictionaryObject)
        for each in fonts.values():
            font = each.get_object()
            assert isinstance(font, DictionaryObject)
            found.append(font)
    return found
