"""``seqlab parse`` beside what it left before sessions were masked: their log_format says nothing of it."""

import json
from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log
from seqlab.logs.engines import Threads
from seqlab.logs.formats import FORMATS, LogFormat
from seqlab.logs.line_parser import LineParser
from seqlab.logs.parse_run import parse
from seqlab.logs.parse_settings import ParseSettings

HEADER, SESSION = r"^\S+ \w+ ", r"req-[a-z]+"
REGEX = ["--format", "regex", "--header", HEADER, "--session", SESSION]
LINES = [f"2026-01-01 INFO req-{name} {step}" for name in ("ab", "cd") for step in ("was begun", "ends now")]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_text("\n".join(LINES) + "\n")
    return path


def older_parse(log: Path, output: Path) -> Path:
    """A parse of before: each session has templates of its own, and no ``mask_session`` says so."""
    engine = Threads()
    parse(ParseSettings((str(log),), output, LogFormat("regex", HEADER, session=SESSION)), engine)
    engine.close()
    summary = json.loads((output / "parse.json").read_text())
    for part in (summary["parser"], summary["settings"]):
        del part["log_format"]["mask_session"]
    (output / "parse.json").write_text(json.dumps(summary))
    return output


@pytest.mark.parametrize("name", ["", "parse.json"])
def test_templates_of_an_older_parse_keep_their_ids(log: Path, tmp_path: Path, name: str) -> None:
    older = older_parse(log, tmp_path / "older")
    known = pl.read_parquet(older / "sessions.parquet")["keys"].to_list()
    assert len({key for keys in known for key in keys}) == 4
    new = ["parse", str(log), "--output", str(tmp_path / "new"), *REGEX, "--templates", str(older / name)]
    assert main(new) == 0
    assert pl.read_parquet(tmp_path / "new/sessions.parquet")["keys"].to_list() == known
    summary = json.loads((tmp_path / "new/parse.json").read_text())
    assert summary["templates"] == 4
    for folder in (older, tmp_path / "new"):  # and so do those that a checkpoint holds
        parser = LineParser.from_state(json.loads((folder / "parse.json").read_text())["parser"])
        assert parser(pl.Series(LINES)).key.tolist() == [key for keys in known for key in keys]


def test_templates_of_a_parse_that_masked_sessions_still_do(log: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("first", "second")]
    assert main(["parse", str(log), "--output", str(outputs[0]), *REGEX]) == 0
    assert main(["parse", str(log), "--output", str(outputs[1]), *REGEX, "--templates", str(outputs[0])]) == 0
    for output in outputs:
        assert pl.read_parquet(output / "sessions.parquet")["keys"].to_list() == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("options", "log_format"),
    [([], FORMATS["hdfs"]), (REGEX, LogFormat("regex", HEADER, session=SESSION))],
    ids=["hdfs", "regex"],
)
def test_an_unfinished_parse_of_before_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], log_format: LogFormat
) -> None:
    log, outputs = tmp_path / "a.log", [tmp_path / name for name in ("ended", "whole")]
    if options:
        log.write_text("\n".join(LINES * 1000) + "\n")
    else:
        write_log(simulate_blocks(100, 0.05, 3), log, tmp_path / "labels.csv")
    settings = [ParseSettings((str(log),), output, log_format, chunk_bytes=20_000) for output in outputs]

    def stop(lines: int, position: int) -> None:
        raise InterruptedError

    engine = Threads()
    with pytest.raises(InterruptedError):
        parse(settings[0], engine, report=stop)
    parse(settings[1], engine)
    engine.close()
    path = outputs[0] / ".unfinished/progress.json"
    progress = json.loads(path.read_text())
    del progress["settings"]["log_format"]["mask_session"]
    path.write_text(json.dumps(progress))
    assert main(["parse", str(log), "--output", str(outputs[0]), *options, "--resume"]) == 0
    assert " of them now in " in capsys.readouterr().out
    found = [pl.read_parquet(output / "sessions.parquet") for output in outputs]
    assert found[0].equals(found[1])
    assert len({(output / "templates.csv").read_text() for output in outputs}) == 1
