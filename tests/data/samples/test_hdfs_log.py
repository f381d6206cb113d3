from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from seqlab.data.samples import hdfs_log
from seqlab.data.samples.hdfs_blocks import TEMPLATES, SimulatedBlocks, simulate_blocks
from seqlab.data.samples.hdfs_log import LOG_START, write_log
from seqlab.data.sequences import LABEL_ABNORMAL
from seqlab.errors import UserError

HEADER = re.compile(r"(\d{6} \d{6}) (\d+) (INFO|WARN|ERROR) (dfs\.[A-Za-z]+(?:\$[A-Za-z]+)?): (.+)")
MESSAGES = {
    key: re.compile(re.escape(template).replace(re.escape("<*>"), r"(\S+)"))
    for key, template in TEMPLATES.items()
}
BLOCK = re.compile(r"blk_-?\d+")
NODE = re.compile(r"/?(10\.25[01]\.\d{1,3}\.\d{1,3}):50010\b")


class Line:
    def __init__(self, text: str) -> None:
        match = HEADER.fullmatch(text)
        assert match, text
        stamp, thread, self.level, self.component, self.message = match.groups()
        self.time = datetime.strptime(stamp, "%y%m%d %H%M%S")
        self.thread = int(thread)
        keys = [key for key, pattern in MESSAGES.items() if pattern.fullmatch(self.message)]
        assert len(keys) == 1, (keys, text)
        self.key = keys[0]
        blocks = set(BLOCK.findall(self.message))
        assert len(blocks) == 1, text
        self.block = blocks.pop()


@pytest.fixture(scope="module")
def blocks() -> SimulatedBlocks:
    return simulate_blocks(num_blocks=1500, abnormal_share=0.3, seed=11)


@pytest.fixture(scope="module")
def paths(blocks: SimulatedBlocks, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("hdfs") / "not" / "yet"
    written = write_log(blocks, folder / "HDFS.log", folder / "anomaly_label.csv")
    assert written == blocks.sessions.num_events
    return folder / "HDFS.log", folder / "anomaly_label.csv"


@pytest.fixture(scope="module")
def lines(paths: tuple[Path, Path]) -> list[Line]:
    return [Line(text) for text in paths[0].read_text(encoding="ascii").splitlines()]


def test_lines_grouped_by_block_give_the_sessions_back(blocks: SimulatedBlocks, lines: list[Line]) -> None:
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(line.block, []).append(line.key)
    ids = blocks.sessions.ids.tolist()
    assert list(found) == ids
    assert [found[block] for block in ids] == [blocks.sessions.keys(number) for number in range(len(ids))]


def test_time_never_goes_back_and_starts_at_the_start(lines: list[Line]) -> None:
    times = [line.time for line in lines]
    assert times == sorted(times)
    assert (times[0] - LOG_START).total_seconds() < 10


def test_hundreds_of_blocks_are_open_at_the_same_time(lines: list[Line]) -> None:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, line in enumerate(lines):
        first.setdefault(line.block, number)
        last[line.block] = number
    middle = len(lines) // 2
    assert sum(first[block] < middle < last[block] for block in first) > 200


def test_a_block_keeps_its_datanodes_and_its_size(lines: list[Line]) -> None:
    receiving: dict[str, set[str]] = {}
    stored: dict[str, set[str]] = {}
    deleted: dict[str, set[str]] = {}
    served: dict[str, set[str]] = {}
    sizes: dict[str, set[str]] = {}
    for line in lines:
        nodes = NODE.findall(line.message)
        if line.key == "5":
            receiving.setdefault(line.block, set()).add(nodes[-1])
        elif line.key == "26":
            stored.setdefault(line.block, set()).add(nodes[0])
        elif line.key == "23":
            deleted.setdefault(line.block, set()).add(nodes[0])
        elif line.key in ("3", "4"):
            served.setdefault(line.block, set()).add(nodes[0])
        if size := re.search(r" size (\d+)", line.message):
            sizes.setdefault(line.block, set()).add(size.group(1))
    assert len(stored) > 1000
    assert len(served) > 300
    for found in (stored, deleted, served):
        assert all(nodes <= receiving[block] for block, nodes in found.items())
    assert all(len(found) == 1 for found in sizes.values())
    assert sum(found == {"67108864"} for found in sizes.values()) > 0.8 * len(sizes)


def test_plain_blocks_have_three_datanodes_and_delete_on_each(
    blocks: SimulatedBlocks, lines: list[Line]
) -> None:
    plain = {
        block
        for block, kind in zip(blocks.sessions.ids.tolist(), blocks.kinds, strict=True)
        if kind == "plain"
    }
    for key in ("5", "26", "23"):
        nodes: dict[str, set[str]] = {}
        for line in lines:
            if line.key == key and line.block in plain:
                nodes.setdefault(line.block, set()).add(NODE.findall(line.message)[-1])
        assert {len(found) for found in nodes.values()} == {3}


def test_the_log_says_that_it_is_synthetic_and_names_no_real_path(lines: list[Line]) -> None:
    for line in lines:
        for path in re.findall(r" (/[a-z]\S*)", line.message):
            assert path.startswith(("/user/synthetic/", "/mnt/synthetic/")), line.message
    assert all("/user/synthetic/" in line.message for line in lines if line.key == "22")


def test_levels_and_components_fit_the_message(lines: list[Line]) -> None:
    seen = {line.key: (line.level, line.component) for line in lines}
    assert seen["5"] == ("INFO", "dfs.DataNode$DataXceiver")
    assert seen["11"] == ("INFO", "dfs.DataNode$PacketResponder")
    assert seen["26"] == ("INFO", "dfs.FSNamesystem")
    assert seen["4"] == ("WARN", "dfs.DataNode$DataXceiver")
    assert seen["21"] == ("INFO", "dfs.FSDataset")
    assert {line.thread for line in lines if line.key == "21"} == {19}


def test_label_file_names_each_block_once_in_order(blocks: SimulatedBlocks, paths: tuple[Path, Path]) -> None:
    header, *rows = paths[1].read_text(encoding="ascii").splitlines()
    assert header == "BlockId,Label"
    abnormal = (blocks.sessions.labels == LABEL_ABNORMAL).tolist()
    expected = [
        f"{block},{'Anomaly' if bad else 'Normal'}"
        for block, bad in zip(blocks.sessions.ids.tolist(), abnormal, strict=True)
    ]
    assert rows == expected


def test_same_blocks_give_the_same_bytes_and_another_seed_others(
    blocks: SimulatedBlocks, paths: tuple[Path, Path], tmp_path: Path
) -> None:
    write_log(blocks, tmp_path / "again.log", tmp_path / "again.csv")
    assert (tmp_path / "again.log").read_bytes() == paths[0].read_bytes()
    write_log(replace(blocks, seed=12), tmp_path / "other.log", tmp_path / "other.csv")
    assert (tmp_path / "other.log").read_bytes() != paths[0].read_bytes()


def test_blocks_that_outlive_their_chunk_are_merged_in_time_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocks = simulate_blocks(num_blocks=300, abnormal_share=0.2, seed=5)
    monkeypatch.setattr(hdfs_log, "BLOCKS_PER_CHUNK", 37)
    assert write_log(blocks, tmp_path / "a.log", tmp_path / "a.csv") == blocks.sessions.num_events
    found: dict[str, list[str]] = {}
    times = []
    for text in (tmp_path / "a.log").read_text(encoding="ascii").splitlines():
        line = Line(text)
        found.setdefault(line.block, []).append(line.key)
        times.append(line.time)
    assert times == sorted(times)
    assert [found[block] for block in blocks.sessions.ids.tolist()] == [
        blocks.sessions.keys(number) for number in range(len(blocks.sessions))
    ]


def test_a_single_block_can_be_written(tmp_path: Path) -> None:
    blocks = simulate_blocks(num_blocks=1, abnormal_share=0.0)
    assert write_log(blocks, tmp_path / "one.log", tmp_path / "one.csv") == blocks.sessions.num_events


def test_one_path_for_both_files_is_an_error(tmp_path: Path) -> None:
    blocks = simulate_blocks(num_blocks=2)
    with pytest.raises(UserError, match="give two files"):
        write_log(blocks, tmp_path / "x", tmp_path / "." / "x")
