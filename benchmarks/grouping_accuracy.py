"""Grouping accuracy of seqlab parse on loghub's 2,000 lines each, beside drain3 as loghub sets it.

    python benchmarks/grouping_accuracy.py LOG...            # HDFS_2k.log, Apache_2k.log, ...

Beside each log lies its ground truth, LOG_structured.csv. A log of no format is judged by the messages there,
with the settings of --format regex. Prints Markdown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from drain3.drain import Drain as Drain3

from seqlab.logs.drain import Drain, LearnedIds
from seqlab.logs.formats import FORMATS, LogFormat
from seqlab.logs.line_reader import LineReader, Messages
from seqlab.logs.reading import read_lines

# preprocessing, similarity and depth of Drain in loghub's benchmark (logpai/logparser, benchmark of Drain)
LOGHUB_DRAIN = {
    "hdfs": ((r"blk_-?\d+", r"(\d+\.){3}\d+(:\d+)?"), 0.5, 4),
    "apache": ((r"(\d+\.){3}\d+",), 0.5, 4),
    "bgl": ((r"core\.\d+",), 0.5, 4),
    "hadoop": ((r"(\d+\.){3}\d+",), 0.5, 4),
    "openssh": ((r"(\d+\.){3}\d+", r"([\w-]+\.){2,}[\w-]+"), 0.6, 5),
    "zookeeper": ((r"(/|)(\d+\.){3}\d+(:\d+)?",), 0.5, 4),
    "android": (
        (
            r"(/[\w-]+)+",
            r"([\w-]+\.){2,}[\w-]+",
            r"\b(\-?\+?\d+)\b|\b0[Xx][a-fA-F\d]+\b|\b[a-fA-F\d]{4,}\b",
        ),
        0.2,
        6,
    ),
    "healthapp": ((), 0.2, 4),
    "hpc": ((r"=\d+",), 0.5, 4),
    "linux": ((r"(\d+\.){3}\d+", r"\d{2}:\d{2}:\d{2}"), 0.39, 6),
    "mac": ((r"([\w-]+\.){2,}[\w-]+",), 0.7, 6),
    "openstack": ((r"((\d+\.){3}\d+,?)+", r"/.+?\s", r"\d+"), 0.5, 5),
    "proxifier": (
        (r"<\d+\ssec", r"([\w-]+\.)+[\w-]+(:\d+)?", r"\d{2}:\d{2}(:\d{2})*", r"[KGTM]B"),
        0.6,
        3,
    ),
    "spark": ((r"(\d+\.){3}\d+", r"\b[KGTM]?B\b", r"([\w-]+\.){2,}[\w-]+"), 0.5, 4),
    "thunderbird": ((r"(\d+\.){3}\d+",), 0.5, 4),
    "windows": ((r"0x.*?\s",), 0.7, 5),
}


def grouping_accuracy(found: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    """Share of lines whose template holds exactly the lines that the true template holds.

    Zhu et al., "Tools and benchmarks for automated log parsing", ICSE-SEIP 2019.

    Args:
        found, truth: (L,) template of each line.
    """
    _, ours = np.unique(np.asarray(list(found), dtype=str), return_inverse=True)
    _, theirs = np.unique(np.asarray(list(truth), dtype=str), return_inverse=True)
    pairs = ours.astype(np.int64) * (theirs.max(initial=0) + 1) + theirs
    _, pair, count = np.unique(pairs, return_inverse=True, return_counts=True)
    together = count[pair]  # (L,) lines that both put beside this one
    exact = (together == np.bincount(ours)[ours]) & (together == np.bincount(theirs)[theirs])
    return float(exact.mean())


def our_ids(name: str, path: Path, messages: list[str]) -> list[int]:
    """The template of each line as ``seqlab parse --format NAME`` finds it.

    Sessions are left out: a line that names none has a template all the same.

    Args:
        messages: without their headers; of a log that has no format these are parsed.
    """
    known = FORMATS.get(name, LogFormat("regex", "^"))
    if name in FORMATS:
        found = _read(known, read_lines(path.read_bytes())[0])
    else:
        found = _read(known, pl.Series(messages, dtype=pl.String))
    ids = LearnedIds(Drain(known.similarity, known.depth))
    return ids.assign(found.distinct, found.code).tolist()


def _read(known: LogFormat, lines: pl.Series) -> Messages:
    found = LineReader(LogFormat(known.name, known.header, masks=known.masks))(lines)
    assert not found.skipped, found.skipped
    return found


def drain3_ids(name: str, messages: list[str]) -> list[int]:
    """The template of each message by drain3 alone, with what loghub masks for it."""
    masks, similarity, depth = LOGHUB_DRAIN[name]
    drain = Drain3(depth=depth, sim_th=similarity)
    found = []
    for message in messages:
        masked = message
        for pattern in masks:
            masked = re.sub(pattern, "<*>", masked)
        found.append(drain.add_log_message(masked)[0].cluster_id)
    return found


def main() -> None:
    print(
        "| log | seqlab parse | drain3, loghub's masks | templates found | in truth |\n|---|---|---|---|---|"
    )
    for path in map(Path, sys.argv[1:]):
        name = path.name.removesuffix("_2k.log").lower()
        truth = pd.read_csv(f"{path}_structured.csv", dtype=str, keep_default_na=False)
        messages = truth["Content"].tolist()
        ours, theirs = our_ids(name, path, messages), drain3_ids(name, messages)
        print(
            f"| {name} | {grouping_accuracy(ours, truth['EventId']):.4f} "
            f"| {grouping_accuracy(theirs, truth['EventId']):.4f} "
            f"| {len(set(ours))} | {truth['EventId'].nunique()} |"
        )


if __name__ == "__main__":
    main()
