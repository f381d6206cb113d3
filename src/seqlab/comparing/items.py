"""scores.csv as one number per test item: right or wrong, an error, a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Quantity:
    """What is compared. ``binary`` values are 1 for right and 0 for wrong."""

    name: str
    item: str
    binary: bool
    higher_is_better: bool


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
                return read(frame)
            except ValueError as error:
                raise UserError(f"{path}: {error}") from None
    accepted = "; ".join(", ".join(sorted(columns)) for columns, _ in _READERS)
    raise UserError(
        f"{path}: columns {', '.join(frame.columns)} are of no known task; one of these sets is needed: "
        f"{accepted}"
    )


def _items(
    quantity: Quantity, keys: list[pd.Series], values: pd.Series, weights: pd.Series | float = 1.0
) -> Items:
    """Items that look alike are told apart by their order: the second ``Kim`` pairs with the second."""
    import pandas as pd

    table = pd.concat([key.reset_index(drop=True).rename(f"key{n}") for n, key in enumerate(keys)], axis=1)
    names = list(table.columns)
    table["copy"] = table.groupby(names, sort=False).cumcount()
    table["value"] = np.asarray(values, dtype=np.float64)
    table["weight"] = np.broadcast_to(np.asarray(weights, dtype=np.float64), len(table))
    return Items(quantity, table.set_index([*names, "copy"]))


def _alerts(frame: pd.DataFrame) -> Items:
    known = frame[frame["label"].isin(["Normal", "Anomaly"])]
    right = (known["label"] == "Anomaly") == (known["alert"] == "True")
    return _items(Quantity("right alerts", "block", True, True), [known["block_id"], known["label"]], right)


def _labels(frame: pd.DataFrame) -> Items:
    """The first column holds what is classified, and its heading says what that is: name, text, session."""
    noun = frame.columns[0]
    right = frame["label"] == frame["predicted"]
    return _items(Quantity("accuracy", noun, True, True), [frame[noun], frame["label"]], right)


def _tags(frame: pd.DataFrame) -> Items:
    """A sentence is the item: tags of one sentence are not independent."""
    frame = frame.assign(right=(frame["gold"] == frame["predicted"]).astype(float))
    sentences = frame.groupby(frame["sentence"].astype(int), sort=True)
    words, right = sentences["token"].agg(" ".join), sentences["right"].mean()
    quantity = Quantity("token accuracy", "sentence", False, True)
    return _items(quantity, [words, sentences["gold"].agg(" ".join)], right, sentences.size().astype(float))


def _translations(frame: pd.DataFrame) -> Items:
    quantity = Quantity("chrF of a sentence", "sentence", False, True)
    return _items(quantity, [frame["source"], frame["reference"]], frame["chrf"].astype(float))


def _forecasts(frame: pd.DataFrame) -> Items:
    """A day of a series is the item, with all its forecasts; without dates, a forecast."""
    error = (frame["truth"].astype(float) - frame["forecast"].astype(float)).abs()
    if "date" not in frame:
        quantity = Quantity("absolute error", "forecast", False, False)
        return _items(quantity, [frame["step"], frame["truth"]], error)
    keys = [name for name in ("series", "date", "truth") if name in frame]
    days = error.groupby([frame[key] for key in keys], sort=False)
    mean, count = days.mean().reset_index(), days.size().astype(float).reset_index(drop=True)
    quantity = Quantity("absolute error", "day", False, False)
    return _items(quantity, [mean[key] for key in keys], mean.iloc[:, -1], count)


def _lines(frame: pd.DataFrame) -> Items:
    """A line's loss counts by its tokens, so that the mean is the one over tokens."""
    unit = "characters" if "characters" in frame else "words"
    counted = frame[frame["loss"] != ""]
    quantity = Quantity(f"loss in nats per {unit[:-1]}", "line", False, False)
    keys = [counted["line"], counted["text"], counted[unit]]
    return _items(quantity, keys, counted["loss"].astype(float), counted[unit].astype(float))


_READERS: list[tuple[set[str], Callable[[pd.DataFrame], Items]]] = [
    ({"block_id", "label", "alert"}, _alerts),
    ({"sentence", "token", "gold", "predicted"}, _tags),
    ({"label", "predicted", "probability"}, _labels),
    ({"source", "reference", "chrf"}, _translations),
    ({"step", "truth", "forecast"}, _forecasts),
    ({"line", "characters", "loss", "text"}, _lines),
    ({"line", "words", "loss", "text"}, _lines),
]
