"""A log of HDFS's full size, from raw lines to scores: each stage's time, speed and peak memory.

    python benchmarks/hdfs_full.py --folder /tmp/full
    python benchmarks/hdfs_full.py --folder /tmp/full --drain3         # beside drain3's own speed
    python benchmarks/hdfs_full.py --folder /tmp/full --blocks 20000

Simulates the log (575,061 blocks as in HDFS, 2.93 % of them abnormal; synthetic), parses it, loads and
windows the sessions, trains one epoch of ``model=gru`` and scores all blocks. Each stage is a process of its
own, so that its peak memory is its own. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BLOCKS, ABNORMAL_SHARE = 575_061, 0.02928
BATCH_SIZE = 512  # sessions
DRAIN3_LINES = 1_000_000  # line by line, drain3 is measured on the first of them
ONE_EPOCH = (
    "trainer.max_epochs=1",
    f"data.batch_size={BATCH_SIZE}",
    "trainer.enable_progress_bar=false",
    "detection.prevalence=0.02928",
)


def generate(folder: Path, blocks: int) -> dict[str, Any]:
    """The simulator writes the log and its labels."""
    from seqlab.data.samples.hdfs_blocks import simulate_blocks
    from seqlab.data.samples.hdfs_log import write_log

    lines = write_log(simulate_blocks(blocks, ABNORMAL_SHARE, 0), folder / "hdfs.log", folder / "labels.csv")
    size = (folder / "hdfs.log").stat().st_size
    return {"count": lines, "unit": "lines", "note": f"{size / 1e9:.2f} GB"}


def parse(folder: Path, blocks: int) -> dict[str, Any]:
    """Raw lines to sessions: headers, masks, templates, grouping, labels, files written."""
    from seqlab.data.session_files import read_labels
    from seqlab.logs.formats import FORMATS
    from seqlab.logs.parse_run import open_engine, parse
    from seqlab.logs.settings import ParseSettings

    engine = open_engine()
    parsed = parse(
        ParseSettings(
            (str(folder / "hdfs.log"),),
            folder / "parsed",
            FORMATS["hdfs"],
            labels=folder / "labels.csv",
            overwrite=True,
        ),
        engine,
        read_labels=read_labels,
    )
    engine.close()
    note = (
        f"{parsed.num_sessions:,} sessions, {len(parsed.templates)} templates, "
        f"{parsed.fed:,} messages fed to Drain"
    )
    return {"count": parsed.counts.lines, "unit": "lines", "note": note}


def drain3(folder: Path, blocks: int) -> dict[str, Any]:
    """drain3 alone, line by line, with masks of its own: no header is split off, no session grouped."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    from seqlab.logs.formats import GENERAL

    config = TemplateMinerConfig()
    config.drain_sim_th, config.drain_depth = 0.5, 4
    config.masking_instructions = [
        MaskingInstruction(pattern, "var")
        for pattern in (r"blk_-?\d+", GENERAL["address"], GENERAL["path"], GENERAL["number"])
    ]
    miner = TemplateMiner(config=config)
    count = 0
    with (folder / "hdfs.log").open(encoding="utf-8") as log:
        for line in log:
            miner.add_log_message(line.partition(": ")[2])
            count += 1
            if count == DRAIN3_LINES:
                break
    return {"count": count, "unit": "lines", "note": f"{len(miner.drain.clusters)} templates"}


def drain3_masked(folder: Path, blocks: int) -> dict[str, Any]:
    """drain3 alone, line by line, on messages that are masked already: its tree and nothing else."""
    from drain3.drain import Drain

    from seqlab.logs.formats import FORMATS
    from seqlab.logs.line_reader import LineReader
    from seqlab.logs.reading import find_logs, read_chunks, read_lines

    reader, messages = LineReader(FORMATS["hdfs"]), []
    for chunk in read_chunks(find_logs([str(folder / "hdfs.log")])):
        found = reader(read_lines(chunk.content)[0])
        messages += [found.distinct[code] for code in found.code.tolist()]
        if len(messages) >= DRAIN3_LINES:
            break
    drain = Drain(depth=4, sim_th=0.5)
    begin = time.perf_counter()
    for message in messages[:DRAIN3_LINES]:
        drain.add_log_message(message)
    seconds = time.perf_counter() - begin
    count = min(len(messages), DRAIN3_LINES)
    return {"count": count, "unit": "lines", "note": f"{len(drain.clusters)} templates", "seconds": seconds}


def load(folder: Path, blocks: int) -> dict[str, Any]:
    """sessions.parquet to memory."""
    from seqlab.data.parsed_sessions import read_parsed_sessions

    begin = time.perf_counter()
    parsed = read_parsed_sessions(folder / "parsed")
    seconds = time.perf_counter() - begin
    return {"count": len(parsed.sessions), "unit": "sessions", "seconds": seconds}


def window(folder: Path, blocks: int) -> dict[str, Any]:
    """All training windows of 16 keys, and which of them are equal."""
    from seqlab.data.padded_sessions import PaddedSessions
    from seqlab.data.session_windows import SessionWindows

    module = SessionWindows(sessions=folder / "parsed")
    module.setup()
    begin = time.perf_counter()
    index, pairs = module.index("train")
    seconds = time.perf_counter() - begin
    padded = PaddedSessions(sessions=folder / "parsed")
    padded.setup()
    distinct = len(padded.distinct("train").lengths)
    note = (
        f"{pairs.num_pairs:,} distinct pairs of window and next key, "
        f"{len(pairs.contexts):,} distinct windows; "
        f"{distinct:,} distinct sessions of {len(module.sessions('train')):,}"
    )
    return {"count": index.num_windows, "unit": "windows", "note": note, "seconds": seconds}


def train(folder: Path, blocks: int) -> dict[str, Any]:
    """One epoch of model=gru: ``python train.py`` and its own count of the time in fit."""
    run = folder / "run"
    _call_train(f"data.sessions={folder / 'parsed'}", f"hydra.run.dir={run}", *ONE_EPOCH)
    metrics = json.loads((run / "metrics.json").read_text())
    seconds = metrics["timing/fit_seconds"]
    speed = metrics["timing/train_windows_per_second"]
    note = f"val/loss {metrics['val/loss']:.4f}, test/auroc {metrics['test/auroc']:.4f}"
    return {"count": round(seconds * speed), "unit": "windows", "note": note, "seconds": seconds}


def _call_train(*overrides: str) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *overrides], check=True, stdout=subprocess.DEVNULL
    )


def score(folder: Path, blocks: int) -> dict[str, Any]:
    """All blocks with the checkpoint: ``seqlab predict`` without the start of Python."""
    from seqlab.training.checkpoints import load_task

    task, contents = load_task(folder / "run/checkpoints/best.ckpt")
    begin = time.perf_counter()
    table = task.evaluation.predict(task, contents, folder / "parsed")
    seconds = time.perf_counter() - begin
    return {
        "count": len(table),
        "unit": "blocks",
        "note": f"{int(table['alert'].sum()):,} alerts",
        "seconds": seconds,
    }


STAGES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "generate": generate,
    "parse": parse,
    "drain3": drain3,
    "drain3_masked": drain3_masked,
    "load": load,
    "window": window,
    "train": train,
    "score": score,
}
TARGETS = {"generate": 180, "parse": 20, "load": 2, "train": 60, "score": 30}  # seconds at full size
TARGET_GIGABYTES = 3.0
DRAIN3 = ("drain3", "drain3_masked")
ROUNDS = 3
NAMES = {
    "train": "train, one epoch",
    "drain3": "drain3 line by line, masks included",
    "drain3_masked": "drain3 line by line, lines masked before",
}


def run_stage(name: str, folder: Path, blocks: int) -> dict[str, Any]:
    """One stage in this process, with its time and this process's and its children's peak memory."""
    begin = time.perf_counter()
    found = STAGES[name](folder, blocks)
    found.setdefault("seconds", time.perf_counter() - begin)
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return found | {"gigabytes": max(peaks) * 1024 / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="for the log, 1.7 GB, and all made of it")
    parser.add_argument("--blocks", type=int, default=BLOCKS)
    parser.add_argument("--drain3", action="store_true", help="measure drain3 line by line too")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.stage:
        print(json.dumps(run_stage(arguments.stage, arguments.folder, arguments.blocks)))
        return
    print(f"{arguments.blocks:,} blocks, synthetic\n")
    print("| stage | seconds | target | speed | peak memory | |\n|---|---|---|---|---|---|")
    for name in STAGES:
        if name in DRAIN3:
            continue
        found = measured(name, arguments)
        target = f"{TARGETS[name]} s" if name in TARGETS and arguments.blocks == BLOCKS else ""
        print(
            f"| {NAMES.get(name, name)} | {found['seconds']:.1f} | {target} "
            f"| {found['count'] / found['seconds']:,.0f} {found['unit']}/s "
            f"| {found['gigabytes']:.2f} GB | {found['count']:,} {found['unit']}; {found.get('note', '')} |",
            flush=True,
        )
    if arguments.drain3:
        beside_drain3(arguments)


def measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One stage in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(arguments.folder), "--stage", name]
    command += ["--blocks", str(arguments.blocks)]
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(child.stdout.splitlines()[-1])


def beside_drain3(arguments: argparse.Namespace) -> None:
    """The parse and drain3 in turn, lines a second of each and their ratio round by round."""
    speeds: dict[str, list[float]] = {name: [] for name in ("parse", *DRAIN3)}
    for _ in range(ROUNDS):
        for name, values in speeds.items():
            found = measured(name, arguments)
            values.append(found["count"] / found["seconds"])
    print(
        f"\n{ROUNDS} rounds in turn: median (least to largest)\n\n| what | lines/s | parse is times as fast |"
    )
    print("|---|---|---|")
    for name, values in speeds.items():
        ratios = [ours / theirs for ours, theirs in zip(speeds["parse"], values, strict=True)]
        ratio = "" if name == "parse" else _spread(ratios, ".1f")
        print(f"| {NAMES.get(name, name)} | {_spread(values, ',.0f')} | {ratio} |")


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
