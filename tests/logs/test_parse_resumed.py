"""A parse that was ended goes on to the output of one that was not, or says why it cannot."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.logs.engines import Engine
from seqlab.logs.parse_run import parse
from seqlab.logs.parse_settings import ParseSettings

HEAD = "INFO dfs.DataNode: "


class Stopped(Exception):  # noqa: N818
    pass


def stopped_after_one_chunk(settings: ParseSettings, threads: Engine) -> Path:
    def stop(lines: int, position: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        parse(settings, threads, report=stop)
    return settings.output / ".unfinished"


@pytest.mark.parametrize("chunks", [1, 2, 5])
def test_a_parse_that_ended_early_goes_on_to_the_same_output(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, chunks: int, hdfs: Callable, tables: Callable
) -> None:
    clean, labels = hdfs_log(300)
    log = tmp_path / "a.log"
    lines = clean.read_text().splitlines()
    log.write_text(
        "".join(
            f"{line}\njunk {number}\n" if number % 400 == 7 else f"{line}\n"
            for number, line in enumerate(lines)
        )
    )
    settings = hdfs(log, tmp_path / "out", labels=labels, chunk_bytes=100_000)
    parse(replace(settings, output=tmp_path / "whole"), threads)
    seen = 0

    def stop(lines: int, position: int) -> None:
        nonlocal seen
        seen += 1
        if seen == chunks:
            raise Stopped

    with pytest.raises(Stopped):
        parse(settings, threads, report=stop)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".unfinished"]
    first_after: list[int] = []
    parse(settings, threads, resume=True, report=lambda lines, position: first_after.append(lines))
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")
    logs = json.loads((tmp_path / "out/parse.json").read_text())["logs"]
    assert [row["lines"] for row in logs] == [log.read_bytes().count(b"\n")]
    assert first_after[0] > 400  # it did not begin again


def test_resuming_refuses_other_settings_and_nothing_to_resume(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable
) -> None:
    log, labels = hdfs_log(300)
    settings = hdfs(log, tmp_path / "out", chunk_bytes=100_000)
    with pytest.raises(UserError, match="holds no parse that was ended early"):
        parse(settings, threads, resume=True)
    stopped_after_one_chunk(settings, threads)
    with pytest.raises(UserError, match="--resume: labels differ from the parse that was ended"):
        parse(replace(settings, labels=labels), threads, resume=True)


def test_a_log_that_changed_or_a_part_that_is_missing_is_not_gone_on_with(
    hdfs_log: Callable, tmp_path: Path, threads: Engine, hdfs: Callable
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(hdfs_log(300)[0].read_bytes())
    settings = hdfs(log, tmp_path / "out", chunk_bytes=100_000)
    unfinished = stopped_after_one_chunk(settings, threads)
    (unfinished / "part-000000-0000.parquet").unlink()
    with pytest.raises(UserError, match=r"holds [\d,]+ of [\d,]+ events: parts of it are missing"):
        parse(settings, threads, resume=True)
    with log.open("ab") as file:
        file.write(f"081111 000000 1 {HEAD}more blk_1\n".encode())
    with pytest.raises(UserError, match=r"a\.log has changed since"):
        parse(settings, threads, resume=True)
