"""What turns a tagger's scores into a loss and into tags: a linear-chain CRF, or each token by itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMPOSSIBLE = -1e4  # added to a path's score: exp() of it is 0 in float32, and sums of it stay finite


def bio_transitions(num_tags: int) -> tuple[Tensor, Tensor]:
    """Which tag may follow which, where O is 0, type k has B- at 2k + 1 and I- at 2k + 2.

    Returns:
        (N, N) bool, True where tag j (last axis) may follow tag i, and (N,) bool, True where a sentence may
        begin: everything but an ``I-type`` that continues no entity of its type.
    """
    tags = torch.arange(num_tags)
    inside = (tags > 0) & (tags % 2 == 0)
    kinds = (tags + 1) // 2  # 0 for O
    return ~inside[None, :] | (kinds[:, None] == kinds[None, :]), ~inside


class IndependentTags(nn.Module):
    """Cross-entropy of each token, and its most likely tag; tags may follow each other in any order."""

    is_searched = False  # each token's tag is decided by itself

    def nll(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """() summed -log p of the tags, in nats, over real tokens; see LinearChainCRF for the shapes."""
        return F.cross_entropy(scores[mask], tags[mask], reduction="sum")

    def sentence_nll(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """(B,) the same of each sentence."""
        nll = F.cross_entropy(scores.transpose(1, 2), tags, reduction="none")  # (B, T)
        return nll.masked_fill(~mask, 0).sum(dim=1)

    def decode(self, scores: Tensor, mask: Tensor) -> Tensor:
        """(B, T) int64 most likely tags, 0 under padding."""
        return scores.argmax(dim=-1) * mask


class LinearChainCRF(nn.Module):
    """The probability of a whole sequence of tags: exp(its score) over the sum of all sequences' exp(score).

    A path's score is the sum of its tags' scores and of its transitions' (Lafferty, McCallum & Pereira,
    "Conditional random fields", ICML 2001; Lample et al., "Neural architectures for named entity
    recognition", NAACL 2016, section 2.2).

    Args:
        num_tags: N.
        bio: tags are in the order that ``bio_transitions`` describes, and transitions that BIO forbids have
            no probability; else any tag may follow any.
    """

    is_searched = True  # the best sequence is found step by step
    allowed: Tensor
    may_begin: Tensor

    def __init__(self, num_tags: int, *, bio: bool = True) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(num_tags, num_tags))  # from the first axis to the last
        self.begin = nn.Parameter(torch.zeros(num_tags))
        self.end = nn.Parameter(torch.zeros(num_tags))
        allowed, may_begin = torch.ones(num_tags, num_tags) > 0, torch.ones(num_tags) > 0
        if bio:
            allowed, may_begin = bio_transitions(num_tags)
        self.register_buffer("allowed", allowed, persistent=False)
        self.register_buffer("may_begin", may_begin, persistent=False)

    def _transitions(self) -> Tensor:
        return self.transitions.masked_fill(~self.allowed, IMPOSSIBLE)

    def _begin(self) -> Tensor:
        return self.begin.masked_fill(~self.may_begin, IMPOSSIBLE)

    def nll(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """() summed -log p of the sentences' tags, in nats.

        Args:
            scores: (B, T, N) float32, one score per token and tag.
            tags: (B, T) int64, a sequence that is allowed; anything under padding.
            mask: (B, T) bool, True on real tokens, which come first.
        """
        return self.sentence_nll(scores, tags, mask).sum()

    def sentence_nll(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """(B,) the same of each sentence."""
        return self.log_partition(scores, mask) - self.path_score(scores, tags, mask)

    def path_score(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """(B,) score of the given tags."""
        emitted = scores.gather(2, tags[..., None]).squeeze(2)  # (B, T)
        moved = self._transitions()[tags[:, :-1], tags[:, 1:]]  # (B, T - 1)
        last = tags.gather(1, mask.sum(dim=1, keepdim=True) - 1).squeeze(1)
        inner = (emitted * mask).sum(dim=1) + (moved * mask[:, 1:]).sum(dim=1)
        return self._begin()[tags[:, 0]] + inner + self.end[last]

    def log_partition(self, scores: Tensor, mask: Tensor) -> Tensor:
        """(B,) log of the sum over all paths of exp(score), by the forward algorithm: O(T N^2)."""
        transitions = self._transitions()
        alpha = self._begin() + scores[:, 0]  # (B, N)
        for step in range(1, scores.shape[1]):
            longer = torch.logsumexp(alpha[:, :, None] + transitions, dim=1) + scores[:, step]
            alpha = torch.where(mask[:, step, None], longer, alpha)
        return torch.logsumexp(alpha + self.end, dim=1)

    def decode(self, scores: Tensor, mask: Tensor) -> Tensor:
        """(B, T) int64 tags of the best path of each sentence (Viterbi), 0 under padding."""
        transitions = self._transitions()
        best = self._begin() + scores[:, 0]  # (B, N)
        stay = torch.arange(scores.shape[2], device=scores.device).expand_as(best)
        came_from = []
        for step in range(1, scores.shape[1]):
            longer, previous = (best[:, :, None] + transitions).max(dim=1)
            real = mask[:, step, None]
            best = torch.where(real, longer + scores[:, step], best)
            came_from.append(torch.where(real, previous, stay))  # under padding a path stays at its last tag
        tag = (best + self.end).argmax(dim=1, keepdim=True)  # (B, 1)
        path = [tag]
        for previous in reversed(came_from):
            tag = previous.gather(1, tag)
            path.append(tag)
        return torch.cat(path[::-1], dim=1) * mask
