"""Drain: which template a log message has, learned line by line.

He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017. With ``counts_masks`` it
gives the ids, templates and tree of the drain3 package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from seqlab.logs.masking import MASK

VARIABLE = "<*>"  # a word of a template in which messages differ
MAX_CHILDREN = 100  # of a node of the tree; further words go to VARIABLE
_WORDLIKE = re.compile(r"\w")

Node = list[Any]  # [ids of the templates here, {word: Node}]: plain values, as JSON keeps them


class Drain:
    """A tree of templates: by number of words, then by their first ``depth - 3`` words.

    Two rules about words that hold MASK are added to the paper's, unless ``counts_masks``:

    - The similarity leaves out words that are nothing but masks and punctuation, where template and message
      have the same one: ``<var> close, <var> bytes sent`` and ``<var> open, <var> files left`` share none of
      three words, not two of five. Messages of masks alone are one template.
    - In the tree such a word is a variable, as a word with a digit is: ``www.example.com:<var>`` would else
      have a branch, and so templates, for each host.

    Args:
        similarity: share of equal words from which a message joins a template.
        depth: of the tree, root and leaves included; at least 3.
        counts_masks: without the two rules.
    """

    def __init__(self, similarity: float, depth: int, *, counts_masks: bool = False) -> None:
        self.similarity = similarity
        self.depth = depth
        self.counts_masks = counts_masks
        self.templates: dict[int, list[str]] = {}
        self.tree: Node = [[], {}]

    def learn(self, message: str) -> tuple[int, bool]:
        """The template of a message, and whether it is new or has changed. Ids count from 1."""
        words = message.split()
        leaf = self._leaf(words)
        number = None if leaf is None else self._most_similar(leaf[0], words)
        if number is None:
            number = len(self.templates) + 1
            self.add(number, words)
            return number, True
        known = self.templates[number]
        joined = [old if old == new else VARIABLE for old, new in zip(known, words, strict=True)]
        self.templates[number] = joined
        return number, joined != known

    def match(self, message: str) -> int | None:
        """The template that fits every word of a message; learns nothing."""
        words = message.split()
        leaf = self._leaf(words)
        found = None if leaf is None else self._most_general(leaf[0], words)
        if found is None and str(len(words)) in self.tree[1]:
            # the tree may lead past a template that begins with a variable: try all of this length
            found = self._most_general(list(_all_ids(self.tree[1][str(len(words))])), words)
        return found

    def add(self, number: int, words: Sequence[str]) -> None:
        """Make a template. A Drain that is given numbers of its own can match, not go on learning."""
        self.templates[number] = list(words)
        node = self.tree[1].setdefault(str(len(words)), [[], {}])
        for word in words[: self._prefix(len(words))]:
            children = node[1]
            full = len(children) + (VARIABLE not in children) >= MAX_CHILDREN
            general = word not in children and (full or self._is_variable(word))
            node = children.setdefault(VARIABLE if general else word, [[], {}])
        node[0].append(number)

    def state(self) -> dict[str, Any]:
        """Plain values for parse.json and checkpoints."""
        return {
            "similarity": self.similarity,
            "depth": self.depth,
            "counts_masks": self.counts_masks,
            "clusters": [[number, words] for number, words in self.templates.items()],
            "tree": self.tree,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Drain:
        """The Drain of ``state``: it goes on as the first would have."""
        drain = cls(state["similarity"], state["depth"], counts_masks=state["counts_masks"])
        drain.templates = {number: list(words) for number, words in state["clusters"]}
        drain.tree = _copied(state["tree"])
        return drain

    def _prefix(self, length: int) -> int:
        """How many words the tree looks at."""
        return max(0, min(self.depth - 3, length - 1))

    def _leaf(self, words: Sequence[str]) -> Node | None:
        node = self.tree[1].get(str(len(words)))
        for word in words[: self._prefix(len(words))]:
            if node is None:
                return None
            node = node[1].get(word) or node[1].get(VARIABLE)
        return node

    def _most_similar(self, numbers: Sequence[int], words: Sequence[str]) -> int | None:
        """The most similar template, of equals the one with more variables; None below the threshold."""
        best, found = (self.similarity, -1), None
        for number in numbers:
            template = self.templates[number]
            rank = (self.share_of_equal(template, words), template.count(VARIABLE))
            if rank > best:
                best, found = rank, number
        return found

    def share_of_equal(self, template: Sequence[str], words: Sequence[str]) -> float:
        """The similarity of a template and a message of as many words: see the class."""
        compared = equal = 0
        for known, word in zip(template, words, strict=True):
            if self.counts_masks or known != word or not _is_mask(known):
                compared += 1
                equal += known == word != VARIABLE
        return equal / compared if compared else 1.0

    def _most_general(self, numbers: Sequence[int], words: Sequence[str]) -> int | None:
        fitting = [
            number
            for number in numbers
            if all(
                known in (VARIABLE, word) for known, word in zip(self.templates[number], words, strict=True)
            )
        ]
        return max(fitting, key=lambda number: self.templates[number].count(VARIABLE), default=None)

    def _is_variable(self, word: str) -> bool:
        return any(map(str.isdigit, word)) or (not self.counts_masks and MASK in word)


def _all_ids(node: Node) -> Iterator[int]:
    yield from node[0]
    for child in node[1].values():
        yield from _all_ids(child)


def _copied(node: Node) -> Node:
    return [list(node[0]), {word: _copied(child) for word, child in node[1].items()}]


@lru_cache(maxsize=1 << 16)
def _is_mask(word: str) -> bool:
    return MASK in word and not _WORDLIKE.search(word.replace(MASK, ""))
