"""Outcomes that several tests of the evaluations read."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqlab.data.session_windows import SessionWindows
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.results.outcome import Outcome
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


@pytest.fixture
def resampled_keys() -> Callable[[Outcome], None]:
    """Checks that an outcome draws every figure under test/ anew, as it is where each item counts once."""

    def check(outcome: Outcome) -> None:
        expected = {
            name: value
            for name, value in outcome.metrics.items()
            if name.startswith("test/") and not name.endswith("/threshold")
        }
        found = outcome.resampled(np.ones((2, outcome.num_items), dtype=np.int64))
        assert {name: values.shape for name, values in found.items()} == dict.fromkeys(expected, (2,))
        for row in (0, 1):
            assert {name: values[row] for name, values in found.items()} == pytest.approx(expected, rel=1e-6)
        assert set(outcome.support()) == set(expected)

    return check
