"""What ``seqlab.load`` gives: a trained task, and what turns new data into its batches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seqlab.errors import UserError
from seqlab.tasks.base import SequenceTask
from seqlab.training.checkpoints import load_predictor, load_task
from seqlab.trust import check_packages

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NewData:
    """Reads new data as a checkpoint's training data was read: its vocabulary, its scales, its cleaning."""

    path: Path  # of the checkpoint
    task: SequenceTask
    baggage: dict[str, Any]  # what the checkpoint holds beside weights; see ``load_task``

    def encode(self, items: Any) -> Any:
        """New data as one batch of ``task.batch_type``, for ``task.predict_step``.

        Args:
            items: what the kind of model reads: a list of tokenized sentences (tagging), of names or texts
                (classification), of source sentences (translation), of sessions of event keys (detection); a
                text (language models); a file of prices (forecasting). What is not known to the task, such as
                labels, has a stand-in.

        Raises:
            UserError: data that cannot be read so, or a model whose predictor's module has no ``encoder``.
        """
        return self._encoder(items)

    @cached_property
    def _encoder(self) -> Callable[[Any], Any]:
        module = sys.modules[self._predictor.__module__]
        if not hasattr(module, "encoder"):
            raise UserError(
                f"{self.path}: {module.__name__} has no `encoder`, which turns new data into a batch; "
                "`predict` reads files without it"
            )
        found: Callable[[Any], Any] = module.encoder(self.baggage)
        return found

    def predict(self, path: str | Path) -> pd.DataFrame:
        """What ``seqlab predict`` writes of a file."""
        table: pd.DataFrame = self._predictor(self.task, self.baggage, Path(path))
        return table

    @cached_property
    def _predictor(self) -> Callable[..., Any]:
        return load_predictor(self.baggage, self.path, self.baggage["trust"])


class Loaded(NamedTuple):
    """A trained model."""

    task: SequenceTask  # in eval mode, on the CPU
    data: NewData


def load(path: str | Path, *, trust: Sequence[str] = ()) -> Loaded:
    """See ``seqlab.load``."""
    check_packages(trust)
    task, baggage = load_task(path, trust)
    return Loaded(task, NewData(Path(path), task, baggage))
