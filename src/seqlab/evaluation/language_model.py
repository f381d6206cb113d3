"""How a language model is judged: nats per token of running text, beside counted n-grams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.characters import CharacterSequence
from seqlab.data.text_codec import TextCodec
from seqlab.evaluation.ngrams import NgramModel
from seqlab.evaluation.outcome import Evaluation, FittedBaselines, ResultTable
from seqlab.evaluation.text_lines import line_table
from seqlab.tasks.language_model import LanguageModel, score_tokens

ORDERS = {"char": (1, 2, 5), "word": (1, 2, 3)}


@dataclass(frozen=True)
class PartScores:
    """A part of the text as the network read it: N tokens, the first of which is predicted by nothing."""

    name: str  # val or test
    text: str
    nll: NDArray[np.float64]  # (N - 1,) nats of each token but the first
    loss: float  # nats per prediction
    accuracy: float  # share of predictions whose first guess was right
    baselines: Mapping[str, float]  # nats per token of each n-gram

    def figures(self, unit: str) -> dict[str, float]:
        """loss, its other writing, accuracy."""
        return loss_figures(self.loss, unit) | {"accuracy": self.accuracy}


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
        unit = self.codec.unit
        columns = ("loss", "bits/char" if unit == "char" else "perplexity", "accuracy")
        rows: list[tuple[str, list[float | None]]] = [
            (name, [*loss_figures(loss, unit).values(), None]) for name, loss in self.part.baselines.items()
        ]
        return ResultTable(
            title=f"{self.part.name} part: {len(self.part.nll):,} predicted {self.codec.unit_name}",
            columns=columns,
            model_rows=[("model", list(self.part.figures(unit).values()))],
            baseline_rows=rows,
            notes=[
                ("loss", f"nats per {self.codec.unit_name.removesuffix('s')}; {self.reading}"),
                ("n-gram", "counted on the training part, Witten-Bell smoothing, nothing chosen"),
            ],
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
        return LanguageModelOutcome(part, datamodule.codec, datamodule.reading)


def measure_part(
    task: LanguageModel, datamodule: CharacterSequence, split: str, models: tuple[NgramModel, ...]
) -> PartScores:
    """A part as the network and the n-grams predict it."""
    ids = datamodule.ids(split)
    if datamodule.reads_windows:
        nll, loss, accuracy = window_scores(task, datamodule, split)
    else:
        scores = score_tokens(task, torch.from_numpy(ids), num_streams=datamodule.eval_streams)
        nll = scores.nll.double().cpu().numpy()
        loss, accuracy = float(nll.mean()), float(scores.correct.float().mean())
    baselines = {model.name: float(model.nll(ids).mean()) for model in models}
    return PartScores(split, datamodule.texts[split], nll, loss, accuracy, baselines)


@torch.inference_mode()
def window_scores(
    task: LanguageModel, datamodule: CharacterSequence, split: str
) -> tuple[NDArray[np.float64], float, float]:
    """(N - 1,) mean nats of each token over the windows that predict it; loss and accuracy of all windows.

    Tokens that no window predicts (a stride above the window) cost 0.
    """
    task.eval()
    total = np.zeros(len(datamodule.ids(split)) - 1)
    times = np.zeros_like(total)
    correct, first = 0.0, 0
    for batch in datamodule.windows_once(split):
        scores = task.predict_step(batch)
        rows, steps = scores.nll.shape
        places = (first + np.arange(rows)[:, None]) * datamodule.stride + np.arange(steps)
        np.add.at(total, places, scores.nll.double().cpu().numpy())
        np.add.at(times, places, 1)
        correct += float(scores.correct.sum())
        first += rows
    return total / np.maximum(times, 1), float(total.sum() / times.sum()), correct / float(times.sum())
