"""Every kind of layers on every task, at equal parameters: ``python benchmarks/layers.py --data FOLDER``.

    python benchmarks/layers.py --data FOLDER names stock   # these tasks alone
    python benchmarks/layers.py --data FOLDER --kinds gru tcn

layers.yaml says what is run. Seeds have run folders, runs/layers/TASK/KIND/SEED: finished ones are kept.
The table, in Markdown, has the mean over seeds, the lowest and the highest, and the seconds of training.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.results import write_labels  # noqa: E402
from benchmarks.results_page import files_of, read_tables  # noqa: E402

SPEC = Path(__file__).with_suffix(".yaml")
RUNS = ROOT / "runs" / "layers"
SPEED_STEPS = 100  # of the run that measures a rate


def overrides_of(spec: Mapping[str, Any], task: str, kind: str) -> list[str]:
    """The command line of a kind of layers on a task, without files, seed and length."""
    settings = spec["tasks"][task]
    also = settings.get("also", spec["also"]).get(kind, "")
    size = f"model.network.hidden_size={settings['hidden_size'][kind]}"
    return [*settings["overrides"].split(), f"layers={kind}", size, *also.split()]


def run(folder: Path, overrides: Sequence[str]) -> dict[str, float]:
    """The figures of a run of train.py, which is made where it is missing."""
    if not (folder / "metrics.json").exists():
        command = [sys.executable, "train.py", *overrides, "resume=auto", f"hydra.run.dir={folder}"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise SystemExit(f"{folder}: train.py failed; see train.log there")
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def length_of(settings: Mapping[str, Any], folder: Path, overrides: Sequence[str]) -> list[str]:
    """The overrides that make training take the task's minutes, at the rate of a short run."""
    if "minutes" not in settings:
        return []
    short = ["test=false", "trainer.max_epochs=1", f"trainer.limit_train_batches={SPEED_STEPS}"]
    seconds = run(folder / "rate", [*overrides, *short])["timing/fit_seconds"]
    steps = round(settings["minutes"] * 60 * SPEED_STEPS / seconds)
    return ["trainer.max_epochs=-1", f"trainer.max_steps={steps}"]


def row_of(kind: str, metric: str, runs: Sequence[Mapping[str, float]]) -> str:
    values = [each[metric] for each in runs]
    seconds = mean(each["timing/fit_seconds"] for each in runs)
    return f"| `{kind}` | {mean(values):.4f} | {min(values):.4f} to {max(values):.4f} | {seconds:,.0f} |"


def main() -> None:
    spec: Any = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    tasks, kinds = list(spec["tasks"]), spec["kinds"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"all without; {', '.join(tasks)}")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the real data")
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    arguments = parser.parse_args()
    if unknown := set(arguments.tasks) - set(tasks):
        parser.error(f"no task {', '.join(sorted(unknown))}; there are: {', '.join(tasks)}")
    data, files = arguments.data.resolve(), read_tables()["data"]
    for task in arguments.tasks or tasks:
        settings = spec["tasks"][task]
        own = files[settings["data"]]
        labels = RUNS / f"{settings['data']}_labels.csv"
        write_labels(own, data, labels)
        rows = []
        for kind in arguments.kinds:
            given = [*overrides_of(spec, task, kind), *files_of(own, str(data), str(labels))]
            length = length_of(settings, RUNS / task / kind, given)
            runs = [
                run(RUNS / task / kind / str(seed), [*given, *length, f"seed={seed}"])
                for seed in spec["seeds"]
            ]
            rows.append(row_of(kind, settings["metric"], runs))
        print(f"\n### {task}: {settings['metric']}, {settings['better']} is better\n")
        print("| layers | mean | seeds | seconds of training |\n|---|---:|---:|---:|")
        print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
