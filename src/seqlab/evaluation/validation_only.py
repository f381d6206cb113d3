"""Runs of ``test=false``, such as the trials of a sweep: judged by validation alone."""

from __future__ import annotations

from typing import Any, ClassVar

from pytorch_lightning.callbacks import ModelCheckpoint

from seqlab.errors import UserError
from seqlab.evaluation.base import Evaluation, NothingFitted
from seqlab.results.outcome import Outcome, ResultTable


class ValidationOnly(Evaluation):
    """Judges a run of ``test=false``, such as a trial of a sweep, by its best validation figure.

    A run that computes no test figures can leak none, and costs less.

    Args:
        kind: the evaluation of the model, which still refuses data before training.
    """

    def __init__(self, kind: Evaluation) -> None:
        self.kind = kind

    def check(self, datamodule: Any) -> None:
        self.kind.check(datamodule)

    def fit(self, task: Any, datamodule: Any) -> tuple[NothingFitted, dict[str, float]]:
        best: list[Any] = [
            callback.best_model_score
            for callback in task.trainer.callbacks
            if isinstance(callback, ModelCheckpoint) and callback.monitor == task.monitor
        ]
        if not best or best[0] is None:  # checkpoints are off: the last validation counts
            best = [task.trainer.callback_metrics.get(task.monitor)]
        if best[0] is None:
            raise UserError(
                f"test=false judges by {task.monitor}, and training ended before the first validation; train "
                "longer, or validate sooner with trainer.val_check_interval=N (batches)"
            )
        return NothingFitted(), {task.monitor: float(best[0])}

    def test(self, task: Any, datamodule: Any, judge: Any) -> NotTested:
        return NotTested()


class NotTested(Outcome):
    """Nothing beside the validation figure."""

    metrics: ClassVar[dict[str, float]] = {}  # type: ignore[misc]

    def score_table(self) -> None:
        return None

    def result_table(self) -> ResultTable:
        return ResultTable("validation only", (), [], [], [])
