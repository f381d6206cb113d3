"""How a kind of model is judged: one object, which a model config names under ``evaluation``.

A subclass, of any package, gives ``fit`` and ``test``. With ``predict`` it serves ``seqlab predict``, with
``encoder`` ``seqlab.load(...).data.encode``, with ``sections`` the report has pictures of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from typing_extensions import TypedDict

from seqlab.errors import UserError, shown
from seqlab.results.outcome import Curves, Outcome
from seqlab.schemas import Reads, check_sizes, read_json

if TYPE_CHECKING:
    import pandas as pd

    from seqlab.report.page import Section


class Contents(NamedTuple):
    """What a checkpoint holds beside weights: plain values and tensors."""

    model: dict[str, Any]  # config of the task, sizes filled in
    evaluation: dict[str, Any]  # config of the evaluation
    sizes: dict[str, int]  # of the data
    data: dict[str, Any]  # state of the data: vocabulary, scales, ...
    judge: dict[str, Any] | None = None  # ``state`` of what ``fit`` gave; None where the run ended before
    config: dict[str, Any] = {}  # noqa: RUF012  # the whole config of the run
    trackers: dict[str, str] = {}  # noqa: RUF012  # run ids of its loggers


def sized(data: Any, sizes: Callable[[Any], Mapping[str, int]]) -> Any:
    """The schema of a checkpoint's contents, of whose data the schema ``data`` is.

    Args:
        sizes: of such data; the checkpoint's must be these.
    """

    def check(held: dict[str, Any]) -> None:
        check_sizes(held["sizes"], **sizes(held["data"]))

    return Annotated[TypedDict("Held", {"data": data, "sizes": dict[str, Any]}), Reads(check)]  # type: ignore[operator]


class NothingFitted:
    """The judge of an evaluation that needs no fitting: of the baselines a checkpoint keeps nothing."""

    def __init__(self, baselines: tuple[Any, ...] = ()) -> None:
        self.baselines = baselines

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        return {}

    def fitted_on(self) -> dict[str, str]:
        """What was fitted, and on what: ``{"thresholds": "558 validation sessions"}``."""
        return {}


class Evaluation(ABC):
    """Fits on validation data, tests, predicts new files, and says what the report shows.

    What is decided (thresholds, scales, baselines) ``fit`` decides, before the test split is unlocked.
    """

    fits_thresholds: ClassVar[bool] = False  # whether ``predict`` needs what ``fit`` gave

    def stored(self) -> Any:
        """The schema (see seqlab.schemas) of what ``predict`` and ``encoder`` read of a checkpoint: a mapping
        of data, judge and sizes. Without one of its own anything is taken as it is."""
        return dict[str, Any]

    def check(self, datamodule: Any) -> None:  # noqa: B027  # most data needs none
        """Raise UserError for data that cannot be judged; called before anything is trained."""

    @abstractmethod
    def fit(self, task: Any, datamodule: Any) -> tuple[Any, dict[str, float]]:
        """Decide all that is to be decided, on training and validation data.

        Returns:
            The judge, whose ``state()`` goes into the checkpoint, and the ``val/...`` figures.
        """

    @abstractmethod
    def test(self, task: Any, datamodule: Any, judge: Any) -> Outcome:
        """Measure on the test split, which ``open_test`` must have unlocked."""

    def predict(self, task: Any, contents: Contents, path: Path) -> pd.DataFrame:
        """What ``seqlab predict`` writes of a file of new data."""
        raise UserError(f"{type(self).__name__} has no `predict`, which reads a file of new data")

    def encoder(self, contents: Contents) -> Callable[[Any], Any]:
        """What turns new data, given in Python, into one batch for ``task.predict_step``."""
        raise UserError(
            f"{type(self).__name__} has no `encoder`, which turns new data into a batch; `predict` "
            "reads files without it"
        )

    def sections(self, task: Any, datamodule: Any, outcome: Any, curves: Curves) -> list[Section]:
        """The report's own pictures, after the result; none of its own are fine."""
        return []


def require(evaluation: Evaluation, ability: str, what: str, checkpoint: Path) -> Any:
    """A method that some kinds alone have.

    Args:
        checkpoint: where the evaluation came from; the config.json of its run folder names the model.

    Raises:
        UserError: this kind has none; says what it does not do.
    """
    method = getattr(evaluation, ability, None)
    if method is None:
        try:
            record = read_json(_Named, checkpoint.absolute().parents[1] / "config.json", "")
            who = f"model={shown(record['choices']['model'])}"
        except (OSError, UserError, KeyError, IndexError):
            who = f"a model judged by {type(evaluation).__name__}"
        raise UserError(f"{checkpoint} is of {who}, which {what}")
    return method


class _Named(TypedDict):
    """Which options a run took, by config group."""

    choices: dict[str, str]


def as_list(items: Any, what: str) -> list[Any]:
    """What ``encode`` was given as a list.

    Raises:
        UserError: a text in place of a list of texts, or nothing.
    """
    if isinstance(items, str) or not len(items):
        raise UserError(f"encode({items!r}): give a list of {what}, at least one")
    return list(items)
