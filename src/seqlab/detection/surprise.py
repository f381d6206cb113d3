"""How surprising each event of a split was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.errors import UserError

if TYPE_CHECKING:
    from seqlab.data.log_sessions import ScoringPlan
    from seqlab.tasks.base import EventScores, SequenceTask

# Nats. A key that training never showed has no trained probability: it is set above all that have one.
UNSEEN_NLL = 100.0
LARGEST_SEEN_NLL = 99.0


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
        highest = np.repeat(np.maximum.reduceat(self.nll, self.offsets[:-1]), np.diff(self.offsets))
        hits = np.flatnonzero(self.nll == highest)
        first_hit = hits[np.searchsorted(hits, self.offsets[:-1])]
        return first_hit - self.offsets[:-1] + self.first_key


def surprise(
    task: SequenceTask,
    plan: ScoringPlan,
    vocabulary: Vocabulary,
    pseudo_sessions: float = 1.0,
) -> EventSurprise:
    """Run the network once per distinct piece of a split and spread the outputs over its sessions.

    Args:
        pseudo_sessions: how many imagined sessions of stray events join the training sessions: see
            ``with_background``. 0 takes the network at its word.
    """
    import torch  # here, so that scores of an exported network need no torch

    task.to(plan.device).eval()  # Lightning leaves a trained module on the CPU
    with torch.inference_mode():
        parts: list[EventScores] = [task.predict_step(batch, 0) for batch in plan.loader]
    model_nll = torch.cat([part.nll for part in parts]).float().cpu().numpy()
    rank = torch.cat([part.rank for part in parts]).cpu().numpy() + 1
    nll, rank, unseen = judged_events(model_nll, rank, plan.piece_target, vocabulary, pseudo_sessions)
    delay_nll = None
    if parts and parts[0].delay_loss is not None:
        losses, tails = (
            torch.cat([getattr(part, name) for part in parts]).float().cpu().numpy()
            for name in ("delay_loss", "delay_nll")
        )
        model_nll = model_nll + losses
        delay_nll = judged_delays(tails, unseen, vocabulary)
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


def judged_delays(
    tails: NDArray[np.float32], unseen: NDArray[np.bool_], vocabulary: Vocabulary
) -> NDArray[np.float32]:
    """(P,) ``-log P(a delay at least as long)`` in nats, with one imagined delay beside those of training.

    ``p' = (D p + 1) / (D + 1)`` with D delays in training: no network knows of a delay that it is rarer than
    one in all that it has seen. Before an event that training never showed no delay is unusual.

    Args:
        tails: (P,) nats, of the network alone.
        unseen: (P,) events that training never showed.
    """
    delays = max(sum(vocabulary.counts[len(SPECIAL_TOKENS) :]) - vocabulary.num_sessions, 1)
    found = -np.logaddexp(np.log(delays) - tails, 0) + np.log(delays + 1)
    return np.where(unseen, 0, np.maximum(found, 0)).astype(np.float32)


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
    nll: NDArray[np.float32],
    targets: NDArray[np.int64],
    vocabulary: Vocabulary,
    pseudo_sessions: float,
) -> NDArray[np.float32]:
    """NLL under the network's prediction interpolated with the background that stray events come from.

    ``p'(event) = (1 - w) p(event) + w f(event)`` with ``w = pseudo_sessions / (training sessions +
    pseudo_sessions)`` (Jelinek & Mercer, 1980), ``f`` the same for every key and for the end. A network is
    happy to call an event one in a million that thousands of sessions cannot vouch for: with one imagined
    session among the N of training, no event is less likely than ``f / (N + 1)``.

    Args:
        nll: (P,) nats.
        targets: (P,) token ids.
    """
    weight = pseudo_sessions / (vocabulary.num_sessions + pseudo_sessions)
    with np.errstate(divide="ignore"):
        stray = np.log(weight * _even_shares(vocabulary))[targets]
    return np.maximum(-np.logaddexp(np.log1p(-weight) - nll, stray), 0).astype(np.float32)


def _even_shares(vocabulary: Vocabulary) -> NDArray[np.float64]:
    """(V,) the same share for each key and for EOS; nothing else can follow."""
    follows = np.ones(len(vocabulary))
    follows[[vocabulary.pad, vocabulary.bos, vocabulary.unk]] = 0
    return follows / follows.sum()
