"""Decoders: states and the tokens so far to logits of the next token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlab.networks.attention import Attention
from seqlab.networks.encoders import State
from seqlab.networks.recurrent import recurrent_layers


class AttentionDecoder(nn.Module):
    """Recurrent layers, attention over the encoder's outputs, ``tanh(W [state; context])``, linear to V.

    (Luong et al., EMNLP 2015, equations 5 and 6, without input feeding.) With teacher forcing every decoder
    input is known, so all T steps run in one call of the recurrent layers and one product for the attention.
    Without attention the combining layer reads the state alone.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        attention: Attention | None,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        cell: str,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.attention = attention
        self.recurrent = recurrent_layers(cell, embedding.embedding_dim, hidden_size, num_layers, dropout)
        self.combine = nn.Linear(hidden_size * (1 if attention is None else 2), hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, embedding.num_embeddings)

    def forward(
        self, inputs: Tensor, state: State, encoder_outputs: Tensor, source_mask: Tensor
    ) -> tuple[Tensor, Tensor | None, State]:
        """Run T steps on known inputs.

        Args:
            inputs: (B, T) token ids, BOS first.
            state: (layers, B, H) first state, for an LSTM with its cell.
            encoder_outputs: (B, S, H).
            source_mask: (B, S) True on real source tokens.

        Returns:
            (B, T, V) logits, (B, T, S) attention weights or None, and the state after the last step.
        """
        states, state = self.recurrent(self.embedding(inputs), state)  # (B, T, H)
        weights = None
        if self.attention is not None:
            contexts, weights = self.attention(states, encoder_outputs, source_mask)
            states = torch.cat((states, contexts), dim=-1)  # (B, T, 2H)
        combined = self.dropout(torch.tanh(self.combine(states)))  # (B, T, H)
        return self.output(combined), weights, state
