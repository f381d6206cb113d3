"""A loader that can begin an epoch at any of its batches: where an interrupted epoch goes on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader, Sampler


class ResumableBatches(Sampler[Any]):
    """The batches of another sampler; ``skip`` leaves out the first of them, once.

    The order of the other sampler depends on seed and epoch alone, so its position is one number.
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
    """A loader that Lightning takes for one that can go on in the middle of an epoch.

    How many batches were trained on, only the training loop knows: what was fetched may not be used yet. The
    count is therefore kept by training/last_checkpoint.py, and this one's is 0.
    """

    sampler: ResumableBatches

    def state_dict(self) -> dict[str, int]:
        return {"batches": 0}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next epoch after so many ``batches``."""
        self.sampler.skip = state["batches"]
