"""Networks as graphs of tensors: what goes in, what comes out, and what they must equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from seqlab.data.batches import NameBatch
from seqlab.data.vocabulary import SPECIAL
from seqlab.errors import UserError
from seqlab.exporting.length_reader import LengthReader
from seqlab.networks.char_rnn import CharRNN
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.networks.name_classifier import NameClassifier, NameReader, joined
from seqlab.networks.series_regressor import SeriesRegressor
from seqlab.tasks.base import SequenceTask

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


def graph_of(task: SequenceTask, sizes: dict[str, int], data: dict[str, Any]) -> Graph:
    """The graph of a task's network, in eval mode.

    Raises:
        UserError: a network that is not exported.
    """
    network: Any = task.network
    match network:
        case GRUPredictor():
            return _windows(network, sizes, int(data.get("window_size", 10)))
        case GRUAutoencoder():
            return _sessions(network, sizes)
        case CharRNN():
            return _text(network)
        case SeriesRegressor():
            return _series(network)
        case NameClassifier():
            return _names(network, sizes)
    raise UserError(
        f"{type(network).__name__} of {type(task).__name__} cannot be exported: its result is found step "
        "by step, by a search that no graph holds. Exported are the networks of model=gru, gru_ae, char_rnn, "
        "lstm and name_classifier; `seqlab predict` runs every model"
    )


def _tokens(vocab_size: int) -> Callable[[int, int, Generator], Tensor]:
    return lambda batch, length, generator: torch.randint(0, vocab_size, (batch, length), generator=generator)


def _padded(vocab_size: int) -> Callable[[int, int, Generator], Tensors]:
    """Ordinary tokens, right-padded; one row has the full length."""

    def sample(batch: int, length: int, generator: Generator) -> Tensors:
        lengths = torch.randint(1, length + 1, (batch,), generator=generator)
        lengths[0] = length
        tokens = torch.randint(SPECIAL.unk, vocab_size, (batch, length), generator=generator)
        return tokens.masked_fill(torch.arange(length) >= lengths[:, None], SPECIAL.pad), lengths

    return sample


class _Windows(nn.Module):
    """GRUPredictor without its tree of prefixes: the plain layers give the same numbers."""

    def __init__(self, network: GRUPredictor) -> None:
        super().__init__()
        self.embedding, self.recurrent, self.output = network.embedding, network.recurrent, network.output

    def forward(self, contexts: Tensor) -> Tensors:
        last = self.recurrent(self.embedding(contexts))[0][:, -1]
        return (self.output(last).log_softmax(dim=-1),)


def _windows(network: GRUPredictor, sizes: dict[str, int], window_size: int) -> Graph:
    tokens = _tokens(sizes["vocab_size"])
    return Graph(
        _Windows(network),
        {"contexts": (BATCH, LENGTH)},
        {"log_probabilities": (BATCH, sizes["vocab_size"])},
        lambda batch, length, generator: (tokens(batch, length, generator),),
        lambda contexts: (network(contexts).float().log_softmax(dim=-1),),
        window_size,
    )


class _Sessions(nn.Module):
    """GRUAutoencoder; what the decoder is fed follows from what the encoder reads."""

    def __init__(self, network: GRUAutoencoder) -> None:
        super().__init__()
        self.encoder_embedding, self.decoder = network.encoder.embedding, network.decoder
        self.reader = LengthReader(network.encoder.recurrent)
        self.bridge, self.join = network.bridge, network.encoder.join

    def forward(self, source: Tensor, lengths: Tensor) -> Tensors:
        directions, hidden, cell = self.reader(self.encoder_embedding(source), lengths)
        state = self._first_state("hidden", hidden)
        begin = torch.full_like(source[:, :1], SPECIAL.bos)
        embedded = self.decoder.embedding(torch.cat((begin, source[:, :-1]), dim=1))
        states, _ = self.decoder.recurrent(
            embedded, state if cell is None else (state, self._first_state("cell", cell))
        )
        if self.decoder.attention is not None:
            read = self.join(directions)
            mask = torch.arange(source.shape[1], device=source.device) < lengths[:, None]
            states = torch.cat((states, self.decoder.attention(states, read, mask)[0]), dim=-1)
        readout = torch.tanh(self.decoder.combine(states))
        return (self.decoder.output(readout).log_softmax(dim=-1),)

    def _first_state(self, name: str, state: Tensor) -> Tensor:
        """(layers * directions, B, H) to the decoder's (layers, B, H)."""
        directions = self.reader.num_directions
        parts = [state[direction::directions] for direction in range(directions)]
        return self.bridge[name](torch.cat(parts, dim=-1))


def _sessions(network: GRUAutoencoder, sizes: dict[str, int]) -> Graph:
    def real(source: Tensor, lengths: Tensor) -> Tensor:
        return torch.arange(source.shape[1]) < lengths[:, None]

    def reference(source: Tensor, lengths: Tensor) -> Tensors:
        begin = torch.full_like(source[:, :1], SPECIAL.bos)
        decoder_input = torch.cat((begin, source[:, :-1]), dim=1)
        logits = network(source, decoder_input, lengths, real(source, lengths)).logits
        return (logits.float().log_softmax(dim=-1),)

    return Graph(
        _Sessions(network),
        {"source": (BATCH, LENGTH), "lengths": (BATCH,)},
        {"log_probabilities": (BATCH, LENGTH, sizes["vocab_size"])},
        _padded(sizes["vocab_size"]),
        reference,
        20,
        real,
    )


class _Text(nn.Module):
    """CharRNN with its state as inputs and outputs."""

    def __init__(self, network: CharRNN) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, hidden: Tensor, cell: Tensor | None = None) -> Tensors:
        network = self.network
        if network.embedding is None:
            embedded = F.one_hot(tokens, network.vocab_size).to(hidden.dtype)
        else:
            embedded = network.embedding(tokens)
        states, state = network.recurrent(embedded, hidden if cell is None else (hidden, cell))
        log_probabilities = network.output(states).log_softmax(dim=-1)
        return (log_probabilities, *(state if isinstance(state, tuple) else (state,)))


def _text(network: CharRNN) -> Graph:
    layers, width = network.recurrent.num_layers, network.recurrent.hidden_size
    names = ("hidden", "cell") if network.recurrent.mode == "LSTM" else ("hidden",)
    tokens = _tokens(network.vocab_size)

    def sample(batch: int, length: int, generator: Generator) -> Tensors:
        states = (torch.rand((layers, batch, width), generator=generator) - 0.5 for _ in names)
        return tokens(batch, length, generator), *states

    def reference(given: Tensor, *states: Tensor) -> Tensors:
        logits, state = network(given, states if len(states) == 2 else states[0])
        after = state if isinstance(state, tuple) else (state,)
        return logits.float().log_softmax(dim=-1), *after

    state_axes = {name: (layers, BATCH, width) for name in names}
    return Graph(
        _Text(network),
        {"tokens": (BATCH, LENGTH), **state_axes},
        {
            "log_probabilities": (BATCH, LENGTH, network.vocab_size),
            **{f"{name}_after": axes for name, axes in state_axes.items()},
        },
        sample,
        reference,
        32,
    )


class _Series(nn.Module):
    def __init__(self, network: SeriesRegressor) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor, *known: Tensor) -> Tensors:
        return (self.network(inputs, *known),)


def _series(network: SeriesRegressor) -> Graph:
    levels = max(len(network.quantiles), 1)
    inputs: dict[str, Axes] = {"inputs": (BATCH, LENGTH, network.num_features)}
    if network.num_known:
        inputs["known"] = (BATCH, network.horizon, network.num_known)

    def sample(batch: int, length: int, generator: torch.Generator) -> Tensors:
        shapes = [(batch, length, network.num_features), (batch, network.horizon, network.num_known)]
        return tuple(torch.randn(shape, generator=generator) for shape in shapes[: len(inputs)])

    return Graph(
        _Series(network),
        inputs,
        {"forecasts": (BATCH, network.num_targets * network.horizon, levels)},
        sample,
        lambda *inputs: (network(*inputs),),
        7,
    )


class _Name(nn.Module):
    """One NameReader."""

    def __init__(self, reader: NameReader) -> None:
        super().__init__()
        self.reader = reader
        self.recurrent = LengthReader(reader.recurrent)

    def forward(self, characters: Tensor, lengths: Tensor) -> Tensor:
        directions, hidden, _ = self.recurrent(self.reader.embed(characters), lengths)
        final = torch.cat(list(hidden[-self.recurrent.num_directions :]), dim=-1)
        if self.reader.pooling == "final":
            return self.reader.to_scores(final)
        if self.reader.pooling == "last_direction":
            return self.reader.to_scores(hidden[-1])
        outputs = torch.cat(directions, dim=-1)
        padding = torch.arange(characters.shape[1], device=characters.device) >= lengths[:, None]
        pooled = outputs.masked_fill(padding[..., None], -math.inf).amax(dim=1)
        if self.reader.pooling == "all":
            sums = outputs.masked_fill(padding[..., None], 0).sum(dim=1)
            pooled = torch.cat((final, pooled, sums / lengths[:, None]), dim=-1)
        return self.reader.to_scores(pooled)


class _Names(nn.Module):
    def __init__(self, network: NameClassifier) -> None:
        super().__init__()
        self.readers = nn.ModuleList(_Name(reader) for reader in network.readers)  # type: ignore[arg-type]

    def forward(self, characters: Tensor, lengths: Tensor) -> Tensors:
        scores = torch.stack([reader(characters, lengths) for reader in self.readers])
        return (joined(scores.log_softmax(dim=-1)),)


def _names(network: NameClassifier, sizes: dict[str, int]) -> Graph:
    def reference(characters: Tensor, lengths: Tensor) -> Tensors:
        return (joined(network(NameBatch(characters, lengths, torch.zeros_like(lengths)))),)

    return Graph(
        _Names(network),
        {"characters": (BATCH, LENGTH), "lengths": (BATCH,)},
        {"log_probabilities": (BATCH, network.num_classes)},
        _padded(sizes["vocab_size"]),
        reference,
        10,
    )
