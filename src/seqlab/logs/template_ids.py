"""The template of each line: drain3 is asked about new messages alone, all others are looked up.

A message that taught Drain nothing would, fed once more, find the same template and teach nothing again, as
long as Drain has learned nothing in between about messages of that length. So a look-up is as good as Drain
itself until a template of that length appears or changes; then each message of that length is fed once more
when it comes again. The ids and templates are those of feeding Drain every masked message in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from drain3.drain import Drain

UNCHANGED = "none"  # what drain3 calls a message that taught it nothing
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
        self._known: dict[str, tuple[int, int, int]] = {}  # message: id, tokens, what was learned by then
        self._learned: Counter[int] = Counter()  # by number of tokens: templates made or changed

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
        cluster, change = self.drain.add_log_message(message)
        self.fed += 1
        tokens = len(cluster.log_template_tokens)
        number = self.first_id + cluster.cluster_id
        if change != UNCHANGED:
            self._learned[tokens] += 1
        else:  # fed now once more, Drain would find the same, for nothing has changed
            self._known[message] = (number, tokens, self._learned[tokens])
        return number

    def templates(self) -> dict[int, list[str]]:
        """{id: tokens} as they are by now."""
        return {
            self.first_id + cluster.cluster_id: list(cluster.log_template_tokens)
            for cluster in self.drain.clusters
        }


class FixedIds:
    """Template ids by templates that are not changed; UNSEEN for a message that none of them matches.

    Args:
        drains: asked one after the other.
        first_ids: added to the ids of each.
    """

    def __init__(self, drains: Sequence[Drain], first_ids: Sequence[int]) -> None:
        self.drains = list(zip(drains, first_ids, strict=True))
        self._known: dict[str, int] = {}

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines: see ``LearnedIds.assign``."""
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        table = np.array([self.one(message) for message in messages], dtype=np.int32)
        return table[codes] if len(table) else np.zeros(0, dtype=np.int32)

    def one(self, message: str) -> int:
        """The template of one masked message."""
        number = self._known.get(message)
        if number is None:
            number = self._known[message] = self._match(message)
        return number

    def _match(self, message: str) -> int:
        for drain, first_id in self.drains:
            # the tree may lead past a template that begins with a variable; then all of that length are tried
            cluster = drain.match(message, full_search_strategy="fallback")
            if cluster is not None:
                return first_id + int(cluster.cluster_id)
        return UNSEEN


class KnownFirstIds:
    """Ids of known templates where one matches, which stay as they are; new ids by Drain for all else."""

    def __init__(self, known: FixedIds, learned: LearnedIds) -> None:
        self.known = known
        self.learned = learned

    @property
    def fed(self) -> int:
        return self.learned.fed

    def assign(self, messages: list[str], codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Template ids of L lines: see ``LearnedIds.assign``."""
        ids = self.known.assign(messages, codes)
        new = np.flatnonzero(ids == UNSEEN)
        if len(new):
            ids[new] = self.learned.assign(messages, codes[new])
        return ids

    def templates(self) -> dict[int, list[str]]:
        """{id: tokens} as they are by now."""
        found = {
            first_id + cluster.cluster_id: list(cluster.log_template_tokens)
            for drain, first_id in self.known.drains
            for cluster in drain.clusters
        }
        return found | self.learned.templates()
