"""From a checkpoint to another with other thresholds, and never into the given one unasked."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from seqlab.cli import EXIT_USER_ERROR, main
from seqlab.data.parsed_sessions import read_parsed_sessions


@pytest.fixture(scope="module")
def trained(checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(checkpoint(), tmp_path_factory.mktemp("run") / "best.ckpt"))


@pytest.fixture(scope="module")
def normals(sample_log: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normal sessions, two of them with a key that training never showed."""
    sessions = read_parsed_sessions(sample_log.parsed).sessions
    kept = [row for row, label in enumerate(sessions.labels) if label == 0]
    rows = [f"{sessions.ids[row]},{' '.join(sessions.keys(row))}\n" for row in kept]
    path = tmp_path_factory.mktemp("new") / "normals.txt"
    path.write_text("".join([*rows, "blk_1,1 999\n", "blk_2,999 1 2\n"]))
    return path


def judge_of(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)["seqlab"]["judge"]


def test_the_sessions_of_training_are_told_apart(
    trained: Path, normals: Path, sample_log: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for given, told in ((sample_log.parsed, 1), (normals, 0)):
        output = str(tmp_path / f"{told}.ckpt")
        assert main(["calibrate", str(trained), str(given), "--output", output]) == 0
        assert (
            capsys.readouterr().out.count("warning   the model learned from these sessions: new ones") == told
        )


def test_a_new_checkpoint_with_new_thresholds(
    trained: Path, normals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, old = trained.read_bytes(), judge_of(trained)
    output = tmp_path / "new.ckpt"
    assert (
        main(["calibrate", str(trained), str(normals), "--target-fpr", "0.05", "--output", str(output)]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert trained.read_bytes() == before
    new = judge_of(output)
    count = len(normals.read_text().splitlines())
    unseen = int(lines[1].split()[0])
    assert unseen >= 2
    assert lines[0] == f"normals   {count - unseen} of {count} sessions of {normals}"
    assert lines[1].endswith(f"{unseen} with keys that training never showed")
    assert lines[-1] == f"written   {output}"
    end = lines.index("how the new ones were found:")
    rows = {line.split()[0]: line for line in lines[:end] if line and line.split()[0] in new["thresholds"]}
    how = " ".join(" ".join(lines[end:]).split())
    assert list(rows) == list(old["thresholds"])
    for name, row in rows.items():
        assert row.split()[1] == f"{old['thresholds'][name]['value']:.4g}"
        assert row.split()[2] == f"{new['thresholds'][name]['value']:.4g}"
        assert f"{name}: {new['thresholds'][name]['method']}" in how
    assert new["calibrated"] == {"normals": str(normals), "sessions": count - unseen, "target_fpr": 0.05}
    capsys.readouterr()
    assert main(["predict", str(output), str(normals), "--output", str(tmp_path / "out.csv")]) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    main_score = new["main_score"]
    assert table["threshold"].unique() == pytest.approx([new["thresholds"][main_score]["value"]])
    # sessions with unseen keys are alerts; of the others fewer than the table says, which left each out once
    above = float(rows[main_score].split()[4])
    assert unseen <= table["alert"].sum() <= unseen + above * (count - unseen) + 0.5
    weights = [torch.load(path, weights_only=True)["state_dict"] for path in (trained, output)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_given_checkpoint_is_replaced_only_when_asked(
    trained: Path, normals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "best.ckpt"
    copy.write_bytes(trained.read_bytes())
    assert main(["calibrate", str(copy), str(normals), "--output", str(copy)]) == EXIT_USER_ERROR
    assert "is the given checkpoint: --in-place replaces it" in capsys.readouterr().err
    (tmp_path / "link.ckpt").symlink_to(copy)
    link = str(tmp_path / "link.ckpt")
    assert main(["calibrate", str(copy), str(normals), "--output", link]) == EXIT_USER_ERROR
    assert copy.read_bytes() == trained.read_bytes()
    capsys.readouterr()
    assert main(["calibrate", str(copy), str(normals)]) == 0
    assert copy.read_bytes() == trained.read_bytes()
    config = torch.load(trained, weights_only=True)["seqlab"]["config"]
    target = judge_of(tmp_path / "best_calibrated.ckpt")["calibrated"]["target_fpr"]
    assert target == config["detection"]["target_fpr"]  # the run's own
    assert main(["calibrate", str(copy), str(normals), "--in-place"]) == 0
    assert copy.read_bytes() != trained.read_bytes()
    assert "calibrated" in judge_of(copy)


def test_few_normals_are_said_to_be_few(
    trained: Path, normals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few.txt"
    few.write_text("".join(normals.read_text().splitlines(keepends=True)[:40]))
    assert main(["calibrate", str(trained), str(few), "--output", str(tmp_path / "new.ckpt")]) == 0
    assert "can support no aim below 0.0" in capsys.readouterr().out


def test_broken_weights_are_refused(
    trained: Path, normals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = torch.load(trained, weights_only=True)
    for weights in content["state_dict"].values():
        if weights.is_floating_point():
            weights.fill_(torch.nan)
    broken = tmp_path / "broken.ckpt"
    torch.save(content, broken)
    for command in (["calibrate"], ["predict"]):
        output = ["--output", str(tmp_path / "output")]
        assert main([*command, str(broken), str(normals), *output]) == EXIT_USER_ERROR
        assert "the network gives NaN, not a number" in capsys.readouterr().err
        assert not (tmp_path / "output").exists()


def test_mistakes_are_one_message(
    trained: Path, normals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, message in (
        ([str(trained), str(normals), "--target-fpr", "2"], "give a share between 0 and 1"),
        ([str(trained), str(tmp_path / "no.txt")], "no.txt: no such file"),
        ([str(trained), str(normals), "--output", str(tmp_path)], "give the name of a file"),
        ([str(trained), str(normals), "--output", str(normals)], "is the normals"),
        (
            [str(trained), str(normals), "--output", str(tmp_path / "a/b.ckpt")],
            "in a folder that exists",
        ),
        ([str(tmp_path / "no.ckpt"), str(normals)], "no such checkpoint"),
    ):
        assert main(["calibrate", *arguments]) == EXIT_USER_ERROR
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
