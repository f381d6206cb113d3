"""A table of figures from the metrics.json files of real runs: mean and standard deviation over seeds.

    python benchmarks/results_table.py --keys test/auroc,test/combined/f1_at_prevalence NAME=FOLDER ...

FOLDER is a run folder, or holds run folders (what ``python train.py -m seed=0,1,2`` leaves). Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path


def figures_of(folder: Path) -> list[dict[str, float]]:
    """The metrics.json files of a folder of runs, or of one run.

    Raises:
        SystemExit: none is there.
    """
    found = sorted([*folder.glob("metrics.json"), *folder.glob("*/metrics.json")])
    if not found:
        raise SystemExit(f"{folder}: no metrics.json in it or in the folders below it")
    return [json.loads(path.read_text(encoding="utf-8")) for path in found]


def cell(values: list[float], decimals: int) -> str:
    if not values:
        return "–"
    mean = f"{statistics.mean(values):.{decimals}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{decimals}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--keys", required=True, help="keys of metrics.json, separated by commas")
    parser.add_argument("--decimals", type=int, default=4)
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    arguments = parser.parse_args()
    keys = arguments.keys.split(",")
    print("| run | seeds | " + " | ".join(f"`{key}`" for key in keys) + " |")
    print("|---|---|" + "---|" * len(keys))
    for run in arguments.runs:
        name, _, folder = run.rpartition("=")
        figures = figures_of(Path(folder))
        cells = [cell([one[key] for one in figures if key in one], arguments.decimals) for key in keys]
        print(f"| {name or folder} | {len(figures)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
