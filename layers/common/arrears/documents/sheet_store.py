"""What a case sheet says, as JSON and back, so that the sheet of a placement can be made again, to the byte."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from arrears.documents.agency import AgencySheet


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(AgencySheet)


def sheet_to_json(sheet: AgencySheet) -> str:
    """Return what a sheet says as JSON text."""
    data = _adapter().dump_python(sheet, mode="json")
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def sheet_from_json(text: str) -> AgencySheet:
    """Return what a stored sheet says.

    Raises:
        pydantic.ValidationError: it is none.
        DocumentError: it holds what an agency must not get.
    """
    sheet: AgencySheet = _adapter().validate_json(text)
    return sheet
