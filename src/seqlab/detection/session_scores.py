"""Every score of a session from arrays alone, without torch: fitted, kept in a checkpoint, applied."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.detection.counts import CountCosts, NearestCounts
from seqlab.detection.surprise import (
    AVERAGES,
    SESSION_SCORES,
    WORST_EVENT,
    EventSurprise,
    allowance,
    cusum,
)
from seqlab.detection.thresholds import Calibration, Threshold, fit_threshold, most_above, supported_aim
from seqlab.errors import UserError

IMAGINED_COSTS = 10  # left-out costs that are as they should be, imagined beside those seen
LONG = 100  # events: shorter sessions are told by their worst event rather than by their average
OF_BOTH = ("count_cost", "combined")  # whose thresholds come from validation and training normals
OVER_THRESHOLD = 1e-3  # nats: where an unseen key lifts `combined` to, so that rounding does not decide


@dataclass(frozen=True)
class Normals:
    """S normal sessions to fit on."""

    events: EventSurprise
    counts: NDArray[np.int32]  # (S, V)

    def take(self, keep: NDArray[np.bool_]) -> Normals:
        """Those of (S,) ``keep``."""
        return Normals(self.events.take(np.flatnonzero(keep)), self.counts[keep])


def harmonic(
    parts: Sequence[NDArray[np.float64]], weights: Sequence[NDArray[np.float64] | float] | None = None
) -> NDArray[np.float64]:
    """(S,) -log of the weighted harmonic mean of p-values, each given as (S,) -log p, in nats.

    The harmonic mean holds up where they depend on each other (Wilson, PNAS 2019, equation 1), which Fisher's
    sum does not: a rare but normal session is surprising in its order and in its counts at once.

    Args:
        weights: above 0, one for each part; equal ones where there are none.
    """
    weights = weights or [1.0] * len(parts)
    weighted = [part + np.log(weight) for part, weight in zip(parts, weights, strict=True)]
    return np.asarray(reduce(np.logaddexp, weighted) - np.log(sum(weights)))


@dataclass(frozen=True)
class SessionScores:
    """Scores sessions by how surprising their events are and by their key counts.

    In ``combined`` an unseen key is a matter of counts: the network has no probability for it, and a number
    above all others would be a p-value that no normal session vouches for. Where few enough normal sessions
    hold one, it is an alert by a rule of its own: ``unseen_floor``.
    """

    parts: tuple[str, ...]  # what `combined` joins: of MODEL_SCORES, and `count_cost`
    calibrations: Mapping[str, Calibration]  # of its model scores
    allowed: float  # nats an event, see ``allowance``
    nearest: NearestCounts
    costs: CountCosts
    cost_inflation: float  # how many times too large costs beyond the novelty are
    unk: int  # the id of unseen keys
    unseen_share: float  # of normal sessions that hold a key which no other one does
    unseen_floor: float  # the least that `combined` is with an unseen key: just an alert; -inf for no rule

    def scores(
        self, names: Sequence[str], events: EventSurprise, counts: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float64]]:
        """{score: (S,)} of the scores asked for; higher is more suspect.

        Args:
            events: how surprising the events of S sessions were.
            counts: (S, V) their key counts, see ``count_matrix``.
        """
        found: dict[str, NDArray[np.float64]] = {}
        costly = {"count_cost", *(["combined"] if "count_cost" in self.parts else [])}
        cost = np.zeros(len(counts)) if costly.isdisjoint(names) else self.costs.cost(counts)
        for name in names:
            if name == "count_distance":
                found[name] = self.nearest.distance(counts).astype(np.float64)
            elif name == "count_cost":
                found[name] = cost
            elif name == "combined":
                joined = self.joined(events, cost, self.calibrations)
                unseen = has_unseen(events, counts, self.unk)
                found[name] = np.where(unseen, np.maximum(joined, self.unseen_floor), joined)
            else:
                found[name] = self.model_score(name, events)
        return found

    def model_score(self, name: str, events: EventSurprise) -> NDArray[np.float64]:
        """(S,) one of MODEL_SCORES."""
        found = cusum(events, self.allowed) if name == "cusum" else SESSION_SCORES[name](events)
        return found.astype(np.float64)

    def joined(
        self, events: EventSurprise, cost: NDArray[np.float64], calibrations: Mapping[str, Calibration]
    ) -> NDArray[np.float64]:
        """(S,) the parts of ``combined``, unseen keys left to the (S,) costs.

        The worst of many events says little and their average much, of few events it is the other way round:
        at LONG events both weigh the same. Costs that count one difference many times weigh as much less.
        """
        events = events.without_unseen()
        short = LONG / (np.diff(events.offsets) + LONG)
        parts: list[NDArray[np.float64]] = []
        weights: list[NDArray[np.float64] | float] = []
        for part in self.parts:
            if part == "count_cost":
                beyond = np.maximum(cost - self.costs.novelty, 0)
                parts.append(np.minimum(cost, self.costs.novelty) + beyond / self.cost_inflation)
                weights.append(1 / self.cost_inflation)
            else:
                parts.append(calibrations[part](self.model_score(part, events)))
                weights.append(short if part in WORST_EVENT else 1 - short if part in AVERAGES else 1.0)
        return harmonic(parts, weights)

    def calibrated(self, events: EventSurprise) -> dict[str, Calibration]:
        """How normal sessions score in each part of the network's surprise."""
        events = events.without_unseen()
        return {
            part: Calibration.fit(self.model_score(part, events), averages=part in AVERAGES)
            for part in self.parts
            if part != "count_cost"
        }

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for the checkpoint."""
        import torch

        return {
            "parts": list(self.parts),
            "calibrations": {name: calibration.state() for name, calibration in self.calibrations.items()},
            "allowed": self.allowed,
            "count_vectors": torch.from_numpy(self.nearest.vectors),
            "count_costs": self.costs.state(),
            "cost_inflation": self.cost_inflation,
            "unk": self.unk,
            "unseen_key_share": self.unseen_share,
            "unseen_floor": self.unseen_floor if math.isfinite(self.unseen_floor) else None,
        }

    @classmethod
    def from_state(cls, judge: Mapping[str, Any]) -> SessionScores:
        """From a checkpoint's ``judge``."""
        floor = judge["unseen_floor"]
        return cls(
            tuple(judge["parts"]),
            {name: Calibration.from_state(state) for name, state in judge["calibrations"].items()},
            judge["allowed"],
            NearestCounts(np.asarray(judge["count_vectors"], dtype=np.int32)),
            CountCosts.from_state(judge["count_costs"]),
            judge["cost_inflation"],
            judge["unk"],
            judge["unseen_key_share"],
            -math.inf if floor is None else floor,
        )


def has_unseen(events: EventSurprise, counts: NDArray[np.int32], unk: int) -> NDArray[np.bool_]:
    """(S,) True where a session holds a key that training never showed, predicted or not."""
    return np.asarray(events.has_unseen() | (counts[:, unk] > 0))


@dataclass(frozen=True)
class Fitted:
    """What ``fit_scores`` found."""

    scores: SessionScores
    thresholds: dict[str, Threshold]  # by score
    normals: dict[str, NDArray[np.float64]]  # by score, what its threshold was fitted to


def fit_scores(
    names: Sequence[str],
    parts: Sequence[str],
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

    An unseen key is an alert by itself where no more normal sessions hold one than may be alerts, chance
    allowed for. These are then left out, and their share is taken off the aim of ``combined``, of which at
    least half stays. Elsewhere an unseen key is a key like others, and all sessions are fitted to.

    Args:
        parts: what ``combined`` joins.
        held_out: normal sessions that no network was trained on.
        trained_on: those that it was; None where they are not at hand.
        nearest: the count vectors of training.
        unk: the id of unseen keys.
        known: costs to which these sessions' counts are added.

    Raises:
        UserError: no held-out session is without keys that training never showed.
    """
    unseen = has_unseen(held_out.events, held_out.counts, unk)
    if unseen.all():
        raise UserError(
            "every validation session holds a key that training never showed, so no threshold can be "
            "fitted: do train and val come from the same log, parsed with the same templates?"
        )
    given = [held_out] if trained_on is None else [held_out, trained_on]
    odd = np.concatenate([unseen, *[_alone(part.counts) & (known is None) for part in given[1:]]])
    unseen_share = float(odd.mean())
    rule = int(odd.sum()) <= most_above(len(odd), supported_aim(len(odd), target_fpr))
    fitted_to = np.ones(len(odd), dtype=bool)
    if rule:
        given[0] = held_out = held_out.take(~unseen)
        fitted_to = ~np.delete(odd, np.flatnonzero(unseen))

    costs, left_out = CountCosts.fit(np.concatenate([part.counts for part in given]), known)
    inflation = _inflation(left_out[fitted_to], costs.novelty)
    fitted = SessionScores(
        tuple(parts), {}, allowance(held_out.events), nearest, costs, inflation, unk, unseen_share, -math.inf
    )
    by_group = [fitted.calibrated(group.events) for group in given]
    fitted = replace(fitted, calibrations=by_group[0])
    groups = list(zip(given, np.split(left_out, [len(held_out.counts)]), by_group, strict=False))
    ranked = np.concatenate([fitted.joined(group.events, cost, own) for group, cost, own in groups])
    in_use = np.concatenate([fitted.joined(group.events, cost, by_group[0]) for group, cost, _ in groups])

    normals = {"count_cost": left_out[fitted_to], "combined": ranked[fitted_to]}
    of_both = "validation normals" if trained_on is None else "validation and training normals"
    single = fitted.scores([name for name in names if name not in normals], held_out.events, held_out.counts)
    thresholds = {name: fit_threshold(scores, target_fpr) for name, scores in single.items()}
    if "count_cost" in names:
        thresholds["count_cost"] = fit_threshold(normals["count_cost"], target_fpr, of_both)
    if "combined" in names:
        aim = max(target_fpr - unseen_share, target_fpr / 2) if rule else target_fpr
        threshold = fit_threshold(normals["combined"], aim, of_both)
        # A training session is scored by its surprise in use, which is too small for a new one: where too
        # many of them would be alerts all the same, the threshold stands below a kind of normal session.
        thresholds["combined"] = threshold.at_least(in_use[fitted_to], of_both)
        if rule:
            fitted = replace(fitted, unseen_floor=thresholds["combined"].value + OVER_THRESHOLD)
    normals |= single
    return Fitted(fitted, {name: thresholds[name] for name in names}, {name: normals[name] for name in names})


def _alone(counts: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(S,) True for the only session that holds some key: left out, it would have an unseen one."""
    return np.asarray((counts[:, (counts > 0).sum(axis=0) == 1] > 0).any(axis=1))


def _inflation(left_out: NDArray[np.float64], novelty: float) -> float:
    """How many times too large the costs of normal sessions come out, 1 or more.

    If ``exp(-cost)`` were the chance of so large a cost, costs beyond the novelty would be exponential with
    mean 1. Where keys differ together, as in long sessions, the sum over keys counts one difference many
    times.
    """
    beyond = left_out[left_out > 0] - novelty
    return max(float((beyond.sum() + IMAGINED_COSTS) / (len(beyond) + IMAGINED_COSTS)), 1.0)
