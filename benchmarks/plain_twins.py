"""The loops that people publish, written plainly: what the project's path is measured against.

Same sizes, same loss, same batches of sessions; Python windowing, every window through the network, a Python
loop over decoder steps, one window at a time when scoring.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.data.vocabulary import Vocabulary


def python_windows(
    session: list[int], window_size: int, vocabulary: Vocabulary
) -> list[tuple[list[int], int]]:
    """Full windows of one session and the key after each; a short session gives one left-padded pair."""
    tokens = [*session, vocabulary.eos]
    tokens = [vocabulary.pad] * (window_size + 1 - len(tokens)) + tokens
    return [
        (tokens[start : start + window_size], tokens[start + window_size])
        for start in range(len(tokens) - window_size)
    ]


def window_batches(
    sessions: list[list[int]], batches: list[list[int]], window_size: int, vocabulary: Vocabulary
) -> Iterator[tuple[Tensor, Tensor]]:
    """(N, W) windows and (N,) next keys of each batch of sessions, cut anew each time."""
    for batch in batches:
        pairs = [
            pair for number in batch for pair in python_windows(sessions[number], window_size, vocabulary)
        ]
        yield torch.tensor([window for window, _ in pairs]), torch.tensor([key for _, key in pairs])


class PlainPredictor(nn.Module):
    """Embedding, GRU, linear: each window runs from its first key."""

    def __init__(
        self, vocab_size: int, pad_id: int, embedding_size: int, hidden_size: int, num_layers: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=pad_id)
        self.recurrent = nn.GRU(embedding_size, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, windows: Tensor) -> Tensor:
        return self.output(self.recurrent(self.embedding(windows))[0][:, -1])


def padded_batches(
    sessions: list[list[int]], batches: list[list[int]], vocabulary: Vocabulary
) -> Iterator[tuple[Tensor, Tensor]]:
    """(B, S) right-padded sessions with EOS, and (B,) lengths, made anew each time."""
    for batch in batches:
        rows = [torch.tensor([*sessions[number], vocabulary.eos]) for number in batch]
        lengths = torch.tensor([len(row) for row in rows])
        yield nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=vocabulary.pad), lengths


class PlainAutoencoder(nn.Module):
    """Bidirectional GRU encoder, dot attention, and a decoder that takes one step per call."""

    def __init__(
        self, vocab_size: int, pad_id: int, bos_id: int, embedding_size: int, hidden_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.pad_id, self.bos_id, self.hidden_size = pad_id, bos_id, hidden_size
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=pad_id)
        self.encoder = nn.GRU(embedding_size, hidden_size, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * hidden_size, hidden_size)
        self.decoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.combine = nn.Linear(2 * hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, source: Tensor, lengths: Tensor) -> Tensor:
        """() mean loss over real tokens."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(source), lengths, batch_first=True, enforce_sorted=False
        )
        outputs, final = self.encoder(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        outputs = outputs[..., : self.hidden_size] + outputs[..., self.hidden_size :]
        state = self.bridge(torch.cat((final[0], final[1]), dim=-1))[None]
        mask = source != self.pad_id
        token = torch.full((len(source), 1), self.bos_id)
        loss = torch.zeros(())
        for step in range(source.shape[1]):
            hidden, state = self.decoder(self.embedding(token), state)
            scores = (hidden @ outputs.transpose(1, 2)).masked_fill(~mask[:, None], -torch.inf)
            context = scores.softmax(dim=-1) @ outputs
            combined = torch.tanh(self.combine(torch.cat((hidden, context), dim=-1)))
            logits = self.output(self.dropout(combined))[:, 0]
            loss = loss + F.cross_entropy(logits, source[:, step], ignore_index=self.pad_id, reduction="sum")
            token = source[:, step : step + 1]
        return loss / mask.sum()
