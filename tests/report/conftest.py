"""Hand-made reports for the tests: one full, one as large as they come, one without labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from seqlab.evaluation.detection_sections import other_thresholds
from seqlab.report.alerts import Alert, Cause, causes_block
from seqlab.report.charts import precision_recall_chart, roc_curve_chart
from seqlab.report.heat_map import heat_map
from seqlab.report.histogram import score_histogram
from seqlab.report.page import Section, fill
from seqlab.report.run_page import write_run_page
from seqlab.report.svg import chart_grid, chart_row
from seqlab.report.tables import format_number
from seqlab.results.outcome import ResultTable

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


def make_threshold(scores: dict[str, tuple[np.ndarray, float]]) -> Markup:
    """Counts of the first score, of whose sessions the last two are abnormal."""
    values, threshold = next(iter(scores.values()))
    abnormal = np.arange(len(values)) >= len(values) - 2
    alerts = values > threshold
    hits, wrong = int((abnormal & alerts).sum()), int((~abnormal & alerts).sum())
    return fill(
        "threshold",
        data=other_thresholds(values, abnormal, ~abnormal, threshold),
        counts=[hits, 2 - hits, wrong, len(values) - 2 - wrong],
        alerts=hits + wrong,
        threshold=threshold,
        figures=[
            ("precision", "precision", hits / max(hits + wrong, 1), 4),
            ("recall", "recall", hits / 2, 4),
        ],
        number=format_number,
    )


def make_page(path: Path, **changes: Any) -> str:
    """Write a small run's page: a model and a baseline, 8 sessions, 2 abnormal; gives its text.

    Args:
        changes: of the parts of the page, or of the arguments of ``write_run_page``.
    """
    parts: dict[str, Any] = {
        "scores": {"GRU": (np.array([0.01, 0.02, 0.1, 0.3, 1.0, 4.0, 9.5, 100.0]), 4.25)},
        "curve": make_curve(),
        "alerts": [make_alert(1), make_alert(2, 60, label=0), make_alert(3, label=-1)],
        "attention": [("blk_1", np.eye(3), ["E5", "E7", "<eos>"], ["E5", "E5", "E7"])],
    }
    parts |= {name: changes.pop(name) for name in list(changes) if name in parts}
    histograms = [
        score_histogram(scores[:-2], scores[-2:], threshold, name, role="scores")
        for name, (scores, threshold) in parts["scores"].items()
    ]
    rate, recall, precision, _ = parts["curve"]
    curves = [
        roc_curve_chart({"GRU": (rate, recall)}),
        precision_recall_chart({"GRU": (precision, recall)}, prevalence=0.25),
    ]
    maps = [
        heat_map(each[1], each[2], each[3], each[0], row_title="r", column_title="c")
        for each in parts["attention"]
    ]
    table = ResultTable(
        "8 sessions",
        ("AUROC", "AP", "precision", "recall", "F1", "threshold"),
        [("GRU", [0.9987, 0.97, 0.95, 0.94, 0.9467, 4.25])],
        [("unseen keys", [0.78, 0.55, 0.81, 0.59, math.nan, None])],
        [("Threshold", "99.5 % quantile of validation scores")],
    )
    values: dict[str, Any] = {
        "title": "GRU on HDFS",
        "seed": 1,
        "metrics": {"val/loss": 0.7},
        "curves": {
            "train/loss": ([1, 2, 3], [2.0, 1.0, 0.5]),
            "val/loss": ([1, 2, 3], [2.1, 1.2, 0.7]),
            "learning_rate": ([1, 2, 3], [1e-3, 5e-4, 1e-5]),
            "step/loss": ([1, 2, 3, 4], [4.0, 2.0, 1.0, 1.5]),
        },
        "layers": [("network.gru", "GRU", 1_234)],
        "sections": [
            Section("What the threshold finds", make_threshold(parts["scores"])),
            Section("Scores", chart_grid(histograms)),
            Section("ROC and precision-recall", chart_grid(curves)),
            Section(
                "Alerts",
                causes_block([Cause("E7", "", [each.label for each in parts["alerts"]], parts["alerts"])]),
            ),
            Section("Attention", chart_row(maps)),
        ],
        "environment": {"Command": "python train.py hydra.run.dir=" + "a_long_folder_name/" * 12},
        "config_yaml": "model:\n  hidden_size: 64\n  comment: " + "wide " * 60 + "\n",
        "notices": ["Synthetic data: generated sessions, not the published logs."],
    }
    write_run_page(path, changes.pop("table", table), **values | changes)
    return path.read_text(encoding="utf-8")


def write_largest(path: Path) -> str:
    """20 alerts, one of them of an endless word, and 6 heat maps of 60 by 60 without equal neighbors."""
    names = [f"E{place}" for place in range(60)]
    weights = np.random.default_rng(0).random((60, 60))
    word = "x" * 200
    unbroken = Alert(word, 1, 9.0, 4.25, [word, "<eos>"], [9.0, 0.1], {word: word})
    return make_page(
        path,
        alerts=[mixed_alert(number, 300) for number in range(19)] + [unbroken],
        attention=[(f"blk_{number}", weights, names, names) for number in range(6)],
    )


@pytest.fixture
def page() -> Callable[..., str]:
    """Writes a small page to a path; keyword arguments replace its parts."""
    return make_page


@pytest.fixture
def largest_page() -> Callable[[Path], str]:
    """Writes the largest page."""
    return write_largest


@pytest.fixture
def alert() -> Callable[..., Alert]:
    """Makes an alert from a number, a count of keys and a label."""
    return make_alert


@pytest.fixture
def roc() -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate at 5,001 thresholds."""
    return make_curve()[:2]
