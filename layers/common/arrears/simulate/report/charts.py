"""The pictures of the report, as SVG that needs no script: Vega-Lite draws them here, not in the browser.

Every picture is made twice, for a wide and for a narrow screen. Colours are the page's own (`var(--call)`), so that
one picture serves light, dark and paper.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from arrears.simulate.figures import PAID, STILL_OPEN
from arrears.simulate.report.flow import HALF, Band, Bar

#: Widths in CSS pixels of the two versions of a picture, and whether each is the narrow one.
WIDTHS = ((860, False), (340, True))
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_VERSION = "6.1"
_CONFIG: Mapping[str, Any] = {
    "aria": False,  # the picture as a whole has a name, and its numbers are in a table beside it
    "background": None,
    "font": "system-ui, sans-serif",
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--text)",
        "titleColor": "var(--muted)",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
        "domainColor": "var(--rule)",
        "tickColor": "var(--rule)",
        "gridColor": "var(--rule)",
        "labelLimit": 220,
    },
    "legend": {
        "columnPadding": 28,
        "labelColor": "var(--text)",
        "labelFontSize": 12,
        "title": None,
        "orient": "top",
        "labelLimit": 300,
    },
    "text": {"color": "var(--text)", "fontSize": 12},
}


@dataclass(frozen=True, slots=True)
class Series:
    """Counts by date.

    Attributes:
        name: as in the legend.
        color: a variable of the page.
        days: the dates in order (YYYY-MM-DD), each with its count.
    """

    name: str
    color: str
    days: Sequence[tuple[str, int]]


Values = list[dict[str, Any]]


def drawn(spec: Mapping[str, Any], label: str, *, narrow: bool, fit: bool = True) -> str:
    """Draw one picture.

    Args:
        spec: a view in Vega-Lite, without its width and its data's styling.
        label: what it shows, for those who do not see it.
        narrow: the version for narrow screens.
        fit: make the whole of it as wide as the screen's version is.

    Raises:
        ImportError: the drawing library is not installed on this platform.
    """
    import vl_convert

    width = next(pixels for pixels, is_narrow in WIDTHS if is_narrow == narrow)
    whole = {"$schema": _SCHEMA, "config": _CONFIG, "width": width, **spec}
    if fit:
        whole["autosize"] = {"type": "fit-x", "contains": "padding"}
    svg: str = vl_convert.vegalite_to_svg(whole, vl_version=_VERSION)
    opening = f'<svg role="img" aria-label="{escape(label)}" class="{"narrow" if narrow else "wide"}"'
    svg = re.sub(r'<svg xmlns="[^"]*" xmlns:xlink="[^"]*" version="1.1" class="marks"', opening, svg, count=1)
    return re.sub(r' (?:pointer-events|aria-hidden|font-family)="[^"]*"', "", svg)


# --- cases through the stages ----------------------------------------------------------------------------------------
def flow_spec(bars: Sequence[Bar], bands: Sequence[Band], *, narrow: bool) -> dict[str, Any]:
    """Return the flow picture: from left to right on a wide screen, from top to bottom on a narrow one."""
    along, across = ("y", "x") if narrow else ("x", "y")
    last = max(bar.column for bar in bars)
    room = 0.02 if narrow else 0.1  # above the bars, for their names
    scales = {
        along: {"domain": [-0.35 if narrow else -0.4, last + (0.3 if narrow else 1.05)], "nice": False, "zero": False},
        across: {"domain": [-room * bars[0].cases, _depth(bars, bands)], "nice": False},
    }
    scales["y"]["reverse"] = True

    def field(channel: str, name: str) -> dict[str, Any]:
        return {"field": name, "type": "quantitative", "axis": None, "scale": scales[channel]}

    flows = [
        {"at": at, "from": start, "to": end, "band": number, "kind": _kind(band.target)}
        for number, band in enumerate(bands)
        for at, start, end in band.points
    ]
    boxes = [
        {
            "from": bar.column - HALF,
            "to": bar.column + HALF,
            "start": bar.start,
            "end": bar.end,
            "label": f"{bar.name.replace('_', ' ')}: {bar.cases:,}" if narrow else bar.name.replace("_", " "),
            "count": f"{bar.cases:,}",
            "at": bar.column - HALF - 0.07 if narrow else bar.column,
            "is_end": bar.name in {PAID, STILL_OPEN},
        }
        for bar in bars
    ]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": flows},
            "mark": {"type": "area", "orient": "horizontal" if narrow else "vertical", "opacity": 0.45},
            "encoding": {
                along: field(along, "at"),
                across: field(across, "from"),
                f"{across}2": {"field": "to"},
                "detail": {"field": "band"},
                "color": _colors({"on": "var(--call)", "paid": "var(--paid)", "open": "var(--open)"}, "kind"),
            },
        },
        {
            "data": {"values": boxes},
            "mark": {"type": "rect", "color": "var(--text)"},
            "encoding": {
                along: field(along, "from"),
                f"{along}2": {"field": "to"},
                across: field(across, "start"),
                f"{across}2": {"field": "end"},
            },
        },
    ]
    if narrow:
        layers.append(_text(boxes, "label", field("x", "start"), field("y", "at"), align="left", baseline="bottom"))
    else:
        stages = [box for box in boxes if not box["is_end"]]
        ends = [
            {**box, "at": last + HALF + 0.06, "label": f"{box['label']} {box['count']}"}
            for box in boxes
            if box["is_end"]
        ]
        for box in stages:
            box["label"] = f"{box['label']} {box['count']}"
        layers.append(_text(stages, "label", field("x", "at"), field("y", "start"), align="center", dy=-8))
        layers.append(_text(ends, "label", field("x", "at"), field("y", "start"), align="left", dy=8))
    return {"height": 90 * (last + 1) if narrow else 300, "layer": layers}


#: What is drawn below a text, so that lines do not run through it.
_HALO = {"stroke": "var(--bg)", "strokeWidth": 6, "strokeJoin": "round"}


def _text(values: Values, name: str, x: Mapping[str, Any], y: Mapping[str, Any], **mark: str | float) -> dict[str, Any]:
    encoding = {"x": x, "y": y, "text": {"field": name}}
    return {"data": {"values": values}, "mark": {"type": "text", **mark}, "encoding": encoding}


def _depth(bars: Sequence[Bar], bands: Sequence[Band]) -> float:
    return max([bar.end for bar in bars] + [end for band in bands for _, _, end in band.points]) * 1.01


def _kind(target: str) -> str:
    return {PAID: "paid", STILL_OPEN: "open"}.get(target, "on")


def _colors(colors: Mapping[str, str], field: str, *, legend: bool = False) -> dict[str, Any]:
    scale = {"domain": list(colors), "range": list(colors.values())}
    return {"field": field, "type": "nominal", "scale": scale} | ({} if legend else {"legend": None})


# --- amounts by channel ----------------------------------------------------------------------------------------------
def stacked_spec(
    rows: Sequence[tuple[str, str, Decimal]], colors: Mapping[str, str], title: str, *, narrow: bool
) -> dict[str, Any]:
    """Return a bar for each policy, of parts by channel.

    Args:
        rows: policy, channel, amount.
        colors: of the channels, in their order.
        title: of the axis.
        narrow: fewer ticks.
    """
    policies = list(dict.fromkeys(policy for policy, _, _ in rows))
    order = {channel: number for number, channel in enumerate(colors)}
    values = [
        {"policy": policy, "channel": channel, "amount": float(amount), "order": order[channel]}
        for policy, channel, amount in rows
    ]
    # The names stand above the bars: they may be long.
    above = {"labelAlign": "left", "labelBaseline": "bottom", "labelOffset": -6, "labelPadding": 0, "labelLimit": 330}
    axis = {"title": None, "ticks": False, "domain": False, "zindex": 1, **above}
    return {
        "height": {"step": 46},
        "data": {"values": values},
        "mark": {"type": "bar", "height": 16, "yOffset": 9},
        "encoding": {
            "y": {"field": "policy", "type": "nominal", "sort": policies, "axis": axis},
            "x": {
                "field": "amount",
                "type": "quantitative",
                "title": title,
                "stack": True,
                "axis": {"tickCount": 3 if narrow else 6},
            },
            "order": {"field": "order", "type": "quantitative"},
            "color": _colors(colors, "channel", legend=True),
        },
    }


# --- day by day ------------------------------------------------------------------------------------------------------
def daily_spec(
    series: Sequence[Series], most: int, title: str, *, capacity: int | None = None, narrow: bool
) -> dict[str, Any]:
    """Return counts by date as steps.

    Args:
        series: one or two of them.
        most: the end of the axis, the same for all policies.
        title: of the axis.
        capacity: a line at this many a day.
        narrow: fewer ticks.
    """
    values = [{"date": day, "count": count, "name": each.name} for each in series for day, count in each.days]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": values},
            "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.2},
            "encoding": {
                "x": {
                    "field": "date",
                    "type": "temporal",
                    "title": None,
                    "scale": {"type": "utc"},
                    "axis": {
                        "format": "%b %y" if narrow else "%b %Y",
                        "tickCount": 3 if narrow else 8,
                        "labelOverlap": "greedy",
                        "grid": False,
                    },
                },
                "y": {
                    "field": "count",
                    "type": "quantitative",
                    "title": title,
                    "scale": {"domain": [0, max(most, 1)]},
                    "axis": {"tickCount": 4},
                },
                "color": _colors({each.name: each.color for each in series}, "name", legend=len(series) > 1),
                "strokeDash": {
                    "field": "name",
                    "type": "nominal",
                    "scale": {"domain": [each.name for each in series], "range": [[1, 0], [4, 2]][: len(series)]},
                    "legend": {} if len(series) > 1 else None,
                },
            },
        }
    ]
    if capacity is not None:
        capacity_text = f"capacity: {capacity:,} a day"
        layers += [
            {
                "data": {"values": [{"capacity": capacity}]},
                "mark": {"type": "rule", "color": "var(--text)", "strokeDash": [6, 3], "strokeWidth": 1.5},
                "encoding": {"y": {"field": "capacity", "type": "quantitative"}},
            },
            *(
                {
                    "data": {"values": [{"capacity": capacity, "said": capacity_text}]},
                    "mark": {"type": "text", "align": "right", "dy": -9, "x": "width", **drawn},
                    "encoding": {"y": {"field": "capacity", "type": "quantitative"}, "text": {"field": "said"}},
                }
                for drawn in (_HALO, {})
            ),
        ]
    return {"height": 150, "layer": layers}


# --- time to each stage ----------------------------------------------------------------------------------------------
def times_spec(
    rows: Sequence[tuple[str, str, int, int, int]], colors: Mapping[str, str], *, narrow: bool
) -> dict[str, Any]:
    """Return for each stage and policy the days after which cases entered it: a median with its middle four fifths.

    Args:
        rows: stage, policy, and the days within which a tenth, a half and nine tenths of the cases got there.
        colors: of the policies, in their order.
        narrow: the legend has one column.
    """
    stages = list(dict.fromkeys(stage.replace("_", " ") for stage, *_ in rows))
    values = [
        {"stage": stage.replace("_", " "), "policy": policy, "low": low, "median": median, "high": high}
        for stage, policy, low, median, high in rows
    ]
    color = _colors(colors, "policy", legend=True)
    color["legend"] = {"columns": 1 if narrow else 0}
    encoding = {
        "y": {
            "field": "stage",
            "type": "nominal",
            "sort": stages,
            "axis": {"title": None, "ticks": False, "minExtent": 110, "labelPadding": 12},
        },
        "yOffset": {"field": "policy", "sort": list(colors)},
        "color": color,
    }
    days = {"type": "quantitative", "title": "days from the opening of the case"}
    return {
        "height": {"step": 12 if len(colors) > 1 else 30},
        "data": {"values": values},
        "encoding": encoding,
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.5},
                "encoding": {"x": {"field": "low", **days}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {
                    "x": {"field": "median", **days},
                    "shape": {"field": "policy", "scale": {"domain": list(colors)}, "legend": None},
                },
            },
        ],
    }


# --- roll rates ------------------------------------------------------------------------------------------------------
def rolls_spec(names: Sequence[str], matrix: Sequence[Sequence[int]], *, narrow: bool) -> dict[str, Any]:
    """Return a table of shares, the darker the larger: rows before, columns after a month."""
    values = []
    for before, row in zip(names, matrix, strict=True):
        for after, count in zip(names, row, strict=True):
            share = count / sum(row) if sum(row) else 0.0
            said = f"{share:.0%}" if narrow else f"{share:.1%}"
            values.append({"before": before, "after": after, "share": share, "said": said if sum(row) else "-"})
    shared = {
        "x": {
            "field": "after",
            "type": "nominal",
            "sort": list(names),
            "title": "days past due a month later",
            "axis": {"orient": "top", "labelAngle": 0, "ticks": False, "domain": False},
        },
        "y": {
            "field": "before",
            "type": "nominal",
            "sort": list(names),
            "title": "days past due at the end of a month",
            "axis": {"ticks": False, "domain": False},
        },
    }
    opacity = {"field": "share", "type": "quantitative", "legend": None}
    return {
        "height": {"step": 36},
        "data": {"values": values},
        "encoding": shared,
        "layer": [
            {
                "mark": {"type": "rect", "color": "var(--sms)"},
                "encoding": {"fillOpacity": {**opacity, "scale": {"domain": [0, 1], "range": [0.03, 0.6]}}},
            },
            {"mark": {"type": "text"}, "encoding": {"text": {"field": "said"}}},
        ],
    }
