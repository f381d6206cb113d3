"""Cosine schedules. ``optimizer.lr`` is the highest rate; ``total_steps`` comes from the run.

Other schedules are torch's own: see conf/scheduler.
"""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from seqlab.errors import UserError


def cosine(optimizer: Optimizer, total_steps: int, final_fraction: float = 0.0) -> LRScheduler:
    """From the full rate down to ``final_fraction`` of it along half a cosine.

    Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """
    return warmup_cosine(optimizer, total_steps, warmup_fraction=0.0, final_fraction=final_fraction)


def warmup_cosine(
    optimizer: Optimizer,
    total_steps: int,
    warmup_fraction: float = 0.05,
    initial_fraction: float = 0.1,
    final_fraction: float = 0.0,
) -> LRScheduler:
    """Linear from ``initial_fraction`` of the rate to all of it, then half a cosine to ``final_fraction``.

    Args:
        total_steps: optimizer steps of the whole run.
        warmup_fraction: share of the steps that warm up.
        initial_fraction: share of the rate at the first step.
        final_fraction: share of the rate at the last step.

    Raises:
        UserError: a share outside [0, 1].
    """
    for name, share in (
        ("warmup_fraction", warmup_fraction),
        ("initial_fraction", initial_fraction),
        ("final_fraction", final_fraction),
    ):
        if not 0 <= share <= 1:
            raise UserError(f"scheduler.{name}={share}: give a share from 0 to 1")
    warmup_steps = round(warmup_fraction * total_steps)

    def share_of_rate(step: int) -> float:
        if step < warmup_steps:
            return initial_fraction + (1 - initial_fraction) * step / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        return final_fraction + (1 - final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))

    return LambdaLR(optimizer, share_of_rate)
