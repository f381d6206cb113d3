"""Log sessions as windows of keys that predict the next key; batches are gathered on the training device."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seqlab.data.batches import WindowBatch
from seqlab.data.loaders import IndexBatches, TokenLimit, batch_loader
from seqlab.data.log_sessions import LogSessions, ScoringPlan
from seqlab.data.module import BATCH_TOKENS
from seqlab.data.sequences import cut_lengths
from seqlab.data.windows import DistinctPairs, WindowIndex, check_windows, distinct_pairs, index_windows


class WindowDataset(Dataset[WindowBatch]):
    """Takes a (B,) tensor of numbers of runs, gives the WindowBatch of all their windows.

    A run is the windows of a session; with ``piece_length``, at most so many of them.

    The work per batch is one sort of the batch's pair numbers; the windows themselves were compared once,
    when ``pairs`` was made.
    """

    def __init__(
        self,
        index: WindowIndex,
        pairs: DistinctPairs,
        piece_length: int | None = None,
        *,
        deduplicate: bool,
        device: torch.device,
    ) -> None:
        self.deduplicate = deduplicate
        _, run_lengths = cut_lengths(index.num_targets, piece_length)
        self.num_windows = torch.from_numpy(run_lengths).to(device)  # (P,)
        self.first_window = self.num_windows.cumsum(0) - self.num_windows
        # int32 where it fits: half the bytes to sort and to gather
        self.pair_of_window = torch.from_numpy(pairs.pair_of_window).to(device)
        self.pair_context = torch.from_numpy(pairs.pair_context).to(device)
        self.pair_target = torch.from_numpy(pairs.pair_target).to(device)
        self.contexts = torch.from_numpy(pairs.contexts).to(device)
        self.pair_delay = None if pairs.pair_delay is None else torch.from_numpy(pairs.pair_delay).to(device)

    def __getitem__(self, runs: Tensor) -> WindowBatch:
        runs = runs.to(self.num_windows.device)
        lengths = self.num_windows[runs]
        before = lengths.cumsum(0) - lengths
        windows = torch.repeat_interleave(self.first_window[runs] - before, lengths)
        windows += torch.arange(len(windows), device=windows.device)
        pairs = self.pair_of_window[windows]
        if self.deduplicate:
            pairs, count = torch.unique(pairs, return_counts=True)
        else:
            count = torch.ones(len(pairs), device=pairs.device)
        pairs = pairs.long()
        context = self.pair_context[pairs]
        row = torch.arange(len(pairs), device=pairs.device)
        if self.deduplicate:
            context, row = torch.unique_consecutive(context, return_inverse=True)
        return WindowBatch(
            self.contexts[context].long(),
            row,
            self.pair_target[pairs],
            count.float(),
            None if self.pair_delay is None else self.pair_delay[pairs],
        )


def window_training_loader(
    dataset: WindowDataset, window_size: int, batch_size: int, batch_tokens: int, seed: int
) -> DataLoader:
    """``batch_size`` runs of windows at a time, in a new order each epoch."""
    sizes = dataset.num_windows.cpu() * window_size
    limit = TokenLimit(sizes, batch_tokens)
    return batch_loader(dataset, IndexBatches(len(sizes), batch_size, seed=seed, limit=limit))


class DistinctWindowDataset(Dataset[WindowBatch]):
    """Takes a (B,) tensor of consecutive context numbers, gives them with all pairs that read them."""

    def __init__(self, pairs: DistinctPairs, device: torch.device) -> None:
        num_contexts = len(pairs.contexts)
        bounds = np.searchsorted(pairs.pair_context, np.arange(num_contexts + 1))
        counts = np.bincount(pairs.pair_of_window, minlength=pairs.num_pairs)
        self.first_pair = torch.from_numpy(bounds)
        self.pair_context = torch.from_numpy(pairs.pair_context).to(device)
        self.pair_target = torch.from_numpy(pairs.pair_target).to(device)
        self.pair_count = torch.from_numpy(counts).float().to(device)
        self.contexts = torch.from_numpy(pairs.contexts).to(device)
        self.pair_delay = None if pairs.pair_delay is None else torch.from_numpy(pairs.pair_delay).to(device)

    def __getitem__(self, contexts: Tensor) -> WindowBatch:
        first, end = int(contexts[0]), int(contexts[-1]) + 1
        pairs = slice(int(self.first_pair[first]), int(self.first_pair[end]))
        return WindowBatch(
            self.contexts[first:end].long(),
            self.pair_context[pairs] - first,
            self.pair_target[pairs],
            self.pair_count[pairs],
            None if self.pair_delay is None else self.pair_delay[pairs],
        )


def window_scoring_plan(
    index: WindowIndex,
    pairs: DistinctPairs,
    batch_size: int,
    device: torch.device,
    batch_tokens: int = BATCH_TOKENS,
) -> ScoringPlan:
    """Each distinct context of a split once, at most ``batch_size`` of them at a time."""
    limit = TokenLimit(torch.full((len(pairs.contexts),), index.window_size), batch_tokens)
    batches = IndexBatches(len(pairs.contexts), batch_size, seed=0, shuffle=False, limit=limit)
    return ScoringPlan(
        loader=batch_loader(DistinctWindowDataset(pairs, device), batches),
        piece_target=pairs.pair_target,
        piece_of_event=pairs.pair_of_window,
        offsets=np.concatenate(([0], np.cumsum(index.num_targets))),
        first_key=index.first_key,
        num_distinct=len(pairs.contexts),
        device=device,
    )


class SessionWindows(LogSessions):
    """Windows of ``window_size`` keys and the key that comes next (Du et al., DeepLog, CCS 2017).

    Windows of a session longer than ``piece_length`` may be in several batches; nothing else changes.
    """

    batch_type: ClassVar[type] = WindowBatch
    train_unit: ClassVar[str] = "windows"

    def __init__(
        self, *, window_size: int = 16, context: str = "from_start", times: bool = False, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.times = times
        check_windows(window_size, context)
        self.window_size = window_size
        self.context = context

    def index(self, split: str) -> tuple[WindowIndex, DistinctPairs]:
        """The windows of a split and the distinct pairs among them."""
        sessions = self.sessions(split)
        index = index_windows(
            self.tokens(split),
            sessions.lengths,
            self.vocabulary,
            self.window_size,
            self.context,
            sessions.delays,
        )
        return index, distinct_pairs(index, len(self.vocabulary))

    def train_dataloader(self) -> DataLoader:
        index, pairs = self.index("train")
        self._distinct = (
            f"{index.num_windows:,}; {len(pairs.contexts):,} distinct, {pairs.num_pairs:,} with the next key"
        )
        run = self.piece_length
        dataset = WindowDataset(index, pairs, run, deduplicate=self.deduplicate, device=self.device)
        return window_training_loader(
            dataset, self.window_size, self.training_batch_size(), self.batch_tokens, self.seed
        )

    def _make_plan(self, split: str) -> ScoringPlan:
        index, pairs = self.index(split)
        return window_scoring_plan(index, pairs, self.scoring_batch_size, self.device, self.batch_tokens)

    def state(self) -> dict[str, Any]:
        return super().state() | {"window_size": self.window_size, "context": self.context}
