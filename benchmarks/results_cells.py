"""Cells of the tables of docs/results.md."""

import statistics
from collections.abc import Sequence

NO_FIGURE = "–"


def mean_text(values: Sequence[float], decimals: int) -> str:
    """Mean ± standard deviation over seeds that differ."""
    text = f"{statistics.mean(values):,.{decimals}f}"
    return f"{text} ± {statistics.stdev(values):,.{decimals}f}" if len(set(values)) > 1 else text


def shown_value(text: str) -> float:
    """The mean that ``mean_text`` shows."""
    return float(text.split(" ±", maxsplit=1)[0].replace(",", ""))
