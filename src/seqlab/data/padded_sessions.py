"""Whole log sessions, padded to the longest of their batch; each distinct session of a batch runs once."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seqlab.data.batches import SessionBatch
from seqlab.data.loaders import IndexBatches, TokenLimit, batch_loader
from seqlab.data.log_sessions import LogSessions, ScoringPlan
from seqlab.data.module import BATCH_TOKENS
from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import DistinctSessions, distinct_sessions

# Numbers that a token has for the longest session or the vocabulary, before it counts as more than one.
CELLS_PER_TOKEN = 128


class PaddedDataset(Dataset[SessionBatch]):
    """Takes a (B,) tensor of numbers of pieces, gives their SessionBatch.

    With ``by_distinct``, the numbers are those of distinct pieces, and ``session_count`` is how often each
    is in the split.
    """

    def __init__(
        self,
        distinct: DistinctSessions,
        vocabulary: Vocabulary,
        *,
        deduplicate: bool,
        by_distinct: bool,
        device: torch.device,
    ) -> None:
        self.vocabulary = vocabulary
        self.deduplicate = deduplicate
        self.by_distinct = by_distinct
        self.stream = torch.from_numpy(distinct.stream).to(device)
        self.first_token = torch.from_numpy(distinct.first_token).to(device)
        self.lengths = torch.from_numpy(distinct.lengths).to(device)
        self.of_piece = torch.from_numpy(distinct.distinct_of_piece).to(device)
        self.count = torch.bincount(self.of_piece, minlength=len(distinct)).float()

    def __getitem__(self, pieces: Tensor) -> SessionBatch:
        rows = pieces.to(self.stream.device)
        count = self.count[rows] if self.by_distinct else torch.ones(len(rows), device=rows.device)
        if not self.by_distinct:
            rows = self.of_piece[rows]
            if self.deduplicate:
                rows, count = torch.unique(rows, return_counts=True)
        lengths = self.lengths[rows]
        steps = torch.arange(int(lengths.max()), device=rows.device)
        mask = steps < lengths[:, None]
        places = (self.first_token[rows][:, None] + steps).clamp_(max=len(self.stream) - 1)
        source = self.stream[places].long().masked_fill_(~mask, self.vocabulary.pad)
        decoder_input = torch.empty_like(source)
        decoder_input[:, 0] = self.vocabulary.bos
        decoder_input[:, 1:] = source[:, :-1].masked_fill(~mask[:, 1:], self.vocabulary.pad)
        return SessionBatch(source, decoder_input, lengths, mask, count.float())


def token_limit(lengths: NDArray[np.int64], vocab_size: int, batch_tokens: int) -> TokenLimit:
    """Of batches of sessions with the given (N,) lengths.

    Each token gets a number for every key, and with attention one for every token of its session: where these
    are more than CELLS_PER_TOKEN, it counts as more than one.
    """
    cells = np.maximum(lengths, max(vocab_size, CELLS_PER_TOKEN))
    return TokenLimit(torch.from_numpy(lengths * cells // CELLS_PER_TOKEN), batch_tokens)


def session_training_loader(
    dataset: PaddedDataset, batch_size: int, batch_tokens: int, seed: int, *, bucketing: bool
) -> DataLoader:
    """``batch_size`` pieces at a time, in a new order each epoch; with ``bucketing`` of similar length."""
    lengths = dataset.lengths[dataset.of_piece].cpu()
    limit = token_limit(lengths.numpy(), len(dataset.vocabulary), batch_tokens)
    by = lengths if bucketing else None
    batches = IndexBatches(len(lengths), batch_size, seed=seed, lengths=by, limit=limit)
    return batch_loader(dataset, batches)


def session_scoring_plan(
    distinct: DistinctSessions,
    vocabulary: Vocabulary,
    batch_size: int,
    device: torch.device,
    batch_tokens: int = BATCH_TOKENS,
) -> ScoringPlan:
    """Each distinct piece of a split once, similar lengths together."""
    dataset = PaddedDataset(distinct, vocabulary, deduplicate=True, by_distinct=True, device=device)
    limit = token_limit(distinct.lengths, len(vocabulary), batch_tokens)
    batches = IndexBatches(len(distinct), batch_size, seed=0, shuffle=False, limit=limit)
    lengths = distinct.session_lengths
    first_token = distinct.first_token[distinct.distinct_of_piece]
    return ScoringPlan(
        loader=batch_loader(dataset, batches),
        piece_target=distinct.stream.astype(np.int64),
        piece_of_event=segment_indices(first_token, distinct.piece_lengths),
        offsets=np.concatenate(([0], np.cumsum(lengths))),
        first_key=np.zeros(len(lengths), dtype=np.int64),
        num_distinct=len(distinct),
        device=device,
    )


class PaddedSessions(LogSessions):
    """Whole sessions, padded to the longest of their batch.

    A session longer than ``piece_length`` is read in pieces, each as if a session of its own, and scored by
    the tokens of all: a state of fixed size does not hold it, and attention costs the square of its length.

    Args:
        bucketing: batches of sessions of similar length, so that little of a batch is padding.
        **settings: those of LogSessions.
    """

    batch_type: ClassVar[type] = SessionBatch
    train_unit: ClassVar[str] = "tokens"

    def __init__(self, *, bucketing: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self.bucketing = bucketing

    def distinct(self, split: str) -> DistinctSessions:
        """The distinct sessions of a split, long ones in pieces."""
        lengths = self.sessions(split).lengths
        return distinct_sessions(self.tokens(split), lengths, self.vocabulary, self.piece_length)

    def train_dataloader(self) -> DataLoader:
        distinct = self.distinct("train")
        self._distinct = (
            f"{int(distinct.piece_lengths.sum()):,} with ends; "
            f"{len(distinct.lengths):,} distinct sessions with {int(distinct.lengths.sum()):,}"
        )
        dataset = PaddedDataset(
            distinct, self.vocabulary, deduplicate=self.deduplicate, by_distinct=False, device=self.device
        )
        how = self.training_batch_size(), self.batch_tokens, self.seed
        return session_training_loader(dataset, *how, bucketing=self.bucketing)

    def _make_plan(self, split: str) -> ScoringPlan:
        how = self.scoring_batch_size, self.device, self.batch_tokens
        return session_scoring_plan(self.distinct(split), self.vocabulary, *how)
