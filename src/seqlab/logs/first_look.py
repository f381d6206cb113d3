"""Mistakes that the first lines of a log give away: another format, other times, labels of another log."""

from __future__ import annotations

from collections.abc import Mapping

from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import MappedChunk
from seqlab.logs.counting import ParseCounts
from seqlab.logs.known_formats import ALL
from seqlab.logs.parse_settings import ParseSettings

ENOUGH_LINES = 10_000
ENOUGH_SESSIONS = 1_000


class FirstLook:
    """Looks until there is enough to say so; then a parse need not run for an hour to come to nothing."""

    def __init__(self, settings: ParseSettings, counts: ParseCounts) -> None:
        self.settings = settings
        self.counts = counts
        self.messages = self.timed = 0
        self.sessions: dict[str, None] = {}  # in their order, while labels are looked for

    def take(self, mapped: MappedChunk, labels: Mapping[str, int] | None) -> None:
        """Look at a chunk that was counted.

        Raises:
            UserError: enough was seen, and nothing of it could be used.
        """
        self.messages += len(mapped.code)
        self.timed += mapped.timed
        if labels is not None and len(self.sessions) < ENOUGH_SESSIONS:
            self.sessions |= dict.fromkeys(mapped.events["session"].unique(maintain_order=True).to_list())
            if len(self.sessions) >= ENOUGH_SESSIONS:
                self._check_labels(labels)
        if self.counts.lines >= ENOUGH_LINES:
            self._check_lines()

    def end(self, labels: Mapping[str, int] | None) -> None:
        """All has been seen: see ``take``."""
        self._check_lines()
        if labels is not None:
            self._check_labels(labels)

    def _check_lines(self) -> None:
        form, lines = self.settings.log_format, self.counts.lines
        if self.messages and not self.timed and form.syntax == "header" and form.has_times:
            raise UserError(
                f"no time of the first {self.messages:,} lines could be read: is it written as "
                f"{form.time_format}? See --header and --time-format"
            )
        if self.counts.events:
            return
        if not lines:
            raise UserError(f"{', '.join(self.settings.logs)}: no line in it")
        reason = self.counts.skipped.most_common(1)[0][0]
        shown = [line["text"] for line in self.counts.skipped_lines[reason]]
        first = next((text for text in shown if text.strip()), "")
        raise UserError(
            f"none of the first {lines:,} lines could be used ({reason}); the first: {first[:80]!r}; "
            f"--format {form.name} expects {form.expected}. Choose {ALL}; --try shows what a format sees"
        )

    def _check_labels(self, labels: Mapping[str, int]) -> None:
        if not any(session in labels for session in self.sessions):
            raise UserError(
                f"{self.settings.labels}: labels none of the first {len(self.sessions):,} sessions, such "
                f"as {next(iter(self.sessions), None)}; is it the label file of this log?"
            )
