"""Every batch type of the project: the one place to learn shapes.

Legend: B batch, T steps, S source steps, W window, V vocabulary, E embedding, H hidden, F features,
C distinct contexts in a batch, P distinct (context, next key) pairs in a batch, D distinct sessions.

Batches are NamedTuples: they travel through DataLoader and Lightning, and models read fields by name.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class WindowBatch(NamedTuple):
    """The windows of some sessions, each distinct context once.

    A window is ``window_size`` keys and the key that comes next. Log windows repeat: the network runs once
    per distinct context, and the loss weighs each distinct pair by how often it occurs. With
    ``deduplicate=false`` every window is a pair of its own, and the counts are all 1.
    """

    contexts: Tensor  # (C, W) int64 token ids, left-padded
    pair_context: Tensor  # (P,) int64, row of `contexts` that the pair reads
    pair_target: Tensor  # (P,) int64 token id that comes next
    pair_count: Tensor  # (P,) float32, windows that are this pair

    @property
    def num_units(self) -> Tensor:
        """() windows in the batch, repeats counted."""
        return self.pair_count.sum()


class SessionBatch(NamedTuple):
    """Whole sessions for an autoencoder, each distinct session once."""

    source: Tensor  # (D, S) int64 keys then EOS, right-padded
    decoder_input: Tensor  # (D, S) int64 BOS then keys, right-padded: `source` one step later
    lengths: Tensor  # (D,) int64 keys + 1
    mask: Tensor  # (D, S) bool, True on real tokens
    session_count: Tensor  # (D,) float32, sessions of the batch that are this one

    @property
    def num_units(self) -> Tensor:
        """() tokens in the batch, EOS and repeats counted, padding not."""
        return (self.mask.sum(dim=1) * self.session_count).sum()
