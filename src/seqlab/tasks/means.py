"""Means that count: over tokens, sessions or days, and over all processes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics import Metric


class CountedMean(Metric):
    """``sum of totals / sum of counts``. A mean of batch means would weigh batches, not tokens."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, total: Tensor, count: Tensor) -> None:
        """Add a () sum and the () number of things summed."""
        self.total += total
        self.count += count

    @property
    def has_counts(self) -> bool:
        """Whether anything was counted since the last reset: the same in every process that counted."""
        return self.update_called

    def compute(self) -> Tensor:
        """() the mean; 0 over nothing."""
        return (self.total / self.count.clamp(min=1)).float()


class StageCounts(nn.Module):
    """What validation or testing counts: the loss, right guesses, and a task's own figures.

    Args:
        figures: a metric whose ``compute`` gives () figures by name.
    """

    def __init__(self, figures: Metric | None = None) -> None:
        super().__init__()
        self.loss = CountedMean()
        self.accuracy = CountedMean()
        self.figures = figures

    def add(self, nll: Tensor, correct: Tensor | None, num_units: Tensor) -> None:
        """Add a batch's () summed loss, right guesses (None where nothing is guessed) and things counted."""
        self.loss.update(nll, num_units)
        if correct is not None:
            self.accuracy.update(correct, num_units)
