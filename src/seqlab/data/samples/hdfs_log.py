"""Simulated block lives as a raw HDFS log and a label file. Everything written is synthetic.

The log says so itself: every allocated file lies under ``/user/synthetic``, every replica under
``/mnt/synthetic``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.data.samples.hdfs_blocks import EVENTS, SimulatedBlocks
from seqlab.data.sequences import LABEL_ABNORMAL, Sessions
from seqlab.errors import UserError

LOG_START = datetime(2008, 11, 9, 20, 36, 15)
BLOCKS_PER_SECOND = 4.0
BLOCKS_PER_CHUNK = 10_000  # bounds how many lines are held at once
NUM_DATANODES = 203
NODES_PER_BLOCK = 10  # more than any life needs, copies included
BLOCK_SIZE = 67_108_864  # bytes
TASKS, TASKS_PER_JOB = "/user/synthetic/rand/_temporary/_task_200811092030", 2000

FIELDS = ("stamp", "thread", "block", "size", "path", "node", "peer", "port", "number")

# components whose threads live on: the lowest number of a thread, and how many there are
SERVICES = (("dfs.FSNamesystem", 26, 10), ("dfs.FSDataset", 19, 1), ("dfs.DataBlockScanner", 13, 1))
FIRST_RESPONDER_WAIT = 40.0  # seconds: the time it takes to write a block
OTHER_WAIT = 1.0


def write_log(blocks: SimulatedBlocks, log_path: Path, label_path: Path) -> int:
    """Write the raw log of all blocks in time order, and loghub's ``BlockId,Label``; both say "synthetic".

    A line is HDFS's ``yymmdd hhmmss thread level component: message``.

    Returns the number of lines of the log. Raises UserError if both paths are the same file.
    """
    log_path, label_path = Path(log_path), Path(label_path)
    if log_path.resolve() == label_path.resolve():
        raise UserError(f"log_path and label_path are both {log_path}: give two files")
    for path in (log_path, label_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    num_lines = 0
    with log_path.open("w", encoding="ascii", newline="\n", buffering=1 << 20) as log:
        for lines in _merged_lines(blocks):
            log.writelines(lines)
            num_lines += len(lines)
    with label_path.open("w", encoding="ascii", newline="\n") as labels:
        labels.write("BlockId,Label\n")
        abnormal = blocks.sessions.labels == LABEL_ABNORMAL
        labels.writelines(
            f"{block},{'Anomaly' if bad else 'Normal'}\n"
            for block, bad in zip(blocks.sessions.ids.tolist(), abnormal.tolist(), strict=True)
        )
    return num_lines


def _merged_lines(blocks: SimulatedBlocks) -> Iterator[list[str]]:
    """All lines in time order, in lists; lines later than the next chunk's first block wait for it."""
    rng = np.random.default_rng([blocks.seed, 1])
    starts = np.cumsum(rng.exponential(1.0 / BLOCKS_PER_SECOND, len(blocks.sessions)))
    names = _datanodes(rng)
    waiting: list[str] = []
    waiting_times = np.zeros(0)
    for first in range(0, len(starts), BLOCKS_PER_CHUNK):
        last = min(first + BLOCKS_PER_CHUNK, len(starts))
        part = blocks.sessions.take(np.arange(first, last))
        events = _Chunk.of(part, starts[first:last], rng)
        lines = waiting + _format(part, events, first, names, rng)
        times = np.concatenate([waiting_times, events.times])
        order = np.argsort(times, kind="stable")
        horizon = starts[last] if last < len(starts) else np.inf
        cut = int(np.searchsorted(times[order], horizon))
        yield [lines[place] for place in order[:cut].tolist()]
        waiting = [lines[place] for place in order[cut:].tolist()]
        waiting_times = times[order[cut:]]


class _Chunk(NamedTuple):
    """The events of some blocks, block after block: N events."""

    codes: NDArray[np.integer]  # (N,)
    block: NDArray[np.int64]  # (N,) index of the block within the chunk
    times: NDArray[np.float64]  # (N,) seconds since LOG_START, never falling within a block
    nodes: NDArray[np.int64]  # (N,) the datanode the event is about: one that receives the block
    peers: NDArray[np.int64]  # (N,) the other end of the connection
    places: NDArray[np.int64]  # (N,) the node's place among those that receive the block

    @classmethod
    def of(cls, part: Sessions, starts: NDArray[np.float64], rng: np.random.Generator) -> _Chunk:
        codes = part.codes
        key = {name: code for code, name in enumerate(part.key_names)}
        block = np.repeat(np.arange(len(part)), part.lengths)
        rank = _ranks(block * len(key) + codes)

        means = np.array([EVENTS[name].get("wait", OTHER_WAIT) for name in part.key_names])[codes]
        means[(codes == key["11"]) & (rank == 0)] = FIRST_RESPONDER_WAIT
        passed = np.cumsum(means * np.minimum(rng.exponential(size=len(codes)), 5.0))
        times = passed + (starts - passed[part.offsets[:-1]])[block]

        receivers = np.bincount(block, codes == key["5"], len(part)).clip(1, NODES_PER_BLOCK)
        receivers = receivers.astype(np.int64)[block]
        anywhere = rng.integers(1 << 30, size=len(codes))
        turn = rng.integers(1 << 30, size=len(part))[block] // (codes + 1)
        is_read = np.isin(codes, [key[name] for name in ("3", "4", "27")])
        places = np.where(is_read, anywhere, rank + turn) % receivers

        steps = rng.integers(1, NUM_DATANODES // NODES_PER_BLOCK, size=(len(part), NODES_PER_BLOCK))
        steps[:, 0] = rng.integers(NUM_DATANODES, size=len(part))
        members = np.cumsum(steps, axis=1) % NUM_DATANODES
        source = members[block, np.maximum(places - 1, 0)]
        peers = np.where(is_read, anywhere % NUM_DATANODES, source)
        return cls(codes, block, times, members[block, places], peers, places)


def _ranks(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) how many earlier elements belong to the same group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    is_first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    position = np.arange(len(groups))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = position - np.maximum.accumulate(np.where(is_first, position, 0))
    return ranks


def _datanodes(rng: np.random.Generator) -> list[str]:
    """NUM_DATANODES distinct addresses, in no order."""
    spots = rng.choice(2 * 250 * 250, size=NUM_DATANODES, replace=False).tolist()
    return [f"10.{250 + spot // 62_500}.{spot // 250 % 250 + 1}.{spot % 250 + 1}" for spot in spots]


def _line_format(key: str) -> str:
    event = EVENTS[key]
    words = iter(event.get("words", ("{block}",)))
    message = re.sub(re.escape("<*>"), lambda _: next(words), event["message"])
    line = f"{{stamp}} {{thread}} {event['source']}: {message}\n"
    return line.format_map({field: f"{{{place}}}" for place, field in enumerate(FIELDS)})


def _format(
    part: Sessions, events: _Chunk, first: int, names: list[str], rng: np.random.Generator
) -> list[str]:
    """One line for each event, block after block; ``first`` numbers the chunk's first block."""
    count = len(events.codes)
    seconds = np.floor(events.times).astype(np.int64)
    earliest = int(seconds.min())
    stamps = [
        (LOG_START + timedelta(seconds=second)).strftime("%y%m%d %H%M%S")
        for second in range(earliest, int(seconds.max()) + 1)
    ]
    threads = _threads(part.key_names, events.codes, seconds, rng)
    sizes = np.where(
        rng.random(len(part)) < 0.93, BLOCK_SIZE, rng.integers(3_000_000, BLOCK_SIZE, size=len(part))
    ).tolist()
    paths = [
        f"{TASKS}_{1 + job:04d}_m_{task:06d}_0/part-{task:05d}."
        for job, task in (divmod(number, TASKS_PER_JOB) for number in range(first, first + len(part)))
    ]
    is_file = events.codes == part.key_names.index("21")
    numbers = np.where(is_file, rng.integers(64, size=count), events.places)
    ids = part.ids.tolist()
    formats = [_line_format(key).format for key in part.key_names]
    return [
        formats[code](
            stamps[second],
            thread,
            ids[block],
            sizes[block],
            paths[block],
            names[node],
            names[peer],
            port,
            number,
        )
        for code, second, thread, block, node, peer, port, number in zip(
            events.codes.tolist(),
            (seconds - earliest).tolist(),
            threads.tolist(),
            events.block.tolist(),
            events.nodes.tolist(),
            events.peers.tolist(),
            rng.integers(32_768, 61_000, size=count).tolist(),
            numbers.tolist(),
            strict=True,
        )
    ]


def _threads(
    key_names: tuple[str, ...],
    codes: NDArray[np.integer],
    seconds: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """(N,) thread ids: few and fixed for services, ever growing for the threads of single transfers."""
    threads = 145 + seconds + rng.integers(60, size=len(codes))
    for component, lowest, many in SERVICES:
        own = [code for code, key in enumerate(key_names) if EVENTS[key]["source"].endswith(component)]
        fixed = np.isin(codes, own)
        threads[fixed] = lowest + threads[fixed] % many
    return threads
