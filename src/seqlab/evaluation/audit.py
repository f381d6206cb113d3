"""Leak audit: what test data shares with training data, what was fitted on what, how far the two differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.module import Profile
from seqlab.results.outcome import Outcome

PREFIX = "audit"


class LeakAudit:
    """Takes what it needs of training and validation while these are open, and compares the test split later.

    Args:
        datamodule: the run's, its test split still locked.
        judge: what the evaluation's ``fit`` gave.
    """

    def __init__(self, datamodule: Any, judge: Any) -> None:
        self.datamodule = datamodule
        self.train, self.val = (datamodule.profile(split) for split in ("train", "val"))
        self.fitted = datamodule.fitted_on() | getattr(judge, "fitted_on", dict)()
        self.lines: list[tuple[str, str]] = []  # for a reader, once ``figures`` was called

    def figures(self, outcome: Outcome) -> dict[str, float]:
        """``audit/...`` of metrics.json; nothing where nothing was tested or the data has no profile."""
        if not any(name.startswith("test/") for name in outcome.metrics):
            return {}
        test: Profile | None = self.datamodule.profile("test")
        if self.train is None or test is None or not len(self.train.contents) or not len(test.contents):
            self._say("", self.datamodule.split_rule())
            return {}
        repeated = _repeated(test, self.train)
        figures = {"duplicate_share": float(repeated.mean())}
        if self.val is not None and len(self.val.contents):
            figures["val_duplicate_share"] = float(_repeated(self.val, self.train).mean())
        others = _without(outcome, repeated)
        figures |= {
            f"without_duplicates/{name.removeprefix('test/')}": value for name, value in others.items()
        }
        if self.train.lengths is not None and test.lengths is not None:
            figures["length_distance"] = length_distance(self.train.lengths, test.lengths)
        if test.unknown is not None:
            figures["unknown_share"] = float(test.unknown.mean())
        in_order = _in_order(self.train, test)
        if in_order is not None:
            figures["in_order_of_time"] = float(in_order)
        self._say(_duplicates(test, repeated, outcome, others), self._apart(test, figures))
        return {f"{PREFIX}/{name}": value for name, value in figures.items()}

    def _say(self, duplicates: str, apart: str) -> None:
        fitted = "; ".join(f"{what} on {on}" for what, on in self.fitted.items())
        said = {"duplicates": duplicates, "fitted": fitted, "train and test": apart}
        self.lines = [(what, line) for what, line in said.items() if line]

    def _apart(self, test: Profile, figures: dict[str, float]) -> str:
        """How the splits came about, their order in time, and how far test items differ from training's."""
        parts = [self.datamodule.split_rule()]
        if "in_order_of_time" in figures:
            spans = [f"{span[0]} to {span[1]}" for span in (self.train.span, test.span) if span is not None]
            order = "in order of time" if figures["in_order_of_time"] else "NOT in order of time"
            parts.append(f"{order} (train {spans[0]}, test {spans[1]})")
        if "length_distance" in figures:
            lengths = [np.median(np.asarray(part.lengths)) for part in (self.train, test)]
            distance = figures["length_distance"]
            parts.append(f"median length {lengths[0]:g} and {lengths[1]:g}, KS distance {distance:.2f}")
        if test.unknown is not None:
            count = int(test.unknown.sum())
            parts.append(f"{count:,} test {test.noun} ({test.unknown.mean():.1%}) hold {test.lacks}")
        return "; ".join(part for part in parts if part)


def _repeated(part: Profile, train: Profile) -> NDArray[np.bool_]:
    """(N,) items of a split that training holds too."""
    known = set(train.contents)
    return np.array([content in known for content in part.contents])


def _duplicates(
    test: Profile, repeated: NDArray[np.bool_], outcome: Outcome, others: dict[str, float]
) -> str:
    """How many test items training holds, and the table's first figure without them."""
    count = f"{int(repeated.sum()):,} of {len(repeated):,} test {test.noun}"
    said = f"{count} ({repeated.mean():.1%}) are in training"
    if not repeated.any():
        return said
    if repeated.all():
        return f"{said}; without them nothing is left"
    table = outcome.table_once
    rows = [name for name, _ in table.model_rows]
    for heading, key in zip(table.columns, table.keys(rows[0]) if rows else [], strict=False):
        if key in others:
            return f"{said}; {heading} without them {others[key]:.4f}, with them {outcome.metrics[key]:.4f}"
    return said


def _without(outcome: Outcome, repeated: NDArray[np.bool_]) -> dict[str, float]:
    """Test figures over the items that training lacks; none where nothing repeats or nothing is left."""
    if len(repeated) != outcome.num_items or not repeated.any() or repeated.all():
        return {}  # figures of a text are not those of its lines
    found = outcome.resampled((~repeated)[None].astype(np.int64))
    return {
        name: float(values[0])
        for name, values in found.items()
        if name.startswith("test/") and np.isfinite(values[0])
    }


def length_distance(train: NDArray[np.int64], test: NDArray[np.int64]) -> float:
    """The largest difference of the two distribution functions: 0 for equal ones, 1 for disjoint ones."""
    points = np.union1d(train, test)
    shares = [np.searchsorted(np.sort(part), points, side="right") / len(part) for part in (train, test)]
    return float(np.abs(shares[0] - shares[1]).max())


def _in_order(train: Profile, test: Profile) -> bool | None:
    """Whether the test split begins after training ends; None where the times are not known."""
    if train.span is None or test.span is None:
        return None
    return train.span[1] <= test.span[0]
