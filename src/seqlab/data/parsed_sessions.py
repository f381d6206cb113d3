"""Sessions of ``seqlab parse``: read whole, split by time or at random, compared with those of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.raw_logs import refuse_raw_log
from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NAMES,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    Splits,
    concatenate,
    smallest_integer_type,
    split_by_session,
)
from seqlab.data.session_splits import prevalence_notice
from seqlab.data.splits import SPLITS, check_filled, parts_in_order
from seqlab.data.windows import NO_DELAY, NUM_DELAYS
from seqlab.errors import UserError

SPLIT_BY = ("session", "time")
PARSE_AGAIN = "parse the log with --templates and the folder that the model was trained on"
_LABELS = {name: label for label, name in LABEL_NAMES.items()}


def templates_of(parser: Mapping[str, Any]) -> dict[str, str]:
    """{key: template} of a log parser's state."""
    return {str(row["id"]): row["template"] for row in parser["templates"]}


def check_templates(
    who: str, parser: Mapping[str, Any], trained: Mapping[str, Any] | None, remedy: str = PARSE_AGAIN
) -> None:
    """Whether keys mean what they meant in training.

    Args:
        who: what has the parser, for the message.
        parser: its state.
        trained: the state of training's parser; None where it read files of bare keys.

    Raises:
        UserError: a template id that stands for another template.
    """
    known = {} if trained is None else templates_of(trained)
    for key, template in templates_of(parser).items():
        if known.get(key, template) != template:
            raise UserError(
                f"{who}: template {key} is {template!r}, in training it was {known[key]!r}; {remedy}"
            )


@dataclass(frozen=True)
class ParsedSessions:
    """S sessions of a parsed log, in the order of their first lines."""

    sessions: Sessions  # keys are template ids as text
    line_offsets: NDArray[np.int64]  # (N,) byte of each event's line in the logs, one after the other
    summary: dict[str, Any]  # parse.json
    folder: Path

    @property
    def parser(self) -> dict[str, Any]:
        """What reads other logs the same way: see seqlab.logs.line_reader."""
        return self.summary["parser"]

    @property
    def templates(self) -> dict[str, str]:
        """{key: template}."""
        return templates_of(self.parser)


def read_parsed_sessions(
    folder: str | Path, *, times: bool = False, parameters: bool = False
) -> ParsedSessions:
    """Read the output folder of ``seqlab parse``.

    Args:
        times: also how long after the one before each event came.
        parameters: also what the variable parts of its line were.

    Raises:
        UserError: no such folder, none that a parse has finished, or one without times or parameters; a file.
    """
    import polars as pl

    from seqlab.logs.known_templates import read_summary

    folder = Path(folder)
    if folder.is_file():
        refuse_raw_log(folder)
        raise UserError(
            f"{folder} is a file, and no raw log: give the folder that seqlab parse wrote, or a file of "
            f"sessions as data.normal={folder}"
        )
    summary = read_summary(folder)
    path = folder / "sessions.parquet"
    columns = ["session", "keys", "label", "first_time", "line_offsets", *["times"] * times]
    try:
        table = pl.read_parquet(path, columns=columns)
        lengths = table["keys"].list.len().to_numpy().astype(np.int64)
        keys = table["keys"].explode().to_numpy()
        offsets = table["line_offsets"].explode().to_numpy()
        words = table["label"].cast(pl.String)
        labels = words.replace_strict(_LABELS, default=LABEL_UNKNOWN, return_dtype=pl.Int8).to_numpy()
        ids, first_time = table["session"].to_list(), table["first_time"].to_numpy()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: not the sessions of seqlab parse: {error}") from None
    present = np.flatnonzero(np.bincount(keys))
    codes = np.zeros(int(present.max(initial=0)) + 1, dtype=smallest_integer_type(len(present)))
    codes[present] = np.arange(len(present))
    names = tuple(map(str, present.tolist()))
    sessions = Sessions.from_arrays(codes[keys], lengths, ids, names).with_labels(labels)
    sessions = replace(sessions, first_time=first_time)
    if times:
        moments = table["times"].explode().cast(pl.Datetime("us"))
        known = moments.is_not_null().to_numpy()
        if not known.any():
            raise UserError(
                f"data.times=true: the lines of {folder} have no times that the parse could read; the group "
                "time of --header and --time-format say where they are"
            )
        delays = delay_buckets(moments.to_physical().fill_null(0).to_numpy(), known, lengths)
        sessions = replace(sessions, delays=delays)
    if parameters:
        from seqlab.data.parameters import read_parameters

        found = read_parameters(folder, offsets, templates_of(summary["parser"]))
        sessions = replace(sessions, parameters=found)
    return ParsedSessions(sessions, offsets, summary, folder)


def delay_buckets(
    times: NDArray[np.int64], known: NDArray[np.bool_], lengths: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """(N,) the bucket of each event's delay, 0 to NUM_DELAYS - 1: seconds on a logarithmic scale.

    0 is no delay at all. 1 is less than 1 ms, lines out of order included. From 2 on bucket b holds
    ``2 ^ (b - 2)`` to ``2 ^ (b - 1)`` ms, up to 31: six days and more.

    Args:
        times: (N,) microseconds, session after session.
        known: (N,) False where a line has no time.
        lengths: (S,) events of each session.
    """
    milliseconds = np.maximum(np.diff(times, prepend=times[:1]), 0) / 1000
    # frexp gives x = m * 2 ^ e with 0.5 <= m < 1, so e - 1 is the whole part of log2 x, exactly
    bucket = np.where(milliseconds < 1, 1, np.frexp(milliseconds)[1] + 1)
    follows = known.copy()
    follows[1:] &= known[:-1]
    follows[(np.cumsum(lengths) - lengths)[lengths > 0]] = False
    return np.where(follows, np.minimum(bucket, NUM_DELAYS - 1), NO_DELAY).astype(np.uint8)


def split_parsed(parsed: ParsedSessions, split: Sequence[float], split_by: str, seed: int) -> Splits:
    """The splits of a parsed folder.

    ``session`` shuffles the normal sessions; all abnormal ones are tested. ``time`` cuts all sessions by
    their first lines: train and val are the normal ones of the earlier parts, test is all of the last, so
    that its share of abnormal sessions is the log's own. Sessions that the label file does not name are left
    out where it names others; where none is named, all are taken for normal.

    Raises:
        UserError: an unknown ``split_by``, or a split without a session.
    """
    if split_by not in SPLIT_BY:
        raise UserError(f"data.split_by={split_by}: choose {' or '.join(SPLIT_BY)}")
    sessions, notices = parsed.sessions, []
    unknown = sessions.labels == LABEL_UNKNOWN
    if unknown.all():
        notices.append(
            f"{parsed.folder} has no labels: all sessions are taken for normal, detection cannot be measured"
        )
    elif unknown.any():
        notices.append(f"{int(unknown.sum()):,} sessions of {parsed.folder} have no label and were left out")
        sessions = sessions.take(~unknown)
    is_bad = sessions.labels == LABEL_ABNORMAL
    if split_by == "session":
        splits = split_by_session(sessions.take(~is_bad), None, split, seed)
        if is_bad.any():
            splits["test"] = concatenate([splits["test"], sessions.take(is_bad)])
            notices.append(prevalence_notice(is_bad, str(parsed.folder)))
    else:
        if sessions.first_time is None or np.isnat(sessions.first_time).any():
            raise UserError("data.split_by=time: some sessions have no time; use data.split_by=session")
        order = np.argsort(sessions.first_time, kind="stable")
        parts = dict(zip(SPLITS, parts_in_order(order, split), strict=True))
        for name in ("train", "val"):
            bad = is_bad[parts[name]]
            if bad.any():
                notices.append(f"{int(bad.sum()):,} abnormal sessions of the {name} period were left out")
            parts[name] = parts[name][~bad]
        check_filled(list(parts.values()), split, f"{len(order):,} sessions")
        splits = {name: sessions.take(part) for name, part in parts.items()}
    return splits | {name: splits[name].with_labels(LABEL_NORMAL) for name in ("train", "val")}, notices


def features(data: dict[str, Any]) -> list[str]:
    """The options of training that a checkpoint's data was read with, in the user's words."""
    return [f"data.{name}=true" for name in ("times", "parameters") if name in data]


def refuse_features(name: str, data: dict[str, Any], what: str) -> None:
    """Raise UserError where a model reads times or parameters, which ``what`` does not give it.

    Args:
        name: the checkpoint.
        data: what it says of its data.
    """
    if found := features(data):
        raise UserError(
            f"{name} was trained with {' and '.join(found)}, which {what} does not read: parse the log with "
            "seqlab parse --templates and the folder of training, then seqlab predict scores the folder"
        )
