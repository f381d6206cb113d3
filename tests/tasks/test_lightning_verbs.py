"""Lightning's own verbs, without Hydra: fit, test and predict of a tiny network of each kind."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
import pytorch_lightning as pl
import torch

from seqlab.data.characters import CharacterSequence
from seqlab.data.labelled_text import Names
from seqlab.data.module import TestSetLockedError
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.session_windows import SessionWindows
from seqlab.data.stock import StockPrices
from seqlab.data.tagged_text import Entities, TaggedText
from seqlab.data.translation import Translation as TranslationData
from seqlab.evaluation.classification import ClassificationEvaluation
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.evaluation.forecasting import ForecastingEvaluation
from seqlab.evaluation.language_model import LanguageModelEvaluation
from seqlab.evaluation.tagging import TaggingEvaluation
from seqlab.evaluation.translation import TranslationEvaluation
from seqlab.networks.char_rnn import CharRNN
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.networks.sequence_classifier import SequenceClassifier
from seqlab.networks.series_regressor import SeriesRegressor
from seqlab.networks.tagger import Tagger
from seqlab.tasks.classification import Classification
from seqlab.tasks.language_model import LanguageModel
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction
from seqlab.tasks.regression import Regression
from seqlab.tasks.tagging import Tagging
from seqlab.tasks.translation import Translation

BLOCKS = {"num_blocks": 90, "abnormal_share": 0.1, "seed": 0}
TAGS = {"num_sentences": 60, "seed": 0}
NAMES = {"num_names": 120, "seed": 0}


class Kind(NamedTuple):
    """What is built, and the figures that a test gives beside the loss."""

    data: Callable[[], Any]
    task: Callable[..., Any]
    network: Callable[..., Any]
    evaluation: Callable[[], Any]
    figures: set[str]
    task_sizes: tuple[str, ...] = ()  # what the task, too, must know of the data


ENTITY_FIGURES = {"entity_f1", "entity_precision", "entity_recall", "token_accuracy"}
KINDS = {
    "next_event": Kind(
        partial(SessionWindows, sample=BLOCKS),
        NextEvent,
        GRUPredictor,
        DetectionEvaluation,
        {"accuracy"},
        ("unk_id",),
    ),
    "reconstruction": Kind(
        partial(PaddedSessions, sample=BLOCKS),
        Reconstruction,
        GRUAutoencoder,
        DetectionEvaluation,
        {"accuracy"},
        ("unk_id",),
    ),
    "language_model": Kind(
        partial(CharacterSequence, split=(0.6, 0.2, 0.2)),
        LanguageModel,
        CharRNN,
        LanguageModelEvaluation,
        {"accuracy"},
        ("pad_id",),
    ),
    "translation": Kind(
        partial(TranslationData, sample={"num_pairs": 60}),
        partial(Translation, beam_size=2),
        Seq2Seq,
        TranslationEvaluation,
        set(),
        ("unk_id",),
    ),
    "classification": Kind(
        partial(Names, sample=NAMES),
        Classification,
        SequenceClassifier,
        ClassificationEvaluation,
        {"accuracy", "macro_f1"},
    ),
    "entities": Kind(partial(Entities, sample=TAGS), Tagging, Tagger, TaggingEvaluation, ENTITY_FIGURES),
    "tags": Kind(
        partial(TaggedText, sample=TAGS), Tagging, Tagger, TaggingEvaluation, {"accuracy", "macro_f1"}
    ),
    "forecasting": Kind(
        partial(StockPrices, sample={"num_days": 150}),
        Regression,
        SeriesRegressor,
        ForecastingEvaluation,
        set(),
    ),
}


class Fitted(NamedTuple):
    """A task after one epoch, and what a run would write of it."""

    kind: Kind
    trainer: pl.Trainer
    task: Any
    data: Any
    metrics: dict[str, float]


@pytest.fixture(scope="module", params=list(KINDS))
def fitted(request: pytest.FixtureRequest) -> Fitted:
    kind = KINDS[request.param]
    pl.seed_everything(0, verbose=False)
    data = kind.data()
    data.setup()
    network = kind.network(**_taken(kind.network, data.sizes), hidden_size=6)
    sizes = {name: data.sizes[name] for name in kind.task_sizes}
    task = kind.task(network=network, optimizer=partial(torch.optim.Adam, lr=0.01), **sizes)
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, data)
    with pytest.raises(TestSetLockedError, match=r"call open_test\(\)"):
        trainer.test(task, data, verbose=False)
    evaluation = kind.evaluation()
    judge, _ = evaluation.fit(task, data)
    data.open_test()
    return Fitted(kind, trainer, task, data, evaluation.test(task, data, judge).metrics)


def _taken(network: Any, sizes: dict[str, Any]) -> dict[str, Any]:
    """The sizes that a network asks for."""
    import inspect

    names = inspect.signature(network).parameters
    return {name: value for name, value in sizes.items() if name in names}


def test_trainer_test_gives_the_figures_that_a_run_writes(fitted: Fitted) -> None:
    (found,) = fitted.trainer.test(fitted.task, fitted.data, verbose=False)
    assert {f"test/{name}" for name in fitted.kind.figures | {"loss"}} <= set(found)
    shared = {name: value for name, value in found.items() if name in fitted.metrics}
    assert "test/loss" in shared
    assert shared == pytest.approx({name: fitted.metrics[name] for name in shared}, rel=1e-5, abs=1e-6)
    assert {f"test/{name}" for name in fitted.kind.figures} <= set(shared)


def test_testing_twice_counts_anew(fitted: Fitted) -> None:
    first, second = (fitted.trainer.test(fitted.task, fitted.data, verbose=False)[0] for _ in range(2))
    assert first == second


def test_trainer_predict_gives_one_answer_a_batch(fitted: Fitted) -> None:
    loader = fitted.data.test_dataloader()
    answers = fitted.trainer.predict(fitted.task, loader)
    assert answers is not None
    assert len(answers) == len(loader)
    direct = fitted.task.predict_step(next(iter(loader)))
    first = answers[0]
    leaves = zip(first, direct, strict=True) if isinstance(first, tuple) else [(first, direct)]
    for one, other in leaves:
        if isinstance(one, torch.Tensor):
            torch.testing.assert_close(one, other)
        else:
            assert one == other
