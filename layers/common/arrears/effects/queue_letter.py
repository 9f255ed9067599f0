"""Write a letter and queue it for the mailing house (schema `letter-task-1`)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from arrears.documents.bank import DEFAULT_LETTER
from arrears.documents.letters import REGISTERED, render_letter
from arrears.effects.contents import address_of, letter_of
from arrears.effects.folders import letter_key
from arrears.effects.known import Known, known_for, plan_of
from arrears.effects.ports import Objects, Tasks
from arrears.effects.wording import Wordings, document_errors
from arrears.errors import PermanentDocumentError
from arrears.usecases.carry_out import Effect, Work

if TYPE_CHECKING:
    from arrears.documents.parts import RenderedDocument
    from arrears.documents.templates import LetterKind

SCHEMA: Final = "letter-task-1"


@dataclass(frozen=True)
class QueueLetter:
    """Makes the PDF once for each plan, and queues a task that names it by key and hash.

    A letter found under its key with the same plan is the one that was made before the function died; the mailing
    house may have it already, so it is queued as it is and not made anew.
    """

    documents: Objects
    letters: Tasks
    wordings: Wordings

    def __call__(self, work: Work) -> Effect:
        """Make and queue the letter of an action.

        Raises:
            PermanentDocumentError: it cannot be made from what is on file.
            PermanentActionError: the queue refused the task.
            TransientServiceError: the bucket or the queue is busy.
        """
        known, letter_id = known_for(work), work.act.action_id
        template = work.act.template or DEFAULT_LETTER
        key = letter_key(letter_id)
        notes = self.documents.notes(key) if work.again else None
        body = self.documents.get(key) if notes and notes.get("planned") == plan_of(work).on.isoformat() else None
        if notes is None or body is None:
            body, notes = self._make(work, known, template)
        digest = hashlib.sha256(body).hexdigest()
        message_id = self.letters.send(
            group=known.case.account_id,
            task_id=letter_id,
            body=json.dumps(_task(work, known, key, digest, notes["kind"]), ensure_ascii=False, sort_keys=True),
        )
        details = (
            ("template", template),
            ("kind", notes["kind"]),
            ("language", notes["language"]),
            ("key", key),
            ("sha256", digest),
            ("pages", notes["pages"]),
        )
        return Effect(message_id, details)

    def _make(self, work: Work, known: Known, template: str) -> tuple[bytes, Mapping[str, str]]:
        letter_id = work.act.action_id
        templates = self.wordings.templates(work.active)
        with document_errors(letter_id):
            kind = cast("LetterKind", templates.get(template, "letter").kind)
            bank = self.wordings.bank(work.active, templates.language(template, known.language))
            content = letter_of(known, bank, letter_id=letter_id, template=template, kind=kind)
            letter = render_letter(content, templates, known.language)
        _refuse_unless_whole(letter_id, letter)
        notes = {
            "kind": kind,
            "language": letter.language,
            "pages": str(letter.pages),
            "planned": plan_of(work).on.isoformat(),
        }
        self.documents.put(letter_key(letter_id), letter.pdf, "application/pdf", notes)
        return letter.pdf, notes


def _refuse_unless_whole(letter_id: str, letter: "RenderedDocument") -> None:
    """Refuse a letter of which something cannot be read: it may be the name or the address, or what it must say."""
    missing, cut = len(letter.missing_glyphs), len(letter.clipped)
    if missing or cut:
        raise PermanentDocumentError(
            f"{letter_id}: the letter cannot be printed wholly: {missing} characters are in no font, {cut} texts of the"
            " name, the address or the bank's details are too long"
        )


def _task(work: Work, known: Known, key: str, digest: str, kind: str) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "action_id": work.act.action_id,
        "letter_id": work.act.action_id,
        "case_id": known.case.case_id,
        "account_id": known.case.account_id,
        "planned_on": plan_of(work).on.isoformat(),
        "kind": kind,
        "registered": kind in REGISTERED,
        "key": key,
        "sha256": digest,
        "recipient": known.profile.name,
        "address": list(address_of(known)),
        "country": known.profile.country,
    }
