"""Statements: an agency's month, from what was exported to it and what was booked for it."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arrears.adapters.settings import ActivePolicy
from arrears.documents.statement import Booking, Moved, Statement, render_statement, statement_csv
from arrears.domain.money import Money
from arrears.effects.exports import Exports
from arrears.effects.folders import statement_folder
from arrears.effects.ports import Objects
from arrears.effects.wording import Wordings, document_errors
from arrears.errors import PermanentSetupError


@dataclass(frozen=True)
class Statements:
    """Makes statements; the same month always gives the same one, once it is over."""

    exports: Exports
    wordings: Wordings

    def of(self, agency_id: str, month: str, active: ActivePolicy) -> tuple[Statement, str]:
        """Return an agency's statement of a month, and the language of its sheets.

        Raises:
            PermanentSetupError: the month is none, or nobody knows the agency.
        """
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError:
            raise PermanentSetupError(f"{month} is no month such as 2006-01") from None
        last = first.replace(day=monthrange(first.year, first.month)[1])
        moved: list[Moved] = []
        language = "en"
        for day in (first.replace(day=number) for number in range(1, last.day + 1)):
            for row in self.exports.rows(day):
                if row.agency_id == agency_id:
                    moved.append(_moved(day, row.kind, row.fields))
                    language = row.sheet.language if row.sheet is not None else language
        bookings: list[Booking] = []
        for on, kind, entry in self.exports.booked(agency_id, month):
            amount = Money(Decimal(entry["amount"]), entry["currency"])
            if kind == "RETURN":
                moved.append(Moved("returned", on, entry["case_id"], entry["return_id"], amount))
            else:
                commission = Money(Decimal(entry["commission"]), entry["currency"])
                bookings.append(
                    Booking(
                        on,
                        entry["case_id"],
                        entry["return_id"],
                        date.fromisoformat(entry["paid_on"]),
                        amount,
                        entry["percent"],
                        commission,
                        entry["reason"],
                        received_by="bank" if kind == "RECEIVED" else "agency",
                    )
                )
        of_policy = [agency.id for agency in active.policy.agencies] or [active.policy.agency_id]
        if agency_id not in of_policy and not moved and not bookings:
            raise PermanentSetupError(f"agency {agency_id} is not in the policy, and had nothing in {month}")
        agency = active.policy.agency(agency_id)
        statement = Statement(
            agency_id,
            (agency.name if agency is not None else "") or agency_id,
            month,
            self.wordings.bank(active, language).name,
            last,
            tuple(sorted(moved, key=lambda each: (each.on, each.kind, each.case_id))),
            tuple(bookings),
        )
        return statement, language

    def files(self, agency_id: str, month: str, active: ActivePolicy) -> dict[str, bytes]:
        """Return the statement's files by name.

        Raises:
            PermanentDocumentError: the page cannot be made.
        """
        statement, language = self.of(agency_id, month, active)
        with document_errors(f"statement {agency_id} {month}"):
            page = render_statement(statement, self.wordings.templates(active), language)
        return {"statement.csv": statement_csv(statement), "statement.pdf": page.pdf}

    def publish_all(self, agencies: Objects, day: date, active: ActivePolicy) -> None:
        """Write the statements of the month of a date into the folders of all agencies."""
        month = f"{day:%Y-%m}"
        for agency_id in agencies_of(self.exports, month, active):
            self.publish(agencies, agency_id, month, active)

    def publish(self, agencies: Objects, agency_id: str, month: str, active: ActivePolicy) -> None:
        """Write the statement into the agency's folder."""
        kinds = {"statement.csv": "text/csv; charset=utf-8", "statement.pdf": "application/pdf"}
        for name, body in self.files(agency_id, month, active).items():
            agencies.put(f"{statement_folder(agency_id, month)}{name}", body, kinds[name])


def agencies_of(exports: Exports, month: str, active: ActivePolicy) -> list[str]:
    """Return the agencies of the policy, and those that were given or lost a case in a month."""
    first = date.fromisoformat(f"{month}-01")
    days = [first.replace(day=number + 1) for number in range(monthrange(first.year, first.month)[1])]
    seen = {row.agency_id for day in days for row in exports.rows(day)}
    return sorted(seen | {agency.id for agency in active.policy.agencies})


def _moved(day: date, kind: str, row: Mapping[str, object]) -> Moved:
    arrears = Money(Decimal(str(row["arrears"])), str(row["currency"]))
    if kind == "PLACEMENT":
        return Moved("placed", day, str(row["case_id"]), str(row["placement_id"]), arrears)
    return Moved("recalled", day, str(row["case_id"]), str(row["recall_id"]), arrears, str(row["reason"]))
