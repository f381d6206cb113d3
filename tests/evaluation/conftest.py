"""Outcomes that several tests of the evaluations read."""

from collections.abc import Callable

import pytest
import torch

from seqlab.data.session_windows import SessionWindows
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent


@pytest.fixture
def detection_outcome(windows: Callable[..., SessionWindows]) -> Callable[..., DetectionOutcome]:
    """An untrained network's outcome, its test sessions labelled as asked."""

    def judged(label: int | None = None) -> DetectionOutcome:
        datamodule = windows()
        if label is not None:
            datamodule._splits["test"] = datamodule._splits.data["test"].with_labels(label)
        torch.manual_seed(0)
        sizes = {name: datamodule.sizes[name] for name in ("vocab_size", "pad_id", "unk_id")}
        network = GRUPredictor(**sizes, embedding_size=4, hidden_size=4)
        task = NextEvent(network=network, unk_id=sizes["unk_id"])
        evaluation = DetectionEvaluation(scores=["combined", "nll_max"])
        detector, _ = evaluation.fit(task, datamodule)
        datamodule.open_test()
        return evaluation.test(task, datamodule, detector)

    return judged
