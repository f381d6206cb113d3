"""``seqlab parse LOG... --output DIR``: raw log lines to sessions of templates."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("logs", nargs="+", metavar="LOG", help="plain or .gz; - for standard input")
    add("--output", type=Path, metavar="DIR", help="sessions.parquet, ... go there")
    add("--try", action="store_true", dest="trying", help="print ten lines taken apart, and write nothing")
    add(
        "--format",
        help="see docs/logs.md: auto (default: what fits the first lines), hdfs, syslog, json, ..., regex",
    )
    add("--header", metavar="REGEX", help="with regex: what comes before a message; groups time, label")
    add("--message-field", metavar="NAME", help="with json or logfmt: where the message is")
    add("--session-field", metavar="NAME", help="with json or logfmt: what names the session")
    add("--time-field", metavar="NAME", help="with json or logfmt: where the time is")
    add("--time-format", help="of the time, such as '%%Y-%%m-%%d %%H:%%M:%%S', %%s or iso")
    add("--session", metavar="REGEX", help="what names a line's session, such as 'blk_-?\\d+'")
    add("--window", type=float, metavar="S", help="sessions are windows of so many seconds")
    add("--step", type=float, metavar="S", help="a window begins every so many; default: fixed")
    add("--mask", action="append", default=[], metavar="REGEX", help="a variable part; repeatable")
    names = "address, host, path, hexadecimal, number, or format (those of --format); repeatable"
    add("--no-mask", action="append", default=[], metavar="NAME", help=names)
    add("--no-masks", action="store_true", help="none of these; those of --mask stay")
    add("--similarity", type=float, help="Drain's threshold; default 0.7. Larger: more templates")
    counted = "masked words count as equal, as in drain3"
    add("--similarity-counts-masks", action="store_true", help=counted)
    add("--depth", type=int, help="of Drain's tree; default 5")
    add("--labels", type=Path, metavar="CSV", help="BlockId,Label")
    known = "known ones keep their ids: a parse's folder, or a CSV"
    add("--templates", type=Path, metavar="FILE", help=known)
    kept = "keep variable parts, for data.parameters=true; slower"
    add("--parameters", action="store_true", help=kept)
    add("--overwrite", action="store_true", help="replace a parse that lies in DIR")
    chunk = "text taken apart at once; default 16. Less needs less memory"
    add("--chunk-mb", type=float, default=16, help=chunk)
    add("--engine", default="local", help="local (default) or ray")
    add("--address", help="of a Ray cluster; without it one is started here")


def run(arguments: argparse.Namespace) -> int:
    from seqlab.data.line_counts import LineCounts
    from seqlab.data.session_files import read_labels
    from seqlab.errors import escaped
    from seqlab.logs.output import line_progress, report
    from seqlab.logs.parse_run import open_engine, parse
    from seqlab.logs.settings import chosen_format, first_lines, parse_settings, taken_apart

    def labels_of_file(path: Path) -> dict[str, int]:
        counts = LineCounts(path)
        labels = read_labels(path, counts)
        counts.tell()
        return labels

    if arguments.trying:
        log_format, said = chosen_format(arguments)
        seen = taken_apart(first_lines(arguments.logs[0]), log_format)
        print(escaped(f"format {said or log_format.name}\n{seen}"))
        return 0
    settings, said = parse_settings(arguments)
    if said:
        print(f"format    {said}")
    engine = open_engine(arguments.engine, arguments.address)
    try:
        with line_progress(settings.logs) as progress:
            parsed = parse(settings, engine, read_labels=labels_of_file, report=progress)
    finally:
        engine.close()
    print(escaped(report(settings, parsed)))
    return 0
