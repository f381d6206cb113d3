"""What a parse is asked for by the command line, the format that fits a log, and what a format sees in it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from seqlab.errors import UserError
from seqlab.logs.formats import (
    ALL_FORMATS,
    FORMATS,
    GENERAL,
    ISO,
    MASK,
    SHOWN,
    LogFormat,
    TimeWindows,
    session_mask,
)
from seqlab.logs.line_reader import LineReader
from seqlab.logs.reading import CHUNK_BYTES, STDIN, Lines, find_logs, read_chunks

LOOKED_AT = 200  # lines
TAKEN_APART = 10  # lines
_WITH_FIELDS = tuple(name for name, known in FORMATS.items() if known.syntax != "header")
_GOES_WITH = {
    "header": ("regex",),
    "time_format": ("regex", *_WITH_FIELDS),
    "message_field": _WITH_FIELDS,
    "session_field": _WITH_FIELDS,
    "time_field": _WITH_FIELDS,
}


@dataclass(frozen=True)
class ParseSettings:
    """What a parse is asked for."""

    logs: tuple[str, ...]
    output: Path
    log_format: LogFormat
    windows: TimeWindows | None = None
    labels: Path | None = None
    templates: Path | None = None
    chunk_bytes: int = CHUNK_BYTES
    parameters: bool = False  # keep what the variable parts of each line were
    overwrite: bool = False  # a parse that lies in ``output``

    def __post_init__(self) -> None:
        if not self.log_format.names_sessions and self.windows is None:
            raise UserError(
                f"--format {self.log_format.name} names no session: give --session REGEX, or --window SECONDS"
            )


def parse_settings(arguments: Namespace) -> tuple[ParseSettings, str]:
    """What is to be parsed, and a sentence about its format where that was found.

    Raises:
        UserError: options that do not go together.
    """
    if arguments.output is None:
        raise UserError("give --output DIR for the sessions, or look at ten lines with --try")
    if not 0.001 <= arguments.chunk_mb <= 1024:
        raise UserError(f"--chunk-mb {arguments.chunk_mb:g}: give 0.001 to 1024")
    log_format, said = chosen_format(arguments)
    settings = ParseSettings(
        tuple(arguments.logs),
        arguments.output,
        log_format,
        _windows(arguments, log_format),
        arguments.labels,
        arguments.templates,
        round(arguments.chunk_mb * (1 << 20)),
        arguments.parameters,
        arguments.overwrite,
    )
    return settings, said


def chosen_format(arguments: Namespace) -> tuple[LogFormat, str]:
    """The format with what the command line says instead, and a sentence about one that was found.

    Raises:
        UserError: an unknown format, none that fits, or options that do not go with it.
    """
    said = ""
    if arguments.format == "regex":
        if arguments.header is None:
            raise UserError("--format regex needs --header, such as '^(?P<time>\\S+ \\S+) \\w+ '")
        chosen = LogFormat("regex", arguments.header, arguments.time_format)
    elif arguments.format == "auto" or (arguments.trying and arguments.format is None):
        chosen, said = fitting_format(arguments.logs[0], [_named(name, arguments) for name in FORMATS])
    elif arguments.format is None:
        chosen, said = _found_or_hdfs(arguments)
    else:
        chosen = _named(arguments.format, arguments)
    for option, names in _GOES_WITH.items():
        if getattr(arguments, option) is not None and chosen.name not in names:
            shown = f"--{option.replace('_', '-')} goes with --format {' or '.join(names)}"
            raise UserError(f"{shown}; {chosen.name} has its own")
    maskable = (*GENERAL, "format")
    for name in arguments.no_mask:
        if name not in maskable:
            raise UserError(f"--no-mask {name}: choose {' or '.join(maskable)}")
    dropped = maskable if arguments.no_masks else arguments.no_mask
    is_named_here = arguments.session or arguments.window
    changed = replace(
        chosen,
        session=arguments.session if is_named_here else chosen.session,
        session_field=None if is_named_here else chosen.session_field,
        mask_session=arguments.session is not None and _is_masked(arguments),
        masks=(*(() if "format" in dropped else chosen.masks), *arguments.mask),
        general_masks=tuple(name for name in GENERAL if name not in dropped),
        similarity=chosen.similarity if arguments.similarity is None else arguments.similarity,
        depth=chosen.depth if arguments.depth is None else arguments.depth,
        counts_masks=arguments.similarity_counts_masks,
    )
    return changed, said


def _found_or_hdfs(arguments: Namespace) -> tuple[LogFormat, str]:
    """The format that fits; that of HDFS where nothing does, whose reading says what the lines lack.

    What can be read only once, standard input or a pipe, is not looked at.
    """
    if Path(arguments.logs[0]).is_file():
        try:
            return fitting_format(arguments.logs[0], [_named(name, arguments) for name in FORMATS])
        except UserError:
            pass
    return FORMATS["hdfs"], ""


def _named(name: str, arguments: Namespace) -> LogFormat:
    if name not in FORMATS:
        raise UserError(f"--format {name}: choose {ALL_FORMATS}")
    known = FORMATS[name]
    if known.syntax == "header":
        return known
    return replace(
        known,
        message_field=arguments.message_field or known.message_field,
        session_field=arguments.session_field,
        time_field=arguments.time_field or known.time_field,
        time_format=arguments.time_format or ISO,
    )


def _is_masked(arguments: Namespace) -> bool:
    """Whether the expression of --session masks it; where that is not clear, those of --mask do."""
    try:
        session_mask(arguments.session)
    except UserError:
        if not arguments.mask:
            raise
        return False
    return True


def _windows(arguments: Namespace, log_format: LogFormat) -> TimeWindows | None:
    if arguments.window is None:
        if arguments.step is not None:
            raise UserError("--step goes with --window")
        return None
    if arguments.session is not None or arguments.session_field is not None:
        raise UserError("--session and --window exclude each other: a line's session is named or timed")
    if not log_format.has_times or log_format.time_format is None:
        raise UserError("--window needs the lines' times: a group time in --header, and --time-format")
    return TimeWindows(arguments.window, arguments.window if arguments.step is None else arguments.step)


def first_lines(log: str) -> list[str]:
    """Up to LOOKED_AT lines of a log, blank ones left out.

    Raises:
        UserError: standard input, which is read once.
    """
    if log == STDIN:
        raise UserError("--format auto looks at a log before it is read: name the format of standard input")
    lines: list[str] = []
    for chunk in read_chunks(find_logs([log]), chunk_bytes=1 << 16):
        lines += [line for line in Lines.of(chunk).texts if line.strip()]
        if len(lines) >= LOOKED_AT:
            break
    return lines[:LOOKED_AT]


def lines_that_fit(lines: Sequence[str], known: LogFormat) -> int:
    """How many lines have the header, or the field of the message, of a format."""
    return int(LineReader(known).messages(pl.Series(lines, dtype=pl.String))[1].sum())


def fitting_format(log: str, formats: Sequence[LogFormat]) -> tuple[LogFormat, str]:
    """The format that fits most of a log's first lines, and a sentence that says so.

    Raises:
        UserError: none fits at least half of them.
    """
    lines = first_lines(log)
    counts = [lines_that_fit(lines, known) for known in formats]
    most = max(counts)
    if not lines or most * 2 < len(lines):
        shown = f", such as {lines[0][:80]!r}" if lines else ""
        raise UserError(
            f"{log}: no format fits its first lines{shown}: give --format regex with --header, and "
            "look at it with --try"
        )
    best = formats[counts.index(most)]
    return best, f"{best.name}: fits {most} of the first {len(lines)} lines"


def taken_apart(lines: Sequence[str], log_format: LogFormat) -> str:
    """What a format sees in the first lines: time, session, label, masked message; or why none."""
    lines = lines[:TAKEN_APART]
    found = LineReader(log_format)(pl.Series(lines, dtype=pl.String))
    texts = {
        int(place): [("skipped", reason)] for reason, places in found.skipped.items() for place in places
    }
    for message, place in enumerate(found.place.tolist()):
        sessions = "none: --session or --window"
        if found.event_session is not None:
            sessions = ", ".join(found.event_session.filter(pl.Series(found.event_message == message)))
        texts[place] = [("time", str(found.time[message] or "none")), ("session", sessions)]
        if found.abnormal is not None:
            texts[place].append(("label", "abnormal" if found.abnormal[message] else "normal"))
        texts[place].append(("message", found.distinct[found.code[message]].replace(MASK, SHOWN)))
    return "\n".join(
        "\n".join([line, *(f"  {name:9}{text}" for name, text in texts[place])])
        for place, line in enumerate(lines)
    )
