"""The template of each line: Drain is asked about new messages alone, all others are looked up.

A message that taught Drain nothing would, fed once more, find the same template and teach nothing again, as
long as Drain has learned nothing in between about messages of that length. So a look-up is as good as Drain
itself until a template of that length appears or changes; then each message of that length is fed once more
when it comes again. The ids and templates are those of feeding Drain every masked message in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.logs.drain import Drain

MOST_REMEMBERED = 2_000_000  # messages; beyond it all are forgotten, and fed once more
UNSEEN = -1


class LearnedIds:
    """Template ids by a Drain that goes on learning.

    Attributes:
        fed: messages that Drain itself has seen.
    """

    def __init__(self, drain: Drain, first_id: int = 0) -> None:
        self.drain = drain
        self.first_id = first_id  # added to Drain's own ids, which start at 1
        self.fed = 0
        self._known: dict[str, tuple[int, int, int]] = {}  # message: id, words, what was learned by then
        self._learned: Counter[int] = Counter()  # by number of words: templates made or changed

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines.

        Args:
            messages: (U,) distinct masked messages.
            codes: (L,) which of them each line is, in the order of lines.
        """
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        known = [self._known.get(message) for message in messages]
        if all(entry is not None and entry[2] == self._learned[entry[1]] for entry in known):
            table = np.array([entry[0] for entry in known if entry is not None], dtype=np.int32)
            return table[codes] if len(table) else np.zeros(0, dtype=np.int32)
        return np.array([self._one(messages[code]) for code in codes.tolist()], dtype=np.int32)

    def _one(self, message: str) -> int:
        entry = self._known.get(message)
        if entry is not None and entry[2] == self._learned[entry[1]]:
            return entry[0]
        own, learned = self.drain.learn(message)
        self.fed += 1
        words = len(self.drain.templates[own])
        if learned:
            self._learned[words] += 1
        else:  # fed now once more, Drain would find the same, for nothing has changed
            self._known[message] = (self.first_id + own, words, self._learned[words])
        return self.first_id + own

    def templates(self) -> dict[int, list[str]]:
        """{id: words} as they are by now."""
        return {self.first_id + own: list(words) for own, words in self.drain.templates.items()}


class FixedIds:
    """Template ids by templates that are not changed; UNSEEN for a message that none of them matches.

    Args:
        drains: states, asked one after the other.
        first_ids: added to the ids of each.
    """

    def __init__(self, drains: Sequence[dict[str, Any]], first_ids: Sequence[int]) -> None:
        self.drains = list(zip(map(Drain.from_state, drains), first_ids, strict=True))
        self._known: dict[str, int] = {}

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines: see ``LearnedIds.assign``."""
        if not self.drains:
            return np.full(len(codes), UNSEEN, dtype=np.int32)
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        table = np.array([self._one(message) for message in messages], dtype=np.int32)
        return table[codes] if len(table) else np.zeros(0, dtype=np.int32)

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


class KnownFirstIds:
    """Ids of known templates where one matches, which stay as they are; new ids by Drain for all else."""

    def __init__(self, known: FixedIds, learned: LearnedIds) -> None:
        self.known = known
        self.learned = learned

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines: see ``LearnedIds.assign``."""
        ids = self.known.assign(messages, codes)
        new = np.flatnonzero(ids == UNSEEN)
        if len(new):
            ids[new] = self.learned.assign(messages, codes[new])
        return ids

    def templates(self) -> dict[int, list[str]]:
        """{id: words} as they are by now."""
        return self.known.templates() | self.learned.templates()
