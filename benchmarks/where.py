"""Where a training step's time goes on the CPU, for each model, and what other forms of the optimizer take.

    python benchmarks/where.py --data FOLDER              # of the real data; without it the samples alone

A bare loop with a clock between its parts; medians over the steps. Operations are those that torch.profiler
counts in one step, forward and backward.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.profiler import ProfilerActivity, profile  # noqa: E402

from benchmarks.beside import origin  # noqa: E402
from benchmarks.hdfs_training import composed  # noqa: E402
from benchmarks.overhead import RUNS  # noqa: E402
from seqlab.training.build import build_data, build_task  # noqa: E402

PARTS = ("batch", "forward", "backward", "clipping", "optimizer")
FORMS: dict[str, dict[str, bool]] = {
    "one by one": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}


class Stopwatch:
    """Milliseconds of each part of each step."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self.last = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.taken[part].append((now - self.last) * 1e3)
        self.last = now

    def median(self, part: str) -> float:
        return statistics.median(self.taken[part])


def steps(data: Any, task: Any, form: dict[str, bool], number: int, clip: float | None) -> Stopwatch:
    """So many steps, over as many epochs as they need; the first five warm up."""
    optimizer = torch.optim.Adam(task.parameters(), 1e-4, **form)
    task.train()
    watch, done = Stopwatch(), 0
    while done < number:
        task.on_train_epoch_start()
        watch = watch if done >= 5 else Stopwatch()
        for batch in data.train_dataloader():
            watch.lap("batch")
            losses = task.losses(batch)
            loss = losses.nll / losses.num_units
            watch.lap("forward")
            optimizer.zero_grad()
            loss.backward()
            watch.lap("backward")
            if clip is not None:
                nn.utils.clip_grad_norm_(task.parameters(), clip)
            watch.lap("clipping")
            optimizer.step()
            watch.lap("optimizer")
            done += 1
            if done == number:
                break
    return watch


def operations(data: Any, task: Any) -> tuple[int, float]:
    """How many operations a step's forward and backward call, and the CPU microseconds of one, its own."""
    task.train()
    task.on_train_epoch_start()
    batch = next(iter(data.train_dataloader()))
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        losses = task.losses(batch)
        (losses.nll / losses.num_units).backward()
    events = [event for event in profiler.key_averages() if event.key.startswith("aten::")]
    count = sum(event.count for event in events)
    return count, sum(event.self_cpu_time_total for event in events) / count


def row(name: str, words: list[str], number: int) -> str:
    config = composed(*words)
    data = build_data(config.data)
    data.setup()
    torch.manual_seed(0)
    task = build_task(config, data.sizes)
    optimizers = {}
    for form, settings in FORMS.items():
        watch = steps(data, task, settings, number, config.trainer.gradient_clip_val)
        optimizers[form] = watch.median("optimizer")
    parts = {part: watch.median(part) for part in PARTS} | {"optimizer": optimizers["one by one"]}
    whole = sum(parts.values())
    count, each = operations(data, task)
    shares = " | ".join(f"{parts[part] / whole:.0%}" for part in PARTS)
    forms = " | ".join(f"{optimizers[form]:.2f}" for form in FORMS)
    return f"| {name} | {whole:.1f} | {shares} | {count:,} of {each:.0f} µs | {forms} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    start = time.perf_counter()
    print(
        f"| run | a step, ms | {' | '.join(PARTS)} | operations | "
        f"{' | '.join(f'Adam {form}, ms' for form in FORMS)} |"
    )
    print("|---" * (4 + len(PARTS) + len(FORMS) - 1) + "|")
    for name in arguments.names or RUNS:
        if "{data}" in RUNS[name] and arguments.data is None:
            continue
        words = RUNS[name].format(data=arguments.data and arguments.data.resolve()).split()
        print(row(name, words, arguments.steps), flush=True)
    print(f"\n{torch.get_num_threads()} threads. " + origin(time.perf_counter() - start, 1))


if __name__ == "__main__":
    main()
