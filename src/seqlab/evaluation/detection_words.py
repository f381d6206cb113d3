"""What a newcomer reads of a detection run: sessions found and false alarms, the model's and a rule's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlab.results.outcome import best_baseline

if TYPE_CHECKING:
    from seqlab.evaluation.detection_report import DetectionOutcome


def in_words(outcome: DetectionOutcome) -> list[tuple[str, str]]:
    """Abnormal sessions found, normal ones that are alerts, and both of the best baseline, by F1."""
    alerts, normal = outcome.alerts, outcome.normal
    false = f"{_of(alerts, normal)} normal test sessions ({_share(alerts[normal])})"
    if outcome.unlabelled:
        shares = f"{_of(alerts, normal)} test sessions ({_share(alerts)})"
        return [("alerts", f"{shares}; none has a label, so nobody knows how many are right")]
    if not outcome.curves:
        return [("false alarms", f"{false}; no other label, so nothing says what would be found")]
    found = [("found", f"{_of(alerts, outcome.abnormal)} abnormal test sessions"), ("false alarms", false)]
    f1 = {name: outcome.metrics.get(f"baseline/{name}/f1", 0.0) for name in outcome.baseline_scores}
    if not f1:
        return found
    own = outcome.metrics["test/f1"]
    best, verdict = best_baseline(f1, own)
    raised = outcome.baseline_scores[best] > outcome.detector.trivial.thresholds[best]
    said = (
        f"{best}, the best without a network, finds {_count(raised & outcome.abnormal)}, "
        f"with {_count(raised & normal)} false alarms; F1 {f1[best]:.3f}, the model's {own:.3f}{verdict}"
    )
    return [*found, ("baseline", said)]


def _count(chosen: NDArray[np.bool_]) -> str:
    return f"{int(chosen.sum()):,}"


def _of(chosen: NDArray[np.bool_], among: NDArray[np.bool_]) -> str:
    return f"{_count(chosen & among)} of {_count(among)}"


def _share(chosen: NDArray[np.bool_]) -> str:
    return f"{chosen.mean() if len(chosen) else 0.0:.2%}"
