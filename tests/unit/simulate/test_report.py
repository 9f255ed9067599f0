"""The page that compares policies: what it counts, what it says, and how a browser shows it."""

import csv
import io
import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from arrears.cli import main
from arrears.simulate.figures import OPENED, PAID, STILL_OPEN
from arrears.simulate.report import Costs
from arrears.simulate.report.flow import layout
from tests.support.chromium import CHROMIUM, asked
from tests.unit.simulate.conftest import POLICY
from tests.unit.simulate.files import extract, payment, write

pytest.importorskip("vl_convert", reason="the drawing library has no build for this platform")
FIRST, LAST = date(2005, 6, 1), date(2005, 12, 31)
VERSIONS = ("1", 'early <b>&"letter"', "few")


def policies() -> list[dict[str, Any]]:
    made = [json.loads(json.dumps(POLICY)) | {"version": version} for version in VERSIONS]
    made[1]["stages"]["lawyer_letter"]["from"]["days_past_due"] = 45
    made[2]["stages"]["call"]["steps"][0]["at_most"] = 1
    made[2]["calls"] = {"numbers": ["mobile"], "capacity_per_day": 2}
    made[2]["sms"] = {"segment_price": "0.20"}
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page and what it was made from."""
    folder = tmp_path_factory.mktemp("report")
    rows = [
        extract(f"A{number:02}", "2005-06-02", f"{6000 + number}.00", f"2005-05-{number + 1:02}")
        for number in range(20)
    ]
    rows += [extract(f"A{number:02}", "2005-07-03", "0.00") for number in range(5)]
    paid = [payment(f"A{number:02}", "2005-07-20", "6005.00") for number in (5, 6)]
    files = [
        *("--portfolio", str(write(folder / "portfolio.csv", "portfolio", rows))),
        *("--payments", str(write(folder / "payments.csv", "payments", paid))),
    ]
    for number, policy in enumerate(policies()):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(policy))
        files += ["--policy", str(path)]
    dates = ["--from", FIRST.isoformat(), "--to", LAST.isoformat()]
    page = folder / "page" / "report.html"
    assert (
        main(
            [
                "simulate",
                *files,
                *dates,
                "--out",
                str(folder / "out"),
                "--report",
                str(page),
                "--cost",
                "queue_letter=7.5",
            ]
        )
        == 0
    )
    return folder


@pytest.fixture(scope="module")
def text(made: Path) -> str:
    return (made / "page" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def timelines(made: Path) -> list[list[dict[str, str]]]:
    """The rows of each policy's timeline, in the order of the policies."""
    folders = ["test-1", "test-early-b-letter-", "test-few"]
    assert sorted(folders) == sorted(path.name for path in (made / "out").iterdir())
    timelines = []
    for folder in folders:
        with (made / "out" / folder / "timeline.csv").open(newline="") as file:
            timelines.append(list(csv.DictReader(file)))
    return timelines


class _Downloads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "a" and (name := known.get("download")):
            data = (known["href"] or "").removeprefix("data:text/csv;charset=utf-8,")
            self.found[name] = list(csv.reader(io.StringIO(unquote(data))))


def downloads(text: str) -> dict[str, list[list[str]]]:
    parser = _Downloads()
    parser.feed(text)
    return parser.found


def labels() -> list[str]:
    return [f"test {version}" for version in VERSIONS]


# --- its figures are the timelines' counts ---------------------------------------------------------------------------
def counts(rows: list[dict[str, str]]) -> Counter[str]:
    return Counter(row["action"] for row in rows)


def test_the_policies_in_numbers(text: str, timelines: list[list[dict[str, str]]]) -> None:
    header, *lines = downloads(text)["policies.csv"]
    assert [line[0] for line in lines] == labels()
    for line, rows in zip(lines, timelines, strict=True):
        told, counted = dict(zip(header, line, strict=True)), counts(rows)
        names = {
            "texts": "send_sms",
            "calls": "queue_call",
            "letters": "queue_letter",
            "placements": "place_with_agency",
        }
        names |= {
            "filings": "file_legal",
            "freezes": "freeze_account",
            "cases opened": "case_opened",
            "paid": "case_closed",
        }
        assert {name: int(told[name]) for name in names} == {name: counted[action] for name, action in names.items()}
        assert int(told["still open"]) == counted["case_opened"] - counted["case_closed"]
        contacts = sum(counted[action] for action in ("send_sms", "queue_call", "queue_letter"))
        assert Decimal(told["contacts a case"]) == (Decimal(contacts) / counted["case_opened"]).quantize(
            Decimal("0.01")
        )


def test_every_day(text: str, timelines: list[list[dict[str, str]]]) -> None:
    header, *lines = downloads(text)["days.csv"]
    assert (lines[0][0], lines[-1][0], len(lines)) == (FIRST.isoformat(), LAST.isoformat(), (LAST - FIRST).days + 1)
    for label, rows in zip(labels(), timelines, strict=True):
        for name, action in (("calls", "queue_call"), ("letters", "queue_letter"), ("placements", "place_with_agency")):
            column = header.index(f"{label} {name}")
            daily = Counter(row["date"] for row in rows if row["action"] == action)
            assert {line[0]: int(line[column]) for line in lines if line[column] != "0"} == daily


def test_the_flow(text: str, timelines: list[list[dict[str, str]]]) -> None:
    _, *lines = downloads(text)["flow-numbers.csv"]
    for label, rows in zip(labels(), timelines, strict=True):
        entered = Counter(row["stage"] for row in rows if row["action"] == "stage_entered")
        flows = [(source, target, int(cases)) for policy, source, target, cases in lines if policy == label]
        for stage, cases in entered.items():
            assert sum(count for _, target, count in flows if target == stage) == cases
            assert sum(count for source, _, count in flows if source == stage) == cases


def test_costs_are_as_given_as_in_the_policy_or_the_default(text: str, timelines: list[list[dict[str, str]]]) -> None:
    header, *lines = downloads(text)["contacts-numbers.csv"]
    told = {(line[0], line[1]): dict(zip(header, line, strict=True)) for line in lines}
    prices = {
        ("test 1", "letters"): ("7.5", "given"),
        ("test 1", "texts"): ("0.05", "default"),
        ("test few", "texts"): ("0.20", "the policy's sms.segment_price, one part each"),
        ("test 1", "placements"): ("0", "not counted"),
    }
    for place, (price, source) in prices.items():
        assert (told[place]["price of one"], told[place]["where the price is from"]) == (price, source)
    for label, rows in zip(labels(), timelines, strict=True):
        calls = told[label, "calls"]
        assert Decimal(calls["cost"]) == counts(rows)["queue_call"] * Decimal("1.50")


def test_days_over_capacity(text: str, timelines: list[list[dict[str, str]]]) -> None:
    _, *lines = downloads(text)["calls-numbers.csv"]
    daily = Counter(row["date"] for row in timelines[2] if row["action"] == "queue_call")
    over = sum(count > 2 for count in daily.values())
    assert over
    assert lines[2][-2:] == ["2", str(over)]
    assert lines[0][-2:] == ["none", "no capacity in the policy"]


def test_who_is_treated_differently(text: str, timelines: list[list[dict[str, str]]]) -> None:
    header, *lines = downloads(text)["accounts-numbers.csv"]
    firsts: list[dict[str, str]] = []
    for rows in timelines[:2]:
        first: dict[str, str] = {}
        for row in rows:
            if row["action"] == "queue_letter":
                first.setdefault(row["account_id"], row["date"])
        firsts.append(first)
    earlier = sum(firsts[1][account] < on for account, on in firsts[0].items() if account in firsts[1])
    line = next(line for line in lines if line[:2] == [labels()[1], "letters"])
    assert earlier
    assert int(line[header.index("earlier")]) == earlier


# --- what it says ----------------------------------------------------------------------------------------------------
def test_it_says_that_payments_do_not_answer_to_the_policy(text: str) -> None:
    assert "Payments are those of the data. They do not answer to the policy." in re.sub(r"\s+", " ", text)


def test_it_says_what_differs_in_words_and_why_an_account_is_treated_so(text: str) -> None:
    assert "<li>lawyer&#x27;s letter: 60 -&gt; 45 DPD</li>" in text
    assert "45 DPD reached on" in text


def test_it_holds_no_script_and_no_address_of_anything_outside(text: str) -> None:
    assert "default-src 'none'" in text
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\son\w+=", text)
    assert not re.search(r"(?:https?:)?//[a-z]", text)


def test_what_a_policy_is_called_is_text_and_never_markup(text: str) -> None:
    assert "early &lt;b&gt;" in text
    assert "early <b>" not in text


def test_it_is_the_same_each_time(made: Path, text: str, tmp_path: Path) -> None:
    files = [word for number in range(3) for word in ("--policy", str(made / f"{number}.json"))]
    files += ["--portfolio", str(made / "portfolio.csv"), "--payments", str(made / "payments.csv")]
    dates = ["--from", FIRST.isoformat(), "--to", LAST.isoformat()]
    page = tmp_path / "again.html"
    assert (
        main(
            [
                "simulate",
                *files,
                *dates,
                "--out",
                str(tmp_path / "out"),
                "--report",
                str(page),
                "--cost",
                "queue_letter=7.5",
            ]
        )
        == 0
    )
    assert page.read_text(encoding="utf-8") == text


def test_one_policy_has_a_page_of_its_own(made: Path, tmp_path: Path) -> None:
    words = ["simulate", "--portfolio", str(made / "portfolio.csv"), "--policy", str(made / "0.json")]
    words += [
        "--from",
        "2005-06-01",
        "--to",
        "2005-06-30",
        "--out",
        str(tmp_path),
        "--report",
        str(tmp_path / "r.html"),
    ]
    assert main(words) == 0
    assert (tmp_path / "timeline.csv").is_file()
    assert "What differs between them" not in (tmp_path / "r.html").read_text()


def test_a_portfolio_without_a_case_has_a_page(made: Path, tmp_path: Path) -> None:
    nobody = write(tmp_path / "portfolio.csv", "portfolio", [extract("A", "2005-06-02", "0.00")])
    words = ["simulate", "--portfolio", str(nobody), "--policy", str(made / "0.json"), "--policy", str(made / "2.json")]
    words += [
        "--from",
        "2005-06-01",
        "--to",
        "2005-06-02",
        "--out",
        str(tmp_path),
        "--report",
        str(tmp_path / "r.html"),
    ]
    assert main(words) == 0
    assert "No case opened." in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    "cost", ["call=1", "send_sms", "send_sms=-1", "send_sms=NaN", "send_sms=much", "send_sms=1e400", "send_sms=1e-400"]
)
def test_a_price_that_is_none_is_refused(
    made: Path, tmp_path: Path, cost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", "--portfolio", str(made / "portfolio.csv"), "--policy", str(made / "0.json")]
    words += [
        "--from",
        "2005-06-01",
        "--to",
        "2005-06-02",
        "--out",
        str(tmp_path / "out"),
        "--report",
        "r",
        "--cost",
        cost,
    ]
    assert main(words) == 2
    assert cost in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_currency_of_the_costs_is_named() -> None:
    assert Costs.parsed(["send_sms=0.04"], "TWD") == Costs("TWD", {"send_sms": Decimal("0.04")})


# --- the flow picture ------------------------------------------------------------------------------------------------
FLOW = {(OPENED, "a"): 60, (OPENED, "b"): 40, ("a", "b"): 50, ("a", PAID): 10, ("b", PAID): 70, ("b", STILL_OPEN): 20}


def test_every_case_is_in_a_band_and_every_bar_is_as_high_as_its_cases() -> None:
    bars, bands = layout(FLOW, ["a", "b", "never"])
    assert {bar.name: (bar.column, bar.cases) for bar in bars} == {
        OPENED: (0, 100),
        "a": (1, 60),
        "b": (2, 90),
        STILL_OPEN: (3, 20),
        PAID: (3, 80),
    }
    assert all(bar.end - bar.start == bar.cases for bar in bars)
    assert {(band.source, band.target): band.cases for band in bands} == FLOW
    assert all(abs(end - start - band.cases) < 0.02 for band in bands for _, start, end in band.points)


def test_no_band_runs_over_the_bar_of_a_stage_that_it_passes() -> None:
    bars, bands = layout(FLOW, ["a", "b"])
    for band in bands:
        for at, start, end in band.points:
            for bar in bars:
                if bar.column == at and bar.name not in {band.source, band.target}:
                    assert end <= bar.start or start >= bar.end, (band.source, band.target, bar.name)


# --- in a browser ----------------------------------------------------------------------------------------------------
browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")
READ = """
const tables = {};
for (const table of page.querySelectorAll("table[id]"))
  tables[table.id] = [...table.rows].map(row => [...row.cells].map(cell => cell.textContent));
const shown = [...page.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().width > 0);
return {
  tables,
  asked: win.performance.getEntriesByType("resource").map(entry => entry.name),
  pictures: shown.map(svg => ({
    label: svg.getAttribute("aria-label"), role: svg.getAttribute("role"),
    left: svg.getBoundingClientRect().left, right: svg.getBoundingClientRect().right,
    paths: svg.querySelectorAll("path,text").length,
  })),
  all: page.querySelectorAll("svg").length,
  width: page.documentElement.clientWidth, needed: page.documentElement.scrollWidth,
  background: win.getComputedStyle(page.body).backgroundColor,
  ink: win.getComputedStyle(page.querySelector("svg text")).fill,
  focusable: [...page.querySelectorAll("a,summary,[tabindex]")].map(each => each.tabIndex),
  unnamed: [...page.querySelectorAll("[role=region]")].filter(each => !each.getAttribute("aria-label")).length,
  headings: [...page.querySelectorAll("h1,h2,h3")].map(each => Number(each.tagName[1])),
};
"""


@pytest.fixture(scope="module")
def opened(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return asked(made / "page" / "report.html", READ, tmp_path_factory.mktemp("browser"))


@browser
def test_a_browser_reads_the_same_numbers_as_lie_in_the_downloads(opened: Any, text: str) -> None:
    for name, rows in downloads(text).items():
        shown = [[cell.replace(",", "") for cell in row] for row in opened["tables"][name.removesuffix(".csv")]]
        assert shown == [[cell.replace(",", "") for cell in row] for row in rows], name


@browser
def test_a_browser_asks_nobody_for_anything(opened: Any) -> None:
    assert opened["asked"] == []


@browser
def test_every_picture_is_drawn_and_says_what_it_shows(opened: Any) -> None:
    assert len(opened["pictures"]) * 2 == opened["all"]
    assert all(picture["role"] == "img" and picture["label"] and picture["paths"] > 3 for picture in opened["pictures"])


@browser
def test_everything_can_be_reached_with_the_keyboard(opened: Any) -> None:
    assert set(opened["focusable"]) == {0}
    assert opened["unnamed"] == 0
    assert opened["headings"][0] == 1
    assert all(after - before <= 1 for before, after in zip(opened["headings"], opened["headings"][1:], strict=False))


@browser
@pytest.mark.parametrize("width", [1100, 390])
def test_it_fits_a_wide_and_a_narrow_screen(made: Path, tmp_path: Path, width: int) -> None:
    seen = asked(made / "page" / "report.html", READ, tmp_path, width=width)
    assert seen["needed"] <= seen["width"]
    assert all(picture["left"] >= 0 and picture["right"] <= width for picture in seen["pictures"])


@browser
def test_it_is_dark_where_the_reader_wants_it_dark(made: Path, tmp_path: Path, opened: Any) -> None:
    dark = asked(made / "page" / "report.html", READ, tmp_path, dark=True)
    assert (opened["background"], dark["background"]) == ("rgb(255, 255, 255)", "rgb(20, 23, 26)")
    assert (opened["ink"], dark["ink"]) == ("rgb(27, 31, 36)", "rgb(232, 234, 237)")
