"""The embedded sample of tagged sentences: seeded templates filled with made-up names. All synthetic.

Names are put together from syllables, so that many of a test split's are new; some stand for a person in one
sentence and for a place or a company in another, which only the sentence tells.
"""

from __future__ import annotations

import re
from itertools import product

import numpy as np

from seqlab.data.samples.words import check_sample_size, one_of, sample_words
from seqlab.data.tagged import TaggedSentences

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up sentences about made-up people (PER), places (LOC), companies and teams (ORG); "
    "figures on them say that the pipeline works, nothing about real text"
)
_SLOT = re.compile(r"\{(\w+)\}")


class _Names:
    """Draws names of each type, and the words between them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.words = sample_words("entities")
        for kind in ("surname", "place", "company"):
            pairs = product(self.words["stems"], self.words[f"{kind}_ends"])
            self.words[kind] = ["".join(parts) for parts in pairs]

    def one(self, kind: str) -> str:
        return one_of(self.words[kind], self.rng)

    def draw(self, kind: str) -> list[str]:
        """The tokens of a name."""
        chance = self.rng.random()
        if kind == "PER":
            surname = self.one("surname")
            if chance < 0.2:
                return [self.one("given")]
            return [surname] if chance < 0.4 else [self.one("given"), surname]
        if kind == "TEAM":  # a team goes by its town's name
            return [self.one("place")]
        if kind == "LOC":
            place = self.one("place")
            return [self.one("place_forms"), place] if chance < 0.2 else [place]
        if chance < 0.35:  # companies named after their founder or their town
            return [self.one("surname" if chance < 0.2 else "place"), self.one("company_forms")]
        company = self.one("company")
        return [company.upper()] if chance < 0.45 else [company]

    def word(self, slot: str) -> str:
        """The token of a slot that is no name."""
        return str(int(self.rng.integers(2, 900))) if slot == "number" else self.one(slot)


def simulate_sentences(*, num_sentences: int = 1200, seed: int = 0) -> TaggedSentences:
    """Made-up sentences with the tags of PER, LOC and ORG.

    Raises:
        UserError: fewer than 10 sentences.
    """
    check_sample_size("num_sentences", num_sentences, 10)
    names = _Names(np.random.default_rng(seed))
    return TaggedSentences.from_sentences(
        [_fill(names.one("templates"), names) for _ in range(num_sentences)]
    )


def _fill(template: str, names: _Names) -> tuple[list[str], list[str]]:
    """Tokens and tags of one sentence."""
    tokens: list[str] = []
    tags: list[str] = []
    for piece in template.split():
        slot = _SLOT.fullmatch(piece)
        if slot is not None and slot[1].isupper():
            name = names.draw(slot[1])
            tokens += name
            kind = "ORG" if slot[1] == "TEAM" else slot[1]
            tags += [f"B-{kind}", *[f"I-{kind}"] * (len(name) - 1)]
        else:
            tokens.append(piece if slot is None else names.word(slot[1]))
            tags.append("O")
    return tokens, tags
