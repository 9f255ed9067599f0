"""What was measured, as the made parts of `docs/performance.md` and `docs/scale.md`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.bill import Line, Prices, bill, scan_units
from bench.sizes import WHOLE

RESULTS = Path(__file__).with_name("results.json")
#: The size of the comparison: a million cases among ten million accounts, open for 180 nights, of ten actions each.
NIGHTS, ACCOUNTS, ACTIONS = 180, 10_000_000, 10

Figures = Mapping[str, Any]


@cache
def results() -> dict[str, Any]:
    """What the last run measured."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose columns, but for the first, are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float) -> str:
    """A number to three figures or so."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.1e}"


def dollars(value: float) -> str:
    """An amount in US dollars."""
    return f"{value:,.2f}"


# --- what is wanted --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Goal:
    """Something that was wanted.

    Attributes:
        parts: what has to be measured to know.
        figure: what was measured.
        reached: whether that will do.
        unit: how it is written, with the figure in it.
    """

    what: str
    goal: str
    parts: frozenset[str]
    figure: Callable[[Figures], float]
    reached: Callable[[float], bool]
    unit: str = "{:.2f}"


def _against(what: str) -> Callable[[Figures], float]:
    return lambda run: per_case(run["lives"])[what] / per_case(run["obvious"])[what]


def _flat(run: Figures) -> float:
    units = [scan["read_units"] for scan in run["scans"]]
    return float(max(units) / min(units))


def _memory(run: Figures) -> float:
    first, *_, last = run["imports"]
    return max(step(last) / step(first) for step in (_split_memory, _piece_memory))


def _slowest(run: Figures) -> float:
    starts = run["starts"]
    return float(max(one["init"] for one in starts["functions"].values()) / starts["empty"])


def _faster(run: Figures) -> float:
    return float(run["core"]["plain"] / run["core"]["core"])


def _whole_bill(run: Figures) -> float:
    return sum(line.dollars for line in bill(run["reference"], Prices()))


_BOTH = frozenset({"lives", "obvious"})
GOALS = (
    Goal(
        "core against a player that looks at every account every day",
        "at least 20x",
        frozenset({"core"}),
        _faster,
        lambda figure: figure >= 20,
        "{:.1f}x",
    ),
    Goal(
        "state transitions a case against the obvious design",
        "at most a tenth",
        _BOTH,
        _against("state transitions"),
        lambda figure: figure <= 0.1,
        "{:.3f}",
    ),
    Goal(
        "requests a case against the obvious design",
        "at most a tenth",
        _BOTH,
        _against("requests"),
        lambda figure: figure <= 0.1,
        "{:.3f}",
    ),
    Goal(
        "read units of a scan, 100x the current accounts against 1x",
        "flat",
        frozenset({"scans"}),
        _flat,
        lambda figure: figure <= 1.05,
        "{:.2f}x",
    ),
    Goal(
        "memory of an import, 1M rows against 10k",
        "constant",
        frozenset({"imports"}),
        _memory,
        lambda figure: figure <= 1.25,
        "{:.2f}x",
    ),
    Goal(
        "init of the slowest function against an empty handler",
        "under 1.5x",
        frozenset({"starts"}),
        _slowest,
        lambda figure: figure < 1.5,
        "{:.2f}x",
    ),
    Goal(
        "state transitions of a reference case",
        "at most 45",
        frozenset({"reference"}),
        lambda run: per_case(run["reference"])["state transitions"],
        lambda figure: figure <= 45,
        "{:.0f}",
    ),
    Goal(
        "the bill for a million reference cases",
        "under US$ 1,300",
        frozenset({"reference"}),
        _whole_bill,
        lambda figure: figure < 1300,
        "US$ {:,.0f}",
    ),
)


def wanted(run: Figures) -> list[tuple[str, str, str, bool]]:
    """Return what was set as a goal: what, how much, what was measured, whether it is reached."""
    return [
        (goal.what, goal.goal, goal.unit.format(figure := goal.figure(run)), goal.reached(figure))
        for goal in GOALS
        if goal.parts <= set(run)
    ]


def _split_memory(one: Figures) -> float:
    return float(one["split_memory"])


def _piece_memory(one: Figures) -> float:
    return float(one["piece_memory"])


def wanted_part() -> str:
    """The goals, and which of them are reached."""
    rows = [(what, goal, got, "yes" if reached else "**no**") for what, goal, got, reached in wanted(results())]
    return table(("wanted", "goal", "measured", "reached"), rows)


# --- the parts -------------------------------------------------------------------------------------------------------
def machine_part() -> str:
    """Where and when it was measured."""
    machine = results()["machine"]
    return f"Measured on {machine['date']} with Python {machine['python']} on {machine['cores']} cores."


def core_part() -> str:
    """The simulator beside the plain player."""
    core = results()["core"]
    plain_end, ours_end = core["read"] + core["plain"], core["files"]
    rows = [
        (
            "files in memory to rows",
            number(core["core"]),
            number(core["plain"]),
            f"{core['plain'] / core['core']:.1f}x",
        ),
        ("files to files", number(ours_end), number(plain_end), f"{plain_end / ours_end:.1f}x"),
    ]
    said = (
        f"{core['accounts']:,} real accounts over {core['days']} dates, {core['rows']:,} rows, "
        f"{'the same from both' if core['same'] else '**which differ**'}. The plain player "
        f"looks {core['looks']:,} times. On {core['dates']:,} dates of accounts something can change; Arrears decides "
        f"{core['decided']:,} of them, in {core['turns']:,} turns, and tells the others."
    )
    return f"{said}\n\n{table(('seconds of CPU time', 'Arrears', 'day by day', 'ratio'), rows)}"


def several_part() -> str:
    """Several policies over the same files."""
    many = results()["several"]
    return (
        f"Ten policies over the same files take {many['ten'] / many['one']:.1f} times the CPU time of one, "
        f"since the files are read once, and {many['ten_took'] / many['one_took']:.1f} times as long, on all cores."
    )


def per_case(lives: Figures) -> dict[str, float]:
    """What a case takes over its life."""
    life, cases = lives["counted"], max(lives["cases"], 1)
    kinds = {kind: sum(number for name, number in life["calls"].items() if name in names) for kind, names in _KINDS}
    invoked = sum(life["functions"].values())
    every = sum(life["calls"].values())
    counted = {
        "state transitions": life["transitions"],
        "requests": every + invoked,
        "functions invoked": invoked,
        **kinds,
        "messages, tasks and documents": every - sum(kinds.values()),
        "write units": sum(life["write"].values()),
        "read units": sum(life["read"].values()),
    }
    return {what: number / cases for what, number in counted.items()}


def _calls(service: str, *operations: str) -> frozenset[str]:
    return frozenset(f"{service}:{operation}" for operation in operations)


#: The kinds of calls that driving takes; what is left leaves the bank, or is a document that does.
_KINDS = (
    ("table read", _calls("dynamodb", "GetItem", "BatchGetItem", "TransactGetItems", "Query")),
    ("table written", _calls("dynamodb", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")),
    (
        "executions started and woken",
        _calls("stepfunctions", "StartExecution", "SendTaskSuccess", "SendTaskFailure"),
    ),
)
_OF_THEM = {"functions invoked", *(kind for kind, _ in _KINDS), "messages, tasks and documents"}


def lives_part() -> str:
    """A case's life beside the obvious design."""
    lives, obvious, leanest = (results()[name] for name in ("lives", "obvious", "leanest"))
    ours, theirs, least = per_case(lives), per_case(obvious), per_case(leanest)
    rows = [
        (
            f"of them: {what}" if what in _OF_THEM else what,
            number(ours[what]),
            number(theirs[what]),
            _ratio(ours[what], theirs[what]),
            number(least[what]),
            _ratio(ours[what], least[what]),
        )
        for what in ours
    ]
    cases, ends = max(lives["cases"], 1), lives["ends"]
    stand = ", ".join(f"{many} {_ENDS.get(end, f'in stage {end}')}" for end, many in sorted(ends.items(), key=_most))
    said = (
        f"{lives['accounts']} real accounts over {WHOLE.days} dates; {lives['cases']} cases, open for "
        f"{lives['days_open'] / cases:,.0f} days and with {lives['actions'] / cases:.1f} actions on average. "
        f"At the end: {stand}."
    )
    starts = obvious["counted"]["calls"]["stepfunctions:StartExecution"] / obvious["cases"] - 1
    reads = 3 * obvious["counted"]["functions"]["poll"] / obvious["cases"]
    doubts = [
        ("a flag on the account says that an execution runs, and something else repairs one that died", starts),
        ("a poll reads its four items in one request", reads),
        ("both", starts + reads),
    ]
    rather = [
        (what, number(left := theirs["requests"] - spared), _ratio(ours["requests"], left)) for what, spared in doubts
    ]
    doubt = "The obvious design made by somebody who spares what it can do without:\n\n" + table(
        ("if", "requests a case", "ratio"), rather
    )
    header = ("a case, over its life", "Arrears", "the obvious design", "ratio", "the leanest thinkable", "ratio")
    return f"{said}\n\n{table(header, rows)}\n\n{doubt}"


_ENDS = {"paid": "paid", "sued": "sued and not paid"}


def _most(end: tuple[str, int]) -> tuple[int, str]:
    return -end[1], end[0]


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.3f}" if theirs else ""


def scans_part() -> str:
    """What a scan takes."""
    rows = [
        (
            f"{scan['current']:,}",
            str(scan["started"]),
            str(scan["requests"]),
            number(scan["read_units"]),
            number(scan["whole_table_units"]),
        )
        for scan in results()["scans"]
    ]
    return table(
        ("current accounts", "new ones", "requests", "read units", "read units of a scan of the whole table"), rows
    )


def imports_part() -> str:
    """What an import takes."""
    rows = [
        (
            f"{one['rows']:,}",
            f"{one['rows'] / one['split_seconds']:,.0f}",
            f"{one['split_memory']:.0f}",
            str(one["pieces"]),
            f"{one['piece_rows']:,}",
            f"{one['taken_in'] / one['piece_seconds']:,.0f}",
            f"{one['piece_memory']:.0f}",
        )
        for one in results()["imports"]
    ]
    header = ("rows", "split: rows a second", "MB", "pieces", "rows of a piece", "take in: rows a second", "MB")
    return table(header, rows)


def starts_part() -> str:
    """How long functions take to start."""
    starts = results()["starts"]
    rows = [
        (f"`{name}`", f"{one['init'] * 1000:.0f}", f"{one['init'] / starts['empty']:.2f}x", ", ".join(one["loaded"]))
        for name, one in sorted(starts["functions"].items())
    ]
    letters = ", ".join(f"{seconds * 1000:.0f} ms in {name}" for name, seconds in sorted(starts["letters"].items()))
    said = (
        f"An empty handler that imports boto3 and makes a client takes {starts['empty'] * 1000:.0f} ms of CPU time, "
        f"{starts['boto3'] * 1000:.0f} of them for the import. "
        f"A lawyer's letter, drawn by a function that has drawn one before, takes {letters}."
    )
    return f"{said}\n\n{table(('function', 'ms', 'ratio', 'loaded'), rows)}"


def bill_part() -> str:
    """The bill for a million reference cases."""
    prices, theirs = Prices(), results()["obvious_reference"]
    lines = bill(results()["reference"], prices)
    scanned = scan_units(theirs, nights=NIGHTS, accounts=ACCOUNTS)
    said = f"List prices of {prices.date}, {prices.region}, in US dollars for a million cases."
    other = (
        f"The obvious design: the same ten actions in cases that are open for {NIGHTS} nights, played and counted in "
        f"the same way; and the nightly scan of a table of {ACCOUNTS // 1_000_000} million accounts and a million "
        "cases, from the measured sizes of their items."
    )
    return f"{said}\n\n{_items(lines)}\n\n{other}\n\n{_items(bill(theirs, prices, scanned))}"


def _items(lines: Sequence[Line]) -> str:
    rows = [(line.item, f"{number(line.number)} {line.unit}".strip(), dollars(line.dollars)) for line in lines]
    rows.append(("**together**", "", f"**{dollars(sum(line.dollars for line in lines))}**"))
    return table(("item", "a case", "a million cases, US$"), rows)


def needs_part() -> str:
    """What 5 million open cases ask of each quota."""
    reference = per_case(results()["reference"])
    cases, days = 5_000_000, 180
    per_day = cases / days
    turns = results()["reference"]["turns"] / results()["reference"]["cases"]
    busy = cases * ACTIONS / days
    rows = [
        ("new cases a day", number(per_day), "5,556 with 1,000,000 open executions"),
        ("open executions", number(cases), "1,000,000 by default, several million on request"),
        ("starts a second, over a day", f"{per_day / 86_400:.2f}", "300 in the largest regions, 150 elsewhere"),
        ("turns a day", number(cases * turns / days), ""),
        (
            "state transitions a second, over 120 minutes",
            number(cases * reference["state transitions"] / days / 7200),
            "1,500 in the largest regions, 500 elsewhere",
        ),
        (
            "state transitions a second, over a window of 13 hours",
            number(cases * reference["state transitions"] / days / 46_800),
            "the same",
        ),
        ("actions a day", number(busy), ""),
        (
            "write units a second, over 120 minutes",
            number(cases * reference["write units"] / days / 7200),
            "40,000 a table by default, 1,000 a partition",
        ),
    ]
    return table(("5 million cases, each open for 180 days", "needed", "quota"), rows)


def _if_measured(part: Callable[[], str], *names: str) -> Callable[[], str]:
    """A part that says so where something of it is not measured yet."""

    def made() -> str:
        missing = [name for name in names if name not in results()]
        return f"Not measured yet: `make bench` ({', '.join(missing)})." if missing else part()

    return made


PARTS = {
    "docs/performance.md": {
        "machine": machine_part,
        "wanted": wanted_part,
        "core": _if_measured(core_part, "core"),
        "several": _if_measured(several_part, "several"),
        "lives": _if_measured(lives_part, "lives", "obvious", "leanest"),
        "scans": _if_measured(scans_part, "scans"),
        "imports": _if_measured(imports_part, "imports"),
        "starts": _if_measured(starts_part, "starts"),
    },
    "docs/scale.md": {
        "needs": _if_measured(needs_part, "reference"),
        "bill": _if_measured(bill_part, "reference", "obvious_reference"),
    },
}
