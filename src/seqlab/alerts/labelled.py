"""What ``seqlab detect --labels`` counts: how many abnormal sessions were alerts, and how many normal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from seqlab.data.line_counts import LineCounts
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL
from seqlab.data.session_files import LABEL_FORMAT, read_labels
from seqlab.errors import shown

Figures = dict[str, float | int | None]


class LabelledSessions:
    """Labels of a log's sessions, and which of these were alerts.

    Args:
        path: a CSV of BlockId,Label.

    Raises:
        UserError: as ``read_labels`` does.
    """

    def __init__(self, path: Path) -> None:
        counts = LineCounts(path)
        self.path = path
        self.labels = read_labels(path, counts)
        counts.tell()
        self._is_alert: dict[str, bool] = {}  # by session

    def judged(self, session: str, *, is_alert: bool) -> None:
        """A session, or a part of one, was closed: it is an alert where one of its parts is."""
        self._is_alert[session] = is_alert or self._is_alert.get(session, False)

    def figures(self) -> Figures:
        """Rates and the four counts behind them, and what was left out; a rate of no session is None."""
        counts = Counter((self.labels.get(name), alert) for name, alert in self._is_alert.items())
        left_out = sum(count for (label, _), count in counts.items() if label is None)
        bad, good = LABEL_ABNORMAL, LABEL_NORMAL
        found, missed = counts[bad, True], counts[bad, False]
        false_alarms, quiet = counts[good, True], counts[good, False]
        return {
            "recall": _share(found, missed),
            "precision": _share(found, false_alarms),
            "false_positive_rate": _share(false_alarms, quiet),
            "found": found,
            "missed": missed,
            "false_alarms": false_alarms,
            "rightly_quiet": quiet,
            "sessions_without_label": left_out,
            "labels_without_session": len(self.labels) - (len(self._is_alert) - left_out),
        }

    def problem(self, log: str) -> str | None:
        """What is wrong where no session has a label."""
        if not self._is_alert or self._is_alert.keys() & self.labels.keys():
            return None
        session, label = next(iter(self._is_alert)), next(iter(self.labels))
        return (
            f"--labels {self.path}: labels none of the {len(self._is_alert):,} sessions of {log}; it names "
            f"{shown(label)}, the log {shown(session)}: give the labels of this log, with "
            f"{LABEL_FORMAT} and its sessions' names as BlockId"
        )


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None
