"""A network as a graph of tensors: what goes in, what comes out, and what it must equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor, nn

from seqlab.data.vocabulary import SPECIAL
from seqlab.networks.tracing import traceable

BATCH, LENGTH, WRITTEN = "batch", "length", "written"  # axes that may have any size
Axes = tuple[str | int, ...]
Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class Graph:
    """A function of a network and tensors that an exporter can follow.

    Names and order of inputs and outputs are those of the file.
    """

    network: nn.Module
    function: Callable[..., Tensors]  # of the network, or what is traced in its place, and the inputs
    inputs: dict[str, Axes]
    outputs: dict[str, Axes]
    sample: Callable[[int, int, Generator], Tensors]  # random inputs of a batch and a length
    length: int  # a usual one
    is_real: Callable[..., Tensor] | None = None  # where outputs mean something; None: everywhere

    @cached_property
    def module(self) -> nn.Module:
        """What is traced: tensors in, a tuple of tensors out."""
        return Traced(self)

    def reference(self, *inputs: Tensor) -> Tensors:
        """What the file must give."""
        return self.function(self.network, *inputs)


class Traced(nn.Module):
    """The function of a graph, of what ``traceable`` makes of its network."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.network = traceable(graph.network)
        self.function = graph.function

    def forward(self, *inputs: Tensor) -> Tensors:
        return self.function(self.network, *inputs)


def random_tokens(vocab_size: int) -> Callable[[int, int, Generator], Tensor]:
    """Makes (batch, length) ids."""
    return lambda batch, length, generator: torch.randint(0, vocab_size, (batch, length), generator=generator)


def padded_rows(vocab_size: int) -> Callable[[int, int, Generator], Tensors]:
    """Makes ordinary tokens, right-padded, and their lengths; one row has the full length."""

    def sample(batch: int, length: int, generator: Generator) -> Tensors:
        lengths = torch.randint(1, length + 1, (batch,), generator=generator)
        lengths[0] = length
        tokens = torch.randint(SPECIAL.unk, vocab_size, (batch, length), generator=generator)
        return tokens.masked_fill(~real_steps(tokens, lengths), SPECIAL.pad), lengths

    return sample


def real_steps(rows: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) bool, True where (B, T) rows of (B,) lengths are no padding."""
    return torch.arange(rows.shape[1], device=rows.device) < lengths[:, None]


def state_tensors(state: Any) -> Tensors:
    """The tensors of a recurrent state; none of None."""
    return () if state is None else tuple(state) if isinstance(state, tuple | list) else (state,)


def state_axes(first: Any, after: Any) -> dict[str, Axes]:
    """The axes of the tensors of a state, by name; those that are longer after another step grow.

    Names are those of its fields, where it is a NamedTuple.
    """
    parts, later = state_tensors(first), state_tensors(after)
    names = ["hidden", "cell"] if len(parts) < 3 else [f"state{number}" for number in range(len(parts))]
    found: dict[str, Axes] = {}
    for name, part, grown in zip(getattr(first, "_fields", names), parts, later, strict=False):
        sizes = zip(part.shape[2:], grown.shape[2:], strict=True)
        found[name] = (part.shape[0], BATCH, *(size if size == then else WRITTEN for size, then in sizes))
    return found


def random_state(axes: Mapping[str, Axes], batch: int, generator: Generator) -> Tensors:
    """A state of these axes for ``batch`` rows; of what was written any number will do."""
    sizes = {BATCH: batch, WRITTEN: batch + 1}
    shapes = [[size if isinstance(size, int) else sizes[size] for size in each] for each in axes.values()]
    return tuple(torch.rand(shape, generator=generator) - 0.5 for shape in shapes)
