"""Sides of a comparison, each a process of its own, run in turn (A B A B ...), and their table: ratios first.

A peer is a public package in an environment of its own: ``build/peers/NAME``, made from ``peers/NAME.txt`` by
the script that first needs it. A side's process prints its figures as one JSON object, its last line.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
TORCH_FOR_CPU = "https://download.pytorch.org/whl/cpu"  # PyPI's for Linux brings gigabytes of CUDA

Figures = Mapping[str, float]
Side = Callable[[int], Figures]  # takes the round's number, which is its seed


def peer_python(name: str) -> Path:
    """The Python of a peer's environment, which is made where it lacks or ``peers/NAME.txt`` has changed.

    Raises:
        SystemExit: pip could not install it.
    """
    wanted = (PEERS / f"{name}.txt").read_text(encoding="utf-8")
    folder = Path(os.environ.get("PEERS", ROOT / "build" / "peers")) / name
    python, made_from = folder / "bin" / "python", folder / "made-from.txt"
    if made_from.exists() and made_from.read_text(encoding="utf-8") == wanted:
        return python
    print(f"installing {name} into {folder}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    torch = [line for line in wanted.splitlines() if line.startswith("torch==")]
    if torch and sys.platform == "linux":
        few = ["--no-deps", "--timeout", "30", "--retries", "1", "--index-url", TORCH_FOR_CPU]
        subprocess.run([*pip, *few, *torch], check=False, capture_output=True)  # else the index's own
    done = subprocess.run(
        [*pip, "-r", str(PEERS / f"{name}.txt")], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{name} does not install:\n{done.stderr[-2000:]}")
    made_from.write_text(wanted, encoding="utf-8")
    return python


def process(
    python: Path | str, script: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> Figures:
    """Figures that a script of ``peers/`` prints as its last line, and ``process_seconds``.

    Raises:
        SystemExit: the script failed.
    """
    paths = (
        {} if Path(python) != Path(sys.executable) else {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    )
    start = time.perf_counter()
    done = subprocess.run(
        [str(python), str(PEERS / script), *arguments],
        env=os.environ | paths | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(
            f"{script} {shlex.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        )
    return json.loads(done.stdout.splitlines()[-1]) | {"process_seconds": taken}


def run(*overrides: str, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Figures:
    """metrics.json of ``python train.py OVERRIDES``, and ``process_seconds``.

    Args:
        folder: of the run; None: one that goes again.

    Raises:
        SystemExit: train.py failed.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return run(*overrides, environment=environment, folder=Path(temporary, "run"))
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "train.py", *overrides, f"hydra.run.dir={folder}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"train.py {shlex.join(overrides)}: {done.stderr[-3000:]}")
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8")) | {"process_seconds": taken}


def alternate(sides: Mapping[str, Side], rounds: int, warm_up: bool = False) -> dict[str, list[Figures]]:
    """Figures of each side, round by round; a warm-up round before them is not counted."""
    found: dict[str, list[Figures]] = {name: [] for name in sides}
    for number in range(-1 if warm_up else 0, rounds):
        for name, side in sides.items():
            figures = side(max(number, 0))
            if number >= 0:
                found[name].append(figures)
            print(f"{name}, round {number}: {dict(figures)}", file=sys.stderr)
    return found


class Line(NamedTuple):
    """One line of a table: a figure of both sides."""

    what: str
    key: str  # of the figures
    form: str = ".3g"
    better: str = ""  # higher or lower: the ratio tells how many times better we are; else the difference


def spread(values: Sequence[float], form: str) -> str:
    """``median (least to largest)``, or the one value where all are written alike."""
    texts = [format(value, form) for value in (statistics.median(values), min(values), max(values))]
    return texts[0] if len(set(texts)) == 1 else f"{texts[0]} ({texts[1]} to {texts[2]})"


def ratios(theirs: Sequence[float], ours: Sequence[float], better: str) -> list[float]:
    """Round by round, how many times better ours is."""
    pairs = zip(theirs, ours, strict=True)
    return [our / their if better == "higher" else their / our for their, our in pairs]


def table(found: Mapping[str, Sequence[Figures]], lines: Sequence[Line]) -> str:
    """Markdown; the last side is ours, and each other one is compared with it."""
    ours = list(found)[-1]
    rows = [f"| what | beside | {ours} against it | it | {ours} |", "|---|---|---|---|---|"]
    for line in lines:
        mine = [each[line.key] for each in found[ours]]
        for peer in [name for name in list(found)[:-1] if line.key in found[name][0]]:
            its = [each[line.key] for each in found[peer]]
            if line.better:
                against = f"**{spread(ratios(its, mine, line.better), '.2f')}** times as good"
            else:
                against = spread([our - their for their, our in zip(its, mine, strict=True)], f"+{line.form}")
            rows.append(
                f"| {line.what} | {peer} | {against} | {spread(its, line.form)} | {spread(mine, line.form)} |"
            )
    return "\n".join(rows)


def origin(seconds: float, rounds: int, *peers: str) -> str:
    """Command, rounds, wall time, machine, commit and versions, for the line below a table.

    Args:
        peers: names of requirements files, whose first line is the package itself.
    """
    from benchmarks.results import head, machine

    script = Path(sys.argv[0]).resolve().relative_to(ROOT).as_posix()
    command = shlex.join(["python", script, *(re.sub(r"(^|=)/.*", r"\1DATA", word) for word in sys.argv[1:])])
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    packages = [f"torch {version('torch')}", f"Python {platform.python_version()}"]
    counted = "1 round, seed 0" if rounds == 1 else f"{rounds} rounds, seeds 0 to {rounds - 1}"
    packages += [(PEERS / f"{name}.txt").read_text(encoding="utf-8").split()[0] for name in peers]
    return (
        f"`{command}`: {counted}, {seconds / 60:.1f} min, {machine()}, "
        f"OMP_NUM_THREADS {threads}, commit `{head()}`, {', '.join(packages)}."
    )
