"""A dossier in Chinese says in Chinese why something was done, and shows the record beside it."""

from datetime import date

import pytest

from arrears.documents.dossier import OtherLine, PlacementLine, render_dossier
from arrears.documents.reasons import in_language
from arrears.domain.events import ActionPlanned, StageEntered
from tests.support.builders import extract, policy
from tests.unit.documents.made_up import dossier, templates
from tests.unit.documents.reading import text_of
from tests.unit.effects.made import Play

CHINESE = ["zh-CN", "zh-TW"]
DAY = date(2005, 7, 31)


def words(reason: str, language: str) -> str:
    return in_language(reason, templates().labels(language), language)


@pytest.mark.parametrize("language", CHINESE)
def test_every_reason_of_a_whole_case_has_words(language: str) -> None:
    """With what the domain really records, so that a shape that changes there is noticed here."""
    monthly = {"day": 5, "template": "monthly", "stages": ["reminder", "call", "lawyer_letter"]}
    play = Play(rules=policy(monthly_reminder=monthly), reported=extract("60000.00"))
    play.until("file_legal")
    events = [envelope.event for envelope in play.chain]
    reasons = {each.reason for each in events if isinstance(each, StageEntered | ActionPlanned)}
    reasons -= {each.reason for each in events if isinstance(each, ActionPlanned) and each.action == "file_legal"}

    assert len(reasons) >= 14
    assert [reason for reason in sorted(reasons) if not words(reason, language)] == []


def test_it_says_what_the_record_says() -> None:
    step = "stage lawyer_letter: queue_letter 1 of 1, due 2005-07-31"
    again = "stage agency: place_with_agency 1 of 1 again after the dispute hold, due 2005-07-31; north can take it"

    assert words(step, "zh-CN") == "“律师函”阶段第1次信函（最多1次），应于2005年7月31日办理"
    assert words(step, "zh-TW") == "「律師函」階段第1次信函（最多1次），應於2005年7月31日辦理"
    assert words(again, "zh-CN") == "“委托机构”阶段第1次委托（最多1次），应于2005年7月31日办理"
    assert words("stage early: 15 DPD reached on 2005-07-31", "zh-CN") == "进入“early”阶段：2005年7月31日逾期满15天"


@pytest.mark.parametrize(
    ("reason", "language"),
    [
        ("stage lawyer_letter: queue_letter 1 of 1, due 2005-07-31", "en"),
        ("an operator: the address is wrong", "zh-CN"),
        ("", "zh-CN"),
    ],
)
def test_what_has_no_words_is_left_to_the_record(reason: str, language: str) -> None:
    assert words(reason, language) == ""


def test_labels_from_before_there_were_words_leave_it_to_the_record() -> None:
    assert in_language("stage call: 15 DPD reached on 2005-07-31", {}, "zh-CN") == ""


@pytest.mark.parametrize("language", CHINESE)
def test_the_dossier_shows_the_record_beside_its_words(language: str) -> None:
    entered, ended = (
        "stage call: 15 DPD reached on 2005-07-31",
        "the term of the placement of 2005-05-02 is over on 2005-07-31",
    )
    content = dossier(
        language,
        others=(OtherLine(DAY, "stage_entered", entered), OtherLine(DAY, "operator_listed", "no agency can take it")),
        placements=(PlacementLine("north", date(2005, 5, 2), DAY, f"recalled: {ended}"),),
    )

    text = text_of(render_dossier(content, templates(), language).pdf)

    for reason in (entered, ended):
        assert words(reason, language) in text
        assert reason.replace(" ", "") in text
    assert "[noagencycantakeit]" not in text
    assert "noagencycantakeit" in text
