"""A whole parse: the same output however it is cut, packed or spread."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from seqlab.data.session_files import read_labels
from seqlab.errors import UserError
from seqlab.logs import parse_run
from seqlab.logs.formats import FORMATS, LogFormat, TimeWindows
from seqlab.logs.line_reader import LineParser
from seqlab.logs.parse_run import Engine, open_engine
from seqlab.logs.settings import ParseSettings

parse = partial(parse_run.parse, read_labels=read_labels)
HEAD = "INFO dfs.DataNode: "
SMALL = f"""081109 203615 1 {HEAD}Receiving block blk_1 src: /10.0.0.1:1 dest: /10.0.0.2:2
081109 203616 1 {HEAD}Receiving block blk_2 src: /10.0.0.1:1 dest: /10.0.0.3:2
garbage
081109 203617 1 {HEAD}ask 10.0.0.1:1 to delete blk_1 blk_2
081109 203618 1 {HEAD}Receiving block blk_1 src: /10.0.0.9:1 dest: /10.0.0.2:2
"""


def test_a_log_worked_out_by_hand(tmp_path: Path, threads: Engine, hdfs: Callable) -> None:
    log, labels = tmp_path / "a.log", tmp_path / "labels.csv"
    log.write_text(SMALL)
    labels.write_text("BlockId,Label\nblk_1,Anomaly\nblk_5,Normal\n")
    parsed = parse(hdfs(log, tmp_path / "out", labels=labels), threads)
    rows = pl.read_parquet(tmp_path / "out/sessions.parquet").to_dicts()
    places = [SMALL.index(line) for line in SMALL.splitlines()]
    assert rows == [
        {
            "session": "blk_1",
            "keys": [1, 2, 1],
            "label": "Anomaly",
            "first_time": datetime(2008, 11, 9, 20, 36, 15),
            "last_time": datetime(2008, 11, 9, 20, 36, 18),
            "line_offsets": [places[0], places[3], places[4]],
            "times": [datetime(2008, 11, 9, 20, 36, second) for second in (15, 17, 18)],
        },
        {
            "session": "blk_2",
            "keys": [1, 2],
            "label": None,
            "first_time": datetime(2008, 11, 9, 20, 36, 16),
            "last_time": datetime(2008, 11, 9, 20, 36, 17),
            "line_offsets": [places[1], places[3]],
            "times": [datetime(2008, 11, 9, 20, 36, second) for second in (16, 17)],
        },
    ]
    lines = (tmp_path / "out/templates.csv").read_text().splitlines()
    assert lines[0] == "EventId,EventTemplate,Count,Example"
    assert lines[1].startswith("1,Receiving block <*> src: <*> dest: <*>,3,081109 203615 1 INFO")
    assert lines[2].startswith("2,ask <*> to delete <*> <*>,1,")
    summary = json.loads((tmp_path / "out/parse.json").read_text())
    assert (summary["lines"], summary["events"], summary["sessions"]) == (5, 5, 2)
    assert summary["skipped"] == {"no header": 1}
    assert summary["skipped_lines"]["no header"] == [
        {"log": str(log), "line": 3, "offset": places[2], "text": "garbage"}
    ]
    assert parsed.labels == {"Anomaly": 1, "unknown": 1}
    assert not (tmp_path / "out/.unfinished").exists()


def test_a_byte_order_mark_costs_no_line(tmp_path: Path, threads: Engine, hdfs: Callable) -> None:
    log = tmp_path / "a.log"
    log.write_text("\ufeff" + SMALL, encoding="utf-8")
    parsed = parse(hdfs(log, tmp_path / "out"), threads)
    assert (parsed.counts.events, dict(parsed.counts.skipped)) == (5, {"no header": 1})
    offsets = pl.read_parquet(tmp_path / "out/sessions.parquet")["line_offsets"].to_list()
    assert offsets[0][:2] == [0, 3 + SMALL.index("081109 203617")]


def test_every_offset_leads_to_a_line_of_its_session(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable
) -> None:
    log, labels = hdfs_log(300)
    parse(hdfs(log, tmp_path / "out", labels=labels), threads)
    content = log.read_bytes()
    for row in pl.read_parquet(tmp_path / "out/sessions.parquet").iter_rows(named=True):
        assert len(row["keys"]) == len(row["line_offsets"])
        for offset in row["line_offsets"]:
            assert row["session"].encode() in content[offset : content.index(b"\n", offset)].split(b"/")[
                -1
            ] or (row["session"].encode() in content[offset : content.index(b"\n", offset)])


def test_chunks_buckets_and_packing_change_nothing(
    hdfs_log: Callable,
    tmp_path: Path,
    threads: Engine,
    monkeypatch: pytest.MonkeyPatch,
    hdfs: Callable,
    tables: Callable,
) -> None:
    log, labels = hdfs_log(300)
    settings = hdfs(log, tmp_path / "whole", labels=labels)
    parse(settings, threads)
    expected = tables(tmp_path / "whole")
    assert expected[2]["labels"] == {"Normal": 270, "Anomaly": 30}

    parse(replace(settings, output=tmp_path / "chunks", chunk_bytes=10_000), threads)
    assert tables(tmp_path / "chunks") == expected

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse_run, "BUCKET_BYTES", 200_000)
        patch.setattr("seqlab.logs.output.ROWS_AT_ONCE", 37)
        parse(replace(settings, output=tmp_path / "buckets", chunk_bytes=50_000), threads)
    assert tables(tmp_path / "buckets") == expected

    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    parse(replace(settings, logs=(str(packed),), output=tmp_path / "packed"), threads)
    assert tables(tmp_path / "packed") == expected

    crlf = tmp_path / "crlf.log"
    crlf.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    parse(replace(settings, logs=(str(crlf),), output=tmp_path / "crlf", chunk_bytes=9_999), threads)
    rows, _, summary = tables(tmp_path / "crlf")
    assert summary == expected[2]
    assert [row["keys"] for row in rows] == [row["keys"] for row in expected[0]]


def test_several_logs_are_one_stream(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable, tables: Callable
) -> None:
    log, _ = hdfs_log(300)
    lines = log.read_bytes().splitlines(keepends=True)
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_bytes(b"".join(lines[:2000]))
    second.write_bytes(b"".join(lines[2000:]))
    parse(hdfs(log, tmp_path / "one"), threads)
    parse(ParseSettings((str(first), str(second)), tmp_path / "two", FORMATS["hdfs"]), threads)
    assert tables(tmp_path / "two") == tables(tmp_path / "one")
    logs = json.loads((tmp_path / "two/parse.json").read_text())["logs"]
    assert [row["first_offset"] for row in logs] == [0, first.stat().st_size]
    assert [row["lines"] for row in logs] == [2000, len(lines) - 2000]


def test_sessions_that_one_line_names_stand_in_its_order_in_any_number_of_buckets(
    tmp_path: Path, threads: Engine, monkeypatch: pytest.MonkeyPatch, hdfs: Callable
) -> None:
    log = tmp_path / "a.log"
    blocks = " ".join(f"blk_{number}" for number in range(40))
    log.write_text(f"081109 203615 1 {HEAD}ask 10.0.0.1:1 to delete {blocks}\n")
    for name, size in (("one", 1 << 30), ("many", 100)):
        monkeypatch.setattr(parse_run, "BUCKET_BYTES", size)
        parse(hdfs(log, tmp_path / name), threads)
        names = pl.read_parquet(tmp_path / name / "sessions.parquet")["session"].to_list()
        assert names == blocks.split()


def test_known_templates_keep_their_ids(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable
) -> None:
    log, _ = hdfs_log(300)
    lines = log.read_bytes().splitlines(keepends=True)
    late = tmp_path / "late.log"
    late.write_bytes(
        b"".join(lines[3000:]) + f"081111 1 {HEAD}x blk_1\n081111 000000 1 {HEAD}new blk_1\n".encode()
    )
    parse(hdfs(log, tmp_path / "first"), threads)
    parse(hdfs(late, tmp_path / "second", templates=tmp_path / "first"), threads)
    ids = {}
    for row in pl.read_parquet(tmp_path / "first/sessions.parquet").iter_rows(named=True):
        ids |= dict(zip(row["line_offsets"], row["keys"], strict=True))
    skip = sum(map(len, lines[:3000]))
    highest = max(ids.values())
    for row in pl.read_parquet(tmp_path / "second/sessions.parquet").iter_rows(named=True):
        for offset, key in zip(row["line_offsets"], row["keys"], strict=True):
            assert key == ids.get(offset + skip, highest + 1)
    table = tmp_path / "templates.csv"
    table.write_text('EventId,EventTemplate\nE7,"Receiving block blk_<*> src: <*> dest: <*>"\n')
    parse(hdfs(log, tmp_path / "third", templates=table), threads)
    templates = (tmp_path / "third/templates.csv").read_text().splitlines()
    assert templates[1].startswith("7,Receiving block <*> src: <*> dest: <*>,")
    assert templates[2].startswith("8,")


def test_a_line_parser_gives_the_keys_of_the_parse(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable
) -> None:
    log, _ = hdfs_log(300)
    parse(hdfs(log, tmp_path / "out"), threads)
    parser = LineParser.from_state(json.loads((tmp_path / "out/parse.json").read_text())["parser"])
    lines = pl.Series([*log.read_text().splitlines(), f"081111 000000 1 {HEAD}never seen blk_1", "nothing"])
    events = parser(lines)
    found: dict[str, list[int]] = {}
    for session, key in zip(events.session, events.key.tolist(), strict=True):
        found.setdefault(session, []).append(key)
    assert found.pop("blk_1") == [-1]
    assert found == {
        row["session"]: row["keys"]
        for row in pl.read_parquet(tmp_path / "out/sessions.parquet").iter_rows(named=True)
    }
    assert events.skipped["no header"].tolist() == [len(lines) - 1]


def test_time_windows_make_sessions(tmp_path: Path, threads: Engine) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"2026-01-01 00:00:{second:02d} up {second}\n" for second in (0, 5, 12, 19, 31)))
    form = LogFormat("regex", r"^(?P<time>\S+ \S+) ", "%Y-%m-%d %H:%M:%S")

    def sessions(seconds: float, step: float) -> dict[str, int]:
        output = tmp_path / f"{seconds}-{step}"
        parse(ParseSettings((str(log),), output, form, TimeWindows(seconds, step)), threads)
        rows = pl.read_parquet(output / "sessions.parquet").iter_rows(named=True)
        return {row["session"]: len(row["keys"]) for row in rows}

    day = "2026-01-01T"
    assert sessions(10, 10) == {f"{day}00:00:00": 2, f"{day}00:00:10": 2, f"{day}00:00:30": 1}
    assert sessions(20, 10) == {
        "2025-12-31T23:59:50": 2,
        f"{day}00:00:00": 4,
        f"{day}00:00:10": 2,
        f"{day}00:00:20": 1,
        f"{day}00:00:30": 1,
    }


@pytest.mark.soak
def test_a_ray_cluster_gives_the_same_output(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable, tables: Callable
) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    log, labels = hdfs_log(300)
    settings = hdfs(log, tmp_path / "here", labels=labels, chunk_bytes=200_000)
    parse(settings, threads)
    engine = open_engine("ray")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parse_run, "BUCKET_BYTES", 300_000)
            parse(replace(settings, output=tmp_path / "ray"), engine)
    finally:
        engine.close()
    assert tables(tmp_path / "ray") == tables(tmp_path / "here")


def test_a_worker_for_each_core_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 4}, raising=False)
    assert open_engine().workers == 3
    monkeypatch.delattr("os.sched_getaffinity")  # as on macOS
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert open_engine().workers == 2


def test_engines_by_name() -> None:
    with pytest.raises(UserError, match="--engine spark: choose local or ray"):
        open_engine("spark")
    with pytest.raises(UserError, match="--address goes with --engine ray"):
        open_engine("local", "auto")
