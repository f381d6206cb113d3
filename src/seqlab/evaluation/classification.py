"""How a classifier is judged: accuracy and macro F1 on the test split, beside what needs no network."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from hydra.utils import get_object
from numpy.typing import NDArray

from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled import LabelledDataset, LabelledItems, label_ids
from seqlab.data.labelled_contract import CLASS, Coder, LabelledModule, check_labelled
from seqlab.data.loaders import batches_by_length
from seqlab.evaluation.base import Contents, Evaluation, NothingFitted, as_list, sized
from seqlab.evaluation.classification_report import ClassificationOutcome, report_sections
from seqlab.evaluation.counted import most_frequent
from seqlab.progress import track
from seqlab.report.page import Section
from seqlab.results.outcome import Curves, prefixed
from seqlab.schemas import Reads, fitted
from seqlab.tasks.class_counts import class_figures
from seqlab.tasks.classification import Classification

if TYPE_CHECKING:
    import pandas as pd

TELLING_TOKENS = 15
BATCH_SIZE = 512  # of sequences to predict
BATCH_TOKENS = 65_536  # padding counted


class ClassificationEvaluation(Evaluation):
    """Accuracy, macro F1 and F1 of each label; nothing is fitted but the baselines."""

    def stored(self) -> Any:
        coder = Annotated[dict[str, Any], Reads(_checked_state, replaces=True)]
        return sized(dict[Literal["coder"], coder], _sizes)

    def check(self, datamodule: LabelledModule) -> None:
        """Refuse data that lacks what is read of it here, in the report or by ``seqlab predict``."""
        check_labelled(datamodule)

    def fit(self, task: Classification, datamodule: LabelledModule) -> tuple[NothingFitted, dict[str, float]]:
        """The validation figures of the checkpoint that is judged."""
        # baselines count the training split, which is closed once the test split is open
        coder, items = datamodule.coder, datamodule.items("val")
        fitted = NothingFitted(fitted_baselines(coder, datamodule.items("train"), items))
        gold = label_ids(items.labels, coder.labels)
        loss, probabilities = classify_split(task, datamodule, "val")
        figures = class_figures(gold, probabilities.argmax(axis=1), len(coder.labels))
        return fitted, prefixed("val", {"loss": loss} | figures)

    def test(
        self, task: Classification, datamodule: LabelledModule, judge: NothingFitted
    ) -> ClassificationOutcome:
        """Classify and measure the test split, which ``open_test`` must have unlocked."""
        coder, items = datamodule.coder, datamodule.items("test")
        gold, num_classes = label_ids(items.labels, coder.labels), len(coder.labels)
        loss, probabilities = classify_split(task, datamodule, "test")
        metrics = {"test/loss": loss, "oracle/accuracy_ceiling": items.accuracy_ceiling()}
        metrics |= prefixed("test", class_figures(gold, probabilities.argmax(axis=1), num_classes))
        tokens = [coder.counted(text) for text in items.texts]
        for baseline in judge.baselines:
            guesses = label_ids(baseline.predict(tokens), coder.labels)
            metrics |= prefixed(f"baseline/{baseline.name}", class_figures(gold, guesses, num_classes))
        outcome = ClassificationOutcome(
            items,
            tuple(coder.labels),
            gold,
            probabilities,
            metrics,
            tuple(baseline.name for baseline in judge.baselines),
            coder.noun,
            coder.unit,
            tuple(judge.baselines[-1].telling(TELLING_TOKENS)) if coder.counting.telling else (),
        )
        for name, (_, _, f1, _, num_gold) in outcome.class_rows():
            if num_gold:
                metrics[f"test/{name}/f1"] = f1
        return outcome

    def predict(self, task: Classification, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per sequence: its name, predicted label, its probability, the second label and its own.

        Args:
            path: a file as the data's own coder reads it. Standard error counts empty lines, which are passed
                over, and sequences with tokens that training lacks.

        Raises:
            UserError: a file that cannot be read or holds no sequence; names the line.
        """
        import pandas as pd

        coder = stored_coder(contents)
        new = coder.read_new(path)
        if new.num_empty:
            print(f"note: {new.num_empty:,} empty lines were passed over", file=sys.stderr)
        dataset = LabelledDataset(new.texts, coder)
        if unknown := int(dataset.holding(contents.sizes["unk_id"]).sum()):
            print(
                f"note: {unknown:,} of {len(dataset):,} {coder.noun}s hold {coder.unit}s that training lacks",
                file=sys.stderr,
            )
        probabilities = torch.zeros(len(dataset), len(coder.labels))
        task.eval()
        with torch.inference_mode():
            batches = batches_by_length(dataset.lengths, BATCH_SIZE, BATCH_TOKENS, seed=0, shuffle=False)
            for rows in track(batches, "predicting"):
                probabilities[rows] = task.predict_step(dataset[rows])
        best = probabilities.topk(2, dim=1)
        labels = np.array(coder.labels, dtype=object)[best.indices.numpy()]
        return pd.DataFrame(
            {
                coder.noun: list(new.texts if new.ids is None else new.ids),
                "predicted": labels[:, 0],
                "probability": best.values[:, 0].numpy(),
                "runner_up": labels[:, 1],
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
        return report_sections(outcome, curves)


def _checked_state(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a coder as the schema of its class has it, where the class has one."""
    kind = get_object(state[CLASS])
    found = fitted(getattr(kind, "stored", dict[str, Any]), state)
    kind.from_state(found)
    return found


def _sizes(data: dict[str, Any]) -> dict[str, int]:
    coder = _coder_of(data)
    read = {"vocab_size": len(coder.vocabulary)} if hasattr(coder, "vocabulary") else {}
    return {"num_classes": len(coder.labels)} | read


def stored_coder(contents: Contents) -> Coder:
    """The coder of a checkpoint; whether its class may run was decided when the checkpoint was opened."""
    return _coder_of(contents.data)


def _coder_of(data: dict[str, Any]) -> Coder:
    state = data["coder"]
    coder: Coder = get_object(state[CLASS]).from_state(state)
    return coder


@torch.inference_mode()
def classify_split(
    task: Classification, datamodule: LabelledModule, split: str
) -> tuple[float, NDArray[np.float32]]:
    """Loss per sequence in nats, and (N, C) probabilities of a split in its own order."""
    task.eval()
    gold = torch.from_numpy(label_ids(datamodule.items(split).labels, datamodule.coder.labels))
    probabilities = torch.zeros(len(gold), datamodule.sizes["num_classes"])
    for rows, batch in track(datamodule.scored(split), "judging"):
        moved = LabelledBatch(*(part.to(task.device) for part in batch))
        probabilities[rows] = task.predict_step(moved).cpu()
    chosen = probabilities[torch.arange(len(gold)), gold].double()
    tiny = torch.finfo(torch.float32).tiny
    return float(-chosen.clamp(min=tiny).log().mean()), probabilities.numpy()


# What classifying needs no network for: the majority, the longest known ending, counted n-grams.

SMOOTHING = (0.01, 0.03, 0.1, 0.3, 1.0)
LONGEST_ENDING = 64  # tokens; a longer sequence is known by its whole, too
FIRST, LAST = "\x02", "\x03"  # stand before and after a sequence
Gram = tuple[str, ...]
Sequences = Sequence[Sequence[str]]  # (N,) tokens of each
Labelled = tuple[Sequences, Sequence[str]]  # N sequences and their labels


def fitted_baselines(coder: Coder, train: LabelledItems, val: LabelledItems) -> tuple[Any, ...]:
    """What the data lets be counted; naive Bayes comes last."""
    longest, endings_tell, _ = coder.counting
    parts = [([coder.counted(text) for text in part.texts], part.labels) for part in (train, val)]
    name = "ngram_naive_bayes" if longest > 1 else f"{coder.unit}_naive_bayes"
    by_ending = (LongestEnding(*parts[0]),) if endings_tell else ()
    return (Majority(train.labels), *by_ending, NaiveBayes(parts[0], parts[1], longest, name))


class Majority:
    """Every sequence gets the label that is most frequent in training."""

    name = "majority"

    def __init__(self, labels: Sequence[str]) -> None:
        self.label = Counter(labels).most_common(1)[0][0]

    def predict(self, sequences: Sequences) -> list[str]:
        return [self.label] * len(sequences)


class LongestEnding:
    """The most frequent training label among sequences of the longest common ending; the whole is one."""

    name = "longest_ending"

    def __init__(self, sequences: Sequences, labels: Sequence[str]) -> None:
        pairs = zip(sequences, labels, strict=True)
        self.labels = most_frequent((ending, label) for tokens, label in pairs for ending in endings(tokens))

    def predict(self, sequences: Sequences) -> list[str]:
        """(N,) labels; the empty ending is known, and has the majority's."""
        return [
            next(self.labels[ending] for ending in endings(tokens) if ending in self.labels)
            for tokens in sequences
        ]


def endings(tokens: Sequence[str]) -> list[Gram]:
    """The whole sequence, then its endings of at most LONGEST_ENDING tokens, the empty one last."""
    whole = tuple(tokens)
    shorter = range(max(len(whole) - LONGEST_ENDING, 1), len(whole) + 1)
    return [whole, *(whole[start:] for start in shorter)] if whole else [()]


def grams_of(tokens: Sequence[str], longest: int) -> list[Gram]:
    """The 1- to n-grams of a sequence; its two ends are marked where n is above 1."""
    marked = tuple(tokens) if longest == 1 else (FIRST, *tokens, LAST)
    return [
        marked[start : start + size]
        for size in range(1, longest + 1)
        for start in range(len(marked) - size + 1)
    ]


class NaiveBayes:
    """Multinomial naive Bayes over 1- to n-grams of tokens.

    The counts are smoothed by the value that is most accurate on the validation split.
    """

    def __init__(self, train: Labelled, val: Labelled, longest_gram: int, name: str) -> None:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.naive_bayes import MultinomialNB

        self.name = name
        self.grams = CountVectorizer(analyzer=partial(grams_of, longest=longest_gram))
        seen, held_out = self.grams.fit_transform(train[0]), self.grams.transform(val[0])
        models = [MultinomialNB(alpha=smoothing).fit(seen, train[1]) for smoothing in SMOOTHING]
        self.model = max(models, key=lambda model: model.score(held_out, val[1]))

    def predict(self, sequences: Sequences) -> list[str]:
        """(N,) labels; what training did not hold counts for nothing."""
        return self.model.predict(self.grams.transform(sequences)).tolist()

    def telling(self, number: int) -> list[tuple[str, list[str]]]:
        """Each label, and what speaks for it most: share there times log of that over the share elsewhere."""
        grams, counts, rows = self.grams.get_feature_names_out(), self.model.feature_count_, []
        for row, label in enumerate(self.model.classes_):
            elsewhere = np.delete(counts, row, axis=0).sum(axis=0) + self.model.alpha
            log_share = self.model.feature_log_prob_[row]
            weights = np.exp(log_share) * (log_share - np.log(elsewhere / elsewhere.sum()))
            order = np.argsort(-weights, kind="stable")[:number]
            rows.append((str(label), [shown(grams[column]) for column in order if counts[row, column]]))
        return rows


def shown(gram: Gram) -> str:
    """A gram as a reader sees it."""
    return " ".join({FIRST: "<start>", LAST: "<end>"}.get(token, token) for token in gram)
