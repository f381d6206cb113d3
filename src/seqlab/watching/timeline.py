"""One block's events in their order, how surprising each was, and what was expected in its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.data.windows import index_windows
from seqlab.detection.surprise import UNSEEN_NLL, EventSurprise
from seqlab.errors import UserError
from seqlab.watching.alerts import Guess, best_guesses, counts_as_json, template_of
from seqlab.watching.lines import LONGEST_LINE
from seqlab.watching.models import Model
from seqlab.watching.remembered import WindowScorer


@dataclass(frozen=True)
class BlockEvent:
    """An event as it was found, before anything scored it."""

    key: str
    time: str | None = None
    file: str | None = None
    offset: int | None = None  # byte where its line begins
    text: str | None = None


@dataclass(frozen=True)
class TimelineEvent:
    """An event, or the block's end."""

    position: int  # from 1; for the end, one more than there are events
    key: str
    template: str
    time: str | None
    nll: float | None  # nats; None where the model predicts nothing: see data.context
    rank: int | None
    unseen: bool  # a key that training never showed
    expected: tuple[Guess, ...]
    file: str | None
    offset: int | None
    text: str | None


@dataclass(frozen=True)
class Timeline:
    """A block, event by event."""

    block: str
    score_name: str
    score: float
    threshold: float
    counts: tuple[
        tuple[str, str, int], ...
    ]  # key, template, how many more than in the nearest training block
    events: tuple[TimelineEvent, ...]  # its end is the last

    @property
    def is_alert(self) -> bool:
        return self.score > self.threshold

    @property
    def worst(self) -> int:
        """Place of the most surprising event."""
        values = [-1.0 if event.nll is None else event.nll for event in self.events]
        return int(np.argmax(values))

    def to_json(self) -> str:
        """One object."""
        content: dict[str, Any] = {"kind": "timeline", "alert": self.is_alert} | asdict(self)
        content["counts"] = counts_as_json(self.counts)
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


def timeline(model: Model, block: str, found: Sequence[BlockEvent]) -> Timeline:
    """Score the events of one block.

    Raises:
        UserError: no events.
    """
    if not found:
        raise UserError(f"block {block} has no events")
    vocabulary = model.vocabulary
    tokens = np.asarray(vocabulary.ids(event.key for event in found), dtype=np.int32)
    lengths = np.array([len(tokens)], dtype=np.int64)
    events = _surprise(model, tokens, lengths)
    first = int(events.first_key[0])
    blind = [None] * first
    nll: list[float | None] = [*blind, *events.nll.tolist()]
    rank: list[int | None] = [*blind, *events.rank.tolist()]
    places = list(range(len(tokens) + 1))
    probabilities = model.scorer.probabilities([tokens] * len(places), places)
    ends = BlockEvent(EOS_TOKEN)
    rows = tuple(
        TimelineEvent(
            place + 1,
            event.key,
            template_of(event.key, model.templates),
            event.time,
            nll[place],
            rank[place],
            nll[place] == UNSEEN_NLL,
            best_guesses(probabilities[place], vocabulary.tokens, model.templates),
            event.file,
            event.offset,
            event.text,
        )
        for place, event in enumerate([*found, ends])
    )
    judge = model.judge
    score = float(judge.scores(events, tokens, lengths)[0])
    return Timeline(block, judge.main, score, judge.threshold, model.odd_counts(tokens), rows)


def _surprise(model: Model, tokens: NDArray[np.int32], lengths: NDArray[np.int64]) -> EventSurprise:
    scorer = model.scorer
    if not isinstance(scorer, WindowScorer):
        return scorer.surprise(tokens, lengths)
    index = index_windows(tokens, lengths, model.vocabulary, scorer.window_size, scorer.context)
    scored = scorer.score(index)
    targets = index.stream[index.positions()]
    return EventSurprise(
        scored.nll,
        scored.nll,
        scored.rank,
        targets == model.vocabulary.unk,
        np.concatenate(([0], np.cumsum(index.num_targets))),
        index.first_key,
    )


def events_of_sessions(path: Path, block: str) -> list[BlockEvent]:
    """From a file of sessions, or from the output folder of ``seqlab parse`` with the lines of its logs.

    Raises:
        UserError: no such block.
    """
    if not path.is_dir():
        from seqlab.data.session_files import read_sessions

        sessions = read_sessions(path)
        return [BlockEvent(key) for key in sessions.keys(_find(sessions.ids, block, path))]
    from seqlab.data.parsed_sessions import read_parsed_sessions

    parsed = read_parsed_sessions(path)
    place = _find(parsed.sessions.ids, block, path)
    offsets = parsed.line_offsets[parsed.sessions.offsets[place] : parsed.sessions.offsets[place + 1]]
    read = _line_reader(parsed.summary.get("logs", []))
    return [
        BlockEvent(key, None, *read(int(offset)))
        for key, offset in zip(parsed.sessions.keys(place), offsets.tolist(), strict=True)
    ]


def _find(ids: NDArray, block: str, path: Path) -> int:
    found = np.flatnonzero(ids == block)
    if not len(found):
        example = f"; its first is {ids[0]}" if len(ids) else ""
        raise UserError(f"{path}: no block {block} among its {len(ids):,} sessions{example}")
    return int(found[0])


def _line_reader(logs: list[dict[str, Any]]) -> Callable[[int], tuple[str | None, int | None, str | None]]:
    """From an offset in all logs, one after the other, to file, offset in it and text where it is there."""

    def read(offset: int) -> tuple[str | None, int | None, str | None]:
        for log in reversed(logs):
            if offset >= log["first_offset"]:
                own = offset - log["first_offset"]
                return log["log"], own, _line_at(Path(log["log"]), own)
        return None, None, None

    return read


def _line_at(path: Path, offset: int) -> str | None:
    """A line of a plain file that is still there."""
    if path.suffix in (".gz", ".zip", ".tgz", ".tar"):
        return None
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(LONGEST_LINE).split(b"\n", 1)[0].removesuffix(b"\r").decode()
    except (OSError, UnicodeDecodeError):
        return None


def events_of_log(path: str, block: str, parser_state: dict[str, Any]) -> list[BlockEvent]:
    """All lines of a log that belong to a block.

    Raises:
        UserError: no line names it, or a log that cannot be read to its end.
    """

    from seqlab.logs.line_parser import LineParser
    from seqlab.watching.alerts import iso_time
    from seqlab.watching.lines import split_lines
    from seqlab.watching.source import GzipSource
    from seqlab.watching.tail import FileSource

    parser = LineParser.from_state(parser_state)
    named_in_line = parser_state["log_format"]["session"] is not None
    source = GzipSource(path) if path.endswith(".gz") else FileSource(path)
    found: list[BlockEvent] = []
    while not source.ended:
        piece = source.read(0)
        if piece is None or (named_in_line and block.encode() not in piece.content):
            continue
        lines = split_lines(piece)
        kept = np.arange(len(lines.texts))
        if named_in_line:
            kept = np.asarray(
                [place for place, text in enumerate(lines.texts) if block in text], dtype=np.int64
            )
        events = parser(lines.column.gather(kept))
        for event in np.flatnonzero((events.session == block).to_numpy()).tolist():
            place = int(kept[events.line[event]])
            time = events.time[event]
            moment = None if np.isnat(time) else iso_time(int(time.astype("datetime64[us]").astype(np.int64)))
            key = int(events.key[event])
            name = "<unk>" if key < 0 else str(key)
            found.append(BlockEvent(name, moment, path, int(lines.offsets[place]), lines.texts[place]))
    source.close()
    if source.problem is not None:
        raise UserError(f"{path}: {source.problem}")
    if not found:
        raise UserError(f"{path}: no line of block {block}")
    return found
