import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from seqlab.cli import main
from seqlab.data.characters import CharacterSequence
from seqlab.networks.char_rnn import CharRNN
from seqlab.tasks.language_model import LanguageModel
from seqlab.training.checkpoints import FORMAT, KEY

TEXT = "row, row, row your boat\ngently down the stream\n"


def learned(path: Path, unit: str) -> Path:
    """A checkpoint that knows a text by heart."""
    data = CharacterSequence(
        text=TEXT,
        unit=unit,
    )
    data.setup()
    torch.manual_seed(0)
    network = {"hidden_size": 48, "embedding_size": 8} | data.sizes
    task = LanguageModel(pad_id=data.sizes["pad_id"], network=CharRNN(**network))
    optimizer = torch.optim.Adam(task.parameters(), lr=0.02)
    for _ in range(150):
        for batch in data.train_dataloader():
            optimizer.zero_grad()
            task.losses(batch).nll.backward()
            optimizer.step()
    model = {
        "_target_": "seqlab.tasks.language_model.LanguageModel",
        "pad_id": data.sizes["pad_id"],
        "network": {"_target_": "seqlab.networks.char_rnn.CharRNN"} | network,
    }
    held = {
        "format": FORMAT,
        "model": model,
        "sizes": data.sizes,
        "data": data.state(),
        "evaluation": {"_target_": "seqlab.evaluation.language_model.LanguageModelEvaluation"},
    }
    torch.save({"state_dict": task.state_dict(), KEY: held}, path)
    return path


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("generate")
    return {unit: learned(folder / f"{unit}.ckpt", unit) for unit in ("char", "word")}


def said(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[str, str]:
    assert main(("generate", *arguments)) == 0
    return capsys.readouterr()


def test_it_writes_on_what_it_learned(checkpoints: dict[str, Path], capsys: pytest.CaptureFixture) -> None:
    greedy = ("--temperature", "0", "--length")
    out, err = said(capsys, str(checkpoints["char"]), "--prompt", "row, row, row yo", *greedy, "15")
    assert (out, err) == ("row, row, row your boat\ngently \n", "")
    out, _ = said(capsys, str(checkpoints["word"]), "--prompt", "row, row, row", *greedy, "6")
    assert out == "row, row, row your boat\ngently down the\n"


def test_without_a_prompt_it_begins_after_a_line_end(
    checkpoints: dict[str, Path], capsys: pytest.CaptureFixture
) -> None:
    for unit, length in (("char", "6"), ("word", "1")):
        options = (str(checkpoints[unit]), "--temperature", "0", "--length", length)
        out, _ = said(capsys, *options)
        assert f"\n{out}" == said(capsys, *options, "--prompt", "\n")[0]


def test_how_to_draw_is_the_models_own_unless_told(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    content = torch.load(checkpoints["char"], weights_only=True)
    content[KEY]["model"] |= {"temperature": 50.0, "top_p": 1.0}
    torch.save(content, tmp_path / "hot.ckpt")
    prompt = ("--prompt", "row, row, row yo", "--length", "15")
    noise, _ = said(capsys, str(tmp_path / "hot.ckpt"), *prompt)
    assert noise != "row, row, row your boat\ngently \n"
    assert noise == said(capsys, str(checkpoints["char"]), *prompt, "--temperature", "50", "--top-p", "1")[0]
    cold = said(capsys, str(tmp_path / "hot.ckpt"), *prompt, "--temperature", "0")[0]
    assert cold == "row, row, row your boat\ngently \n"


def test_a_seed_repeats_and_length_is_kept(
    checkpoints: dict[str, Path], capsys: pytest.CaptureFixture
) -> None:
    options = (str(checkpoints["char"]), "--prompt", "row", "--length", "60", "--temperature", "1.5")
    first, again = said(capsys, *options)[0], said(capsys, *options)[0]
    assert first == again
    assert len(first) == len("row") + 60 + 1
    assert said(capsys, *options, "--seed", "1")[0] != first
    only_one = said(capsys, *options, "--top-k", "1")[0]
    assert only_one == said(capsys, *options, "--top-p", "0.000001")[0]


@pytest.mark.parametrize(
    ("unit", "prompt", "unseen"), [("char", "Zürow", "'Z', 'ü'"), ("word", "배 row", "'배'")]
)
def test_unseen_characters_are_read_as_unknown_and_told(
    checkpoints: dict[str, Path], capsys: pytest.CaptureFixture, unit: str, prompt: str, unseen: str
) -> None:
    out, err = said(capsys, str(checkpoints[unit]), "--prompt", prompt, "--length", "5")
    assert out.startswith(prompt)
    assert err == f"note: the training text holds no {unseen}: read as unknown\n"
    assert "<unk>" not in out


def test_pieces_arrive_as_they_are_drawn(checkpoints: dict[str, Path], python: Any) -> None:
    """A real process is read while it writes: the first characters are here long before the last."""
    words = ("generate", checkpoints["char"], "--prompt", "row", "--length", "100000000")
    with python.popen("-m", "seqlab.cli", *words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(300).startswith(b"row")
        assert process.poll() is None  # a hundred million characters are not written yet
        process.stdout.close()
        process.terminate()
        assert process.wait(timeout=30) is not None


def test_a_reader_that_leaves_ends_it_without_a_traceback(checkpoints: dict[str, Path], python: Any) -> None:
    words = ("-m", "seqlab.cli", "generate", checkpoints["char"], "--length", "100000000")
    with python.popen(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(50)) == 50
        process.stdout.close()
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == b""


def test_predict_says_what_each_line_cost(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in.txt").write_text(TEXT + "stream down a row\n", encoding="utf-8")
    assert (
        main(("predict", str(checkpoints["char"]), str(tmp_path / "in.txt"), "--output", f"{tmp_path}/o.csv"))
        == 0
    )
    table = pd.read_csv(tmp_path / "o.csv")
    assert table["text"].tolist() == [*TEXT.splitlines(), "stream down a row"]
    assert table["loss"][:2].max() < 0.2
    assert table["loss"][2] > 1.0
    (tmp_path / "one.txt").write_text("a", encoding="utf-8")
    capsys.readouterr()
    assert main(("predict", str(checkpoints["char"]), str(tmp_path / "one.txt"))) == 2
    assert "one.txt: 1 characters; at least 2 are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--length", "0"], "--length 0: give a whole number"),
        (["--temperature", "-1"], "temperature -1"),
        (["--top-k", "0"], "top-k 0"),
        (["--top-p", "2"], "top-p 2"),
    ],
)
def test_impossible_options_are_told(
    checkpoints: dict[str, Path], options: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["generate", str(checkpoints["char"]), *options]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_another_kind_of_checkpoint_is_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from seqlab.data.series import TimeSeries
    from seqlab.networks.series_regressor import SeriesRegressor
    from seqlab.tasks.regression import Regression

    data = TimeSeries(sample={"num_weeks": 2}, seq_length=24, horizon=12)
    data.setup()
    network = data.sizes
    model = {
        "_target_": "seqlab.tasks.regression.Regression",
        "network": {"_target_": "seqlab.networks.series_regressor.SeriesRegressor"} | network,
    }
    state = Regression(network=SeriesRegressor(**network)).state_dict()
    evaluation = {"_target_": "seqlab.evaluation.forecasting.ForecastingEvaluation"}
    held = {"format": FORMAT, "model": model, "evaluation": evaluation, "sizes": data.sizes}
    held["data"] = data.state()
    path = tmp_path / "other.ckpt"
    torch.save({"state_dict": state, KEY: held}, path)
    assert main(["generate", str(path)]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert f"{path} is of a model judged by ForecastingEvaluation, which writes no text" in said
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    path = path.rename(tmp_path / "run" / "checkpoints" / "best.ckpt")
    (tmp_path / "run" / "config.json").write_text('{"choices": {"model": "lstm"}}')
    assert main(["generate", str(path), "--prompt", "row"]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert said == f"error: {path} is of model=lstm, which writes no text: give one of model=char_rnn\n"


def test_commands_of_other_kinds_refuse_it(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "new.txt").write_text("row, row\n", encoding="utf-8")
    for command, said in (("translate", "which does not translate"), ("calibrate", "judges no log sessions")):
        assert main((command, str(checkpoints["char"]), str(tmp_path / "new.txt"))) == 2
        assert said in capsys.readouterr().err
