"""Attention over encoder states. The base class masks and normalizes; a scorer writes only its score."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from seqlab.errors import UserError


class Attention(nn.Module, ABC):
    """Weights over S source states for each of T decoder states, all steps in one product.

    ``weights = softmax over s of score(query_t, key_s)``, with no weight on padding.
    """

    def project_keys(self, keys: Tensor) -> Tensor:
        """(B, S, H) encoder states to what ``score`` reads of them: what no decoder state changes."""
        return keys

    def cells_per_step(self, projected: Tensor) -> int:
        """Numbers that ``score`` makes for one step of the decoder, in each of B rows."""
        return projected.shape[0] * projected.shape[1]

    @abstractmethod
    def score(self, query: Tensor, projected: Tensor) -> Tensor:
        """(B, T, H) decoder states and (B, S, H) projected keys to (B, T, S)."""

    def forward(
        self, query: Tensor, keys: Tensor, mask: Tensor, projected: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Contexts and weights.

        Args:
            query: (B, T, H) decoder states.
            keys: (B, S, H) encoder states.
            mask: (B, S) True on real source tokens; each row has at least one.
            projected: ``project_keys(keys)`` where it is known already, as in step by step decoding.

        Returns:
            (B, T, H) contexts and (B, T, S) weights with row sum 1.
        """
        projected = self.project_keys(keys) if projected is None else projected
        scores = self.score(query, projected).masked_fill(~mask[:, None, :], -math.inf)
        weights = scores.softmax(dim=-1)
        return weights @ keys, weights


class DotAttention(Attention):
    """``q . k`` (Luong et al., EMNLP 2015, equation 8, dot)."""

    def score(self, query: Tensor, projected: Tensor) -> Tensor:
        return query @ projected.transpose(1, 2)


class ScaledDotAttention(DotAttention):
    """``q . k / sqrt(H)`` (Vaswani et al., NeurIPS 2017, equation 1)."""

    def score(self, query: Tensor, projected: Tensor) -> Tensor:
        return super().score(query, projected) / math.sqrt(projected.shape[-1])


class GeneralAttention(DotAttention):
    """``q . W k`` (Luong et al., EMNLP 2015, equation 8, general)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.project = nn.Linear(hidden_size, hidden_size, bias=False)

    def project_keys(self, keys: Tensor) -> Tensor:
        return self.project(keys)


class ConcatAttention(Attention):
    """``v . tanh(W [q; k])`` (Bahdanau et al., ICLR 2015, appendix A.1.2), W split in its two halves."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.project_query = nn.Linear(hidden_size, hidden_size)
        self.project_key = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reduce = nn.Linear(hidden_size, 1, bias=False)

    def project_keys(self, keys: Tensor) -> Tensor:
        return self.project_key(keys)

    def score(self, query: Tensor, projected: Tensor) -> Tensor:
        pairs = self.project_query(query)[:, :, None] + projected[:, None]  # (B, T, S, H)
        return self.reduce(torch.tanh(pairs)).squeeze(-1)

    def cells_per_step(self, projected: Tensor) -> int:
        return projected.numel()


class LocationAttention(Attention):
    """``W q``: a score for each place, whatever stands there (Luong et al., EMNLP 2015, section 3.1).

    It knows ``max_length`` places, the longest training session; places beyond it get the score of the last,
    so that a longer session is read, at its tail, without preference.
    """

    def __init__(self, hidden_size: int, max_length: int) -> None:
        super().__init__()
        self.project = nn.Linear(hidden_size, max_length)

    def score(self, query: Tensor, projected: Tensor) -> Tensor:
        places = torch.arange(projected.shape[1], device=projected.device).clamp(
            max=self.project.out_features - 1
        )
        return self.project(query).index_select(-1, places)


ATTENTIONS: dict[str, Callable[[int, int], Attention | None]] = {
    "dot": lambda hidden_size, max_length: DotAttention(),
    "scaled_dot": lambda hidden_size, max_length: ScaledDotAttention(),
    "general": lambda hidden_size, max_length: GeneralAttention(hidden_size),
    "concat": lambda hidden_size, max_length: ConcatAttention(hidden_size),
    "location": LocationAttention,
    "none": lambda hidden_size, max_length: None,
}


def attention_layer(name: str, hidden_size: int, max_length: int) -> Attention | None:
    """The attention of that name; None for ``none``.

    Raises:
        UserError: an unknown name.
    """
    if name not in ATTENTIONS:
        raise UserError(f"model.network.attention={name}: choose {', '.join(ATTENTIONS)}")
    return ATTENTIONS[name](hidden_size, max_length)
