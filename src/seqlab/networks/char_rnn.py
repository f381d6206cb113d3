"""A recurrent language model over characters or words."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.contracts import State
from seqlab.networks.recurrent import Cell, Dropout, check_share, check_size, sequence_layers

INPUTS = ("one_hot", "embedding")


class CharRNN(nn.Module):
    """One-hot or embedded tokens, recurrent layers, linear to V (Graves, 2013; Karpathy, 2015).

    Args:
        vocab_size, pad_id: from the data.
        input: ``one_hot`` or ``embedding``.
        embedding_size: E; read with ``input=embedding`` alone.
        cell: the layers: a name or what builds them; see conf/layers.
        hidden_size: H.
        num_layers: recurrent layers.
        dropout: between layers and before the output layer.
        input_dropout: on the embeddings.

    Raises:
        UserError: a size, probability, cell or input out of range.
    """

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        *,
        input: str = "embedding",
        embedding_size: int = 64,
        cell: Cell = "lstm",
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if input not in INPUTS:
            raise UserError(f"model.network.input={input}: choose {' or '.join(INPUTS)}")
        check_size("embedding_size", embedding_size)
        check_share("dropout", dropout)
        check_share("input_dropout", input_dropout)
        self.vocab_size = vocab_size
        self.embedding = (
            nn.Embedding(vocab_size, embedding_size, padding_idx=pad_id) if input == "embedding" else None
        )
        self.input_dropout = Dropout(input_dropout)
        width = vocab_size if self.embedding is None else embedding_size
        self.recurrent = sequence_layers(cell, width, hidden_size, num_layers, dropout)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits of the token after each.

        Args:
            tokens: (B, T) token ids.
            state: what the layers gave for the tokens before; None for none.

        Returns:
            (B, T, V) logits and the state after the last token.
        """
        if self.embedding is None:
            embedded = F.one_hot(tokens, self.vocab_size).to(self.output.weight.dtype)
        else:
            embedded = self.embedding(tokens)
        states, state = self.recurrent(self.input_dropout(embedded), state)
        return self.output(self.dropout(states)), state
