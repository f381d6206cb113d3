"""A detection run without labels says what to do next."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.data.session_windows import SessionWindows
from seqlab.detection.evaluation import DetectionEvaluation, DetectionOutcome
from seqlab.evaluation.next_steps import next_steps
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent


@pytest.fixture
def outcome(windows: Callable[..., SessionWindows]) -> Callable[..., DetectionOutcome]:
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


def test_figures_that_can_be_measured_speak_for_themselves(outcome: Callable[..., DetectionOutcome]) -> None:
    found = outcome()
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
