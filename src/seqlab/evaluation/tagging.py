"""How a tagger is judged: entities or tags on the test split, beside what needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.batches import TagBatch
from seqlab.data.conll import TaggedSentences
from seqlab.data.sequences import segment_indices
from seqlab.data.tag_schemes import TagScheme
from seqlab.evaluation.contract import check_contract
from seqlab.evaluation.outcome import Evaluation, FittedBaselines, ResultTable
from seqlab.evaluation.tag_measures import TagMeasures, kind_rows, measures_of
from seqlab.evaluation.tagging_data import TaggedData
from seqlab.tasks.confusion import count_confusion
from seqlab.tasks.entity_counts import EntityFigures
from seqlab.tasks.tagging import Tagging


@dataclass(frozen=True)
class TaggingOutcome:
    """All that a tagging run found out; N test tokens, K entity types or tags."""

    sentences: TaggedSentences  # the test split
    predicted: tuple[str, ...]  # (N,) tags
    gold_ids: NDArray[np.int64]  # (N,)
    predicted_ids: NDArray[np.int64]  # (N,)
    scheme: TagScheme
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]
    model_name: str = "tagger"

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
            model_rows=[(self.model_name, row("test"))],
            baseline_rows=[(name, row(f"baseline/{name}")) for name in self.baselines],
            notes=measures.notes,
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


class TaggingEvaluation(Evaluation):
    """Figures of the scheme of the data's tags, beside baselines.

    Entities are counted as seqeval counts them; of plain tags, tokens are.

    Args:
        model_name: of the model's row in tables.
    """

    def __init__(self, model_name: str = "tagger") -> None:
        self.model_name = model_name

    def check(self, datamodule: TaggedData) -> None:
        """Refuse a data set without all that is read of one."""
        check_contract(TaggedData, datamodule, "seqlab.data.tagged_text.TaggedText")

    def fit(self, task: Tagging, datamodule: TaggedData) -> tuple[FittedBaselines, dict[str, float]]:
        """Count the baselines on training data; the validation figures of the checkpoint that is judged."""
        measures = measures_of(datamodule.tag_scheme)
        loss, predicted = tag_split(task, datamodule, "val")
        figures = measures.measure(datamodule.tag_ids("val"), predicted, datamodule.sentences("val").is_first)
        fitted = FittedBaselines(measures.baselines(datamodule.sentences("train")))
        val = {"loss": loss, "score": figures[measures.main]}
        val |= {name: figures[name] for name in measures.figures}
        return fitted, {f"val/{name}": value for name, value in val.items()}

    def test(self, task: Tagging, datamodule: TaggedData, judge: FittedBaselines) -> TaggingOutcome:
        """Tag and measure the test split, which ``open_test`` must have unlocked."""
        sentences, gold = datamodule.sentences("test"), datamodule.tag_ids("test")
        scheme = datamodule.tag_scheme
        measures = measures_of(scheme)
        loss, predicted = tag_split(task, datamodule, "test")
        figures = measures.measure(gold, predicted, sentences.is_first)
        metrics = {"test/loss": loss} | {f"test/{name}": figures[name] for name in measures.figures}
        numbers = {name: number for number, name in enumerate(scheme.names)}
        for baseline in judge.baselines:
            ids = np.array([numbers[tag] for tag in baseline.predict(sentences)], dtype=np.int64)
            figures = measures.measure(gold, ids, sentences.is_first)
            metrics |= {f"baseline/{baseline.name}/{name}": figures[name] for name in measures.figures}
        outcome = TaggingOutcome(
            sentences,
            tuple(scheme.names[tag] for tag in predicted.tolist()),
            gold,
            predicted,
            scheme,
            metrics,
            tuple(each.name for each in judge.baselines),
            self.model_name,
        )
        for name, found, _, num_gold in outcome.kind_figures():
            if num_gold:
                metrics[f"test/{name}/{measures.kind_figure}"] = found.f1
        return outcome


def tag_split(task: Tagging, datamodule: TaggedData, split: str) -> tuple[float, NDArray[np.int64]]:
    """Loss per token in nats, and (N,) predicted tags of a split in its own order."""
    dataset = datamodule.dataset(split)
    predicted = np.zeros(len(dataset.tags), dtype=np.int64)
    nll, count = 0.0, 0
    for items in datamodule.scoring_batches(split):
        batch = TagBatch(*(part.to(task.device) for part in dataset[items]))
        losses, tags = task.judge_batch(batch)
        places = segment_indices(dataset.firsts[items.numpy()], dataset.lengths[items].numpy())
        predicted[places] = tags[batch.mask].cpu().numpy()
        nll, count = nll + float(losses.nll), count + int(losses.num_units)
    return nll / count, predicted
