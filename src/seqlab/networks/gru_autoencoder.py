"""A sequence autoencoder: read the session, write it again, with or without attention."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.attention import attention_layer
from seqlab.networks.contracts import State
from seqlab.networks.decoders import AttentionDecoder
from seqlab.networks.encoders import RecurrentEncoder
from seqlab.networks.recurrent import Cell, TokenNoise, check_share, check_size


class Reconstruction(NamedTuple):
    """What the autoencoder gives for B sessions of up to S tokens."""

    logits: Tensor  # (B, S, V)
    attention: Tensor | None  # (B, S, S) weights of each written token over the read ones


class GRUAutoencoder(nn.Module):
    """Bidirectional encoder, a linear bridge to the decoder's first state, a decoder.

    With full attention the decoder can copy token by token, abnormal sessions included; ``attention=none``
    leaves it only the bridge, and ``bottleneck_size`` narrows that.

    Args:
        vocab_size, pad_id, unk_id, max_length: from the data; conf/model/gru_ae.yaml has the others.
        attention: dot, scaled_dot, general, concat, location or none.

    Raises:
        UserError: a size, probability, cell, attention or directions out of range.
    """

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        unk_id: int,
        max_length: int,
        *,
        embedding_size: int = 64,
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.0,
        attention: str = "none",
        bottleneck_size: int | None = None,
        input_noise: float = 0.0,
        decoder_noise: float = 0.0,
        cell: Cell = "gru",
        bidirectional: bool = True,
        directions: str = "sum",
        share_prefixes: bool = True,
    ) -> None:
        super().__init__()
        check_share("dropout", dropout)
        check_size("embedding_size", embedding_size)
        if bottleneck_size is not None:
            check_size("bottleneck_size", bottleneck_size)
        if directions == "linear" and attention == "none":
            raise UserError(
                "model.network.directions=linear is what attention reads: set model.network.attention"
            )
        self.input_noise = TokenNoise("input_noise", input_noise, unk_id)
        self.decoder_noise = TokenNoise("decoder_noise", decoder_noise, unk_id)
        embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=pad_id)
        layers = {"hidden_size": hidden_size, "num_layers": num_layers, "dropout": dropout}
        self.encoder = RecurrentEncoder(
            embedding,
            **layers,  # type: ignore[arg-type]
            cell=cell,
            bidirectional=bidirectional,
            directions=directions,
            share_prefixes=share_prefixes,
        )
        self.decoder = AttentionDecoder(
            embedding,
            attention_layer(attention, hidden_size, max_length),
            **layers,  # type: ignore[arg-type]
            cell=cell,
        )
        joined = hidden_size * self.encoder.num_directions
        states = ("hidden", "cell")[: max(self.decoder.recurrent.num_states, 1)]
        self.bridge = nn.ModuleDict({name: _bridge(joined, bottleneck_size, hidden_size) for name in states})

    def forward(self, source: Tensor, decoder_input: Tensor, lengths: Tensor, mask: Tensor) -> Reconstruction:
        """Write ``source`` again, teacher-forced: see SessionBatch for the four shapes."""
        outputs, state = self.encoder(self.input_noise(source), lengths)
        logits, weights, _ = self.decoder(
            self.decoder_noise(decoder_input), self.first_state(state), outputs, mask
        )
        return Reconstruction(logits, weights)

    def first_state(self, state: State) -> State:
        """What the encoder gives, (layers, B, directions * H), to the decoder's."""
        if isinstance(state, tuple):
            return self.bridge["hidden"](state[0]), self.bridge["cell"](state[1])
        return self.decoder.begin(self.bridge["hidden"](state))


def _bridge(joined: int, bottleneck_size: int | None, hidden_size: int) -> nn.Module:
    if bottleneck_size is None:
        return nn.Linear(joined, hidden_size)
    return nn.Sequential(nn.Linear(joined, bottleneck_size), nn.Linear(bottleneck_size, hidden_size))
