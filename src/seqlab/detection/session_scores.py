"""Every score of a session from arrays alone, without torch: fitted, kept in a checkpoint, applied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.detection.count_costs import CountCosts
from seqlab.detection.counts import NearestCounts
from seqlab.detection.surprise import LARGEST_SEEN_NLL, SESSION_SCORES, EventSurprise
from seqlab.detection.thresholds import Calibration, Threshold, fit_threshold
from seqlab.errors import UserError

MARGIN = 0.01  # nats, below a score that must be an alert: rounding is not to decide


@dataclass(frozen=True)
class Normals:
    """S normal sessions to fit on."""

    events: EventSurprise
    counts: NDArray[np.int32]  # (S, V)

    def take(self, keep: NDArray[np.bool_]) -> Normals:
        """Those of (S,) ``keep``."""
        return Normals(self.events.take(np.flatnonzero(keep)), self.counts[keep])


def fitted_judge(judge: Mapping[str, Any] | None) -> dict[str, Any]:
    """A checkpoint's ``judge``, with what those lack that are from before it was written down.

    Raises:
        UserError: the run ended before its thresholds were fitted.
    """
    if not judge:
        raise UserError("this checkpoint holds no thresholds: its run ended before they were fitted")
    return {"background": "frequency", "unseen_share": 0.0} | dict(judge)


def harmonic(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) -log of the harmonic mean of two p-values, which are given as -log p, in nats.

    The harmonic mean holds up where the two depend on each other (Wilson, PNAS 2019), which Fisher's sum does
    not: a rare but normal session is surprising in its order and in its counts at once.
    """
    return np.logaddexp(first, second) - math.log(2)


@dataclass(frozen=True)
class SessionScores:
    """Scores sessions by how surprising their events are and by their key counts.

    In ``combined`` an unseen key is a matter of counts alone: the network has no probability for it, and a
    number above all others, taken for a measured one, would be a p-value that no normal session vouches for.

    ``costs`` is None for checkpoints from before there were any: their ``combined`` is the sum of the two
    calibrated parts ``model_score`` and ``count_distance`` (Fisher's statistic without its factor of 2).
    """

    model_score: str  # of SESSION_SCORES: the part of `combined` that the network has
    calibrations: Mapping[str, Calibration]
    nearest: NearestCounts
    costs: CountCosts | None

    def scores(
        self, names: Sequence[str], events: EventSurprise, counts: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float64]]:
        """{score: (S,)} of the scores asked for; higher is more suspect.

        Args:
            events: how surprising the events of S sessions were.
            counts: (S, V) their key counts, see ``count_matrix``.
        """
        found: dict[str, NDArray[np.float64]] = {}
        needs_costs = self.costs is not None and not {"count_cost", "combined"}.isdisjoint(names)
        cost = self.costs.cost(counts) if self.costs is not None and needs_costs else np.zeros(len(counts))
        needs_distance = "count_distance" in names or (self.costs is None and "combined" in names)
        distance = self.nearest.distance(counts).astype(np.float64) if needs_distance else cost
        for name in names:
            if name == "count_distance":
                found[name] = distance
            elif name == "count_cost":
                if self.costs is None:
                    raise UserError("this checkpoint has no count_cost: its run is from before that score")
                found[name] = cost
            elif name == "combined":
                model, calibration = SESSION_SCORES[self.model_score], self.calibrations[self.model_score]
                if self.costs is None:
                    found[name] = calibration(model(events)) + self.calibrations["count_distance"](distance)
                else:
                    found[name] = harmonic(calibration(model(events.without_unseen())), cost)
            else:
                found[name] = SESSION_SCORES[name](events).astype(np.float64)
        return found

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for the checkpoint."""
        import torch

        return {
            "model_score": self.model_score,
            "calibrations": {name: calibration.state() for name, calibration in self.calibrations.items()},
            "count_vectors": torch.from_numpy(self.nearest.vectors),
            "count_costs": None if self.costs is None else self.costs.state(),
        }

    @classmethod
    def from_state(cls, judge: Mapping[str, Any]) -> SessionScores:
        """From a checkpoint's ``judge``, of today or from before ``count_cost``."""
        costs = judge.get("count_costs")
        return cls(
            judge["model_score"],
            {name: Calibration.from_state(state) for name, state in judge["calibrations"].items()},
            NearestCounts(np.asarray(judge["count_vectors"], dtype=np.int32)),
            None if costs is None else CountCosts.from_state(costs),
        )


@dataclass(frozen=True)
class Fitted:
    """What ``fit_scores`` found."""

    scores: SessionScores
    thresholds: dict[str, Threshold]  # by score
    normals: dict[str, NDArray[np.float64]]  # by score, what its threshold was fitted to


def fit_scores(
    names: Sequence[str],
    model_score: str,
    held_out: Normals,
    trained_on: Normals | None,
    nearest: NearestCounts,
    unk: int,
    target_fpr: float,
    known: CountCosts | None = None,
) -> Fitted:
    """Fit calibrations, count costs and thresholds to normal sessions.

    Thresholds of the network's own scores come from ``held_out`` alone. In ``count_cost`` each session, of
    training too, is judged by all others, so its threshold and that of ``combined`` come from both. Of a
    training session ``combined`` takes the rank that the network's surprise has among training sessions: the
    network learned them, so the surprise itself is too small, but its order holds.

    Args:
        held_out: normal sessions that no network was trained on.
        trained_on: those that it was; None where they are not at hand.
        nearest: the count vectors of training.
        unk: the id of unseen keys.
        known: costs to which these sessions' counts are added.

    Raises:
        UserError: no held-out session is without keys that training never showed.
    """
    # A session with an unseen key is as surprising as can be, by definition and not by measure: it says
    # nothing about the tail of those that were measured.
    measured = ~(held_out.events.has_unseen() | (held_out.counts[:, unk] > 0))
    if not measured.any():
        raise UserError(
            "every validation session holds a key that training never showed, so no threshold can be "
            "fitted: do train and val come from the same log, parsed with the same templates?"
        )
    held_out = held_out.take(measured)
    given = [held_out] if trained_on is None else [held_out, trained_on]
    costs, left_out = CountCosts.fit(np.concatenate([part.counts for part in given]), known)
    model = [SESSION_SCORES[model_score](part.events) for part in given]
    calibration = Calibration.fit(model[0])
    fitted = SessionScores(model_score, {model_score: calibration}, nearest, costs)

    scored = [calibration(part) for part in model]
    surprise = np.concatenate([scored[0], *(Calibration.fit(part)(part) for part in model[1:])])
    # left out, the only session that holds a key has an unseen one
    sessions_with = np.concatenate([part.counts for part in given]).astype(bool)
    alone = (sessions_with[:, sessions_with.sum(axis=0) == 1]).any(axis=1) & (known is None)
    both = {"count_cost": left_out[~alone], "combined": harmonic(surprise, left_out)[~alone]}
    of_both = "validation normals" if trained_on is None else "validation and training normals"
    single = fitted.scores([name for name in names if name not in both], held_out.events, held_out.counts)

    unseen_key = costs.novelty + costs.key_costs[unk] - MARGIN  # the least that a session with one costs
    highest = {
        "nll_max": LARGEST_SEEN_NLL,
        "rank": float(held_out.counts.shape[1]),
        "count_cost": float(unseen_key),
        "combined": float(harmonic(np.zeros(1), np.asarray([unseen_key]))[0]),
    }
    # A training session is scored by its surprise in use, which is too small for a new one: where too many of
    # them would be alerts all the same, the threshold stands below some kind of normal session.
    in_use = harmonic(np.concatenate(scored), left_out)[~alone]
    thresholds, normals = {}, {name: both[name] if name in both else single[name] for name in names}
    for name, scores in normals.items():
        of = of_both if name in both else "validation normals"
        threshold, used = fit_threshold(scores, target_fpr, of), scores
        if name == "combined":
            threshold, used = threshold.at_least(in_use, target_fpr, of), in_use
        # an unseen key stays an alert, however far out the fitted tail puts the threshold
        thresholds[name] = threshold.at_most(highest.get(name, math.inf), used)
    return Fitted(fitted, thresholds, normals)
