"""How a classifier is judged: accuracy and macro F1 on the test split, beside what needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled_contract import Coder, LabelledModule, check_labelled
from seqlab.data.labelled_items import LabelledItems
from seqlab.evaluation.label_baselines import Counted, LongestEnding, Majority, NaiveBayes
from seqlab.evaluation.outcome import Evaluation, FittedBaselines, ResultTable
from seqlab.tasks.classification import Classification
from seqlab.tasks.confusion import ClassFigures, classification_figures, count_confusion

FIGURES = ("accuracy", "macro_f1")
COLUMNS = ("accuracy", "macro F1")
TELLING_TOKENS = 15


@dataclass(frozen=True)
class ClassificationOutcome:
    """All that a classification run found out; N test sequences, C classes."""

    items: LabelledItems  # the test split
    classes: tuple[str, ...]  # (C,)
    gold: NDArray[np.int64]  # (N,) class ids
    probabilities: NDArray[np.float32]  # (N, C)
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]
    noun: str  # what is classified: name, text, session
    unit_name: str  # what it is made of, in the plural: characters, words, events
    model_name: str  # of the network's row in the table
    telling: tuple[tuple[str, list[str]], ...] = ()  # of each label the tokens that speak for it

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) class ids."""
        return self.probabilities.argmax(axis=1)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(C, C) test sequences, gold by predicted."""
        return count_confusion(self.gold, self.predicted, len(self.classes))

    def write_scores(self, path: Path) -> None:
        """Write one row per test sequence: its name, label, predicted, probability of that."""
        import pandas as pd

        columns = {
            self.noun: list(self.items.names),
            "label": list(self.items.labels),
            "predicted": [self.classes[number] for number in self.predicted],
            "probability": self.probabilities.max(axis=1),
        }
        pd.DataFrame(columns).to_csv(path, index=False, float_format="%.6g")

    def result_table(self) -> ResultTable:
        """The classifier, then what needs no network."""

        def row(prefix: str) -> list[float | None]:
            return [self.metrics[f"{prefix}/{name}"] for name in FIGURES]

        ceiling = self.metrics["oracle/accuracy_ceiling"]
        return ResultTable(
            title=f"{len(self.items):,} test {self.noun}s of {len(self.classes)} labels",
            columns=COLUMNS,
            model_rows=[(self.model_name, row("test"))],
            baseline_rows=[(name, row(f"baseline/{name}")) for name in self.baselines],
            notes=[
                ("macro F1", "the mean over labels, rare ones as heavy as frequent ones"),
                (
                    "best possible",
                    f"accuracy {ceiling:.4f}: {self.items.num_ambiguous():,} test {self.noun}s occur with "
                    "more than one label",
                ),
            ],
        )

    def class_rows(self) -> list[tuple[str, list[float | None]]]:
        """Label; precision, recall, F1, predicted and gold sequences, most frequent in the test first."""
        confusion = self.confusion
        figures = ClassFigures.from_counts(confusion)
        predicted, gold = confusion.sum(axis=0), confusion.sum(axis=1)
        order = sorted(range(len(self.classes)), key=lambda number: (-gold[number], self.classes[number]))
        return [
            (
                self.classes[number],
                [*(float(part[number]) for part in figures), float(predicted[number]), float(gold[number])],
            )
            for number in order
        ]

    def shown(self, row: int) -> str:
        """A test sequence as a reader sees it: what it is called, where that says something, and itself."""
        text = self.items.texts[row]
        return text if self.items.ids is None else f"{self.items.ids[row]}: {text}"

    def confident_mistakes(self, number: int) -> list[tuple[str, str, str, float, float]]:
        """Distinct sequence, label, predicted, its probability and the label's; the surest mistakes first."""
        predicted = self.predicted
        wrong = np.flatnonzero(predicted != self.gold)
        order = wrong[np.argsort(-self.probabilities[wrong, predicted[wrong]], kind="stable")]
        rows = (
            (
                self.shown(row),
                self.items.labels[row],
                self.classes[predicted[row]],
                float(self.probabilities[row, predicted[row]]),
                float(self.probabilities[row, self.gold[row]]),
            )
            for row in order.tolist()
        )
        return list(dict.fromkeys(rows))[:number]


class ClassificationEvaluation(Evaluation):
    """Accuracy, macro F1 and F1 of each label; nothing is fitted but the baselines.

    Args:
        name: of the model, in the table.
    """

    def __init__(self, name: str = "network") -> None:
        self.name = name

    def check(self, datamodule: LabelledModule) -> None:
        """Refuse data that lacks what is read of it here, in the report or by ``seqlab predict``."""
        check_labelled(datamodule)

    def fit(
        self, task: Classification, datamodule: LabelledModule
    ) -> tuple[FittedBaselines, dict[str, float]]:
        """The validation figures of the checkpoint that is judged."""
        # baselines count the training split, which is closed once the test split is open
        coder, items = datamodule.coder, datamodule.items("val")
        fitted = FittedBaselines(fitted_baselines(coder, datamodule.items("train"), items))
        loss, probabilities = classify_split(task, datamodule, "val")
        gold = class_ids(coder, items)
        figures = classification_figures(
            count_confusion(gold, probabilities.argmax(axis=1), probabilities.shape[1])
        )
        return fitted, {"val/loss": loss} | {f"val/{name}": figures[name] for name in FIGURES}

    def test(
        self, task: Classification, datamodule: LabelledModule, judge: FittedBaselines
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
            self.name,
            tuple(judge.baselines[-1].telling(TELLING_TOKENS)) if coder.counting.telling else (),
        )


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
