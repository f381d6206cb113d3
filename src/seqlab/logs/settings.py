"""What a parse is asked for, and what the command line of ``seqlab parse`` says of it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.formats import ISO, LogFormat
from seqlab.logs.known_formats import FORMATS, find_format, fitting_format
from seqlab.logs.masking import GENERAL, session_mask
from seqlab.logs.reading import CHUNK_BYTES, find_sources
from seqlab.logs.windows import TimeWindows


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

    def state(self) -> dict[str, Any]:
        """Plain values for parse.json."""
        return {
            "logs": list(self.logs),
            "log_format": self.log_format.state(),
            "window": None if self.windows is None else asdict(self.windows),
            "labels": None if self.labels is None else str(self.labels),
            "templates": None if self.templates is None else str(self.templates),
            "parameters": self.parameters,
        }


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
    elif arguments.header is not None:
        raise UserError(f"--header goes with --format regex; {arguments.format} has its own")
    elif arguments.format == "auto":
        formats = [_with_fields(known, arguments) for known in FORMATS.values()]
        chosen, said = fitting_format(find_sources(arguments.logs)[0], formats)
    else:
        chosen = _with_fields(find_format(arguments.format), arguments)
    if chosen.syntax == "header":
        for name in ("message_field", "session_field", "time_field"):
            if getattr(arguments, name) is not None:
                raise UserError(f"--{name.replace('_', '-')} goes with --format json, docker or logfmt")
        if arguments.time_format is not None and chosen.name != "regex":
            raise UserError(f"--time-format goes with --format regex; {chosen.name} has its own")
    names = (*GENERAL, "format")
    for name in arguments.no_mask:
        if name not in names:
            raise UserError(f"--no-mask {name}: choose {', '.join(names[:-1])} or {names[-1]}")
    dropped = names if arguments.no_masks else arguments.no_mask
    is_named_here = arguments.session or arguments.window
    changed = replace(
        chosen,
        session=arguments.session if is_named_here else chosen.session,
        session_field=None if is_named_here else chosen.session_field,
        mask_session=arguments.session is not None and _masked(arguments),
        masks=(*(() if "format" in dropped else chosen.masks), *arguments.mask),
        general_masks=tuple(name for name in GENERAL if name not in dropped),
        similarity=chosen.similarity if arguments.similarity is None else arguments.similarity,
        depth=chosen.depth if arguments.depth is None else arguments.depth,
        counts_masks=arguments.similarity_counts_masks,
    )
    return changed, said


def _with_fields(known: LogFormat, arguments: Namespace) -> LogFormat:
    if known.syntax == "header":
        return known
    return replace(
        known,
        message_field=arguments.message_field or known.message_field,
        session_field=arguments.session_field,
        time_field=arguments.time_field or known.time_field,
        time_format=arguments.time_format or ISO,
    )


def _masked(arguments: Namespace) -> bool:
    """Whether the mask of a session is its expression's; where that is not clear, those of --mask do it."""
    try:
        session_mask(arguments.session)
    except ValueError:
        return not arguments.mask
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
