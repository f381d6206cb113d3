"""How a language model is judged: nats per token of running text, beside counted n-grams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.characters import CharacterSequence
from seqlab.data.text_codec import TextCodec
from seqlab.evaluation.ngrams import NgramModel
from seqlab.evaluation.outcome import Evaluation, FittedBaselines, ResultTable
from seqlab.evaluation.text_lines import line_table
from seqlab.networks.reading import window_of
from seqlab.tasks.language_model import LanguageModel, score_tokens

ORDERS = {"char": (1, 2, 5), "word": (1, 2, 3)}


@dataclass(frozen=True)
class ReadOn:
    """What the network holds for likeliest at each place of a text but its first.

    By windows: all of the first one, then what each following one adds at its end.
    """

    text: str
    accuracy: float  # share of the tokens that are right


@dataclass(frozen=True)
class PartScores:
    """A part of the text as the network read it: N tokens, the first of which is predicted by nothing."""

    name: str  # val or test
    text: str
    nll: NDArray[np.float64]  # (N - 1,) nats of each token but the first
    loss: float  # nats per prediction
    accuracy: float  # share of predictions whose first guess was right
    baselines: Mapping[str, float]  # nats per token of each n-gram
    read_on: ReadOn | None = None  # of a text that is learned by heart

    def figures(self, unit: str) -> dict[str, float]:
        """loss, its other writing, accuracy, and that of the text read on where there is one."""
        read_on = {} if self.read_on is None else {"read_on_accuracy": self.read_on.accuracy}
        return loss_figures(self.loss, unit) | {"accuracy": self.accuracy} | read_on


def loss_figures(loss: float, unit: str) -> dict[str, float]:
    """Nats per token, and what readers of a unit are used to: bits per character, perplexity of words."""
    if unit == "char":
        return {"loss": loss, "bits_per_char": loss / math.log(2)}
    return {"loss": loss, "perplexity": math.exp(loss)}


@dataclass(frozen=True)
class LanguageModelOutcome:
    """The part that was measured: test, or val where no test part is kept."""

    part: PartScores
    codec: TextCodec
    reading: str  # how the text was read

    @property
    def metrics(self) -> dict[str, float]:
        """The test part's figures; val figures of the network are added by the fit."""
        unit, part = self.codec.unit, self.part
        own = "baseline" if part.name == "test" else part.name
        found = (
            {f"test/{key}": value for key, value in part.figures(unit).items()} if own == "baseline" else {}
        )
        for name, loss in part.baselines.items():
            found |= {f"{own}/{name}/{key}": value for key, value in loss_figures(loss, unit).items()}
        return found

    def write_scores(self, path: Path) -> None:
        """One row per line of the part: number, tokens, loss, unknown tokens, text."""
        table = line_table(self.codec, self.part.text, self.part.nll)
        table.to_csv(path, index=False, float_format="%.6g", encoding="utf-8")

    def result_table(self) -> ResultTable:
        """The network, then what needs none."""
        unit, read_on = self.codec.unit, self.part.read_on
        columns: tuple[str, ...] = ("loss", "bits/char" if unit == "char" else "perplexity", "accuracy")
        notes = [
            ("loss", f"nats per {self.codec.unit_name.removesuffix('s')}; {self.reading}"),
            ("n-gram", "counted on the training part, Witten-Bell smoothing, nothing chosen"),
        ]
        if read_on is not None:
            columns += ("read on",)
            notes = [("text", self.part.text), ("predicted", read_on.text), *notes]
        absent = [None] * (len(columns) - 2)
        rows: list[tuple[str, list[float | None]]] = [
            (name, [*loss_figures(loss, unit).values(), *absent])
            for name, loss in self.part.baselines.items()
        ]
        return ResultTable(
            title=f"{self.part.name} part: {len(self.part.nll):,} predicted {self.codec.unit_name}",
            columns=columns,
            model_rows=[("model", list(self.part.figures(unit).values()))],
            baseline_rows=rows,
            notes=notes,
        )


@dataclass(frozen=True)
class FittedNgrams(FittedBaselines):
    """The n-grams, and the validation part as it was measured."""

    val: PartScores


class LanguageModelEvaluation(Evaluation):
    """Loss and accuracy of a part; nothing is fitted but the n-grams that stand beside."""

    def fit(
        self, task: LanguageModel, datamodule: CharacterSequence
    ) -> tuple[FittedNgrams, dict[str, float]]:
        """Count the n-grams and measure the validation part."""
        ids, vocab_size = datamodule.ids("train"), datamodule.sizes["vocab_size"]
        orders = [order for order in ORDERS[datamodule.unit] if vocab_size**order < 2**63]
        models = tuple(NgramModel(ids, vocab_size, order) for order in orders)
        val = measure_part(task, datamodule, "val", models)
        figures = val.figures(datamodule.unit)
        return FittedNgrams(models, val), {f"val/{name}": value for name, value in figures.items()}

    def test(
        self, task: LanguageModel, datamodule: CharacterSequence, judge: FittedNgrams
    ) -> LanguageModelOutcome:
        """Measure the test part, which ``open_test`` must have unlocked; without one the validation part."""
        part = measure_part(task, datamodule, "test", judge.baselines) if datamodule.has_test else judge.val
        return LanguageModelOutcome(part, datamodule.codec, _reading(task, datamodule))


def _reading(task: LanguageModel, datamodule: CharacterSequence) -> str:
    """How the text was read, in words."""
    if task.before is None or datamodule.reads_windows:
        return datamodule.reading
    return (
        f"every token once, by windows of {window_of(task.network)}, of which half stand before: the network "
        "carries no state"
    )


def measure_part(
    task: LanguageModel, datamodule: CharacterSequence, split: str, models: tuple[NgramModel, ...]
) -> PartScores:
    """A part as the network and the n-grams predict it."""
    ids = datamodule.ids(split)
    if datamodule.reads_windows:
        reading = read_windows(task, datamodule, split)
    else:
        scores = score_tokens(task, torch.from_numpy(ids), num_streams=datamodule.eval_streams)
        nll = scores.nll.double().cpu().numpy()
        accuracy = float(scores.correct.float().mean())
        reading = Reading(nll, float(nll.mean()), accuracy, scores.guess.cpu().numpy())
    baselines = {model.name: float(model.nll(ids).mean()) for model in models}
    read_on = None
    if datamodule.by_heart:
        is_read = reading.guesses >= 0
        share = float((reading.guesses == ids[1:])[is_read].mean())
        read_on = ReadOn(datamodule.codec.decode(reading.guesses[is_read].tolist()), share)
    text = datamodule.texts[split]
    return PartScores(split, text, reading.nll, reading.loss, reading.accuracy, baselines, read_on)


class Reading(NamedTuple):
    """What a network makes of N tokens."""

    nll: NDArray[np.float64]  # (N - 1,) nats of each token but the first
    loss: float  # nats per prediction
    accuracy: float  # share of predictions whose first guess was right
    guesses: NDArray[np.int64]  # (N - 1,) the likeliest token, read on; -1 where nothing was predicted


@torch.inference_mode()
def read_windows(task: LanguageModel, datamodule: CharacterSequence, split: str) -> Reading:
    """A part read by windows: nats are means over the windows that predict a token, loss and accuracy of all.

    Tokens that no window predicts (a stride above the window) cost 0.
    """
    task.eval()
    total = np.zeros(len(datamodule.ids(split)) - 1)
    times = np.zeros_like(total)
    guesses = np.full(len(total), -1)
    correct, first = 0.0, 0
    for batch in datamodule.windows_once(split):
        scores = task.predict_step(batch)
        rows, steps = scores.nll.shape
        places = (first + np.arange(rows)[:, None]) * datamodule.stride + np.arange(steps)
        np.add.at(total, places, scores.nll.double().cpu().numpy())
        np.add.at(times, places, 1)
        correct += float(scores.correct.sum())
        is_new = np.tile(np.arange(steps) >= steps - datamodule.stride, (rows, 1))
        is_new[0] |= first == 0
        guesses[places[is_new]] = scores.guess.cpu().numpy()[is_new]
        first += rows
    loss, accuracy = float(total.sum() / times.sum()), correct / float(times.sum())
    return Reading(total / np.maximum(times, 1), loss, accuracy, guesses)
