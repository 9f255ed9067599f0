"""Where things lie in the agency and legal buckets (docs/files.md, docs/for-agencies.md)."""

from datetime import date


def placements_folder(agency_id: str, day: date) -> str:
    """Return the folder of an agency's placements of a day, in the agency bucket."""
    return f"agency_id={agency_id}/placements/date={day.isoformat()}/"


def sheet_key(agency_id: str, day: date, case_id: str) -> str:
    """Return where a case's sheet is put, in the agency bucket."""
    return f"{placements_folder(agency_id, day)}{case_id}.pdf"


def public_key_key(agency_id: str) -> str:
    """Return where the key that checks signatures is published to an agency, in the agency bucket."""
    return f"agency_id={agency_id}/keys/manifest-signing.pem"


def schema_key(agency_id: str, name: str) -> str:
    """Return where a schema is published to an agency, in the agency bucket."""
    return f"agency_id={agency_id}/schemas/{name}.schema.json"


def recalls_folder(agency_id: str, day: date) -> str:
    """Return the folder of an agency's recalls of a day, in the agency bucket."""
    return f"agency_id={agency_id}/recalls/date={day.isoformat()}/"


def statement_folder(agency_id: str, month: str) -> str:
    """Return the folder of an agency's statement of a month (YYYY-MM), in the agency bucket."""
    return f"agency_id={agency_id}/statements/month={month}/"


def legal_folder(case_id: str, day: date) -> str:
    """Return the folder of a case's file for court, in the legal bucket."""
    return f"date={day.isoformat()}/case_id={case_id}/"


def withdrawal_folder(case_id: str, day: date) -> str:
    """Return the folder of what tells the court that a case is paid, in the legal bucket."""
    return f"date={day.isoformat()}/withdrawal/case_id={case_id}/"


def letter_key(letter_id: str) -> str:
    """Return where a letter is kept, in the documents bucket. The letter's id is that of its action."""
    return f"letters/{letter_id}.pdf"


def message_key(action_id: str) -> str:
    """Return where the text of a message is kept, in the documents bucket."""
    return f"messages/{action_id}.txt"
