"""Every kind of event has its place in the dossier, or a reason why it has none, and words in each language."""

from typing import get_args

import pytest

from arrears.domain.events import Event, FreezeAnswered, LetterMailed, LetterWithdrawn, OptedOut
from arrears.effects.legal_contents import others_of
from tests.support.builders import CASE_ID, OPENS
from tests.unit.documents.made_up import templates

#: What the sections tell: the statement, payments, contacts, letters, placements, and what else bears on the claim.
TOLD = {
    *("CaseOpened", "ArrearsReported", "PaymentReceived", "CallResult", "LetterReported", "SmsReported"),
    *("ActionDone", "ActionUncertain", "AgencyReported", "AgencyAssigned", "AgencyDeferred", "StageEntered"),
    *("HoldPlaced", "HoldLifted", "RecallOrdered", "LegalDecided", "ApprovalAsked", "OperatorListed", "CourtReported"),
    *("PromiseAccepted", "PromiseRefused", "PromiseEnded", "PlanAccepted", "PlanRefused", "PlanEnded"),
    *("OptedOut", "FreezeAnswered", "LetterMailed", "LetterWithdrawn"),
}
#: In the chain and in `evidence/events.jsonl` only.
NOT_TOLD = {
    "ActionPlanned": "told with what was done",
    "ActionWithdrawn": "nothing was done",
    "ActionPostponed": "nothing was done",
    "ActionHeld": "nothing was done",
    "ActionFailed": "nothing was done",
    "ActionRetried": "the bank's own affair",
    "CommissionSettled": "between the bank and its agency",
    "PlanAgreed": "told when it is accepted or refused",
    "PlanCancelled": "told when it ends",
    "CaseClosed": "there is no suit any more",
}


def test_every_kind_of_event_has_its_place() -> None:
    assert {kind.__name__ for kind in get_args(Event)} == TOLD | set(NOT_TOLD)
    assert not TOLD & set(NOT_TOLD)


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "en"])
@pytest.mark.parametrize(
    ("event", "detail"),
    [
        (OptedOut(OPENS, "reply"), ""),
        (FreezeAnswered(f"{CASE_ID}.freeze", "frozen", OPENS), ""),
        (FreezeAnswered(f"{CASE_ID}.freeze", "refused", OPENS), ""),
        (LetterMailed("L1", OPENS), "L1"),
        (LetterWithdrawn("L1", OPENS, "paid"), "L1: paid"),
    ],
)
def test_it_is_told_in_the_words_of_the_language(event: Event, detail: str, language: str) -> None:
    (line,) = others_of(event)
    assert line.reason == detail
    assert templates().labels(language)[f"other_{line.what}"]
