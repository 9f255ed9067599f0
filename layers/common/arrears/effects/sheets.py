"""Draw the sheet of a case for its agency, from what was recorded of it."""

from arrears.adapters.settings import ActivePolicy
from arrears.documents.agency import render_case_sheet
from arrears.documents.sheet_store import sheet_from_json
from arrears.effects.exports import SheetText
from arrears.effects.wording import Wordings, document_errors


def draw(sheet: SheetText, placement_id: str, wordings: Wordings, policy: ActivePolicy) -> bytes:
    """Return the sheet of a placement as a PDF.

    Args:
        sheet: what it is drawn from.
        placement_id: what an error names.
        wordings: prepare the policy's templates.
        policy: the one that `sheet` names.

    Raises:
        PermanentDocumentError: it cannot be drawn.
    """
    with document_errors(placement_id):
        return render_case_sheet(sheet_from_json(sheet.content), wordings.templates(policy), sheet.language).pdf
