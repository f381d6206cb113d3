"""Scores of sessions from how surprising their events were."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seqlab.detection.surprise import EventSurprise
from seqlab.errors import UserError

TILT = 0.75  # of `cusum`: between 0, where any surprise adds up, and 1, where only stray events do


def nll_max(events: EventSurprise) -> NDArray[np.float32]:
    """(S,) NLL in nats of the most surprising event."""
    return np.maximum.reduceat(events.nll, events.offsets[:-1])


def nll_mean(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) mean NLL per event, in nats; of an autoencoder this is the reconstruction error."""
    sums = np.add.reduceat(events.nll.astype(np.float64), events.offsets[:-1])
    return sums / np.diff(events.offsets)


def error_share(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) share of events that were not the network's first guess."""
    wrong = np.add.reduceat((events.rank > 1).astype(np.float64), events.offsets[:-1])
    return wrong / np.diff(events.offsets)


def worst_rank(events: EventSurprise) -> NDArray[np.int64]:
    """(S,) worst rank of a true event (Du et al., DeepLog, CCS 2017: abnormal when it exceeds g)."""
    return np.maximum.reduceat(events.rank, events.offsets[:-1])


def allowance(events: EventSurprise) -> float:
    """Nats that each event of normal sessions may cost in ``cusum``: ``log(mean(exp(TILT nll)))``.

    With it ``exp(TILT nll - allowance)`` is a likelihood ratio, of an exponentially tilted alternative: its
    mean over normal events is 1. Events that training never showed are left out.
    """
    nll = events.nll[~events.unseen].astype(np.float64)
    return float(np.log(np.mean(np.exp(TILT * nll)))) if len(nll) else 0.0


def cusum(events: EventSurprise, allowed: float) -> NDArray[np.float64]:
    """(S,) log-likelihood ratio of the worst stretch of a session of T events, less log T, in nats.

    ``max over i <= j of sum over t = i..j of (TILT nll_t - allowed), - log T``: the cumulative sum of Page
    (Biometrika 1954), as a scan over stretches of every length. One very surprising event raises it as many
    mildly surprising ones in a row do. Of T events some are odd by chance: how many stretches of a normal
    session reach x grows as ``T exp(-x)`` (Karlin and Altschul, PNAS 1990, equation 4), so that sessions of
    every length compare.

    All sessions step together, the longest first, so that those that have ended drop out at the end.
    """
    lengths = np.diff(events.offsets)
    order = np.argsort(-lengths, kind="stable")
    starts, steps = events.offsets[:-1][order], lengths[order]
    excess = TILT * events.nll.astype(np.float64) - allowed
    running = np.zeros(len(order))
    worst = np.full(len(order), -np.inf)
    still_open = len(order)
    for step in range(int(steps.max(initial=0))):
        while steps[still_open - 1] <= step:
            still_open -= 1
        now = running[:still_open]
        np.maximum(now, 0, out=now)
        now += excess[starts[:still_open] + step]
        np.maximum(worst[:still_open], now, out=worst[:still_open])
    found = np.empty(len(order))
    found[order] = worst
    return found - np.log(lengths)


def time_max(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) ``-log min(1, n p)`` of the longest wait for what it was, p of ``delay_nll``, among n events.

    The factor n is Bonferroni's: among many delays one is long by chance.
    """
    if events.delay_nll is None:
        raise UserError("time_max scores the time between events: train with data.times=true")
    longest = np.maximum.reduceat(events.delay_nll.astype(np.float64), events.offsets[:-1])
    return np.maximum(longest - np.log(np.diff(events.offsets)), 0)


def parameter_max(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) nats of the newest value of a parameter: see ``ParameterNovelty.score``."""
    if events.novelty is None:
        raise UserError("parameter_max scores the values of parameters: train with data.parameters=true")
    return events.novelty


SESSION_SCORES: dict[str, Callable[[EventSurprise], NDArray]] = {
    "nll_max": nll_max,
    "nll_mean": nll_mean,
    "reconstruction": nll_mean,
    "error_share": error_share,
    "rank": worst_rank,
    "time_max": time_max,
    "parameter_max": parameter_max,
}
WORST_EVENT = ("nll_max", "rank")
AVERAGES = ("nll_mean", "reconstruction", "error_share")
MODEL_SCORES = (*SESSION_SCORES, "cusum")  # of the network's surprise; cusum knows what is normal
OTHER_SCORES = ("count_distance", "count_cost", "combined")


def check_parts(parts: Sequence[str]) -> None:
    """Raise UserError where ``combined`` cannot join these."""
    for name in parts:
        if name not in MODEL_SCORES and name != "count_cost":
            raise UserError(
                f"detection.parts: {name!r}: choose from {', '.join([*MODEL_SCORES, 'count_cost'])}"
            )
    if not parts or len(set(parts)) < len(parts):
        raise UserError(f"detection.parts={list(parts)}: give one or more scores, each once")


def check_score_names(names: list[str]) -> None:
    """Raise UserError for a score that does not exist."""
    for name in names:
        if name not in MODEL_SCORES and name not in OTHER_SCORES:
            raise UserError(
                f"detection.scores: {name!r}: choose from {', '.join([*MODEL_SCORES, *OTHER_SCORES])}"
            )
