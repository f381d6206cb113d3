"""Tables of figures and of facts, and the folded block that shows a config."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from markupsafe import Markup

from seqlab.report.page import fill, prose

NO_VALUE = "–"
_MINUS = "−"


def format_number(value: float | None, decimals: int | None = None, *, digits: int = 4) -> str:
    """A figure for a reader: ``1,234.5``, ``−0.031``, ``∞``; ``None`` is an en dash, NaN says so.

    Args:
        decimals: places after the point; without it ``digits`` significant digits and no trailing zeros.
    """
    if value is None:
        return NO_VALUE
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else f"{_MINUS}∞"
    size = abs(number)
    if decimals is not None:
        text = f"{size:,.{decimals}f}"
    elif size == 0 or 1e-4 <= size < 1e9:
        places = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
        text = f"{size:,.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{size:.3g}"
    return f"{_MINUS}{text}" if number < 0 else text


def column_decimals(values: Sequence[float | None]) -> int | None:
    """Places after the point that suit a whole column, so that its points stand below each other.

    None where the column spans so much that fixed places would mislead.
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest, smallest = max(sizes, default=0.0), min((size for size in sizes if size), default=1.0)
    if largest >= 1e9 or smallest < 1e-6:
        return None
    if largest > 1 and all(size == int(size) for size in sizes):
        return 0
    if largest <= 1:
        return max(4, min(6, 1 - math.floor(math.log10(smallest))))
    return 3 if largest < 10 else 2 if largest < 1000 else 1


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Dotted keys to as many of their last parts as tell them apart: ``lr`` for ``optimizer.lr``."""
    found = {}
    for key in keys:
        parts = key.split(".")
        for length in range(1, len(parts) + 1):
            tail = ".".join(parts[-length:])
            if sum(f".{other}".endswith(f".{tail}") for other in keys) == 1:
                break
        found[key] = tail
    return found


def metrics_table(
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float | None]]],
    *,
    emphasis: str | None = None,
    row_title: str = "",
    caption: str = "",
    marks: Collection[tuple[str, int]] = (),
    intervals: Mapping[tuple[str, int], tuple[float, float]] = MappingProxyType({}),
) -> Markup:
    """Figures in columns of equal precision, aligned at their right.

    Args:
        columns: heading of each column, with its unit.
        rows: name and one figure per column; None is a figure that does not exist, shown as an en dash.
        emphasis: name of the row to set in bold, usually the model that the page is about.
        row_title: heading of the names.
        caption: shown above the table.
        marks: cells, by row and number of the column, that get an asterisk.
        intervals: of cells, shown below the figure.

    Raises:
        ValueError: a row has another number of figures than there are columns, or no row is ``emphasis``.
    """
    for name, values in rows:
        if len(values) != len(columns):
            raise ValueError(f"row {name!r} has {len(values)} figures, the table {len(columns)} columns")
    if emphasis is not None and emphasis not in [name for name, _ in rows]:
        names = ", ".join(name for name, _ in rows) or "none"
        raise ValueError(f"emphasis={emphasis!r} is no row of the table; its rows: {names}")
    decimals = [column_decimals([values[place] for _, values in rows]) for place in range(len(columns))]
    return fill(
        "tables",
        kind="figures",
        columns=columns,
        rows=[
            (
                name,
                [
                    (
                        format_number(value, places) + "*" * ((name, column) in marks),
                        _interval(intervals.get((name, column)), places),
                    )
                    for column, (value, places) in enumerate(zip(values, decimals, strict=True))
                ],
            )
            for name, values in rows
        ],
        emphasis=emphasis,
        row_title=row_title,
        caption=caption,
        label=caption or row_title or "figures",
    )


def _interval(bounds: tuple[float, float] | None, decimals: int | None) -> str:
    return "" if bounds is None else " to ".join(format_number(bound, decimals) for bound in bounds)


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> Markup:
    """Texts beside each other, such as sentences and their translations; long ones wrap.

    Raises:
        ValueError: a row has another number of texts than there are columns.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row has {len(row)} texts, the table {len(columns)} columns")
    return fill("tables", kind="texts", columns=columns, rows=rows, caption=caption, label=caption or "texts")


def key_value_table(rows: Sequence[tuple[str, str]], *, caption: str = "") -> Markup:
    """Names and values as text; long values wrap. Empty ``rows`` give empty markup."""
    return fill("tables", kind="facts", rows=rows, caption=caption) if rows else Markup("")


def config_block(yaml_text: str, *, title: str = "Full configuration") -> Markup:
    """The composed config, folded until a reader opens it."""
    return Markup('<details class="config"><summary>{}</summary><pre tabindex="0">{}</pre></details>').format(
        title, yaml_text.rstrip()
    )


def paragraph(text: str) -> Markup:
    """Plain sentences beside a table or chart, or in place of one; what stands between backticks is code."""
    return Markup("<p>{}</p>").format(prose(text))
