import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from seqlab.cli import main
from seqlab.data.translation import Translation as TranslationData
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.tasks.translation import Translation
from seqlab.training.checkpoints import FORMAT, KEY


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TranslationData]:
    """A checkpoint that knows some sentences by heart."""
    data = TranslationData(
        pairs=[["I am.", "나는."], ["Go home.", "집에 가."], ["Eat!", "먹어!"]], batch_size=3
    )
    data.setup()
    sizes = {name: size for name, size in data.sizes.items() if name != "unk_id"}
    network = {"embedding_size": 8, "hidden_size": 16} | sizes
    torch.manual_seed(0)
    task = Translation(network=Seq2Seq(**network), unk_id=data.sizes["unk_id"])
    optimizer = torch.optim.Adam(task.parameters(), lr=0.02)
    (batch,) = data.train_dataloader()
    for _ in range(150):
        optimizer.zero_grad()
        losses = task.losses(batch)
        losses.nll.backward()
        optimizer.step()
    model = {
        "_target_": "seqlab.tasks.translation.Translation",
        "unk_id": data.sizes["unk_id"],
        "network": {"_target_": "seqlab.networks.seq2seq.Seq2Seq"} | network,
    }
    held = {
        "format": FORMAT,
        "model": model,
        "sizes": data.sizes,
        "data": data.state(),
        "evaluation": {"_target_": "seqlab.evaluation.translation.TranslationEvaluation"},
    }
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    torch.save({"state_dict": task.state_dict(), KEY: held}, path)
    return path, data


TEXT = "Go home.\n\nI am.\nEat!\n"
EXPECTED = "집에 가.\n\n나는.\n먹어!\n"


def test_a_file_gives_one_line_each(
    trained: tuple[Path, TranslationData], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in.txt").write_text(TEXT, encoding="utf-8")
    for options in ([], ["--beam", "1"], ["--beam", "3", "--length-penalty", "0"]):
        assert main(["translate", str(trained[0]), str(tmp_path / "in.txt"), *options]) == 0
        assert capsys.readouterr().out == EXPECTED


def test_standard_input_of_a_real_process(trained: tuple[Path, TranslationData], python: Any) -> None:
    found = python.run("-m", "seqlab.cli", "translate", trained[0], input=TEXT.encode(), text=False)
    assert (found.returncode, found.stdout.decode("utf-8")) == (0, EXPECTED)


def test_input_that_is_not_text_is_told_with_its_line(
    trained: tuple[Path, TranslationData], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Eat!\ncaf\xe9\n")))
    assert main(["translate", str(trained[0])]) == 2
    assert "standard input, line 2: not UTF-8 text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--beam", "0"], "--beam 0: give a whole number"),
        (["--length-penalty", "-1"], "--length-penalty -1"),
    ],
)
def test_impossible_options_are_refused(
    trained: tuple[Path, TranslationData], capsys: pytest.CaptureFixture, options: list[str], message: str
) -> None:
    assert main(["translate", str(trained[0]), *options]) == 2
    assert message in capsys.readouterr().err


def test_predict_writes_a_table(trained: tuple[Path, TranslationData], tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(TEXT, encoding="utf-8")
    output = tmp_path / "out.csv"
    assert main(["predict", str(trained[0]), str(tmp_path / "in.txt"), "--output", str(output)]) == 0
    table = pd.read_csv(output, keep_default_na=False)
    assert table["source"].tolist() == TEXT.rstrip("\n").split("\n")
    assert table["translation"].tolist() == EXPECTED.rstrip("\n").split("\n")
    assert (table["score"] <= 0).all()


def test_an_empty_file_is_told(
    trained: tuple[Path, TranslationData], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in.txt").write_bytes(b"")
    assert main(["predict", str(trained[0]), str(tmp_path / "in.txt")]) == 2
    assert "in.txt: the file is empty; expected text, one sentence a line" in capsys.readouterr().err


def test_lines_are_cleaned_as_training_pairs_were(
    trained: tuple[Path, TranslationData], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A byte order mark, decomposed letters, tabs and odd spaces."""
    given = "\ufeffGo\u00a0home.\n\tI   am.\r\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    assert main(["translate", str(trained[0])]) == 0
    assert capsys.readouterr().out == "집에 가.\n나는.\n"


def test_a_sentence_in_place_of_a_file_is_told_where_it_goes(
    trained: tuple[Path, TranslationData], capsys: pytest.CaptureFixture
) -> None:
    assert main(["translate", str(trained[0]), "Go home."]) == 2
    said = capsys.readouterr().err
    assert "Go home.: no such file" in said
    assert f"echo SENTENCE | seqlab translate {trained[0]}" in said


def test_an_output_that_is_a_folder_is_told(
    trained: tuple[Path, TranslationData], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in.txt").write_text("Eat!\n", encoding="utf-8")
    assert main(["predict", str(trained[0]), str(tmp_path / "in.txt"), "--output", str(tmp_path)]) == 2
    assert "is a folder: give the name of a file" in capsys.readouterr().err


def test_long_lines_share_no_batch_with_many_others(
    trained: tuple[Path, TranslationData], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    lines = ["Go home."] * 60 + ["I am. " * 400]
    (tmp_path / "in.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["translate", str(trained[0]), str(tmp_path / "in.txt"), "--beam", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[:60] == ["집에 가."] * 60
