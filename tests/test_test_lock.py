"""Nothing that decides reads the test split or a figure of it: whoever tries is refused by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from seqlab.data.characters import CharacterSequence
from seqlab.data.labelled import LabelledItems
from seqlab.data.labelled_events import LabelledEvents
from seqlab.data.labelled_text import Names
from seqlab.data.module import SequenceDataModule, TestSetLockedError
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.series import TimeSeries
from seqlab.data.session_windows import SessionWindows
from seqlab.data.stock import StockPrices
from seqlab.data.tagged_text import Entities
from seqlab.data.translation import Translation
from seqlab.errors import UserError
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.networks.sequence_classifier import SequenceClassifier
from seqlab.tasks.classification import Classification
from seqlab.training.build import check_monitor

BLOCKS = {"num_blocks": 90, "abnormal_share": 0.1, "seed": 0}
NAMES = {"num_names": 60, "seed": 0}
KINDS: dict[str, Callable[[], Any]] = {
    "windows": partial(SessionWindows, sample=BLOCKS),
    "padded": partial(PaddedSessions, sample=BLOCKS),
    "text": partial(CharacterSequence, text="to learn by heart"),
    "pairs": partial(Translation, sample={"num_pairs": 60}),
    "names": partial(Names, sample=NAMES),
    "events": partial(LabelledEvents, sample={"num_sessions": 90, "abnormal_share": 0.3, "seed": 0}),
    "entities": partial(Entities, sample={"num_sentences": 60, "seed": 0}),
    "stock": partial(StockPrices, sample={"num_days": 150}),
    "series": partial(TimeSeries, sample={"num_weeks": 2}, seq_length=24, horizon=12),
}


@pytest.fixture(params=list(KINDS))
def data(request: pytest.FixtureRequest) -> Any:
    found = KINDS[request.param]()
    found.setup()
    return found


def readers(data: Any) -> Iterator[Callable[[str], Any]]:
    """Every public method that is given a split."""
    for name, method in inspect.getmembers(type(data), inspect.isfunction):
        parameters = [each.name for each in inspect.signature(method).parameters.values()]
        is_bare = vars(SequenceDataModule).get(name) is method  # gives nothing, or the lock itself
        if parameters[1:2] == ["split"] and not name.startswith("_") and not is_bare:
            yield getattr(data, name)


def test_no_way_leads_to_a_test_item_before_the_split_is_opened(data: Any) -> None:
    ways = [*readers(data), *(each.__getitem__ for each in kept(data))]
    assert len(ways) >= 3
    for way in ways:
        with pytest.raises(TestSetLockedError, match=r"the test set is locked, and tests\.test_test_lock\."):
            next(iter(way("test")))  # of a generator, whose body runs now
    for values in kept(data):
        for every in (values.values, values.items, partial(values.get, "test"), partial(values.pop, "test")):
            with pytest.raises(TestSetLockedError, match=r"tests\.test_test_lock\.test_no_way_leads"):
                list(every())
    data.open_test()
    for way in ways:
        way("test")


def kept(data: Any) -> list[Any]:
    """What the object keeps by split; paths that were not given are none of it."""
    values = [each for each in vars(data).values() if isinstance(each, Mapping) and "test" in each]
    return [each for each in values if getattr(each, "data", each)["test"] is not None]


def test_what_a_run_writes_of_its_data_needs_no_test_item(data: Any, tmp_path: Path) -> None:
    before = data.sizes, data.facts(), str(data.state()), data.write_files(tmp_path)
    data.open_test()
    assert before == (data.sizes, data.facts(), str(data.state()), data.write_files(tmp_path))


# -- training ------------------------------------------------------------------------------------------


class Peek(Callback):
    """Reads, or opens, the test split while a network is trained."""

    def __init__(self, do: Callable[[Any], Any]) -> None:
        self.do = do

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *batch: Any) -> None:
        self.do(trainer.datamodule)


class PeekingTask(Classification):
    """Logs a figure of what it validates on as one of the test split."""

    def on_validation_epoch_end(self) -> None:
        self.log("test/loss", 0.0)


class TestPlateau(Classification):
    __test__ = False

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters())
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "test/loss"}}


def fit(*callbacks: Callback, task: type[Classification] = Classification, data: Any = None) -> None:
    data = data or Names(sample=NAMES)
    data.setup()
    sizes = {name: data.sizes[name] for name in ("vocab_size", "pad_id", "unk_id", "num_classes")}
    network = SequenceClassifier(**sizes, hidden_size=4)
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=any(isinstance(each, ModelCheckpoint) for each in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )
    trainer.fit(task(network=network, optimizer=partial(torch.optim.SGD, lr=0.1)), data)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda data: data.items("test"), r"LabelledData\.items asked for it within Trainer\.fit: "),
        (lambda data: data.test_dataloader(), r"test_test_lock\.<lambda> asked for it within Trainer\.fit"),
        (lambda data: data.open_test(), r"called open_test\(\) within Trainer\.fit: train first, then open"),
    ],
)
def test_a_callback_that_reads_or_opens_the_test_split_in_training_is_named(
    do: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(TestSetLockedError, match=message):
        fit(Peek(do))


def test_a_loader_of_training_that_reads_the_test_split_is_named() -> None:
    class More(Names):
        def train_dataloader(self) -> Any:
            return self.test_loader()

    with pytest.raises(TestSetLockedError, match=r"More\.train_dataloader > .*LabelledData\.items asked for"):
        fit(data=More(sample=NAMES))


def test_a_figure_under_test_that_training_logs_is_refused_and_its_task_named() -> None:
    for_whom = r"^tests\.test_test_lock\.PeekingTask logs test/loss outside of testing"
    with pytest.raises(TestSetLockedError, match=for_whom):
        fit(task=PeekingTask)


# -- early stopping, checkpoint choice, scheduler ------------------------------------------------------


def test_early_stopping_by_a_test_figure_is_refused() -> None:
    with pytest.raises(TestSetLockedError, match=r"^EarlyStopping\(monitor=test/loss\): the test set is"):
        fit(EarlyStopping("test/loss"))


def test_a_checkpoint_chosen_by_a_test_figure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TestSetLockedError, match=r"^ModelCheckpoint\(monitor=oracle/f1\): the test set is"):
        fit(ModelCheckpoint(tmp_path, monitor="oracle/f1"))


def test_a_scheduler_that_watches_a_test_figure_is_refused() -> None:
    with pytest.raises(TestSetLockedError, match=r"^ReduceLROnPlateau\(monitor=test/loss\): the test set is"):
        fit(task=TestPlateau)


def test_a_config_that_watches_a_test_figure_is_refused_by_its_key(composed: Callable[..., Any]) -> None:
    stop = "+callbacks.extra.stop={_target_:pytorch_lightning.callbacks.EarlyStopping,monitor:%s}"
    check_monitor(composed(stop % "train/loss"))
    for override, key in (
        (stop % "test/f1", "callbacks.extra.stop.monitor=test/f1"),
        ("monitor.metric=test/f1", "monitor.metric=test/f1"),
    ):
        with pytest.raises(UserError, match=f"^{key}: a model is judged by a validation metric"):
            check_monitor(composed(override))


# -- threshold, vocabulary, scaler ---------------------------------------------------------------------


def test_a_threshold_fitted_on_the_test_split_is_refused_and_its_evaluation_named() -> None:
    class OnTest(DetectionEvaluation):
        def fit(self, task: Any, datamodule: Any) -> NoReturn:
            raise AssertionError(datamodule.scoring_plan("test"))

    data = KINDS["windows"]()
    data.setup()
    with pytest.raises(TestSetLockedError, match=r"test_test_lock\.OnTest\.fit > LogSessions\.scoring_plan"):
        OnTest().fit(None, data)


@pytest.mark.parametrize(
    "read",
    [lambda self: self.items("test"), lambda self: self._splits["test"], lambda self: self._splits.values()],
)
def test_a_vocabulary_of_the_test_split_is_refused_and_what_fits_it_named(
    read: Callable[[Any], Any],
) -> None:
    class Leaky(Names):
        def fit_coder(self, train: LabelledItems) -> Any:
            list(read(self))
            return super().fit_coder(train)

    with pytest.raises(
        TestSetLockedError, match=r"LabelledData\.load_splits > Leaky\.fit_coder.* asked for it"
    ):
        Leaky(sample=NAMES).setup()


def test_scales_fitted_on_the_test_split_are_refused_and_what_fits_them_named() -> None:
    class Leaky(StockPrices):
        def _begin(self, *parts: Any) -> None:
            super()._begin(*parts)
            self.encodings = [self.encoding.fit(self.table("test"), 0, 150, "standard")]

    with pytest.raises(
        TestSetLockedError, match=r"Leaky\._begin.* > StockPrices\.table > TimeSeries\.tables"
    ):
        Leaky(sample={"num_days": 150}).setup()


@pytest.mark.parametrize("kind", ["stock", "series"])
def test_scales_of_other_test_values_are_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Test rows a thousand times as large change neither scales nor what is forecast from."""
    states = []
    for factor in (1.0, 1000.0):
        data = KINDS[kind]()
        read = data.read

        def changed(read: Callable[[], Any] = read, factor: float = factor) -> Any:
            source = read()
            for table in source.tables:
                rows = table.frame.index[int(0.75 * len(table)) :]
                numbers = table.frame.select_dtypes("number").columns
                table.frame.loc[rows, numbers] *= factor
            return source

        data.read = changed
        data.setup()
        states.append((data.state()["encoding"], data.naive_errors().tolist(), data.season))
    assert states[0] == states[1]
