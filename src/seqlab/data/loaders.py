"""Loaders: which items make a batch, which rank takes which of them, where an epoch goes on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader, Dataset, Sampler

from seqlab.errors import UserError


def rank_and_world_size() -> tuple[int, int]:
    """This process's rank and the number of processes; (0, 1) outside a process group."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def world_size() -> int:
    """The number of processes that train together."""
    return rank_and_world_size()[1]


def rows_of_rank(items: Tensor, what: str) -> Tensor:
    """This rank's rows of (B, ...) items: rank r of N takes r, r + N, r + 2 N, ...

    ``batch_size`` counts the items of all ranks together, so the number of processes changes no step.

    Args:
        what: the setting to enlarge where there are too few.

    Raises:
        UserError: fewer items than processes.
    """
    rank, size = rank_and_world_size()
    if len(items) < size:
        raise UserError(
            f"{what}: {len(items)} for {size} processes; give at least as many, or fewer processes"
        )
    return items[rank::size]


class TokenLimit(NamedTuple):
    """How large a batch may be: items times the longest of them, so padding counts."""

    sizes: Tensor  # (N,) int64, tokens of each item
    most: int  # data.batch_tokens


class IndexBatches(Sampler[Tensor]):
    """Batches of item numbers, in a new order each epoch; the order depends on seed and epoch alone.

    With ``lengths``, items of similar length share a batch: items are shuffled, sorted by length (ties stay
    shuffled), cut into batches, and the batches shuffled.

    With ``limit``, no batch of several items has more tokens. Where ``batch_size`` of the longest items
    would not fit, shuffled items are sorted by size, so that every epoch has as many batches.

    Shuffled batches are for training: with several processes, each rank takes its rows of every batch.
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool = True,
        lengths: Tensor | None = None,
        limit: TokenLimit | None = None,
    ) -> None:
        if batch_size < 1:
            raise UserError(f"data.batch_size={batch_size}: a batch holds at least 1 item")
        if limit is not None and limit.most < 1:
            raise UserError(f"data.batch_tokens={limit.most}: a batch holds at least 1 token")
        self.num_items = num_items
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.lengths = lengths
        self.limit: TokenLimit | None = None  # None where all fit
        if limit is not None and (limit.sizes * min(batch_size, num_items) > limit.most).any():
            self.limit = limit
            self.lengths = limit.sizes if shuffle else lengths
        self.epoch = 0
        self._counts: dict[int, int] = {}  # batches of an epoch, by world size

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        size = world_size()
        if size not in self._counts:
            self._counts[size] = len(self._batches(torch.arange(self.num_items)))
        return self._counts[size]

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.arange(self.num_items)
        if not self.shuffle:
            yield from self._batches(order)
            return
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        batches = self._batches(order[torch.randperm(self.num_items, generator=generator)])
        if self.lengths is not None:
            picks = torch.randperm(len(batches), generator=generator).tolist()
            batches = [batches[pick] for pick in picks]
        for batch in batches:
            yield rows_of_rank(batch, f"data.batch_size={self.batch_size}")

    def _batches(self, order: Tensor) -> list[Tensor]:
        """The items of ``order`` in batches."""
        if not len(order):
            return []
        if self.lengths is not None:
            order = order[torch.sort(self.lengths[order], stable=True).indices]
        parts = self.batch_size if self.limit is None else self._counts_within(order, self.limit)
        batches = list(order.split(parts))
        if self.shuffle and len(batches) > 1 and len(batches[-1]) < world_size():  # fewer items than ranks
            return [*batches[:-2], torch.cat(batches[-2:])]
        return batches

    def _counts_within(self, order: Tensor, limit: TokenLimit) -> list[int]:
        """Items of each batch, which ends where one more would be too much; in training one for each rank."""
        fewest = world_size() if self.shuffle else 1
        counts, count, longest = [], 0, 0
        for size in limit.sizes[order].tolist():
            longest = max(longest, size)
            full = count == self.batch_size or longest * (count + 1) > limit.most
            if count >= fewest and full:
                counts.append(count)
                count, longest = 0, size
            count += 1
        return [*counts, count]


def batches_by_length(
    lengths: Tensor, batch_size: int, batch_tokens: int, *, seed: int, shuffle: bool = True
) -> IndexBatches:
    """Batches of items of similar length, at most ``batch_size`` items and ``batch_tokens`` tokens each."""
    limit = TokenLimit(lengths, batch_tokens)
    return IndexBatches(len(lengths), batch_size, seed=seed, shuffle=shuffle, lengths=lengths, limit=limit)


class ResumableBatches(Sampler[Any]):
    """The batches of another sampler; ``skip`` leaves out the first of them, once.

    The order of the other sampler depends on seed and epoch alone, so where it stands is one number.
    """

    def __init__(self, batches: Sampler[Any]) -> None:
        self.batches = batches
        self.skip = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.batches.set_epoch(epoch)  # type: ignore[attr-defined]

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return len(self.batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        skip, self.skip = self.skip, 0
        yield from islice(self.batches, skip, None)


class ResumableLoader(DataLoader):
    """A loader that Lightning takes for one that can resume in the middle of an epoch.

    Only the training loop knows how many batches were trained on: what was fetched may not be used yet. So
    ``training.resume`` counts them, and this loader's own count is 0.
    """

    sampler: ResumableBatches

    def state_dict(self) -> dict[str, int]:
        return {"batches": 0}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next epoch after so many ``batches``."""
        self.sampler.skip = state["batches"]


def batch_loader(dataset: Dataset, batches: Sampler[Any]) -> DataLoader:
    """A loader whose dataset turns what the sampler gives, such as a tensor of item numbers, into one batch.

    Gathering a batch is a handful of tensor operations, so worker processes would only add copies.
    """
    return ResumableLoader(dataset, sampler=ResumableBatches(batches), batch_size=None, num_workers=0)
