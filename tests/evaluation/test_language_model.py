import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from seqlab.data.characters import CharacterSequence
from seqlab.evaluation.language_model import LanguageModelEvaluation, LanguageModelOutcome, PartScores
from seqlab.evaluation.language_model_baselines import NgramModel
from seqlab.networks.char_rnn import CharRNN
from seqlab.results.outcome import Outcome
from seqlab.tasks.language_model import LanguageModel

TEXT = "the sea, the ship\nand the wood\n" * 12


def ready(**settings: object) -> tuple[CharacterSequence, LanguageModel]:
    data = CharacterSequence(**settings)  # type: ignore[arg-type]
    data.setup()
    torch.manual_seed(0)
    network = CharRNN(**data.sizes, embedding_size=3, hidden_size=5)
    return data, LanguageModel(pad_id=data.sizes["pad_id"], network=network)


def judged(data: CharacterSequence, task: LanguageModel) -> tuple[dict[str, float], LanguageModelOutcome]:
    evaluation = LanguageModelEvaluation()
    judge, figures = evaluation.fit(task, data)
    assert judge.state() == {}
    data.open_test()
    return figures, evaluation.test(task, data, judge)


def plain_nll(task: LanguageModel, ids: np.ndarray) -> torch.Tensor:
    """(N - 1,) nats, the whole text read in one go."""
    tokens = torch.from_numpy(ids)
    logits = task.eval().network(tokens[None, :-1])[0][0]
    return torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="none").detach()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_every_character_of_both_parts_counts_once(file: Path, tmp_path: Path) -> None:
    data, task = ready(path=file, split=[0.6, 0.2, 0.2], eval_streams=1)
    figures, outcome = judged(data, task)
    data._test_open = False
    val = plain_nll(task, data.ids("val"))
    assert figures["val/loss"] == pytest.approx(float(val.mean()), rel=1e-5)
    assert figures["val/bits_per_char"] == pytest.approx(figures["val/loss"] / math.log(2))
    data.open_test()
    test = plain_nll(task, data.ids("test"))
    metrics = outcome.metrics
    assert metrics["test/loss"] == pytest.approx(float(test.mean()), rel=1e-5)
    assert 0 <= metrics["test/accuracy"] <= 1
    outcome.write_scores(tmp_path / "scores.csv")
    scores = pd.read_csv(tmp_path / "scores.csv", keep_default_na=False)
    assert "\n".join(scores["text"]) + "\n" == data.texts["test"]
    assert scores["characters"].sum() == len(data.texts["test"])


def test_baselines_are_counted_on_training_and_measured_on_the_same_part(file: Path) -> None:
    data, task = ready(path=file, split=[0.6, 0.2, 0.2])
    train = data.ids("train")
    _, outcome = judged(data, task)
    for order in (1, 2, 5):
        expected = NgramModel(train, data.sizes["vocab_size"], order).nll(data.ids("test")).mean()
        assert outcome.metrics[f"baseline/{order}-gram/loss"] == pytest.approx(expected)
    assert outcome.metrics["baseline/5-gram/loss"] < outcome.metrics["baseline/1-gram/loss"]


def test_without_a_test_part_the_validation_part_is_shown_and_nothing_called_test(file: Path) -> None:
    data, task = ready(path=file, split=[0.8, 0.2, 0.0])
    figures, outcome = judged(data, task)
    assert outcome.part.name == "val"
    assert set(outcome.metrics) == {
        f"val/{order}-gram/{name}" for order in (1, 2, 5) for name in ("loss", "bits_per_char")
    }
    table = outcome.result_table()
    assert table.title.startswith("val part")
    assert table.model_rows[0][1][0] == figures["val/loss"]


def test_words_have_a_perplexity() -> None:
    data, task = ready(text=TEXT, unit="word")
    figures, outcome = judged(data, task)
    assert figures["val/perplexity"] == pytest.approx(math.exp(figures["val/loss"]))
    assert {"baseline/1-gram/perplexity", "baseline/3-gram/perplexity"} <= set(outcome.metrics)
    assert outcome.result_table().columns == ("loss", "perplexity", "accuracy", "read on")


@pytest.mark.parametrize("stride", [1, 3])
def test_windows_are_measured_as_they_are_learned(stride: int) -> None:
    data, task = ready(text="abcabdabcabe", mode="windows", window_size=4, stride=stride, batch_size=2)
    figures, outcome = judged(data, task)
    ids = torch.from_numpy(data.ids("test"))
    starts = range(0, len(ids) - 4, stride)
    by_token: dict[int, list[float]] = {}
    for start in starts:
        window = plain_nll(task, ids[start : start + 5].numpy())
        for step, nats in enumerate(window.tolist()):
            by_token.setdefault(start + step, []).append(nats)
    everything = [nats for found in by_token.values() for nats in found]
    assert figures["val/loss"] == pytest.approx(np.mean(everything), rel=1e-5)
    means = [np.mean(by_token.get(place, [0.0])) for place in range(len(ids) - 1)]
    np.testing.assert_allclose(outcome.part.nll, means, rtol=1e-5)


@pytest.mark.parametrize("stride", [1, 3])
def test_a_sentence_is_read_on_from_window_to_window(stride: int) -> None:
    """All of the first window, then what each following one adds, as the published example prints it."""
    data, task = ready(text="abcabdabcabe", mode="windows", window_size=4, stride=stride, batch_size=2)
    _, outcome = judged(data, task)
    ids = torch.from_numpy(data.ids("test"))
    read: list[int] = []
    for start in range(0, len(ids) - 4, stride):
        guess = task.network(ids[None, start : start + 4])[0][0].argmax(dim=1).tolist()
        read += guess if start == 0 else guess[-stride:]
    assert outcome.part.read_on == data.codec.decode(read)
    right = np.mean(np.array(read) == ids[1 : 1 + len(read)].numpy())
    assert outcome.metrics["test/read_on_accuracy"] == pytest.approx(right)
    table = outcome.result_table()
    assert table.columns[-1] == "read on"
    assert ("predicted", outcome.part.read_on) in table.notes
    assert all(len(figures) == len(table.columns) for _, figures in table.model_rows + table.baseline_rows)


def test_a_file_is_not_written_out(file: Path) -> None:
    data, task = ready(path=file, split=[0.6, 0.2, 0.2])
    _, outcome = judged(data, task)
    assert outcome.part.read_on is None
    assert outcome.result_table().columns == ("loss", "bits/char", "accuracy")


def test_the_first_guess_counts() -> None:
    part = PartScores("test", "ab", np.array([0.5]), 0.5, 1.0, {"1-gram": 2.0})
    data, _ = ready(text="ab")
    outcome = LanguageModelOutcome(part, data.codec, "read once")
    assert outcome.metrics["test/accuracy"] == 1.0
    assert outcome.result_table().baseline_rows == [("1-gram", [2.0, 2.0 / math.log(2), None])]


@pytest.mark.parametrize(
    "settings",
    [
        {"text": TEXT, "unit": "word"},
        {"text": "abcabdabcabe", "mode": "windows", "window_size": 4, "stride": 3, "batch_size": 2},
    ],
)
def test_every_figure_is_drawn_anew(
    settings: dict[str, Any], resampled_keys: Callable[[Outcome], None]
) -> None:
    _, outcome = judged(*ready(**settings))
    resampled_keys(outcome)
    counted = outcome.part.counted
    size = outcome.num_items
    assert size == counted.shape[1]  # so few tokens are drawn one by one
    assert outcome.run_length == math.ceil(size ** (1 / 3))
    times = np.random.default_rng(0).integers(0, 3, size)
    drawn = outcome.resampled(times[None])
    places = np.repeat(np.arange(size), times)
    assert drawn["test/loss"][0] == pytest.approx(counted[0, places].sum() / counted[2, places].sum())
    assert drawn["test/accuracy"][0] == pytest.approx(counted[1, places].sum() / counted[2, places].sum())


def test_long_texts_are_drawn_by_runs_of_tokens_and_validation_parts_not_at_all(file: Path) -> None:
    data, task = ready(path=file, split=[0.8, 0.2, 0.0])
    _, outcome = judged(data, task)
    assert outcome.num_items == 0
    assert outcome.resampled(np.ones((1, 5), dtype=np.int64)) == {}
    nll = np.random.default_rng(0).random(4_100)
    counted = np.stack([nll, nll > 0.5, np.ones(4_100), np.zeros(4_100), np.zeros(4_100)])
    part = PartScores("test", "", nll, nll.mean(), 0.0, {}, counted=counted)
    long = LanguageModelOutcome(part, data.codec, "once")
    assert (long.num_items, long.run_length) == (1_367, 12)  # of 3 tokens each
    times = np.random.default_rng(1).integers(0, 3, 1_367)
    tokens = np.repeat(nll, np.repeat(times, 3)[:4_100])
    assert long.resampled(times[None])["test/loss"][0] == pytest.approx(tokens.mean())
