"""Taggers without a network, counted on training sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Protocol

from seqlab.data.bio import OUTSIDE
from seqlab.data.conll import TaggedSentences


class Baseline(Protocol):
    """Tags without a network."""

    name: str

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags of the sentences' tokens."""


class MostFrequentTag:
    """Each word gets the tag it had most often in training, a new word O; ties go to the tag met first."""

    name = "most_frequent_tag"

    def __init__(self, train: TaggedSentences) -> None:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for token, tag in zip(train.tokens, train.tags, strict=True):
            counts[token][tag] += 1
        self.tags = {token: seen.most_common(1)[0][0] for token, seen in counts.items()}

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [self.tags.get(token) or self.unknown(token) for token in sentences.tokens]

    def unknown(self, token: str) -> str:
        """The tag of a word that training lacks."""
        return OUTSIDE


class MostFrequentTagOrEnding(MostFrequentTag):
    """As MostFrequentTag; a new word gets the most frequent tag of its longest ending that training has.

    Endings are 3, 2 or 1 letters of the distinct training words; without any of them the most frequent tag of
    all is taken.
    """

    LONGEST = 3

    def __init__(self, train: TaggedSentences) -> None:
        super().__init__(train)
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for token, tag in self.tags.items():
            for length in range(1, self.LONGEST + 1):
                counts[token[-length:]][tag] += 1
        self.endings = {ending: seen.most_common(1)[0][0] for ending, seen in counts.items()}
        self.majority = Counter(train.tags).most_common(1)[0][0]

    def unknown(self, token: str) -> str:
        endings = (token[-length:] for length in range(self.LONGEST, 0, -1))
        return next((self.endings[part] for part in endings if part in self.endings), self.majority)


class MajorityTag:
    """The most frequent training tag everywhere."""

    name = "majority_tag"

    def __init__(self, train: TaggedSentences) -> None:
        self.tag = Counter(train.tags).most_common(1)[0][0]

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [self.tag] * len(sentences.tokens)


class SeenEntities:
    """The longest run of words that was an entity in training, with its most frequent type there."""

    name = "seen_entities"

    def __init__(self, train: TaggedSentences) -> None:
        counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for number in range(len(train)):
            tokens, tags = train.sentence(number)
            start = None
            for place in range(len(tokens) + 1):
                if start is not None and (place == len(tokens) or not tags[place].startswith("I-")):
                    counts[tokens[start:place]][tags[start][2:]] += 1
                    start = None
                if place < len(tokens) and tags[place].startswith("B-"):
                    start = place
        self.types = {words: seen.most_common(1)[0][0] for words, seen in counts.items()}
        self.longest = max(map(len, self.types), default=0)

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [
            tag for number in range(len(sentences)) for tag in self._sentence(sentences.sentence(number)[0])
        ]

    def _sentence(self, tokens: tuple[str, ...]) -> list[str]:
        tags: list[str] = []
        while len(tags) < len(tokens):
            start = len(tags)
            for length in range(min(self.longest, len(tokens) - start), 0, -1):
                kind = self.types.get(tokens[start : start + length])
                if kind is not None:
                    tags += [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
                    break
            else:
                tags.append(OUTSIDE)
        return tags


class AlwaysOutside:
    """O everywhere: what token accuracy is worth."""

    name = "always_o"

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [OUTSIDE] * len(sentences.tokens)
