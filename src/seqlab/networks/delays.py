"""The second input and the second output of a network that reads when events came: buckets of delays."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.data.windows import NO_DELAY, NUM_DELAYS


class KeyDelayEmbedding(nn.Embedding):
    """Embeds ``key * NUM_DELAYS + delay``: the sum of the key's vector and that of the delay before it.

    Args:
        vocab_size: V keys; ids go up to V * NUM_DELAYS.
        size: E.
        padding_idx: the key of padding; its vector is 0, as is that of NO_DELAY.
    """

    def __init__(self, vocab_size: int, size: int, padding_idx: int) -> None:
        super().__init__(vocab_size, size, padding_idx=padding_idx)
        self.num_embeddings = vocab_size * NUM_DELAYS  # ids that it takes
        self.delays = nn.Embedding(NUM_DELAYS, size, padding_idx=NO_DELAY)

    def forward(self, input: Tensor) -> Tensor:
        keys, delays = split_inputs(input)
        return super().forward(keys) + self.delays(delays)


def split_inputs(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The keys and the delays of ids ``key * NUM_DELAYS + delay``."""
    return inputs // NUM_DELAYS, inputs % NUM_DELAYS


class DelayHead(nn.Module):
    """From what came before and the key that comes next to the bucket of the delay between them.

    ``logits = W tanh(U h + e(key)) + b``: some events are awaited for long, whatever came before.
    """

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__()
        self.before = nn.Linear(hidden_size, hidden_size)
        self.key = nn.Embedding(vocab_size, hidden_size)
        self.output = nn.Linear(hidden_size, NUM_DELAYS)

    def forward(self, states: Tensor, pair_context: Tensor, pair_target: Tensor) -> Tensor:
        """(C, H) states, (P,) rows of them and (P,) keys to (P, NUM_DELAYS) logits."""
        before = self.before(states).index_select(0, pair_context)
        return self.output(torch.tanh(before + self.key(pair_target)))


def delay_loss(logits: Tensor, delays: Tensor) -> Tensor:
    """(P,) cross-entropy in nats of (P,) buckets; 0 for NO_DELAY.

    Args:
        logits: (P, NUM_DELAYS).
    """
    return F.cross_entropy(logits.float(), delays, reduction="none", ignore_index=NO_DELAY)


def longer(logits: Tensor, delays: Tensor) -> Tensor:
    """(P,) ``-log P(delay at least as long)`` in nats: the tail of the predicted distribution of buckets.

    Args:
        logits: (P, NUM_DELAYS).
        delays: (P,) buckets; 0 nats for NO_DELAY.
    """
    tails = logits.float().log_softmax(dim=1).flip(1).logcumsumexp(dim=1).flip(1)
    found = -tails.gather(1, delays[:, None])[:, 0]
    return torch.where(delays == NO_DELAY, 0, found.clamp(min=0))
