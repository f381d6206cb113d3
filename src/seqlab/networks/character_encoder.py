"""Words from their letters: a convolution or a bidirectional LSTM."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.recurrent import LSTM, check_size

CHARACTER_ENCODERS = ("cnn", "lstm", "none")


class CharacterCNN(nn.Module):
    """The largest response of each filter over a word's letters (Ma & Hovy, ACL 2016, section 2.1).

    Every word is read between two blanks, so that a filter sees where it begins and ends.
    """

    def __init__(self, *, num_characters: int, pad_id: int, embedding_size: int, output_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_characters, embedding_size, padding_idx=pad_id)
        self.convolution = nn.Conv1d(embedding_size, output_size, kernel_size=3, padding=1)

    def forward(self, letters: Tensor, counts: Tensor) -> Tensor:
        """(U, L) int64 letters of U words, (U,) how many each has, to (U, output_size)."""
        responses = self.convolution(self.embedding(letters).transpose(1, 2))  # (U, output_size, L)
        steps = torch.arange(letters.shape[1], device=letters.device)
        padding = steps >= counts[:, None]
        return responses.masked_fill(padding[:, None, :], -torch.inf).amax(dim=2)


class CharacterLSTM(nn.Module):
    """Both final states of a bidirectional LSTM over a word's letters (Lample et al., NAACL 2016, 4.1).

    Raises:
        UserError: an odd ``output_size``: each direction gives half of it.
    """

    def __init__(self, *, num_characters: int, pad_id: int, embedding_size: int, output_size: int) -> None:
        super().__init__()
        if output_size % 2:
            raise UserError(
                f"model.network.char_size={output_size}: each direction of char_encoder=lstm gives half, "
                "so give an even number"
            )
        self.embedding = nn.Embedding(num_characters, embedding_size, padding_idx=pad_id)
        self.recurrent: Any = LSTM(embedding_size, output_size // 2, batch_first=True, bidirectional=True)

    def forward(self, letters: Tensor, counts: Tensor) -> Tensor:
        """(U, L) int64 letters of U words, (U,) how many each has, to (U, output_size)."""
        hidden = self.recurrent.read(self.embedding(letters), counts).hidden  # (2, U, output_size / 2)
        return torch.cat((hidden[0], hidden[1]), dim=1)

    def make_traceable(self) -> None:
        from seqlab.networks.tracing import LengthReader

        self.recurrent = LengthReader(self.recurrent)


def character_encoder(
    kind: str, *, num_characters: int, pad_id: int, embedding_size: int, output_size: int
) -> CharacterCNN | CharacterLSTM | None:
    """The encoder by name; None where words are not spelled.

    Raises:
        UserError: an unknown name or a size below 1.
    """
    if kind not in CHARACTER_ENCODERS:
        raise UserError(f"model.network.char_encoder={kind}: choose {', '.join(CHARACTER_ENCODERS)}")
    if kind == "none":
        return None
    check_size("char_embedding_size", embedding_size)
    check_size("char_size", output_size)
    encoder = CharacterCNN if kind == "cnn" else CharacterLSTM
    return encoder(
        num_characters=num_characters, pad_id=pad_id, embedding_size=embedding_size, output_size=output_size
    )
