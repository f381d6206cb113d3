"""``seqlab parse`` as a person calls it, and as a kill ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log
from seqlab.logs import reading
from seqlab.logs.line_reader import LineParser


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16,000 lines and their labels beside them."""
    folder = tmp_path_factory.mktemp("log")
    write_log(simulate_blocks(800, 0.05, 3), folder / "hdfs.log", folder / "labels.csv")
    return folder / "hdfs.log"


def test_what_a_parse_says_and_leaves(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = log.with_name("labels.csv")
    assert main(["parse", str(log), "--output", str(tmp_path / "out"), "--labels", str(labels)]) == 0
    said = capsys.readouterr().out
    assert "sessions  800: 40 Anomaly, 760 Normal" in said
    assert f"python train.py model=gru data.sessions={tmp_path}/out" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "parse.json",
        "sessions.parquet",
        "templates.csv",
    ]
    assert main(["parse", str(log), "--output", str(tmp_path / "out")]) == 2
    assert "holds a parse already" in capsys.readouterr().err
    assert main(["parse", str(log), "--output", str(tmp_path / "out"), "--overwrite"]) == 0
    assert "800, no labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["error <*> of <*>", "read <*>", "wrote <*>"]),
        (["--no-mask", "number"], ["error <*> of <*>", "read 5", "wrote 5"]),
        (["--no-mask", "number", "--no-mask", "format"], ["error <*> of blk_7", "read 5", "wrote 5"]),
        (["--no-masks"], ["error /a/b of blk_7", "read 5", "wrote 5"]),
        (["--no-masks", "--mask", "/[a-z/]+"], ["error <*> of blk_7", "read 5", "wrote 5"]),
        (["--similarity-counts-masks", "--similarity", "0.5"], ["error <*> of <*>", "read <*>", "wrote <*>"]),
    ],
)
def test_masks_are_switched_off_and_a_parser_reads_as_its_parse_did(
    tmp_path: Path, options: list[str], expected: list[str]
) -> None:
    messages = ["error /a/b of blk_7", "read 5", "wrote 5"]
    lines = [f"081109 203615 148 INFO dfs.DataNode: {message}" for message in messages]
    log, output = tmp_path / "a.log", tmp_path / "out"
    log.write_text("\n".join(lines) + "\n")
    assert main(["parse", str(log), "--output", str(output), "--window", "60", *options]) == 0
    assert pl.read_csv(output / "templates.csv")["EventTemplate"].to_list() == expected
    parser = LineParser.from_state(json.loads((output / "parse.json").read_text())["parser"])
    assert parser(pl.Series(lines)).key.tolist() == [1, 2, 3]
    assert parser.reader.format.counts_masks == ("--similarity-counts-masks" in options)
    ((drain, _),) = parser.ids.drains
    assert drain.counts_masks == parser.reader.format.counts_masks
    again = ["parse", str(log), "--output", str(tmp_path / "new"), "--window", "60", *options]
    assert main([*again, "--templates", str(output)]) == 0
    assert pl.read_parquet(tmp_path / "new/sessions.parquet")["keys"].to_list() == [[1, 2, 3]]


def test_templates_of_another_version_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, output = tmp_path / "a.log", tmp_path / "out"
    log.write_text("081109 203615 148 INFO dfs.DataNode: read blk_7\n")
    command = ["parse", str(log), "--output"]
    assert main([*command, str(output)]) == 0
    summary = json.loads((output / "parse.json").read_text())
    summary["parser"]["format_version"] = 1
    (output / "parse.json").write_text(json.dumps(summary))
    assert main([*command, str(tmp_path / "new"), "--templates", str(output)]) == 2
    said = capsys.readouterr().err
    assert f"{output}/parse.json: parser.format_version is 1: input should be 2; parse the log again" in said


def test_a_format_that_nobody_names_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        f"Dec 10 06:55:4{second} LabSZ sshd[24200]: Invalid user web from 10.0.0.{second}"
        for second in range(5)
    ]
    log = tmp_path / "ssh log=1.log"
    log.write_text("\n".join(lines) + "\n")
    assert main(["parse", str(log), "--output", str(tmp_path / "out")]) == 0
    assert "format    openssh: fits 5 of the first 5 lines" in capsys.readouterr().out
    assert pl.read_parquet(tmp_path / "out/sessions.parquet")["keys"].to_list() == [[1] * 5]


@pytest.mark.parametrize("session", [r"req-[a-z]+", r"req-([a-z]+)"])
def test_sessions_of_a_format_of_ones_own_share_their_templates(tmp_path: Path, session: str) -> None:
    names = ["".join("abcdefghij"[int(digit)] for digit in f"{number:04d}") for number in range(200)]
    steps = ("was begun", "ends with no error", "closed now")
    lines = [f"2026-01-01 INFO req-{name} {step}" for name in names for step in steps]
    log = tmp_path / "a.log"
    log.write_text("\n".join(lines) + "\n")
    options = ["--format", "regex", "--header", r"^\S+ \w+ ", "--session", session]
    assert main(["parse", str(log), "--output", str(tmp_path / "out"), *options]) == 0
    rows = pl.read_parquet(tmp_path / "out/sessions.parquet")
    assert rows["keys"].to_list() == [[1, 2, 3]] * 200
    parser = LineParser.from_state(json.loads((tmp_path / "out/parse.json").read_text())["parser"])
    new = parser(pl.Series([line.replace("req-", "req-new") for line in lines[:3]]))
    assert new.key.tolist() == [1, 2, 3]  # a session that was not there has the templates of the others


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "sylog"], "--format sylog: choose hdfs, android, apache"),
        (["--format", "regex"], "--format regex needs --header"),
        (["--header", "^x"], "--header goes with --format regex; hdfs has its own"),
        (["--format", "apache"], "--format apache names no session: give --session REGEX, or --window"),
        (["--step", "3"], "--step goes with --window"),
        (["--window", "0"], "--window 0: give seconds, 0.001 to"),
        (["--window", "inf"], "--window inf: give seconds"),
        (["--window", "10", "--step", "1e-7"], "--step 1e-07: give seconds"),
        (["--window", "3600", "--step", "1"], "--step 1: give seconds, 36 to the window's 3600"),
        (["--mask", "(?P<n>a)", "--mask", "(?P<n>b)"], "not a regular expression"),
        (["--window", "10", "--step", "20"], "--step 20: give seconds"),
        (["--window", "10", "--session", "blk"], "exclude each other"),
        (["--session", "("], "not a regular expression"),
        (["--mask", "x*"], "matches the empty text"),
        (["--chunk-mb", "0"], "--chunk-mb 0: give 0.001 to 1024"),
        (["--similarity", "2"], "--similarity 2.0: give a share"),
        (
            ["--no-mask", "ip"],
            "--no-mask ip: choose address or host or path or hexadecimal or number or format",
        ),
        (["--labels", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--templates", "nowhere"], "nowhere: no such file"),
        (["--engine", "spark"], "choose local or ray"),
        (
            ["--message-field", "msg"],
            "--message-field goes with --format docker or json or logfmt; hdfs has its own",
        ),
        (
            ["--time-format", "%s"],
            "--time-format goes with --format regex or docker or json or logfmt; hdfs has its own",
        ),
        (["--format", "json", "--time-field", "ts"], "--format json names no session"),
        (["--session", "(a)|(b)"], "--session '(a)|(b)': only one plain group can be masked"),
    ],
)
def test_mistakes_are_one_message(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["parse", str(log), "--output", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments", [["--format", "apache", "--window", "60"], ["--labels", "labels"], ["--engine", "spark"]]
)
@pytest.mark.parametrize("chunk_mb", ["16", "0.04"])
def test_a_refused_parse_leaves_what_was_there_before(
    log: Path, tmp_path: Path, arguments: list[str], chunk_mb: str
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("BlockId,Label\nblk_1,Anomaly\n")
    command = ["parse", str(log), "--chunk-mb", chunk_mb]
    command += [str(labels) if argument == "labels" else argument for argument in arguments]
    assert main([*command, "--output", str(tmp_path / "new/er/out")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own/notes.txt").write_text("mine")
    assert main([*command, "--output", str(tmp_path / "own")]) == 2
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_parse_leaves_no_output_that_looks_whole(
    log: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    output = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "seqlab.cli",
        "parse",
        "-",
        "--output",
        str(output),
        "--chunk-mb",
        "0.04",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(log.read_bytes()[:1_000_000])
        process.stdin.flush()
        while not list(output.glob(".unfinished/part-*")):
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(kind)
        error = process.communicate(timeout=60)[1]
    if kind == signal.SIGINT:
        assert process.returncode == 130
        assert b"Traceback" not in error
        assert not output.exists()
    assert not [path for path in output.glob("*") if not path.name.startswith(".unfinished")]
    assert main(["parse", str(log), "--output", str(output)]) == 0  # what is left keeps nobody out
    assert not list(output.glob(".*"))


def test_a_disk_that_takes_no_more_is_one_message(log: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seqlab.cli", "parse", str(log), "--output", str(tmp_path / "out")]
    limit = "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); from seqlab.cli import main;"
    limit += "sys.exit(main(sys.argv[1:]))"
    # coverage would write a file of its own, and say that it cannot
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ended = subprocess.run(
        [sys.executable, "-c", limit, *command[3:]], env=plain, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "the parse cannot go on" in ended.stderr
    assert "nothing is kept of it" in ended.stderr
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in ended.stderr


def test_standard_input_is_a_log(log: Path, tmp_path: Path, call: Callable) -> None:
    command = [sys.executable, "-m", "seqlab.cli", "parse", "-", "--output", str(tmp_path / "in")]
    with log.open("rb") as file:
        subprocess.run(command, stdin=file, check=True, capture_output=True)
    assert main(["parse", str(log), "--output", str(tmp_path / "file")]) == 0
    assert pl.read_parquet(tmp_path / "in/sessions.parquet").equals(
        pl.read_parquet(tmp_path / "file/sessions.parquet")
    )
    assert reading.STDIN == "-"


def test_a_parsed_log_trains_a_model(log: Path, tmp_path: Path, call: Callable) -> None:
    labels = log.with_name("labels.csv")
    assert main(["parse", str(log), "--output", str(tmp_path / "out"), "--labels", str(labels)]) == 0
    run = call(
        tmp_path / "run",
        "model=gru",
        f"data.sessions={tmp_path / 'out'}",
        "data.split_by=time",
        "trainer.max_epochs=1",
        "trainer.enable_progress_bar=false",
        "model.network.hidden_size=8",
        "logger=none",
    )
    assert run.code == 0, run.said
    assert "abnormal sessions of the train period were left out" in run.said
    assert "test/auroc" in run.metrics
    assert "Receiving block" in run.report  # the templates' words
