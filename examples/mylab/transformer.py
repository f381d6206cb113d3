"""A small Transformer that reads a whole sequence and gives its label.

The encoder of Vaswani et al., "Attention Is All You Need", 2017. It normalizes before each part, as in Xiong
et al., "On Layer Normalization in the Transformer Architecture", 2020.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.data.batches import LabelledBatch


class Layer(nn.Module):
    """Attention over all real steps, then two linear layers; each added to what went in."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.before_attention, self.before_linear = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_queries_keys_values = nn.Linear(width, 3 * width)
        self.from_heads = nn.Linear(width, width)
        self.linear = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, is_real: Tensor) -> Tensor:
        """(B, T, width) steps and (B, T) bool, False on padding, to (B, T, width)."""
        size = (*steps.shape[:2], 3, self.num_heads, -1)
        parts = self.to_queries_keys_values(self.before_attention(steps)).reshape(size)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind()  # each (B, heads, T, width / heads)
        read = F.scaled_dot_product_attention(queries, keys, values, is_real[:, None, None, :])
        steps = steps + self.dropout(self.from_heads(read.transpose(1, 2).flatten(2)))
        return steps + self.dropout(self.linear(self.before_linear(steps)))


class SequenceTransformer(nn.Module):
    """For seqlab's Classification.

    Args:
        vocab_size, pad_id, num_classes: from the data.
        width: of embeddings and layers; a multiple of ``num_heads``.
        num_heads: of attention.
        num_layers: of attention and linear layers.
        longest: sequence that positions are learned for, marks at both ends counted; what is longer is not
            read to its end.
        dropout: in each layer.
    """

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        num_classes: int,
        *,
        width: int = 32,
        num_heads: int = 2,
        num_layers: int = 2,
        longest: int = 514,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.longest = longest
        self.embedding = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.positions = nn.Parameter(0.02 * torch.randn(longest, width))
        self.layers = nn.ModuleList(Layer(width, num_heads, dropout) for _ in range(num_layers))
        self.output = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, num_classes))

    def forward(self, batch: LabelledBatch) -> Tensor:
        """A batch to (1, B, C) log-probabilities of C classes, from the mean over real steps."""
        tokens = batch.tokens[:, : self.longest]
        is_real = torch.arange(tokens.shape[1], device=tokens.device) < batch.lengths[:, None]
        steps = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        for layer in self.layers:
            steps = layer(steps, is_real)
        weights = is_real / is_real.sum(dim=1, keepdim=True)  # (B, T)
        return self.output((steps * weights[:, :, None]).sum(dim=1)).log_softmax(dim=-1)[None]
