"""The formats that are ready, and which of them fits a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqlab.errors import UserError
from seqlab.logs.formats import ISO, LogFormat

if TYPE_CHECKING:
    from seqlab.logs.reading import Source

LOOKED_AT = 200  # lines
_STAMP = r"\w{3} +\d+ \d\d:\d\d:\d\d"  # syslog's
_SYSLOG_TIME = "%b %d %H:%M:%S"
_DATE_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"

# Headers of loghub's logs (Zhu et al., "Loghub: A Large Collection of System Log Datasets for AI-driven Log
# Analytics", ISSRE 2023). Where several fit all lines of a log, `auto` takes the first.
FORMATS = {
    known.name: known
    for known in (
        LogFormat(
            "hdfs",
            r"^(?P<time>\d{6} \d{6}) \d+ \w+ [^:]+: ",
            "%y%m%d %H%M%S",
            session=r"blk_-?\d+",
            masks=(r"blk_-?\d+",),
        ),
        LogFormat(
            "android", r"^(?P<time>\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) +\d+ +\d+ \w .*?: ", "%m-%d %H:%M:%S%.f"
        ),
        LogFormat(
            "apache",
            r"^\[(?P<time>\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})\] \[\w+\] ",
            "%a %b %d %H:%M:%S %Y",
        ),
        LogFormat(
            "bgl",
            r"^(?P<label>\S+) \d+ \S+ \S+ (?P<time>\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+) \S+ \S+ \S+ \S+ ",
            "%Y-%m-%d-%H.%M.%S%.f",
            masks=(r"core\.\d+",),
        ),
        LogFormat(
            "hadoop",
            rf"^(?P<time>{_DATE_TIME},\d{{3}}) +\w+ \[[^\]]*\] [^:]+: ",
            "%Y-%m-%d %H:%M:%S,%3f",
        ),
        LogFormat("healthapp", r"^(?P<time>\d{8}-\d+:\d+:\d+):\d+\|[^|]*\|\d+\|", "%Y%m%d-%H:%M:%S"),
        LogFormat("hpc", r"^\d+ \S+ \S+ \S+ (?P<time>\d{9,10}) \d+ ", "%s"),
        LogFormat(
            "openssh",
            rf"^(?P<time>{_STAMP}) \S+ sshd\[\d+\]: ",
            _SYSLOG_TIME,
            session=r"sshd\[(\d+)\]",
            masks=(r"([\w-]+\.){2,}[\w-]+",),
        ),
        LogFormat(
            "openstack",
            rf"^\S+ (?P<time>{_DATE_TIME}\.\d+) \d+ \w+ \S+ \[[^\]]*\] ",
            "%Y-%m-%d %H:%M:%S%.f",
            session=r"\[instance: ([0-9a-f-]+)\]",
        ),
        LogFormat(
            "proxifier",
            r"^\[(?P<time>\d\d\.\d\d \d\d:\d\d:\d\d)\] .+? - ",
            "%m.%d %H:%M:%S",
            masks=(r"<\d+ sec|\d+:\d\d(?::\d\d)?",),
        ),
        LogFormat("spark", r"^(?P<time>\d\d/\d\d/\d\d \d\d:\d\d:\d\d) \w+ [^:]+: ", "%y/%m/%d %H:%M:%S"),
        LogFormat("thunderbird", rf"^(?P<label>\S+) (?P<time>\d{{9,10}}) \S+ \S+ {_STAMP} \S+ [^:]+: ", "%s"),
        LogFormat("windows", rf"^(?P<time>{_DATE_TIME}), \w+ +\w+ +", "%Y-%m-%d %H:%M:%S"),
        LogFormat(
            "zookeeper",
            rf"^(?P<time>{_DATE_TIME},\d{{3}}) - \w+ +\[.*:[^:\]]*@\d+\] - ",
            "%Y-%m-%d %H:%M:%S,%3f",
        ),
        # RFC 3164: 4.1, with or without the priority that files leave out
        LogFormat("syslog", rf"^(?:<\d+>)?(?P<time>{_STAMP}) \S+ [\w./-]+(?:\[\d+\])?: ", _SYSLOG_TIME),
        LogFormat("mac", rf"^(?P<time>{_STAMP}) \S+ .+?\[\d+\](?: \(.+?\))?: ", _SYSLOG_TIME),
        LogFormat("linux", rf"^(?P<time>{_STAMP}) \S+ [^:]+: ", _SYSLOG_TIME),
        # RFC 5424: 6
        LogFormat(
            "syslog5424",
            r'^<\d+>\d+ (?P<time>\S+) \S+ \S+ \S+ \S+ (?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?',
            ISO,
        ),
        LogFormat("cri", r"^(?P<time>\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) [FP] ", ISO),  # of Kubernetes
        LogFormat("docker", syntax="json", message_field="log", time_field="time", time_format=ISO),
        LogFormat("json", syntax="json", message_field="message", time_field="time", time_format=ISO),
        LogFormat("logfmt", syntax="logfmt", message_field="msg", time_field="time", time_format=ISO),
    )
}
ALL = f"{', '.join(FORMATS)}, regex with --header, or auto"


def find_format(name: str) -> LogFormat:
    """A format by name.

    Raises:
        UserError: an unknown one.
    """
    if name not in FORMATS:
        raise UserError(f"--format {name}: choose {ALL}")
    return FORMATS[name]


def first_lines(source: Source) -> list[str]:
    """Up to LOOKED_AT lines of a log, blank ones left out.

    Raises:
        UserError: standard input, which is read once.
    """
    from seqlab.logs.lines import read_lines
    from seqlab.logs.reading import STDIN, read_chunks

    if source.path == STDIN:
        raise UserError("--format auto looks at a log before it is read: name the format of standard input")
    lines: list[str] = []
    for chunk in read_chunks([source], chunk_bytes=1 << 16):
        lines += [
            line for line in read_lines(chunk.content, at_start=chunk.start == 0)[0].to_list() if line.strip()
        ]
        if len(lines) >= LOOKED_AT:
            break
    return lines[:LOOKED_AT]


def lines_that_fit(lines: Sequence[str], known: LogFormat) -> int:
    """How many lines have the header, or the field of the message, of a format."""
    import polars as pl

    from seqlab.logs.lines import LineReader

    return int(LineReader(known).messages(pl.Series(lines, dtype=pl.String))[1].sum())


def fitting_format(source: Source, formats: Sequence[LogFormat]) -> tuple[LogFormat, str]:
    """The format that fits most of a log's first lines, and a sentence that says so.

    Raises:
        UserError: none fits at least half of them.
    """
    lines = first_lines(source)
    counts = [lines_that_fit(lines, known) for known in formats]
    most = max(counts)
    if not lines or most * 2 < len(lines):
        shown = f", such as {lines[0][:80]!r}" if lines else ""
        raise UserError(
            f"{source.name}: no format fits its first lines{shown}: give --format regex with --header, and "
            "look at it with --try"
        )
    best = formats[counts.index(most)]
    return best, f"{best.name}: fits {most} of the first {len(lines)} lines"
