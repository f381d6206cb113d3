"""Encoded pairs to padded batches, gathered by index; no Python list of ids per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import TranslationBatch
from seqlab.data.tokenizers import Tokenizer
from seqlab.data.vocabulary import SPECIAL


@dataclass(frozen=True)
class EncodedPairs:
    """N pairs as flat ids, without BOS and EOS."""

    source: NDArray[np.int32]  # all source ids, pair after pair
    source_offsets: NDArray[np.int64]  # (N + 1,)
    target: NDArray[np.int32]
    target_offsets: NDArray[np.int64]  # (N + 1,)

    def __len__(self) -> int:
        return len(self.source_offsets) - 1

    def sort_keys(self) -> Tensor:
        """(N,) by which pairs of similar length stand together: target length, then source length."""
        longest = int(np.diff(self.source_offsets).max(initial=0)) + 1
        keys = np.diff(self.target_offsets) * longest + np.diff(self.source_offsets)
        return torch.from_numpy(keys)

    def longer_sides(self) -> Tensor:
        """(N,) tokens of the longer side, EOS counted."""
        sides = np.maximum(np.diff(self.source_offsets), np.diff(self.target_offsets))
        return torch.from_numpy(sides + 1)


def encode_pairs(
    pairs: Sequence[tuple[str, str]], source_tokenizer: Tokenizer, target_tokenizer: Tokenizer
) -> EncodedPairs:
    """Encode texts, each once."""
    source, source_offsets = _flat([source_tokenizer.encode(text) for text, _ in pairs])
    target, target_offsets = _flat([target_tokenizer.encode(text) for _, text in pairs])
    return EncodedPairs(source, source_offsets, target, target_offsets)


def _flat(rows: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
    return np.fromiter((number for row in rows for number in row), np.int32, int(offsets[-1])), offsets


class PairDataset(Dataset[TranslationBatch]):
    """A tensor of rows to the batch of these pairs."""

    def __init__(self, encoded: EncodedPairs, device: torch.device) -> None:
        self.source = torch.from_numpy(encoded.source).to(device)
        self.source_offsets = torch.from_numpy(encoded.source_offsets).to(device)
        self.target = torch.from_numpy(encoded.target).to(device)
        self.target_offsets = torch.from_numpy(encoded.target_offsets).to(device)

    def __getitem__(self, rows: Tensor) -> TranslationBatch:
        rows = rows.to(self.source.device)
        source, source_lengths = ended(self.source, self.source_offsets, rows)
        target, target_lengths = ended(self.target, self.target_offsets, rows)
        steps = torch.arange(target.shape[1], device=target.device)
        decoder_input = torch.cat((torch.full_like(target[:, :1], SPECIAL.bos), target[:, :-1]), dim=1)
        decoder_input = decoder_input.masked_fill(steps >= target_lengths[:, None], SPECIAL.pad)
        return TranslationBatch(source, source_lengths, decoder_input, target, target_lengths, rows)


def ended(flat: Tensor, offsets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The sequences of some (B,) rows with EOS, right-padded to the longest: (B, T) and (B,) lengths."""
    starts, ends = offsets[rows], offsets[rows + 1]
    lengths = ends - starts + 1
    steps = torch.arange(int(lengths.max()), device=flat.device)
    places = starts[:, None] + steps  # (B, T)
    tokens = flat[places.clamp(max=len(flat) - 1)].long() if len(flat) else torch.zeros_like(places)
    tokens = tokens.masked_fill(steps == lengths[:, None] - 1, SPECIAL.eos)
    return tokens.masked_fill(steps >= lengths[:, None], SPECIAL.pad), lengths


def source_batch(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Encoded sources to (B, S) ids with EOS, right-padded, and (B,) lengths."""
    flat, offsets = _flat([list(row) for row in rows])
    return ended(
        torch.from_numpy(flat).to(device),
        torch.from_numpy(offsets).to(device),
        torch.arange(len(rows), device=device),
    )


def pair_batch(source: Sequence[int], target: Sequence[int], device: torch.device) -> TranslationBatch:
    """One encoded pair as a batch of its own."""
    encoded = EncodedPairs(*_flat([list(source)]), *_flat([list(target)]))
    return PairDataset(encoded, device)[torch.zeros(1, dtype=torch.long)]
