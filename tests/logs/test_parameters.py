"""``seqlab parse --parameters``: what the variable parts of lines were."""

from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main
from seqlab.data.parameters import PARAMETERS
from seqlab.data.parsed_sessions import read_parsed_sessions
from seqlab.errors import UserError

LINES = [
    "081109 203615 143 INFO dfs.DataNode: Receiving block blk_1 src: /10.0.0.1:5 dest: /10.0.0.2:50010",
    "this is no line of such a log",
    "081109 203616 26 INFO dfs.FSNamesystem: delete blk_1 and blk_2 now",
    "081109 203619 143 INFO dfs.DataNode: Receiving block blk_2 src: /10.0.0.3:7 dest: /10.0.0.2:50010",
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text("\n".join(LINES) + "\n")
    return path


def parse(log: Path, *options: str) -> Path:
    folder = log.parent / "parsed"
    assert main(["parse", str(log), "--output", str(folder), "--overwrite", *options]) == 0
    return folder


@pytest.mark.parametrize("chunks", [(), ("--chunk-mb", "0.001")])
def test_the_values_of_every_line_in_order(log: Path, chunks: tuple[str, ...]) -> None:
    log.write_text(log.read_text() * 30)  # some chunks of 0.001 MiB
    folder = parse(log, "--parameters", *chunks)
    rows = pl.read_parquet(folder / PARAMETERS)
    assert len(rows) == 90
    assert rows["values"].head(3).to_list() == [
        ["blk_1", "/10.0.0.1:5", "/10.0.0.2:50010"],
        ["blk_1", "blk_2"],
        ["blk_2", "/10.0.0.3:7", "/10.0.0.2:50010"],
    ]
    assert rows["message"][1] == "delete <var> and <var> now"
    assert rows["line_offset"].is_sorted()
    parsed = read_parsed_sessions(folder, times=True, parameters=True)
    found = parsed.sessions.parameters
    assert found is not None
    assert sorted(found.values(parsed.sessions).filter(pl.col("session") == 1).rows()) == [
        (1, "1", "2", "blk_2"),
        (1, "1", "4", "/10.0.0.3"),
        (1, "1", "4:port", "7"),
        (1, "1", "6", "/10.0.0.2"),
        (1, "1", "6:port", "50010"),
        (1, "2", "1", "blk_1"),
        (1, "2", "3", "blk_2"),
    ]


def test_the_id_of_a_session_is_no_value(log: Path) -> None:
    folder = parse(log, "--parameters", "--session", r"blk_\d+")
    values = pl.read_parquet(folder / PARAMETERS)["values"].to_list()
    assert values[1] == ["ꙮ", "ꙮ"]
    assert values[2] == ["ꙮ", "/10.0.0.3:7", "/10.0.0.2:50010"]


def test_delays_of_a_parse(log: Path) -> None:
    sessions = read_parsed_sessions(parse(log), times=True).sessions
    # blk_1 after 1 s, blk_2 after 3 s: 1000 ms from 2 ^ 9 on, 3000 ms from 2 ^ 11 on
    assert sessions.delays is not None
    assert sessions.delays.tolist() == [0, 11, 0, 13]


def test_a_parse_without_parameters_has_none_and_removes_those_of_before(log: Path) -> None:
    parse(log, "--parameters")
    folder = parse(log)
    with pytest.raises(
        UserError, match=r"has no parameters\.parquet: parse the log again, with --parameters"
    ):
        read_parsed_sessions(folder, parameters=True)
    assert read_parsed_sessions(folder).sessions.delays is None


def test_parameters_of_another_parse_are_refused(log: Path) -> None:
    folder = parse(log, "--parameters")
    rows = pl.read_parquet(folder / PARAMETERS)
    rows.with_columns(pl.col("line_offset") + 1).write_parquet(folder / PARAMETERS)
    with pytest.raises(UserError, match="not of the same parse as the sessions beside it"):
        read_parsed_sessions(folder, parameters=True)


def test_folders_without_times_are_refused(log: Path) -> None:
    folder = parse(log)
    path = folder / "sessions.parquet"
    rows = pl.read_parquet(path)
    timeless = pl.col("times").list.eval(pl.when(pl.element().is_null()).then(pl.element()))
    rows.with_columns(timeless).write_parquet(path)
    with pytest.raises(UserError, match="have no times that the parse could read"):
        read_parsed_sessions(folder, times=True)
    assert len(read_parsed_sessions(folder).sessions) == 2
