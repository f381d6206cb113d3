"""One tiny run of each model whose data are no logs: run folder, figures, report, checkpoint, prediction."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch

from seqlab.cli import main
from seqlab.training.checkpoints import load_task

Call = Callable[..., Any]


class Recipe(NamedTuple):
    """A model with small settings, and what its run must show."""

    overrides: tuple[str, ...]
    keys: set[str]  # of metrics.json
    names: str  # a pattern that every key matches, timing and val/loss aside
    picture: str  # title of a report section
    columns: set[str]  # of scores.csv
    input: str  # what `seqlab predict` reads
    predicted: set[str]  # columns of what it writes


RECIPES = {
    "lstm": Recipe(
        (
            "data.sample.num_days=150",
            "data.horizon=2",
            "data.backtest.folds=2",
            "model.network.num_readers=2",
        ),
        {
            "test/mae",
            "test/rmse",
            "test/skill",
            "test/coverage_80",
            "baseline/last_value/mae",
            "backtest/mean/skill",
        },
        r"(val|test|baseline/\w+|backtest/\w+)(/step_\d)?/(loss|mae|rmse|mase|skill|coverage_80|interval_width_80|"
        r"last_value_mae|train_days)",
        "Error by horizon",
        {"date", "step", "truth", "forecast", "lower", "upper", "last_value"},
        "Date,Open,High,Low,Close,Volume\n"
        + "".join(f"2020-01-{day:02},10,11,9,{10 + day % 3},100\n" for day in range(1, 13)),
        {"last_date", "step", "forecast", "lower", "upper"},
    ),
    "char_rnn": Recipe(
        ("model.network.hidden_size=8",),
        {"test/loss", "test/accuracy", "test/read_on_accuracy", "val/bits_per_char", "baseline/5-gram/loss"},
        r"(val|test|baseline/\d-gram)/(loss|bits_per_char|(read_on_)?accuracy)",
        "What it writes",
        {"line", "characters", "loss", "unknown", "text"},
        "a ship\nöl\n",
        {"line", "characters", "loss", "unknown", "text"},
    ),
    "seq2seq": Recipe(
        ("data.sample.num_pairs=80", "model.network.hidden_size=8"),
        {"test/bleu", "test/chrf", "test/loss", "baseline/copy_source/bleu", "baseline/most_frequent/chrf"},
        r"(val|test|test/unseen|baseline/\w+)/(loss|accuracy|bleu|chrf|seen_\w+_share)",
        "Attention",
        {"source", "reference", "translation", "chrf", "score"},
        "The dog sees the cat.\n",
        {"source", "translation", "score"},
    ),
    "name_classifier": Recipe(
        ("data.sample.num_names=200", "model.network.hidden_size=8"),
        {"test/accuracy", "test/macro_f1", "baseline/majority/accuracy", "oracle/accuracy_ceiling"},
        r"(val|test|baseline/\w+|test/\w+|oracle)/(loss|accuracy|macro_f1|f1|accuracy_ceiling)",
        "Confusion matrix",
        {"name", "label", "predicted", "probability"},
        "김민서\nMüller\n",
        {"name", "predicted", "probability", "runner_up", "runner_up_probability"},
    ),
    "classifier": Recipe(
        ("data.sample.num_texts=200", "model.network.hidden_size=8"),
        {
            "test/accuracy",
            "test/macro_f1",
            "baseline/majority/accuracy",
            "baseline/word_naive_bayes/macro_f1",
        },
        r"(val|test|baseline/\w+|test/\w+|oracle)/(loss|accuracy|macro_f1|f1|accuracy_ceiling)",
        "Words",
        {"text", "label", "predicted", "probability"},
        "Where is my parcel?\n비밀번호\n",
        {"text", "predicted", "probability", "runner_up", "runner_up_probability"},
    ),
    "entity_tagger": Recipe(
        ("data.sample.num_sentences=80", "model.network.hidden_size=8"),
        {"test/entity_f1", "test/token_accuracy", "baseline/most_frequent_tag/entity_f1"},
        r"(val|test|baseline/\w+|test/[\w-]+)/(loss|score|entity_(f1|precision|recall)|token_accuracy|f1|precision|recall)",
        "Tagged sentences",
        {"sentence", "token", "gold", "predicted"},
        "Ann went to Bonn\n",
        {"sentence", "token", "tag"},
    ),
    "tagger": Recipe(
        ("data.sample.num_sentences=80", "model.network.hidden_size=8"),
        {"val/score", "test/accuracy", "test/macro_f1", "test/NOUN/f1", "baseline/majority_tag/accuracy"},
        r"(val|test|baseline/\w+|test/\w+)/(loss|score|accuracy|macro_f1|f1)",
        "Confused tags",
        {"sentence", "token", "gold", "predicted"},
        "the quiet teacher walks\n",
        {"sentence", "token", "tag"},
    ),
}
TINY = ("trainer.max_epochs=2", "trainer.check_val_every_n_epoch=1", "trainer.enable_progress_bar=false")


class Finished(NamedTuple):
    """A run with what was asked for."""

    model: str
    recipe: Recipe
    run: Any


@pytest.fixture(scope="module", params=list(RECIPES))
def finished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, call: Call
) -> Finished:
    recipe = RECIPES[request.param]
    run = call(tmp_path_factory.mktemp(request.param), f"model={request.param}", *TINY, *recipe.overrides)
    return Finished(request.param, recipe, run)


def test_the_run_folder_is_complete(finished: Finished) -> None:
    folder = finished.run.folder
    assert finished.run.code == 0
    expected = ["environment.json", "metrics.json", "metrics.csv", "report.html", "scores.csv", "train.log"]
    expected += [".hydra/config.yaml", "checkpoints/best.ckpt", "checkpoints/last.ckpt"]
    assert [name for name in expected if not (folder / name).is_file()] == []
    assert finished.recipe.columns <= set(finished.run.scores.columns)
    assert len(finished.run.scores) > 0


def test_figures_are_finite_floats_under_documented_keys(finished: Finished) -> None:
    metrics = finished.run.metrics
    assert finished.recipe.keys | {"val/loss", "timing/fit_seconds", "timing/test_seconds"} <= set(metrics)
    for key, value in metrics.items():
        assert type(value) is float
        assert math.isfinite(value)
        name = re.sub("/ci_(low|high)$", "", key)
        assert key.startswith(("timing/", "audit/")) or re.fullmatch(finished.recipe.names, name), key
    rates = [key for key in metrics if re.fullmatch(r"timing/train_\w+_per_second", key)]
    assert len(rates) == 1
    assert metrics[rates[0]] > 0


def test_the_terminal_tells_of_the_sample_and_shows_baselines(finished: Finished) -> None:
    said = finished.run.said
    assert said.startswith(f"model={finished.model} data=")
    assert "note: " in said
    names = {key.split("/")[1] for key in finished.run.metrics if key.startswith("baseline/")}
    assert names
    lines = dict(re.findall(r"^(\S[^:]*): +(.*)$", said, re.MULTILINE))
    plain = lines.get("baseline") or lines["baselines"]
    assert any(name.replace("_", " ") in plain.replace("_", " ") for name in names)
    assert re.fullmatch(
        r"setup [\d.]+ s, training [\d.]+ s, judging [\d.]+ s \([\d,]+ [a-z ]+ a second in training\)",
        lines["time"],
    )
    assert lines["report"].endswith("/report.html (open it in a browser)")
    assert lines["next"].startswith("seqlab ")
    assert 5 <= len(set(lines) - {"note"}) <= 9


def test_the_report_has_its_picture(finished: Finished) -> None:
    page = finished.run.report
    assert f">{finished.recipe.picture}</h2>" in page
    assert "<svg" in page
    assert not re.search(r'(src|href)="(https?:)?//', page)  # one file that needs no network


def test_the_checkpoint_is_of_plain_values_and_rebuilds_the_task(finished: Finished) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        path = finished.run.folder / "checkpoints" / name
        torch.load(path, weights_only=True)
        task, contents = load_task(path)
        assert not task.training
        assert contents.evaluation["_target_"].startswith("seqlab.evaluation.")


def test_trainer_test_of_a_notebook_gives_the_figures_of_the_run(
    finished: Finished, tested_anew: Callable[[Any], None]
) -> None:
    tested_anew(finished.run)


def test_predict_needs_the_checkpoint_and_new_data_alone(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input.txt").write_text(finished.recipe.input, encoding="utf-8")
    checkpoint = str(finished.run.folder / "checkpoints/best.ckpt")
    assert main(("predict", checkpoint, "input.txt", "--output", "out.csv")) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert set(table.columns) == finished.recipe.predicted
    assert len(table) > 0


def test_a_seed_gives_the_same_figures_again(finished: Finished, tmp_path: Path, call: Call) -> None:
    again = call(tmp_path, f"model={finished.model}", *TINY, *finished.recipe.overrides)

    def untimed(run: Any) -> dict[str, float]:
        return {key: value for key, value in run.metrics.items() if not key.startswith("timing/")}

    assert untimed(again) == untimed(finished.run)


@pytest.mark.parametrize("content", ["", "\n\n", "\x00\xff"])
def test_unreadable_input_is_one_message(
    finished: Finished, content: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content.encode("latin-1"))
    capsys.readouterr()
    code = main(("predict", str(finished.run.folder / "checkpoints/best.ckpt"), str(path)))
    if code == 0:  # empty lines are text for a model that writes lines
        assert finished.model == "seq2seq" or (finished.model == "char_rnn" and content == "\n\n")
        return
    assert code == 2
    message = capsys.readouterr().err.splitlines()
    assert len(message) == 1
    assert message[0].startswith(f"error: {path}")


def test_signatures_stand_in_the_environment(finished: Finished) -> None:
    environment = json.loads((finished.run.folder / "environment.json").read_text(encoding="utf-8"))
    assert environment["seed"] == 0
    if finished.model == "seq2seq":
        assert environment["signatures"]["bleu"].startswith("nrefs:1|case:mixed")


def test_the_notebook_on_prices_needs_the_file_alone_and_judges_its_last_step(
    call: Call, tmp_path: Path
) -> None:
    days = [f"{day + 1},{day + 3},{day},{1000 + day},{day + 2}" for day in range(100, 40, -1)]
    head = "# newest first\n# Open,High,Low,Volume,Close\n"
    (tmp_path / "prices.csv").write_text(head + "\n".join(days), encoding="utf-8")
    settings = (f"data.path={tmp_path / 'prices.csv'}", "trainer.max_epochs=3")
    quiet = ("logger=[]", "trainer.enable_progress_bar=false")
    run = call(tmp_path / "run", "experiment=stock_lstm_notebook", *settings, *quiet)
    assert run.code == 0, run.said
    assert "names of columns from its comment, line 2: Open, High, Low, Volume, Close" in run.said
    checkpoint = torch.load(run.folder / "checkpoints/best.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 3
    # min-max scales of the first 70 %: 42 days, the oldest of which closes at 43
    scaler = checkpoint["seqlab"]["data"]["encoding"]["target_scaler"]
    assert (scaler["offset"], scaler["scale"]) == ([43.0], [41.0])
    assert run.metrics["baseline/last_value/mae"] == 1
