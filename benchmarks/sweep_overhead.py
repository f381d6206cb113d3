"""How much of a sweep is training: 20 one-epoch trials, one after the other.

python benchmarks/sweep_overhead.py [KEY=VALUE ...]     overrides for every trial: data.sample.num_blocks=400
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRIALS = 20
SWEEP = """
program: train.py
method: random
metric: {name: val/loss, goal: minimize}
parameters:
  model: {value: gru}
  optimizer.lr: {distribution: log_uniform_values, min: 1.0e-3, max: 2.0e-2}
"""


def main(overrides: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench.yaml").write_text(SWEEP, encoding="utf-8")
        command = [sys.executable, "-m", "seqlab.cli", "sweep", str(folder / "bench.yaml")]
        command += ["--trials", str(TRIALS), "--output", str(folder / "out")]
        began = time.perf_counter()
        subprocess.run(
            [*command, "--set", "trainer.max_epochs=1", *overrides], cwd=ROOT, check=True, capture_output=True
        )
        wall = time.perf_counter() - began
        with (folder / "out" / "trials.csv").open(encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        figures = [json.loads(path.read_text()) for path in folder.glob("out/trial-*/seed-*/metrics.json")]
    seconds = sum(float(row["seconds"]) for row in rows)
    fit = sum(each["timing/fit_seconds"] for each in figures)
    finished = sum(row["outcome"] == "finished" for row in rows)
    print(f"{finished} trials in {wall:.1f} s, {1 - fit / wall:.1%} outside training")
    parts = {
        "training": fit,
        "trials, beside it (process, config, data, model, checkpoint, files)": seconds - fit,
        "the sweep (its own start, imports once, search, report)": wall - seconds,
    }
    for part, value in parts.items():
        print(f"  {value:6.1f} s  {value / wall:5.1%}  {part}")


if __name__ == "__main__":
    main(sys.argv[1:])
