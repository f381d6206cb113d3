from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqlab
from seqlab.cli import main
from seqlab.data.session_files import read_sessions

Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Explain:
    """``seqlab explain ...`` within this process: exit code, standard output and error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["explain", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "model", [(), ("model=gru_ae",), ("data.context=full_windows", "data.window_size=5")]
)
@pytest.mark.parametrize("score", ["nll_max", "combined"])
def test_the_score_is_that_of_predict_and_every_place_has_its_line(
    model: tuple[str, ...], score: str, explain: Explain, checkpoint: Callable[..., Path], sample_log: Any
) -> None:
    path = checkpoint(*model, score=score)
    batch = seqlab.load(path).data.predict(sample_log.sessions).set_index("block_id")
    block = batch.index[batch["alert"]][0]
    sessions = read_sessions(sample_log.sessions)
    keys = sessions.keys(int(np.flatnonzero(sessions.ids == block)[0]))
    of_block = [line for line in sample_log.lines if block in line]
    shown = []
    for where in (
        ("--log", sample_log.log),
        ("--sessions", sample_log.parsed),
        ("--sessions", sample_log.sessions),
    ):
        code, out, _ = explain(path, block, *where, "--json")
        assert code == 0
        shown.append(json.loads(out))
    for found in shown:
        assert found["score"] == pytest.approx(batch[score][block], rel=1e-5, abs=1e-5)
        assert found["alert"]
        assert [event["key"] for event in found["events"]] == [*keys, "<eos>"]
        assert all(len(event["expected"]) == 3 for event in found["events"])
        known = [event["nll"] for event in found["events"] if event["nll"] is not None]
        assert max(known) == pytest.approx(batch["nll_max"][block], rel=1e-5, abs=1e-5)
    for found in shown[:2]:
        assert [event["text"] for event in found["events"]] == [*of_block, None]
        content = sample_log.log.read_bytes()
        for event in found["events"][:-1]:
            assert content[event["offset"] :].startswith(event["text"].encode())
    assert shown[0]["events"][0]["time"].startswith("2008-11-09 20:")


def test_text_shows_bars_what_was_expected_and_the_line(
    explain: Explain, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path = checkpoint()
    batch = seqlab.load(path).data.predict(sample_log.sessions)
    block = batch["block_id"][batch["nll_max"] == 100].iloc[0]
    packed = tmp_path / "hdfs.log.gz"
    packed.write_bytes(gzip.compress(sample_log.log.read_bytes()))
    code, out, _ = explain(path, block, "--log", packed)
    assert code == 0
    rows = [row.rstrip() for row in out.splitlines()]
    assert rows[0] == block
    assert "an alert" in rows[1]
    new = next(row for row in rows if " new " in row)
    assert "━" * 12 in new
    assert any(row.split()[0].startswith("0.") for row in rows if row)  # what was expected
    assert any("@" in row and row.split()[0].startswith("@") for row in rows if row)  # the line
    assert "new: never seen in training" in rows[-1]
    whole = explain(path, block, "--log", packed, "--all")[1]
    events = sum(block in line for line in sample_log.lines)
    assert sum(row[:3].strip().isdecimal() for row in whole.splitlines()[4:]) == events


def test_a_picture_needs_nothing_else(
    explain: Explain, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    block, picture = read_sessions(sample_log.sessions).ids[0], tmp_path / "block.svg"
    code, _, said = explain(checkpoint(), block, "--sessions", sample_log.sessions, "--picture", picture)
    assert code == 0
    assert str(picture) in said
    text = picture.read_text()
    assert text.startswith("<svg")
    assert block in text
    assert re.findall(r"https?://[^\s\"<]+", text.replace("http://www.w3.org/2000/svg", "")) == [
        "https://www.textualize.io"
    ]


def test_mistakes_are_one_message(
    explain: Explain, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path = checkpoint()
    block = read_sessions(sample_log.sessions).ids[0]
    bare = checkpoint(f"data.normal={sample_log.sessions}")
    for arguments, words in [
        (
            (path, "blk_none", "--log", sample_log.log),
            "no line of block blk_none",
        ),
        ((path, "blk_none", "--sessions", sample_log.sessions), "no block blk_none among its 400"),
        ((path, "blk_none", "--sessions", sample_log.parsed), "no block blk_none among its 400"),
        ((path, block, "--sessions", tmp_path / "none"), "no such file"),
        ((path, block, "--log", tmp_path / "none"), "no such file"),
        ((path, block, "--log", sample_log.log, "--picture", tmp_path / "a.gif"), "ends in .svg"),
        (
            (path, block, "--log", sample_log.log, "--picture", tmp_path / "no/a.svg"),
            "in a folder that exists",
        ),
        ((bare, block, "--log", sample_log.log), "seqlab parse"),
        ((tmp_path / "none.ckpt", block, "--log", sample_log.log), "no such checkpoint"),
    ]:
        code, _, said = explain(*arguments)
        assert code == 2, arguments
        assert words in said
        assert said.count("\n") == 1
    assert explain(bare, block, "--sessions", sample_log.sessions)[0] == 0


def test_a_parse_with_other_templates_is_refused(
    explain: Explain, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    log = tmp_path / "other.log"
    log.write_text("\n".join(reversed(sample_log.lines)) + "\n")
    assert main(["parse", str(log), "--output", str(other)]) == 0
    block = read_sessions(sample_log.sessions).ids[0]
    code, out, said = explain(checkpoint(), block, "--sessions", other)
    assert (code, out) == (2, "")
    assert "in training it was" in said
    assert "--templates" in said
    known = tmp_path / "known"
    assert main(["parse", str(log), "--output", str(known), "--templates", str(sample_log.parsed)]) == 0
    assert explain(checkpoint(), block, "--sessions", known)[0] == 0


@pytest.mark.parametrize("name", ["a.png", "a", "no/a.svg", "."])
def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_done(
    name: str, explain: Explain, sample_log: Any, tmp_path: Path
) -> None:
    picture = tmp_path / name
    code, out, said = explain(tmp_path / "none.ckpt", "blk", "--log", sample_log.log, "--picture", picture)
    assert (code, out) == (2, "")
    assert f"--picture {picture}" in said


def test_events_without_times_have_no_column_for_them(
    explain: Explain, checkpoint: Callable[..., Path], sample_log: Any
) -> None:
    block = read_sessions(sample_log.sessions).ids[0]
    path = checkpoint()
    header = {}
    for name, where in (("log", sample_log.log), ("sessions", sample_log.parsed)):
        out = explain(path, block, f"--{name}", where)[1]
        header[name] = next(row for row in out.splitlines() if row.split()[:1] == ["#"])
    assert header["log"].split()[:3] == ["#", "time", "key"]
    assert header["sessions"].split()[:2] == ["#", "key"]
