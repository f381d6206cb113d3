"""The formats that are ready, each on lines written after its header; and the table of them in the docs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from seqlab.cli import main
from seqlab.logs.drain import Drain, LearnedIds
from seqlab.logs.formats import FORMATS
from seqlab.logs.line_reader import LineReader

PAGE = (Path(__file__).parents[2] / "docs/logs.md").read_text()

# header and kinds of messages; {n} counts, {w} is one of WORDS
WORDS = ("mail", "camera", "clock", "music")
SAMPLES = {
    "android": (
        "03-17 16:13:{n:02d}.811  1702  2395 D WindowManager: ",
        [
            "app {w} moves to the front, task {n}",
            "screen is on: brightness {n}",
            "Skipping AppWindowToken{{df0798e token=Token{{78af58{n} ActivityRecord{{3b04890 t7{n}}}}}}}",
            "interceptKeyTq keycode={n} interactive=true",
        ],
    ),
    "healthapp": (
        "20171223-22:15:29:6{n:02d}|Step_LSC|30002312|",
        [
            "onStandStepChanged 35{n}",
            "onExtend:15140388960{n} 14 0 4",
            "flush sensor data",
            "upload of {n} rows",
        ],
    ),
    "hpc": (
        "1346{n:02d} node-2{n} unix.hw state_change.unavailable 10778047{n:02d} 1 ",
        [
            "Component State Change: Component \\042alt{n}\\042 is in the unavailable state (HWID=38{n})",
            "ambient={n}",
            "boot (command 19{n})",
            "Link error on broadcast tree Interconnect-0T00:00:{n}",
        ],
    ),
    "linux": (
        "Jun 14 15:16:{n:02d} combo ",
        [
            "sshd(pam_unix)[199{n}]: authentication failure; logname= uid=0 euid=0 rhost=218.188.2.{n}",
            "sshd(pam_unix)[199{n}]: check pass; user unknown",
            "su(pam_unix)[21{n}]: session opened for user {w} by (uid=0)",
            "kernel: CPU {n}: Intel Pentium III stepping 04",
        ],
    ),
    "mac": (
        "Jul  1 09:00:{n:02d} host-10-105-160-95 com.apple.CDScheduler[{n}] (com.apple.xpc): ",
        [
            "Thermal pressure state: {n} Memory pressure state: 0",
            "ARPT: 6207{n}.967405: wl0: setup_keepalive: Local port: 592{n}, Remote port: 443",
            "in6_unlink_ifa: IPv6 address 0x77c911454f1523{n:02d} has no prefix",
            "Sandbox: {w}({n}) deny(1) mach-lookup",
        ],
    ),
    "openstack": (
        "nova-compute.log 2017-05-16 00:00:{n:02d}.500 2931 INFO nova.compute.manager [req-3e{n} - - - - -] "
        "[instance: b9000564-fe1a-409b-b8cc-1e88b294cd{n:02d}] ",
        [
            "VM Started (Lifecycle Event)",
            "Took {n}.58 seconds to spawn the instance on the hypervisor.",
            "Total memory: 64172 MB, used: {n}12.00 MB",
            "Terminating instance",
        ],
    ),
    "proxifier": (
        "[10.30 16:49:{n:02d}] chrome.exe *64 - ",
        [
            "proxy.cse.example.edu:50{n} open through proxy proxy.cse.example.edu:5070 HTTPS",
            "proxy.cse.example.edu:50{n} close, {n} bytes sent, 4{n} bytes received, lifetime 00:{n:02d}",
            "www.example.com:443 error : Could not connect through proxy proxy.cse.example.edu:5070",
        ],
    ),
    "spark": (
        "17/06/09 20:10:{n:02d} INFO executor.CoarseGrainedExecutorBackend: ",
        [
            "Got assigned task {n}",
            "Finished task {n}.0 in stage 2.0 (TID {n}). 2703 bytes result sent to driver",
            "Block rdd_2_{n} stored as values in memory (estimated size {n}.3 KB, free 365.1 MB)",
            "Registered signal handler for {w}",
        ],
    ),
    "thunderbird": (
        "- 11315664{n:02d} 2005.11.09 dn{n} Nov  9 12:01:{n:02d} dn{n}/dn{n} crond(pam_unix)[29{n}]: ",
        [
            "session opened for user root by (uid=0)",
            "session closed for user root",
            "(root) CMD (run-parts /etc/cron.hourly)",
            "synchronized to 10.100.16.{n}, stratum 3",
        ],
    ),
    "windows": (
        "2016-09-28 04:30:{n:02d}, Info                  CBS    ",
        [
            "Loaded Servicing Stack v6.1.7601.23{n} with Core: cbscore.dll",
            "SQM: Initializing online with Windows opt-in: False",
            "Warning: Unrecognized packageExtended attribute.",
            "Session: 30546{n}_2568 initialized by client WindowsUpdateAgent.",
        ],
    ),
    "syslog": (
        "<34>Oct 11 22:14:{n:02d} mymachine su[{n}]: ",
        ["session opened for user {w}", "session closed for user {w}", "failed for {w} on /dev/pts/{n}"],
    ),
    "syslog5424": (
        '<165>1 2003-10-11T22:14:{n:02d}.003Z host.example.com evntslog - ID{n} [a@3 i="3]\\"" b="c"] ',
        ["An application event {n}", "BOM of {n} words read", "no reply from 192.0.2.{n}"],
    ),
    "cri": (
        "2016-10-06T00:17:{n:02d}.669794202Z stdout F ",
        ["pulled image {n}", "probe of {w} failed with code {n}"],
    ),
}


def sample(name: str) -> tuple[list[str], list[int]]:
    """Lines of a format in turn, and the kind of each."""
    header, kinds = SAMPLES[name]
    lines, truth = [], []
    for n in range(10, 30):
        for kind, text in enumerate(kinds):
            lines.append((header + text).format(n=n, w=WORDS[n % len(WORDS)]))
            truth.append(kind)
    return lines, truth


@pytest.fixture
def benchmark(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/grouping_accuracy.py."""
    return load_script("benchmarks/grouping_accuracy.py")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_reads_its_lines_and_groups_them_as_the_docs_say(name: str, benchmark: ModuleType) -> None:
    lines, truth = sample(name)
    known = FORMATS[name]
    found = LineReader(known)(pl.Series(lines))
    assert found.skipped == {}
    assert found.time.null_count() == 0
    ids = LearnedIds(Drain(known.similarity, known.depth)).assign(found.distinct, found.code)
    accuracy = benchmark.grouping_accuracy(ids.tolist(), truth)
    assert f"| `{name}` | {accuracy:.4f} | {len(set(ids.tolist()))} | {len(set(truth))} |" in PAGE


@pytest.mark.parametrize("name", SAMPLES)
def test_auto_names_the_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "a.log"
    lines = sample(name)[0]
    log.write_text("\n".join(lines) + "\n")
    assert main(["parse", "--try", str(log)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"format {name}: fits {len(lines)} of the first {len(lines)} lines\n")
    assert f"{lines[0]}\n  time" in said
    if name == "openstack":
        assert "session  b9000564-fe1a-409b-b8cc-1e88b294cd10\n" in said


def test_auto_parses_and_says_which_format_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join(sample("openstack")[0]) + "\n")
    assert main(["parse", str(log), "--output", str(tmp_path / "out"), "--format", "auto"]) == 0
    assert capsys.readouterr().out.startswith(
        "format    openstack: fits 80 of the first 80 lines\nlines     80 "
    )
    assert json.loads((tmp_path / "out/parse.json").read_text())["sessions"] == 20
    log.write_text("one\ntwo\n")
    assert main(["parse", str(log), "--output", str(tmp_path / "no"), "--format", "auto"]) == 2
    assert (
        "a.log: no format fits its first lines, such as 'one': give --format regex" in capsys.readouterr().err
    )
    assert main(["parse", "-", "--output", str(tmp_path / "no"), "--format", "auto"]) == 2
    assert "name the format of standard input" in capsys.readouterr().err


JSON = [
    {"ts": "2026-01-01T00:00:00Z", "msg": "begin 1", "trace_id": "a", "ctx": {"user": "kim"}},
    {"ts": "2026-01-01T01:00:01.5+01:00", "msg": 'say "x" 2', "trace_id": "b", "ctx": {"user": "kim"}},
    {"ts": "2026-01-01 00:00:02", "msg": "begin 3", "trace_id": "a"},
]
FIELDS = ["--message-field", "msg", "--time-field", "ts"]


@pytest.mark.parametrize("syntax", ["json", "logfmt"])
def test_fields_of_a_line(tmp_path: Path, syntax: str) -> None:
    if syntax == "json":
        lines = [json.dumps(row) for row in JSON]
    else:
        lines = [
            f"ts={str(row['ts']).replace(' ', 'T')} msg={json.dumps(row['msg'])} trace_id={row['trace_id']}"
            for row in JSON
        ]
    log, output = tmp_path / "a.log", tmp_path / "out"
    log.write_text("\n".join([*lines, "no line of fields", lines[0].replace("trace_id", "span")]) + "\n")
    command = ["parse", str(log), "--output", str(output), "--format", syntax, *FIELDS]
    assert main([*command, "--session-field", "trace_id"]) == 0
    rows = pl.read_parquet(output / "sessions.parquet")
    assert rows["session"].to_list() == ["a", "b"]
    assert rows["keys"].to_list() == [[1, 1], [2]]
    assert rows["times"].to_list()[1] == [datetime(2026, 1, 1, 0, 0, 1, 500000)]
    assert json.loads((output / "parse.json").read_text())["skipped"] == {"no header": 1, "no session": 1}
    templates = pl.read_csv(output / "templates.csv")["EventTemplate"].to_list()
    assert templates == ["begin <*>", 'say "x" <*>']
    assert main([*command, "--window", "60", "--overwrite"]) == 0
    assert pl.read_parquet(output / "sessions.parquet")["session"].to_list() == ["2026-01-01T00:00:00"]


def test_a_nested_field_and_one_whose_name_has_a_dot(tmp_path: Path) -> None:
    log, output = tmp_path / "a.log", tmp_path / "out"
    rows = [{"log.text": "up 1", "ctx": {"user": "kim"}}, {"log.text": "up 2", "ctx": {"user": "lee"}}]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--format", "json", "--message-field", "log.text", "--session-field", "ctx.user"]
    assert main(["parse", str(log), "--output", str(output), *options]) == 0  # no line needs a time
    assert pl.read_parquet(output / "sessions.parquet")["first_time"].null_count() == 2
    options.append("--overwrite")
    log.write_text("".join(json.dumps(row | {"time": "1767225600"}) + "\n" for row in rows))
    assert main(["parse", str(log), "--output", str(output), *options, "--time-format", "%s"]) == 0
    found = pl.read_parquet(output / "sessions.parquet")
    assert found["session"].to_list() == ["kim", "lee"]
    assert found["first_time"].to_list() == [datetime(2026, 1, 1)] * 2


def test_lines_of_docker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "a.log"
    row = {"log": "GET /index 200\n", "stream": "stdout", "time": "2026-01-01T00:00:00.123456789Z"}
    log.write_text("".join(json.dumps(row) + "\n" for _ in range(3)))
    assert main(["parse", "--try", str(log)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("format docker: fits 3 of the first 3 lines\n")
    assert "time     2026-01-01 00:00:00.123456\n" in said
    assert "message  GET /index <*>\n" in said


def test_try_says_why_a_line_is_skipped_and_what_names_a_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "a.log"
    log.write_text("2026-01-01 up of req-ab 7\nwrapped\n" * 9)
    options = ["--format", "regex", "--header", r"^(?P<time>\S+) ", "--time-format", "%Y-%m-%d"]
    assert main(["parse", "--try", str(log), *options, "--session", r"req-(\w+)"]) == 0
    said = capsys.readouterr().out
    assert said.count("2026-01-01 up of req-ab 7\n  time     2026-01-01 00:00:00\n  session  ab\n") == 5
    assert said.count("  message  up of req-<*> <*>\n") == 5
    assert said.count("wrapped\n  skipped  no session\n") + said.count("wrapped\n  skipped  no header\n") == 5
    assert not list(tmp_path.glob("*/"))
