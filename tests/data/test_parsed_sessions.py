"""Parsed folders become splits, by time or at random."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from seqlab.data.parsed_sessions import read_parsed_sessions, split_parsed
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN
from seqlab.errors import UserError
from seqlab.logs.drain import Drain
from seqlab.logs.formats import FORMATS

START = datetime(2026, 1, 1)
SPLIT = (0.6, 0.2, 0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten sessions, one an hour, written in another order than their times'; s2, s6 and s8 are abnormal."""
    rows = [
        {
            "session": f"s{hour}",
            "keys": [7, 7 + hour],
            "label": "Anomaly" if hour in (2, 6, 8) else "Normal",
            "first_time": START + timedelta(hours=hour),
            "last_time": START + timedelta(hours=hour),
            "line_offsets": [hour, hour + 100],
        }
        for hour in (3, 0, 1, 2, 4, 5, 6, 9, 8, 7)
    ]
    write(tmp_path, rows)
    return tmp_path


def write(folder: Path, rows: list[dict]) -> None:
    pl.DataFrame(rows).write_parquet(folder / "sessions.parquet")
    templates = {number: f"template {number}" for number in range(7, 17)}
    drain = Drain(0.7, 5)
    for number, template in templates.items():
        drain.add(number, template.split())
    parser = {
        "format_version": 2,
        "log_format": asdict(FORMATS["hdfs"]),
        "window": None,
        "drains": [drain.state()],
        "first_ids": [0],
        "templates": [{"id": number, "template": template} for number, template in templates.items()],
    }
    summary = {"parser": parser, "logs": []}
    (folder / "parse.json").write_text(json.dumps(summary))


def change_labels(folder: Path, labels: dict[str, str | None]) -> None:
    rows = pl.read_parquet(folder / "sessions.parquet").to_dicts()
    write(folder, [row | {"label": labels.get(row["session"], row["label"])} for row in rows])


def test_sessions_are_read_whole(folder: Path) -> None:
    parsed = read_parsed_sessions(folder)
    assert parsed.sessions.ids.tolist() == ["s3", "s0", "s1", "s2", "s4", "s5", "s6", "s9", "s8", "s7"]
    assert parsed.sessions.keys(0) == ["7", "10"]
    assert parsed.sessions.keys(1) == ["7", "7"]
    assert parsed.line_offsets[:4].tolist() == [3, 103, 0, 100]
    assert parsed.templates["7"] == "template 7"


def test_by_time_the_test_part_is_the_end_with_all_that_happened(folder: Path) -> None:
    splits, notices = split_parsed(read_parsed_sessions(folder), SPLIT, "time", seed=0)
    ids = {name: part.ids.tolist() for name, part in splits.items()}
    assert ids == {"train": ["s0", "s1", "s3", "s4", "s5"], "val": ["s7"], "test": ["s8", "s9"]}
    assert splits["test"].labels.tolist() == [LABEL_ABNORMAL, LABEL_NORMAL]
    assert notices == [
        "1 abnormal sessions of the train period were left out",
        "1 abnormal sessions of the val period were left out",
    ]


def test_by_session_all_abnormal_ones_are_tested(folder: Path) -> None:
    splits, notices = split_parsed(read_parsed_sessions(folder), SPLIT, "session", seed=0)
    assert {name: len(part) for name, part in splits.items()} == {"train": 4, "val": 1, "test": 5}
    assert set(splits["test"].ids[splits["test"].labels == LABEL_ABNORMAL].tolist()) == {"s2", "s6", "s8"}
    assert "detection.prevalence=0.30000" in notices[0]


def test_sessions_without_a_label(folder: Path) -> None:
    change_labels(folder, {"s0": None, "s8": None})
    splits, notices = split_parsed(read_parsed_sessions(folder), SPLIT, "time", seed=0)
    assert notices[0].startswith("2 sessions of ")
    assert "s0" not in {*splits["train"].ids.tolist(), *splits["val"].ids.tolist()}
    change_labels(folder, {f"s{hour}": None for hour in range(10)})
    for by in ("time", "session"):
        splits, notices = split_parsed(read_parsed_sessions(folder), SPLIT, by, seed=0)
        assert "all sessions are taken for normal" in notices[0]
        assert set(splits["train"].labels.tolist()) == {LABEL_NORMAL}
        assert set(splits["test"].labels.tolist()) == {LABEL_UNKNOWN}
        assert sum(map(len, splits.values())) == 10


def test_files_in_place_of_the_folder_say_what_to_type(tmp_path: Path) -> None:
    log, sessions = tmp_path / "HDFS.log", tmp_path / "normal.txt"
    log.write_text("081109 203615 148 INFO dfs.DataNode$PacketResponder: Received blk_3 of size 6\n" * 3)
    sessions.write_text("blk_1,5 22\n")
    with pytest.raises(UserError, match=r"is a raw log.*`seqlab parse \S+/HDFS\.log --output DIR` makes"):
        read_parsed_sessions(log)
    with pytest.raises(UserError, match=r"is a file, and no raw log: .* as data\.normal=\S+/normal\.txt$"):
        read_parsed_sessions(sessions)


def test_what_is_no_parsed_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.split_by=random: choose session or time"):
        split_parsed(read_parsed_sessions(folder), SPLIT, "random", seed=0)
    with pytest.raises(UserError, match="no such file; seqlab parse LOG --output DIR"):
        read_parsed_sessions(tmp_path / "nowhere")
    (folder / "sessions.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match="not the sessions of seqlab parse"):
        read_parsed_sessions(folder)
    (folder / "parse.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"parse\.json: parser is missing.*parse the log again with seqlab parse"
    ):
        read_parsed_sessions(folder)
