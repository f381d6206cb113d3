"""Learning curves of runs, from metrics.csv or the records of a server."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqlab.comparing.runs import Run

MOST_POINTS = 100  # of one curve on the page
_BUDGET = 120_000  # points of all curves on a page: some 3 MB
_SHOWN = ("train/", "val/", "learning_rate", "lr-")


@dataclass(frozen=True)
class Curve:
    """Values of one metric. ``epochs`` count from 1; without a record of epochs they are the steps."""

    epochs: list[float]
    steps: list[float]
    values: list[float]


def read_curves(run: Run) -> dict[str, Curve]:
    """Each training and validation metric over the run; empty where the run logged nowhere that can be read.

    Raises:
        ValueError: metrics.csv is broken.
    """
    if run.folder is None:
        return collect(run.rows)
    try:
        with (run.folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return collect(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"metrics.csv cannot be read: {error}") from None


def collect(rows: Iterable[Mapping[str, Any]]) -> dict[str, Curve]:
    """Records with an ``epoch`` from 0 and a ``step``, most of their cells empty, as one curve per metric.

    Where epochs are recorded, a record without one is not of the training: it repeats the final figures.
    """
    found: dict[str, Curve] = {}
    records = list(rows)
    has_epochs = any(_number(row.get("epoch")) is not None for row in records)
    for row in records:
        step = _number(row.get("step", row.get("trainer/global_step", row.get("_step"))))
        epoch = _number(row.get("epoch"))
        if step is None or (has_epochs and epoch is None):
            continue
        for name, cell in row.items():
            if not cell or not isinstance(name, str) or not name.startswith(_SHOWN):
                continue
            value = _number(cell)
            if value is not None:
                curve = found.setdefault(name, Curve([], [], []))
                curve.epochs.append(step if epoch is None else epoch + 1)
                curve.steps.append(step)
                curve.values.append(value)
    return found


def _number(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def curve_records(runs: Sequence[tuple[int, Run]]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Metric to the curves of (row, run) pairs as the page draws them, thinned; and notices."""
    from seqlab.report.charts import thin

    notices, read = [], []
    for row, run in runs:
        try:
            read.append((row, run, read_curves(run)))
        except ValueError as error:
            notices.append(f"{run.name}: {error}")
    total = sum(len(curves) for _, _, curves in read)
    points = max(10, min(MOST_POINTS, _BUDGET // max(1, total)))
    found: dict[str, list[dict[str, Any]]] = {}
    for row, run, curves in read:
        for name, curve in curves.items():
            keep = thin(np.asarray(curve.steps), np.asarray(curve.values), points).tolist()
            record = {
                "row": row,
                "run": run.name,
                "epoch": [_short(curve.epochs[n]) for n in keep],
                "step": [_short(curve.steps[n]) for n in keep],
                "y": [_short(curve.values[n]) for n in keep],
            }
            found.setdefault(name, []).append(record)
    if silent := sum(not curves for _, _, curves in read):
        notices.append(f"{silent} of {len(runs)} runs have no learning curve: they ran without logger=csv")
    return found, notices


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else float(f"{value:.5g}")
