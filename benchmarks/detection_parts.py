"""How much of a detector's figures comes from short sessions and from unseen keys: with and without them.

``short`` are test sessions shorter than the shortest training session, ``unseen`` those that hold a key
training never showed; what is left out is left out of normal and of abnormal sessions. Scores and thresholds
are those of the run; F1 is at the true share of abnormal sessions that ``detection.prevalence`` gave, less
what was left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

SCORES = ("combined", "nll_max", "count_cost")


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


def figures(run: Path) -> dict[str, float]:
    """``parts/SCORE/PART/...`` of a run folder whose data files lie where they lay, at its own thresholds."""
    import pandas as pd

    from seqlab.detection.metrics import detection_metrics

    table = pd.read_csv(run / "scores.csv")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    abnormal, short, unseen, prevalence = parts_of(run)
    weights = np.where(abnormal, prevalence / abnormal.sum(), (1 - prevalence) / (~abnormal).sum())
    kept = {
        "all": np.ones_like(short),
        "without short": ~short,
        "without unseen keys": ~unseen,
        "without both": ~short & ~unseen,
    }
    found = {}
    for score in SCORES:
        scores = table[score].to_numpy(dtype=np.float64)
        for name, keep in kept.items():
            share = float(weights[keep & abnormal].sum() / weights[keep].sum())
            threshold = metrics[f"test/{score}/threshold"]
            of_part, curve = detection_metrics(scores[keep], abnormal[keep], threshold, share)
            place = f"parts/{score}/{name}"
            found |= {f"{place}/{key}": of_part[key] for key in ("auroc", "recall", "false_positive_rate")}
            found |= {f"{place}/f1": of_part["f1_at_prevalence"], f"{place}/best_f1": curve.best_f1(share)}
            found |= {f"{place}/abnormal": float((keep & abnormal).sum())}
    return found
