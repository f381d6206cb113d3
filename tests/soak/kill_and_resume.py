"""Kill training runs at random moments, resume them, compare with runs that were never interrupted.

    python tests/soak/kill_and_resume.py --kills 20 --seed 0

Every kill is a SIGKILL to the process of ``python train.py``, after a delay drawn between the start of
training and the end of an uninterrupted run. A run is killed once and resumed to its end. Weights, optimizer
and figures must be the same bits; the exit code is the number of runs in which they are not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[2]
RECIPES: dict[str, tuple[str, ...]] = {
    # dropout, which draws from torch's generator, and rates that follow the validation loss
    "gru": (
        "model=gru",
        "data.sample.num_blocks=200",
        "data.batch_size=4",
        "model.network.hidden_size=16",
        "model.network.num_layers=2",
        "model.network.dropout=0.3",
        "model.network.input_noise=0.1",
        "scheduler=plateau",
        "scheduler.patience=0",
        "trainer.max_epochs=4",
    ),
    # a state that is carried from batch to batch
    "char_rnn": ("model=char_rnn", "data.seq_length=8", "model.network.dropout=0.2", "trainer.max_epochs=6"),
    # scheduled sampling, early stopping, a warm-up
    "gru_ae": (
        "model=gru_ae",
        "data.sample.num_blocks=200",
        "data.batch_size=8",
        "model.network.hidden_size=16",
        "scheduler=warmup_cosine",
        "callbacks.early_stopping.patience=1",
        "optimizer.lr=0.03",
        "trainer.accumulate_grad_batches=2",
        "trainer.max_epochs=4",
    ),
}
ALWAYS = (
    "trainer.enable_progress_bar=false",
    "callbacks.checkpoint.every_steps=7",
    "trainer.log_every_n_steps=5",
)


Start = Callable[..., subprocess.Popen]


class Kill(NamedTuple):
    """One kill and what came of it."""

    recipe: str
    seconds: float  # from the first checkpoint to the kill
    step: int  # that training went on from
    same: bool


def environment() -> dict[str, str]:
    """One thread: two processes on two cores would wait for each other."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def start(*overrides: str) -> subprocess.Popen:
    """``python train.py`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "train.py", *overrides],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    """What the process printed; it must end well."""
    said, _ = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}: {said}")
    return said


def wait_for_training(folder: Path, process: subprocess.Popen) -> None:
    """Until the first checkpoint lies there: the first batch is about to be trained on."""
    while not (folder / "checkpoints" / "last.ckpt").exists():
        if process.poll() is not None:
            raise RuntimeError(f"it ended before it trained: {process.communicate()[0]}")
        time.sleep(0.01)


def uninterrupted(folder: Path, recipe: str, start: Start = start) -> float:
    """Run a recipe to its end.

    Returns:
        Seconds from the first checkpoint to the end.
    """
    process = start(*RECIPES[recipe], *ALWAYS, f"hydra.run.dir={folder}")
    wait_for_training(folder, process)
    begun = time.monotonic()
    finish(process)
    return time.monotonic() - begun


def kill_and_resume(folder: Path, recipe: str, seconds: float, start: Start = start) -> int:
    """Kill a run so long after its first checkpoint and resume it to its end.

    Returns:
        The optimizer step that it went on from; -1 where the run had ended before the kill came.
    """
    process = start(*RECIPES[recipe], *ALWAYS, f"hydra.run.dir={folder}")
    wait_for_training(folder, process)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if (folder / "metrics.json").exists():
        return -1
    said = finish(start(f"resume={folder}"))
    return int(said.split("going on after step ")[1].split()[0])


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same in two run folders, to the bit; timings and paths aside."""
    found = []
    for name in ("last.ckpt", "best.ckpt"):
        a, b = (torch.load(run / "checkpoints" / name, weights_only=True) for run in (one, other))
        for part in ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step"):
            if not same(a[part], b[part]):
                found.append(f"{name} {part}")
    figures = [
        _figures(json.loads((run / "metrics.json").read_text(encoding="utf-8"))) for run in (one, other)
    ]
    if figures[0] != figures[1]:
        found.append("metrics.json")
    tables = [_table(run / "metrics.csv") for run in (one, other)]
    if not tables[0].equals(tables[1]):
        found.append("metrics.csv")
    if (one / "scores.csv").read_bytes() != (other / "scores.csv").read_bytes():
        found.append("scores.csv")
    return found


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, however deep."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def _figures(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not name.startswith("timing/")}


def _table(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    return table[sorted(name for name in table.columns if not name.startswith("timing/"))]


def soak(folder: Path, kills: int, seed: int, recipes: list[str], start: Start = start) -> list[Kill]:
    """Kill so many runs, the recipes in turn.

    Args:
        start: starts ``python train.py`` with overrides.
    """
    chance = random.Random(seed)
    spans = {recipe: uninterrupted(folder / recipe, recipe, start) for recipe in recipes}
    found = []
    while len(found) < kills:
        recipe = recipes[len(found) % len(recipes)]
        run = folder / f"{recipe}-{len(found)}"
        seconds = chance.uniform(0, spans[recipe])
        step = kill_and_resume(run, recipe, seconds, start)
        if step < 0:  # it was over: another moment
            shutil.rmtree(run)
            continue
        wrong = differences(folder / recipe, run)
        found.append(Kill(recipe, seconds, step, not wrong))
        print(
            f"{len(found):3d} {recipe:10s} killed after {seconds:5.2f} s, resumed from step {step:4d}: "
            f"{'identical' if not wrong else 'DIFFERS in ' + ', '.join(wrong)}",
            flush=True,
        )
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipes", nargs="+", choices=sorted(RECIPES), default=sorted(RECIPES))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), given.kills, given.seed, given.recipes)
    different = sum(not kill.same for kill in found)
    print(f"{len(found) - different} of {len(found)} runs ended in identical weights and figures")
    return different


if __name__ == "__main__":
    sys.exit(main())
