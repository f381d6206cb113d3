"""How much of a detector's figures comes from short sessions and from unseen keys: with and without them.

    python benchmarks/detection_parts.py --scores combined,count_cost NAME=FOLDER ...

FOLDER is a run folder of a log model, or holds run folders (what ``python train.py -m seed=0,1,2`` leaves);
their data files must lie where they lay. ``short`` are test sessions shorter than the shortest training
session, ``unseen`` those that hold a key training never showed; what is left out is left out of normal and of
abnormal sessions. Scores and thresholds are those of the run; F1 is at the true share of abnormal sessions
that ``detection.prevalence`` gave, less what was left out. Prints Markdown: mean ±
standard deviation over the runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

COLUMNS = ("abnormal", "normal", "AUROC", "recall", "false-positive rate", "F1", "best F1 (oracle)")


def runs_in(folder: Path) -> list[Path]:
    """The run folders of a folder of runs, or the one itself.

    Raises:
        SystemExit: none is there.
    """
    found = sorted({path.parent for path in [*folder.glob("scores.csv"), *folder.glob("*/scores.csv")]})
    if not found:
        raise SystemExit(f"{folder}: no scores.csv in it or in the folders below it")
    return found


def parts_of(run: Path) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], float]:
    """(S,) which test sessions are abnormal, short, hold an unseen key; and the share of abnormal ones."""
    from seqlab.data.log_sessions import LogSessions
    from seqlab.data.sequences import LABEL_ABNORMAL
    from seqlab.training.build import build_data

    config = OmegaConf.load(run / ".hydra" / "config.yaml")
    datamodule = build_data(config.data)
    if not isinstance(datamodule, LogSessions):
        raise SystemExit(f"{run}: not a run of a log model")
    datamodule.setup()
    shortest = datamodule.sessions("train").lengths.min()
    datamodule.open_test()
    test = datamodule.sessions("test")
    new = datamodule.tokens("test") == datamodule.vocabulary.unk
    session = np.repeat(np.arange(len(test)), test.lengths)
    unseen = np.bincount(session, weights=new, minlength=len(test)) > 0
    abnormal = test.labels == LABEL_ABNORMAL
    prevalence = config.detection.prevalence
    return (
        abnormal,
        test.lengths < shortest,
        unseen,
        float(abnormal.mean() if prevalence is None else prevalence),
    )


def figures_of(run: Path, score: str) -> dict[str, list[float]]:
    """{what is left: the COLUMNS} of one run's score, at its own threshold."""
    import pandas as pd

    from seqlab.detection.metrics import detection_metrics

    scores = pd.read_csv(run / "scores.csv")[score].to_numpy(dtype=np.float64)
    threshold = json.loads((run / "metrics.json").read_text(encoding="utf-8"))[f"test/{score}/threshold"]
    abnormal, short, unseen, prevalence = parts_of(run)
    weights = np.where(abnormal, prevalence / abnormal.sum(), (1 - prevalence) / (~abnormal).sum())
    kept = {
        "all": np.ones_like(short),
        "without short": ~short,
        "without unseen keys": ~unseen,
        "without both": ~short & ~unseen,
    }
    found = {}
    for name, keep in kept.items():
        share = float(weights[keep & abnormal].sum() / weights[keep].sum())
        figures, curve = detection_metrics(scores[keep], abnormal[keep], threshold, share)
        found[name] = [
            float((keep & abnormal).sum()),
            float((keep & ~abnormal).sum()),
            *(figures[key] for key in ("auroc", "recall", "false_positive_rate", "f1_at_prevalence")),
            curve.best_f1(share),
        ]
    return found


def cell(values: tuple[float, ...], decimals: int) -> str:
    mean = f"{statistics.mean(values):,.{decimals}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):,.{decimals}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--scores", default="combined", help="columns of scores.csv, separated by commas")
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    arguments = parser.parse_args()
    print("| run | score | test sessions | " + " | ".join(COLUMNS) + " |")
    print("|---|---|---|" + "---|" * len(COLUMNS))
    decimals = (0, 0, 4, 4, 4, 3, 3)
    for run in arguments.runs:
        name, _, folder = run.rpartition("=")
        for score in arguments.scores.split(","):
            found = [figures_of(one, score) for one in runs_in(Path(folder))]
            for part in found[0]:
                columns = zip(*(one[part] for one in found), strict=True)
                cells = [cell(values, places) for values, places in zip(columns, decimals, strict=True)]
                print(f"| {name or folder} | `{score}` | {part} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
