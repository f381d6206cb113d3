"""Tokens to ids and back. Special ids are attributes; no other file writes them as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from seqlab.data.sequences import Sessions, smallest_integer_type
from seqlab.errors import UserError
from seqlab.schemas import Count, Reads

PAD_TOKEN, BOS_TOKEN, EOS_TOKEN, UNK_TOKEN = "<pad>", "<bos>", "<eos>", "<unk>"
SPECIAL_TOKENS = (PAD_TOKEN, BOS_TOKEN, EOS_TOKEN, UNK_TOKEN)
_HEADER = "# seqlab vocabulary: one token a line, its id is the line's place; count in training, a tab, token"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Vocabulary:
    """V tokens: four special ones, then keys by falling frequency in the training split.

    Ties are broken by the key's text, so that the same data gives the same ids.
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tokens[: len(SPECIAL_TOKENS)] != SPECIAL_TOKENS:
            raise UserError(
                f"a vocabulary starts with {' '.join(SPECIAL_TOKENS)}, this one with "
                f"{' '.join(self.tokens[: len(SPECIAL_TOKENS)]) or 'nothing'}"
            )
        num_distinct = len(set(self.tokens))
        if not num_distinct == len(self.tokens) == len(self.counts):
            raise UserError(
                f"a vocabulary has a count for each token and no token twice, this one {len(self.tokens):,} "
                f"tokens, {num_distinct:,} of them distinct, and {len(self.counts):,} counts"
            )
        # without special tokens: what data calls <pad> is no padding but a token that training does not hold
        usual = list(enumerate(self.tokens))[len(SPECIAL_TOKENS) :]
        object.__setattr__(self, "_ids", {token: number for number, token in usual})

    @property
    def pad(self) -> int:
        return SPECIAL_TOKENS.index(PAD_TOKEN)

    @property
    def bos(self) -> int:
        return SPECIAL_TOKENS.index(BOS_TOKEN)

    @property
    def eos(self) -> int:
        return SPECIAL_TOKENS.index(EOS_TOKEN)

    @property
    def unk(self) -> int:
        return SPECIAL_TOKENS.index(UNK_TOKEN)

    @property
    def num_sessions(self) -> int:
        """Training sessions that were counted."""
        return self.counts[self.eos]

    def __len__(self) -> int:
        return len(self.tokens)

    def id(self, token: str) -> int:
        """The id of a token; ``unk`` for one the training split did not hold."""
        return self._ids.get(token, self.unk)

    @property
    def id_type(self) -> np.dtype:
        """The smallest integer type for an array of ids."""
        return smallest_integer_type(len(self.tokens) - 1)

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """The ids of some tokens; ``unk`` for those that training did not hold."""
        unk = self.unk
        return [self._ids.get(token, unk) for token in tokens]

    def encode(self, sessions: Sessions) -> NDArray[np.integer]:
        """(N,) ids of all events, in the order of ``sessions.codes``; one table look-up."""
        table = np.asarray([self.id(name) for name in sessions.key_names], dtype=self.id_type)
        return table[sessions.codes] if len(table) else np.zeros(0, dtype=self.id_type)

    @classmethod
    def from_sessions(cls, sessions: Sessions) -> Vocabulary:
        """Count the keys of a training split. Only a training split may be passed."""
        counts = np.bincount(sessions.codes, minlength=len(sessions.key_names)).tolist()
        return cls.from_counts(dict(zip(sessions.key_names, counts, strict=True)), len(sessions))

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        num_sequences: int,
        *,
        min_count: int = 1,
        max_tokens: int | None = None,
    ) -> Vocabulary:
        """From how often each token occurs in ``num_sequences`` training sequences; ties go by text.

        Args:
            min_count: tokens seen less often than this are left out: they are read as UNK.
            max_tokens: keep the most frequent only; null keeps all.
        """
        seen = sorted((-count, token) for token, count in counts.items() if count >= max(min_count, 1))
        seen = [(count, token) for count, token in seen if token not in SPECIAL_TOKENS][:max_tokens]
        return cls(
            tokens=SPECIAL_TOKENS + tuple(token for _, token in seen),
            # every sequence starts and ends once; PAD and UNK stand for what training does not hold
            counts=(0, num_sequences, num_sequences, 0, *(-count for count, _ in seen)),
        )

    def save(self, path: Path) -> None:
        r"""Write as readable UTF-8 text, one token a line; line breaks and backslashes as ``\n``, ``\\``."""
        lines = [
            f"{count}\t{token.translate(_ESCAPES)}"
            for count, token in zip(self.counts, self.tokens, strict=True)
        ]
        path.write_bytes(("\n".join([_HEADER, *lines]) + "\n").encode("utf-8"))

    def state(self) -> VocabularyState:
        """Plain values for a checkpoint; ``from_state`` reads them back."""
        return {"tokens": list(self.tokens), "counts": list(self.counts)}

    @classmethod
    def from_state(cls, state: VocabularyState) -> Vocabulary:
        return cls(tuple(state["tokens"]), tuple(state["counts"]))


class VocabularyState(TypedDict):
    """A vocabulary in a checkpoint; ``StoredVocabulary`` is one that can be read."""

    tokens: list[str]
    counts: list[Count]


StoredVocabulary = Annotated[VocabularyState, Reads(Vocabulary.from_state)]


SPECIAL = Vocabulary.from_counts({}, 0)  # PAD, BOS, EOS and UNK have these ids in every vocabulary
