"""A network as a graph of tensors: what goes in, what comes out, and what it must equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from seqlab.data.vocabulary import SPECIAL
from seqlab.networks.recurrent import traceable

BATCH, LENGTH = "batch", "length"  # axes that may have any size
Axes = tuple[str | int, ...]
Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class Graph:
    """A network that an exporter can follow. Names and order of inputs and outputs are those of the file."""

    module: nn.Module  # tensors in, a tuple of tensors out
    inputs: dict[str, Axes]
    outputs: dict[str, Axes]
    sample: Callable[[int, int, Generator], Tensors]  # random inputs of a batch and a length
    reference: Callable[..., Tensors]  # the task's own network on the same inputs
    length: int  # a usual one
    is_real: Callable[..., Tensor] | None = None  # places of the outputs that mean something; None: all


class Traced(nn.Module):
    """A function of a network and tensors, as the module that an exporter follows.

    Args:
        network: what ``traceable`` makes of it is what runs.
        function: the network, or what is traced in its place, and the inputs to the outputs.
    """

    def __init__(self, network: nn.Module, function: Callable[..., Tensors]) -> None:
        super().__init__()
        self.network = traceable(network)
        self.function = function

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


def graph(
    network: nn.Module,
    function: Callable[..., Tensors],
    inputs: dict[str, Axes],
    outputs: dict[str, Axes],
    sample: Callable[[int, int, Generator], Tensors],
    length: int,
    is_real: Callable[..., Tensor] | None = None,
) -> Graph:
    """The graph of a function of a network and tensors, which must give what the function gives."""

    def reference(*given: Tensor) -> Tensors:
        return function(network, *given)

    return Graph(Traced(network, function), inputs, outputs, sample, reference, length, is_real)
