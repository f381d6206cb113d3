"""Greedy search: always the likeliest next token."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlab.networks.seq2seq import Seq2Seq
from seqlab.search.hypotheses import (
    Hypothesis,
    forbidden_tokens,
    length_divisor,
    length_limits,
    next_log_probs,
    take_state,
)


@torch.inference_mode()
def greedy_search(
    network: Seq2Seq,
    source: Tensor,
    source_lengths: Tensor,
    *,
    length_penalty: float = 1.0,
    unk_id: int | None = None,
    max_length: int | None = None,
) -> list[Hypothesis]:
    """Translate a batch, all sources at once; those that have ended leave the batch.

    Args:
        source: (B, S) token ids and EOS, right-padded.
        source_lengths: (B,) EOS counted.
        length_penalty: of the scores alone; see ``length_divisor``.
        unk_id: never written where given.
        max_length: most tokens to write, EOS counted; null: twice the source's length and ten.

    Returns:
        B hypotheses.
    """
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
