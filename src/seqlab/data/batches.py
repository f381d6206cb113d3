"""Every batch type of the project: the one place to learn shapes.

Legend: B batch, T steps, S source steps, W window, V vocabulary, E embedding, H hidden, F features,
C distinct contexts in a batch, P distinct (context, next key) pairs in a batch, D distinct sessions.

Batches are NamedTuples: they travel through DataLoader and Lightning, and models read fields by name.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from seqlab.data.vocabulary import SPECIAL


class WindowBatch(NamedTuple):
    """The windows of some sessions, each distinct context once.

    A window is ``window_size`` keys and the key that comes next. Log windows repeat: the network runs once
    per distinct context, and the loss weighs each distinct pair by how often it occurs. With
    ``deduplicate=false`` every window is a pair of its own, and the counts are all 1. With
    ``data.times=true`` contexts hold ``key * NUM_DELAYS + delay``.
    """

    contexts: Tensor  # (C, W) int64 token ids, left-padded
    pair_context: Tensor  # (P,) int64, row of `contexts` that the pair reads
    pair_target: Tensor  # (P,) int64 token id that comes next
    pair_count: Tensor  # (P,) float32, windows that are this pair
    pair_delay: Tensor | None = (
        None  # (P,) int64 bucket of the time between the two; None: keys alone are read
    )

    @property
    def num_units(self) -> Tensor:
        """() windows in the batch, repeats counted."""
        return self.pair_count.sum()


class SessionBatch(NamedTuple):
    """Whole sessions, or pieces of longer ones, for an autoencoder, each distinct one once."""

    source: Tensor  # (D, S) int64 keys then, in a session's last piece, EOS; right-padded
    decoder_input: Tensor  # (D, S) int64 BOS then keys, right-padded: `source` one step later
    lengths: Tensor  # (D,) int64 keys, EOS counted
    mask: Tensor  # (D, S) bool, True on real tokens
    session_count: Tensor  # (D,) float32, sessions of the batch that are this one

    @property
    def num_units(self) -> Tensor:
        """() tokens in the batch, EOS and repeats counted, padding not."""
        return (self.mask.sum(dim=1) * self.session_count).sum()


class TagBatch(NamedTuple):
    """Tagged sentences. Each of the U distinct words of the batch is spelled once, by at most L letters."""

    words: Tensor  # (B, T) int64 word ids, right-padded
    shapes: Tensor  # (B, T) int64 number in tagged.SHAPES, 0 under padding
    spelling: Tensor  # (B, T) int64, row of `letters` that spells the word; 0 under padding
    letters: Tensor  # (U, L) int64 character ids, right-padded
    letter_counts: Tensor  # (U,) int64 characters of each word, at least 1
    tags: Tensor  # (B, T) int64 tag ids, 0 (O) under padding; types that training lacks come last
    lengths: Tensor  # (B,) int64 tokens
    mask: Tensor  # (B, T) bool, True on real tokens

    @property
    def num_units(self) -> Tensor:
        """() tokens in the batch, padding not counted."""
        return self.lengths.sum()


class TranslationBatch(NamedTuple):
    """Source and target sequences of B pairs."""

    source: Tensor  # (B, S) int64 source tokens then EOS, right-padded
    source_lengths: Tensor  # (B,) int64 source tokens + 1
    decoder_input: Tensor  # (B, T) int64 BOS then target tokens, right-padded: `target` one step later
    target: Tensor  # (B, T) int64 target tokens then EOS, right-padded
    target_lengths: Tensor  # (B,) int64 target tokens + 1
    pair: Tensor  # (B,) int64 row of the pair in its split

    @property
    def num_units(self) -> Tensor:
        """() target tokens in the batch, EOS counted, padding not."""
        return self.target_lengths.sum()


class SeriesBatch(NamedTuple):
    """Windows of a series of numbers; all as long as each other, so nothing is padded."""

    inputs: Tensor  # (B, T, F) float32 features of T steps on the network's scale, oldest first
    targets: Tensor  # (B, Y * N) float32 the N steps that follow, target by target, on the network's scale
    known: Tensor  # (B, N, K) float32 what is known of these N steps, on the network's scale; K may be 0

    @property
    def num_units(self) -> Tensor:
        """() forecasts in the batch."""
        return self.targets.new_tensor(self.targets.numel())


class LabelledBatch(NamedTuple):
    """B sequences, such as names, texts or sessions, and the label of each."""

    tokens: Tensor  # (B, T) int64 ids of characters, words, events, ..., right-padded
    lengths: Tensor  # (B,) int64 tokens, at least 1
    labels: Tensor  # (B,) int64 label ids

    @property
    def num_units(self) -> Tensor:
        """() sequences in the batch."""
        return (self.lengths > 0).sum()


class TextBatch(NamedTuple):
    """B pieces of text and what follows each of their tokens."""

    inputs: Tensor  # (B, T) int64 tokens
    targets: Tensor  # (B, T) int64 the token after each, PAD where there is none
    is_start: Tensor  # (B,) bool: no state is carried into the piece

    @property
    def num_units(self) -> Tensor:
        """() tokens to predict."""
        return (self.targets != SPECIAL.pad).sum()
