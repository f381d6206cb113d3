"""What a parse refuses at once, and what it only skips and counts."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from seqlab.data.session_files import read_labels
from seqlab.errors import UserError
from seqlab.logs import parse_run
from seqlab.logs.formats import FORMATS, LogFormat, TimeWindows
from seqlab.logs.parse_run import Engine
from seqlab.logs.settings import ParseSettings

parse = partial(parse_run.parse, read_labels=read_labels)
HEAD = "INFO dfs.DataNode: "


def test_small_logs_and_long_first_lines_are_no_reason_to_refuse(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable, tables: Callable
) -> None:
    log, labels = hdfs_log(300)
    lines = log.read_bytes().splitlines(keepends=True)
    logs = [tmp_path / f"{number}.log" for number in range(61)]
    logs[0].write_text("three\nlines\nof text\n")
    for number, small in enumerate(logs[1:]):
        small.write_bytes(b"".join(lines[number * 100 : (number + 1) * 100 if number < 59 else None]))
    settings = hdfs(log, tmp_path / "plain", labels=labels)
    parse(settings, threads)
    many = replace(settings, logs=tuple(map(str, logs)), output=tmp_path / "many")
    parsed = parse(many, threads)
    assert dict(parsed.counts.skipped) == {"no header": 3}
    keys = [[row["keys"] for row in tables(tmp_path / name)[0]] for name in ("many", "plain")]
    assert keys[0] == keys[1]
    long = tmp_path / "long.log"
    long.write_bytes(b"x" * 200_000 + b"\n" + log.read_bytes())
    assert parse(hdfs(long, tmp_path / "long", chunk_bytes=50_000), threads).num_sessions == 300


def test_times_that_cannot_be_read_are_said(tmp_path: Path, threads: Engine) -> None:
    log = tmp_path / "a.log"
    log.write_text("2026-01-01 a s1\n2026-01-02 b s1\n")
    form = LogFormat("regex", r"^(?P<time>\S+) ", "%d.%m.%Y", session=r"s\d")
    with pytest.raises(
        UserError, match=r"first 2 lines could be used \(no time\).*'2026-01-01 a.*times as %d\.%m\.%Y"
    ):
        parse(ParseSettings((str(log),), tmp_path / "out", form), threads)


def test_labels_and_formats_of_another_log_are_refused_at_once(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable
) -> None:
    log, _ = hdfs_log(300)
    other = tmp_path / "labels.csv"
    other.write_text("BlockId,Label\nblk_1,Anomaly\n")
    with pytest.raises(UserError, match="is it the file of this log"):
        parse(hdfs(log, tmp_path / "out", labels=other), threads)
    other.write_text("BlockId,Label\nblk_1,Anomaly\nblk_1,Normal\n")
    with pytest.raises(UserError, match=r"labels\.csv, line 3: block blk_1 is labelled twice"):
        parse(hdfs(log, tmp_path / "out", labels=other), threads)
    with pytest.raises(UserError, match=r"none of the first [\d,]+ lines could be used \(no header\)"):
        parse(ParseSettings((str(log),), tmp_path / "out", FORMATS["apache"], TimeWindows(60, 60)), threads)
    (tmp_path / "empty.log").write_text("")
    with pytest.raises(UserError, match=r"empty\.log: no line in it"):
        parse(hdfs(tmp_path / "empty.log", tmp_path / "out"), threads)


def test_labels_of_any_session_are_enough(tmp_path: Path, threads: Engine, hdfs: Callable) -> None:
    log, labels = tmp_path / "a.log", tmp_path / "labels.csv"
    names = [f"blk_{number}" for number in range(600)]
    log.write_text(
        "".join(f"081109 203615 1 {HEAD}Receiving block {name}\n" for name in [*names, *names, "blk_9999"])
    )
    labels.write_text("BlockId,Label\nblk_9999,Anomaly\n")
    parsed = parse(hdfs(log, tmp_path / "out", labels=labels, chunk_bytes=10_000), threads)
    assert parsed.labels == {"unknown": 600, "Anomaly": 1}
    labels.write_text("BlockId,Label\nblk_none,Anomaly\n")
    with pytest.raises(UserError, match="labels none of the 601 sessions; is it the file"):
        parse(hdfs(log, tmp_path / "more", labels=labels, chunk_bytes=10_000), threads)


def test_binary_garbage_and_endless_lines_are_counted(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable, tables: Callable
) -> None:
    log, _ = hdfs_log(300)
    bad = tmp_path / "bad.log"
    lines = log.read_bytes().splitlines(keepends=True)
    noise = bytes(range(256)).replace(b"\n", b"") * 10 + b"\n"
    bad.write_bytes(b"".join(lines[:500]) + noise + b"y" * 3_000_000 + b"\n" + b"".join(lines[500:]))
    parse(hdfs(log, tmp_path / "good"), threads)
    parsed = parse(hdfs(bad, tmp_path / "bad", chunk_bytes=1 << 20), threads)
    assert dict(parsed.counts.skipped) == {"not UTF-8": 1, "too long": 1}
    shown = json.loads((tmp_path / "bad/parse.json").read_text())["skipped_lines"]["not UTF-8"]
    assert (shown[0]["line"], shown[0]["offset"]) == (501, sum(map(len, lines[:500])))
    assert shown[0]["text"].startswith("\x00\x01\x02")
    assert "\\x80\\x81" in shown[0]["text"]
    good, bad_rows = tables(tmp_path / "good")[0], tables(tmp_path / "bad")[0]
    assert [row["keys"] for row in bad_rows] == [row["keys"] for row in good]
