"""Sequence to sequence: an encoder, a bridge, a decoder with or without attention."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.attention import attention_layer
from seqlab.networks.contracts import State
from seqlab.networks.decoders import AttentionDecoder, Memory
from seqlab.networks.encoders import RecurrentEncoder
from seqlab.networks.recurrent import Cell, Dropout, check_share, check_size

TIES = ("none", "decoder", "all")


class Readouts(NamedTuple):
    """What the decoder gives for B pairs of up to T target and S source tokens."""

    readout: Tensor  # (B, T, R) to be read by ``network.output``
    attention: Tensor | None  # (B, T, S) weights of each written token over the read ones


def step_by_step(decoder: Any, state: Any, memory: Memory, decoder_input: Tensor, ratio: float) -> Readouts:
    """Decode T steps, each fed (B, T) true tokens with the probability ``ratio``, else its own best guess."""
    readouts: list[Tensor] = []
    attention: list[Tensor] = []
    tokens = decoder_input[:, :1]
    for step in range(decoder_input.shape[1]):
        readout, weights, state = decoder.readout(tokens, state, memory)
        readouts.append(readout)
        if weights is not None:
            attention.append(weights)
        if step + 1 < decoder_input.shape[1]:
            guess = decoder.output(readout.detach()).argmax(dim=-1)  # (B, 1)
            is_forced = torch.rand(guess.shape, device=guess.device) < ratio
            tokens = torch.where(is_forced, decoder_input[:, step + 1, None], guess)
    return Readouts(torch.cat(readouts, dim=1), torch.cat(attention, dim=1) if attention else None)


def tied_embeddings(
    tie: str, source_vocab_size: int, target_vocab_size: int, size: int, pad_id: int, is_joint: bool
) -> tuple[ScaledEmbedding, ScaledEmbedding]:
    """Tables of source and target; with ``tie=all`` they are one.

    Raises:
        UserError: an unknown ``tie``; ``all`` without a joint vocabulary.
    """
    if tie not in TIES:
        raise UserError(f"model.network.tie={tie}: choose {', '.join(TIES)}")
    if tie == "all" and not (is_joint and source_vocab_size == target_vocab_size):
        raise UserError(
            f"model.network.tie=all with {source_vocab_size:,} source and {target_vocab_size:,} target "
            "tokens of their own: one table needs one vocabulary (data.tokenizer=bpe data.joint=true), "
            "or tie=decoder"
        )
    target = ScaledEmbedding(target_vocab_size, size, padding_idx=pad_id)
    if tie == "all":
        return target, target
    return ScaledEmbedding(source_vocab_size, size, padding_idx=pad_id), target


class ScaledEmbedding(nn.Embedding):
    """Embeddings times ``scale``: as a matrix of outputs the rows must be short, as inputs they need not be.

    (Vaswani et al., NeurIPS 2017, section 3.4.)
    """

    scale = 1.0

    def start_short(self) -> None:
        """Draw rows of norm about 1: as outputs, rows of norm sqrt(E) would be far too sure of themselves."""
        nn.init.normal_(self.weight, std=self.embedding_dim**-0.5)
        with torch.no_grad():
            self.weight[self.padding_idx].zero_()

    def read_at_unit_variance(self) -> None:
        self.scale = math.sqrt(self.embedding_dim)

    def forward(self, input: Tensor) -> Tensor:
        found = super().forward(input)
        return found if self.scale == 1 else found * self.scale


class Seq2Seq(nn.Module):
    """Sutskever et al. (NeurIPS 2014), with attention Luong et al. (EMNLP 2015).

    The source is packed: its padding is never read. The decoder's first state is the encoder's last, through
    one linear layer and tanh where the two differ in shape (both directions, other numbers of layers).

    The settings are explained in conf/model/seq2seq.yaml. Of a bidirectional encoder the outputs of both
    directions are summed.

    Raises:
        UserError: a size, probability, cell or attention out of range; ``tie=all`` without a joint
            vocabulary.
    """

    def __init__(
        self,
        source_vocab_size: int,
        target_vocab_size: int,
        pad_id: int,
        bos_id: int,
        eos_id: int,
        max_source_length: int,
        *,
        cell: Cell = "gru",
        attention: str = "general",
        embedding_size: int = 256,
        hidden_size: int = 256,
        encoder_layers: int = 1,
        decoder_layers: int = 1,
        bidirectional: bool = True,
        attend_after: str = "last",
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        tie: str = "none",
        joint_vocabulary: bool = True,
    ) -> None:
        super().__init__()
        check_size("embedding_size", embedding_size)
        check_size("encoder_layers", encoder_layers)
        check_size("decoder_layers", decoder_layers)
        check_share("dropout", dropout)
        check_share("embedding_dropout", embedding_dropout)
        self.pad_id, self.bos_id, self.eos_id = pad_id, bos_id, eos_id
        source_embedding, target_embedding = tied_embeddings(
            tie, source_vocab_size, target_vocab_size, embedding_size, pad_id, joint_vocabulary
        )
        if tie != "none":
            target_embedding.start_short()
        self.encoder = RecurrentEncoder(
            source_embedding,
            hidden_size=hidden_size,
            num_layers=encoder_layers,
            dropout=dropout,
            cell=cell,
            bidirectional=bidirectional,
            share_prefixes=False,
            embedding_dropout=embedding_dropout,
        )
        if tie != "none" and self.encoder.recurrent.unit_inputs:
            target_embedding.read_at_unit_variance()
        self.decoder = AttentionDecoder(
            target_embedding,
            attention_layer(attention, hidden_size, max_source_length),
            hidden_size=hidden_size,
            num_layers=decoder_layers,
            dropout=dropout,
            cell=cell,
            attend_after=attend_after,
            embedding_dropout=embedding_dropout,
            tied=tie != "none",
        )
        self.dropout = Dropout(dropout)
        self.bridge: nn.ModuleDict | None = None
        if bidirectional or encoder_layers != decoder_layers:
            joined = hidden_size * self.encoder.num_directions
            num_states = self.decoder.recurrent.num_states
            parts = ("hidden", "cell")[: max(num_states, 1)]
            crossed = hidden_size * (decoder_layers if num_states else 1)
            self.bridge = nn.ModuleDict({part: nn.Linear(joined, crossed) for part in parts})
            self.hidden_size = hidden_size

    @property
    def output(self) -> nn.Linear:
        """(..., R) readouts to (..., V) logits."""
        return self.decoder.output

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Memory, State]:
        """Read (B, S) source ids of (B,) lengths; gives what the decoder attends to, and its first state."""
        outputs, state = self.encoder(source, lengths)
        mask = torch.arange(source.shape[1], device=source.device) < lengths[:, None]
        return self.decoder.remember(self.dropout(outputs), mask), self.first_state(state)

    def forward(
        self,
        source: Tensor,
        source_lengths: Tensor,
        decoder_input: Tensor,
        teacher_forcing_ratio: float = 1.0,
    ) -> Readouts:
        """Readouts of each target step; see TranslationBatch for the shapes.

        Args:
            teacher_forcing_ratio: probability that a step is fed the true token before it; else it is fed
                the network's own best guess (scheduled sampling: Bengio et al., NeurIPS 2015). At 1 all steps
                run in one call, below it one after the other.
        """
        memory, state = self.encode(source, source_lengths)
        if teacher_forcing_ratio >= 1:
            readout, weights, _ = self.decoder.readout(decoder_input, state, memory)
            return Readouts(readout, weights)
        return step_by_step(self.decoder, state, memory, decoder_input, teacher_forcing_ratio)

    def first_state(self, state: State) -> State:
        """What the encoder gives, (layers, B, directions * H), to the decoder's."""
        if isinstance(state, tuple):
            return tuple(map(self._cross, ("hidden", "cell"), state))
        return self.decoder.begin(self._cross("hidden", state))

    def _cross(self, part: str, state: Tensor) -> Tensor:
        if self.bridge is None:
            return state
        crossed = torch.tanh(self.bridge[part](state[-1]))  # (B, layers * H) from the top layer
        return crossed.unflatten(1, (-1, self.hidden_size)).transpose(0, 1).contiguous()
