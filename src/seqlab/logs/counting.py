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

ENOUGH_LINES = 10_000  # to see that a format is another
Labels = Mapping[str, int]  # {session: 0 normal, 1 abnormal}


@dataclass
class ParseCounts:
    """Totals over the chunks so far."""

    events: int = 0
    timed: int = 0  # messages whose time could be read
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
        self.timed += mapped.timed
        numbers, places, counts = np.unique(ids, return_index=True, return_counts=True)
        for number, place, count in zip(numbers.tolist(), places.tolist(), counts.tolist(), strict=True):
            self.templates[number] += count
            if number not in self.examples:
                self.examples[number] = mapped.examples[int(mapped.code[place])]


def check_lines(settings: ParseSettings, counts: ParseCounts) -> None:
    """Refuse the lines so far, where no event came of them or none of their times could be read.

    Raises:
        UserError: with the first of the lines and what was expected.
    """
    form = settings.log_format
    is_timeless = form.syntax == "header" and form.has_times and not counts.timed
    if counts.events and not is_timeless:
        return
    if not counts.lines:
        raise UserError(f"{', '.join(settings.logs)}: no line in it")
    reason, first = NO_TIME, next(iter(counts.examples.values()), "")
    if not counts.events:
        reason = counts.skipped.most_common(1)[0][0]
        first = next((line["text"] for line in counts.skipped_lines[reason] if line["text"].strip()), "")
    raise UserError(
        f"none of the first {counts.lines:,} lines could be used ({reason}); the first: {first[:80]!r}; "
        f"--format {form.name} expects {form.expected}. Choose {ALL}; --try shows what a format sees"
    )


class Parsed(NamedTuple):
    """What a parse found."""

    counts: ParseCounts
    num_sessions: int
    templates: dict[int, list[str]]
    labels: dict[str, int]  # sessions by label: Normal, Anomaly, unknown
    fed: int  # messages that Drain itself saw
    seconds: float
