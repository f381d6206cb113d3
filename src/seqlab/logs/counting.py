"""What a parse counts while it goes: lines, events, templates, and the lines it could not use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.logs.chunk_sessions import NO_TIME, SHOWN_LINES, MappedChunk


@dataclass
class ParseCounts:
    """Totals over the chunks so far."""

    lines: int = 0
    events: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    skipped_lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the first of each reason
    templates: Counter[int] = field(default_factory=Counter)  # messages of each
    examples: dict[int, str] = field(default_factory=dict)  # the first line of each
    source_lines: dict[str, int] = field(default_factory=dict)

    def add(self, mapped: MappedChunk, ids: NDArray[np.int32], source: str) -> None:
        """Count a chunk in; chunks come in the order of their lines.

        Args:
            ids: (M,) the template of each message.
        """
        before = self.source_lines.get(source, 0)
        for reason, (count, shown) in mapped.skipped.items():
            self.skipped[reason] += count
            first = self.skipped_lines.setdefault(reason, [])
            for line in shown[: SHOWN_LINES - len(first)]:
                first.append(
                    {"log": source, "line": before + line.line + 1, "offset": line.offset, "text": line.text}
                )
        self.source_lines[source] = before + mapped.num_lines
        self.lines += mapped.num_lines
        self.events += len(mapped.events)
        used = np.arange(len(ids))
        if NO_TIME in mapped.skipped:  # messages without an event
            used = np.unique(mapped.events["message"].to_numpy())
        numbers, first_places, counts = np.unique(ids[used], return_index=True, return_counts=True)
        for number, place, count in zip(
            numbers.tolist(), first_places.tolist(), counts.tolist(), strict=True
        ):
            self.templates[number] += count
            if number not in self.examples:
                self.examples[number] = mapped.examples[int(mapped.code[used[place]])]


class Parsed(NamedTuple):
    """What a parse found."""

    counts: ParseCounts
    num_sessions: int
    templates: dict[int, list[str]]
    labels: dict[str, int]  # sessions by label: Normal, Anomaly, unknown
    fed: int  # messages that Drain itself saw
    seconds: float
