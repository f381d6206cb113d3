"""Draw what a language model writes, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.reading import read_on


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn; the settings narrow the choice one after the other, in this order.

    Args:
        temperature: divides the logits: below 1 the likely becomes likelier; 0 takes the likeliest always.
        top_k: of so many likeliest tokens only (Fan et al., ACL 2018); None for all.
        top_p: of the fewest likeliest tokens that together have at least this probability (Holtzman et al.,
            ICLR 2020); 1 for all.

    Raises:
        UserError: a setting out of range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise UserError(
                f"temperature {self.temperature}: give 0 (always the likeliest) or more; 1 is usual"
            )
        if self.top_k is not None and self.top_k < 1:
            raise UserError(f"top-k {self.top_k}: give a whole number, at least 1; leave it out for all")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top-p {self.top_p}: give a probability above 0, at most 1 (all tokens)")

    def probabilities(self, logits: Tensor) -> Tensor:
        """(V,) logits, -inf where a token may not be written, to the (V,) probabilities to draw from."""
        if self.temperature == 0:
            return torch.zeros_like(logits).index_fill(0, logits.argmax(), 1.0)
        logits = (logits - logits.max()) / self.temperature
        if self.top_k is not None and self.top_k < len(logits):
            kept = logits.topk(self.top_k).indices
            logits = torch.full_like(logits, -torch.inf).index_copy(0, kept, logits[kept])
        probabilities = logits.softmax(dim=0)
        if self.top_p < 1:
            ordered, tokens = probabilities.sort(descending=True, stable=True)
            is_cut = ordered.cumsum(0) - ordered >= self.top_p  # what stands before suffices already
            probabilities = probabilities.index_fill(0, tokens[is_cut], 0.0)
        return probabilities / probabilities.sum()


@torch.inference_mode()
def sample_tokens(
    network: nn.Module,
    prompt: Sequence[int],
    *,
    sampling: Sampling,
    forbidden: Sequence[int],
    seed: int,
) -> Iterator[int]:
    """Write on after a prompt, one token at a time, without end.

    Args:
        prompt: ids that are read first, at least one.
        forbidden: ids that are never written.
        seed: of the draws.
    """
    network.eval()
    device = next(network.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    never = torch.tensor(list(forbidden), dtype=torch.long)
    tokens, state, before = torch.tensor([list(prompt)], device=device), None, None
    while True:
        logits, state, before = read_on(network, tokens, state, before)
        weights = sampling.probabilities(logits[0, -1].float().cpu().index_fill(0, never, -torch.inf))
        drawn = int(torch.multinomial(weights, 1, generator=generator))
        yield drawn
        tokens = torch.tensor([[drawn]], device=device)
