"""Run what docs/results.md lacks, record its figures, and write the page: ``make results DATA=folder``.

    python benchmarks/results.py --data FOLDER            # every run whose figures are not recorded
    python benchmarks/results.py --data FOLDER hdfs_gru "layers_names_*"   # of these runs alone
    python benchmarks/results.py --data FOLDER --again    # also what another commit recorded
    python benchmarks/results.py --record-only            # no run: the page from the record

Runs stand in results.yaml, their tables in results_tables.yaml; those of layers.py in layers.yaml. Prose is
in results.md.j2, figures are in results.json.
Each seed has its run folder, runs/results/NAME/SEED: finished ones are kept, a stopped one goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import layers  # noqa: E402
from benchmarks.results_page import (  # noqa: E402
    EARLIER,
    PAGE,
    RECORD,
    files_of,
    is_plain,
    page_text,
    read_tables,
)

RUNS = Path("runs/results")  # below ROOT


def read_record() -> dict[str, Any]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def record_text(record: Mapping[str, Any]) -> str:
    """JSON with one line a seed, so that a new run changes its own lines alone."""
    parts = []
    for name, seeds in sorted(record.items()):
        order = sorted(seeds, key=lambda seed: (seed == EARLIER, seed))
        lines = [f"  {json.dumps(seed)}: {json.dumps(seeds[seed], ensure_ascii=False)}" for seed in order]
        parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def layer_runs() -> dict[str, dict[str, Any]]:
    """The study of layers: unlike the runs of results.yaml, these may be missing in the record."""
    return layers.runs_of(layers.read_spec())


def needed_keys(name: str, tables: Mapping[str, Any]) -> set[str]:
    """Keys of metrics.json, or patterns of them, that the tables and the prose show of a run."""
    keys = set(tables["runs"][name].get("keep", ()))
    for table in tables["tables"].values():
        for row in (row for row in table["rows"] if row.get("run") == name):
            for part in row.get("parts", ["test"]):
                fields = row | {"part": part, "score": part.split("/")[-1]}
                for column in table["columns"]:
                    keys |= {column[kind].format_map(fields) for kind in ("key", "best") if kind in column}
    return keys


def machine() -> str:
    """The processor's name and how many cores there are."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'CPU'}, {os.cpu_count()} cores"


def entry_of(folder: Path, run: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    """What is recorded of one finished run folder."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    if "also" in run:
        metrics |= import_module(f"benchmarks.{run['also']}").figures(folder)
    ends = {f"{key}/{end}" for key in keys for end in ("ci_low", "ci_high")}
    shown = {key: value for key, value in metrics.items() if any(is_plain(key, each) for each in keys | ends)}
    written = datetime.fromtimestamp((folder / "metrics.json").stat().st_mtime, UTC)
    return {
        "commit": commit_of(environment),
        "date": written.date().isoformat(),
        "machine": ", ".join([machine(), *environment["gpus"]]),
        "threads": environment["cpu_threads"],
        "torch": environment["versions"]["torch"],
        "seconds": round(metrics["timing/fit_seconds"], 1),
        "figures": {key: float(f"{value:.6g}") for key, value in shown.items()},
    }


def write_labels(settings: Mapping[str, Any], data: Path, path: Path) -> None:
    """A table of labels, where a data set's labels are which file a session stands in."""
    for by_label in (value for value in settings.values() if isinstance(value, dict)):
        lines = ["BlockId,Label"]
        for label, files in by_label.items():
            for name in files:
                sessions = (data / name).read_text(encoding="utf-8").splitlines()
                lines += [f"{session.partition(',')[0]},{label}" for session in sessions]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def paths_in(value: Any) -> list[str]:
    """All paths of a data set's settings."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [path for each in inner for path in paths_in(each)]


def train(name: str, seed: int, run: Mapping[str, Any], tables: Mapping[str, Any], data: Path | None) -> Path:
    """One run of train.py; its folder. A stopped one goes on.

    Raises:
        SystemExit: train.py failed.
    """
    overrides = run["overrides"].split()
    if "data" in run:
        assert data is not None
        labels = ROOT / RUNS / f"{run['data']}_labels.csv"
        write_labels(tables["data"][run["data"]], data, labels)
        overrides += files_of(tables["data"][run["data"]], str(data), str(labels))
    if "rate" in run:
        overrides += layers.length(run["rate"], run["minutes"], rate_seconds(name, overrides, run["rate"]))
    return run_folder(RUNS / name / str(seed), [*overrides, f"{run.get('seed_key', 'seed')}={seed}"])


def rate_seconds(name: str, overrides: Sequence[str], rate: Mapping[str, int]) -> float:
    """What a short run takes; each commit makes it once for all seeds."""
    folder = RUNS / name / "rate"
    if not is_current(ROOT / folder, head()):
        shutil.rmtree(ROOT / folder, ignore_errors=True)
    if not (ROOT / folder / "metrics.json").exists():
        run_folder(folder, [*overrides, *layers.short_run(rate)])
    return json.loads((ROOT / folder / "metrics.json").read_text(encoding="utf-8"))["timing/fit_seconds"]


def run_folder(folder: Path, overrides: Sequence[str]) -> Path:
    """One run of train.py in a folder below ROOT; the folder.

    Raises:
        SystemExit: train.py failed.
    """
    words = [*overrides, "resume=auto", f"hydra.run.dir={folder}"]
    done = subprocess.run([sys.executable, "train.py", *words], cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"{folder}: train.py ended with {done.returncode}; see train.log there")
    return ROOT / folder


def head() -> str:
    """The commit in use, ``-dirty`` where more is changed than the record and the page, which runs make."""
    own = [f":!{path.relative_to(ROOT)}" for path in (RECORD, PAGE)]
    found = []
    for command in (["rev-parse", "--short=12", "HEAD"], ["diff", "--name-only", "HEAD", "--", ".", *own]):
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        found.append(done.stdout.strip())
    return found[0] + "-dirty" * bool(found[1])


def commit_of(environment: Mapping[str, Any]) -> str:
    """A run's commit; git called it dirty where the record and the page alone were changed."""
    recorded = environment["commit"]
    return recorded.removesuffix("-dirty") if recorded == f"{head()}-dirty" else recorded


def is_current(folder: Path, commit: str) -> bool:
    """Whether a run folder was begun by this commit."""
    try:
        environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    except OSError:
        return False
    return commit_of(environment) == commit


def run_missing(
    names: list[str],
    tables: Mapping[str, Any],
    data: Path | None,
    again: bool,
    num_seeds: int | None = None,
) -> None:
    """Run every seed that is not recorded, one at a time, and record each as it ends."""
    record, commit = read_record(), head()
    for name in names:
        run = tables["runs"][name]
        paths = paths_in(tables["data"][run["data"]]) if "data" in run else []
        lacking = [path for path in paths if data is None or not (data / path).exists()]
        for seed in run["seeds"][:num_seeds]:
            recorded = record.get(name, {}).get(str(seed))
            if recorded is not None and not (again and recorded["commit"] != commit):
                continue
            folder = ROOT / RUNS / name / str(seed)
            finished = (folder / "metrics.json").exists()
            if not is_current(folder, commit) and (again or not finished):
                shutil.rmtree(folder, ignore_errors=True)
                finished = False
            if not finished:
                if lacking:
                    print(f"{name}: not run, DATA={data or ''} lacks {', '.join(lacking)}")
                    break
                print(f"{name}, seed {seed}: about {run['minutes']:g} minutes on two free cores", flush=True)
                folder = train(name, seed, run, tables, data)
            keys = needed_keys(name, tables)
            of_run = record.setdefault(name, {})
            of_run[str(seed)] = entry_of(folder, run, keys)
            if all(str(each) in of_run for each in run["seeds"]):
                of_run.pop(EARLIER, None)
            RECORD.write_text(record_text(record), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="runs, or patterns of them; all without")
    parser.add_argument("--data", type=Path, help="the folder of the real data: paths stand in results.yaml")
    parser.add_argument("--again", action="store_true", help="run also what another commit recorded")
    parser.add_argument("--seeds", type=int, metavar="N", help="the first N seeds of each run alone")
    parser.add_argument("--record-only", action="store_true", help="write the page from the record alone")
    arguments = parser.parse_args()
    tables = read_tables()
    tables["runs"] |= layer_runs()
    names = [name for name in tables["runs"] if any(fnmatchcase(name, each) for each in arguments.names)]
    if unknown := [each for each in arguments.names if not any(fnmatchcase(name, each) for name in names)]:
        raise SystemExit(f"no run {', '.join(unknown)}; there are: {', '.join(tables['runs'])}")
    if not arguments.record_only:
        data = arguments.data.resolve() if arguments.data is not None else None
        names = names or list(tables["runs"])
        run_missing(names, tables, data, arguments.again, arguments.seeds)
    PAGE.write_text(page_text(tables, read_record()), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
