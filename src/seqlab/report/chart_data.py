"""What the page's script reads of a chart: its axes and its lines' values, as JSON in an attribute."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from seqlab.report.svg import CHART_HEIGHT, CHART_WIDTH, page_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Band = tuple[ArrayLike, ArrayLike, ArrayLike]  # x, low and high
DIGITS = 6  # significant ones of a value


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
        lines: name to x, y and a color of ``seqlab.report.svg``; values that are not finite are gaps.
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
            {"name": name, "color": page_color(color), "x": _values(x), "y": _values(y)}
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


def _values(values: ArrayLike | NDArray) -> list[float | int | None]:
    return [_short(value) if math.isfinite(value) else None for value in map(float, values)]  # type: ignore[arg-type]


def _short(value: float) -> float | int:
    """Few digits: what a reader sees."""
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded
