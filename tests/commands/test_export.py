"""A run, its export, and scores made from the exported folder without torch."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seqlab.cli import EXIT_USER_ERROR, main

# What another program does with the two files: numpy and onnxruntime, and none of seqlab's networks.
SCORE = """
import json, sys
sys.modules["torch"] = None
import numpy as np, onnxruntime
folder, sessions = sys.argv[1:]
settings = json.load(open(folder + "/settings.json"))
session = onnxruntime.InferenceSession(folder + "/model.onnx")
tokens = settings["vocabulary"]["tokens"]
pad, bos, eos, unk = (tokens.index(name) for name in ("<pad>", "<bos>", "<eos>", "<unk>"))
ids = {token: number for number, token in enumerate(tokens)}
window, judge = settings["data"]["window_size"], settings["judge"]
assert settings["data"]["context"] == "from_start"
assert judge["pseudo_sessions"] == 0 and judge["main_score"] == "nll_max"
known = np.array(judge["count_vectors"])

for line in open(sessions):
    name, keys = line.strip().split(",")
    keys = [ids.get(key, unk) for key in keys.split()]
    stream = [pad] * (window - 1) + [bos] + keys + [eos]
    targets = np.array([*keys, eos])
    contexts = np.array([stream[place : place + window] for place in range(len(targets))], dtype=np.int64)
    (found,) = session.run(["log_probabilities"], {"contexts": contexts})
    nll = -found[np.arange(len(targets)), targets]
    nll = np.where(targets == unk, 100.0, np.minimum(nll, 99.0))
    distance = np.abs(known - np.bincount(keys, minlength=len(tokens))).sum(axis=1).min()
    alert = nll.max() > judge["thresholds"]["nll_max"]["value"]
    print(name, nll.max(), distance, alert)
"""


PLAIN = ("detection.score=nll_max", "detection.pseudo_sessions=0")  # what takes few lines to write again


@pytest.fixture(scope="module")
def checkpoint(call: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run = call(folder, "trainer.max_epochs=1", "data.sample.num_blocks=300", "data.window_size=5", *PLAIN)
    assert run.code == 0
    return folder / "checkpoints" / "best.ckpt"


def test_the_folder_scores_without_torch(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(checkpoint), "--format", "onnx", "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert f"network   {tmp_path / 'out' / 'model.onnx'}" in said
    assert "largest difference from torch" in said
    sessions = tmp_path / "new.txt"
    sessions.write_text("a,5 5 5 22 11 9 11 9 11 9 26 26 26\nb,22 5 5 77 5\nc,5\nd,26 26 26 26 9 11\n")
    assert main(["predict", str(checkpoint), str(sessions), "--output", str(tmp_path / "out.csv")]) == 0
    expected = pd.read_csv(tmp_path / "out.csv").set_index("block_id")
    arguments = [sys.executable, "-c", SCORE, str(tmp_path / "out"), str(sessions)]
    lines = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split() for line in lines]
    assert [row[0] for row in rows] == list(expected.index) == ["a", "b", "c", "d"]
    for column, name in enumerate(["nll_max", "count_distance"], start=1):
        np.testing.assert_allclose(
            [float(row[column]) for row in rows], expected[name], rtol=1e-5, atol=1e-5, err_msg=name
        )
    assert [row[3] == "True" for row in rows] == expected["alert"].tolist()


def test_torch_is_the_other_format(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(checkpoint), "--format", "torch"]) == 0
    assert (checkpoint.parent / "best_torch" / "model.pt2").exists()
    assert (checkpoint.parent / "best_torch" / "settings.json").exists()
    assert "over " in capsys.readouterr().out


def test_mistakes_are_one_message(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "no.ckpt")]) == EXIT_USER_ERROR
    assert "no such checkpoint" in capsys.readouterr().err
    assert main(["export", str(checkpoint), "--output", str(checkpoint)]) == EXIT_USER_ERROR
    assert "is a file: give --output the name of a folder" in capsys.readouterr().err
