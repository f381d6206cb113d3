"""The published sequence to sequence loop, written plainly: one sentence at a time, one step at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainSeq2Seq(nn.Module):
    """GRU encoder and decoder with general attention: each token is a call of its own, as in tutorials."""

    def __init__(
        self,
        source_vocab_size: int,
        target_vocab_size: int,
        *,
        embedding_size: int,
        hidden_size: int,
        bos_id: int,
    ) -> None:
        super().__init__()
        self.bos_id = bos_id
        self.hidden_size = hidden_size
        self.source_embedding = nn.Embedding(source_vocab_size, embedding_size)
        self.target_embedding = nn.Embedding(target_vocab_size, embedding_size)
        self.encoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.decoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.project = nn.Linear(hidden_size, hidden_size, bias=False)
        self.combine = nn.Linear(2 * hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, target_vocab_size)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """(S,) token ids to (1, S, H) outputs and the (1, 1, H) state after the last."""
        state = torch.zeros(1, 1, self.hidden_size)
        outputs = []
        for token in source:
            output, state = self.encoder(self.source_embedding(token).view(1, 1, -1), state)
            outputs.append(output)
        return torch.cat(outputs, dim=1), state

    def step(self, token: Tensor, state: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """() token id to (1, V) logits of the next, and the new state."""
        output, state = self.decoder(self.target_embedding(token).view(1, 1, -1), state)
        weights = F.softmax(output @ self.project(outputs).transpose(1, 2), dim=-1)  # (1, 1, S)
        combined = torch.tanh(self.combine(torch.cat((output, weights @ outputs), dim=-1)))
        return self.output(combined[:, 0]), state

    def loss(self, source: Tensor, target: Tensor) -> Tensor:
        """Summed cross-entropy of (T,) target tokens, each decoder step fed the true token before it."""
        outputs, state = self.encode(source)
        token = torch.tensor(self.bos_id)
        total = torch.zeros(())
        for wanted in target:
            logits, state = self.step(token, state, outputs)
            total = total + F.cross_entropy(logits, wanted.view(1))
            token = wanted
        return total
