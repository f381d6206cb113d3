"""Greedy and beam search: translations written token by token, batched over sources."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqlab.errors import UserError
from seqlab.networks.contracts import State, TranslationNetwork


class Hypothesis(NamedTuple):
    """The translation found for one source."""

    tokens: list[int]  # without BOS and EOS
    score: float  # log-probability in nats, EOS counted, over ``length_divisor``


def length_divisor(length: int, length_penalty: float) -> float:
    """``((5 + length) / 6) ** length_penalty`` (Wu et al., 2016, equation 14); length counts EOS."""
    return ((5 + length) / 6) ** length_penalty


def length_limits(source_lengths: Tensor, max_length: int | None) -> Tensor:
    """(B,) most tokens to write, EOS counted: twice the source and ten, at most ``max_length``."""
    limits = 2 * source_lengths + 10
    return limits if max_length is None else limits.clamp(max=max_length)


def next_log_probs(network: TranslationNetwork, readout: Tensor, forbidden: Tensor) -> Tensor:
    """(N, 1, R) readouts to (N, V) log-probabilities in nats; forbidden tokens have none of it."""
    logits = network.output(readout[:, 0]).float()
    return logits.index_fill(1, forbidden, -torch.inf).log_softmax(dim=-1)


def forbidden_tokens(network: TranslationNetwork, unk_id: int | None) -> Tensor:
    """PAD, BOS and, where given, UNK: no reader wants them in a translation."""
    ids = [network.pad_id, network.bos_id] + ([] if unk_id is None else [unk_id])
    return torch.tensor(ids, device=network.output.weight.device)


def take_state(state: State, rows: Tensor) -> State:
    """(layers, N, ...) states of the given rows."""
    if isinstance(state, tuple):
        return tuple(part.index_select(1, rows) for part in state)
    return state.index_select(1, rows)


@torch.inference_mode()
def greedy_search(
    network: TranslationNetwork,
    source: Tensor,
    source_lengths: Tensor,
    *,
    length_penalty: float = 1.0,
    unk_id: int | None = None,
    max_length: int | None = None,
) -> list[Hypothesis]:
    """Always the likeliest next token, of all sources at once; the arguments are those of ``beam_search``."""
    memory, state = network.encode(source, source_lengths)
    forbidden = forbidden_tokens(network, unk_id)
    limits = length_limits(source_lengths, max_length)
    written: list[list[int]] = [[] for _ in range(len(source))]
    scores = torch.zeros(len(source), dtype=torch.float64, device=source.device)
    steps = torch.zeros_like(source_lengths)
    rows = torch.arange(len(source), device=source.device)  # the sources still being translated
    tokens = torch.full_like(rows, network.bos_id)
    for length in range(1, int(limits.max()) + 1):
        readout, _, state = network.decoder.readout(tokens[:, None], state, memory)
        best, tokens = next_log_probs(network, readout, forbidden).max(dim=-1)
        scores[rows] += best
        steps[rows] = length
        has_ended = tokens == network.eos_id
        for row, token, ended in zip(rows.tolist(), tokens.tolist(), has_ended.tolist(), strict=True):
            if not ended:
                written[row].append(token)
        keep = (~has_ended & (length < limits[rows])).nonzero()[:, 0]
        if not len(keep):
            break
        if len(keep) < len(rows):
            rows, tokens = rows[keep], tokens[keep]
            memory, state = memory.take(keep), take_state(state, keep)
    return [
        Hypothesis(tokens, score / length_divisor(length, length_penalty))
        for tokens, score, length in zip(written, scores.tolist(), steps.tolist(), strict=True)
    ]


@torch.inference_mode()
def beam_search(
    network: TranslationNetwork,
    source: Tensor,
    source_lengths: Tensor,
    *,
    beam_size: int = 5,
    length_penalty: float = 1.0,
    unk_id: int | None = None,
    max_length: int | None = None,
) -> list[Hypothesis]:
    """Translate a batch; each source has at most ``beam_size`` hypotheses in work.

    At each step, of all one-token extensions of a source's hypotheses the best K are kept: those that end are
    finished, the others go on. A source is done once none goes on or none that does can beat the best
    finished one, or at its length limit; it then leaves the batch.

    Args:
        source: (B, S) token ids and EOS, right-padded.
        source_lengths: (B,) EOS counted.
        beam_size: K.
        length_penalty: 0 compares sums of log-probabilities, which favors short; see ``length_divisor``.
        unk_id: never written where given.
        max_length: most tokens to write, EOS counted; null: twice the source's length and ten.

    Returns:
        The best hypothesis of each of the B sources.

    Raises:
        UserError: a beam below 1 or a negative penalty.
    """
    if beam_size < 1:
        raise UserError(f"beam_size={beam_size}: give a whole number, at least 1")
    if length_penalty < 0:
        raise UserError(f"length_penalty={length_penalty}: give 0 (none) or more; 1 is usual")
    memory, state = network.encode(source, source_lengths)
    forbidden = forbidden_tokens(network, unk_id)
    num_sources, device = len(source), source.device
    limits = length_limits(source_lengths, max_length)
    best = [Hypothesis([], -torch.inf) for _ in range(num_sources)]
    rows = torch.arange(num_sources, device=device)  # the sources still being translated
    state = take_state(state, rows.repeat_interleave(beam_size))
    # doubles: in a sum of many tokens' float32 two extensions that differ would be equal
    scores = torch.full((num_sources, beam_size), -torch.inf, dtype=torch.float64, device=device)
    scores[:, 0] = 0  # all K begin alike: only one of them may be extended at the first step
    tokens = torch.full((num_sources, beam_size, 1), network.bos_id, device=device)  # (B, K, t)
    for length in range(1, int(limits.max()) + 1):
        readout, _, state = network.decoder.readout(tokens[:, :, -1].reshape(-1, 1), state, memory)
        log_probs, likely = best_first(next_log_probs(network, readout, forbidden), beam_size)  # (B * K, k)
        totals = (scores.reshape(-1, 1) + log_probs).reshape(len(rows), -1)  # (B, K * k)
        scores, place = totals.sort(dim=1, descending=True, stable=True)
        scores, place = scores[:, :beam_size], place[:, :beam_size]  # (B, K), best first
        parent, token = place // likely.shape[1], likely.reshape(len(rows), -1).gather(1, place)
        tokens = torch.cat((tokens.gather(1, parent[..., None].expand_as(tokens)), token[..., None]), dim=2)
        has_ended = token == network.eos_id
        divisor = length_divisor(length, length_penalty)
        _finish(best, rows, tokens, scores / divisor, has_ended)
        row_limits = limits[rows]
        is_last = length >= row_limits
        _cut_off(best, rows, tokens, scores / divisor, is_last)
        scores = scores.masked_fill(has_ended, -torch.inf)
        # the best a hypothesis in work can still reach: nothing added, the longest length's divisor
        reachable = scores.amax(dim=1) / ((5 + row_limits) / 6) ** length_penalty
        found = torch.tensor([best[row].score for row in rows.tolist()], dtype=torch.float64, device=device)
        keep = (~is_last & (reachable > found)).nonzero()[:, 0]
        if not len(keep):
            break
        first = torch.arange(len(rows), device=device)[:, None] * beam_size
        parents = (first + parent)[keep].reshape(-1)
        state = take_state(state, parents)
        if len(keep) < len(rows):
            rows, scores, tokens, memory = rows[keep], scores[keep], tokens[keep], memory.take(keep)
    return best


def best_first(values: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row of (N, V) values and their columns, k = min(``number``, V).

    Of equal values the first column comes first, as in ``max``; ``topk`` promises no order.
    """
    values = values.clone()
    found = []
    for _ in range(min(number, values.shape[1])):
        largest = values.max(dim=1, keepdim=True)
        found.append(largest)
        values.scatter_(1, largest.indices, -torch.inf)
    return torch.cat([one.values for one in found], dim=1), torch.cat([one.indices for one in found], dim=1)


def _finish(best: list[Hypothesis], rows: Tensor, tokens: Tensor, scores: Tensor, has_ended: Tensor) -> None:
    """Note each source's best hypothesis that ended now, where it beats what was finished before."""
    ended_scores, rank = scores.masked_fill(~has_ended, -torch.inf).max(dim=1)
    for place, (row, score) in enumerate(zip(rows.tolist(), ended_scores.tolist(), strict=True)):
        if score > best[row].score:
            best[row] = Hypothesis(tokens[place, rank[place], 1:-1].tolist(), score)


def _cut_off(best: list[Hypothesis], rows: Tensor, tokens: Tensor, scores: Tensor, is_last: Tensor) -> None:
    """A source at its limit with nothing finished gets its best hypothesis in work, unended."""
    for place in is_last.nonzero()[:, 0].tolist():
        row = int(rows[place])
        if best[row].score == -torch.inf:
            best[row] = Hypothesis(tokens[place, 0, 1:].tolist(), float(scores[place, 0]))
