"""A fitted detector: session scores, their thresholds, and the trivial detectors beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import EncodedSessions, TrivialDetectors
from seqlab.detection.surprise import LARGEST_SEEN_NLL, SESSION_SCORES, EventSurprise
from seqlab.detection.thresholds import Calibration, Threshold, fit_threshold
from seqlab.errors import UserError


@dataclass(frozen=True)
class Detector:
    """Scores sessions and says which are alerts. Fitted on training and validation normals alone."""

    model_score: str  # the score that `combined` joins with count_distance
    thresholds: dict[str, Threshold]  # by score
    calibrations: dict[str, Calibration]  # of the two parts of `combined`
    trivial: TrivialDetectors
    main_score: str = "nll_max"  # the score behind alerts
    pseudo_sessions: float = 1.0  # how `surprise` smooths the network's prediction

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        model_score: str,
        val_events: EventSurprise,
        train: EncodedSessions,
        val: EncodedSessions,
        vocabulary: Vocabulary,
        target_fpr: float,
    ) -> Detector:
        """Fit thresholds for the scores ``names`` at a false-positive rate of ``target_fpr``.

        Args:
            model_score: a score of SESSION_SCORES for ``combined``.
            val_events: how the validation normals ``val`` struck the network.

        Raises:
            UserError: no validation session is without keys that training never showed.
        """
        trivial = TrivialDetectors.fit(train, val, vocabulary, target_fpr)
        calibrations, thresholds = fit_thresholds(
            names,
            model_score,
            val_events,
            trivial.count_distance(val).astype(np.float64),
            len(vocabulary),
            target_fpr,
        )
        return cls(model_score, thresholds, calibrations, trivial)

    def scores(
        self, names: Sequence[str], events: EventSurprise, sessions: EncodedSessions
    ) -> dict[str, NDArray[np.float64]]:
        """{score: (S,)} of the scores asked for; higher is more suspect.

        ``combined`` is the sum of the two calibrated parts, Fisher's statistic without its factor of 2:
        the sum of ``-log P(normal scores at least this high)``.
        """
        distance = self.trivial.count_distance(sessions).astype(np.float64)
        return joined_scores(names, events, distance, self.model_score, self.calibrations)

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for the checkpoint."""
        import torch

        return {
            "model_score": self.model_score,
            "main_score": self.main_score,
            "pseudo_sessions": self.pseudo_sessions,
            "thresholds": {name: threshold.state() for name, threshold in self.thresholds.items()},
            "calibrations": {name: calibration.state() for name, calibration in self.calibrations.items()},
            "count_vectors": torch.from_numpy(self.trivial.counts.vectors),
        }


def fit_thresholds(
    names: Sequence[str],
    model_score: str,
    events: EventSurprise,
    distance: NDArray[np.float64],
    vocab_size: int,
    target_fpr: float,
) -> tuple[dict[str, Calibration], dict[str, Threshold]]:
    """Calibrations of the parts of ``combined`` and thresholds of the scores ``names``, from S normals.

    Args:
        events: how the sessions struck the network.
        distance: (S,) their count_distance.

    Raises:
        UserError: no session is without keys that training never showed.
    """
    # A session with an unseen key is as surprising as can be, by definition and not by measure: it says
    # nothing about the tail of those that were measured.
    measured = ~events.has_unseen()
    if not measured.any():
        raise UserError(
            "every validation session holds a key that training never showed, so no threshold can be "
            "fitted: do train and val come from the same log, parsed with the same templates?"
        )
    parts = {model_score: SESSION_SCORES[model_score](events), "count_distance": distance}
    calibrations = {name: Calibration.fit(scores[measured]) for name, scores in parts.items()}
    scores = joined_scores(names, events, distance, model_score, calibrations)
    # an unseen key stays an alert, however far out the fitted tail puts the threshold
    highest = {"nll_max": LARGEST_SEEN_NLL, "rank": float(vocab_size)}
    thresholds = {
        name: fit_threshold(scores[name][measured], target_fpr).at_most(highest.get(name, math.inf))
        for name in names
    }
    return calibrations, thresholds


def joined_scores(
    names: Sequence[str],
    events: EventSurprise,
    distance: NDArray[np.float64],
    model_score: str,
    calibrations: Mapping[str, Calibration],
) -> dict[str, NDArray[np.float64]]:
    """{score: (S,)} of the scores asked for, from (S,) distances of counts: see ``Detector.scores``."""
    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        if name == "count_distance":
            found[name] = distance
        elif name == "combined":
            model = SESSION_SCORES[model_score](events)
            found[name] = calibrations[model_score](model) + calibrations["count_distance"](distance)
        else:
            found[name] = SESSION_SCORES[name](events).astype(np.float64)
    return found
