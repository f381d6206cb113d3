"""What judging a tagger gave: figures, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import segment_indices
from seqlab.data.tagged import TaggedSentences
from seqlab.data.tags import TagScheme
from seqlab.evaluation.counted import class_rows, class_table
from seqlab.evaluation.tagging_measures import MEASURES, EntityMeasures
from seqlab.report.page import Section
from seqlab.report.run_page import curve_sections
from seqlab.report.sentences import TaggedSentence, choose, entities_block, words_block
from seqlab.report.tables import metrics_table, paragraph
from seqlab.results.outcome import (
    CountPanel,
    Curves,
    Outcome,
    ResultTable,
    Row,
    best_baseline,
    figure_rows,
)
from seqlab.tasks.class_counts import ClassFigures, count_confusion

NUM_SENTENCES = 30
NUM_CONFUSED = 20


@dataclass(frozen=True)
class TaggingOutcome(Outcome):
    """All that a tagging run found out; N test tokens, K entity types or tags."""

    sentences: TaggedSentences  # the test split
    gold_ids: NDArray[np.int64]  # (N,)
    predicted_ids: NDArray[np.int64]  # (N,)
    scheme: TagScheme
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]
    nll: NDArray[np.float64] | None = None  # (S,) nats of each sentence

    @property
    def predicted(self) -> tuple[str, ...]:
        """(N,) tags."""
        return tuple(self.scheme.names[tag] for tag in self.predicted_ids.tolist())

    @property
    def measures(self) -> EntityMeasures:
        """What the figures are of."""
        return MEASURES[self.scheme.key](self.scheme)

    @property
    def num_items(self) -> int:
        """Sentences."""
        return len(self.sentences)

    @cached_property
    def _of_sentences(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(S, 3 K) right, predicted and gold of each sentence, by kind; (S, 3) right tokens, nats, tokens."""
        lengths, size = self.sentences.lengths, len(self.measures.kinds())
        number = np.repeat(np.arange(len(lengths)), lengths)
        found = self.measures.matched(self.gold_ids, self.predicted_ids, self.sentences.is_first)
        counts = [
            np.bincount(number[places] * size + kinds, minlength=len(lengths) * size).reshape(-1, size)
            for places, kinds in found
        ]
        right = np.bincount(number, self.gold_ids == self.predicted_ids, len(lengths))
        nll = np.zeros(len(lengths)) if self.nll is None else self.nll
        return np.concatenate(counts, axis=1).astype(np.float64), np.stack([right, nll, lengths], axis=1)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """loss, the measures' figures, and the F1 of each kind that occurs in the test split."""
        of_kinds, of_tokens = (weights.astype(np.float64) @ each for each in self._of_sentences)
        counts = of_kinds.reshape(len(weights), 3, -1)
        accuracy, loss = (of_tokens[:, :2] / np.maximum(of_tokens[:, 2:], 1)).T
        found = {"loss": loss, **self.measures.drawn(counts, accuracy)}
        f1 = ClassFigures.from_counts(*counts.swapaxes(0, 1)).f1
        gold = self.kind_counts()[2]
        for number, name in enumerate(self.measures.kinds()):
            if gold[number]:
                found[f"{name}/{self.measures.kind_figure}"] = f1[:, number]
        return {f"test/{name}": values for name, values in found.items()}

    def support(self) -> dict[str, int]:
        """Sentences; entities; of the figure of a type or tag its own; of macro F1 the rarest tag's."""
        gold, measures = self.kind_counts()[2], self.measures
        found = {"loss": len(self.sentences), **measures.support(gold, len(self.sentences))}
        of_kinds = zip(measures.kinds(), gold.tolist(), strict=True)
        found |= {f"{name}/{measures.kind_figure}": count for name, count in of_kinds if count}
        return {f"test/{name}": count for name, count in found.items()}

    def score_table(self) -> dict[str, Any]:
        """One row per token: sentence and position counted from 1, token, gold and predicted tag."""
        lengths = self.sentences.lengths
        return {
            "sentence": np.repeat(np.arange(1, len(lengths) + 1), lengths),
            "position": segment_indices(np.ones(len(lengths), dtype=np.int64), lengths),
            "token": list(self.sentences.tokens),
            "gold": list(self.sentences.tags),
            "predicted": list(self.predicted),
        }

    def result_table(self) -> ResultTable:
        """The tagger, then what needs no network."""
        measures, counted = self.measures, int(self.kind_counts()[2].sum())
        baselines = {name: f"baseline/{name}" for name in self.baselines}
        return ResultTable(
            title=f"{len(self.sentences):,} test sentences with {counted:,} {self.scheme.count_noun}",
            columns=measures.columns,
            model_rows=figure_rows(self.metrics, {"model": "test"}, measures.figures),
            baseline_rows=figure_rows(self.metrics, baselines, measures.figures),
            notes=measures.notes,
            loss_unit="nats per token",
            figures=measures.figures,
            prefixes={"model": "test", **baselines},
            support=self.support(),
        )

    def in_words(self) -> list[tuple[str, str]]:
        """Entities or tokens that are right, and the main figure of the best baseline."""
        right, predicted, gold = (int(counts.sum()) for counts in self.kind_counts())
        measures, of_test = self.measures, f"in {len(self.sentences):,} test sentences"
        found = [("right", measures.in_words(right, predicted, gold, of_test))]
        if self.baselines:
            key, column = measures.main, measures.columns[0]
            figures = {name: self.metrics[f"baseline/{name}/{key}"] for name in self.baselines}
            own = self.metrics[f"test/{key}"]
            best, verdict = best_baseline(figures, own)
            both = f"{column} {figures[best]:.3f}, the model's {own:.3f}"
            found.append(("baseline", f"{best}, the best without a network: {both}{verdict}"))
        return found

    def next_steps(self, checkpoint: str) -> list[str]:
        return [f"predict {checkpoint} SENTENCES.txt --output tagged.csv"]

    def kind_counts(self) -> NDArray[np.int64]:
        """(3, K) right, predicted and gold, by entity type or tag."""
        return self.measures.counts(self.gold_ids, self.predicted_ids, self.sentences.is_first)

    def kind_rows(self) -> list[tuple[str, list[float]]]:
        """Entity type or tag; precision, recall, F1, predicted and gold; most frequent in the test first."""
        return class_rows(self.measures.kinds(), self.kind_counts())

    def confusion(self) -> NDArray[np.int64]:
        """(K, K) test tokens, gold tag by predicted."""
        return count_confusion(self.gold_ids, self.predicted_ids, len(self.scheme.names))

    def count_panels(self) -> dict[str, CountPanel]:
        return {"Confusion matrix": CountPanel(self.scheme.names, self.confusion())}

    def confused(self, number: int) -> list[tuple[str, str, int, float]]:
        """Gold tag, predicted tag, tokens, and their share of the gold tag's; the most tokens first."""
        names, counts = self.scheme.names, self.confusion()
        totals = counts.sum(axis=1)
        rows = [
            (names[gold], names[guess], int(counts[gold, guess]), float(counts[gold, guess] / totals[gold]))
            for gold, guess in np.argwhere(counts).tolist()
            if gold != guess
        ]
        return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))[:number]


def entity_sections(outcome: TaggingOutcome, curves: Curves) -> list[Section]:
    """What the report of BIO tags shows: sentences with their entities, figures of each type."""
    chosen = choose(_tagged(outcome), lambda each: each.has_entity, NUM_SENTENCES)
    note = f"{len(chosen)} test sentences, drawn at random among those with an entity in gold or prediction."
    return [
        Section("Tagged sentences", entities_block(chosen, outcome.measures.kinds()), note),
        Section(
            "Entity types",
            class_table(outcome.kind_rows(), "entity type", "gold"),
            "On the test split; exact bounds and type.",
        ),
        *curve_sections(curves, ("val/entity_f1",), "Entity F1", "Entity F1 while training"),
    ]


def plain_sections(outcome: TaggingOutcome, curves: Curves) -> list[Section]:
    """What the report of plain tags shows: confused tags, sentences with a wrong tag, figures of each tag."""
    sentences = _tagged(outcome)
    chosen = choose(sentences, lambda each: each.is_wrong, NUM_SENTENCES)
    wrong = sum(each.is_wrong for each in sentences)
    note = f"{len(chosen)} of {wrong:,} test sentences with a wrong tag, drawn at random."
    return [
        confused_section(outcome),
        Section("Tagged sentences", words_block(chosen), note),
        Section("Tags", class_table(outcome.kind_rows(), "tag", "gold"), "Tokens of the test split."),
        *curve_sections(curves, ("val/accuracy",), "Accuracy", "Accuracy while training"),
    ]


SECTIONS = {"bio": entity_sections, "plain": plain_sections}  # by the scheme of the tags


def _tagged(outcome: TaggingOutcome) -> list[TaggedSentence]:
    sentences, predicted = [], outcome.predicted
    for number, first in enumerate(outcome.sentences.firsts.tolist()):
        tokens, gold = outcome.sentences.sentence(number)
        sentences.append(TaggedSentence(tokens, gold, predicted[first : first + len(tokens)]))
    return sentences


def confused_section(outcome: TaggingOutcome) -> Section:
    """Which tags are taken for which most often."""
    confused = outcome.confused(NUM_CONFUSED)
    if not confused:
        return Section("Confused tags", paragraph("No tag was taken for another."))
    rows: list[Row] = [
        (f"{gold} taken for {predicted}", [count, 100 * share]) for gold, predicted, count, share in confused
    ]
    body = metrics_table(("tokens", "% of the right tag"), rows, row_title="right and predicted tag")
    return Section("Confused tags", body, "On the test split, the most frequent mistakes first.")
