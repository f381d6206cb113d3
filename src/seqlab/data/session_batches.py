"""Gathering padded SessionBatches, each distinct session of a batch once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import SessionBatch
from seqlab.data.module import IndexBatches, batch_loader
from seqlab.data.scoring import ScoringPlan
from seqlab.data.sequences import segment_indices
from seqlab.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class DistinctSessions:
    """The D distinct token sequences of S sessions, EOS appended, sorted by length."""

    stream: NDArray[np.integer]  # (M,) the distinct sequences, one after the other
    first_token: NDArray[np.int64]  # (D,)
    lengths: NDArray[np.int64]  # (D,) EOS counted
    distinct_of_session: NDArray[np.int64]  # (S,)

    def __len__(self) -> int:
        return len(self.lengths)


def distinct_sessions(
    tokens: NDArray[np.integer], lengths: NDArray[np.int64], vocabulary: Vocabulary
) -> DistinctSessions:
    """Find equal sessions; one dictionary look-up per session.

    Args:
        tokens: (N,) ids of all sessions, one after the other.
        lengths: (S,) tokens per session, EOS not counted.
    """
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    numbers: dict[bytes, int] = {}
    raw, size = tokens.tobytes(), tokens.dtype.itemsize
    bounds = (offsets * size).tolist()
    found = [numbers.setdefault(raw[start:end], len(numbers)) for start, end in pairwise(bounds)]
    of_session = np.asarray(found, dtype=np.int64)
    example = np.zeros(len(numbers), dtype=np.int64)
    example[of_session[::-1]] = np.arange(len(lengths))[::-1]  # the first session of each kind
    order = np.argsort(lengths[example], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    example = example[order]
    with_end = lengths[example] + 1
    first = np.cumsum(with_end) - with_end
    stream = np.full(int(with_end.sum()), vocabulary.eos, dtype=tokens.dtype)
    stream[segment_indices(first, lengths[example])] = tokens[
        segment_indices(offsets[example], lengths[example])
    ]
    return DistinctSessions(stream, first, with_end, place[of_session])


class PaddedDataset(Dataset[SessionBatch]):
    """Takes a (B,) tensor of session numbers, gives their SessionBatch.

    With ``by_distinct``, the numbers are those of distinct sessions, and ``session_count`` is how often each
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
        self.of_session = torch.from_numpy(distinct.distinct_of_session).to(device)
        self.count = torch.bincount(self.of_session, minlength=len(distinct)).float()

    def __getitem__(self, sessions: Tensor) -> SessionBatch:
        sessions = sessions.to(self.stream.device)
        if self.by_distinct:
            return self._gather(sessions, self.count[sessions])
        rows = self.of_session[sessions]
        if not self.deduplicate:
            return self._gather(rows, torch.ones(len(rows), device=rows.device))
        rows, count = torch.unique(rows, return_counts=True)
        return self._gather(rows, count.float())

    def _gather(self, rows: Tensor, count: Tensor) -> SessionBatch:
        lengths = self.lengths[rows]
        steps = torch.arange(int(lengths.max()), device=rows.device)
        mask = steps < lengths[:, None]
        places = (self.first_token[rows][:, None] + steps).clamp_(max=len(self.stream) - 1)
        source = self.stream[places].long().masked_fill_(~mask, self.vocabulary.pad)
        decoder_input = torch.empty_like(source)
        decoder_input[:, 0] = self.vocabulary.bos
        decoder_input[:, 1:] = source[:, :-1].masked_fill(~mask[:, 1:], self.vocabulary.pad)
        return SessionBatch(source, decoder_input, lengths, mask, count)


def session_scoring_plan(
    distinct: DistinctSessions, vocabulary: Vocabulary, batch_size: int, device: torch.device
) -> ScoringPlan:
    """Each distinct session of a split once, similar lengths together."""
    dataset = PaddedDataset(distinct, vocabulary, deduplicate=True, by_distinct=True, device=device)
    batches = IndexBatches(len(distinct), batch_size, seed=0, shuffle=False)
    lengths = distinct.lengths[distinct.distinct_of_session]
    return ScoringPlan(
        loader=batch_loader(dataset, batches),
        piece_target=distinct.stream.astype(np.int64),
        piece_of_event=segment_indices(distinct.first_token[distinct.distinct_of_session], lengths),
        offsets=np.concatenate(([0], np.cumsum(lengths))),
        first_key=np.zeros(len(lengths), dtype=np.int64),
        num_distinct=len(distinct),
        device=device,
    )
