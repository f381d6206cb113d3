"""Sentence pairs: their files, their ids, and padded batches gathered by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.batches import TranslationBatch
from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.text_files import clean, read_lines
from seqlab.data.tokenizers import Tokenizer
from seqlab.data.vocabulary import SPECIAL
from seqlab.errors import UserError, shown

Pair = tuple[str, str]
FORMAT = "source, a tab, target; further columns are ignored"


def read_pairs(files: str | Path | Sequence[str | Path], counts: LineCounts | None = None) -> list[Pair]:
    """The pairs of one file of columns, or of two parallel files: source and target, plain or ``.gz``.

    Sides may be empty: whoever trains on them drops such pairs. ``counts`` gets the lines of a file of
    columns; of parallel files each line is used.

    Raises:
        UserError: a file that cannot be read, a line without a tab, or two files that are not parallel.
    """
    if isinstance(files, str | Path):
        return _from_columns(Path(files), counts or LineCounts(files))
    if len(files) != 2:
        raise UserError(
            f"{len(files)} files, {', '.join(map(str, files)) or 'none'}: give one of columns ({FORMAT}), or "
            "two parallel ones, source first"
        )
    source, target = (read_lines(path) for path in files)
    if len(source) != len(target):
        raise UserError(
            f"{files[0]} has {len(source):,} lines and {files[1]} has {len(target):,}: parallel files have a "
            "pair on each line"
        )
    return [(clean(one), clean(other)) for one, other in zip(source, target, strict=True)]


def _from_columns(path: Path, counts: LineCounts) -> list[Pair]:
    pairs = []
    for number, line in enumerate(read_lines(path, FORMAT, counts), start=1):
        if not line.strip():
            counts.skipped[BLANK] += 1
            continue
        columns = line.split("\t")
        if len(columns) < 2:
            raise UserError(f"{path}, line {number}: no tab in '{shown(line)}'; expected {FORMAT}")
        pairs.append((clean(columns[0]), clean(columns[1])))
    return pairs


def literal_pairs(entries: Sequence[Sequence[str]]) -> list[Pair]:
    """The pairs of ``data.pairs``, cleaned.

    Raises:
        UserError: no entry, or one that is not two texts.
    """
    if not entries:
        raise UserError("data.pairs is empty; give at least one [source, target]")
    for pair in entries:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise UserError(f"data.pairs holds {pair!r}: give [source, target], both texts (in quotes)")
    return [(clean(source), clean(target)) for source, target in entries]


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


def pair_batch(source: Sequence[int], target: Sequence[int], device: torch.device) -> TranslationBatch:
    """One encoded pair as a batch of its own."""
    encoded = EncodedPairs(*_flat([list(source)]), *_flat([list(target)]))
    return PairDataset(encoded, device)[torch.zeros(1, dtype=torch.long)]
