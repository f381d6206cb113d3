"""From a matplotlib figure to inline SVG in the page's colors, and to what the page's script reads of it."""

from __future__ import annotations

import io
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS_PER_INCH = 72
CHART_WIDTH, CHART_HEIGHT = 400, 260  # units of the viewBox; a phone shows them at about 0.9 pixels each
FONT_SIZE = 12
CHARACTER_WIDTH = 0.62 * FONT_SIZE  # of a digit; the page draws labels in a font of its own

# Figures are drawn in these colors; the SVG text then names the page's own in their place.
INK, MUTED, GRID = "#fe0101", "#fe0102", "#fe0103"
SERIES = ("#fe0201", "#fe0202", "#fe0203", "#fe0204", "#fe0205", "#fe0206")
NORMAL, ABNORMAL = SERIES[0], SERIES[1]
_PAGE_COLORS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    **{color: f"var(--series-{number})" for number, color in enumerate(SERIES, start=1)},
}
_DIGITS = 6  # significant ones of a value for the script
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2.5), (1.5, 2), (7, 2, 1.5, 2))  # units of the viewBox


@dataclass(frozen=True)
class LegendEntry:
    """A line of a chart's legend: a color of this file, and a dash pattern, a filled box or a dot."""

    name: str
    color: str
    dashes: tuple[float, ...] = ()
    filled: bool = False
    dot: bool = False


@contextmanager
def chart_axes() -> Iterator[tuple[Figure, Axes]]:
    """A figure of one plot in the page's style: horizontal grid lines, no frame, no tick marks.

    The reader's own matplotlib settings do not reach it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {k: v for k, v in matplotlib.rcParamsDefault.items() if "backend" not in k}
    settings |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "seqlab",
        "font.size": FONT_SIZE,
        "font.family": ["DejaVu Sans"],
        "axes.unicode_minus": True,
        "text.parse_math": False,
    }
    with matplotlib.rc_context(settings):
        size = (CHART_WIDTH / POINTS_PER_INCH, CHART_HEIGHT / POINTS_PER_INCH)
        figure = Figure(figsize=size)
        axes = figure.add_subplot()
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(MUTED)
        axes.tick_params(which="both", bottom=False, left=False, labelcolor=MUTED, pad=5)
        axes.grid(axis="y", color=GRID, linewidth=1, clip_on=False)
        axes.set_axisbelow(True)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        yield figure, axes


def _leave_room(axes: Axes) -> None:
    """Margins as wide as the labels beside the plot; matplotlib's own layout takes as long as the drawing."""
    marks, offset = {}, False
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        formatter = axis.get_major_formatter()
        marks[name] = formatter.format_ticks(axis.get_majorticklocs().tolist()) or [""]
        offset |= bool(formatter.get_offset())
    beside = CHARACTER_WIDTH * max(map(len, marks["y"])) + 6
    lines = max(mark.count("\n") + 1 for mark in marks["x"])
    left = beside + (1.6 * FONT_SIZE if axes.get_ylabel() else 0) + 2
    right = max(6, CHARACTER_WIDTH * max(map(len, marks["x"][-1].split("\n"))) / 2)
    bottom = 1.3 * FONT_SIZE * (lines + bool(axes.get_xlabel())) + 8
    # a threshold's label and 1e6 stand above the plot
    top = FONT_SIZE * (1.8 if axes.texts or offset else 0.7)
    width, height = CHART_WIDTH - left - right, CHART_HEIGHT - bottom - top
    axes.set_position((left / CHART_WIDTH, bottom / CHART_HEIGHT, width / CHART_WIDTH, height / CHART_HEIGHT))
    axes.yaxis.set_label_coords(-(beside + 0.6 * FONT_SIZE) / width, 0.5)
    axes.xaxis.set_label_coords(0.5, -(1.3 * FONT_SIZE * lines + 8) / height)


def inline_svg(figure: Figure, description: str) -> Markup:
    """The figure as an ``<svg>`` element without ids, scripts, fonts, dates or references.

    Args:
        description: what it shows, for readers who do not see it.
    """
    for axes in figure.axes:
        _leave_room(axes)
        for artist in axes.get_children():
            artist.set_clip_on(False)
    out = io.StringIO()
    with (
        warnings.catch_warnings()
    ):  # text stays text: the browser has the letters that matplotlib's font lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*</defs>", "", text)
    if 'href="#' in text or "url(#" in text:
        raise ValueError("this chart uses markers or clipping, which need ids; draw them as lines instead")
    text = re.sub(r' id="[^"]*"', "", text)
    text = re.sub(r"font: (\d+(?:\.\d+)?px)[^;\"]*", r"font-size: \1", text)  # up to matplotlib 3.10
    text = re.sub(r"font-family: [^;\"]*(; )?", "", text)
    text = re.sub(r' transform="rotate\(-?0 [^"]*\)"', "", text)
    text = re.sub(r' d="([^"]*)"', lambda match: f' d="{_short_path(match[1])}"', text)
    text = re.sub(r">\s+<", "><", text)
    for sentinel, color in _PAGE_COLORS.items():
        text = text.replace(sentinel, color)
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        CHART_WIDTH, CHART_HEIGHT, description
    )
    return opening + Markup(text[text.index(">") + 1 :].rstrip())


def _short_path(path: str) -> str:
    rounded = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), path)
    return re.sub(r"\s*([MLCQz])\s*", r"\1", rounded.replace("\n", " ")).strip()


def _swatch(entry: LegendEntry) -> Markup:
    color = _PAGE_COLORS[entry.color]
    if entry.filled:
        shape = Markup('<rect width="14" height="10" y="1" style="fill:{}"/>').format(color)
        return Markup('<svg class="swatch" viewBox="0 0 14 12" aria-hidden="true">{}</svg>').format(shape)
    if entry.dot:
        return Markup(
            '<svg class="swatch" viewBox="0 0 14 12" aria-hidden="true">'
            '<circle cx="7" cy="6" r="4.5" style="fill:{}"/></svg>'
        ).format(color)
    dashes = Markup(";stroke-dasharray:{}").format(" ".join(f"{dash:g}" for dash in entry.dashes))
    return Markup(
        '<svg class="swatch line" viewBox="0 0 26 12" aria-hidden="true">'
        '<path d="M0 6h26" style="stroke:{};stroke-width:2.2{}"/></svg>'
    ).format(color, dashes if entry.dashes else "")


def chart_figure(
    drawing: Markup,
    title: str,
    legend: Sequence[LegendEntry] = (),
    note: str = "",
    *,
    data: str = "",
    wide: bool = False,
) -> Markup:
    """A drawing with its title and legend as page text above it, and a note below.

    Args:
        data: what the page's script reads, see ``chart_data``.
        wide: as wide as the page, in a grid too.
    """
    entries = [Markup("<li>{}{}</li>").format(_swatch(entry), entry.name) for entry in legend]
    return Markup('<figure class="chart{}"{}>{}{}{}{}</figure>').format(
        " wide" if wide else "",
        Markup(' data-chart="{}"').format(data) if data else "",
        Markup("<figcaption>{}</figcaption>").format(title) if title else "",
        Markup('<ul class="legend">{}</ul>').format(Markup("").join(entries)) if entries else "",
        drawing,
        Markup('<p class="note">{}</p>').format(note) if note else "",
    )


def chart_grid(charts: Sequence[Markup]) -> Markup:
    """Charts side by side where there is room, one below the other on a phone."""
    return Markup('<div class="charts">{}</div>').format(Markup("\n").join(charts))


def chart_row(charts: Sequence[Markup]) -> Markup:
    """Drawings of unequal width, such as heat maps, each as wide as it is; the next starts a new line."""
    return Markup('<div class="row">{}</div>').format(Markup("\n").join(charts))


def chart_data(
    axes: Axes,
    lines: Mapping[str, tuple[ArrayLike, ArrayLike, str]],
    *,
    bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    names: Sequence[str] = (),
    steps: bool = False,
    **more: Any,
) -> str:
    """JSON of a chart that ``inline_svg`` has drawn; template and ``Markup.format`` escape it.

    Args:
        lines: name to x, y and a color of this file; values that are not finite are gaps.
        bands: name of a line to the low and high ends of an interval around it, at its x.
        names: of x = 0, 1, 2, ...: dates in place of numbers.
        steps: whether a line keeps its value up to the next x.
        more: ``zoom``, ``overview``, ``smooth``, ``role``: see chart.js and zoom.js.
    """
    from matplotlib.scale import SymmetricalLogTransform

    box = axes.get_position()
    record: dict[str, Any] = {
        "box": [
            _short(value)
            for value in (
                box.x0 * CHART_WIDTH,
                (1 - box.y1) * CHART_HEIGHT,
                box.width * CHART_WIDTH,
                box.height * CHART_HEIGHT,
            )
        ],
        "label": axes.get_xlabel(),
        "lines": [
            {"name": name, "color": _PAGE_COLORS[color], "x": _values(x), "y": _values(y)}
            for name, (x, y, color) in lines.items()
        ],
    }
    for side, axis, limits in (("x", axes.xaxis, axes.get_xlim()), ("y", axes.yaxis, axes.get_ylim())):
        record[side] = [_short(limit) for limit in limits]
        transform = axis.get_transform()
        if isinstance(transform, SymmetricalLogTransform):
            part = transform.linscale / (1 - 1 / transform.base)  # as matplotlib draws it
            record[f"{side}scale"] = [_short(transform.linthresh), _short(part)]
        elif axis.get_scale() == "log":
            record[f"{side}scale"] = [0, 0]
    if bands:
        record["bands"] = {name: [_values(low), _values(high)] for name, (low, high) in bands.items()}
    if names:
        record["names"] = list(names)
    if steps:
        record["steps"] = True
    return json.dumps(record | more, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _values(values: ArrayLike) -> list[float | int | None]:
    return [_short(value) if math.isfinite(value) else None for value in map(float, values)]  # type: ignore[arg-type]


def _short(value: float) -> float | int:
    """Few digits: what a reader sees."""
    rounded = float(f"{value:.{_DIGITS}g}")
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded
