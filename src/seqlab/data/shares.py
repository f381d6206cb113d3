"""Which part of a batch each of several training processes takes."""

from __future__ import annotations

from torch import Tensor, distributed

from seqlab.errors import UserError


def place() -> tuple[int, int]:
    """This process's number and how many there are; (0, 1) outside a group."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def share_of(items: Tensor, what: str) -> Tensor:
    """Every process's part of (B, ...) items: the n-th takes items n, n + N, n + 2 N, ...

    ``batch_size`` counts the items of all processes together, so that their number changes no step.

    Args:
        what: the setting to enlarge where there are too few.

    Raises:
        UserError: fewer items than processes.
    """
    number, processes = place()
    if processes == 1:
        return items
    if len(items) < processes:
        raise UserError(
            f"{what}: {len(items)} for {processes} processes; each needs at least one. Give more, or fewer "
            "processes"
        )
    return items[number::processes]
