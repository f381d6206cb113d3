"""One block's events in their order, how surprising each was, and what was expected in its place.

The events come from a log, from a parse of it, or from a file of sessions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqlab.alerts.alert import Count, Guess, best_guesses, counts_as_json, iso_time, template_of
from seqlab.alerts.models import Model
from seqlab.data.vocabulary import EOS_TOKEN, UNK_TOKEN
from seqlab.detection.surprise import UNSEEN_NLL
from seqlab.errors import UserError
from seqlab.logs.formats import says_year
from seqlab.logs.line_reader import LineParser
from seqlab.logs.reading import LONGEST_LINE, Lines, find_logs, read_chunks

_PACKED = (".gz", ".zip", ".tgz", ".tar")  # no line is found at its offset there


@dataclass(frozen=True)
class BlockEvent:
    """An event as it was found, before anything scored it."""

    key: str
    time: str | None = None
    file: str | None = None
    offset: int | None = None  # byte where its line begins
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class TimelineEvent(BlockEvent):
    """An event, or the block's end, and how surprising it was."""

    position: int  # from 1; for the end, one more than there are events
    template: str
    nll: float | None  # nats; None where the model predicts nothing: see data.context
    rank: int | None
    unseen: bool  # a key that training never showed
    expected: tuple[Guess, ...]

    @property
    def is_end(self) -> bool:
        return self.key == EOS_TOKEN


@dataclass(frozen=True)
class Timeline:
    """A block, event by event."""

    block: str
    score_name: str
    score: float
    threshold: float
    counts: tuple[Count, ...]
    events: tuple[TimelineEvent, ...]  # its end is the last

    @property
    def is_alert(self) -> bool:
        return self.score > self.threshold

    @property
    def worst(self) -> int:
        """Place of the most surprising event."""
        return int(np.argmax([-1.0 if event.nll is None else event.nll for event in self.events]))

    def to_json(self) -> str:
        """One object."""
        content: dict[str, Any] = {"kind": "timeline", "alert": self.is_alert} | asdict(self)
        content["counts"] = counts_as_json(self.counts)
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


def timeline(model: Model, block: str, found: Sequence[BlockEvent]) -> Timeline:
    """Score the events of one block, which are one or more."""
    vocabulary, judge = model.vocabulary, model.judge
    tokens = np.asarray(vocabulary.ids(event.key for event in found), dtype=np.int32)
    lengths = np.array([len(tokens)], dtype=np.int64)
    events = model.scorer.surprise(tokens, lengths)
    blind = [None] * int(events.first_key[0])
    nll: list[float | None] = [*blind, *events.nll.tolist()]
    rank: list[int | None] = [*blind, *events.rank.tolist()]
    places = range(len(tokens) + 1)
    probabilities = model.scorer.probabilities([tokens] * len(places), places)
    rows = tuple(
        TimelineEvent(
            **vars(event),
            position=place + 1,
            template=template_of(event.key, model.templates),
            nll=nll[place],
            rank=rank[place],
            unseen=nll[place] == UNSEEN_NLL,
            expected=best_guesses(probabilities[place], vocabulary.tokens, model.templates),
        )
        for place, event in enumerate([*found, BlockEvent(EOS_TOKEN)])
    )
    score = float(judge.scores(events, tokens, lengths)[0])
    return Timeline(block, judge.main, score, judge.threshold, model.odd_counts(tokens), rows)


def events_of_sessions(path: Path, block: str, parser: dict[str, Any] | None) -> list[BlockEvent]:
    """From a file of sessions, or from the output folder of ``seqlab parse`` with the lines of its logs.

    Args:
        parser: state of the log parser of training; None after bare keys.

    Raises:
        UserError: no such block, or a folder whose template ids mean something else than those of training.
    """
    from seqlab.data.parsed_sessions import check_templates, read_parsed_sessions
    from seqlab.data.session_files import read_sessions

    parsed = read_parsed_sessions(path) if path.is_dir() else None
    if parsed is not None:
        check_templates(str(parsed.folder), parsed.parser, parser)
    sessions = read_sessions(path) if parsed is None else parsed.sessions
    places = np.flatnonzero(sessions.ids == block)
    if not len(places):
        raise UserError(f"{path}: no block {block} among its {len(sessions.ids):,} sessions")
    place = int(places[0])
    keys = sessions.keys(place)
    if parsed is None:
        return [BlockEvent(key) for key in keys]
    offsets = parsed.line_offsets[sessions.offsets[place] : sessions.offsets[place + 1]].tolist()
    logs = parsed.summary["logs"]
    return [_with_line(key, offset, logs) for key, offset in zip(keys, offsets, strict=True)]


def _with_line(key: str, offset: int, logs: list[dict[str, Any]]) -> BlockEvent:
    """An event with its line, where that is still there.

    Args:
        offset: of the line in all logs, one after the other.
    """
    log = next(log for log in reversed(logs) if offset >= log["first_offset"])
    own, path, text = offset - log["first_offset"], Path(log["log"]), None
    if path.suffix.lower() not in _PACKED:
        try:
            with path.open("rb") as file:
                file.seek(own)
                text = file.readline(LONGEST_LINE).rstrip(b"\r\n").decode()
        except (OSError, UnicodeDecodeError):
            pass
    return BlockEvent(key, None, log["log"], own, text)


def events_of_log(path: str, block: str, parser_state: dict[str, Any]) -> list[BlockEvent]:
    """All lines of a log that belong to a block.

    Raises:
        UserError: no line names it, or a log that cannot be read to its end.
    """
    parser = LineParser.from_state(parser_state)
    log_format = parser.reader.format
    with_year = says_year(log_format.time_format)
    found: list[BlockEvent] = []
    for chunk in read_chunks(find_logs([path])):
        if log_format.session is not None and block.encode() not in chunk.content:
            continue
        lines = Lines.of(chunk)
        events = parser(lines.column)
        offsets = lines.offsets
        for event in np.flatnonzero((events.session == block).to_numpy()).tolist():
            place, time, key = int(events.line[event]), events.time[event], int(events.key[event])
            moment = None
            if not np.isnat(time):
                moment = iso_time(int(time.astype("datetime64[us]").astype(np.int64)), with_year=with_year)
            name = UNK_TOKEN if key < 0 else str(key)
            found.append(BlockEvent(name, moment, path, int(offsets[place]), lines.column[place]))
    if not found:
        raise UserError(f"{path}: no line of block {block}")
    return found
