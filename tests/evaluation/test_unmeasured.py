"""A detection run without labels shows thresholds, what lies above them, and what to do next."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqlab.data.hdfs import HdfsWindows
from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.detection.baselines import BASELINES
from seqlab.detection.evaluation import DetectionEvaluation, DetectionOutcome
from seqlab.evaluation.unmeasured import next_steps, shown_table
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent


@pytest.fixture
def outcome(windows: Callable[..., HdfsWindows]) -> Callable[..., DetectionOutcome]:
    """An untrained network's outcome, its test sessions labelled as asked."""

    def judged(label: int | None = None) -> DetectionOutcome:
        datamodule = windows()
        if label is not None:
            datamodule._splits["test"] = datamodule._splits["test"].with_labels(label)
        torch.manual_seed(0)
        sizes = {name: datamodule.sizes[name] for name in ("vocab_size", "pad_id", "unk_id")}
        network = GRUPredictor(**sizes, embedding_size=4, hidden_size=4)
        task = NextEvent(network=network, unk_id=sizes["unk_id"])
        evaluation = DetectionEvaluation(scores=["combined", "nll_max"])
        detector, _ = evaluation.fit(task, datamodule)
        datamodule.open_test()
        return evaluation.test(task, datamodule, detector)

    return judged


@pytest.mark.parametrize(
    ("label", "why"),
    [(LABEL_UNKNOWN, "no test session has a label"), (0, "the labels do not name both kinds of session")],
)
def test_thresholds_and_shares_stand_where_no_figure_can(
    outcome: Callable[..., DetectionOutcome], label: int, why: str
) -> None:
    found = outcome(label)
    table = shown_table(found)
    assert table.columns == ("threshold", "share above")
    for name, figures in table.model_rows:
        threshold = found.detector.thresholds[name].value
        above = sum(score > threshold for score in found.scores[name].tolist())
        assert figures == [threshold, above / len(found.sessions)]
    assert [name for name, _ in table.model_rows] == ["combined", "nll_max"]
    assert [name for name, _ in table.baseline_rows] == list(BASELINES)
    assert dict(table.baseline_rows)["new_event"][1] == float(np.mean(found.baseline_scores["new_event"] > 0))
    assert dict(table.notes)["detection"] == f"not measured: {why}"


def test_figures_that_can_be_measured_are_shown_as_before(outcome: Callable[..., DetectionOutcome]) -> None:
    found = outcome()
    assert shown_table(found) == found.result_table()
    assert next_steps(found, "best.ckpt", "parsed") == []


def test_next_steps_can_be_typed_as_they_stand(outcome: Callable[..., DetectionOutcome]) -> None:
    found = outcome(LABEL_UNKNOWN)
    worst = found.sessions.ids[np.argmax(found.scores["combined"])]
    assert next_steps(found, "a run/best.ckpt", "parsed") == [
        "seqlab detect 'a run/best.ckpt' NEW.log",
        f"seqlab explain 'a run/best.ckpt' {worst} --sessions parsed",
    ]
    assert next_steps(found, "best.ckpt", None) == [
        "seqlab predict best.ckpt NEW --output alerts.csv",
        f"seqlab explain best.ckpt {worst} --sessions FILE",
    ]
    ids = np.array([f"user {row}" for row in range(len(found.sessions))])
    named = replace(found, sessions=replace(found.sessions, ids=ids))
    assert " 'user " in next_steps(named, "best.ckpt", "parsed")[1]
