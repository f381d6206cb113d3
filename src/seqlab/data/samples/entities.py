"""The embedded sample of tagged sentences: seeded templates filled with made-up names. All synthetic.

Names are put together from syllables, so that many of a test split's are new; some stand for a person in one
sentence and for a place or a company in another, which only the sentence tells.
"""

from __future__ import annotations

import re
from itertools import product

import numpy as np

from seqlab.data.conll import TaggedSentences
from seqlab.errors import UserError

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up sentences about made-up people (PER), places (LOC), companies and teams (ORG); "
    "figures on them say that the pipeline works, nothing about real text"
)

_GIVEN = (
    "Ana Ben Clara Dario Elif Femi Greta Hugo Ines Jonas Kaya Liam Mina Noor Otto Paula Ravi Sena Tom Yuna"
)
_STEMS = "Bar Cal Dor Fen Gal Hel Kor Lan Mar Nor Ost Pel Ros Sel Tal Ul Ver Wes Yar Zan"
_SURNAME_ENDS = ("lin", "mann", "sen", "idis", "ova", "ley")
_PLACE_ENDS = ("burg", "ton", "ville", "stad", "ford", "ley")  # -ley is a surname's end too
_COMPANY_ENDS = ("ex", "tech", "soft", "ia")
_COMPANY_FORMS = ("Ltd", "Group", "Bank", "Motors", "University")
_TITLES = ("Dr.", "Mr.", "Mrs.", "Professor", "President")
_PLACE_FORMS = ("Lake", "Mount", "North", "Port")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_THINGS = (
    "report",
    "budget",
    "bridge",
    "contract",
    "museum",
    "train",
    "engine",
    "harvest",
    "film",
    "storm",
    "strike",
    "election",
)
_ADJECTIVES = ("new", "old", "large", "small", "early", "quiet", "famous", "expensive")

_TEMPLATES = (
    "{PER} lives in {LOC} .",
    "{PER} moved from {LOC} to {LOC} last {day} .",
    "{PER} works for {ORG} in {LOC} .",
    "{ORG} opened a {adjective} office in {LOC} on {day} .",
    "Shares of {ORG} fell by {number} percent after the {thing} .",
    "The {adjective} {thing} in {LOC} was a surprise for {PER} .",
    "{title} {PER} met {title} {PER} at the {thing} .",
    "{ORG} and {ORG} signed a {adjective} {thing} .",
    '" We like the {thing} , " said {PER} of {ORG} .',
    "A {adjective} {thing} hit {LOC} , {LOC} and {LOC} on {day} .",
    "Last {day} {PER} left {ORG} .",
    "The {thing} near {LOC} cost {number} dollars .",
    "{LOC} has {number} people .",
    "{ORG} hired {PER} , {PER} and {number} others .",
    "On {day} the {adjective} {thing} was over .",
    "Nobody in {LOC} read the {thing} by {PER} .",
    "The {thing} was {adjective} .",
    "{PER} flew to {LOC} with {PER} .",
    "{PER} sued {ORG} over the {adjective} {thing} .",
    "Prices in {LOC} rose on {day} , {ORG} said .",
    "{PER} said the {thing} was {adjective} .",
    "{ORG} said the {thing} was {adjective} .",
    "{LOC} said the {thing} was {adjective} .",
    "{TEAM} beat {TEAM} on {day} .",
    "{TEAM} lost {number} games after {PER} left .",
    "Many think of {PER} now .",
    "Many think of {ORG} now .",
    "Many think of {LOC} now .",
)
_SLOT = re.compile(r"\{(\w+)\}")


class _Names:
    """Draws names of each type."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        stems = _STEMS.split()
        self.surnames = ["".join(parts) for parts in product(stems, _SURNAME_ENDS)]
        self.places = ["".join(parts) for parts in product(stems, _PLACE_ENDS)]
        self.companies = ["".join(parts) for parts in product(stems, _COMPANY_ENDS)]

    def one_of(self, choices: list[str] | tuple[str, ...]) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def draw(self, kind: str) -> list[str]:
        """The tokens of a name."""
        chance = self.rng.random()
        if kind == "PER":
            surname = self.one_of(self.surnames)
            if chance < 0.2:
                return [self.one_of(_GIVEN.split())]
            return [surname] if chance < 0.4 else [self.one_of(_GIVEN.split()), surname]
        if kind == "TEAM":  # a team goes by its town's name
            return [self.one_of(self.places)]
        if kind == "LOC":
            place = self.one_of(self.places)
            return [self.one_of(_PLACE_FORMS), place] if chance < 0.2 else [place]
        if chance < 0.35:  # companies named after their founder or their town
            founder = self.one_of(self.surnames if chance < 0.2 else self.places)
            return [founder, self.one_of(_COMPANY_FORMS)]
        company = self.one_of(self.companies)
        return [company.upper()] if chance < 0.45 else [company]

    def word(self, slot: str) -> str:
        """The token of a slot that is no name."""
        if slot == "number":
            return str(int(self.rng.integers(2, 900)))
        lists = {"day": _DAYS, "thing": _THINGS, "adjective": _ADJECTIVES, "title": _TITLES}
        return self.one_of(lists[slot])


def simulate_sentences(*, num_sentences: int = 1200, seed: int = 0) -> TaggedSentences:
    """Made-up sentences with the tags of PER, LOC and ORG.

    Raises:
        UserError: fewer than 10 sentences.
    """
    if not isinstance(num_sentences, int) or num_sentences < 10:
        raise UserError(f"data.sample.num_sentences={num_sentences}: give a whole number, at least 10")
    names = _Names(np.random.default_rng(seed))
    return TaggedSentences.from_sentences(
        [_fill(names.one_of(_TEMPLATES), names) for _ in range(num_sentences)]
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
