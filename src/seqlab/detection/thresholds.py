"""Thresholds and tail probabilities from normal sessions alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqlab.errors import UserError

# A quantile is read off the scores where about this many of them lie beyond it; else the tail is fitted.
FEWEST_BEYOND_QUANTILE = 10
FEWEST_TO_FIT_SHAPE = 10
TAIL_START = 0.9  # the tail is what lies above this quantile
KNOTS = 20  # between the smallest score and the tail's start, where probabilities are read off
UNLIKELY = 0.01  # chance below which more sessions above a threshold than aimed at are no chance
ROUNDING = 2e-5  # of a score, relative beyond 1: what another machine or an exported network may differ by
LARGEST_SHAPE = 0.5  # above it the tail's variance is infinite, and the fit of few points not to be trusted


@dataclass(frozen=True)
class Tail:
    """The upper tail of a score: ``P(score > x) = share * (1 + shape (x - start) / scale) ^ (-1 / shape)``.

    Peaks over threshold with a generalized Pareto tail (Pickands, Annals of Statistics 1975; Siffer et al.,
    KDD 2017, equation 1). ``shape`` 0 is the exponential tail. A negative shape is not used: it ends the tail
    at a point just past the few largest scores seen, and calls everything beyond impossible.
    """

    start: float
    share: float  # of scores above start
    shape: float
    scale: float
    num_exceedances: int

    def probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(score > x) for x at or above ``start``."""
        return self.share * np.exp(self._log_survival(scores - self.start))

    def log_probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """log P(score > x), without underflow, for x at or above ``start``."""
        return np.log(self.share) + self._log_survival(scores - self.start)

    def _log_survival(self, excess: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.shape < 1e-9:
            return -excess / self.scale
        return -np.log1p(self.shape * excess / self.scale) / self.shape

    def quantile(self, probability: float) -> float:
        """The x with P(score > x) = probability, for probabilities up to ``share``."""
        ratio = self.share / probability
        if self.shape < 1e-9:
            return self.start + self.scale * float(np.log(ratio))
        return self.start + self.scale / self.shape * float(ratio**self.shape - 1)


def fit_tail(scores: ArrayLike) -> Tail | None:
    """Fit the tail above the TAIL_START quantile; None where no score lies above it.

    Fewer than FEWEST_TO_FIT_SHAPE exceedances give an exponential tail, of which they only fix the scale.
    """
    from scipy.stats import genpareto

    values = np.asarray(scores, dtype=np.float64)
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
    return Tail(start, len(excess) / len(values), shape, scale, len(excess))


@dataclass(frozen=True)
class Threshold:
    """A session is an alert when its score exceeds ``value``."""

    value: float
    method: str  # how it was found, in words

    def at_most(self, highest: float, scores: NDArray[np.float64]) -> Threshold:
        """The same, or ``highest`` where that is less; ``scores``: (S,) of the normals it was fitted to."""
        if self.value <= highest:
            return self
        above = int((scores > highest).sum())
        return Threshold(
            highest,
            f"{self.method}; lowered from {self.value:.4g}, so that unseen keys are alerts: "
            f"{above:,} of {len(scores):,} ({above / len(scores):.2%}) lie above it",
        )

    def at_least(self, scores: NDArray[np.float64], target_fpr: float, of: str) -> Threshold:
        """The same, or higher where more of some normal sessions lie above it than chance explains.

        A tail fitted to sessions of few kinds may end below one kind, and all its sessions would be alerts.

        Args:
            scores: (S,) of normal sessions.
            target_fpr: the share of them that may lie above.
            of: what they are, for ``method``.
        """
        above, allowed = int((scores > self.value).sum()), most_above(len(scores), target_fpr)
        if above <= allowed:
            return self
        value = _just_above(float(np.sort(scores)[-1 - allowed]), scores)
        shown = f"raised from {self.value:.4g}, above which {above:,} of {len(scores):,} {of} lay"
        return Threshold(value, f"{self.method}; {shown}")

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


def fit_threshold(scores: ArrayLike, target_fpr: float, of: str = "validation normals") -> Threshold:
    """The score that a share ``target_fpr`` of normal sessions exceeds, or fewer where many score the same.

    Args:
        scores: (S,) scores of normal sessions that are as those to come.
        target_fpr: between 0 and 1, both excluded.
        of: what they are, for ``Threshold.method``.

    Raises:
        UserError: a ``target_fpr`` out of range, no score, or one that is no number.
    """
    check_target_fpr(target_fpr)
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        raise UserError("no validation session to fit a threshold on: give data.split a larger second share")
    count = len(values)
    if not np.isfinite(values).all():
        raise UserError(
            f"{np.count_nonzero(~np.isfinite(values)):,} of the scores of {count:,} {of} are no finite "
            "numbers: no threshold can be fitted to them"
        )
    if count * target_fpr >= FEWEST_BEYOND_QUANTILE:
        value = float(np.quantile(values, 1 - target_fpr, method="higher"))
        return Threshold(_just_above(value, values), f"empirical quantile of {count:,} {of}")
    tail = fit_tail(values)
    if tail is None:
        highest = _just_above(float(values.max()), values)
        return Threshold(highest, f"maximum of {count:,} {of}: no tail to fit")
    if tail.share <= target_fpr:  # most score the same: from the tail's start on there are few enough
        value = min(tail.start, float(np.quantile(values, 1 - target_fpr, method="higher")))
        above = np.count_nonzero(values > value)
        return Threshold(
            _just_above(value, values),
            f"empirical quantile of {count:,} {of}: {above:,} of them lie above it",
        )
    kind = "generalized Pareto" if tail.shape > 0 else "exponential"
    fitted = Threshold(
        tail.quantile(target_fpr),
        f"{kind} tail (shape {tail.shape:.2f}, scale {tail.scale:.3g}) fitted to {tail.num_exceedances} of "
        f"{count:,} {of}, too few for the quantile itself",
    )
    return fitted.at_least(values, target_fpr, of)


def _just_above(value: float, scores: NDArray[np.float64]) -> float:
    """A threshold that scores of ``value`` stay below, whatever their last bits, and higher ones exceed.

    Many sessions of a log are alike and score the same: with the score itself as the threshold, rounding
    would make alerts of all of them. A score of 0 is one of counts, and exact.
    """
    if value == 0:
        return value
    alike = scores[scores <= value + ROUNDING * max(abs(value), 1.0)].max()
    higher = scores[scores > alike]
    margin = ROUNDING * max(abs(alike), 1.0)
    return float(alike + (min(margin, (higher.min() - alike) / 2) if len(higher) else margin))


@dataclass(frozen=True)
class Calibration:
    """Turns a score into ``-log P(a normal session scores at least as high)``, in nats.

    The share counted at some KNOTS scores up to the tail's start and linear in between, beyond it the fitted
    tail, so that scores past all normals seen still differ. Many sessions of a log are alike and score the
    same: a share counted everywhere would jump there, and rounding in a network's last bit would move it.
    """

    values: NDArray[np.float64]  # (S,) sorted scores of normal sessions
    tail: Tail | None
    stepwise: bool = False  # counted everywhere: how checkpoints from before the knots were fitted

    @classmethod
    def fit(cls, scores: ArrayLike) -> Calibration:
        return cls(np.sort(np.asarray(scores, dtype=np.float64)), fit_tail(scores))

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        given = np.asarray(scores, dtype=np.float64)
        result = np.asarray(self._counted(given) if self.stepwise else np.interp(given, *self._knots))
        if self.tail is not None:
            beyond = given > self.tail.start
            result[beyond] = -self.tail.log_probability(given[beyond])
        else:
            result[given > self.values[-1]] = np.log(len(self.values) + 1)
        return result

    def _counted(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        at_least = len(self.values) - np.searchsorted(self.values, given, side="left")
        return -np.log(np.maximum(at_least, 1) / (len(self.values) + 1))

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(K,) scores and (K,) nats there; the last is where the tail starts, or the largest score."""
        top = self.values[-1] if self.tail is None else self.tail.start
        gap = (top - self.values[0]) / KNOTS
        places: list[float] = []
        for value in np.unique(self.values[self.values <= top - gap]).tolist() if gap else []:
            if not places or value >= places[-1] + gap:
                places.append(value)
        nats = self._counted(np.asarray([*places, top]))
        if self.tail is not None:
            nats[-1] = -np.log(self.tail.share)
        return np.asarray([*places, top]), nats

    def state(self) -> dict[str, Any]:
        return {
            "values": self.values.tolist(),
            "tail": None if self.tail is None else asdict(self.tail),
            "stepwise": self.stepwise,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Calibration:
        tail = state["tail"]
        values = np.asarray(state["values"])
        return cls(values, None if tail is None else Tail(**tail), state.get("stepwise", True))
