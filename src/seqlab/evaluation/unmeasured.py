"""What to show of a detection run whose labels allow no figure: how much each threshold lets through."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.evaluation.outcome import Outcome, ResultTable

if TYPE_CHECKING:
    from seqlab.detection.evaluation import DetectionOutcome

COLUMNS = ("threshold", "share above")


def shown_table(outcome: Outcome) -> ResultTable:
    """The table of an outcome; thresholds and shares above them where it would be one of dashes."""
    unmeasured = _unmeasured(outcome)
    return outcome.result_table() if unmeasured is None else _shares_above(unmeasured)


def next_steps(outcome: Outcome, checkpoint: str, parsed: str | None) -> list[str]:
    """The commands that show what a model without figures is good for; none where figures say it.

    Args:
        checkpoint: as it is typed.
        parsed: ``data.sessions`` of the run; None where it read files of keys.
    """
    unmeasured = _unmeasured(outcome)
    if unmeasured is None or not len(unmeasured.sessions):
        return []
    most_suspect = int(np.argmax(unmeasured.scores[unmeasured.main_score]))
    block, model = shlex.quote(str(unmeasured.sessions.ids[most_suspect])), shlex.quote(checkpoint)
    if parsed is None:
        return [
            f"seqlab predict {model} NEW --output alerts.csv",
            f"seqlab explain {model} {block} --sessions FILE",
        ]
    return [
        f"seqlab detect {model} NEW.log",
        f"seqlab explain {model} {block} --sessions {shlex.quote(parsed)}",
    ]


def _unmeasured(outcome: Outcome) -> DetectionOutcome | None:
    from seqlab.detection.evaluation import DetectionOutcome

    return outcome if isinstance(outcome, DetectionOutcome) and not outcome.curves else None


def _shares_above(outcome: DetectionOutcome) -> ResultTable:
    def row(scores: np.ndarray, threshold: float) -> list[float | None]:
        return [threshold, float((scores > threshold).mean()) if len(scores) else None]

    table = outcome.result_table()
    thresholds, trivial = outcome.detector.thresholds, outcome.detector.trivial.thresholds()
    notes = dict(table.notes) | {"columns": "share above: test sessions whose score exceeds the threshold"}
    if (outcome.sessions.labels == LABEL_UNKNOWN).all():
        notes["detection"] = "not measured: no test session has a label"
    return replace(
        table,
        columns=COLUMNS,
        model_rows=[(name, row(scores, thresholds[name].value)) for name, scores in outcome.scores.items()],
        baseline_rows=[
            (name, row(scores, trivial[name])) for name, scores in outcome.baseline_scores.items()
        ],
        notes=list(notes.items()),
    )
