"""Grouping accuracy of the shipped formats on loghub's 2,000 lines each, beside drain3 as loghub sets it.

    python benchmarks/grouping_accuracy.py LOG...            # HDFS_2k.log, Apache_2k.log, ...

Beside each log lies its ground truth, LOG_structured.csv. Prints Markdown.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from seqlab.logs.drain_state import new_drain
from seqlab.logs.formats import FORMATS
from seqlab.logs.grouping_accuracy import grouping_accuracy
from seqlab.logs.lines import LineReader, read_lines
from seqlab.logs.template_ids import LearnedIds

# preprocessing, similarity and depth of Drain in loghub's benchmark (logpai/logparser, benchmark of Drain)
LOGHUB_DRAIN = {
    "hdfs": ((r"blk_-?\d+", r"(\d+\.){3}\d+(:\d+)?"), 0.5, 4),
    "apache": ((r"(\d+\.){3}\d+",), 0.5, 4),
    "bgl": ((r"core\.\d+",), 0.5, 4),
    "hadoop": ((r"(\d+\.){3}\d+",), 0.5, 4),
    "openssh": ((r"(\d+\.){3}\d+", r"([\w-]+\.){2,}[\w-]+"), 0.6, 5),
    "zookeeper": ((r"(/|)(\d+\.){3}\d+(:\d+)?",), 0.5, 4),
}


def our_ids(name: str, path: Path) -> list[int]:
    """The template of each line as ``seqlab parse --format NAME`` finds it.

    Sessions are left out: a line that names none has a template all the same.
    """
    known = FORMATS[name]
    reader = LineReader(type(known)(known.name, known.header, masks=known.masks))
    found = reader(read_lines(path.read_bytes())[0])
    assert not found.skipped, found.skipped
    ids = LearnedIds(new_drain(known.similarity, known.depth))
    return ids.assign(found.distinct, found.code).tolist()


def drain3_ids(name: str, messages: list[str]) -> list[int]:
    """The template of each message by drain3 alone, with what loghub masks for it."""
    masks, similarity, depth = LOGHUB_DRAIN[name]
    drain = new_drain(similarity, depth)
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
        ours, theirs = our_ids(name, path), drain3_ids(name, truth["Content"].tolist())
        print(
            f"| {name} | {grouping_accuracy(ours, truth['EventId']):.4f} "
            f"| {grouping_accuracy(theirs, truth['EventId']):.4f} "
            f"| {len(set(ours))} | {truth['EventId'].nunique()} |"
        )


if __name__ == "__main__":
    main()
