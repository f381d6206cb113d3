"""DataModule of labelled names: from CSV or TSV files, or synthetic names when no file is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqlab.data.labelled import Counting, LabelledItems
from seqlab.data.labelled_text import LabelledText, TextCoder
from seqlab.errors import UserError

NOUNS = {"character": "name", "word": "text"}
MAX_LENGTHS = {"character": 64, "word": 256}


@dataclass(frozen=True, kw_only=True)
class NameCoder(TextCoder):
    """Names by character, whose endings say where they are from; texts by word."""

    @property
    def counting(self) -> Counting:
        return super().counting._replace(endings=self.unit == "character")


class Names(LabelledText):
    """Names or texts with labels: from the user's files, or synthetic names when no file is given.

    Args:
        unit: ``character``, or ``word``: words and single punctuation marks, for texts.
        max_length: characters or words of a name that are read; null: 64 characters, 256 words.
        sample: ``num_names`` and ``seed`` of the synthetic names.
        **settings: those of LabelledText.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    coder_type = NameCoder
    max_lengths = MAX_LENGTHS
    coder: NameCoder

    def __init__(self, *, unit: str = "character", **settings: Any) -> None:
        super().__init__(unit=unit, **settings)

    @property
    def noun(self) -> str:
        return NOUNS[self.unit]

    def simulate(self) -> LabelledItems:
        if self.unit == "word":
            raise UserError(
                "data.unit=word without a file: the sample is names, one word each; give data.path=, or "
                "data.train= and data.test="
            )
        from seqlab.data.samples.names import SYNTHETIC_NOTICE, simulate_names

        self.notices.append(SYNTHETIC_NOTICE)
        return simulate_names(**self.sample)
