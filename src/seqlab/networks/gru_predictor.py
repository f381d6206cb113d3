"""Next-key prediction from a window: embedding, recurrent layers, linear to the vocabulary."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqlab.data.windows import NUM_DELAYS
from seqlab.networks.prefix_tree import last_states
from seqlab.networks.recurrent import Cell, Dropout, TokenNoise, check_share, check_size, sequence_layers

TOKENS_AT_ONCE = 131_072  # of all windows; training keeps some 8 kB of each


class GRUPredictor(nn.Module):
    """Reads a window of W keys and predicts the next (the key model of DeepLog: Du et al., CCS 2017, 3.1).

    Args:
        vocab_size, pad_id, unk_id: from the data; conf/model/gru.yaml says what the others are.
        times: also read the delay before each key, and predict the one before the next: networks/delays.py.

    Raises:
        UserError: a size, probability or cell out of range.
    """

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        unk_id: int,
        *,
        embedding_size: int = 32,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        input_noise: float = 0.0,
        cell: Cell = "gru",
        share_prefixes: bool = True,
        times: bool = False,
    ) -> None:
        super().__init__()
        check_share("dropout", dropout)
        check_size("embedding_size", embedding_size)
        self.tokens_at_once: float = TOKENS_AT_ONCE
        self.noise = TokenNoise("input_noise", input_noise, unk_id)
        self.delay_head: nn.Module | None = None
        embedding: type = nn.Embedding
        if times:
            from seqlab.networks.delays import DelayHead, KeyDelayEmbedding

            embedding = KeyDelayEmbedding
        self.embedding: nn.Embedding = embedding(vocab_size, embedding_size, padding_idx=pad_id)
        self.recurrent = sequence_layers(cell, embedding_size, hidden_size, num_layers, dropout)
        self.share_prefixes = share_prefixes and self.recurrent.shares_prefixes
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(hidden_size, vocab_size)
        if times:
            self.delay_head = DelayHead(hidden_size, vocab_size)

    def forward(self, contexts: Tensor) -> Tensor:
        """(C, W) token ids to (C, V) logits of the next key."""
        return self.output(self.states(contexts))

    def make_traceable(self) -> None:
        self.share_prefixes, self.tokens_at_once = False, math.inf

    def states(self, contexts: Tensor) -> Tensor:
        """(C, W) token ids, or ``key * NUM_DELAYS + delay``, to (C, H) what the outputs read."""
        contexts = self._noisy(contexts)
        if contexts.numel() <= self.tokens_at_once:
            return self.dropout(self._last_states(contexts))
        parts = contexts.split(max(TOKENS_AT_ONCE // contexts.shape[1], 1))
        # the backward pass computes each part again, so that only one is held at a time
        last = [checkpoint(self._last_states, part, use_reentrant=False) for part in parts]
        return self.dropout(torch.cat(last))

    def _last_states(self, contexts: Tensor) -> Tensor:
        """(C, W) what is read to (C, H)."""
        if self.share_prefixes and not contexts.is_cuda:  # there one fused kernel beats fewer steps
            return last_states(self.recurrent, self.embedding, contexts)
        return self.recurrent(self.embedding(contexts))[0][:, -1]

    def _noisy(self, contexts: Tensor) -> Tensor:
        if self.delay_head is None:
            return self.noise(contexts)
        from seqlab.networks.delays import split_inputs

        keys, delays = split_inputs(contexts)
        return self.noise(keys) * NUM_DELAYS + delays
