import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pypdf import PdfReader

from arrears.domain.events import (
    ActionDone,
    ActionUncertain,
    AgencyReported,
    CallResult,
    HoldLifted,
    HoldPlaced,
    LetterReported,
)
from arrears.effects.file_legal import FileLegal
from arrears.effects.folders import message_key
from arrears.effects.queue_letter import QueueLetter
from arrears.effects.send_sms import SendSms
from arrears.effects.wording import Wordings
from arrears.errors import PermanentDocumentError
from arrears.records import Envelope
from arrears.resources import resource
from tests.support.builders import PROFILE, paid, personal_data, reported
from tests.unit.effects.made import Folder, Play, Queue, Texts

CLAIM = Draft202012Validator(json.loads(resource("schemas", "legal-claim-1.schema.json").read_text()))
MANIFEST = Draft202012Validator(json.loads(resource("schemas", "legal-manifest-1.schema.json").read_text()))
WORDINGS = Wordings(production=False)


class Court:
    """A case that comes to court, with everything on the way that events can tell."""

    def __init__(self) -> None:
        self.documents, self.legal, self.play = Folder(), Folder(), Play()
        self.sms = SendSms(Texts(), self.documents, WORDINGS)
        self.letter = QueueLetter(self.documents, Queue(), WORDINGS)

    def come(self) -> Any:
        play = self.play
        first = play.until("send_sms")
        self.sms(first)
        play.append(ActionUncertain(first.act.action_id, play.on, "sns:Publish: ReadTimeoutError"))
        call = play.until("queue_call", send_sms=self.sms)
        play.append(ActionDone(call.act.action_id, play.on))
        promised = {"promised_on": play.on + timedelta(days=2), "promised_amount": Decimal("9.00")}
        play.append(
            CallResult(play.call("CALL-1", "no_answer", phone="work")),
            CallResult(play.call("CALL-2", "promise", **promised)),
            paid("100.00", on=play.on + timedelta(days=1)),
            HoldPlaced("HOLD-1", "dispute", play.on),
        )
        play.on += timedelta(days=5)
        play.append(HoldLifted("HOLD-1", "dispute", play.on))
        letter = play.until("queue_letter", send_sms=self.sms)
        effect = self.letter(letter)
        play.append(ActionDone(letter.act.action_id, play.on, effect.reference, effect.details))
        for status in ("dispatched", "delivered"):
            play.on += timedelta(days=1)
            play.append(LetterReported(letter.act.action_id, status, play.on, "RR123456789CN"))
        play.append(reported("2000.00", as_of=play.on))
        placed = play.until("place_with_agency", send_sms=self.sms)
        play.append(ActionDone(placed.act.action_id, play.on))
        play.append(AgencyReported("RET-1", "default", "uncontactable", play.on, note="nobody home"))
        return play.until("file_legal", send_sms=self.sms)

    def file(self, work: Any) -> Any:
        return FileLegal(self.play, self.documents, self.legal, WORDINGS)(work)


@pytest.fixture(scope="module")
def filed() -> tuple[Court, Any, Any]:
    court = Court()
    work = court.come()
    return court, work, court.file(work)


def test_the_manifest_is_written_last_and_lists_every_file_as_it_is(filed: tuple[Court, Any, Any]) -> None:
    court, work, effect = filed
    folder = f"date={work.now.on}/case_id={work.record.case.case_id}/"
    assert court.legal.written[-1] == effect.reference == f"{folder}manifest.json"
    manifest = json.loads(court.legal.objects[effect.reference])
    MANIFEST.validate(manifest)
    listed = {entry["key"]: entry for entry in manifest["files"]}
    assert set(listed) | {effect.reference} == set(court.legal.objects)
    for key, entry in listed.items():
        body = court.legal.objects[key]
        assert (entry["bytes"], entry["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_the_claim_has_the_case_at_its_top_and_adds_up(filed: tuple[Court, Any, Any]) -> None:
    court, work, _ = filed
    body = court.legal.objects[f"date={work.now.on}/case_id={work.record.case.case_id}/claim.json"]
    claim = json.loads(body)
    CLAIM.validate(claim)
    assert list(claim)[:2] == ["case_id", "account_id"]
    assert sum(Decimal(line["amount"]) for line in claim["claim"]) == Decimal(claim["claimed"]) == Decimal("2000.00")
    assert claim["letters"][0]["tracking_number"] == "RR123456789CN"
    assert claim["placements"][0]["ended_on"] == work.now.on.isoformat()
    assert claim["chain"]["head"] == court.play.chain[-1].hash


def test_the_dossier_tells_every_contact_with_its_text(filed: tuple[Court, Any, Any]) -> None:
    court, work, _ = filed
    folder = f"date={work.now.on}/case_id={work.record.case.case_id}/"
    text = "".join(
        page.extract_text() for page in PdfReader(BytesIO(court.legal.objects[f"{folder}dossier.pdf"])).pages
    )
    for part in ("RR123456789CN", "nobody home", "10:30 UTC+8", PROFILE.name, court.play.chain[-1].hash[:20]):
        assert str(part).replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_messages_and_letters_are_there_as_they_were_sent_and_the_events_give_the_chain(
    filed: tuple[Court, Any, Any],
) -> None:
    court, work, _ = filed
    folder = f"date={work.now.on}/case_id={work.record.case.case_id}/evidence/"
    sent = {key for key in court.documents.objects if key.startswith(("letters/", "messages/"))}
    assert {key.removeprefix(folder) for key in court.legal.keys(folder)} == {"events.jsonl", *sent}
    for key in sent:
        assert court.legal.objects[folder + key] == court.documents.objects[key]
    for number, line in enumerate(court.legal.objects[f"{folder}events.jsonl"].decode().splitlines(), 1):
        envelope = Envelope(**json.loads(line))
        assert envelope.intact
        assert envelope.number == number


def test_nothing_personal_is_recorded_and_filing_again_writes_nothing(filed: tuple[Court, Any, Any]) -> None:
    court, work, effect = filed
    assert not [value for value in personal_data() if value in str(effect)]
    written = list(court.legal.written)
    court.play.append(paid("1.00", on=work.now.on + timedelta(days=1), payment_id="PAY-9"))
    later = replace(work, record=court.play.record, now=replace(work.now, on=work.now.on + timedelta(days=2)))
    assert court.file(later).details == effect.details
    assert court.legal.written == written


def test_an_event_that_was_changed_is_named_and_nothing_is_filed() -> None:
    court = Court()
    work = court.come()
    court.play.chain[4] = replace(court.play.chain[4], body=court.play.chain[4].body.replace("2005", "2004"))
    with pytest.raises(PermanentDocumentError, match="5"):
        court.file(work)
    assert not court.legal.objects


def test_a_chain_without_the_cases_head_is_refused() -> None:
    court = Court()
    work = court.come()
    del court.play.chain[-1]
    with pytest.raises(PermanentDocumentError, match="head"):
        court.file(work)


def test_evidence_that_was_changed_or_is_gone_is_refused_unless_it_may_never_have_been() -> None:
    court = Court()
    work = court.come()
    uncertain, certain = [key for key in sorted(court.documents.objects) if key.startswith("messages/")][:2]
    assert uncertain == message_key(f"{work.record.case.case_id}.reminder.0.1")
    kept = court.documents.objects[certain]
    court.documents.objects[certain] = kept + b"x"
    with pytest.raises(PermanentDocumentError, match="not what the events say"):
        court.file(work)
    del court.documents.objects[certain]
    with pytest.raises(PermanentDocumentError, match="is missing"):
        court.file(work)
    court.documents.objects[certain] = kept
    court.documents.delete(uncertain)
    court.file(work)
    assert not [key for key in court.legal.objects if key.endswith(uncertain)]
