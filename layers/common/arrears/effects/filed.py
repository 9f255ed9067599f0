"""Who was sued by whom, as it stood on the day of the filing, so that its file can be made again, to the byte.

    FILED#<case_id>   CASE      the cardholder as the bank knew him then, and the bank as it presented itself

Names and addresses are in no event, and both may change later.
"""

import json
from dataclasses import dataclass
from datetime import date

from arrears.adapters.aws import Item
from arrears.adapters.table import Table
from arrears.domain.policy import Bank
from arrears.files.records import Profile


@dataclass(frozen=True, slots=True)
class Filed:
    """The parties of a suit."""

    case_id: str
    on: date
    profile: Profile
    bank: Bank


@dataclass(frozen=True)
class FiledCases:
    """The parties of the suits, in the table."""

    table: Table

    def noting(self, filed: Filed) -> Item:
        """Return the write that keeps the parties of a suit."""
        item = {
            **_key(filed.case_id),
            "filed_on": {"S": filed.on.isoformat()},
            "profile": {"S": json.dumps(filed.profile.to_dict(), ensure_ascii=False, sort_keys=True)},
            "bank": {"S": filed.bank.model_dump_json()},
        }
        return {"Put": {"TableName": self.table.name, "Item": item}}

    def of(self, case_id: str) -> Filed | None:
        """Return the parties of a suit; None where the case was not filed."""
        for item in self.table.query(_key(case_id)["pk"]["S"], "CASE"):
            profile = Profile.from_dict(json.loads(item["profile"]["S"]))
            on = date.fromisoformat(item["filed_on"]["S"])
            return Filed(case_id, on, profile, Bank.model_validate_json(item["bank"]["S"]))
        return None


def _key(case_id: str) -> Item:
    return {"pk": {"S": f"FILED#{case_id}"}, "sk": {"S": "CASE"}}
