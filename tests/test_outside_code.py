"""The package in examples/: trained, scored and exported like our own; with --trust."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from seqlab.cli import main
from seqlab.data.text_streams import StreamBatches, StreamDataset
from seqlab.tasks.language_model import LanguageModel, score_tokens
from seqlab.training.checkpoints import load_task

ROOT = Path(__file__).resolve().parents[1]
CONF = str(ROOT / "examples" / "conf")
TINY = (
    "trainer.enable_progress_bar=false",
    "logger=[]",
    "scheduler=constant",
    "model.network.channels=8",
    "model.network.num_blocks=2",
)
NOTE = "note: opening its checkpoints needs --trust mylab: they name code outside seqlab"


@pytest.fixture(autouse=True, scope="module")
def importable() -> Iterator[None]:
    """What PYTHONPATH=examples does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "examples"))
        yield


@pytest.fixture(scope="module")
def run(importable: None, sample_log: Any, call: Callable[..., Any], tmp_path_factory: Any) -> Any:
    """model=tcn on the sessions of a parsed log, for one epoch."""
    folder = tmp_path_factory.mktemp("outside") / "tcn"
    found = call(
        folder,
        "--config-dir",
        CONF,
        "model=tcn",
        f"data.sessions={sample_log.parsed}",
        "trainer.max_epochs=1",
        "detection.scores=[nll_max,nll_mean,rank,combined]",
        *TINY,
    )
    assert found.code == 0, found.said
    return found


@pytest.fixture(scope="module")
def best(run: Any) -> str:
    return str(run.folder / "checkpoints" / "best.ckpt")


@pytest.fixture(scope="module")
def text_run(importable: None, call: Callable[..., Any], tmp_path_factory: Any) -> Any:
    """model=char_tcn on a text by heart."""
    folder = tmp_path_factory.mktemp("outside") / "text"
    settings = (
        "verbose=true",
        "model=char_tcn",
        "data.text=longseq",
        "trainer.max_epochs=40",
        "optimizer.lr=0.01",
    )
    size = ("model.network.channels=32", "model.network.num_blocks=3")
    found = call(folder, f"hydra.searchpath=[file://{CONF}]", *settings, *TINY, *size)
    assert found.code == 0, found.said
    return found


def test_a_run_says_once_what_opening_its_checkpoints_needs(run: Any, text_run: Any) -> None:
    assert run.said.count(NOTE) == 1
    assert text_run.said.count(NOTE) == 1
    assert run.metrics["val/loss"] > 0


def arguments(command: str, log: Any, folder: Path) -> list[str]:
    first = log.sessions.read_text(encoding="ascii").partition(",")[0]
    return {
        "predict": [str(log.sessions), "--output", str(folder / "out.csv")],
        "detect": [str(log.log), "--output", str(folder / "alerts.txt")],
        "explain": [first, "--sessions", str(log.parsed)],
        "calibrate": [str(log.sessions), "--output", str(folder / "new.ckpt")],
        "export": ["--output", str(folder / "exported")],
        "generate": [],
        "translate": [str(log.sessions)],
    }[command]


COMMANDS = ("predict", "detect", "explain", "calibrate", "export", "generate", "translate")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_opens_it_without_trust(
    best: str, command: str, sample_log: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, best, *arguments(command, sample_log, tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.err == (
        f"error: {best}: it names mylab.tcn.CausalTCN, code outside seqlab, which was not run. Where you "
        "trust the whole package, add --trust mylab to the command\n"
    )
    assert said.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["predict", "detect", "explain", "calibrate"])
def test_the_same_commands_with_trust(
    best: str, command: str, sample_log: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, best, *arguments(command, sample_log, tmp_path), "--trust", "mylab"]) == 0
    if command == "explain":
        assert "blk_" in capsys.readouterr().out
    else:
        assert [path.stat().st_size > 0 for path in tmp_path.iterdir()] == [True]


def test_scores_are_those_of_the_run(run: Any, best: str, sample_log: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert main(["predict", best, str(sample_log.sessions), "--output", str(out), "--trust", "mylab"]) == 0
    predicted = pd.read_csv(out).set_index("block_id")["nll_max"]
    scores = run.scores.set_index("block_id")["nll_max"]
    np.testing.assert_allclose(predicted[scores.index], scores, rtol=1e-4)


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_the_exported_network_gives_the_same_numbers(best: str, tmp_path: Path, kind: str) -> None:
    assert main(["export", best, "--format", kind, "--output", str(tmp_path), "--trust", "mylab"]) == 0
    task, contents = load_task(best, ["mylab"])
    contexts = torch.randint(0, contents.sizes["vocab_size"], (7, 21))
    with torch.no_grad():
        expected = task.network(contexts).log_softmax(dim=-1)
    if kind == "onnx":
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        found = session.run(None, {"contexts": contexts.numpy()})[0]
    else:
        found = torch.export.load(tmp_path / "model.pt2").module()(contexts)[0].detach()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_an_export_needs_no_trust(best: str, sample_log: Any, tmp_path: Path) -> None:
    """It holds a graph, no code; its alerts are those of the checkpoint."""
    assert main(["export", best, "--output", str(tmp_path / "onnx"), "--trust", "mylab"]) == 0
    detect = ["detect", str(tmp_path / "onnx"), str(sample_log.log), "--onnx", "--json"]
    assert main([*detect, "--output", str(tmp_path / "a")]) == 0
    detect = ["detect", best, str(sample_log.log), "--trust", "mylab", "--json"]
    assert main([*detect, "--output", str(tmp_path / "b")]) == 0
    alerts = [
        [json.loads(line)["block"] for line in (tmp_path / name).read_text().splitlines()] for name in "ab"
    ]
    assert alerts[0] == alerts[1]
    assert alerts[0]


def test_a_stateless_language_model_learns_is_judged_and_writes(
    text_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text_run.metrics["test/accuracy"] > 0.9
    assert "by windows of 58, of which half" in " ".join(text_run.said.split())  # 1 + 2 * 2 * 7 see a token
    assert "What it writes" in text_run.report
    path = str(text_run.folder / "checkpoints" / "best.ckpt")
    prompt = "if you want to build"
    capsys.readouterr()
    options = ["--length", "30", "--temperature", "0", "--trust", "mylab"]
    assert main(["generate", path, "--prompt", prompt, *options]) == 0
    assert capsys.readouterr().out.startswith(f"{prompt} a ship, don't drum up")
    text = tmp_path / "text.txt"
    text.write_text("if you want to build a ship\n", encoding="utf-8")
    assert main(["predict", path, str(text), "--trust", "mylab"]) == 0
    assert float(capsys.readouterr().out.splitlines()[1].split(",")[2]) < 0.5
    assert main(["export", path, "--output", str(tmp_path / "onnx"), "--trust", "mylab"]) == 0
    network = json.loads((tmp_path / "onnx" / "settings.json").read_text())["network"]
    (file,) = network["files"].values()
    assert list(file["inputs"]) == ["tokens"]
    assert list(file["outputs"]) == ["log_probabilities"]


def test_a_stateless_network_is_judged_alike_whatever_the_pieces(importable: None) -> None:
    """Each prediction has the whole field of the convolutions before it: 13 tokens of windows of 26."""
    from mylab.tcn import TextTCN

    torch.manual_seed(0)
    task = LanguageModel(pad_id=0, network=TextTCN(9, 0, channels=4, num_blocks=2)).eval()
    tokens = torch.randint(4, 9, (100,))
    with torch.no_grad():
        whole = torch.nn.functional.cross_entropy(
            task.network(tokens[None, :-1])[0][0], tokens[1:], reduction="none"
        )
    for chunk in (1, 7, 256):
        torch.testing.assert_close(score_tokens(task, tokens, num_streams=1, chunk=chunk).nll, whole)
    streams = StreamDataset(tokens, 2, 30)
    batches = [streams[batch] for batch in StreamBatches(streams, seed=0, shift=False)]
    task.train()
    alone = sum(task.losses(batch).nll for batch in batches)
    task.eval()
    task.before = None
    together = sum(task.losses(batch).nll for batch in batches)
    assert float(alone) != pytest.approx(float(together), rel=1e-4)  # training reads each piece by itself


def test_a_package_that_is_not_found_is_one_message(
    call: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lab" / "conf" / "model").mkdir(parents=True)
    (tmp_path / "lab" / "absentlab").mkdir()
    config = (ROOT / "examples/conf/model/tcn.yaml").read_text(encoding="utf-8")
    (tmp_path / "lab/conf/model/mine.yaml").write_text(config.replace("mylab", "absentlab"), encoding="utf-8")
    found = call(tmp_path / "run", "--config-dir", str(tmp_path / "lab/conf"), "model=mine", *TINY)
    assert found.code == 2
    assert capfd.readouterr().err == (
        "error: model.network._target_=absentlab.tcn.CausalTCN: cannot be imported: no module absentlab is "
        f"found; type PYTHONPATH={tmp_path / 'lab'} before the command, or install the package of absentlab "
        "with pip\n"
    )
    assert "absentlab" not in sys.modules
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_what_a_checkpoint_could_not_name_is_refused_before_training(
    call: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = "+model.network.dropout={_target_:builtins.float,_args_:[0.1]}"
    found = call(tmp_path / "run", "model=gru", "~model.network.dropout", odd, "data.sample.num_blocks=60")
    assert found.code == 2
    assert "error: model: it names builtins.float, which is no network" in capfd.readouterr().err
