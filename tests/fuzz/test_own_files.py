"""Files that the program wrote, damaged or edited: each is read as it is, or told of in one message."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from seqlab.alerts.blocks import OpenBlock
from seqlab.alerts.clock import LogClock
from seqlab.alerts.sources import FileSource
from seqlab.alerts.state import StateFile
from seqlab.alerts.watcher import Totals
from seqlab.comparing.comparison import compare_runs
from seqlab.comparing.page import render_comparison
from seqlab.comparing.paired import paired_test
from seqlab.comparing.runs import find_run_folders, read_runs
from seqlab.comparing.table import to_csv, to_markdown
from seqlab.composing.resuming import search_path, stored_overrides
from seqlab.data.parsed_sessions import read_parsed_sessions
from seqlab.logs.formats import FORMATS
from seqlab.logs.line_reader import LineParser
from seqlab.logs.parse_run import open_engine, parse
from seqlab.logs.settings import ParseSettings
from seqlab.sweeps.sweep_file import read_sweep

from .checks import COUNTS, check_answer, message_fault
from .mutations import mutants
from .structures import damaged

LOG = "".join(
    f"081109 2036{line:02} {line} INFO dfs.DataNode: Receiving blk_{line % 3} of size {line} from 10.0.0.1\n"
    f"081109 2036{line:02} {line} INFO dfs.FSNamesystem: Deleting block blk_{line % 3}\n"
    for line in range(10, 40)
)


def check(read: Callable[[], Any], how: str, path: Path) -> None:
    """``check_answer``, and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_answer(read, how, path)


def damaged_json(path: Path, count: int) -> Iterator[str]:
    """Write a JSON file damaged, half of the time its values and half its bytes; gives what was done."""
    whole = path.read_bytes()
    for how, value in damaged(json.loads(whole), count // 2, plain=True):
        try:
            path.write_text(json.dumps(value))
        except RecursionError:
            path.write_text('{"a":' * 3000 + "1" + "}" * 3000)
        except ValueError:  # a number of too many digits
            path.write_bytes(whole.replace(b"1", b"1" * 5000, 1))
        yield how
    for mutant in mutants([whole], count - count // 2):
        path.write_bytes(mutant.content)
        yield f"{mutant.number}: {mutant.how}"


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, list | dict):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def damaged_table(path: Path, count: int) -> Iterator[str]:
    """The same of a Parquet file: other values and types in its columns, or other bytes."""
    whole, table = path.read_bytes(), pl.read_parquet(path)
    metadata = pl.read_parquet_metadata(path)
    for how, columns in damaged(table.to_dict(as_series=False), count // 2):
        path.write_bytes(whole[: len(how) * 20])
        with suppress(Exception):  # no table
            if not _is_deeper(columns, 20):  # polars has no limit, and the process no stack for a thousand
                pl.DataFrame(columns, strict=False).write_parquet(path, metadata=metadata)
        yield how
    for mutant in mutants([whole], count - count // 2):
        path.write_bytes(mutant.content)
        yield f"{mutant.number}: {mutant.how}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parse of a small log."""
    made = tmp_path_factory.mktemp("parse")
    (made / "a.log").write_text(LOG)
    engine = open_engine()
    settings = ParseSettings((str(made / "a.log"),), made / "parsed", FORMATS["hdfs"], parameters=True)
    parse(settings, engine)
    engine.close()
    return made / "parsed"


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ["parse.json", "sessions.parquet", "parameters.parquet"])
def test_a_parsed_folder(name: str, count: int, folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "parsed")

    def read() -> None:
        parsed = read_parsed_sessions(copy, times=True, parameters=True)
        assert parsed.sessions.lengths.min() > 0
        assert len(parsed.templates) >= len(parsed.sessions.key_names)
        events = LineParser.from_state(parsed.parser)(pl.Series(LOG.splitlines()))
        assert len(events.key) == len(events.line)

    read()
    changes = damaged_json if name == "parse.json" else damaged_table
    for how in changes(copy / name, count // 3):
        check(read, how, copy / name)


@pytest.mark.parametrize("count", COUNTS)
def test_a_state_of_detect(count: int, tmp_path: Path) -> None:
    log, path = tmp_path / "a.log", tmp_path / "watch.state"
    log.write_text(LOG)
    source = FileSource(str(log))
    source.read(0)
    clock = LogClock(10**7, heard=3, times=[1, 2, 3], marks=[(1, 2)])
    events = bytearray(b"\1" + bytes(19)) * 3
    blocks = {name: OpenBlock(name, "0f", 5, 9, 3, events=events) for name in ("blk_1", "blk_2")}
    file = StateFile(path, str(log), "ab", 9)
    from dataclasses import asdict

    file.write({"totals": asdict(Totals(3)), "clock": asdict(clock), "source": source.state()}, blocks)
    source.close()

    def read() -> None:
        found = file.read(0.0)
        assert found is not None
        header, opened = found
        again = FileSource(str(log), state=header["source"])
        again.read(0)
        again.close()
        Totals(**header["totals"]).lines += 1
        assert all(block.num_events * 20 == len(block.events) for block in opened.values())

    read()
    header = json.loads(pl.read_parquet_metadata(path)["seqlab_detect"])
    table = pl.read_parquet(path)
    for how in damaged_table(path, count // 2):
        check(read, how, path)
    for how, value in damaged(header, count - count // 2, plain=True):
        try:
            text = json.dumps(value)
        except (RecursionError, ValueError):
            text = "[" * 5000
        table.write_parquet(path, metadata={"seqlab_detect": text})
        check(read, how, path)
    file.close()


RUN_FILES = ["config.json", "metrics.json", "environment.json", "scores.csv", "metrics.csv"]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", RUN_FILES)
def test_a_run_folder_that_is_compared(name: str, count: int, tmp_path: Path) -> None:
    for run in ("one", "two"):
        (tmp_path / run / ".hydra").mkdir(parents=True)
        lr = {"one": 0.1, "two": 0.2}[run]
        config = {"seed": 0, "optimizer": {"lr": lr}, "monitor": {"metric": "val/loss", "mode": "min"}}
        record = {"config": config, "references": {"data.seed": "${seed}"}, "choices": {"model": "gru"}}
        (tmp_path / run / "config.json").write_text(json.dumps(record))
        (tmp_path / run / "metrics.json").write_text(json.dumps({"val/loss": 0.5, "test/f1": 0.7}))
        (tmp_path / run / "environment.json").write_text(json.dumps({"commit": "abc", "seed": 0}))
        rows = "".join(f"name{row},a,{'ab'[row % 2]},0.5\n" for row in range(30))
        (tmp_path / run / "scores.csv").write_text(f"name,label,predicted,probability\n{rows}")
        (tmp_path / run / "metrics.csv").write_text("epoch,step,val/loss\n0,1,0.5\n1,2,0.4\n")

    def read() -> None:
        runs, notices = read_runs(find_run_folders([tmp_path]))
        comparison = compare_runs(runs, [], notices)
        assert all(not message_fault(notice, tmp_path) for notice in comparison.notices)
        paired = paired_test(comparison.groups, None)
        assert render_comparison(comparison, paired)
        assert to_csv(comparison)
        assert to_markdown(comparison)

    read()
    path = tmp_path / "one" / name
    inputs = (
        damaged_json(path, count // 5)
        if name.endswith("json")
        else (
            (path.write_bytes(mutant.content) and mutant.how) or mutant.how
            for mutant in mutants([path.read_bytes()], count // 5)
        )
    )
    for how in inputs:
        check(read, how, path)


SWEEP = """program: train.py
method: random
metric: {name: val/loss, goal: minimize}
run_cap: 5
early_terminate: {type: hyperband, min_iter: 2, eta: 3}
parameters:
  model: {value: gru}
  optimizer.lr: {distribution: log_uniform_values, min: 0.001, max: 1.0e-1}
  model.network.hidden_size: {values: [4, 8]}
  model.network.num_layers: {min: 1, max: 3}
"""


@pytest.mark.parametrize("count", COUNTS)
def test_a_sweep_file(count: int, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"

    def read() -> None:
        sweep = read_sweep(path)
        assert sweep.trials(None) > 0
        sweep.distributions()
        sweep.values({each.name: each.first for each in sweep.searched})

    for how, value in damaged(yaml.safe_load(SWEEP), count // 2, plain=True):
        try:
            path.write_text(yaml.safe_dump(value, allow_unicode=False))
        except (RecursionError, ValueError):
            path.write_text("[" * 4000)
        check(read, how, path)
    for mutant in mutants([SWEEP.encode()], count - count // 2):
        path.write_bytes(mutant.content)
        check(read, mutant.how, path)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ["overrides.yaml", "hydra.yaml"])
def test_the_settings_of_a_run_that_goes_on(name: str, count: int, tmp_path: Path) -> None:
    sources = [{"path": "hydra.conf", "schema": "pkg", "provider": "hydra"}]
    sources += [{"path": "mine", "schema": "file", "provider": "command-line"}]
    hydra = {"hydra": {"runtime": {"cwd": "/here", "config_sources": sources}}}
    contents = {"overrides.yaml": ["model=gru", "seed=1"], "hydra.yaml": hydra}
    (tmp_path / ".hydra").mkdir()
    for file, content in contents.items():
        (tmp_path / ".hydra" / file).write_text(yaml.safe_dump(content))
    path = tmp_path / ".hydra" / name

    def read() -> None:
        assert all(isinstance(each, str) for each in [*stored_overrides(tmp_path), *search_path(tmp_path)])

    read()
    seed = path.read_bytes()
    for how, value in damaged(contents[name], count // 4, plain=True):
        try:
            path.write_text(yaml.safe_dump(value))
        except (RecursionError, ValueError):
            path.write_text("[" * 4000)
        check(read, how, path)
    for mutant in mutants([seed], count // 4):
        path.write_bytes(mutant.content)
        check(read, mutant.how, path)
