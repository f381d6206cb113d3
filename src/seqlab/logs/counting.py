"""What a parse counts while it goes, and the mistakes that the first lines of a log give away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import MappedChunk
from seqlab.logs.known_formats import ALL
from seqlab.logs.lines import NO_TIME, SHOWN_LINES
from seqlab.logs.settings import ParseSettings

ENOUGH_LINES = 10_000
ENOUGH_SESSIONS = 1_000
Labels = Mapping[str, int]  # {session: 0 normal, 1 abnormal}


@dataclass
class ParseCounts:
    """Totals over the chunks so far."""

    events: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    skipped_lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the first of each reason
    templates: Counter[int] = field(default_factory=Counter)  # messages of each
    examples: dict[int, str] = field(default_factory=dict)  # the first line of each
    source_lines: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        return self.source_lines.total()

    def add(self, mapped: MappedChunk, ids: NDArray[np.int32], source: str) -> None:
        """Count a chunk in; chunks come in the order of their lines.

        Args:
            ids: (M,) the template of each message.
        """
        for reason, (count, lines) in mapped.skipped.items():
            self.skipped[reason] += count
            first = self.skipped_lines.setdefault(reason, [])
            for line in lines[: SHOWN_LINES - len(first)]:
                first.append({"log": source, "line": line.number, "offset": line.offset, "text": line.text})
        self.source_lines[source] += mapped.num_lines
        self.events += len(mapped.events)
        numbers, places, counts = np.unique(ids, return_index=True, return_counts=True)
        for number, place, count in zip(numbers.tolist(), places.tolist(), counts.tolist(), strict=True):
            self.templates[number] += count
            if number not in self.examples:
                self.examples[number] = mapped.examples[int(mapped.code[place])]


class FirstLook:
    """Refuses another log, format or labels once enough was seen: not after an hour for nothing."""

    def __init__(self, settings: ParseSettings, counts: ParseCounts) -> None:
        self.settings = settings
        self.counts = counts
        self.timed = False  # a time could be read
        self.sessions: dict[str, None] = {}  # in their order, until labels were looked for

    def take(self, mapped: MappedChunk, labels: Labels | None) -> None:
        """Look at a chunk that was counted.

        Raises:
            UserError: enough was seen, and nothing of it could be used.
        """
        self.timed |= mapped.timed > 0
        if labels is not None and len(self.sessions) < ENOUGH_SESSIONS:
            self.sessions |= dict.fromkeys(mapped.events["session"].unique(maintain_order=True).to_list())
            if len(self.sessions) >= ENOUGH_SESSIONS:
                self._check_labels(labels)
        if self.counts.lines >= ENOUGH_LINES:
            self._check_lines()

    def end(self, labels: Labels | None) -> None:
        """All has been seen: see ``take``."""
        self._check_lines()
        if labels is not None:
            self._check_labels(labels)

    def _check_lines(self) -> None:
        counts, form = self.counts, self.settings.log_format
        is_timeless = form.syntax == "header" and form.has_times and not self.timed
        if counts.events and not is_timeless:
            return
        if not counts.lines:
            raise UserError(f"{', '.join(self.settings.logs)}: no line in it")
        reason, first = NO_TIME, next(iter(counts.examples.values()), "")
        if not counts.events:
            reason = counts.skipped.most_common(1)[0][0]
            first = next((line["text"] for line in counts.skipped_lines[reason] if line["text"].strip()), "")
        raise UserError(
            f"none of the first {counts.lines:,} lines could be used ({reason}); the first: {first[:80]!r}; "
            f"--format {form.name} expects {form.expected}. Choose {ALL}; --try shows what a format sees"
        )

    def _check_labels(self, labels: Labels) -> None:
        if not any(session in labels for session in self.sessions):
            raise UserError(
                f"{self.settings.labels}: labels none of the first {len(self.sessions):,} sessions, such "
                f"as {next(iter(self.sessions), None)}; is it the label file of this log?"
            )


class Parsed(NamedTuple):
    """What a parse found."""

    counts: ParseCounts
    num_sessions: int
    templates: dict[int, list[str]]
    labels: dict[str, int]  # sessions by label: Normal, Anomaly, unknown
    fed: int  # messages that Drain itself saw
    seconds: float
