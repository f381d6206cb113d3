"""``seqlab parse LOG... --output DIR``: raw log lines to sessions of templates."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqlab.logs.formats import LogFormat
    from seqlab.logs.parse_run import Parsed
    from seqlab.logs.parse_settings import ParseSettings
    from seqlab.logs.progress import LineProgress
    from seqlab.logs.unfinished import Unfinished
    from seqlab.logs.windows import TimeWindows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "logs", nargs="+", metavar="LOG", help="plain, .gz, .zip or .tar.gz; - for standard input"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="sessions.parquet, ... go there"
    )
    parser.add_argument(
        "--format", default="hdfs", help="hdfs (default), apache, bgl, hadoop, openssh, zookeeper, or regex"
    )
    parser.add_argument(
        "--header",
        metavar="REGEX",
        help="with --format regex: what comes before a message; groups time, label",
    )
    parser.add_argument("--time-format", help="of the group time, such as '%%Y-%%m-%%d %%H:%%M:%%S'")
    parser.add_argument(
        "--session", metavar="REGEX", help="what names a line's session, such as 'blk_-?\\d+'"
    )
    parser.add_argument("--window", type=float, metavar="S", help="sessions are windows of so many seconds")
    parser.add_argument(
        "--step", type=float, metavar="S", help="a window begins every so many; default: fixed"
    )
    parser.add_argument(
        "--mask", action="append", default=[], metavar="REGEX", help="a variable part; repeatable"
    )
    parser.add_argument(
        "--no-mask",
        action="append",
        default=[],
        metavar="NAME",
        help="address, host, path, hexadecimal, number, or format (those of --format); repeatable",
    )
    parser.add_argument("--no-masks", action="store_true", help="none of these; those of --mask stay")
    parser.add_argument(
        "--similarity", type=float, help="Drain's threshold; default 0.7. Larger: more templates"
    )
    parser.add_argument(
        "--similarity-counts-masks", action="store_true", help="masked words count as equal, as in drain3"
    )
    parser.add_argument("--depth", type=int, help="of Drain's tree; default 5")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="BlockId,Label")
    parser.add_argument(
        "--templates", type=Path, metavar="FILE", help="known ones keep their ids: a parse's folder, or a CSV"
    )
    parser.add_argument(
        "--parameters", action="store_true", help="keep variable parts, for data.parameters=true; slower"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a parse that was ended")
    parser.add_argument("--overwrite", action="store_true", help="replace a parse that lies in DIR")
    parser.add_argument(
        "--chunk-mb",
        type=float,
        default=16,
        help="text taken apart at once; default 16. Less needs less memory",
    )
    parser.add_argument("--engine", default="local", help="local (default) or ray")
    parser.add_argument("--address", help="of a Ray cluster; without it one is started here")


def run(arguments: argparse.Namespace) -> int:
    from seqlab.errors import UserError
    from seqlab.logs.output import check_output, make_output, remove_made
    from seqlab.logs.parse_settings import ParseSettings
    from seqlab.logs.unfinished import Unfinished

    log_format = chosen_format(arguments)
    settings = ParseSettings(
        tuple(arguments.logs),
        arguments.output,
        log_format,
        _windows(arguments, log_format),
        arguments.labels,
        arguments.templates,
        _chunk_bytes(arguments.chunk_mb),
        arguments.parameters,
    )
    made = make_output(settings.output)
    unfinished = Unfinished(settings.output.resolve())
    try:
        with unfinished.held():
            check_output(settings.output, resume=arguments.resume, overwrite=arguments.overwrite)
            parsed, progress = _parse_or_forget(settings, arguments, unfinished)
    except UserError:
        remove_made(made)
        raise
    print(summary(settings, parsed, progress.seconds, progress.lines_before))
    return 0


def _parse_or_forget(
    settings: ParseSettings, arguments: argparse.Namespace, unfinished: Unfinished
) -> tuple[Parsed, LineProgress]:
    """Of a parse that is refused no chunks stay which nothing can go on after."""
    from seqlab.errors import UserError
    from seqlab.logs.first_look import WrongLogError
    from seqlab.logs.unfinished import is_resumable

    try:
        return _parse(settings, arguments, unfinished)
    except UserError as error:
        if unfinished.begun and (isinstance(error, WrongLogError) or not is_resumable(settings.output)):
            unfinished.remove()
        raise


def _parse(
    settings: ParseSettings, arguments: argparse.Namespace, unfinished: Unfinished
) -> tuple[Parsed, LineProgress]:
    from polars.exceptions import PolarsError

    from seqlab.errors import UserError
    from seqlab.logs.engines import open_engine
    from seqlab.logs.parse_run import parse
    from seqlab.logs.progress import LineProgress
    from seqlab.logs.reading import find_sources
    from seqlab.logs.unfinished import is_resumable

    sources = find_sources(settings.logs)
    engine = open_engine(arguments.engine, arguments.address)
    try:
        with LineProgress(sources, arguments.resume) as progress:
            parsed = parse(
                settings,
                engine,
                sources=sources,
                unfinished=unfinished,
                resume=arguments.resume,
                report=progress,
            )
    except KeyboardInterrupt:
        if is_resumable(settings.output):
            again = [word for word in sys.argv[1:] if word != "--resume"]
            print(f"whole chunks are kept; go on: seqlab {shlex.join([*again, '--resume'])}", file=sys.stderr)
        raise
    except (OSError, PolarsError) as error:
        can_go_on = is_resumable(settings.output)
        then = "once that is mended, --resume goes on" if can_go_on else "nothing is kept of it"
        raise UserError(f"{settings.output}: the parse cannot go on: {error}; {then}") from None
    finally:
        engine.close()
    return parsed, progress


def chosen_format(arguments: argparse.Namespace) -> LogFormat:
    """The format, with what the command line says instead.

    Raises:
        UserError: an unknown format, or a header where the format has its own.
    """
    from dataclasses import replace

    from seqlab.errors import UserError
    from seqlab.logs.formats import LogFormat, find_format

    if arguments.format == "regex":
        if arguments.header is None:
            raise UserError("--format regex needs --header, such as '^(?P<time>\\S+ \\S+) \\w+ '")
        chosen = LogFormat("regex", arguments.header, arguments.time_format)
    elif arguments.header is not None or arguments.time_format is not None:
        raise UserError(f"--header and --time-format go with --format regex; {arguments.format} has its own")
    else:
        chosen = find_format(arguments.format)
    general_masks, format_masks = _kept_masks(arguments, chosen)
    return replace(
        chosen,
        session=arguments.session or (None if arguments.window else chosen.session),
        mask_session=_masks_session(arguments),
        masks=(*format_masks, *arguments.mask),
        general_masks=general_masks,
        similarity=chosen.similarity if arguments.similarity is None else arguments.similarity,
        depth=chosen.depth if arguments.depth is None else arguments.depth,
        counts_masks=arguments.similarity_counts_masks,
    )


def _kept_masks(arguments: argparse.Namespace, chosen: LogFormat) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The general masks and those of the format that are not switched off."""
    from seqlab.errors import UserError
    from seqlab.logs.masking import GENERAL

    names = (*GENERAL, "format")
    for name in arguments.no_mask:
        if name not in names:
            raise UserError(f"--no-mask {name}: choose {', '.join(names[:-1])} or {names[-1]}")
    dropped = names if arguments.no_masks else arguments.no_mask
    return (
        tuple(name for name in GENERAL if name not in dropped),
        () if "format" in dropped else chosen.masks,
    )


def _masks_session(arguments: argparse.Namespace) -> bool:
    """Whether what ``--session`` names is masked in messages.

    As in the parse that goes on, or whose templates are given; older ones did not. Masked in another way, no
    line would have one of those templates.
    """
    from seqlab.logs.known_templates import given_parse, read_parser
    from seqlab.logs.unfinished import Unfinished

    progress = Unfinished(arguments.output).progress() if arguments.resume else None
    if progress is not None:
        return progress["settings"]["log_format"].get("mask_session", False)
    before = None if arguments.templates is None else given_parse(arguments.templates)
    if before is not None:
        return read_parser(before)["log_format"].get("mask_session", False)
    return arguments.session is not None


def _chunk_bytes(megabytes: float) -> int:
    from seqlab.errors import UserError

    if not 0.001 <= megabytes <= 1024:
        raise UserError(f"--chunk-mb {megabytes:g}: give 0.001 to 1024")
    return round(megabytes * (1 << 20))


def _windows(arguments: argparse.Namespace, log_format: LogFormat) -> TimeWindows | None:
    from seqlab.errors import UserError
    from seqlab.logs.windows import TimeWindows

    if arguments.window is None:
        if arguments.step is not None:
            raise UserError("--step goes with --window")
        return None
    if arguments.session is not None:
        raise UserError("--session and --window exclude each other: a line's session is named or timed")
    if log_format.time_format is None:
        raise UserError("--window needs the lines' times: a group time in --header, and --time-format")
    return TimeWindows(arguments.window, arguments.window if arguments.step is None else arguments.step)


def summary(settings: ParseSettings, parsed: Parsed, seconds: float, lines_before: int) -> str:
    """What was read and found, for the terminal.

    Args:
        seconds: of this run.
        lines_before: that an earlier run had read.
    """
    counts = parsed.counts
    now = counts.lines - lines_before
    of_now = f", {now:,} of them now" if lines_before else ""
    speed = f"{now / max(seconds, 1e-9):,.0f} lines/s"
    rows = [
        ("lines", f"{counts.lines:,}{of_now} in {seconds:.1f} s, {speed}"),
        ("events", f"{counts.events:,} of {len(parsed.templates):,} templates"),
        ("sessions", f"{parsed.num_sessions:,}" + _labels(parsed)),
    ]
    for reason, count in counts.skipped.items():
        first = counts.skipped_lines.get(reason, [])
        where = (
            f", the first is {first[0]['log']}, line {first[0]['line']}: {first[0]['text'][:60]!r}"
            if first
            else ""
        )
        rows.append(("skipped", f"{count:,} lines, {reason}{where}"))
    kept = "parameters.parquet, " if settings.parameters else ""
    rows.append(("written", f"{settings.output}: sessions.parquet, templates.csv, {kept}parse.json"))
    rows.append(("train", f"python train.py model=gru data.sessions={settings.output}"))
    return "\n".join(f"{name:10}{text}" for name, text in rows)


def _labels(parsed: Parsed) -> str:
    if set(parsed.labels) <= {"unknown"}:
        return ", no labels"
    return ": " + ", ".join(f"{count:,} {name}" for name, count in sorted(parsed.labels.items()))
