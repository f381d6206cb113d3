"""``seqlab compare`` over many run folders, against reading each config with OmegaConf.

    python benchmarks/compare.py --runs 1000

Makes the run folders in a temporary folder: copies of one composed config with other values, five seeds a
setting, a metrics.json and a metrics.csv each. The plain twin is what a notebook does: OmegaConf.load,
json.loads, one pandas table, its mean over seeds. Both are whole processes.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SEEDS = 5
EPOCHS = 10
CHOICES = {"model": "gru", "optimizer": "adam", "data": "hdfs_window"}
PLAIN = """
import json, sys
from pathlib import Path
import pandas as pd
from omegaconf import OmegaConf
def flat(nested, prefix=""):
    found = {}
    for key, value in nested.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: str(value)}
    return found

rows = []
for path in Path(sys.argv[1]).glob("*/.hydra/config.yaml"):
    config = OmegaConf.load(path)
    settings = flat(OmegaConf.to_container(config))
    rows.append(settings | json.loads((path.parent.parent / "metrics.json").read_text()))
table = pd.DataFrame(rows)
differing = [name for name in table if name != "seed" and "/" not in name and table[name].nunique() > 1]
print(table.groupby(differing)["val/loss"].agg(["mean", "std"]).sort_values("mean"))
"""


def make_runs(folder: Path, number: int) -> None:
    """Write run folders 0, 1, ... with made-up figures."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    conf = Path(__file__).resolve().parent.parent / "conf"
    with initialize_config_dir(str(conf), version_base="1.3"):
        text = OmegaConf.to_yaml(compose("train"))
        record = {"config": OmegaConf.to_container(compose("train"), resolve=True), "choices": CHOICES}
        record |= {"references": {"data.seed": "${seed}", "evaluation": "${detection}"}, "overrides": []}
    draw = random.Random(0)
    for run in range(number):
        if run % SEEDS == 0:
            rate, hidden = 10 ** draw.uniform(-4, -1), draw.choice([32, 64, 128, 256])
        config = text.replace("seed: 0\n", f"seed: {run % SEEDS}\n", 1)
        config = config.replace("  lr: 0.01\n", f"  lr: {rate}\n")
        config = config.replace("    hidden_size: 128\n", f"    hidden_size: {hidden}\n")
        place = folder / str(run)
        (place / ".hydra").mkdir(parents=True)
        (place / ".hydra" / "config.yaml").write_text(config)
        record["config"] |= {"seed": run % SEEDS}
        record["config"]["optimizer"]["lr"] = rate
        record["config"]["model"]["network"]["hidden_size"] = hidden
        (place / "config.json").write_text(json.dumps(record, indent=2))
        floor = 0.2 + 0.05 * (math.log10(rate) + 2.2) ** 2 + 3 / hidden + draw.gauss(0, 0.01)
        losses = [floor + 2 * math.exp(-epoch / 2) for epoch in range(EPOCHS)]
        figures = {"val/loss": losses[-1]}
        names = ("loss", "auroc", "average_precision", "precision", "recall", "f1")
        figures |= {f"test/{name}": draw.random() for name in names}
        figures |= {f"test/{score}/{name}": draw.random() for score in ("rank", "nll") for name in names}
        (place / "metrics.json").write_text(json.dumps(figures))
        rows = [f"{epoch},{10 * epoch + 9},{loss + 0.1},{loss}" for epoch, loss in enumerate(losses)]
        (place / "metrics.csv").write_text("epoch,step,train/loss,val/loss\n" + "\n".join(rows) + "\n")


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="make the runs there and keep them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary) / "runs"
        make_runs(folder, arguments.runs)
        own = [sys.executable, "-m", "seqlab.cli", "compare", str(folder)]
        commands = {
            "plain: OmegaConf and pandas": [sys.executable, "-c", PLAIN, str(folder)],
            "seqlab compare": own,
            "seqlab compare --html": [*own, "--html", str(Path(temporary) / "compare.html")],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                taken[name].append(seconds(command))
    print(f"{arguments.runs:,} runs, {arguments.rounds} rounds: median (least to largest) in seconds")
    for name, times in taken.items():
        print(f"{name:30} {median(times):6.2f} ({min(times):.2f} to {max(times):.2f})")
    plain, fast = taken["plain: OmegaConf and pandas"], taken["seqlab compare"]
    ratios = [slow / quick for slow, quick in zip(plain, fast, strict=True)]
    print(f"{'plain / seqlab compare':30} {median(ratios):6.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
