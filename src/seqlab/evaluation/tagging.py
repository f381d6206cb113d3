"""How an entity tagger is judged: exact entities on the test split, beside what needs no network."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.batches import TagBatch
from seqlab.data.bio import OUTSIDE, count_entities
from seqlab.data.conll import TaggedSentences
from seqlab.data.entities import Entities
from seqlab.data.sequences import segment_indices
from seqlab.evaluation.outcome import Evaluation, FittedBaselines, ResultTable
from seqlab.tasks.entity_counts import EntityFigures, tagging_figures
from seqlab.tasks.tagging import Tagging

FIGURES = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")
COLUMNS = ("entity F1", "precision", "recall", "token acc.")


class Baseline(Protocol):
    """Tags without a network."""

    name: str

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) BIO tags of the sentences' tokens."""


class MostFrequentTag:
    """Each word gets the tag it had most often in training, a new word O; ties go to the tag met first."""

    name = "most_frequent_tag"

    def __init__(self, train: TaggedSentences) -> None:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for token, tag in zip(train.tokens, train.tags, strict=True):
            counts[token][tag] += 1
        self.tags = {token: seen.most_common(1)[0][0] for token, seen in counts.items()}

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [self.tags.get(token, OUTSIDE) for token in sentences.tokens]


class SeenEntities:
    """The longest run of words that was an entity in training, with its most frequent type there."""

    name = "seen_entities"

    def __init__(self, train: TaggedSentences) -> None:
        counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for number in range(len(train)):
            tokens, tags = train.sentence(number)
            start = None
            for place in range(len(tokens) + 1):
                if start is not None and (place == len(tokens) or not tags[place].startswith("I-")):
                    counts[tokens[start:place]][tags[start][2:]] += 1
                    start = None
                if place < len(tokens) and tags[place].startswith("B-"):
                    start = place
        self.types = {words: seen.most_common(1)[0][0] for words, seen in counts.items()}
        self.longest = max(map(len, self.types), default=0)

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [
            tag for number in range(len(sentences)) for tag in self._sentence(sentences.sentence(number)[0])
        ]

    def _sentence(self, tokens: tuple[str, ...]) -> list[str]:
        tags: list[str] = []
        while len(tags) < len(tokens):
            start = len(tags)
            for length in range(min(self.longest, len(tokens) - start), 0, -1):
                kind = self.types.get(tokens[start : start + length])
                if kind is not None:
                    tags += [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
                    break
            else:
                tags.append(OUTSIDE)
        return tags


class AlwaysOutside:
    """O everywhere: what token accuracy is worth."""

    name = "always_o"

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags."""
        return [OUTSIDE] * len(sentences.tokens)


@dataclass(frozen=True)
class TaggingOutcome:
    """All that a tagging run found out; N test tokens, K entity types."""

    sentences: TaggedSentences  # the test split
    predicted: tuple[str, ...]  # (N,) tags
    gold_ids: NDArray[np.int64]  # (N,)
    predicted_ids: NDArray[np.int64]  # (N,)
    types: tuple[str, ...]  # (K,) those that training lacks last
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]

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

        def row(prefix: str) -> list[float | None]:
            return [self.metrics.get(f"{prefix}/{name}") for name in FIGURES]

        num_entities = int(self.type_counts()[2].sum())
        return ResultTable(
            title=f"{len(self.sentences):,} test sentences with {num_entities:,} entities",
            columns=COLUMNS,
            model_rows=[("entity_tagger", row("test"))],
            baseline_rows=[(name, row(f"baseline/{name}")) for name in self.baselines],
            notes=[
                (
                    "entity F1",
                    "an entity counts where both bounds and the type are exact; all types together",
                ),
                (
                    "seen_entities",
                    "the longest run of words that was an entity in training; 0 where all are new",
                ),
                ("token acc.", "most tokens are O, so that O everywhere is already high"),
            ],
        )

    def type_counts(self) -> NDArray[np.int64]:
        """(3, K) entities by type: found, predicted, gold."""
        return count_entities(self.gold_ids, self.predicted_ids, self.sentences.is_first, len(self.types))

    def type_figures(self) -> list[tuple[str, EntityFigures, int, int]]:
        """Type, figures, predicted and gold entities, most frequent in the test split first."""
        found, predicted, gold = self.type_counts().tolist()
        rows = [
            (name, EntityFigures.from_counts(*counts), counts[1], counts[2])
            for name, *counts in zip(self.types, found, predicted, gold, strict=True)
        ]
        return sorted(rows, key=lambda row: (-row[3], row[0]))


class TaggingEvaluation(Evaluation):
    """Entity-level precision, recall and F1 as seqeval counts them, beside three baselines."""

    def fit(self, task: Tagging, datamodule: Entities) -> tuple[FittedBaselines, dict[str, float]]:
        """Count the baselines on training data; the validation figures of the checkpoint that is judged."""
        loss, predicted = tag_split(task, datamodule, "val")
        figures = tagging_figures(datamodule.tag_ids("val"), predicted, datamodule.sentences("val").is_first)
        train = datamodule.sentences("train")
        fitted = FittedBaselines((MostFrequentTag(train), SeenEntities(train), AlwaysOutside()))
        return fitted, {"val/loss": loss} | {f"val/{name}": figures[name] for name in FIGURES}

    def test(self, task: Tagging, datamodule: Entities, judge: FittedBaselines) -> TaggingOutcome:
        """Tag and measure the test split, which ``open_test`` must have unlocked."""
        sentences, gold = datamodule.sentences("test"), datamodule.tag_ids("test")
        loss, predicted = tag_split(task, datamodule, "test")
        figures = tagging_figures(gold, predicted, sentences.is_first)
        metrics = {"test/loss": loss} | {f"test/{name}": figures[name] for name in FIGURES}
        numbers = {name: number for number, name in enumerate(datamodule.tag_names)}
        for baseline in judge.baselines:
            ids = np.array([numbers[tag] for tag in baseline.predict(sentences)], dtype=np.int64)
            figures = tagging_figures(gold, ids, sentences.is_first)
            metrics |= {f"baseline/{baseline.name}/{name}": figures[name] for name in FIGURES}
        types = tuple(name[2:] for name in datamodule.tag_names[1::2])
        names = tuple(datamodule.tag_names[tag] for tag in predicted.tolist())
        outcome = TaggingOutcome(
            sentences, names, gold, predicted, types, metrics, tuple(each.name for each in judge.baselines)
        )
        for name, found, _, num_gold in outcome.type_figures():
            if num_gold:
                metrics[f"test/{name}/entity_f1"] = found.f1
        return outcome


def tag_split(task: Tagging, datamodule: Entities, split: str) -> tuple[float, NDArray[np.int64]]:
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
