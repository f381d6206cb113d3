"""A causal temporal convolution network, for the next event of a log and for the next token of a text.

Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
Modeling", 2018, section 3.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class CausalConvolution(nn.Module):
    """(B, channels, T) to the same shape; a step sees itself and what came before it, nothing after."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.before = (kernel_size - 1) * dilation
        self.convolution = weight_norm(nn.Conv1d(channels, channels, kernel_size, dilation=dilation))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.convolution(F.pad(inputs, (self.before, 0)))


class TemporalBlocks(nn.Module):
    """Embedded tokens through residual blocks of two convolutions; the dilation doubles from block to block.

    Args:
        vocab_size, pad_id: from the data.
        channels: width of embeddings and convolutions.
        kernel_size: steps that a convolution reads.
        num_blocks: of two convolutions each, dilated 1, 2, 4, ...
        dropout: after each convolution.
    """

    def __init__(
        self, vocab_size: int, pad_id: int, channels: int, kernel_size: int, num_blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, channels, padding_idx=pad_id)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                CausalConvolution(channels, kernel_size, 2**place),
                nn.ReLU(),
                nn.Dropout(dropout),
                CausalConvolution(channels, kernel_size, 2**place),
                nn.ReLU(),
                nn.Dropout(dropout),
            )
            for place in range(num_blocks)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) token ids to (B, T, channels)."""
        hidden = self.embedding(tokens).transpose(1, 2)  # (B, channels, T)
        for block in self.blocks:
            hidden = F.relu(hidden + block(hidden))
        return hidden.transpose(1, 2)


class CausalTCN(nn.Module):
    """For seqlab's NextEvent: a window of keys to logits of the key that comes next. See TemporalBlocks."""

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        *,
        channels: int = 64,
        kernel_size: int = 3,
        num_blocks: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = TemporalBlocks(vocab_size, pad_id, channels, kernel_size, num_blocks, dropout)
        self.output = nn.Linear(channels, vocab_size)

    def forward(self, contexts: Tensor) -> Tensor:
        """(C, W) token ids to (C, V) logits."""
        return self.output(self.blocks(contexts)[:, -1])


class TextTCN(nn.Module):
    """For seqlab's LanguageModel: tokens to logits of each next one; it has no state. See TemporalBlocks."""

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        *,
        channels: int = 96,
        kernel_size: int = 3,
        num_blocks: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = TemporalBlocks(vocab_size, pad_id, channels, kernel_size, num_blocks, dropout)
        self.output = nn.Linear(channels, vocab_size)
        field = 1 + 2 * (kernel_size - 1) * (2**num_blocks - 1)  # tokens that a prediction sees
        self.context_size = 2 * field  # seqlab reads by windows of which half stand before a prediction

    def forward(self, tokens: Tensor, state: None = None) -> tuple[Tensor, None]:
        """(B, T) token ids to (B, T, V) logits."""
        return self.output(self.blocks(tokens)), None
