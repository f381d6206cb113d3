"""Runs on ever longer log sessions: peak memory and CPU time of ``python train.py`` per event.

    python benchmarks/long_sessions.py
    python benchmarks/long_sessions.py --longest 1000 100000 --models gru

Every row has as many events in long sessions, beside short ones: two parts of training, one of validation,
one normal and one abnormal of the test. Only their length differs. A run is one epoch, thresholds, test and
report, in a process of its own and on one thread. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
EVENTS = 100_000  # of a part's long sessions
SHORT, SHORT_LENGTH = 200, 20  # sessions of a part, events of each
KEYS, ROUTINES = 30, 20
STRAY = 0.01  # share of events that belong to no routine
PARTS = ("train", "train", "val", "test", "abnormal")
MODELS = ("gru", "gru_ae", "gru_ae model.network.attention=dot")


def session(length: int, routines: list[list[int]], rng: np.random.Generator, *, abnormal: bool) -> list[int]:
    """One routine after the other, as a program logs; an abnormal one has a stretch in another order."""
    events: list[int] = []
    while len(events) < length:
        events += routines[rng.integers(len(routines))]
        if rng.random() < STRAY * 5:
            events.append(int(rng.integers(KEYS)))
    del events[length:]
    if abnormal:
        first = int(rng.integers(max(length - 20, 1)))
        events[first : first + 20] = rng.permutation(events[first : first + 20]).tolist()
    return events


def write_sessions(folder: Path, longest: int) -> int:
    """Files for data.train, data.val, data.test and data.labels; how many events they hold."""
    rng = np.random.default_rng(0)
    routines = [rng.integers(KEYS, size=rng.integers(3, 10)).tolist() for _ in range(ROUTINES)]
    lengths = [SHORT_LENGTH] * SHORT + [longest] * (EVENTS // longest)
    lines: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    labels = ["BlockId,Label"]
    for number, (part, length) in enumerate((part, length) for part in PARTS for length in lengths):
        keys = session(length, routines, rng, abnormal=part == "abnormal")
        lines["test" if part == "abnormal" else part].append(f"blk_{number},{' '.join(map(str, keys))}")
        labels.append(f"blk_{number},{'Anomaly' if part == 'abnormal' else 'Normal'}")
    for name, rows in lines.items():
        (folder / f"{name}.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "labels.csv").write_text("\n".join(labels) + "\n", encoding="utf-8")
    return sum(lengths) * len(PARTS)


def measure(folder: Path, model: str, *, more: tuple[str, ...] = ()) -> tuple[float, float]:
    """CPU seconds and peak GB of a run on the files of ``folder``."""
    files = [f"data.{name}={folder / name}.txt" for name in ("train", "val", "test")]
    command = [sys.executable, "train.py", *f"model={model}".split(), *files]
    command += [f"data.labels={folder / 'labels.csv'}", f"hydra.run.dir={folder / 'run'}"]
    command += ["trainer.max_epochs=1", "trainer.enable_progress_bar=false", *more]
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / "said.txt").read_text())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def rows(models: list[str], longest: list[int]) -> Iterator[str]:
    """The table, line by line as it is measured."""
    yield "| model | longest session | peak memory | CPU time per event | to the first row's |"
    yield "|---|---|---|---|---|"
    for model in models:
        first = 0.0
        for length in longest:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                num_events = write_sessions(folder, length)
                seconds, memory = measure(folder, model)
            each = seconds / num_events
            first = first or each
            yield f"| {model} | {length:,} | {memory:.2f} GB | {each * 1e6:,.0f} µs | {each / first:.2f} |"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--longest", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    given = parser.parse_args()
    for line in rows(given.models, given.longest):
        print(line, flush=True)


if __name__ == "__main__":
    main()
