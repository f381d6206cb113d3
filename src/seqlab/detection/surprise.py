"""How surprising each event of some sessions was, and the scores of sessions that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.errors import UserError
from seqlab.progress import track

if TYPE_CHECKING:
    from seqlab.data.log_sessions import ScoringPlan
    from seqlab.tasks.base import EventScores, SequenceTask

# Nats. A key that training never showed has no trained probability: it is set above all that have one.
UNSEEN_NLL = 100.0
LARGEST_SEEN_NLL = 99.0
TILT = 0.75  # of `cusum`: between 0, where any surprise adds up, and 1, where only stray events do


@dataclass(frozen=True)
class EventSurprise:
    """M predicted events of S sessions; session s owns ``[offsets[s]:offsets[s + 1]]``."""

    nll: NDArray[np.float32]  # (M,) nats, background included; UNSEEN_NLL for an event unseen in training
    model_nll: NDArray[np.float32]  # (M,) nats, of the network alone; with that of the delay where it is read
    rank: NDArray[np.int64]  # (M,) 1 for the event held most likely; vocabulary size + 1 for an unseen one
    unseen: NDArray[np.bool_]  # (M,)
    offsets: NDArray[np.int64]  # (S + 1,)
    first_key: NDArray[np.int64]  # (S,) place in its session of the first event predicted
    delay_nll: NDArray[np.float32] | None = None  # (M,) nats, of each event's delay; None where none are read
    novelty: NDArray[np.float64] | None = None  # (S,) nats, of parameters; None where none are read

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def mean_loss(self) -> float:
        """Mean NLL in nats of all events seen in training, by the network alone: the loss of training."""
        return float(self.model_nll[~self.unseen].mean(dtype=np.float64)) if (~self.unseen).any() else 0.0

    @property
    def mean_accuracy(self) -> float:
        """Share of right first guesses among events seen in training."""
        return float((self.rank[~self.unseen] == 1).mean()) if (~self.unseen).any() else 0.0

    def totals(self) -> NDArray[np.float64]:
        """(3, S) what ``mean_loss`` and ``mean_accuracy`` add up: NLL, right first guesses, events."""
        counted = ~self.unseen
        each = np.stack([self.model_nll * counted, (self.rank == 1) & counted, counted])
        return np.add.reduceat(each, self.offsets[:-1], axis=1, dtype=np.float64)

    def has_unseen(self) -> NDArray[np.bool_]:
        """(S,) True where a session holds an event that training never showed."""
        return np.logical_or.reduceat(self.unseen, self.offsets[:-1])

    def without_unseen(self) -> EventSurprise:
        """The same with no surprise at events that training never showed: no network learned any of them."""
        return replace(
            self,
            nll=np.where(self.unseen, np.float32(0), self.nll),
            rank=np.where(self.unseen, 1, self.rank),
        )

    def take(self, sessions: NDArray[np.int64]) -> EventSurprise:
        """Those of (K,) sessions, in their order."""
        lengths = np.diff(self.offsets)[sessions]
        events = segment_indices(self.offsets[sessions], lengths)
        return EventSurprise(
            self.nll[events],
            self.model_nll[events],
            self.rank[events],
            self.unseen[events],
            np.concatenate(([0], np.cumsum(lengths))),
            self.first_key[sessions],
            None if self.delay_nll is None else self.delay_nll[events],
            None if self.novelty is None else self.novelty[sessions],
        )

    def worst_event(self) -> NDArray[np.int64]:
        """(S,) place in its session of the first event with the highest NLL; 0 is the first key."""
        highest = np.repeat(nll_max(self), np.diff(self.offsets))
        hits = np.flatnonzero(self.nll == highest)
        first_hit = hits[np.searchsorted(hits, self.offsets[:-1])]
        return first_hit - self.offsets[:-1] + self.first_key


def surprise(
    task: SequenceTask, plan: ScoringPlan, vocabulary: Vocabulary, pseudo_sessions: float = 1.0
) -> EventSurprise:
    """Run the network once per distinct piece of a split and spread the outputs over its sessions.

    Args:
        pseudo_sessions: imagined sessions of stray events beside those of training: see ``with_background``.
    """
    import torch  # here, so that scores of an exported network need no torch

    task.to(plan.device).eval()  # Lightning leaves a trained module on the CPU
    with torch.inference_mode():
        parts: list[EventScores] = [task.predict_step(batch, 0) for batch in track(plan.loader, "judging")]

    def joined(name: str) -> NDArray:
        values = torch.cat([getattr(part, name) for part in parts]).cpu()
        return (values.float() if values.is_floating_point() else values).numpy()

    model_nll = joined("nll")
    nll, rank, unseen = judged_events(
        model_nll, joined("rank") + 1, plan.piece_target, vocabulary, pseudo_sessions
    )
    delay_nll = None
    if parts and parts[0].delay_loss is not None:
        model_nll = model_nll + joined("delay_loss")
        delay_nll = judged_delays(joined("delay_nll"), unseen, vocabulary)
    events = plan.piece_of_event
    return EventSurprise(
        nll[events],
        model_nll[events],
        rank[events],
        unseen[events],
        plan.offsets,
        plan.first_key,
        None if delay_nll is None else delay_nll[events],
    )


def judged_events(
    model_nll: NDArray[np.float32],
    model_rank: NDArray[np.int64],
    targets: NDArray[np.int64],
    vocabulary: Vocabulary,
    pseudo_sessions: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """(P,) NLL in nats with background, (P,) rank and (P,) whether unseen, from what the network said.

    Args:
        model_nll: (P,) nats.
        model_rank: (P,) 1 for the event held most likely.
        targets: (P,) token ids.

    Raises:
        UserError: the network gives no number for some event.
    """
    lost = np.count_nonzero(np.isnan(model_nll))
    if lost:
        raise UserError(
            f"the network gives NaN, not a number, for {lost:,} of {len(model_nll):,} events: its weights "
            "are broken, mostly by training that diverged; train again with a lower optimizer.lr"
        )
    unseen = targets == vocabulary.unk
    nll = with_background(model_nll, targets, vocabulary, pseudo_sessions)
    nll = np.where(unseen, np.float32(UNSEEN_NLL), np.minimum(nll, np.float32(LARGEST_SEEN_NLL)))
    return nll, np.where(unseen, len(vocabulary) + 1, model_rank), unseen


def with_background(
    nll: NDArray[np.float32], targets: NDArray[np.int64], vocabulary: Vocabulary, pseudo_sessions: float
) -> NDArray[np.float32]:
    """(P,) NLL under the network's prediction interpolated with an even background of stray events.

    ``p'(event) = (1 - w) p(event) + w f(event)`` with ``w = pseudo_sessions / (training sessions +
    pseudo_sessions)`` (Jelinek and Mercer, 1980), ``f`` the same for every key and for the end. Networks call
    events one in a million that thousands of sessions cannot vouch for: with one imagined session among the N
    of training no event is less likely than ``f / (N + 1)``.

    Args:
        nll: (P,) nats.
        targets: (P,) token ids.
        pseudo_sessions: 0 takes the network at its word.
    """
    follows = np.ones(len(vocabulary))  # what can come next: keys and the end
    follows[[vocabulary.pad, vocabulary.bos, vocabulary.unk]] = 0
    weight = pseudo_sessions / (vocabulary.num_sessions + pseudo_sessions)
    with np.errstate(divide="ignore"):
        stray = np.log(weight * (follows / follows.sum()))[targets]
    return np.maximum(-np.logaddexp(np.log1p(-weight) - nll, stray), 0).astype(np.float32)


def judged_delays(
    tails: NDArray[np.float32], unseen: NDArray[np.bool_], vocabulary: Vocabulary
) -> NDArray[np.float32]:
    """(P,) ``-log P(a delay at least as long)`` in nats, no rarer than one among all D delays of training.

    ``p' = (D p + 1) / (D + 1)``. Before an event that training never showed no delay is unusual.

    Args:
        tails: (P,) nats, of the network alone.
        unseen: (P,) events that training never showed.
    """
    delays = max(sum(vocabulary.counts[len(SPECIAL_TOKENS) :]) - vocabulary.num_sessions, 1)
    found = -np.logaddexp(np.log(delays) - tails, 0) + np.log(delays + 1)
    return np.where(unseen, 0, np.maximum(found, 0)).astype(np.float32)


def nll_max(events: EventSurprise) -> NDArray[np.float32]:
    """(S,) NLL in nats of the most surprising event."""
    return np.maximum.reduceat(events.nll, events.offsets[:-1])


def nll_mean(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) mean NLL per event, in nats; of an autoencoder this is the reconstruction error."""
    return np.add.reduceat(events.nll.astype(np.float64), events.offsets[:-1]) / np.diff(events.offsets)


def error_share(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) share of events that were not the network's first guess."""
    wrong = (events.rank > 1).astype(np.float64)
    return np.add.reduceat(wrong, events.offsets[:-1]) / np.diff(events.offsets)


def worst_rank(events: EventSurprise) -> NDArray[np.int64]:
    """(S,) worst rank of a true event (Du et al., DeepLog, CCS 2017: abnormal when it exceeds g)."""
    return np.maximum.reduceat(events.rank, events.offsets[:-1])


def time_max(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) ``-log min(1, n p)`` of the least likely of n waits, p of ``delay_nll``; n is Bonferroni's."""
    if events.delay_nll is None:
        raise UserError("time_max scores the time between events: train with data.times=true")
    longest = np.maximum.reduceat(events.delay_nll.astype(np.float64), events.offsets[:-1])
    return np.maximum(longest - np.log(np.diff(events.offsets)), 0)


def parameter_max(events: EventSurprise) -> NDArray[np.float64]:
    """(S,) nats of the newest value of a parameter: see ``ParameterNovelty.score``."""
    if events.novelty is None:
        raise UserError("parameter_max scores the values of parameters: train with data.parameters=true")
    return events.novelty


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
    (Biometrika 1954), as a scan over stretches of every length. A normal session has about ``T exp(-x)``
    stretches that reach x (Karlin and Altschul, PNAS 1990, equation 4): less log T, sessions of every length
    compare.

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
PARTS = (*MODEL_SCORES, "count_cost")  # what `combined` can join
SCORES = (*MODEL_SCORES, "count_distance", "count_cost", "combined")


def check_names(setting: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise UserError for no name, a name twice, or one that does not exist."""
    for name in names:
        if name not in known:
            raise UserError(f"detection.{setting}: {name!r}: choose from {', '.join(known)}")
    if not names or len(set(names)) < len(names):
        raise UserError(f"detection.{setting}={list(names)}: give one or more scores, each once")
