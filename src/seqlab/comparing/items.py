"""scores.csv as one number per test item: right or wrong, an error, a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Quantity:
    """What is compared. ``binary`` values are 1 for right and 0 for wrong."""

    name: str
    item: str
    binary: bool = False
    higher_is_better: bool = True


@dataclass(frozen=True)
class Items:
    """``table`` is indexed by what identifies an item, with columns ``value`` and ``weight``."""

    quantity: Quantity
    table: pd.DataFrame


def read_items(path: Path) -> Items:
    """Read the scores.csv of any task.

    Raises:
        UserError: the file is missing or broken, or its columns are those of no task.
    """
    import pandas as pd

    if not path.is_file():
        raise UserError(f"{path}: no such file; a finished run of seqlab leaves it")
    try:
        # Keys and words such as "nan" and "NA" are text here; figures are turned into numbers below.
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as a CSV: {error}") from None
    for columns, read in _READERS:
        if columns <= set(frame.columns):
            try:
                quantity, table = read(frame)
            except ValueError as error:
                raise UserError(f"{path}: {error}") from None
            return Items(quantity, _indexed(table))
    accepted = "; ".join(", ".join(sorted(columns)) for columns, _ in _READERS)
    raise UserError(
        f"{path}: columns {', '.join(frame.columns)} are of no known task; one of these sets is needed: "
        f"{accepted}"
    )


def _indexed(table: pd.DataFrame) -> pd.DataFrame:
    """Items that look alike are told apart by their order: the second ``Kim`` pairs with the second."""
    keys = [name for name in table if name not in {"value", "weight"}]
    table = table.assign(copy=table.groupby(keys, sort=False).cumcount())
    if "weight" not in table:
        table["weight"] = 1.0
    return table.set_index([*keys, "copy"]).astype("float64")


Read = tuple[Quantity, "pd.DataFrame"]


def _alerts(frame: pd.DataFrame) -> Read:
    known = frame[frame["label"].isin(["Normal", "Anomaly"])]
    right = (known["label"] == "Anomaly") == (known["alert"] == "True")
    return Quantity("right alerts", "block", binary=True), known[["block_id", "label"]].assign(value=right)


def _labels(frame: pd.DataFrame) -> Read:
    """The first column holds what is classified, and its heading says what that is: name, text, session."""
    noun = frame.columns[0]
    right = frame["label"] == frame["predicted"]
    return Quantity("accuracy", noun, binary=True), frame[[noun, "label"]].assign(value=right)


def _tags(frame: pd.DataFrame) -> Read:
    """A sentence is the item: tags of one sentence are not independent."""
    frame = frame.assign(right=frame["gold"] == frame["predicted"], sentence=frame["sentence"].astype(int))
    table = frame.groupby("sentence").agg(
        words=("token", " ".join), tags=("gold", " ".join), value=("right", "mean"), weight=("right", "size")
    )
    return Quantity("token accuracy", "sentence"), table


def _translations(frame: pd.DataFrame) -> Read:
    table = frame[["source", "reference"]].assign(value=frame["chrf"].astype(float))
    return Quantity("chrF of a sentence", "sentence"), table


def _forecasts(frame: pd.DataFrame) -> Read:
    """A day of a series is the item, with all its forecasts; without dates, a forecast."""
    error = (frame["truth"].astype(float) - frame["forecast"].astype(float)).abs()
    if "date" not in frame:
        quantity = Quantity("absolute error", "forecast", higher_is_better=False)
        return quantity, frame[["step", "truth"]].assign(value=error)
    keys = [name for name in ("series", "date", "truth") if name in frame]
    days = frame[keys].assign(error=error).groupby(keys, sort=False, as_index=False)
    table = days.agg(value=("error", "mean"), weight=("error", "size"))
    return Quantity("absolute error", "day", higher_is_better=False), table


def _lines(frame: pd.DataFrame) -> Read:
    """A line's loss counts by its tokens, so that the mean is the one over tokens."""
    unit = "characters" if "characters" in frame else "words"
    counted = frame[frame["loss"] != ""]
    table = counted[["line", "text", unit]].assign(
        value=counted["loss"].astype(float), weight=counted[unit].astype(float)
    )
    return Quantity(f"loss in nats per {unit[:-1]}", "line", higher_is_better=False), table


_READERS: list[tuple[set[str], Callable[[pd.DataFrame], Read]]] = [
    ({"block_id", "label", "alert"}, _alerts),
    ({"sentence", "token", "gold", "predicted"}, _tags),
    ({"label", "predicted", "probability"}, _labels),
    ({"source", "reference", "chrf"}, _translations),
    ({"step", "truth", "forecast"}, _forecasts),
    ({"line", "characters", "loss", "text"}, _lines),
    ({"line", "words", "loss", "text"}, _lines),
]
