"""The shape of a word: what is lost where words are lower-cased."""

from __future__ import annotations

import re

PAD_SHAPE = "<pad>"
SHAPES = (
    PAD_SHAPE,
    "lower",  # dublin
    "capital",  # one capital letter: A, I
    "title",  # Dublin
    "upper",  # NATO
    "mixed",  # iPhone
    "uncased",  # letters of a script without case
    "number",  # 42, 3.50, 10:30
    "with_digit",  # 4th, B2
    "symbol",  # no letter and no digit
    "mention",  # @name
    "hashtag",  # #topic
    "link",  # http://..., www...
)
NUMBERS = {name: number for number, name in enumerate(SHAPES)}
_LINK = re.compile(r"(https?:|www\.)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d[\d.,:/%-]*")


def shape_of(word: str) -> int:
    """The number of a word's shape in ``SHAPES``."""
    return NUMBERS[_shape(word)]


def _shape(word: str) -> str:
    if len(word) > 1 and word[0] in "@#" and not word[1:].isdigit():
        return "mention" if word[0] == "@" else "hashtag"
    if _LINK.match(word):
        return "link"
    if _NUMBER.fullmatch(word):
        return "number"
    if any(character.isdigit() for character in word):
        return "with_digit"
    if not any(character.isalpha() for character in word):
        return "symbol"
    return _case(word)


def _case(word: str) -> str:
    if word.islower():
        return "lower"
    if word.isupper():
        return "capital" if sum(character.isalpha() for character in word) == 1 else "upper"
    if word.istitle():
        return "title"
    return "mixed" if word.lower() != word.upper() else "uncased"
