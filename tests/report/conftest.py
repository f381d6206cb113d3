"""Hand-made reports for the tests: one full, one as large as they come, one without labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from seqlab.report.alerts import Alert
from seqlab.report.detection import DetectionContent

TEMPLATES = {"E5": "Receiving block <*> src: <*> dest: <*>", "E7": "writeBlock <*> received exception <*>"}


def make_alert(number: int = 0, keys: int = 6, label: int = 1) -> Alert:
    """A session of E5 with one surprising E7 in its middle."""
    names = ["E5"] * (keys - 1) + ["<eos>"]
    surprise = [0.1 + 0.001 * place for place in range(keys)]
    names[keys // 2], surprise[keys // 2] = "E7", 9.5
    return Alert(f"blk_-{number:019d}", label, 9.5, 4.25, names, surprise, TEMPLATES)


def mixed_alert(number: int, keys: int) -> Alert:
    """A session in which nothing can be folded."""
    names = [f"E{place % 29}" for place in range(keys)]
    surprise = [0.4 * (place % 30) for place in range(keys)]
    return Alert(
        f"blk_{number}", 0, 11.6, 4.25, names, surprise, {name: "a message template " * 5 for name in names}
    )


def make_curve() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """False and true positive rate, precision and recall of 5,001 thresholds."""
    rate = np.linspace(0, 1, 5001)
    return rate, np.sqrt(rate), 1 - 0.9 * rate, rate


def make_content(**changes: object) -> DetectionContent:
    """A small run: 8 sessions, 2 abnormal, a model and a baseline."""
    values: dict[str, object] = {
        "title": "GRU on HDFS",
        "subtitle": "gru-hdfs_window, seed 1",
        "notices": ["Synthetic data: generated sessions, not the published logs."],
        "metric_columns": ["AUROC", "average precision", "precision", "recall", "F1", "threshold"],
        "metric_rows": [
            ("GRU", [0.9987, 0.97, 0.95, 0.94, 0.9467, 4.25]),
            ("unseen keys", [0.78, 0.55, 0.81, 0.59, math.nan, None]),
        ],
        "emphasis": "GRU",
        "scores": {
            "GRU": (np.array([0.01, 0.02, 0.1, 0.3, 1.0, 4.0, 9.5, 100.0]), 4.25),
            "unseen keys": (np.array([0, 0, 0, 0, 0, 1, 0, 3]), 0.5),
        },
        "labels": np.array([0, 0, 0, 0, 0, 0, 1, 1], dtype=np.int8),
        "curves": {
            "GRU": make_curve(),
            "unseen keys": ([0, 0.2, 1], [0, 0.6, 1], [0.2, 0.7, 1], [1, 0.6, 0]),
        },
        "alerts": [make_alert(1), make_alert(2, 60, label=0), make_alert(3, label=-1)],
        "histories": {"training": ([1, 2, 3], [2.0, 1.0, 0.5]), "validation": ([1, 2, 3], [2.1, 1.2, 0.7])},
        "learning_rate": ([1, 2, 3], [1e-3, 5e-4, 1e-5]),
        "attention": [("blk_1", np.eye(3), ["E5", "E7", "<eos>"], ["E5", "E5", "E7"])],
        "facts": [("Threshold", "99.5 % quantile of validation scores")],
        "environment": [("Command", "python train.py hydra.run.dir=" + "a_long_folder_name/" * 12)],
        "config_yaml": "model:\n  hidden_size: 64\n  comment: " + "wide " * 60 + "\n",
    }
    return DetectionContent(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def largest_content() -> DetectionContent:
    """20 alerts, one of them of an endless word, and 6 heat maps of 60 by 60 without equal neighbors."""
    names = [f"E{place}" for place in range(60)]
    weights = np.random.default_rng(0).random((60, 60))
    word = "x" * 200
    unbroken = Alert(word, 1, 9.0, 4.25, [word, "<eos>"], [9.0, 0.1], {word: word})
    return make_content(
        alerts=[mixed_alert(number, 300) for number in range(19)] + [unbroken],
        attention=[(f"blk_{number}", weights, names, names) for number in range(6)],
    )


@pytest.fixture
def detection_content() -> Callable[..., DetectionContent]:
    """Makes the small run; keyword arguments replace its fields."""
    return make_content


@pytest.fixture
def alert() -> Callable[..., Alert]:
    """Makes an alert from a number, a count of keys and a label."""
    return make_alert


@pytest.fixture
def roc() -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate at 5,001 thresholds."""
    return make_curve()[:2]
