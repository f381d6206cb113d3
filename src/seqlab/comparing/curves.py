"""Learning curves of runs, from metrics.csv or a server's records, thin enough for a page."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqlab.comparing.runs import Run

_MOST_POINTS = 100  # of one curve on the page
_BUDGET = 120_000  # points of all curves on a page: some 3 MB
_CURVES = ("train/", "val/", "learning_rate", "lr-")


class Point(NamedTuple):
    """``epoch`` counts from 1; without a record of epochs it is the step."""

    epoch: float
    step: float
    value: float


def read_curves(run: Run) -> dict[str, list[Point]]:
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


def collect(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """Records with an ``epoch`` from 0 and a ``step``, most of their cells empty, as one curve per metric.

    Where epochs are recorded, a record without one is not of the training: it repeats the final figures.
    """
    found: dict[str, list[Point]] = {}
    records = list(rows)
    has_epochs = any(_number(row.get("epoch")) is not None for row in records)
    for row in records:
        step = _number(row.get("step", row.get("trainer/global_step", row.get("_step"))))
        epoch = _number(row.get("epoch"))
        if step is None or (has_epochs and epoch is None):
            continue
        for name, cell in row.items():
            value = _number(cell)
            if value is not None and isinstance(name, str) and name.startswith(_CURVES):
                at = step if epoch is None else epoch + 1
                found.setdefault(name, []).append(Point(at, step, value))
    return found


def _number(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def curve_records(
    runs: Sequence[tuple[int, Run]],
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Metric to the curves of (row, run) pairs as the page draws them, thinned; and notices.

    A run that has not finished may have none yet.
    """
    from seqlab.report.charts import thin

    notices, read, silent = [], [], 0
    for row, run in runs:
        try:
            read.append((row, run, read_curves(run)))
        except ValueError as error:
            notices.append(f"{run.name}: {error}")
            continue
        silent += not read[-1][2] and run.metrics is not None
    total = sum(len(curves) for _, _, curves in read)
    most = max(10, min(_MOST_POINTS, _BUDGET // max(1, total)))
    found: dict[str, list[dict[str, Any]]] = {}
    for row, run, curves in read:
        for name, points in curves.items():
            _, steps, values = np.asarray(points).T
            kept = [points[n] for n in thin(steps, values, most).tolist()]
            epochs, at, figures = ([_short(value) for value in axis] for axis in zip(*kept, strict=True))
            record = {"row": row, "run": run.name, "epoch": epochs, "step": at, "y": figures}
            found.setdefault(name, []).append(record)
    if silent:
        are = "run has" if silent == 1 else "runs have"
        notices.append(f"{silent} finished {are} no learning curve: no metrics.csv, which logger=csv writes")
    return found, notices


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else float(f"{value:.5g}")
