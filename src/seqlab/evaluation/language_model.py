"""How a language model is judged: nats per token of running text, beside counted n-grams."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import TypedDict

from seqlab.data.batches import TextBatch
from seqlab.data.characters import CharacterSequence
from seqlab.data.text_codec import CodecState, TextCodec, clean_text
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents, Evaluation, NothingFitted, sized
from seqlab.evaluation.language_model_baselines import NgramModel
from seqlab.evaluation.language_model_report import (
    LanguageModelOutcome,
    PartScores,
    line_table,
    passage_section,
    samples_section,
)
from seqlab.networks.reading import window_of
from seqlab.progress import track
from seqlab.report.page import Section
from seqlab.report.run_page import curve_sections
from seqlab.results.outcome import Curves, prefixed
from seqlab.search.sampling import Sampling, sample_tokens
from seqlab.tasks.language_model import LanguageModel, score_tokens

if TYPE_CHECKING:
    import pandas as pd

ORDERS = {"char": (1, 2, 5), "word": (1, 2, 3)}
TOKENS_A_STREAM = 4096  # of a text to predict, at least: each stream's first token is predicted from nothing
MOST_STREAMS = 64


class FittedNgrams(NothingFitted):
    """The n-grams, and the validation part as it was measured."""

    def __init__(self, models: tuple[NgramModel, ...], val: PartScores) -> None:
        super().__init__(models)
        self.val = val


class TextState(TypedDict):
    """A CharacterSequence in a checkpoint."""

    codec: CodecState


def _sizes(data: TextState) -> dict[str, int]:
    return {"vocab_size": len(data["codec"]["vocabulary"]["tokens"])}


class LanguageModelEvaluation(Evaluation):
    """Loss and accuracy of a part; nothing is fitted but the n-grams that stand beside."""

    def stored(self) -> Any:
        return sized(TextState, _sizes)

    def fit(
        self, task: LanguageModel, datamodule: CharacterSequence
    ) -> tuple[FittedNgrams, dict[str, float]]:
        """Count the n-grams and measure the validation part."""
        ids, vocab_size = datamodule.ids("train"), datamodule.sizes["vocab_size"]
        orders = [order for order in ORDERS[datamodule.unit] if vocab_size**order < 2**63]
        models = tuple(NgramModel(ids, vocab_size, order) for order in orders)
        val = measure_part(task, datamodule, "val", models)
        return FittedNgrams(models, val), prefixed("val", val.figures(datamodule.unit))

    def test(
        self, task: LanguageModel, datamodule: CharacterSequence, judge: FittedNgrams
    ) -> LanguageModelOutcome:
        """Measure the test part, which ``open_test`` must have unlocked; without one the validation part."""
        part = measure_part(task, datamodule, "test", judge.baselines) if datamodule.has_test else judge.val
        return LanguageModelOutcome(part, datamodule.codec, _reading(task, datamodule))

    def predict(self, task: LanguageModel, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per line of a text file: number, tokens, loss in nats per token, unknown tokens, text.

        Raises:
            UserError: a file that is not UTF-8 text or holds less than two tokens.
        """
        codec = TextCodec.from_state(contents.data["codec"])
        text = clean_text("\n".join(read_lines(path, "a text")))
        ids = _ids(codec, text, str(path))
        num_streams = min(max(len(ids) // TOKENS_A_STREAM, 1), MOST_STREAMS)
        scores = score_tokens(task, ids, num_streams=num_streams)
        return line_table(codec, text, scores.nll.double().numpy())

    def encoder(self, contents: Contents) -> Callable[[Any], TextBatch]:
        """A text to a batch of one row: every token but the last, and after each the one that comes."""
        codec = TextCodec.from_state(contents.data["codec"])

        def encode(items: Any) -> TextBatch:
            row = _ids(codec, clean_text(str(items)), f"encode({items!r})")[None]
            return TextBatch(row[:, :-1], row[:, 1:], torch.ones(1, dtype=torch.bool))

        return encode

    def write_on(
        self,
        task: LanguageModel,
        contents: Contents,
        prompt: str,
        *,
        length: int,
        sampling: Sampling,
        seed: int,
    ) -> Iterator[str]:
        """The pieces of a text that goes on after ``prompt``, as they are drawn; the prompt is not repeated.

        Without a prompt it begins after a line's end, or as the training text began where that has no lines.
        What the training text did not hold is read as unknown, and said once on standard error.

        Args:
            length: tokens to write.
        """
        codec = TextCodec.from_state(contents.data["codec"])
        prompt = clean_text(prompt)
        unseen = codec.unseen(prompt)
        if unseen:
            print(
                f"note: the training text holds no {', '.join(map(repr, unseen))}: read as unknown",
                file=sys.stderr,
            )
        ids = codec.encode(prompt).tolist() or [codec.start]
        drawn = sample_tokens(task.network, ids, sampling=sampling, forbidden=codec.unwritable, seed=seed)
        is_line_start = not prompt or prompt.endswith("\n")
        if not prompt and codec.piece(codec.start) != "\n":
            yield codec.piece(codec.start)
            length -= 1
        for _ in range(length):
            piece = codec.piece(next(drawn))
            yield piece.removeprefix(" ") if is_line_start and codec.unit == "word" else piece
            is_line_start = piece == "\n"

    def sections(
        self,
        task: LanguageModel,
        datamodule: CharacterSequence,
        outcome: LanguageModelOutcome,
        curves: Curves,
    ) -> list[Section]:
        return [
            samples_section(task, outcome, datamodule.seed),
            passage_section(outcome),
            *curve_sections(
                curves, ("val/accuracy",), "share of right first guesses", "Accuracy while training"
            ),
        ]


def _ids(codec: TextCodec, text: str, what: str) -> Tensor:
    """(N,) ids of a text of at least two tokens."""
    ids = codec.encode(text)
    if len(ids) < 2:
        raise UserError(
            f"{what}: {len(ids)} {codec.unit_name}; at least 2 are needed, one to read and one to predict"
        )
    return torch.from_numpy(ids)


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
        nll, counted, guesses = read_windows(task, datamodule, split)
    else:
        scores = score_tokens(task, torch.from_numpy(ids), num_streams=datamodule.eval_streams)
        nll, guesses = scores.nll.double().cpu().numpy(), scores.guess.cpu().numpy()
        counted = np.stack([nll, scores.correct.cpu().numpy(), np.ones_like(nll)])
    baselines = {model.name: float(model.nll(ids).mean()) for model in models}
    loss, accuracy = (counted[:2].sum(axis=1) / counted[2].sum()).tolist()
    read_on, read_on_accuracy = None, None
    is_read = guesses >= 0
    is_right = is_read & (guesses == ids[1:])
    if datamodule.by_heart:
        read_on = datamodule.codec.decode(guesses[is_read].tolist())
        read_on_accuracy = float(is_right[is_read].mean())
    text, counted = datamodule.texts[split], np.stack([*counted, is_right, is_read])
    return PartScores(split, text, nll, loss, accuracy, baselines, read_on, read_on_accuracy, counted)


@torch.inference_mode()
def read_windows(
    task: LanguageModel, datamodule: CharacterSequence, split: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """A part of N tokens read by windows.

    Returns:
        (N - 1,) nats of each token but the first, means over the windows that predict it, 0 where none does;
        (3, N - 1) nats, right predictions and predictions of each token; (N - 1,) the likeliest tokens, read
        on, -1 where none was predicted.
    """
    task.eval()
    total = np.zeros(len(datamodule.ids(split)) - 1)
    times = np.zeros_like(total)
    guesses = np.full(len(total), -1)
    correct, first = np.zeros_like(total), 0
    for batch in track(datamodule.once(split), "judging"):
        scores = task.predict_step(batch)
        rows, steps = scores.nll.shape
        places = (first + np.arange(rows)[:, None]) * datamodule.stride + np.arange(steps)
        np.add.at(total, places, scores.nll.double().cpu().numpy())
        np.add.at(times, places, 1)
        np.add.at(correct, places, scores.correct.cpu().numpy())
        is_new = np.tile(np.arange(steps) >= steps - datamodule.stride, (rows, 1))
        is_new[0] |= first == 0
        guesses[places[is_new]] = scores.guess.cpu().numpy()[is_new]
        first += rows
    return total / np.maximum(times, 1), np.stack([total, correct, times]), guesses
