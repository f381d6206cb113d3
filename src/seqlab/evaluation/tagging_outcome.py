"""What judging a tagger gave: figures, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.data.conll import TaggedSentences
from seqlab.data.sequences import segment_indices
from seqlab.data.tag_schemes import TagScheme
from seqlab.evaluation.tagging_measures import TagMeasures, kind_rows, measures_of
from seqlab.report.page import Section
from seqlab.report.run_page import curve_sections
from seqlab.report.tables import metrics_table, paragraph
from seqlab.report.tagged_sentences import TaggedSentence, choose_sentences, tagged_block
from seqlab.report.tagged_words import choose_wrong, words_block
from seqlab.results.outcome import Outcome, ResultTable
from seqlab.results.training import Curves
from seqlab.tasks.confusion import count_confusion
from seqlab.tasks.entity_counts import EntityFigures

NUM_SENTENCES = 30
NUM_CONFUSED = 20


@dataclass(frozen=True)
class TaggingOutcome(Outcome):
    """All that a tagging run found out; N test tokens, K entity types or tags."""

    sentences: TaggedSentences  # the test split
    predicted: tuple[str, ...]  # (N,) tags
    gold_ids: NDArray[np.int64]  # (N,)
    predicted_ids: NDArray[np.int64]  # (N,)
    scheme: TagScheme
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]

    @property
    def measures(self) -> TagMeasures:
        """What the figures are of."""
        return measures_of(self.scheme)

    def write_scores(self, path: Path) -> None:
        """Write one row per token: sentence and position counted from 1, token, gold and predicted tag."""
        import pandas as pd

        lengths = self.sentences.lengths
        columns = {
            "sentence": np.repeat(np.arange(1, len(lengths) + 1), lengths),
            "position": segment_indices(np.ones(len(lengths), dtype=np.int64), lengths),
            "token": list(self.sentences.tokens),
            "gold": list(self.sentences.tags),
            "predicted": list(self.predicted),
        }
        pd.DataFrame(columns).to_csv(path, index=False)

    def result_table(self) -> ResultTable:
        """The tagger, then what needs no network."""
        measures = self.measures

        def row(prefix: str) -> list[float | None]:
            return [self.metrics.get(f"{prefix}/{name}") for name in measures.figures]

        counted = int(self.kind_counts()[2].sum())
        return ResultTable(
            title=f"{len(self.sentences):,} test sentences with {counted:,} {self.scheme.count_noun}",
            columns=measures.columns,
            model_rows=[("model", row("test"))],
            baseline_rows=[(name, row(f"baseline/{name}")) for name in self.baselines],
            notes=measures.notes,
            loss_unit="nats per token",
        )

    def kind_counts(self) -> NDArray[np.int64]:
        """(3, K) right, predicted and gold, by entity type or tag."""
        return self.measures.counts(self.gold_ids, self.predicted_ids, self.sentences.is_first)

    def kind_figures(self) -> list[tuple[str, EntityFigures, int, int]]:
        """Entity type or tag, figures, predicted and gold, most frequent in the test split first."""
        return kind_rows(self.measures.kinds(), self.kind_counts())

    def confused(self, number: int) -> list[tuple[str, str, int, float]]:
        """Gold tag, predicted tag, tokens, and their share of the gold tag's; the most tokens first."""
        names = self.scheme.names
        counts = count_confusion(self.gold_ids, self.predicted_ids, len(names))
        totals = counts.sum(axis=1)
        rows = [
            (names[gold], names[guess], int(counts[gold, guess]), float(counts[gold, guess] / totals[gold]))
            for gold, guess in np.argwhere(counts).tolist()
            if gold != guess
        ]
        return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))[:number]


def entity_sections(outcome: TaggingOutcome, curves: Curves) -> list[Section]:
    """What the report of BIO tags shows."""
    chart = curve_sections(curves, ("val/entity_f1",), "Entity F1", "Entity F1 while training")
    return [sentences_section(outcome), types_section(outcome), *chart]


def plain_sections(outcome: TaggingOutcome, curves: Curves) -> list[Section]:
    """What the report of plain tags shows."""
    chart = curve_sections(curves, ("val/accuracy",), "Accuracy", "Accuracy while training")
    return [confused_section(outcome), words_section(outcome), tags_section(outcome), *chart]


SECTIONS = {"bio": entity_sections, "plain": plain_sections}  # by the scheme of the tags


def _tagged(outcome: TaggingOutcome) -> list[TaggedSentence]:
    sentences = []
    for number, first in enumerate(outcome.sentences.firsts.tolist()):
        tokens, gold = outcome.sentences.sentence(number)
        sentences.append(TaggedSentence(tokens, gold, outcome.predicted[first : first + len(tokens)]))
    return sentences


def sentences_section(outcome: TaggingOutcome) -> Section:
    """Test sentences with gold and predicted entities."""
    chosen = choose_sentences(_tagged(outcome), NUM_SENTENCES)
    note = f"{len(chosen)} test sentences, drawn at random among those with an entity in gold or prediction."
    return Section("Tagged sentences", tagged_block(chosen, outcome.measures.kinds()), note)


def words_section(outcome: TaggingOutcome) -> Section:
    """Test sentences that hold a wrong tag."""
    sentences = _tagged(outcome)
    chosen = choose_wrong(sentences, NUM_SENTENCES)
    wrong = len(choose_wrong(sentences, len(sentences)))
    note = f"{len(chosen)} of {wrong:,} test sentences with a wrong tag, drawn at random."
    return Section("Tagged sentences", words_block(chosen), note)


def types_section(outcome: TaggingOutcome) -> Section:
    """Figures of each entity type on the test split."""
    body = _kinds_table(outcome, "entity type")
    return Section("Entity types", body, "On the test split; exact bounds and type.")


def tags_section(outcome: TaggingOutcome) -> Section:
    """Figures of each tag on the test split."""
    return Section("Tags", _kinds_table(outcome, "tag"), "Tokens of the test split.")


def _kinds_table(outcome: TaggingOutcome, title: str) -> Markup:
    rows: list[tuple[str, list[float | None]]] = [
        (name, [*figures, predicted, gold]) for name, figures, predicted, gold in outcome.kind_figures()
    ]
    return metrics_table(("precision", "recall", "F1", "predicted", "gold"), rows, row_title=title)


def confused_section(outcome: TaggingOutcome) -> Section:
    """Which tags are taken for which most often."""
    confused = outcome.confused(NUM_CONFUSED)
    if not confused:
        return Section("Confused tags", paragraph("No tag was taken for another."))
    rows: list[tuple[str, list[float | None]]] = [
        (f"{gold} taken for {predicted}", [count, 100 * share]) for gold, predicted, count, share in confused
    ]
    body = metrics_table(("tokens", "% of the right tag"), rows, row_title="right and predicted tag")
    return Section("Confused tags", body, "On the test split, the most frequent mistakes first.")
