"""The files of ``seqlab detect``: states, and one file for two things."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from seqlab.cli import main

Refused = Callable[..., str]


@pytest.fixture
def watched(
    detect: Any, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> tuple[Path, ...]:
    """Checkpoint, log, output and state of a watch that was left in order."""
    files = (checkpoint(), tmp_path / "log", tmp_path / "alerts.jsonl", tmp_path / "state")
    files[1].write_text("\n".join(sample_log.lines[:5000]) + "\n")
    assert detect(files[0], files[1], "--output", files[2], "--state", files[3])[0] == 0
    assert files[2].stat().st_size > 0
    return files


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_one_file_for_two_things_is_refused(
    link: Any, refused: Refused, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path, log, output = checkpoint(), tmp_path / "log", tmp_path / "out"
    shutil.copy(sample_log.log, log)
    before = log.read_bytes()

    def other(file: Path) -> Path:
        if link is None:
            return file
        name = tmp_path / f"{link.__name__}-{file.name}"
        if not os.path.lexists(name):
            link(file, name)
        return name

    assert "--output is the same file as the log" in refused(path, log, "--output", other(log))
    assert "--state is the same file as the log" in refused(path, log, "--state", other(log))
    assert "--output is the same file as the checkpoint" in refused(path, log, "--output", other(path))
    if link is not os.link:  # a hard link needs the file
        said = refused(path, log, "--output", output, "--state", other(output))
        assert "--state is the same file as --output" in said
        assert not output.exists()
    output.write_text("")
    said = refused(path, log, "--output", output, "--state", other(output))
    assert "--state is the same file as --output" in said
    assert log.read_bytes() == before


def test_what_is_no_plain_file_takes_alerts_and_no_state(
    detect: Any, refused: Refused, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path, log, null = checkpoint(), sample_log.log, Path("/dev/null")
    assert detect(path, log, "--output", null)[0] == 0
    assert detect(path, log, "--output", null, "--state", tmp_path / "state")[0] == 0
    assert "no plain file" in refused(path, log, "--state", null)
    assert not null.is_file()


def foreign_states(folder: Path, whole: bytes) -> dict[str, Path]:
    """Files that somebody may take for a state."""
    pl.DataFrame({"a": [1]}).write_parquet(folder / "table.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(folder / "named.parquet", metadata={"seqlab_detect": "[1, 2]"})
    pl.DataFrame({"a": [1]}).write_parquet(folder / "other.parquet", metadata={"seqlab_detect": "{}"})
    (folder / "random").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "empty").write_bytes(b"")
    (folder / "half").write_bytes(whole[: len(whole) // 2])
    (folder / "text").write_text("just text\n")
    return {file.name: file for file in folder.iterdir()}


def test_a_foreign_state_is_one_message_and_stays_as_it_is(
    watched: tuple[Path, ...], refused: Refused, tmp_path: Path
) -> None:
    path, log, output, state = watched
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name, file in foreign_states(folder, state.read_bytes()).items():
        before = file.read_bytes()
        said = refused(path, log, "--output", output, "--state", file)
        assert "not a state of seqlab detect" in said, (name, said)
        assert file.read_bytes() == before
    assert not list(folder.glob(".*"))  # no lock is left behind


def test_archives_tables_and_parsed_folders_are_refused_with_the_way_out(
    refused: Refused, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path, capsys: Any
) -> None:
    path, archive = checkpoint(), tmp_path / "hdfs.log"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(sample_log.log, "hdfs.log")
    table = sample_log.parsed / "sessions.parquet"
    for log, words in [
        (archive, "| seqlab detect CKPT -. Text must be UTF-8"),
        (table, f"{table} holds no lines of text"),
        (sample_log.parsed, f"seqlab predict CKPT {sample_log.parsed}"),
        (sample_log.parsed, f"seqlab explain CKPT BLOCK --sessions {sample_log.parsed}"),
    ]:
        assert words in refused(path, log)
        assert main(["explain", str(path), "blk_1", "--log", str(log)]) == 2
        assert words in capsys.readouterr().err


def test_no_file_of_the_user_is_taken_for_a_part_of_the_state(
    detect: Any, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    log, state, output = tmp_path / "s.part", tmp_path / "s", tmp_path / "t.part"
    shutil.copy(sample_log.log, log)
    assert detect(checkpoint(), log, "--state", state, "--output", output, "--close")[0] == 0
    assert log.read_bytes() == sample_log.log.read_bytes()
    assert output.stat().st_size > 0
    assert {file.name for file in tmp_path.iterdir()} == {"s.part", "s", "t.part"}


def test_a_state_of_another_network_or_another_log_is_refused_and_another_spelling_is_not(
    watched: tuple[Path, ...], detect: Any, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, log, output, state = watched
    content = torch.load(path, weights_only=True)
    name, weights = next(iter(content["state_dict"].items()))
    content["state_dict"][name] = weights + 0.001
    other = output.with_name("other.ckpt")
    torch.save(content, other)
    assert "for another checkpoint" in refused(other, log, "--output", output, "--state", state)
    (log.parent / "deep").mkdir()
    monkeypatch.chdir(log.parent / "deep")
    assert detect(path, f"../{log.name}", "--output", output, "--state", state)[0] == 0


def test_a_name_that_is_too_long_is_one_message(refused: Refused, checkpoint: Callable[..., Path]) -> None:
    assert "no such file" in refused(checkpoint(), "x" * 300)


def test_a_packed_log_in_capitals_and_one_that_begins_with_a_byte_order_mark(
    detect: Any, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path = checkpoint()
    plain = detect(path, sample_log.log)
    content = sample_log.log.read_bytes()
    (tmp_path / "A.LOG.GZ").write_bytes(gzip.compress(content))
    (tmp_path / "marked.log").write_bytes(codecs.BOM_UTF8 + content)
    for name in ("A.LOG.GZ", "marked.log"):
        code, alerts, said = detect(path, tmp_path / name)
        assert (code, len(alerts)) == (0, len(plain[1])), said
        assert [alert["score"] for alert in alerts] == [alert["score"] for alert in plain[1]]
        assert json.loads(said.splitlines()[-1])["skipped"] == 0


def test_sessions_of_keys_give_no_event_and_a_log_may_begin_with_a_number(
    detect: Any, checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path, keys, log = checkpoint(), tmp_path / "keys.txt", tmp_path / "cut.log"
    keys.write_text("blk_1,5 5 22\nblk_2,5 22\n")
    code, alerts, said = detect(path, keys)
    assert (code, alerts) == (2, [])
    assert f"{keys}: none of 2 lines is an event" in said.splitlines()[-1]
    assert "line 1 is 'blk_1,5 5 22' (no header)" in said.splitlines()[-1]
    log.write_text("67108864\n" + "\n".join(sample_log.lines[:500]) + "\n")  # cut within a line
    code, _, said = detect(path, log)
    assert code == 0
    assert json.loads(said.splitlines()[-1])["events"] == 500
