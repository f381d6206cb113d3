"""What judges a run of ``test=false``, such as a trial of a sweep: the validation figure it has already."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pytorch_lightning.callbacks import ModelCheckpoint

from seqlab.evaluation.base import Evaluation, NothingFitted
from seqlab.results.outcome import Outcome, ResultTable


class ValidationOnly(Evaluation):
    """Judges a run by the validation figure that its best checkpoint was chosen with.

    A run that computes no test figures can leak none, and costs less.

    Args:
        kind: the evaluation of the model, which still refuses data before training.
    """

    def __init__(self, kind: Evaluation) -> None:
        self.kind = kind

    def check(self, datamodule: Any) -> None:
        self.kind.check(datamodule)

    def fit(self, task: Any, datamodule: Any) -> tuple[NothingFitted, dict[str, float]]:
        best = [
            callback.best_model_score
            for callback in task.trainer.callbacks
            if isinstance(callback, ModelCheckpoint) and callback.monitor == task.monitor
        ]
        if not best or best[0] is None:  # checkpoints are off: the last validation counts
            return NothingFitted(), {task.monitor: float(task.trainer.callback_metrics[task.monitor])}
        return NothingFitted(), {task.monitor: float(best[0])}

    def test(self, task: Any, datamodule: Any, judge: Any) -> NotTested:
        return NotTested()


class NotTested(Outcome):
    """Nothing beside the validation figure."""

    metrics: ClassVar[dict[str, float]] = {}  # type: ignore[misc]

    def write_scores(self, path: Path) -> None:
        """No scores were made, so no file is."""

    def result_table(self) -> ResultTable:
        return ResultTable("validation only", (), [], [], [])
