"""Templates of raw logs: drain3 and logparser3's Drain beside ``seqlab parse``, speed and accuracy.

    python benchmarks/peers_logs.py --data FOLDER    # SYSTEM_2k.log in it, each with its ground truth

Speed is on a simulated HDFS log, from the opened file to the last line's template; ours also groups the lines
into sessions, joins the labels and writes files. Grouping accuracy: the packages have loghub's masks,
similarity and depth.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import PEERS, Figures, Line, alternate, origin, peer_python, process, table  # noqa: E402
from benchmarks.grouping_accuracy import LOGHUB_DRAIN, grouping_accuracy, our_ids  # noqa: E402

LIBRARIES = {"drain3": "drain3 0.9.11", "logparser": "logparser3 1.0.4"}


def settings_of(name: str, head: bool) -> str:
    masks, similarity, depth = LOGHUB_DRAIN[name]
    return json.dumps({"masks": masks, "similarity": similarity, "depth": depth, "head": head})


def ours(folder: Path, blocks: int) -> Figures:
    script = str((PEERS / ".." / "hdfs_full.py").resolve())
    words = ["--folder", str(folder), "--blocks", str(blocks), "--stage"]
    if not (folder / "hdfs.log").exists():
        process(sys.executable, script, *words, "generate")
    found = process(sys.executable, script, *words, "parse")
    return {"lines_per_second": found["count"] / found["seconds"]}


def speed(folder: Path, blocks: int, rounds: int) -> str:
    ours(folder, blocks)  # makes the log, and reads it into the system's cache
    sides = {
        label: lambda seed, name=name: process(
            peer_python(name),
            "templates.py",
            name,
            str(folder / "hdfs.log"),
            settings_of("hdfs", True),
            str(folder / "ids"),
        )
        for name, label in LIBRARIES.items()
    }
    found = alternate(sides | {"`seqlab parse`": lambda seed: ours(folder, blocks)}, rounds)
    return table(found, [Line("lines/s", "lines_per_second", ",.0f", "higher")])


def accuracy(logs: Path, folder: Path) -> str:
    """Rows of the table of grouping accuracy."""
    rows = [f"| log | seqlab parse | {' | '.join(LIBRARIES.values())} |", "|---|---|---|---|"]
    for path in sorted(logs.rglob("*_2k.log")):
        name = path.name.removesuffix("_2k.log").lower()
        truth = pd.read_csv(f"{path}_structured.csv", dtype=str, keep_default_na=False)
        messages = truth["Content"].tolist()
        (folder / "messages").write_text("\n".join(messages) + "\n", encoding="utf-8")
        found = [our_ids(name, path, messages)]
        for library in LIBRARIES:
            ids = folder / "ids"
            process(
                peer_python(library),
                "templates.py",
                library,
                str(folder / "messages"),
                settings_of(name, False),
                str(ids),
            )
            found.append(ids.read_text(encoding="utf-8").split("\n"))
        figures = " | ".join(f"{grouping_accuracy(each, truth['EventId']):.4f}" for each in found)
        rows.append(f"| {name} | {figures} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--blocks", type=int, default=10_000, help="of the simulated log, some 20 lines each")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        print(speed(Path(temporary), arguments.blocks, arguments.rounds) + "\n")
        print(accuracy(arguments.data, Path(temporary)))
    print("\n" + origin(time.perf_counter() - start, arguments.rounds, *LIBRARIES))


if __name__ == "__main__":
    main()
