"""Thresholds and tail probabilities from normal sessions alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqlab.errors import UserError
from seqlab.schemas import Finite, Positive

FEWEST_TO_FIT_SHAPE = 10
FEWEST_TO_EXTRAPOLATE = 100  # scores: below it the tail holds fewer than ten, and is a guess
TAIL_START = 0.9  # the tail is what lies above this quantile
EXTRAPOLATED = 10  # how many times rarer than one in all sessions seen a fitted tail is believed to know
KNOTS = 20  # between the smallest score and the tail's start, where probabilities are read off
UNLIKELY = 0.01  # chance below which more sessions above a threshold than aimed at are no chance
ROUNDING = 2e-5  # of a score, relative beyond 1: what another machine or an exported network may differ by
LARGEST_SHAPE = 0.5  # above it the tail's variance is infinite, and the fit of few points not to be trusted
HEAVIEST_SHAPE = 1.0  # of a tail that nothing was seen of: even its mean is infinite


@dataclass(frozen=True)
class Tail:
    """The upper tail of a score: ``P(score > x) = share * (1 + shape (x - start) / scale) ^ (-1 / shape)``.

    Peaks over threshold with a generalized Pareto tail (Pickands, Annals of Statistics 1975; Siffer et al.,
    KDD 2017, equation 1). ``shape`` 0 is the exponential tail. A negative shape is not used: it ends the tail
    at a point just past the few largest scores seen, and calls everything beyond impossible.
    """

    start: Finite
    share: Positive  # of scores above start
    shape: Finite
    scale: Positive

    def log_probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """log P(score > x), without underflow, for x at or above ``start``."""
        excess = scores - self.start
        if self.shape < 1e-9:
            return np.log(self.share) - excess / self.scale
        return np.log(self.share) - np.log1p(self.shape * excess / self.scale) / self.shape


def fit_tail(scores: ArrayLike, *, averages: bool = False) -> Tail | None:
    """Fit the tail above the TAIL_START quantile; None where no score lies above it.

    Fewer than FEWEST_TO_EXTRAPOLATE scores say nothing about what lies beyond them. Their tail starts at the
    largest and falls as slowly as HEAVIEST_SHAPE: far scores still differ, none is held for impossible.

    Args:
        averages: the scores are averages over events, whose tails are light: of few, exponential.
    """
    from scipy.stats import genpareto

    values = np.asarray(scores, dtype=np.float64)
    if len(values) < FEWEST_TO_EXTRAPOLATE:
        largest = float(values.max())
        scale = largest - float(np.median(values))
        shape = 0.0 if averages else HEAVIEST_SHAPE
        return Tail(largest, 1 / (len(values) + 1), shape, scale) if scale > 0 else None
    start = float(np.quantile(values, TAIL_START, method="lower"))
    excess = values[values > start] - start
    if not len(excess):
        return None
    shape, scale = 0.0, float(excess.mean())
    if len(excess) >= FEWEST_TO_FIT_SHAPE:
        fitted_shape, _, fitted_scale = genpareto.fit(excess, floc=0)
        if fitted_shape > 0:
            shape, scale = min(float(fitted_shape), LARGEST_SHAPE), float(fitted_scale)
        if fitted_shape > LARGEST_SHAPE:  # with the shape held, the scale is fitted again
            scale = float(genpareto.fit(excess, f0=LARGEST_SHAPE, floc=0)[2])
    return Tail(start, len(excess) / len(values), shape, scale)


@dataclass(frozen=True)
class Threshold:
    """A session is an alert when its score exceeds ``value``."""

    value: float
    method: str  # how it was found, in words
    aim: float  # share of normal sessions that exceed it; above the one asked for where these support no less
    num_normals: int  # that it rests on

    def at_least(self, scores: NDArray[np.float64], of: str) -> Threshold:
        """The same, or higher where more of some normal sessions lie above it than chance explains.

        Args:
            scores: (S,) of normal sessions.
            of: what they are, for ``method``.
        """
        above, allowed = int((scores > self.value).sum()), most_above(len(scores), self.aim)
        if above <= allowed:
            return self
        value = _just_above(float(np.sort(scores)[-1 - allowed]), scores)
        shown = f"raised from {self.value:.4g}, above which {above:,} of {len(scores):,} {of} lay"
        return Threshold(value, f"{self.method}; {shown}", self.aim, self.num_normals)

    def state(self) -> dict[str, Any]:
        return asdict(self)


def most_above(count: int, target_fpr: float) -> int:
    """How many of ``count`` sessions may exceed a threshold that a share ``target_fpr`` of all exceeds.

    More come by chance in less than one of 1 / UNLIKELY cases, by the binomial distribution.
    """
    from scipy.stats import binom

    return int(binom.ppf(1 - UNLIKELY, count, target_fpr))


def check_target_fpr(target_fpr: float) -> None:
    """Raise UserError where the share of normal sessions that may be alerts is not between 0 and 1."""
    if not 0 < target_fpr < 1:
        raise UserError(f"detection.target_fpr={target_fpr}: give a share between 0 and 1, like 0.001")


def supported_aim(count: int, target_fpr: float) -> float:
    """The aim itself, or ``1 / (count + 1)`` where so few normal sessions support no lower one."""
    return max(target_fpr, 1 / (count + 1))


def fit_threshold(scores: ArrayLike, target_fpr: float, of: str = "validation normals") -> Threshold:
    """The score that a share ``target_fpr`` of new normal sessions exceeds, whatever their distribution.

    Of n exchangeable scores a new one exceeds the k-th largest with a chance of ``k / (n + 1)`` or less
    (split conformal prediction; Vovk, Gammerman and Shafer 2005; Papadopoulos et al. 2002). So the threshold
    is the ``target_fpr (n + 1)``-th largest score, linear between two where that is no whole number. Where it
    is less than 1, the largest score is the threshold and ``Threshold.aim`` is ``1 / (n + 1)``.

    Args:
        scores: (S,) scores of normal sessions that are as those to come.
        target_fpr: between 0 and 1, both excluded.
        of: what they are, for ``Threshold.method``.

    Raises:
        UserError: a ``target_fpr`` out of range, no score, or one that is no number.
    """
    check_target_fpr(target_fpr)
    values = np.asarray(scores, dtype=np.float64)
    count = len(values)
    if not count:
        raise UserError("no validation session to fit a threshold on: give data.split a larger second share")
    if not np.isfinite(values).all():
        raise UserError(
            f"{np.count_nonzero(~np.isfinite(values)):,} of the scores of {count:,} {of} are no finite "
            "numbers: no threshold can be fitted to them"
        )
    aim = supported_aim(count, target_fpr)
    place = min(aim * (count + 1), float(count))
    falling = np.sort(values)[::-1]
    whole = int(place + 1e-9)
    higher, lower = falling[whole - 1], falling[min(whole, count - 1)]
    value = _just_above(float(higher - max(place - whole, 0.0) * (higher - lower)), values)
    method = f"{np.count_nonzero(values > value):,} of {count:,} {of} lie above it"
    if aim > target_fpr:
        method = f"just above the largest of {count:,} {of}, which support no aim below {aim:.2g}"
    return Threshold(value, method, aim, count)


def _just_above(value: float, scores: NDArray[np.float64]) -> float:
    """A threshold that scores of ``value`` stay below, whatever their last bits, and higher ones exceed.

    Many sessions of a log are alike and score the same: with the score itself as the threshold, rounding
    would make alerts of all of them. A score of 0 is one of counts, and exact. A value clear of all scores
    is a threshold as it is.
    """
    if value == 0:
        return value
    margin = ROUNDING * max(abs(value), 1.0)
    alike = scores[scores <= value + margin].max()
    if value - alike > margin:
        return value
    higher = scores[scores > alike]
    return float(alike + (min(margin, (higher.min() - alike) / 2) if len(higher) else margin))


@dataclass(frozen=True)
class Calibration:
    """Turns a score into ``-log P(a normal session scores at least as high)``, in nats.

    The share counted at some KNOTS scores up to the tail's start and linear in between, beyond it the fitted
    tail, so that scores past all normals seen still differ. Many sessions of a log are alike and score the
    same: a share counted everywhere would jump there, and rounding in a network's last bit would move it.

    A tail is believed down to one session in EXTRAPOLATED times as many as were seen. Beyond, -log p grows as
    its own log: one rare cause makes several surprising events, and no fit knows what comes once in a
    million.
    """

    values: NDArray[np.float64]  # (S,) sorted scores of normal sessions
    tail: Tail | None

    @classmethod
    def fit(cls, scores: ArrayLike, *, averages: bool = False) -> Calibration:
        """To (S,) scores of normal sessions; see ``fit_tail``."""
        return cls(np.sort(np.asarray(scores, dtype=np.float64)), fit_tail(scores, averages=averages))

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        given = np.asarray(scores, dtype=np.float64)
        result = np.asarray(np.interp(given, *self._knots))
        if self.tail is not None:
            beyond = given > self.tail.start
            result[beyond] = -self.tail.log_probability(given[beyond])
        else:
            result[given > self.values[-1]] = np.log(len(self.values) + 1)
        trusted = np.log(EXTRAPOLATED * len(self.values))
        return np.where(result > trusted, trusted + np.log1p(np.maximum(result - trusted, 0)), result)

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(K,) scores and (K,) nats there; the last is where the tail starts, or the largest score."""
        top = self.values[-1] if self.tail is None else self.tail.start
        gap = (top - self.values[0]) / KNOTS
        places: list[float] = []
        for value in np.unique(self.values[self.values <= top - gap]).tolist() if gap else []:
            if not places or value >= places[-1] + gap:
                places.append(value)
        knots = np.asarray([*places, top])
        at_least = len(self.values) - np.searchsorted(self.values, knots, side="left")
        nats = -np.log(np.maximum(at_least, 1) / (len(self.values) + 1))
        if self.tail is not None:
            nats[-1] = -np.log(self.tail.share)
        return knots, nats

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        return {"values": self.values.tolist(), "tail": self.tail and asdict(self.tail)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Calibration:
        return cls(np.asarray(state["values"]), state["tail"] and Tail(**state["tail"]))
