"""What a search gives, and what all searches ask of a network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqlab.networks.seq2seq import Seq2Seq


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


def next_log_probs(network: Seq2Seq, readout: Tensor, forbidden: Tensor) -> Tensor:
    """(N, 1, R) readouts to (N, V) log-probabilities in nats; forbidden tokens have none of it."""
    logits = network.output(readout[:, 0]).float()
    return logits.index_fill(1, forbidden, -torch.inf).log_softmax(dim=-1)


def forbidden_tokens(network: Seq2Seq, unk_id: int | None) -> Tensor:
    """PAD, BOS and, where given, UNK: no reader wants them in a translation."""
    ids = [network.pad_id, network.bos_id] + ([] if unk_id is None else [unk_id])
    return torch.tensor(ids, device=network.output.weight.device)


def take_state(state: Tensor | tuple[Tensor, Tensor], rows: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """(layers, N, H) states of the given rows."""
    if isinstance(state, tuple):
        return state[0].index_select(1, rows), state[1].index_select(1, rows)
    return state.index_select(1, rows)
