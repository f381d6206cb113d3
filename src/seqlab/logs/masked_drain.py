"""Drain for messages whose variable parts are masked: a mask says nothing of which template a message has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from drain3.drain import Drain

from seqlab.logs.masking import MASK

_WORDLIKE = re.compile(r"\w")


class MaskedDrain(Drain):
    """drain3's Drain but for two things, both about words that hold MASK.

    The similarity leaves out words that are nothing but masks and punctuation where template and message
    have the same one: ``<var> close, <var> bytes sent`` and ``<var> open, <var> files left`` share none of
    their three words, not two of five. Messages of masks alone are one template.

    In the tree a word that holds a mask is a variable, as a word that holds a digit is to Drain:
    ``www.example.com:<var>`` would else have a branch, and so templates, for each host.

    Without masks it is Drain.
    """

    @staticmethod
    def has_numbers(s: str) -> bool:
        return MASK in s or Drain.has_numbers(s)

    def get_seq_distance(
        self, seq1: Sequence[str], seq2: Sequence[str], include_params: bool
    ) -> tuple[float, int]:
        """The similarity of a template and a message, and the variables of the template.

        Args:
            seq1, seq2: the words of the template and of the message, as many.
            include_params: whether variables of the template count as equal; then it is Drain's.
        """
        if include_params:
            return super().get_seq_distance(seq1, seq2, include_params)
        compared = equal = 0
        for known, word in zip(seq1, seq2, strict=True):
            if known == word and _is_mask(known):
                continue
            compared += 1
            equal += known == word != self.param_str
        return equal / compared if compared else 1.0, list(seq1).count(self.param_str)


@lru_cache(maxsize=1 << 16)
def _is_mask(word: str) -> bool:
    return MASK in word and not _WORDLIKE.search(word.replace(MASK, ""))
