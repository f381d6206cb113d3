"""How a classifier is judged: accuracy and macro F1 on the test split, beside what needs no network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hydra.utils import get_object
from numpy.typing import NDArray

from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled import Coder, LabelledDataset, LabelledItems
from seqlab.data.labelled_contract import CLASS, LabelledModule, check_labelled
from seqlab.data.loaders import batches_by_length
from seqlab.evaluation.base import Contents, Evaluation, NothingFitted, as_list
from seqlab.evaluation.classification_baselines import Counted, LongestEnding, Majority, NaiveBayes
from seqlab.evaluation.classification_outcome import (
    FIGURES,
    ClassificationOutcome,
    confusion_section,
    labels_section,
    mistakes_section,
    telling_sections,
)
from seqlab.report.page import Section
from seqlab.report.run_page import curve_sections
from seqlab.results.training import Curves
from seqlab.tasks.classification import Classification
from seqlab.tasks.confusion import ClassFigures, classification_figures, count_confusion

if TYPE_CHECKING:
    import pandas as pd

TELLING_TOKENS = 15
BATCH_SIZE = 512  # of sequences to predict
BATCH_TOKENS = 65_536  # padding counted


class ClassificationEvaluation(Evaluation):
    """Accuracy, macro F1 and F1 of each label; nothing is fitted but the baselines."""

    def check(self, datamodule: LabelledModule) -> None:
        """Refuse data that lacks what is read of it here, in the report or by ``seqlab predict``."""
        check_labelled(datamodule)

    def fit(self, task: Classification, datamodule: LabelledModule) -> tuple[NothingFitted, dict[str, float]]:
        """The validation figures of the checkpoint that is judged."""
        # baselines count the training split, which is closed once the test split is open
        coder, items = datamodule.coder, datamodule.items("val")
        fitted = NothingFitted(fitted_baselines(coder, datamodule.items("train"), items))
        loss, probabilities = classify_split(task, datamodule, "val")
        gold = class_ids(coder, items)
        figures = classification_figures(
            count_confusion(gold, probabilities.argmax(axis=1), probabilities.shape[1])
        )
        return fitted, {"val/loss": loss} | {f"val/{name}": figures[name] for name in FIGURES}

    def test(
        self, task: Classification, datamodule: LabelledModule, judge: NothingFitted
    ) -> ClassificationOutcome:
        """Classify and measure the test split, which ``open_test`` must have unlocked."""
        coder, items = datamodule.coder, datamodule.items("test")
        classes, gold = tuple(coder.labels), class_ids(coder, items)
        loss, probabilities = classify_split(task, datamodule, "test")
        confusion = count_confusion(gold, probabilities.argmax(axis=1), len(classes))
        figures = classification_figures(confusion)
        metrics = {"test/loss": loss} | {f"test/{name}": figures[name] for name in FIGURES}
        f1 = ClassFigures.from_counts(confusion).f1
        occurs = confusion.sum(axis=1) > 0
        metrics |= {
            f"test/{label}/f1": float(value)
            for label, value, known in zip(classes, f1, occurs, strict=True)
            if known
        }
        tokens = counted(coder, items).tokens
        numbers = {label: number for number, label in enumerate(classes)}
        for baseline in judge.baselines:
            guesses = [numbers[label] for label in baseline.predict(tokens)]
            figures = classification_figures(count_confusion(gold, guesses, len(classes)))
            metrics |= {f"baseline/{baseline.name}/{name}": figures[name] for name in FIGURES}
        metrics["oracle/accuracy_ceiling"] = items.accuracy_ceiling()
        return ClassificationOutcome(
            items,
            classes,
            gold,
            probabilities,
            metrics,
            tuple(baseline.name for baseline in judge.baselines),
            coder.noun,
            coder.unit_name,
            tuple(judge.baselines[-1].telling(TELLING_TOKENS)) if coder.counting.telling else (),
        )

    def predict(self, task: Classification, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per sequence: its name, predicted label, its probability, the second label and its own.

        Args:
            path: a file as the data's own coder reads it. Empty lines are passed over and counted on standard
                error.

        Raises:
            UserError: a file that cannot be read or holds no sequence; names the line.
        """
        import pandas as pd

        coder = stored_coder(contents)
        new = coder.read_new(path)
        if new.num_empty:
            print(f"note: {new.num_empty:,} empty lines were passed over", file=sys.stderr)
        dataset = LabelledDataset(new.texts, coder)
        probabilities = torch.zeros(len(dataset), len(coder.labels))
        task.eval()
        with torch.inference_mode():
            for rows in batches_by_length(dataset.lengths, BATCH_SIZE, BATCH_TOKENS, seed=0, shuffle=False):
                probabilities[rows] = task.predict_step(dataset[rows])
        best = probabilities.topk(2, dim=1)
        labels = [[coder.labels[number] for number in row] for row in best.indices.tolist()]
        return pd.DataFrame(
            {
                coder.noun: list(new.texts if new.ids is None else new.ids),
                "predicted": [row[0] for row in labels],
                "probability": best.values[:, 0].numpy(),
                "runner_up": [row[1] for row in labels],
                "runner_up_probability": best.values[:, 1].numpy(),
            }
        )

    def encoder(self, contents: Contents) -> Callable[[Any], LabelledBatch]:
        """Sequences as their files write them to a batch, whose labels mean nothing."""
        coder = stored_coder(contents)

        def encode(items: Any) -> LabelledBatch:
            texts = as_list(items, f"{coder.noun}s")
            return LabelledDataset(texts, coder)[torch.arange(len(texts))]

        return encode

    def sections(
        self, task: Classification, datamodule: LabelledModule, outcome: ClassificationOutcome, curves: Curves
    ) -> list[Section]:
        return [
            confusion_section(outcome),
            labels_section(outcome),
            *telling_sections(outcome),
            mistakes_section(outcome),
            *curve_sections(
                curves,
                ("val/accuracy", "val/macro_f1"),
                "share",
                "Accuracy and macro F1 while training",
            ),
        ]


def stored_coder(contents: Contents) -> Coder:
    """The coder of a checkpoint; whether its class may run was decided when the checkpoint was opened."""
    state = contents.data["coder"]
    coder: Coder = get_object(state[CLASS]).from_state(state)
    return coder


def fitted_baselines(coder: Coder, train: LabelledItems, val: LabelledItems) -> tuple[Any, ...]:
    """What the data lets be counted; naive Bayes comes last."""
    longest = coder.counting.longest_gram
    train_counted, val_counted = counted(coder, train), counted(coder, val)
    name = "ngram_naive_bayes" if longest > 1 else f"{coder.unit}_naive_bayes"
    by_ending = (LongestEnding(train_counted),) if coder.counting.endings else ()
    return (Majority(train_counted), *by_ending, NaiveBayes(train_counted, val_counted, longest, name))


def counted(coder: Coder, items: LabelledItems) -> Counted:
    """Some sequences as baselines read them."""
    return Counted([coder.counted(text) for text in items.texts], items.labels)


def class_ids(coder: Coder, items: LabelledItems) -> NDArray[np.int64]:
    """(N,) class ids."""
    numbers = {label: number for number, label in enumerate(coder.labels)}
    return np.array([numbers[label] for label in items.labels], dtype=np.int64)


@torch.inference_mode()
def classify_split(
    task: Classification, datamodule: LabelledModule, split: str
) -> tuple[float, NDArray[np.float32]]:
    """Loss per sequence in nats, and (N, C) probabilities of a split in its own order."""
    task.eval()
    gold = torch.from_numpy(class_ids(datamodule.coder, datamodule.items(split)))
    probabilities = torch.zeros(len(gold), datamodule.sizes["num_classes"])
    for rows, batch in datamodule.scored(split):
        moved = LabelledBatch(*(part.to(task.device) for part in batch))
        probabilities[rows] = task.predict_step(moved).cpu()
    chosen = probabilities[torch.arange(len(gold)), gold].double()
    tiny = torch.finfo(torch.float32).tiny
    return float(-chosen.clamp(min=tiny).log().mean()), probabilities.numpy()
