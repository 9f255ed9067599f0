import io
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import Destination

from arrears.documents.dossier import Anchor, ChainLink, ClaimLine, ContactLine, render_dossier, verify_chain
from arrears.documents.errors import ChainBrokenError, DocumentError, MissingPartError
from arrears.domain.chain import link
from tests.unit.documents.made_up import BANKS, LANGUAGES, NAMES, TAIPEI, dossier, event_chain, money, templates
from tests.unit.documents.reading import packed, pages_of, text_of

SECTIONS = (
    *("parties", "the_claim", "statement", "payments", "contacts", "letters", "placements", "others", "exhibits"),
    "event_chain",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_judge_finds_everything(language: str) -> None:
    made = render_dossier(dossier(language), templates(), language)
    found = text_of(made.pdf)
    labels = templates().labels(language)
    chain = event_chain(30)
    for words in (
        *("TW000050-20050416", NAMES[language], BANKS[language].name, "Sample Court", "25,514.87", "26,202.50"),
        *(
            "−1,500.00",
            "812.37",
            "clause 14",
            "P-1",
            "2005-05-20 09:30 UTC+8",
            "agency north" if language == "en" else "north",
        ),
        *(
            "2005-04-16 12:00 UTC+8",
            labels["result_message_left"],
            labels["phone_family"],
            "TWD 11,202.50 was overdue.",
        ),
        *("stage reminder: 1 DPD reached on 2005-04-16", "RR123456785TW", "ab" * 32, "term over", "paid at a branch"),
        *(labels["other_hold_placed"], "evidence/letter-1.pdf", chain[0].hash, chain[-1].hash, "tw-credit-card 2026.1"),
        *(labels["kind_lawyer_letter"], labels["represented_by"], labels["chain_verified"].format(count="30")),
    ):
        assert packed(words) in found, words
        assert packed(words) in packed(made.text), words
    assert made.missing_glyphs == ()
    assert made.clipped == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_contents_page_names_the_page_of_every_section(language: str) -> None:
    made = render_dossier(dossier(language, chain=event_chain(200), anchors=()), templates(), language)
    pages = [packed(page) for page in pages_of(made.pdf)]
    labels = templates().labels(language)
    contents = made.text.split("\f")[0].splitlines()
    for number, key in enumerate(SECTIONS, 1):
        entry = next(line for line in contents if line.startswith(f"{number}  {labels[key]}\t"))
        page = int(entry.split("\t")[1])
        assert packed(f"{number}  {labels[key]}") in pages[page - 1]
        assert packed(entry) in pages[0]
    outline = PdfReader(io.BytesIO(made.pdf)).outline
    assert [entry.title for entry in outline if isinstance(entry, Destination)] == [
        f"{number} {labels[key]}" for number, key in enumerate(SECTIONS, 1)
    ]


def test_a_dossier_built_again_is_the_same_to_the_byte() -> None:
    first, second = (render_dossier(dossier("zh-TW"), templates(), "zh-TW") for _ in range(2))
    assert first.pdf == second.pdf
    assert first.sha256 == second.sha256


def test_a_claim_that_does_not_add_up_to_the_cent_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"25514.87 TWD, not 25514.88 TWD"):
        dossier("en", claimed=money("25514.88"))


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("case", {"case_id": ""}),
        ("account", {"account_id": ""}),
        ("claimant", {"bank": replace(BANKS["en"], name="")}),
        ("claimant's address", {"bank": replace(BANKS["en"], address=())}),
        ("defendant", {"cardholder_name": ""}),
        ("defendant's address", {"address": ()}),
        ("claim", {"claim": ()}),
        ("account statement", {"statement": ()}),
        ("event chain", {"chain": ()}),
    ],
)
def test_a_dossier_lacking_a_part_cannot_be_made(part: str, changes: dict[str, Any]) -> None:
    with pytest.raises(MissingPartError) as caught:
        dossier("en", **changes)
    assert caught.value.part == part


def test_what_did_not_happen_is_said_so() -> None:
    content = dossier(
        "en", payments=(), contacts=(), letters=(), placements=(), others=(), exhibits=(), law_firm=None, court=""
    )
    found = text_of(render_dossier(content, templates(), "en").pdf)
    labels = templates().labels("en")
    for key in ("no_payments", "no_history", "no_letters", "no_placements", "no_others"):
        assert packed(labels[key]) in found


# --- the chain ------------------------------------------------------------


def rehashed(chain: tuple[ChainLink, ...], at: int, body: str) -> tuple[ChainLink, ...]:
    """What somebody does who changes an event and computes every hash after it anew."""
    links = list(chain[:at])
    previous = links[-1].hash if links else chain[0].previous
    for each in (replace(chain[at], body=body), *chain[at + 1 :]):
        links.append(ChainLink(each.number, each.body, previous, link(previous, each.body)))
        previous = links[-1].hash
    return tuple(links)


@pytest.mark.parametrize(
    ("broken", "event", "why"),
    [
        (lambda chain: (*chain[:6], replace(chain[6], body="{}"), *chain[7:]), 7, "not the one that was hashed"),
        (lambda chain: (*chain[:6], *chain[7:]), 7, "left out or put in"),
        (lambda chain: (*chain[:6], replace(chain[6], previous="0" * 64), *chain[7:]), 7, "not chained"),
        (lambda chain: (chain[1], chain[0], *chain[2:]), 1, "left out or put in"),
        (lambda chain: (replace(chain[0], hash="f" * 64), *chain[1:]), 1, "not the one that was hashed"),
        (lambda chain: rehashed(chain, 6, "{}"), 30, "locked away on 2005-12-31"),
        (lambda chain: chain[:20], 20, "locked away on 2005-12-31"),
    ],
)
def test_a_changed_event_is_named_and_the_dossier_is_refused(broken: Any, event: int, why: str) -> None:
    with pytest.raises(ChainBrokenError, match=why) as caught:
        dossier("en", chain=broken(event_chain(30)))
    assert caught.value.event == event


def test_an_intact_chain_verifies() -> None:
    chain = event_chain(50)
    verify_chain(chain, [Anchor(date(2005, 5, 1), chain[9].hash), Anchor(date(2005, 6, 1), chain[49].hash)])
    verify_chain(())


# --- long and hostile ------------------------------------------------------------


def test_a_long_case_goes_on_over_pages_with_its_heads_repeated() -> None:
    contacts = tuple(
        ContactLine(
            datetime(2005, 5, 1, tzinfo=TAIPEI) + timedelta(days=at), "sms", "mobile", "sent", f"text {at} " * 60
        )
        for at in range(80)
    )
    made = render_dossier(dossier("en", contacts=contacts), templates(), "en")
    assert made.pages > 10
    found = text_of(made.pdf)
    assert all(f"text{at}text{at}" in found for at in range(80))
    assert sum("TextandreasonN" in page or "Textandreason" in page for page in map(packed, pages_of(made.pdf))) >= 8


def test_a_text_longer_than_a_page_is_set_in_parts() -> None:
    contact = ContactLine(datetime(2005, 5, 1, tzinfo=TAIPEI), "other", "", "", "", "word " * 60)
    made = render_dossier(
        dossier("en", contacts=(contact,) * 2, others=(), cardholder_name="x" * 4000, address=("y" * 4000,)),
        templates(),
        "en",
    )
    assert len(PdfReader(io.BytesIO(made.pdf), strict=True).pages) == made.pages


@pytest.mark.parametrize("bad", ["<b>)Tj\x00\u202e👩‍👧", '=HYPERLINK("x")', "{bank}", "\ud800", "x" * 9000])
def test_hostile_texts_are_harmless(bad: str) -> None:
    content = dossier(
        "zh-CN",
        contacts=(ContactLine(datetime(2005, 5, 1, tzinfo=TAIPEI), "sms", bad, bad, bad, bad),),
        claim=(ClaimLine("other", date(2005, 5, 1), money("25514.87", "zh-CN"), bad),),
        court=bad or "x",
        policy=bad,
    )
    made = render_dossier(content, templates(), "zh-CN")
    assert len(PdfReader(io.BytesIO(made.pdf), strict=True).pages) == made.pages


def test_a_time_without_its_offset_is_refused() -> None:
    naive = ContactLine(datetime(2005, 5, 1), "sms", "mobile", "sent")  # noqa: DTZ001 - that is the point
    with pytest.raises(DocumentError, match="offset"):
        render_dossier(dossier("en", contacts=(naive,)), templates(), "en")
