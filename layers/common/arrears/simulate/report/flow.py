"""Where the bands of the flow picture run: cases from their opening through the stages to their end.

Each place has a column. In a column lie, one on the other: the cases that are in its stage, then bands that pass by it
to a later stage (it was skipped), to the end of the time played, and to a cure. So every column is as high as there are
cases, and no band crosses a stage.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from arrears.simulate.figures import OPENED, PAID, STILL_OPEN

#: Of a column's height, the room between what lies in it.
_GAP = 0.02
#: Half of the width of a place's bar, in columns.
HALF = 0.035
#: Points of a curve between two columns.
_POINTS = 14


@dataclass(frozen=True, slots=True)
class Bar:
    """A place: where its bar begins and ends along the column, in cases."""

    name: str
    column: int
    start: float
    end: float
    cases: int


@dataclass(frozen=True, slots=True)
class Band:
    """Cases on their way, as points (column, start, end)."""

    source: str
    target: str
    cases: int
    points: tuple[tuple[float, float, float], ...]


_Flow = Mapping[tuple[str, str], int]


def layout(flow: _Flow, ladder: Sequence[str]) -> tuple[list[Bar], list[Band]]:
    """Return the bars and the bands of a flow.

    Args:
        flow: how many cases went from one place to another.
        ladder: the stages in their order; those that no case entered are left out.
    """
    entered = {place for _, place in flow}
    places = [OPENED, *(stage for stage in ladder if stage in entered)]
    ends = [place for place in (STILL_OPEN, PAID) if place in entered]
    column = {place: number for number, place in enumerate(places)} | dict.fromkeys(ends, len(places))
    order = {place: number for number, place in enumerate([*places, *ends])}
    total = sum(cases for (source, _), cases in flow.items() if source == OPENED)
    gap = _GAP * total
    # What comes from nearer lies above what comes from farther off: so bands to one place do not cross each other.
    links = sorted(flow, key=lambda link: (order[link[1]], -order[link[0]]))
    bars, passing = [], {}
    for at in range(len(places) + 1):
        here = [places[at]] if at < len(places) else ends
        start = 0.0
        for place in here:
            cases = _through(flow, place)
            bars.append(Bar(place, at, start, start + cases, cases))
            start += cases + gap
        for link in links:
            if column[link[0]] < at < column[link[1]]:
                passing[link, at] = start
                start += flow[link] + gap / 2
    return bars, list(_bands(flow, links, column, {bar.name: bar for bar in bars}, passing))


def _through(flow: _Flow, place: str) -> int:
    at = 0 if place == OPENED else 1
    return sum(cases for link, cases in flow.items() if link[at] == place)


def _bands(
    flow: _Flow,
    links: Sequence[tuple[str, str]],
    column: Mapping[str, int],
    bars: Mapping[str, Bar],
    passing: Mapping[tuple[tuple[str, str], int], float],
) -> Iterator[Band]:
    left, came = Counter[str](), Counter[str]()
    for link in links:
        source, target = link
        cases = flow[link]
        begin, end = bars[source].start + left[source], bars[target].start + came[target]
        left[source] += cases
        came[target] += cases
        stops = [(float(column[source]), begin)]
        stops += [(float(at), passing[link, at]) for at in range(column[source] + 1, column[target])]
        stops.append((float(column[target]), end))
        yield Band(source, target, cases, tuple(_curve(stops, cases)))


def _curve(stops: Sequence[tuple[float, float]], width: float) -> Iterator[tuple[float, float, float]]:
    for number, ((before, start), (after, end)) in enumerate(pairwise(stops)):
        first = before + (HALF if number == 0 else 0)
        last = after - (HALF if number == len(stops) - 2 else 0)
        for point in range(number > 0, _POINTS + 1):
            share = point / _POINTS
            smooth = share * share * (3 - 2 * share)
            at = start + (end - start) * smooth
            yield round(first + (last - first) * share, 4), round(at, 2), round(at + width, 2)
