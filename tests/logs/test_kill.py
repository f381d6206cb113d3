"""A parse that is killed at any step of its work on files leaves nothing that looks like a whole parse."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main

# a child for each kill: what is slow to import is loaded once, before any thread runs
CHILDREN = """
import os, shutil, signal, sys
import numpy, polars, tqdm.auto
from seqlab.cli import main

log, output, *moments = sys.argv[1:]

def count_or_kill(moment):
    count = 0
    def hook(event, arguments):
        nonlocal count
        if arguments and str(arguments[0]).startswith(output):
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    code = main(["parse", log, "--output", output, "--overwrite", "--chunk-mb", "0.1"])
    print(count, flush=True)
    os._exit(code)

for moment in map(int, moments):
    shutil.copytree(f"{output}-before", output)
    child = os.fork()
    if not child:
        count_or_kill(moment)
    os.waitpid(child, 0)
    os.rename(output, f"{output}-{moment}")
"""


def run(root: Path, *arguments: str | Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILDREN, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.soak)])
def test_a_parse_killed_at_any_step_leaves_nothing_that_looks_whole(
    kills: int, hdfs_log: Callable, tmp_path: Path, root: Path
) -> None:
    old, new = hdfs_log(30)[0], hdfs_log(300)[0]
    output = tmp_path / "out"
    assert main(["parse", str(new), "--output", str(tmp_path / "new")]) == 0
    assert main(["parse", str(old), "--output", str(tmp_path / "out-before")]) == 0
    steps = int(run(root, new, output, 0).split()[-1])
    assert steps > 15
    whole = {name: pl.read_parquet(tmp_path / name / "sessions.parquet") for name in ("out-before", "new")}
    assert pl.read_parquet(tmp_path / "out-0/sessions.parquet").equals(whole["new"])
    moments = sorted(random.Random(kills).sample(range(1, steps + 1), min(kills, steps)))
    run(root, new, output, *moments)
    for moment in moments:
        left = tmp_path / f"out-{moment}"
        if (left / "parse.json").exists():  # killed before the old one was touched, or after all was done
            sessions = pl.read_parquet(left / "sessions.parquet")
            name = "new" if len(sessions) == 300 else "out-before"
            assert sessions.equals(whole[name])
            assert (left / "templates.csv").read_bytes() == (tmp_path / name / "templates.csv").read_bytes()
        assert main(["parse", str(new), "--output", str(left), "--overwrite"]) == 0
        assert not list(left.glob(".*"))
        assert pl.read_parquet(left / "sessions.parquet").equals(whole["new"])
