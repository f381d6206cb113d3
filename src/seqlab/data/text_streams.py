"""Two ways through a text: contiguous streams with carried state, and overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from seqlab.data.batches import TextBatch
from seqlab.data.loaders import rows_of_rank
from seqlab.data.vocabulary import SPECIAL
from seqlab.errors import UserError


class StreamSteps(NamedTuple):
    """Which steps of all streams a batch holds."""

    start: int
    end: int
    is_start: Tensor  # (streams of all processes,) bool: no state is carried into the stream's steps


class StreamDataset(Dataset[TextBatch]):
    """A text of N tokens cut into B contiguous streams, each read T tokens at a time.

    The B streams together hold every token of the text once; the last one may end in padding. A batch goes
    on where the one before ended, so that a carried state remembers all that its stream held.

    Args:
        tokens: (N,) int64.
        num_streams: B; fewer where the text is so short that a stream would have no token.
        seq_length: T, at most; gradients reach no further back.
    """

    def __init__(self, tokens: Tensor, num_streams: int, seq_length: int) -> None:
        num_targets = len(tokens) - 1
        num_streams = min(num_streams, num_targets)
        length = -(-num_targets // num_streams)
        num_streams = -(-num_targets // length)
        places = torch.arange(num_streams, device=tokens.device)[:, None] * length + torch.arange(
            length, device=tokens.device
        )
        is_real = places < num_targets
        places = places.clamp(max=num_targets - 1)
        self.inputs = tokens[places]  # (B, L)
        self.targets = tokens[places + 1].masked_fill(~is_real, SPECIAL.pad)  # (B, L)
        self.streams = torch.arange(num_streams)  # (B,) which of all streams these are
        self.num_streams = num_streams  # of all processes
        self.seq_length = seq_length

    def shared(self) -> StreamDataset:
        """This process's share of the streams, where several train together."""
        self.streams = rows_of_rank(self.streams, "data.num_streams")
        self.inputs, self.targets = self.inputs[self.streams], self.targets[self.streams]
        return self

    def __len__(self) -> int:
        return math.ceil(self.inputs.shape[1] / self.seq_length)

    def __getitem__(self, batch: StreamSteps) -> TextBatch:
        """Steps ``start`` to ``end`` of these streams."""
        steps = slice(batch.start, batch.end)
        is_start = batch.is_start[self.streams].to(self.inputs.device)
        return TextBatch(self.inputs[:, steps], self.targets[:, steps], is_start)


class StreamBatches(Sampler[StreamSteps]):
    """The batches of a StreamDataset from first to last.

    All streams begin an epoch from no state, and each also begins any other batch so with probability
    ``restart``: a network that hardly ever begins from nothing writes noise where no text stands before.

    With ``shift`` the first batch of an epoch is shorter by a number drawn from seed and epoch, so that
    gradients are not cut at the same places in every epoch. Every epoch has as many batches: Lightning counts
    them once.

    What is drawn depends on seed and epoch alone, and is drawn for the streams of all processes.
    """

    def __init__(self, dataset: StreamDataset, *, seed: int, shift: bool, restart: float = 0.0) -> None:
        self.length = dataset.inputs.shape[1]
        self.num_streams = dataset.num_streams
        self.seq_length = dataset.seq_length
        self.seed = seed
        self.shift = shift
        self.restart = restart
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return 1 + math.ceil(max(self.length - self._first_range()[0], 0) / self.seq_length)

    def _first_range(self) -> tuple[int, int]:
        """Least and largest first batch that give as many batches; at least half a batch, but for noise."""
        whole, rest = self.seq_length, self.length % self.seq_length
        if not self.shift or self.length <= whole:
            return whole, whole
        least = whole // 2 + 1
        # a first batch below `rest` leaves one batch more than one of at least `rest`
        ranges = [(least, rest - 1), (max(least, rest), whole)] if rest else [(least, whole - 1)]
        best = max(ranges, key=lambda ends: ends[1] - ends[0])
        return best if best[0] <= best[1] else (whole, whole)

    def __iter__(self) -> Iterator[StreamSteps]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        least, most = self._first_range()
        end = min(int(torch.randint(least, most + 1, (), generator=generator)), self.length)
        yield StreamSteps(0, end, torch.ones(self.num_streams, dtype=torch.bool))
        while end < self.length:
            is_start = torch.rand(self.num_streams, generator=generator) < self.restart
            yield StreamSteps(end, min(end + self.seq_length, self.length), is_start)
            end += self.seq_length


class WindowDataset(Dataset[TextBatch]):
    """Overlapping windows of a text, each read from a zero state: (B,) starts to a batch."""

    def __init__(self, tokens: Tensor, window_size: int, stride: int) -> None:
        if len(tokens) <= window_size:
            raise UserError(
                f"data.window_size={window_size}: the text has {len(tokens)} tokens; a window and the token "
                f"after it need {window_size + 1}. Give at most {len(tokens) - 1}"
            )
        self.windows = tokens.unfold(0, window_size + 1, stride)  # (N, W + 1), a view

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, rows: Tensor) -> TextBatch:
        windows = self.windows[rows.to(self.windows.device)]
        is_start = torch.ones(len(rows), dtype=torch.bool, device=windows.device)
        return TextBatch(windows[:, :-1], windows[:, 1:], is_start)
