"""What judging a classifier gave: figures, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.labelled import LabelledItems
from seqlab.evaluation.counted import class_rows, class_table, confusion_counts
from seqlab.report.heat_map import heat_map
from seqlab.report.page import Section
from seqlab.report.run_page import curve_sections
from seqlab.report.tables import paragraph, text_table
from seqlab.results.outcome import CountPanel, Curves, Outcome, ResultTable, best_baseline, figure_rows
from seqlab.tasks.class_counts import ClassFigures, classification_figures, count_confusion

FIGURES = {"accuracy": "accuracy", "macro_f1": "macro F1"}
NUM_MISTAKES = 25
LONGEST_TEXT = 200  # characters of a text in a table


@dataclass(frozen=True)
class ClassificationOutcome(Outcome):
    """All that a classification run found out; N test sequences, C classes."""

    items: LabelledItems  # the test split
    classes: tuple[str, ...]  # (C,)
    gold: NDArray[np.int64]  # (N,) class ids
    probabilities: NDArray[np.float32]  # (N, C)
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]
    noun: str  # what is classified: name, text, session
    unit: str  # what it is made of: character, word, event
    telling: tuple[tuple[str, list[str]], ...] = ()  # of each label the tokens that speak for it

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) class ids."""
        return self.probabilities.argmax(axis=1)

    @property
    def losses(self) -> NDArray[np.float64]:
        """(N,) nats of each label."""
        chosen = self.probabilities[np.arange(len(self.gold)), self.gold].astype(np.float64)
        return -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(C, C) test sequences, gold by predicted."""
        return count_confusion(self.gold, self.predicted, len(self.classes))

    @property
    def num_items(self) -> int:
        return len(self.gold)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """loss, accuracy and macro_f1, and the F1 of each label that occurs in the test split."""
        names, size = self.classes, len(self.classes)
        pairs = self.gold * size + self.predicted
        confusions = np.stack([np.bincount(pairs, row, size * size).reshape(size, size) for row in weights])
        found = [classification_figures(confusion) for confusion in confusions]
        figures = {f"test/{name}": np.array([each[name] for each in found]) for name in FIGURES}
        figures["test/loss"] = weights @ self.losses / np.maximum(weights.sum(axis=1), 1)
        right, predicted, gold = (
            np.diagonal(confusions, axis1=1, axis2=2),
            confusions.sum(axis=1),
            confusions.sum(axis=2),
        )
        f1 = ClassFigures.from_counts(right, predicted, gold).f1
        occurs = np.flatnonzero(np.bincount(self.gold, minlength=size))
        return figures | {f"test/{names[number]}/f1": f1[:, number] for number in occurs}

    def support(self) -> dict[str, int]:
        counts = np.bincount(self.gold, minlength=len(self.classes)).tolist()
        of_classes = {f"test/{name}/f1": count for name, count in zip(self.classes, counts, strict=True)}
        whole = dict.fromkeys(("test/loss", "test/accuracy"), len(self.gold))
        present = {name: count for name, count in of_classes.items() if count}
        return {**whole, "test/macro_f1": min(present.values()), **present}

    def score_table(self) -> dict[str, Any]:
        """One row per test sequence: its name, label, predicted, probability of that."""
        return {
            self.noun: list(self.items.names),
            "label": list(self.items.labels),
            "predicted": [self.classes[number] for number in self.predicted],
            "probability": self.probabilities.max(axis=1),
        }

    def result_table(self) -> ResultTable:
        """The classifier, then what needs no network."""
        notes = [("macro F1", "the mean over labels, rare ones as heavy as frequent ones")]
        if ambiguous := self.items.num_ambiguous():
            ceiling = f"accuracy {self.metrics['oracle/accuracy_ceiling']:.4f}"
            why = f"{ambiguous:,} test {self.noun}s occur with more than one label"
            notes.append(("best possible", f"{ceiling}: {why}"))
        baselines = {name: f"baseline/{name}" for name in self.baselines}
        return ResultTable(
            title=f"{len(self.items):,} test {self.noun}s of {len(self.classes)} labels",
            columns=tuple(FIGURES.values()),
            model_rows=figure_rows(self.metrics, {"model": "test"}, FIGURES),
            baseline_rows=figure_rows(self.metrics, baselines, FIGURES),
            figures=tuple(FIGURES),
            prefixes={"model": "test", **baselines},
            support=self.support(),
            notes=notes,
            loss_unit=f"nats per {self.noun}",
        )

    def in_words(self) -> list[tuple[str, str]]:
        """Right ones of all, and of the best baseline."""
        right, total = int((self.gold == self.predicted).sum()), len(self.gold)
        named = f"{right:,} of {total:,} test {self.noun}s ({right / total:.1%}), {len(self.classes)} labels"
        found = [("right", named)]
        if self.baselines:
            shares = {name: self.metrics[f"baseline/{name}/accuracy"] for name in self.baselines}
            best, verdict = best_baseline(shares, right / total)
            found.append(
                ("baseline", f"{best}, the best without a network: {shares[best]:.1%} right{verdict}")
            )
        return found

    def next_steps(self, checkpoint: str) -> list[str]:
        return [f"predict {checkpoint} NEW_{self.noun.upper()}S --output predicted.csv"]

    def count_panels(self) -> dict[str, CountPanel]:
        return {"Confusion matrix": CountPanel(self.classes, self.confusion)}

    def class_rows(self) -> list[tuple[str, list[float]]]:
        """Label; precision, recall, F1, predicted and gold sequences, most frequent in the test first."""
        return class_rows(self.classes, confusion_counts(self.confusion))

    def confident_mistakes(self, number: int) -> list[tuple[str, str, str, float, float]]:
        """Distinct sequence, label, predicted, its probability and the label's; the surest mistakes first."""
        predicted = self.predicted
        wrong = np.flatnonzero(predicted != self.gold)
        order = wrong[np.argsort(-self.probabilities[wrong, predicted[wrong]], kind="stable")]
        items = self.items
        shown = list(items.texts)
        if items.ids is not None:
            shown = [f"{name}: {text}" for name, text in zip(items.ids, items.texts, strict=True)]
        sure = self.probabilities[np.arange(len(predicted)), predicted].tolist()
        right = self.probabilities[np.arange(len(predicted)), self.gold].tolist()
        rows = (
            (shown[row], items.labels[row], self.classes[predicted[row]], sure[row], right[row])
            for row in order
        )
        return list(dict.fromkeys(rows))[:number]


def report_sections(outcome: ClassificationOutcome, curves: Curves) -> list[Section]:
    """The confusion matrix, figures of each label, the surest mistakes, and validation over epochs."""
    return [
        confusion_section(outcome),
        Section("Labels", class_table(outcome.class_rows(), "label", f"{outcome.noun}s")),
        *telling_sections(outcome),
        mistakes_section(outcome),
        *curve_sections(
            curves, ("val/accuracy", "val/macro_f1"), "share", "Accuracy and macro F1 while training"
        ),
    ]


def confusion_section(outcome: ClassificationOutcome) -> Section:
    """The confusion matrix: of each label's test sequences, the share taken for each label."""
    confusion, names = outcome.confusion, outcome.classes
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    texts = [[f"{count:,}" if count else "" for count in row] for row in confusion.tolist()]
    titles = {"row_title": "label", "column_title": "predicted"}
    body = heat_map(shares, names, names, "Confusion matrix", texts=texts, **titles)
    note = (
        f"Each row is a label's test {outcome.noun}s: the number is how many of them were taken for the "
        "column, the shade their share."
    )
    return Section("Confusion matrix", body, note)


def telling_sections(outcome: ClassificationOutcome) -> list[Section]:
    """The words or events that speak for each label, where single ones mean something to a reader."""
    if not outcome.telling:
        return []
    units = f"{outcome.unit}s"
    rows = [(label, ", ".join(words)) for label, words in outcome.telling]
    note = (
        f"Counted in training, by the naive Bayes baseline: the share of the label's {units} that is this "
        "one times the log of that share over its share elsewhere."
    )
    return [Section(units.capitalize(), text_table(("label", f"{units} that speak for it"), rows), note)]


def mistakes_section(outcome: ClassificationOutcome) -> Section:
    """The mistakes that the network was surest of."""
    rows = [
        (shorten(name, LONGEST_TEXT, placeholder=" …"), label, predicted, f"{sure:.3f}", f"{share:.3f}")
        for name, label, predicted, sure, share in outcome.confident_mistakes(NUM_MISTAKES)
    ]
    if not rows:
        return Section("Surest mistakes", paragraph(f"Every test {outcome.noun} was classified right."))
    columns = (outcome.noun, "label", "predicted", "its probability", "the label's")
    note = "The distinct mistakes with the highest probability."
    return Section("Surest mistakes", text_table(columns, rows), note)
