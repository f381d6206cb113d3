"""The parts of a Transformer: attention of several heads, feed-forward layers, pre-norm blocks."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.recurrent import Dropout, check_share, check_size
from seqlab.networks.rotary import Turns, turned


class Held(NamedTuple):
    """Keys and values of K steps read before, of h heads of size D; keys are not turned yet.

    So places count from the oldest step that is held: those that were forgotten leave no trace, and an angle
    never grows beyond what ``turns`` is given.
    """

    keys: Tensor  # (B, h, K, D)
    values: Tensor  # (B, h, K, D)

    def then(self, keys: Tensor, values: Tensor) -> Held:
        """Those of (B, h, T, D) later steps behind them."""
        return Held(torch.cat((self.keys, keys), dim=2), torch.cat((self.values, values), dim=2))


def check_heads(hidden_size: int, num_heads: int) -> None:
    """Raise UserError unless the heads share the width evenly, an even size each."""
    check_size("hidden_size", hidden_size)
    if not isinstance(num_heads, int) or num_heads < 1 or hidden_size % (2 * num_heads):
        fitting = [str(number) for number in range(1, 33) if hidden_size % (2 * number) == 0]
        raise UserError(
            f"num_heads={num_heads} of hidden_size={hidden_size}: each head needs an equal share of the "
            f"width, an even number; choose {', '.join(fitting) if fitting else 'an even hidden_size'}"
        )


def split_heads(vectors: Tensor, num_heads: int) -> Tensor:
    """(B, T, H) to (B, h, T, H / h)."""
    return vectors.unflatten(-1, (num_heads, -1)).transpose(1, 2)


class SelfAttention(nn.Module):
    """Each step reads steps of its own sequence (Vaswani et al., NeurIPS 2017, section 3.2.2).

    Weights are never dropped: torch's fused kernels for the CPU have no dropout.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self, steps: Tensor, places: Turns, mask: Tensor | None, is_causal: bool, held: Held | None = None
    ) -> tuple[Tensor, Held]:
        """What (B, T, H) steps read, and the keys and values, those before among them.

        Args:
            places: the angles of the K + T steps held and given.
            mask: True where one of T steps reads one of K + T, in a shape that broadcasts to
                (B, h, T, K + T); None for all.
            is_causal: without a mask: no step reads a later one.
        """
        made = self.queries_keys_values(steps).chunk(3, dim=-1)
        queries, keys, values = (split_heads(part, self.num_heads) for part in made)
        known = Held(keys, values) if held is None else held.then(keys, values)
        read = F.scaled_dot_product_attention(
            turned(queries, places.last(steps.shape[1])),
            turned(known.keys, places),
            known.values,
            attn_mask=mask,
            is_causal=is_causal and mask is None,
        )
        return self.output(read.transpose(1, 2).flatten(2)), known


class FeedForward(nn.Sequential):
    """Two linear layers with a GELU between them (Hendrycks and Gimpel, 2016).

    Not SwiGLU (Shazeer, 2020): with as many weights both take the same time on a CPU, and this is simpler.
    """

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__(nn.Linear(width, inner), nn.GELU(), Dropout(dropout), nn.Linear(inner, width))


class Block(nn.Module):
    """Attention, then the feed-forward layers; each normalizes first and is added to what went in.

    (Pre-norm: Xiong et al., ICML 2020, figure 1 b. It needs no long warm-up.)
    """

    def __init__(self, width: int, num_heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, num_heads)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, inner, dropout)
        self.dropout = Dropout(dropout)

    def forward(
        self, steps: Tensor, places: Turns, mask: Tensor | None, is_causal: bool, held: Held | None = None
    ) -> tuple[Tensor, Held]:
        """As ``SelfAttention``."""
        read, known = self.attention(self.attention_norm(steps), places, mask, is_causal, held)
        steps = steps + self.dropout(read)
        return steps + self.dropout(self.feed_forward(self.feed_forward_norm(steps))), known


def initialize(blocks: nn.Module, num_residuals: int) -> None:
    """Start linear layers as Glorot and Bengio (2010), biases at zero, as Vaswani et al. did.

    What is added to a residual stream is divided by the root of how often that happens (Radford et al.,
    GPT-2, 2019, section 2.3), so that its variance does not grow with depth.
    """
    for name, part in blocks.named_modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
            if name.endswith(("attention.output", "feed_forward.3")):
                with torch.no_grad():
                    part.weight.div_(math.sqrt(num_residuals))


def check_transformer(hidden_size: int, num_heads: int, dropout: float, feed_forward_size: int | None) -> int:
    """The width inside the feed-forward layers; raises UserError where a setting is out of range."""
    check_heads(hidden_size, num_heads)
    check_share("dropout", dropout)
    if feed_forward_size is None:
        return 4 * hidden_size
    check_size("feed_forward_size", feed_forward_size)
    return feed_forward_size
