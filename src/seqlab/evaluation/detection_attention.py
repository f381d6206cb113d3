"""Which events a network looked at in some test sessions: an alert, a missed one, a normal one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.log_sessions import LogSessions
from seqlab.data.padded_sessions import PaddedDataset
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.data.windows import distinct_sessions
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.evaluation.detection_sections import most_suspect
from seqlab.results.outcome import HeatPanel

LONGEST = 40  # events a side; more do not fit a page


def attention_panels(task: Any, datamodule: LogSessions, outcome: DetectionOutcome) -> list[HeatPanel]:
    """A heat map for each of ``chosen_sessions``; none for a network without attention."""
    panels = []
    for session, what in chosen_sessions(outcome).items():
        panel = _panel(task, datamodule, outcome, session, what)
        if panel is None:
            return []
        panels.append(panel)
    return panels


def chosen_sessions(outcome: DetectionOutcome) -> dict[int, str]:
    """The alert of the largest score, the missed session of the largest score, and a normal one in the middle
    of those without an alert; each with what it is."""
    scores, quiet = outcome.scores[outcome.main_score], ~outcome.alerts
    chosen = {session: "the alert of the largest score" for session in most_suspect(outcome)[:1]}
    if missed := _by_score(scores, quiet & outcome.abnormal):
        chosen[missed[-1]] = "missed, abnormal"
    if normal := _by_score(scores, quiet & outcome.normal):
        chosen[normal[len(normal) // 2]] = "no alert" if outcome.unlabelled else "normal, no alert"
    return chosen


def _by_score(scores: NDArray[np.float64], among: NDArray[np.bool_]) -> list[int]:
    """The sessions among all, by rising score."""
    return [session for session in np.argsort(scores, kind="stable").tolist() if among[session]]


def _panel(
    task: Any, datamodule: LogSessions, outcome: DetectionOutcome, session: int, what: str
) -> HeatPanel | None:
    """The piece of a session, as it was read and scored, that holds the most surprising event."""
    one, vocabulary = outcome.sessions.take(np.asarray([session])), datamodule.vocabulary
    pieces = distinct_sessions(vocabulary.encode(one), one.lengths, vocabulary, datamodule.piece_length)
    dataset = PaddedDataset(pieces, vocabulary, deduplicate=False, by_distinct=False, device=task.device)
    ends = np.cumsum(pieces.piece_lengths)
    worst = int(outcome.events.worst_event()[session])
    piece = int(np.searchsorted(ends, worst, side="right"))
    weights = task.attention_weights(dataset[torch.tensor([piece])])
    if weights is None:
        return None
    length = int(pieces.piece_lengths[piece])
    first = int(ends[piece]) - length  # of the piece, in the session
    begin = int(np.clip(worst - first - LONGEST // 2, 0, max(length - LONGEST, 0)))
    part = slice(begin, min(begin + LONGEST, length))
    keys = [*one.keys(0), EOS_TOKEN][first + part.start : first + part.stop]
    note = ""
    if len(keys) <= one.lengths[0]:
        events = int(one.lengths[0])
        shown = f"{first + part.start + 1:,} to {min(first + part.stop, events):,} of {events:,}"
        note = f"Events {shown}, around the most surprising one; weight on others is not drawn."
    return HeatPanel(
        f"{one.ids[0]}: {what}",
        "event written",
        "event read",
        [f"{key} {datamodule.templates.get(key, '')}".strip() for key in keys],
        keys,
        weights[0, part, part].float().cpu().numpy(),
        note,
    )
