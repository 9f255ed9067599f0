"""The demo's sample shows every path of the process, and says where it is from."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from arrears.files import COLUMNS, Kind, RowError, parse, read_rows
from arrears.files.drops import merge
from arrears.policy_file import load_policy, shipped_policy
from arrears.simulate.run import Inputs, simulate

SAMPLE = Path(__file__).resolve().parents[2] / "infra/local/sample"
KINDS: tuple[Kind, ...] = ("portfolio", "payments", "holds", "calls", "letters", "returns")
FIRST, LAST = date(2005, 4, 3), date(2006, 6, 30)
#: All files together, in bytes; a clone should not wait for a demo.
LARGEST = 300_000

Story = list[dict[str, str]]


def files(kind: Kind) -> list[Path]:
    return sorted(path for path in SAMPLE.rglob(f"{kind}/*") if path.is_file())


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> list[Story]:
    """The timeline of each case of the sample."""
    out = tmp_path_factory.mktemp("simulated")
    policy = load_policy(shipped_policy("tw-credit-card"), check_templates=False).policy
    summary = simulate(Inputs(**{kind: files(kind) for kind in KINDS}), policy, FIRST, LAST, out, approve_after=1)
    assert summary["rejected"] == 0
    cases: dict[str, Story] = defaultdict(list)
    with (out / "timeline.csv").open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            cases[row["case_id"]].append(row)
    return list(cases.values())


def stages(story: Story) -> list[str]:
    return [row["stage"] for row in story if row["action"] == "stage_entered"]


def cured_in(stage: str) -> Callable[[Story], bool]:
    return lambda story: (story[-1]["action"], story[-1]["stage"]) == ("case_closed", stage)


def did(action: str, reason: str = "") -> Callable[[Story], bool]:
    return lambda story: any(row["action"] == action and reason in row["reason"] for row in story)


def is_open(story: Story) -> bool:
    return not did("case_closed")(story)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(cured_in("reminder"), id="cured in the reminder stage"),
        pytest.param(cured_in("call"), id="cured in the call stage"),
        pytest.param(cured_in("lawyer_letter"), id="cured in the lawyer_letter stage"),
        pytest.param(cured_in("agency"), id="cured in the agency stage"),
        pytest.param(cured_in("legal"), id="cured in the legal stage"),
        pytest.param(did("freeze_account"), id="frozen"),
        pytest.param(did("recall_from_agency", "cured"), id="recalled on cure"),
        pytest.param(did("recall_from_agency", "term"), id="recalled on term"),
        pytest.param(did("recall_from_agency", "hold"), id="recalled on hold"),
        pytest.param(lambda story: did("file_legal")(story) and is_open(story), id="in court"),
        pytest.param(
            lambda story: did("file_legal")(story) and not did("recall_from_agency")(story), id="returned by the agency"
        ),
        pytest.param(
            lambda story: is_open(story) and story[-1]["action"] == "place_with_agency", id="with the agency at the end"
        ),
        pytest.param(lambda story: is_open(story) and stages(story)[-1] == "agency", id="below the legal minimum"),
        pytest.param(lambda story: stages(story)[0] == "call", id="two months late at once"),
        pytest.param(lambda story: stages(story)[0] == "lawyer_letter", id="three months late at once"),
        pytest.param(lambda story: "reminder" in stages(story) and not did("send_sms")(story), id="cannot be texted"),
        pytest.param(lambda story: "call" in stages(story) and not did("queue_call")(story), id="cannot be called"),
        pytest.param(
            lambda story: len([row for row in story if row["action"] == "place_with_agency"]) > 1, id="placed twice"
        ),
    ],
)
def test_every_path_occurs(stories: list[Story], path: Callable[[Story], bool]) -> None:
    assert [story for story in stories if path(story)]


def test_some_accounts_are_never_overdue_and_some_again_and_again(stories: list[Story]) -> None:
    with (SAMPLE / "accounts.csv").open(encoding="utf-8", newline="") as opened:
        accounts = [row["account_id"] for row in csv.DictReader(opened)]
    cases = Counter(story[0]["account_id"] for story in stories)
    assert 140 <= len(accounts) <= 160
    assert cases.keys() <= set(accounts)
    assert len(accounts) - len(cases) >= 5
    assert max(cases.values()) >= 3


def test_every_row_is_good_and_what_is_made_up_says_so() -> None:
    kinds = Counter[str]()
    for kind in KINDS:
        for path in files(kind):
            for _, row in read_rows(path, kind):
                assert not isinstance(row, RowError)
                parse(kind, row)
                kinds[kind] += 1
                made_up = (row[COLUMNS[kind][0]] or "") if kind != "letters" else (row["tracking_number"] or "")
                is_data = kind == "portfolio" or (kind == "payments" and (row["paid_at"] or "") < "2005-10")
                assert made_up.startswith("MADE-UP") != is_data
    assert set(kinds) == set(KINDS)


def test_call_results_and_holds_are_of_every_kind_that_matters() -> None:
    results = {row["result"] for path in files("calls") for _, row in read_rows(path, "calls") if isinstance(row, dict)}
    assert results >= {"no_answer", "message_left", "right_party", "promise", "refused", "disputed"}
    holds = [row for path in files("holds") for _, row in read_rows(path, "holds") if isinstance(row, dict)]
    assert {row["status"] for row in holds if row["reason"] == "dispute"} == {"placed", "lifted"}


def test_letters_go_out_in_three_languages() -> None:
    languages = {
        row["language"]
        for path in files("portfolio")
        for _, row in read_rows(path, "portfolio")
        if isinstance(row, dict)
    }
    assert languages == {"zh-TW", "zh-CN", "en"}


def test_the_sample_is_small_and_carries_its_attribution() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < LARGEST
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    for part in ("I-Cheng Yeh", "10.24432/C55S3H", "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"):
        assert part in readme


def test_every_answer_of_the_fullest_policys_sample_is_about_something_that_was_done(tmp_path: Path) -> None:
    """When that policy changes, `python -m tools.make_answers` writes them anew."""
    merge([SAMPLE, SAMPLE.parent / "sample-full"], tmp_path / "drops")
    policy = load_policy(shipped_policy("tw-credit-card-full"), check_templates=False).policy
    summary = simulate(Inputs(drops=[tmp_path / "drops"]), policy, FIRST, LAST, tmp_path / "out")
    answers = {kind: summary["rows"][kind] for kind in ("letters", "receipts", "optouts", "freezes")}
    assert {kind: rows["rejected"] for kind, rows in answers.items()} == dict.fromkeys(answers, 0)
    assert all(rows["accepted"] > 3 for rows in answers.values())
    returns = summary["rows"]["returns"]
    assert returns["accepted"] > 10 * returns["rejected"] > 0, "a few come in after the case was recalled"
