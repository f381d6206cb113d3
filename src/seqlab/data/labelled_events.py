"""DataModule of labelled sessions of events: from the user's files, or simulated HDFS blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from seqlab.data.labelled import LabelledItems, NewItems
from seqlab.data.labelled_data import LabelledData, SequenceCoder
from seqlab.data.labelled_files import items_of, read_event_rows, read_labelled_sessions
from seqlab.data.line_counts import LineCounts
from seqlab.data.sequences import LABEL_NORMAL
from seqlab.errors import UserError

NORMAL = "normal"  # the label of a simulated block that is no anomaly


@dataclass(frozen=True, kw_only=True)
class EventCoder(SequenceCoder):
    """Sessions by event; files hold them with spaces between."""

    def tokens(self, text: str) -> list[str]:
        return text.split()

    def read_new(self, path: Path) -> NewItems:
        """A file of sessions as training reads them; labels in it are passed over."""
        counts = LineCounts(path)
        rows = read_event_rows(path, counts)
        return NewItems(rows.texts, rows.ids, counts.skipped.total())


class LabelledEvents(LabelledData):
    """Sessions with a label each, of any number of classes; events may be any words without spaces.

    Sessions are split one by one: equal ones may stand in several parts, as they occur in life. The labels of
    the sample are ``normal`` and the kinds of anomaly; conf/data/labelled_events.yaml says what each setting
    means.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    equal_together: ClassVar[bool] = False
    noun = "session"

    def __init__(self, *, labels: str | Path | None = None, max_length: int = 512, **settings: Any) -> None:
        super().__init__(max_length=max_length, **settings)
        if labels is not None and self.source.is_sample:
            raise UserError("data.labels without sessions: give data.path=, or data.train= and data.test=")
        self.labels = labels

    def read(self, path: str | Path) -> LabelledItems:
        counts = LineCounts(path)
        items = read_labelled_sessions(path, self.labels, counts)
        self.notices += counts.notices()
        return items

    def simulate(self) -> LabelledItems:
        from seqlab.data.samples.hdfs_blocks import SYNTHETIC_NOTICE, simulate_blocks

        settings = {"num_sessions": 3000, "abnormal_share": 0.4, "seed": 0} | self.sample
        blocks = simulate_blocks(settings.pop("num_sessions"), **settings)
        self.notices.append(SYNTHETIC_NOTICE)
        sessions = blocks.sessions
        kinds = zip(sessions.labels.tolist(), blocks.kinds, strict=True)
        labels = [NORMAL if label == LABEL_NORMAL else kind for label, kind in kinds]
        return items_of(sessions, labels, "data.sample")

    def fit_coder(self, train: LabelledItems) -> EventCoder:
        coder = EventCoder(unit="event", **self.coder_settings(train))
        return coder.with_vocabulary(train, self.min_count)
