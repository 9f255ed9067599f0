"""Hand a case to the legal department: the file for court."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from arrears.adapters.settings import ActivePolicy
from arrears.adapters.table import AccountRecord, CaseRecord
from arrears.documents.dossier import Exhibit, render_dossier, verify_chain
from arrears.domain.policy import Bank
from arrears.effects.filed import Filed, FiledCases
from arrears.effects.folders import legal_folder
from arrears.effects.known import Known, known, language_of, plan_of, written
from arrears.effects.legal_contents import (
    claim_json,
    dossier_of,
    events_jsonl,
    evidence_of,
    filed_case,
    links,
    planned_on,
    recorded,
)
from arrears.effects.ports import Chain, Objects
from arrears.effects.wording import Wordings, document_errors
from arrears.errors import PermanentDocumentError
from arrears.files.records import Profile
from arrears.records import Envelope
from arrears.usecases.carry_out import Effect, Work

MANIFEST_SCHEMA: Final = "legal-manifest-1"


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    content_type: str
    body: bytes
    rows: int = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class CourtFile:
    """A file for court as it was made.

    Attributes:
        folder: in the legal bucket.
        files: all but the manifest.
        language: which it is in.
    """

    folder: str
    files: tuple[_File, ...]
    manifest: bytes
    language: str


@dataclass(frozen=True)
class FileLegal:
    """Writes claim, dossier and evidence, and the manifest last. All dates come from the events.

    The folder is that of the date on which the filing was planned. Its bytes are a function of the events up to then,
    so repeating it changes nothing.
    """

    chain: Chain
    documents: Objects
    legal: Objects
    wordings: Wordings
    filed: FiledCases | None = None

    def __call__(self, work: Work) -> Effect:
        """File the case of an action.

        Raises:
            PermanentDocumentError: the events were changed, evidence is missing or was changed, or something that a
                dossier must have is not on file.
            TransientServiceError: a bucket or the table is busy.
        """
        case_id, filed_on = work.record.case.case_id, plan_of(work).on
        made = self.build(work.record, work.act.action_id, work.account, work.active)
        for file in made.files:
            self.legal.put(made.folder + file.name, file.body, file.content_type)
        self.legal.put(f"{made.folder}manifest.json", made.manifest, "application/json")
        details = (("folder", made.folder), ("manifest_sha256", hashlib.sha256(made.manifest).hexdigest()))
        bank = self.wordings.bank(work.active, made.language)
        writes = []
        if self.filed is not None:
            profile = work.account.profile_on(filed_on) or Profile()
            writes.append(self.filed.noting(Filed(case_id, filed_on, profile, bank)))
        return Effect(f"{made.folder}manifest.json", details, writes)

    def build(
        self,
        record: CaseRecord,
        action_id: str,
        account: AccountRecord,
        active: ActivePolicy,
        bank: Bank | None = None,
    ) -> CourtFile:
        """Make the file for court of a filing from the case's events, without storing it.

        Args:
            record: the case as it is stored.
            action_id: of the filing.
            account: who the cardholder is.
            active: whose texts are used.
            bank: the claimant; that of the policy where it is None.

        Raises:
            PermanentDocumentError: as for a filing.
        """
        case_id = record.case.case_id
        envelopes = self._events(record, action_id)
        filed_on = planned_on(envelopes)
        folder = legal_folder(case_id, filed_on)
        facts = known(filed_case(envelopes), account, filed_on)
        language = language_of(facts.extract.country)
        evidence = self._evidence(case_id, envelopes)
        claimant = bank if bank is not None else self.wordings.bank(active, language)
        dossier = self._dossier(action_id, facts, envelopes, evidence, active=active, bank=claimant)
        files = [*dossier, *evidence]
        return CourtFile(folder, tuple(files), _manifest(facts, folder, files), language)

    def _events(self, record: CaseRecord, action_id: str) -> list[Envelope]:
        envelopes = list(self.chain.envelopes(record.case.case_id))
        with document_errors(action_id):
            # Before anything is read out of them.
            verify_chain(links(envelopes))
        if record.head not in {envelope.hash for envelope in envelopes}:
            raise PermanentDocumentError(f"{action_id}: the case's head is not in the chain of its events")
        return recorded(envelopes, action_id)

    def _evidence(self, case_id: str, envelopes: Sequence[Envelope]) -> list[_File]:
        files = [_File("evidence/events.jsonl", "application/x-ndjson", events_jsonl(envelopes), len(envelopes))]
        for each in evidence_of(envelopes):
            body = self.documents.get(each.source)
            if body is None:
                if each.required:
                    raise PermanentDocumentError(f"{case_id}: {each.source} is missing, which the events name")
                continue
            file = _File(f"evidence/{each.name}", each.content_type, body)
            if each.sha256 and file.sha256 != each.sha256:
                raise PermanentDocumentError(f"{case_id}: {each.source} is not what the events say was sent")
            files.append(file)
        return files

    def _dossier(
        self,
        action_id: str,
        facts: Known,
        envelopes: Sequence[Envelope],
        evidence: Sequence[_File],
        *,
        active: ActivePolicy,
        bank: Bank,
    ) -> list[_File]:
        language = language_of(facts.extract.country)
        with document_errors(action_id):
            content = dossier_of(
                facts,
                bank,
                envelopes,
                texts={
                    file.name.removeprefix("evidence/messages/").removesuffix(".txt"): file.body.decode()
                    for file in evidence
                    if file.name.startswith("evidence/messages/")
                },
                exhibits=[
                    Exhibit(file.name.removeprefix("evidence/"), _what(file.name), file.sha256) for file in evidence
                ],
            )
            dossier = render_dossier(content, self.wordings.templates(active), language)
        return [
            _File("claim.json", "application/json", claim_json(content, facts)),
            _File("dossier.pdf", "application/pdf", dossier.pdf),
        ]


def _what(name: str) -> str:
    if name.startswith("evidence/letters/"):
        return "letter"
    return "message" if name.startswith("evidence/messages/") else "events"


def _manifest(facts: Known, folder: str, files: Sequence[_File]) -> bytes:
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "case_id": facts.case.case_id,
        "account_id": facts.case.account_id,
        "date": facts.on.isoformat(),
        "case_count": 1,
        "totals_by_currency": {facts.arrears.currency: written(facts.arrears)},
        "files": [
            {"key": folder + file.name, "bytes": len(file.body), "sha256": file.sha256, "rows": file.rows}
            for file in sorted(files, key=lambda file: file.name)
        ],
    }
    return (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
