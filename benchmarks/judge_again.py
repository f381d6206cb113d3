"""Judge trained log models again, without training: thresholds, scores and figures as today's code has them.

    python benchmarks/judge_again.py FOLDER OUTPUT [detection.target_fpr=0.0005 ...]

FOLDER is a run folder, or holds run folders (what ``python train.py -m seed=0,1,2`` leaves); their data files
must lie where they lay. For each run OUTPUT gets a folder with metrics.json, scores.csv and
.hydra/config.yaml, as the other scripts here read them. The settings are the run's own; those on the command
line win.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from omegaconf import DictConfig, OmegaConf


def judge(run: Path, output: Path, overrides: list[str]) -> dict[str, float]:
    """Fit and test one run's best checkpoint; the metrics that were written."""
    from hydra.utils import instantiate

    from seqlab.data.log_sessions import LogSessions
    from seqlab.training.build import build_data
    from seqlab.training.checkpoints import load_task

    config = OmegaConf.merge(
        OmegaConf.load(run / ".hydra" / "config.yaml"), OmegaConf.from_dotlist(overrides)
    )
    if not isinstance(config, DictConfig):
        raise SystemExit(f"{run}: its .hydra/config.yaml is no config")
    datamodule = build_data(config.data)
    if not isinstance(datamodule, LogSessions):
        raise SystemExit(f"{run}: not a run of a log model")
    datamodule.setup()
    task, _ = load_task(run / "checkpoints" / "best.ckpt")
    evaluation = instantiate(config.detection, _convert_="all")
    detector, metrics = evaluation.fit(task, datamodule)
    datamodule.open_test()
    outcome = evaluation.test(task, datamodule, detector)
    (output / ".hydra").mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, output / ".hydra" / "config.yaml")
    outcome.write_scores(output / "scores.csv")
    metrics |= outcome.metrics
    (output / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="detection.NAME=VALUE")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    checkpoints = sorted([*folder.glob("checkpoints/best.ckpt"), *folder.glob("*/checkpoints/best.ckpt")])
    if not checkpoints:
        raise SystemExit(f"{folder}: no checkpoints/best.ckpt in it or in the folders below it")
    for checkpoint in checkpoints:
        run = checkpoint.parents[1]
        metrics = judge(run, arguments.output / run.name, arguments.overrides)
        shown = {name: metrics[name] for name in ("test/auroc", "test/f1") if name in metrics}
        print(f"{run}: " + "  ".join(f"{name} {value:.4f}" for name, value in shown.items()))


if __name__ == "__main__":
    main()
