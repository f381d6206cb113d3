"""A whole parse: the same output however it is cut, interrupted, packed or spread."""

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seqlab.errors import UserError
from seqlab.logs import parse_run
from seqlab.logs.engines import Engine, Ray, Threads, open_engine
from seqlab.logs.formats import FORMATS, LogFormat
from seqlab.logs.line_parser import LineParser
from seqlab.logs.parse_run import parse
from seqlab.logs.parse_settings import ParseSettings
from seqlab.logs.windows import TimeWindows

HEAD = "INFO dfs.DataNode: "
SMALL = f"""081109 203615 1 {HEAD}Receiving block blk_1 src: /10.0.0.1:1 dest: /10.0.0.2:2
081109 203616 1 {HEAD}Receiving block blk_2 src: /10.0.0.1:1 dest: /10.0.0.3:2
garbage
081109 203617 1 {HEAD}ask 10.0.0.1:1 to delete blk_1 blk_2
081109 203618 1 {HEAD}Receiving block blk_1 src: /10.0.0.9:1 dest: /10.0.0.2:2
"""


@pytest.fixture
def threads() -> Iterator[Engine]:
    engine = Threads()
    yield engine
    engine.close()


def hdfs(log: Path, output: Path, **more: Any) -> ParseSettings:
    return ParseSettings((str(log),), output, FORMATS["hdfs"], **more)


def tables(folder: Path) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
    """The three files, without what may differ: sizes of packed logs, how often Drain was asked."""
    summary = json.loads((folder / "parse.json").read_text())
    parts = {
        name: summary[name]
        for name in ("lines", "events", "sessions", "labels", "templates", "skipped", "parser")
    }
    skipped = {reason: [line["line"] for line in lines] for reason, lines in summary["skipped_lines"].items()}
    return (
        pl.read_parquet(folder / "sessions.parquet").to_dicts(),
        (folder / "templates.csv").read_text(),
        parts | {"skipped_lines": skipped},
    )


def test_a_log_worked_out_by_hand(tmp_path: Path, threads: Engine) -> None:
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
        },
        {
            "session": "blk_2",
            "keys": [1, 2],
            "label": None,
            "first_time": datetime(2008, 11, 9, 20, 36, 16),
            "last_time": datetime(2008, 11, 9, 20, 36, 17),
            "line_offsets": [places[1], places[3]],
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


def test_a_byte_order_mark_costs_no_line(tmp_path: Path, threads: Engine) -> None:
    log = tmp_path / "a.log"
    log.write_text("\ufeff" + SMALL, encoding="utf-8")
    parsed = parse(hdfs(log, tmp_path / "out"), threads)
    assert (parsed.counts.events, dict(parsed.counts.skipped)) == (5, {"no header": 1})
    offsets = pl.read_parquet(tmp_path / "out/sessions.parquet")["line_offsets"].to_list()
    assert offsets[0][:2] == [0, 3 + SMALL.index("081109 203617")]


def test_every_offset_leads_to_a_line_of_its_session(
    hdfs_log: Callable, tmp_path: Path, threads: Engine
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
    hdfs_log: Callable, tmp_path: Path, threads: Engine, monkeypatch: pytest.MonkeyPatch
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
        patch.setattr("seqlab.logs.joining.ROWS_AT_ONCE", 37)
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


def test_several_logs_are_one_stream(hdfs_log: Callable, tmp_path: Path, threads: Engine) -> None:
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


class Stopped(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_a_parse_that_ended_early_goes_on_to_the_same_output(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, chunks: int
) -> None:
    clean, labels = hdfs_log(300)
    log = tmp_path / "a.log"
    lines = clean.read_text().splitlines()
    log.write_text(
        "".join(
            f"{line}\njunk {number}\n" if number % 400 == 7 else f"{line}\n"
            for number, line in enumerate(lines)
        )
    )
    settings = hdfs(log, tmp_path / "out", labels=labels, chunk_bytes=100_000)
    parse(replace(settings, output=tmp_path / "whole"), threads)
    seen = 0

    def stop(lines: int, position: int) -> None:
        nonlocal seen
        seen += 1
        if seen == chunks:
            raise Stopped

    with pytest.raises(Stopped):
        parse(settings, threads, report=stop)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".unfinished"]
    first_after: list[int] = []
    parse(settings, threads, resume=True, report=lambda lines, position: first_after.append(lines))
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")
    logs = json.loads((tmp_path / "out/parse.json").read_text())["logs"]
    assert [row["lines"] for row in logs] == [log.read_bytes().count(b"\n")]
    assert first_after[0] > 400  # it did not begin again


def test_resuming_refuses_other_settings_and_nothing_to_resume(
    hdfs_log: Callable, tmp_path: Path, threads: Engine
) -> None:
    log, labels = hdfs_log(300)
    settings = hdfs(log, tmp_path / "out", chunk_bytes=100_000)
    with pytest.raises(UserError, match="holds no parse that was ended early"):
        parse(settings, threads, resume=True)

    def stop(lines: int, position: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        parse(settings, threads, report=stop)
    with pytest.raises(UserError, match="--resume: labels differ from the parse that was ended"):
        parse(replace(settings, labels=labels), threads, resume=True)


def stopped_after_one_chunk(settings: ParseSettings, threads: Engine) -> Path:
    def stop(lines: int, position: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        parse(settings, threads, report=stop)
    return settings.output / ".unfinished"


def test_a_log_that_changed_or_a_part_that_is_missing_is_not_gone_on_with(
    hdfs_log: Callable, tmp_path: Path, threads: Engine
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(hdfs_log(300)[0].read_bytes())
    settings = hdfs(log, tmp_path / "out", chunk_bytes=100_000)
    unfinished = stopped_after_one_chunk(settings, threads)
    (unfinished / "part-000000-0000.parquet").unlink()
    with pytest.raises(UserError, match=r"holds [\d,]+ of [\d,]+ events: parts of it are missing"):
        parse(settings, threads, resume=True)
    with log.open("ab") as file:
        file.write(f"081111 000000 1 {HEAD}more blk_1\n".encode())
    with pytest.raises(UserError, match=r"a\.log has changed since"):
        parse(settings, threads, resume=True)


def test_sessions_that_one_line_names_stand_in_its_order_in_any_number_of_buckets(
    tmp_path: Path, threads: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.log"
    blocks = " ".join(f"blk_{number}" for number in range(40))
    log.write_text(f"081109 203615 1 {HEAD}ask 10.0.0.1:1 to delete {blocks}\n")
    for name, size in (("one", 1 << 30), ("many", 100)):
        monkeypatch.setattr(parse_run, "BUCKET_BYTES", size)
        parse(hdfs(log, tmp_path / name), threads)
        names = pl.read_parquet(tmp_path / name / "sessions.parquet")["session"].to_list()
        assert names == blocks.split()


def test_small_members_and_long_first_lines_are_no_reason_to_refuse(
    hdfs_log: Callable, tmp_path: Path, threads: Engine
) -> None:
    log, labels = hdfs_log(300)
    lines = log.read_bytes().splitlines(keepends=True)
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("about.txt", "three\nlines\nof text\n")
        for number in range(60):
            archive.writestr(f"{number}.log", b"".join(lines[number * 100 : (number + 1) * 100]))
        archive.writestr("rest.log", b"".join(lines[6000:]))
    parsed = parse(hdfs(packed, tmp_path / "zip", labels=labels), threads)
    assert dict(parsed.counts.skipped) == {"no header": 3}
    parse(hdfs(log, tmp_path / "plain", labels=labels), threads)
    keys = [[row["keys"] for row in tables(tmp_path / name)[0]] for name in ("zip", "plain")]
    assert keys[0] == keys[1]
    long = tmp_path / "long.log"
    long.write_bytes(b"x" * 200_000 + b"\n" + log.read_bytes())
    assert parse(hdfs(long, tmp_path / "long", chunk_bytes=50_000), threads).num_sessions == 300


def test_times_that_cannot_be_read_are_said(tmp_path: Path, threads: Engine) -> None:
    log = tmp_path / "a.log"
    log.write_text("2026-01-01 a s1\n2026-01-02 b s1\n")
    form = LogFormat("regex", r"^(?P<time>\S+) ", "%d.%m.%Y", session=r"s\d")
    with pytest.raises(UserError, match=r"no time of the first 2 lines could be read.*%d\.%m\.%Y"):
        parse(ParseSettings((str(log),), tmp_path / "out", form), threads)


def test_known_templates_keep_their_ids(hdfs_log: Callable, tmp_path: Path, threads: Engine) -> None:
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
    hdfs_log: Callable, tmp_path: Path, threads: Engine
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
    assert events.skipped.tolist() == [len(lines) - 1]


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


def test_labels_and_formats_of_another_log_are_refused_at_once(
    hdfs_log: Callable, tmp_path: Path, threads: Engine
) -> None:
    log, _ = hdfs_log(300)
    other = tmp_path / "labels.csv"
    other.write_text("BlockId,Label\nblk_1,Anomaly\n")
    with pytest.raises(UserError, match="is it the label file of this log"):
        parse(hdfs(log, tmp_path / "out", labels=other), threads)
    other.write_text("BlockId,Label\nblk_1,Anomaly\nblk_1,Normal\n")
    with pytest.raises(UserError, match=r"labels\.csv, line 3: block blk_1 is labelled twice"):
        parse(hdfs(log, tmp_path / "out", labels=other), threads)
    with pytest.raises(UserError, match=r"none of the first [\d,]+ lines could be used \(no header\)"):
        parse(ParseSettings((str(log),), tmp_path / "out", FORMATS["apache"], TimeWindows(60, 60)), threads)
    (tmp_path / "empty.log").write_text("")
    with pytest.raises(UserError, match=r"empty\.log: no line in it"):
        parse(hdfs(tmp_path / "empty.log", tmp_path / "out"), threads)


def test_binary_garbage_and_endless_lines_are_counted(
    hdfs_log: Callable, tmp_path: Path, threads: Engine
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


def test_a_ray_cluster_gives_the_same_output(hdfs_log: Callable, tmp_path: Path, threads: Engine) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    log, labels = hdfs_log(300)
    settings = hdfs(log, tmp_path / "here", labels=labels, chunk_bytes=200_000)
    parse(settings, threads)
    engine = Ray(None)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parse_run, "BUCKET_BYTES", 300_000)
            parse(replace(settings, output=tmp_path / "ray"), engine)
    finally:
        engine.close()
    assert tables(tmp_path / "ray") == tables(tmp_path / "here")


def test_engines_by_name() -> None:
    with pytest.raises(UserError, match="--engine spark: choose local or ray"):
        open_engine("spark")
    with pytest.raises(UserError, match="--address goes with --engine ray"):
        open_engine("local", "auto")
