"""Acknowledge: an agency says that it has a day's set, by the hash of the manifest, and what is wrong with it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from arrears.adapters.objects import Objects
from arrears.adapters.table import Table
from arrears.effects.exports import Exports, acks_pk
from arrears.files import RowError
from arrears.usecases.drop import Drop
from arrears.usecases.take_in import Outcome

_MANIFEST = re.compile(r"agency_id=([^/]+)/(?:placements|recalls)/date=([0-9]{4}-[0-9]{2}-[0-9]{2})/manifest\.json")
_CASE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
#: So many of an agency are kept for the sets of a date: its placements and its recalls.
MOST_OF_A_DAY = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Acknowledge:
    """Records an acknowledgement beside the day's exports, and compares it with what was sent."""

    table: Table
    objects: Objects

    def __call__(self, drop: Drop, ack: Mapping[str, Any]) -> Outcome:
        """Record an acknowledgement, a bad one too: an operator has to see it.

        Args:
            drop: the agency's file.
            ack: {manifest, sha256, accepted, problems}, and `cases`, the ids of the cases it accepts, if it likes.

        Raises:
            RowError: it cannot be read, does not fit what was sent, names problems, or is one of too many.
        """
        manifest, sha256 = ack.get("manifest"), ack.get("sha256")
        match = _MANIFEST.fullmatch(manifest) if isinstance(manifest, str) else None
        if not isinstance(manifest, str) or match is None:
            raise RowError("manifest", "is no key of a manifest")
        if match[1] != drop["agency_id"]:
            raise RowError("manifest", "is another agency's")
        if not isinstance(sha256, str) or _SHA256.fullmatch(sha256.lower()) is None:
            raise RowError("sha256", "is no SHA-256 in hex")
        sent = self.objects.read(drop["bucket"], manifest)
        if sent is None:
            # Nothing is kept of it: an agency can name any date that there is.
            raise RowError("manifest", "was never written")
        refused = self._compare(sent, manifest, sha256.lower(), ack)
        outcome = self._record(drop, match[2], ack, refused)
        if refused is not None:
            raise refused
        return outcome

    def _compare(self, sent: bytes, manifest: str, sha256: str, ack: Mapping[str, Any]) -> RowError | None:
        """Return what an operator has to look at, or None."""
        if hashlib.sha256(sent).hexdigest() != sha256:
            return RowError("sha256", "is not that of the manifest")
        problems, accepted = ack.get("problems"), ack.get("accepted")
        if problems:
            return RowError("problems", f"the agency names {len(problems) if isinstance(problems, list) else 1}")
        if accepted is False:
            return RowError("accepted", "the agency has not accepted the set")
        unknown = self._unknown_cases(sent, manifest, ack)
        if unknown:
            # An operator reads it on a terminal: what is no id is not repeated.
            first = unknown[0] if _CASE_ID.fullmatch(unknown[0]) else "no case id"
            return RowError("cases", f"{len(unknown)} are not in the set, the first is {first}")
        cases = json.loads(sent).get("case_count")
        if isinstance(accepted, int) and not isinstance(accepted, bool) and cases is not None and accepted != cases:
            return RowError("accepted", f"is {accepted}, the manifest has {cases} cases")
        return None

    def _unknown_cases(self, sent: bytes, manifest: str, ack: Mapping[str, Any]) -> list[str]:
        """Return the cases that an acknowledgement names, if it names any, and that are not in the set."""
        named = ack.get("cases")
        if not isinstance(named, list):
            return []
        folder = manifest.removesuffix("manifest.json")
        of_agency, kind = folder.split("/")[0].removeprefix("agency_id="), folder.split("/")[1]
        day = date.fromisoformat(str(json.loads(sent)["date"]))
        known = {
            str(row.fields["case_id"])
            for row in Exports(self.table).rows(day)
            if row.agency_id == of_agency and (row.kind == "PLACEMENT") == (kind == "placements")
        }
        return [str(each)[:64] for each in named if str(each) not in known]

    def _record(self, drop: Drop, on: str, ack: Mapping[str, Any], refused: RowError | None) -> Outcome:
        name = hashlib.sha256(drop["key"].encode()).hexdigest()[:20]
        content = json.dumps(ack, ensure_ascii=False, sort_keys=True)
        item = {
            "pk": {"S": acks_pk(on)},
            "sk": {"S": f"{drop['agency_id']}#ACK#{name}"},
            "key": {"S": drop["key"]},
            "content": {"S": content},
            "problem": {"S": "" if refused is None else str(refused)},
            "by": {"S": drop["run"]},
            "at": {"S": drop["dropped_at"]},
        }
        of_day = list(self.table.query(item["pk"]["S"], f"{drop['agency_id']}#ACK#"))
        for known in of_day:
            if known["sk"] != item["sk"]:
                continue
            if known["content"] == item["content"] and known["problem"] == item["problem"]:
                return "accepted" if known["by"] == item["by"] else "unchanged"
        if len(of_day) >= MOST_OF_A_DAY:
            raise RowError("manifest", f"has {MOST_OF_A_DAY} acknowledgements of the sets of its date; tell the bank")
        self.table.transact([{"Put": {"TableName": self.table.name, "Item": item}}])
        return "accepted"
