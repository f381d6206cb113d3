"""Mistakes that the first lines of a log give away: another format, other times, labels of another log."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import MappedChunk, SkippedLine
from seqlab.logs.formats import FORMATS
from seqlab.logs.lines import NOT_UTF8
from seqlab.logs.reading import STDIN

if TYPE_CHECKING:
    from seqlab.logs.parse_settings import ParseSettings

ENOUGH_LINES = 10_000
ENOUGH_SESSIONS = 1_000


class WrongLogError(UserError):
    """A log that is not what the settings say: nothing parsed with them is worth keeping."""


class FirstLook:
    """Counts until there is enough to say so; then a parse need not run for an hour to come to nothing."""

    def __init__(self, settings: ParseSettings) -> None:
        self.settings = settings
        self.lines = self.events = self.messages = self.timed = self.labelled = self.blank = 0
        self.reasons: Counter[str] = Counter()
        self.example: dict[str, SkippedLine] = {}
        self.sessions: dict[str, None] = {}  # in their order, while labels are looked for
        self.done = False

    def take(self, mapped: MappedChunk, labels: dict[str, int] | None) -> None:
        """Count a chunk in.

        Raises:
            WrongLogError: enough was seen, and nothing of it could be used.
        """
        if self.done:
            return
        self.lines += mapped.num_lines
        self.events += len(mapped.events)
        self.messages += len(mapped.code)
        self.timed += mapped.timed
        self.blank += mapped.blank
        for reason, (count, shown) in mapped.skipped.items():
            self.reasons[reason] += count
            for line in shown:
                if line.text.strip():
                    self.example.setdefault(reason, line)
        if labels is not None and len(mapped.events):
            found = mapped.events["session"].unique(maintain_order=True).to_list()
            new = [session for session in found if session not in self.sessions]
            self.sessions.update(dict.fromkeys(new))
            self.labelled += sum(session in labels for session in new)
        if self.lines >= ENOUGH_LINES:
            self._format()
        if self.messages >= ENOUGH_LINES:
            self._times()
        if len(self.sessions) >= ENOUGH_SESSIONS:
            self._labels()
        self.done = (
            self.events > 0
            and self.messages >= ENOUGH_LINES
            and (labels is None or len(self.sessions) >= ENOUGH_SESSIONS)
        )

    def end(self, labels: dict[str, int] | None) -> None:
        """All has been seen: see ``take``."""
        if self.done:
            return
        if not self.lines:
            raise WrongLogError(f"{self._names}: no line in it")
        self._format()
        self._times()
        if labels is not None:
            self._labels()

    @property
    def _names(self) -> str:
        return ", ".join("standard input" if name == STDIN else name for name in self.settings.logs)

    def _format(self) -> None:
        if self.events or self._wrong_times:
            return
        reason = self.reasons.most_common(1)[0][0]
        shown = self.example.get(reason)
        if self.blank == self.lines:
            raise WrongLogError(f"{self._names}: all of the first {self.lines:,} lines are blank")
        if reason == NOT_UTF8 or (shown and "\x00" in shown.text):
            raise WrongLogError(
                f"{self._names}: the first {self.lines:,} lines are no UTF-8 text: a binary file, a packed "
                "one without its ending (.gz, .zip, .tar.gz), or another encoding (iconv makes UTF-8 of it)"
            )
        first = f"; the first: {shown.text[:80]!r}" if shown else ""
        raise WrongLogError(
            f"none of the first {self.lines:,} lines could be used ({reason}) with --format "
            f"{self.settings.log_format.name}{first}. Choose {', '.join(FORMATS)}, or regex with --header "
            "and --session"
        )

    @property
    def _wrong_times(self) -> bool:
        return bool(self.messages and not self.timed and self.settings.log_format.time_format)

    def _times(self) -> None:
        if self._wrong_times:
            raise WrongLogError(
                f"no time of the first {self.messages:,} lines could be read: is the group time of the "
                f"header written as {self.settings.log_format.time_format}? See --header and --time-format"
            )

    def _labels(self) -> None:
        if not self.labelled:
            raise WrongLogError(
                f"{self.settings.labels}: labels none of the first {len(self.sessions):,} sessions, such "
                f"as {next(iter(self.sessions), None)}; is it the label file of this log?"
            )
