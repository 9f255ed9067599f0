"""The page itself: one file of HTML with its pictures, tables and downloads, without a script and without the network.

Everything that is counted on it is counted from the rows of the timelines (`figures.py`); each table can be downloaded
as CSV, which lies in the link itself.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from arrears.csv_safe import safe_cell
from arrears.policy_diff import policy_differences
from arrears.simulate.figures import KINDS, OPENED, PAID, STILL_OPEN, TREATMENTS, Difference, quantile
from arrears.simulate.report import charts
from arrears.simulate.report.costs import Costs
from arrears.simulate.report.flow import layout
from arrears.simulate.rolls import BUCKETS, Rolls
from arrears.simulate.several import Outcome

#: How actions are called on the page, and the colour of each.
CHANNELS: Mapping[str, tuple[str, str]] = {
    "send_sms": ("texts", "var(--sms)"),
    "queue_call": ("calls", "var(--call)"),
    "queue_letter": ("letters", "var(--letter)"),
    "place_with_agency": ("placements", "var(--agency)"),
    "file_legal": ("filings", "var(--court)"),
}
_CONTACTS = ("send_sms", "queue_call", "queue_letter")
_NAMES = {action: name for action, (name, _) in CHANNELS.items()} | {"freeze_account": "freezes"}
#: Accounts that are shown side by side, in all.
SAMPLE = 12
_CENT = Decimal("0.01")
_NUMBER = ' class="n"'
_STYLE = Path(__file__).with_name("report.css")

_Cell = str | int | Decimal


def write_report(
    path: Path, outcomes: Sequence[Outcome], rolls: Rolls, first: date, last: date, costs: Costs | None = None
) -> None:
    """Write the page.

    Args:
        path: the file; its folder is made where there is none.
        outcomes: what came of each policy; the first is the one that the others are compared with.
        rolls: how the portfolio rolled.
        first: the first date that was played.
        last: the last one.
        costs: the prices; the defaults without it.

    Raises:
        ImportError: the drawing library is not installed.
        OSError: the page cannot be written, or a timeline cannot be read.
    """
    page = "".join(_Page(outcomes, rolls, first, last, costs or Costs()).parts())
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)


# --- pieces of HTML --------------------------------------------------------------------------------------------------
def _shown(cell: _Cell) -> str:
    return f"{cell:,}" if isinstance(cell, int | Decimal) else cell


def _table(header: Sequence[str], rows: Iterable[Sequence[_Cell]], caption: str, id_: str) -> str:
    """Return a table whose first column names the rows; numbers are set to the right."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td{'' if isinstance(cell, str) else _NUMBER}>{escape(_shown(cell))}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{escape(_shown(first))}</th>{cells}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table id="{id_}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _download(name: str, header: Sequence[str], rows: Iterable[Sequence[_Cell]]) -> str:
    """Return a link that holds the numbers as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    data = quote(text.getvalue(), safe=",:;/ -_.()")
    return f'<p><a download="{name}.csv" href="data:text/csv;charset=utf-8,{escape(data)}">{name}.csv</a></p>'


def _numbers(
    name: str, header: Sequence[str], rows: Sequence[Sequence[_Cell]], caption: str, *, closed: bool = True
) -> str:
    """Return a table and its download; behind a line that opens it, where it only repeats a picture."""
    body = _table(header, rows, caption, name) + _download(name, header, rows)
    return f"<details><summary>{escape(caption)}: the numbers</summary>{body}</details>" if closed else body


def _figure(make: Callable[..., dict[str, Any]], label: str, caption: str = "", *, fit: bool = True) -> str:
    """Return a picture in both widths."""
    pictures = "".join(charts.drawn(make(narrow=narrow), label, narrow=narrow, fit=fit) for _, narrow in charts.WIDTHS)
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{pictures}{below}</figure>"


def _section(id_: str, title: str, parts: Iterable[str]) -> str:
    return (
        f'<section id="{id_}" aria-labelledby="{id_}-title"><h2 id="{id_}-title">{title}</h2>{"".join(parts)}</section>'
    )


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


_SECTIONS = {
    "policies": "The policies",
    "differences": "What differs between them",
    "flow": "How cases go through the stages",
    "contacts": "Contacts and cost of a case",
    "calls": "Calls a day",
    "letters": "Letters and placements a day",
    "times": "Time to each stage",
    "accounts": "Who is treated differently, and why",
    "rolls": "Roll rates of the portfolio",
}


class _Page:
    """Makes the parts of the page."""

    def __init__(self, outcomes: Sequence[Outcome], rolls: Rolls, first: date, last: date, costs: Costs) -> None:
        self._outcomes = outcomes
        self._rolls_found = rolls
        self._first, self._last = first, last
        self._costs = costs
        self._days = [(first + timedelta(day)).isoformat() for day in range((last - first).days + 1)]

    def parts(self) -> Iterator[str]:
        """Yield the page from its top to its end."""
        several = len(self._outcomes) > 1
        shown = [name for name in _SECTIONS if several or name not in {"differences", "accounts"}]
        style = _STYLE.read_text(encoding="utf-8")
        labels = ", ".join(outcome.policy.label for outcome in self._outcomes)
        yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        yield '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        yield f'content="light dark"><title>Policies compared: {escape(labels)}</title><style>{style}</style></head>'
        yield "<body>"
        yield "<header><h1>Policies compared on the same portfolio</h1>"
        accounts = self._outcomes[0].summary["accounts"]
        played = f"{accounts:,} accounts, played from {self._first} through {self._last}."
        yield f"<p>{played}{self._approvals()}</p></header>"
        yield '<nav aria-label="On this page"><ul>'
        yield "".join(f'<li><a href="#{name}">{_SECTIONS[name]}</a></li>' for name in shown)
        yield "</ul></nav><main>"
        yield _HONEST
        for name in shown:
            yield _section(name, _SECTIONS[name], getattr(self, f"_{name}")())
        yield "</main></body></html>\n"

    # --- the policies ------------------------------------------------------------------------------------------------
    def _approvals(self) -> str:
        """Say what became of filings that wait for a legal officer: a page of sums must not hide that they wait."""
        after = self._outcomes[0].summary["approve_after_days"]
        if after is not None:
            return f" Filings that wait for a legal officer are taken to be approved {after} days later."
        waiting = [
            f"{outcome.summary['awaiting_approval']:,} under {outcome.policy.label}"
            for outcome in self._outcomes
            if outcome.summary["awaiting_approval"]
        ]
        return f" Cases that wait for a legal officer at the end: {escape(', '.join(waiting))}." if waiting else ""

    def _policies(self) -> Iterator[str]:
        header = ["policy", "cases opened", "paid", "still open", *CHANNELS_SHOWN, "contacts a case", "cost a case"]
        rows: list[list[_Cell]] = []
        for outcome in self._outcomes:
            figures = outcome.figures
            rows.append(
                [
                    *(outcome.policy.label, figures.opened, figures.through(PAID), figures.through(STILL_OPEN)),
                    *(figures.actions[action] for action in _NAMES),
                    self._a_case(outcome, sum(figures.actions[action] for action in _CONTACTS)),
                    self._a_case(outcome, sum(self._cost(outcome, action) for action in CHANNELS)),
                ]
            )
        yield _numbers("policies", header, rows, "The policies in numbers", closed=False)

    def _a_case(self, outcome: Outcome, amount: Decimal | int) -> Decimal:
        return (Decimal(amount) / max(outcome.figures.opened, 1)).quantize(_CENT)

    def _cost(self, outcome: Outcome, action: str) -> Decimal:
        return outcome.figures.actions[action] * self._costs.price(action, outcome.policy)

    def _differences(self) -> Iterator[str]:
        first = self._outcomes[0].policy
        for outcome in self._outcomes[1:]:
            yield f"<h3>{escape(first.label)} -&gt; {escape(outcome.policy.label)}</h3>"
            yield _list(policy_differences(first, outcome.policy) or ["nothing but the name or the version"])

    # --- the flow ----------------------------------------------------------------------------------------------------
    def _flow(self) -> Iterator[str]:
        yield "<p>A band is as wide as there are cases: on to the next stage, paid, or still open on the last day.</p>"
        rows: list[list[_Cell]] = []
        for outcome in self._outcomes:
            flow, ladder = outcome.figures.flow, outcome.policy.ladder
            places = {place: number for number, place in enumerate((OPENED, *ladder, STILL_OPEN, PAID))}
            for source, target in sorted(flow, key=lambda link: (places[link[0]], places[link[1]])):
                rows.append([outcome.policy.label, source, target, flow[source, target]])
            yield f"<h3>{escape(outcome.policy.label)}</h3>"
            if not flow:
                yield "<p>No case opened.</p>"
                continue
            bars, bands = layout(flow, ladder)

            told = "; ".join(f"{bar.name.replace('_', ' ')} {bar.cases:,}" for bar in bars)
            yield _figure(
                partial(charts.flow_spec, bars, bands), f"Cases through the stages under {outcome.policy.label}: {told}"
            )
        yield _numbers("flow-numbers", ["policy", "from", "to", "cases"], rows, "Cases from place to place")

    # --- contacts and cost -------------------------------------------------------------------------------------------
    def _contacts(self) -> Iterator[str]:
        header = [
            "policy",
            "channel",
            "number",
            "a case",
            "price of one",
            "cost",
            "cost a case",
            "where the price is from",
        ]
        rows: list[list[_Cell]] = []
        for outcome in self._outcomes:
            policy = outcome.policy
            for action, (name, _) in CHANNELS.items():
                number = outcome.figures.actions[action]
                cost = self._cost(outcome, action)
                price, source = self._costs.price(action, policy), self._costs.source(action, policy)
                a_case = self._a_case(outcome, number), price, cost.quantize(_CENT), self._a_case(outcome, cost)
                rows.append([policy.label, name, number, *a_case, source])
        yield _figure(
            self._stacked(_CONTACTS, lambda outcome, action: outcome.figures.actions[action], "contacts a case"),
            self._said("Contacts a case", _CONTACTS),
        )
        currency = self._costs.currency
        yield _figure(
            self._stacked(tuple(CHANNELS), self._cost, f"cost a case, {currency}"),
            f"Cost of a case by channel in {currency}; the numbers are in the table",
        )
        yield f"<p>Costs are in {escape(currency)}. A default price is a round figure to begin with, measured nowhere; "
        yield "give your own with <code>--cost send_sms=0.04</code>. An agency's commission and a court's fees depend "
        yield "on what is owed and paid, and are not counted unless you give a price for one.</p>"
        yield _numbers("contacts-numbers", header, rows, "Contacts and cost by channel")

    def _stacked(
        self, actions: Sequence[str], amount: Callable[[Outcome, str], Decimal | int], title: str
    ) -> Callable[..., dict[str, Any]]:
        rows = [
            (outcome.policy.label, CHANNELS[action][0], self._a_case(outcome, amount(outcome, action)))
            for outcome in self._outcomes
            for action in actions
        ]
        colors = dict(CHANNELS[action] for action in actions)
        return lambda *, narrow: charts.stacked_spec(rows, colors, title, narrow=narrow)

    def _said(self, what: str, actions: Sequence[str]) -> str:
        said = []
        for outcome in self._outcomes:
            number = sum(outcome.figures.actions[action] for action in actions)
            said.append(f"{outcome.policy.label} {self._a_case(outcome, number)}")
        return f"{what}: {', '.join(said)}"

    # --- day by day --------------------------------------------------------------------------------------------------
    def _series(self, outcome: Outcome, action: str) -> charts.Series:
        daily = outcome.figures.daily.get(action, Counter())
        return charts.Series(*CHANNELS[action], [(day, daily.get(day, 0)) for day in self._days])

    def _most(self, *actions: str) -> int:
        found = (outcome.figures.daily.get(action, Counter()) for outcome in self._outcomes for action in actions)
        return max((count for daily in found for count in daily.values()), default=0)

    def _calls(self) -> Iterator[str]:
        capacities = [
            outcome.policy.calls.capacity_per_day if outcome.policy.calls else None for outcome in self._outcomes
        ]
        most = max([self._most("queue_call"), *(capacity or 0 for capacity in capacities)])
        rows: list[list[_Cell]] = []
        for outcome, capacity in zip(self._outcomes, capacities, strict=True):
            series = self._series(outcome, "queue_call")
            counts = [count for _, count in series.days]
            busiest = max(counts)
            over = "no capacity in the policy" if capacity is None else sum(count > capacity for count in counts)
            mean = (Decimal(sum(counts)) / len(counts)).quantize(_CENT)
            when = series.days[counts.index(busiest)][0] if busiest else "none"
            rows.append([outcome.policy.label, sum(counts), mean, busiest, when, capacity or "none", over])
            yield f"<h3>{escape(outcome.policy.label)}</h3>"
            yield _figure(
                self._daily([series], most, "calls", capacity),
                f"Calls a day under {outcome.policy.label}: {busiest:,} on the busiest day, {when}",
            )
        yield "<p>Calls are counted on the day on which the policy asks for them; the capacity "
        yield "(<code>calls.capacity_per_day</code>) cuts the morning's list on the stack and not in a simulation.</p>"
        header = ["policy", "calls", "a day", "busiest day", "on", "capacity a day", "days over capacity"]
        yield _numbers("calls-numbers", header, rows, "Calls against capacity", closed=False)

    @staticmethod
    def _daily(
        series: Sequence[charts.Series], most: int, title: str, capacity: int | None = None
    ) -> Callable[..., dict[str, Any]]:
        return lambda *, narrow: charts.daily_spec(series, most, title, capacity=capacity, narrow=narrow)

    def _letters(self) -> Iterator[str]:
        actions = ("queue_letter", "place_with_agency")
        most = self._most(*actions)
        for outcome in self._outcomes:
            series = [self._series(outcome, action) for action in actions]
            said = ", ".join(f"{max(count for _, count in each.days):,} {each.name}" for each in series)
            yield f"<h3>{escape(outcome.policy.label)}</h3>"
            label = f"Letters and placements a day under {outcome.policy.label}; at most {said} on a day"
            yield _figure(self._daily(series, most, "a day"), label)
        columns = [(outcome, action) for outcome in self._outcomes for action in CHANNELS]
        header = ["date", *(f"{outcome.policy.label} {CHANNELS[action][0]}" for outcome, action in columns)]
        found = [outcome.figures.daily.get(action, Counter()) for outcome, action in columns]
        rows: list[list[_Cell]] = [[day, *(daily.get(day, 0) for daily in found)] for day in self._days]
        yield _numbers("days", header, rows, "Every day")

    # --- time to each stage ------------------------------------------------------------------------------------------
    def _times(self) -> Iterator[str]:
        rows: list[list[_Cell]] = []
        drawn: list[tuple[str, str, int, int, int]] = []
        for stage in dict.fromkeys(stage for outcome in self._outcomes for stage in outcome.policy.ladder):
            for outcome in self._outcomes:
                days = outcome.figures.days_to_stage.get(stage)
                if not days:
                    continue
                tenth, half, most = (quantile(days, share) for share in (0.1, 0.5, 0.9))
                rows.append([stage, outcome.policy.label, days.total(), tenth, half, most])
                drawn.append((stage, outcome.policy.label, tenth, half, most))
        if not drawn:
            yield "<p>No case entered a stage.</p>"
            return
        colors = {outcome.policy.label: f"var(--p{number % 10})" for number, outcome in enumerate(self._outcomes)}
        yield _figure(
            lambda *, narrow: charts.times_spec(drawn, colors, narrow=narrow),
            "Days from the opening of a case to each stage; the numbers are in the table",
            "The mark is the median: half of the cases that entered the stage had done so by then. The line holds the "
            "middle four fifths of them.",
        )
        header = ["stage", "policy", "cases", "days: a tenth", "days: half (median)", "days: nine tenths"]
        yield _numbers("times-numbers", header, rows, "Days from the opening of a case to each stage")

    # --- who is treated differently ----------------------------------------------------------------------------------
    def _accounts(self) -> Iterator[str]:
        base, *others = self._outcomes
        rows: list[list[_Cell]] = []
        chosen: dict[str, None] = {}
        for outcome in others:
            found = Difference.between(base.figures, outcome.figures)
            same = found.accounts - found.differ
            yield f"<p>{escape(outcome.policy.label)} against {escape(base.policy.label)}: "
            yield f"{found.differ:,} accounts are treated differently, {same:,} the same.</p>"
            for action in TREATMENTS:
                counts = [len(found.kinds.get((action, kind), ())) for kind in KINDS]
                rows.append([outcome.policy.label, _NAMES[action], *counts])
            chosen |= dict.fromkeys(found.sample(max(2, SAMPLE // len(others))))
        header = ["policy", "what is done", *KINDS]
        yield _numbers("accounts-numbers", header, rows, f"Accounts, compared with {base.policy.label}", closed=False)
        yield "<p>&ldquo;Earlier&rdquo; and &ldquo;later&rdquo; compare the first time for the account; an account "
        yield "counts once in each line.</p>"
        if not chosen:
            return
        yield "<h3>Side by side</h3><p>A sample from every kind of difference. Each cell gives what is done and the "
        yield "reason that is recorded with it.</p>"
        stories = [_stories(outcome.out / "timeline.csv", chosen) for outcome in self._outcomes]
        for number, account_id in enumerate(sorted(chosen)):
            yield self._side_by_side(account_id, [story.get(account_id, {}) for story in stories], is_open=number == 0)

    def _side_by_side(self, account_id: str, stories: Sequence[Mapping[str, list[str]]], *, is_open: bool) -> str:
        dates = sorted({day for story in stories for day in story})
        head = "".join(f'<th scope="col">{escape(outcome.policy.label)}</th>' for outcome in self._outcomes)
        lines = []
        for day in dates:
            cells = [story.get(day, []) for story in stories]
            differs = ' class="differs"' if any(cell != cells[0] for cell in cells) else ""
            shown = "".join(f"<td>{'<br>'.join(escape(line) for line in cell)}</td>" for cell in cells)
            lines.append(f'<tr{differs}><th scope="row">{day}</th>{shown}</tr>')
        return (
            f"<details{' open' if is_open else ''}><summary>Account {escape(account_id)}</summary>"
            f'<div class="scroll" tabindex="0" role="region" aria-label="Account {escape(account_id)}">'
            f'<table class="story"><thead><tr><th scope="col">date</th>{head}</tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table></div></details>"
        )

    # --- roll rates --------------------------------------------------------------------------------------------------
    def _rolls(self) -> Iterator[str]:
        matrix = self._rolls_found.matrix()
        yield "<p>What the files say, whatever the policy: of the accounts in one bucket of days past due at the end "
        yield "of a month, so many were in each bucket at the end of the next. An account stands as its latest extract "
        yield "up to the day says; between extracts its days past due go on.</p>"
        said = "; ".join(
            f"{before} to worse {sum(row[at + 1 :]) / sum(row):.1%}"
            for at, (before, row) in enumerate(zip(BUCKETS, matrix, strict=True))
            if sum(row) and at + 1 < len(BUCKETS)
        )
        yield _figure(
            lambda *, narrow: charts.rolls_spec(BUCKETS, matrix, narrow=narrow), f"Roll rates over all months: {said}"
        )
        header = ["before", *(f"to {name}" for name in BUCKETS), "accounts and months"]
        rows: list[list[_Cell]] = [[name, *row, sum(row)] for name, row in zip(BUCKETS, matrix, strict=True)]
        yield _numbers("rolls-numbers", header, rows, "Accounts by bucket before and after, over all months")
        header = ["month", *(f"{name}: {what}" for name in BUCKETS for what in ("accounts", "worse"))]
        header[-1] = f"{BUCKETS[-1]}: stayed"
        months: list[list[_Cell]] = [
            [f"{year}-{month:02}", *(count for pair in pairs for count in pair)]
            for (year, month), pairs in self._rolls_found.by_month()
        ]
        yield _numbers("rolls-by-month", header, months, "Accounts that rolled into a worse bucket, by month")


def _stories(path: Path, accounts: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Read what a timeline says of a few accounts: by account and date, each row as `action: reason`."""
    wanted = set(accounts)
    stories: dict[str, dict[str, list[str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for on, account_id, _, stage, action, reason in csv.reader(file):
            if account_id in wanted:
                what = f"stage {stage}" if action == "stage_entered" else action
                stories.setdefault(account_id, {}).setdefault(on, []).append(f"{what.replace('_', ' ')}: {reason}")
    return stories


CHANNELS_SHOWN = tuple(_NAMES.values())
_HONEST = (
    '<aside class="honest" aria-label="What this is not"><p><strong>Payments are those of the data. They do not answer '
    "to the policy.</strong> Whoever paid in the files pays here on the same day, whatever the policy did or left "
    "undone. So this page shows what each policy would do to whom, how often and at what cost. It does not show which "
    "of them collects more: that takes a trial in which like accounts are treated differently.</p>"
    "<p>Calls that have no result in the files count as done and not answered. On the first day no case is open, so "
    "the first weeks hold the backlog of all cases at once.</p></aside>"
)
