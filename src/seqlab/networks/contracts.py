"""What a network takes and returns: a contract for each kind of task. Letters are those of data/batches.py.

A network is an ``nn.Module`` of any package that has the members of its task's contract. It knows no config
and no device; its sizes (``vocab_size``, ``pad_id``, ...) are arguments that the data fills in.

Beyond the contracts, all networks may have ``traceable()``: a module with the same ``forward`` and the same
numbers, in operations that torch's tracer can follow, for `seqlab export`. Without it a copy of the network
is traced, each part of which had its ``make_traceable()`` called, where it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from seqlab.contracts import full_name
from seqlab.data.batches import LabelledBatch, TagBatch
from seqlab.errors import UserError

State = Tensor | tuple[Tensor, ...]  # the batch is on the second axis of each


class Reading(NamedTuple):
    """B rows of up to T steps, read by L layers in D directions."""

    outputs: Tensor  # (B, T, D * H) of the top layer, 0 under padding
    hidden: Tensor  # (L * D, B, H) after each row's last step; see SequenceLayers
    cell: Tensor | None = None  # the same of an LSTM

    @property
    def state(self) -> State:
        return self.hidden if self.cell is None else (self.hidden, self.cell)


class SequenceLayers(nn.Module):
    """Layers that read embedded steps: what every network of seqlab is built around.

    A class that derives from this takes ``(input_size, hidden_size, num_layers, dropout, bidirectional)``, by
    these names, and settings of its own behind them; conf/layers/tcn.yaml shows how a config names it.

    The state is what going on needs: tensors with the batch on their second axis, zeros where nothing was
    read yet, of a size that has a limit. A language model carries it from piece to piece, detached; text is
    written and translations are searched step by step with it.
    """

    hidden_size: int  # H, of each direction
    num_layers: int  # L
    bidirectional: bool  # D = 2; else each output depends on its step and those before it alone
    num_states: int = 0  # how many (L, B, H) tensors the state consists of: 1, of an LSTM 2; 0: of others
    shares_prefixes: bool = False  # networks/prefix_tree.py can run them
    unit_inputs: bool = False  # tied embeddings, whose variance is far below 1, are read at variance 1

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """(B, T, E) inputs, and the state after those before, to (B, T, D * H) and the state after the last.

        In steps or in one go: the same numbers.
        """
        raise NotImplementedError

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths; no step sees padding, so that a row reads as it does alone.

        ``hidden`` of layers without hidden states is what stands for the row, (D, B, H): the outputs after
        its last step, of a backward direction those at its first. This reads causal layers.
        """
        outputs, _ = self(inputs)
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        last = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[-1])
        hidden = outputs.gather(1, last).transpose(0, 1)
        return Reading(outputs * (steps < lengths[:, None])[..., None], hidden)

    def reader(self) -> nn.Module:
        """What reads the same by ``read``, in operations that exporters know."""
        return self


class NextEventNetwork(Protocol):
    """Of NextEvent (model=gru). With data.times=true also what GRUPredictor has for delays."""

    def forward(self, contexts: Tensor) -> Tensor:
        """(C, W) int64 left-padded token ids to (C, V) logits of the next key."""


class ReconstructionNetwork(Protocol):
    """Of Reconstruction (model=gru_ae)."""

    def forward(self, source: Tensor, decoder_input: Tensor, lengths: Tensor, mask: Tensor) -> Any:
        """The four tensors of a SessionBatch to an object with ``logits`` (D, S, V) and ``attention``, None
        or (D, S, S)."""


class LanguageModelNetwork(Protocol):
    """Of LanguageModel (model=char_rnn).

    The state is a tensor or a tuple of tensors with the batch on their second axis, as torch's recurrent
    layers have it, and zeros where a text begins. A network without a state returns None: it trains on each
    piece by itself, and is judged and generates with a window of the tokens before. The window is
    ``network.context_size`` tokens long, or 256.
    """

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """(B, T) int64 token ids, and the state after those before, to (B, T, V) logits and the state."""


class RegressionNetwork(Protocol):
    """Of Regression (model=lstm)."""

    quantiles: tuple[float, ...]  # rising levels, 0.5 among them; empty for one number
    middle: int  # which of the outputs is the forecast itself

    def forward(self, inputs: Tensor, known: Tensor | None = None) -> Tensor:
        """(B, T, F) float32 steps, and (B, N, K) known columns of the N to come, to (B, Y * N, Q) forecasts.

        Y targets, Q levels: 1 without quantiles."""

    def each(self, inputs: Tensor, known: Tensor | None = None) -> Tensor:
        """(R, B, Y * N, Q): what each of R members, trained apart, forecasts; ``forward`` is their mean."""

    def untrained(self) -> Any:
        """A network of the same shape with new weights, for data.backtest."""


class ClassificationNetwork(Protocol):
    """Of Classification (model=classifier)."""

    num_classes: int

    def forward(self, batch: LabelledBatch) -> Tensor:
        """A LabelledBatch to (R, B, C) log-probabilities of each of R members; one member: (1, B, C)."""


class TaggingNetwork(Protocol):
    """Of Tagging (model=tagger). With word vectors also ``set_word_vectors(ids, vectors)``."""

    num_tags: int
    tags_are_bio: bool
    output: Any  # IndependentTags or LinearChainCRF of networks/crf.py, or what has their methods

    def forward(self, batch: TagBatch) -> Tensor:
        """A TagBatch to (B, T, N) float32 scores of N tags."""


class TranslationNetwork(Protocol):
    """Of Translation (model=seq2seq, transformer); see Seq2Seq for what the search reads of ``encode`` and
    ``decoder``."""

    pad_id: int
    bos_id: int
    eos_id: int
    output: Any  # the nn.Linear from readouts (..., R) to logits (..., V)
    decoder: Any

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Any, Any]:
        """(B, S) source ids of (B,) lengths to what the decoder attends to, and its first state."""

    def forward(
        self,
        source: Tensor,
        source_lengths: Tensor,
        decoder_input: Tensor,
        teacher_forcing_ratio: float = 1.0,
    ) -> Any:
        """Sources and true targets to an object with ``readout`` (B, T, R) and ``attention``, None or
        (B, T, S)."""


def described(found: object) -> str:
    """What came, with its shape."""
    if isinstance(found, Tensor):
        return f"a tensor of shape {tuple(found.shape)}"
    return "None" if found is None else f"a {type(found).__name__}"


def check_shape(network: object, what: str, found: Any, axes: Mapping[str, int], given: str) -> None:
    """Raise UserError unless ``found`` is a tensor of the expected shape.

    Args:
        what: it is, such as ``logits``.
        axes: the letter of each axis and its size, in their order.
        given: what the network was given, and its shape.
    """
    shape = tuple(axes.values())
    if isinstance(found, Tensor) and tuple(found.shape) == shape:
        return
    raise UserError(
        f"{full_name(network)} was given {given}: {what} of shape ({', '.join(axes)}) = {shape} are "
        f"expected, {described(found)} came"
    )
