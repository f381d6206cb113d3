"""What ``seqlab.load`` gives: a trained task, and what turns new data into its batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seqlab.evaluation.base import Contents
from seqlab.tasks.base import SequenceTask
from seqlab.training.checkpoints import load_task
from seqlab.trust import check_packages

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NewData:
    """Reads new data as a checkpoint's training data was read: its vocabulary, its scales, its cleaning."""

    task: SequenceTask
    contents: Contents  # what the checkpoint holds beside weights

    def encode(self, items: Any) -> Any:
        """New data as one batch of ``task.batch_type``, for ``task.predict_step``.

        Args:
            items: what the kind of model reads: a list of tokenized sentences (tagging), of names or texts
                (classification), of source sentences (translation), of sessions of event keys (detection); a
                text (language models); a file of prices (forecasting). What is not known to the task, such as
                labels, has a stand-in.

        Raises:
            UserError: data that cannot be read so, or a model whose evaluation has no ``encoder``.
        """
        return self._encoder(items)

    @cached_property
    def _encoder(self) -> Callable[[Any], Any]:
        return self.task.evaluation.encoder(self.contents)

    def predict(self, path: str | Path) -> pd.DataFrame:
        """What ``seqlab predict`` writes of a file."""
        return self.task.evaluation.predict(self.task, self.contents, Path(path))


class Loaded(NamedTuple):
    """A trained model."""

    task: SequenceTask  # in eval mode, on the CPU
    data: NewData


def load(path: str | Path, *, trust: Sequence[str] = ()) -> Loaded:
    """See ``seqlab.load``."""
    check_packages(trust)
    task, contents = load_task(path, trust)
    return Loaded(task, NewData(task, contents))
