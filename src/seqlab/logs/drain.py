"""Drain: which template a log message has, learned line by line; and a look-up that asks it about few lines.

He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017. With ``counts_masks`` it
gives the ids, templates and tree of the drain3 package.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeAliasType, TypedDict

from seqlab.errors import UserError
from seqlab.logs.formats import MASK
from seqlab.schemas import Count, Finite, Reads, Size

VARIABLE = "<*>"  # a word of a template in which messages differ
MAX_CHILDREN = 100  # of a node of the tree; further words go to VARIABLE
MOST_REMEMBERED = 2_000_000  # messages; beyond it all are forgotten, and fed once more
UNSEEN = -1
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
    def from_state(cls, state: Mapping[str, Any]) -> Drain:
        """The Drain of ``state``: it goes on as the first would have."""
        drain = cls(state["similarity"], state["depth"], counts_masks=state["counts_masks"])
        drain.templates = {number: list(words) for number, words in state["clusters"]}
        drain.tree = deepcopy(state["tree"])
        for length, node in drain.tree[1].items():
            for number in _all_ids(node):
                if str(len(drain.templates.get(number, ()))) != length:
                    raise UserError(f"tree: template {number} at {length} words is not so in clusters")
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


StoredNode = TypeAliasType("StoredNode", "tuple[list[Count], dict[str, StoredNode]]")


class DrainState(TypedDict):
    """A Drain in a parse.json or a checkpoint; ``StoredDrain`` is one that can be read."""

    similarity: Finite
    depth: Size
    counts_masks: bool
    clusters: list[tuple[Count, list[str]]]
    tree: StoredNode


StoredDrain = Annotated[DrainState, Reads(Drain.from_state)]


def _all_ids(node: Node) -> Iterator[int]:
    yield from node[0]
    for child in node[1].values():
        yield from _all_ids(child)


@lru_cache(maxsize=1 << 16)
def _is_mask(word: str) -> bool:
    return MASK in word and not _WORDLIKE.search(word.replace(MASK, ""))


class FixedIds:
    """Template ids by templates that are not changed; UNSEEN for a message that none of them matches.

    Args:
        drains: states, asked one after the other.
        first_ids: added to the ids of each.
    """

    def __init__(self, drains: Sequence[Mapping[str, Any]] = (), first_ids: Sequence[int] = ()) -> None:
        self.drains = list(zip(map(Drain.from_state, drains), first_ids, strict=True))
        self._known: dict[str, int] = {}

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines: see ``LearnedIds.assign``."""
        if not self.drains:
            return np.full(len(codes), UNSEEN, dtype=np.int32)
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        return np.array([self._one(message) for message in messages], dtype=np.int32)[codes]

    def _one(self, message: str) -> int:
        if message not in self._known:
            found = ((first, drain.match(message)) for drain, first in self.drains)
            self._known[message] = next((first + own for first, own in found if own is not None), UNSEEN)
        return self._known[message]

    def templates(self) -> dict[int, list[str]]:
        """{id: words}."""
        return {
            first + own: list(words) for drain, first in self.drains for own, words in drain.templates.items()
        }


class LearnedIds:
    """Template ids by a Drain that goes on learning: those of feeding it every masked message in order.

    A message that taught Drain nothing would, fed once more, find the same template and teach nothing again,
    as long as Drain has learned nothing in between about messages of that length. So a look-up is as good as
    Drain itself until a template of that length appears or changes; then each message of that length is fed
    once more when it comes again.

    Args:
        known: templates that keep their ids and are asked first; ids of new ones come after theirs.

    Attributes:
        fed: messages that Drain itself has seen.
    """

    def __init__(self, drain: Drain, known: FixedIds | None = None) -> None:
        self.drain = drain
        self.known = FixedIds() if known is None else known
        self.first_id = max(self.known.templates(), default=0)  # added to Drain's own ids, from 1 on
        self.fed = 0
        self._found: dict[str, tuple[int, int, int]] = {}  # message: id, words, what was learned by then
        self._learned: Counter[int] = Counter()  # by number of words: templates made or changed

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines.

        Args:
            messages: (U,) distinct masked messages.
            codes: (L,) which of them each line is, in the order of lines.
        """
        ids = self.known.assign(messages, codes)
        new = np.flatnonzero(ids == UNSEEN)
        if len(new):
            ids[new] = self._assign_new(messages, codes[new])
        return ids

    def _assign_new(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        if len(self._found) > MOST_REMEMBERED:
            self._found.clear()
        entries = [self._found.get(message) for message in messages]
        if all(entry is not None and entry[2] == self._learned[entry[1]] for entry in entries):
            return np.array([entry[0] for entry in entries if entry is not None], dtype=np.int32)[codes]
        return np.array([self._one(messages[code]) for code in codes.tolist()], dtype=np.int32)

    def _one(self, message: str) -> int:
        entry = self._found.get(message)
        if entry is not None and entry[2] == self._learned[entry[1]]:
            return entry[0]
        own, learned = self.drain.learn(message)
        self.fed += 1
        words = len(self.drain.templates[own])
        if learned:
            self._learned[words] += 1
        else:  # fed now once more, Drain would find the same, for nothing has changed
            self._found[message] = (self.first_id + own, words, self._learned[words])
        return self.first_id + own

    def templates(self) -> dict[int, list[str]]:
        """{id: words} as they are by now, known ones first."""
        learned = {self.first_id + own: list(words) for own, words in self.drain.templates.items()}
        return self.known.templates() | learned
