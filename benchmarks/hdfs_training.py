"""How fast the project trains and scores on HDFS sessions, beside plain twins, in one run.

    python benchmarks/hdfs_training.py --normal FILE [--rounds 5]

Each comparison alternates its two sides (A B A B ...) and reports the median of the ratios round by round, so
that a machine whose speed drifts does not decide it. FILE holds sessions, one a line: `block,key key ...`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pytorch_lightning as pl  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402
from omegaconf import DictConfig  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.data import DataLoader, IterableDataset  # noqa: E402

from benchmarks.plain_twins import (  # noqa: E402
    PlainAutoencoder,
    PlainPredictor,
    padded_batches,
    window_batches,
)
from seqlab.data.loaders import IndexBatches  # noqa: E402
from seqlab.data.log_sessions import LogSessions  # noqa: E402
from seqlab.data.session_windows import SessionWindows  # noqa: E402
from seqlab.data.vocabulary import Vocabulary  # noqa: E402
from seqlab.detection.surprise import surprise  # noqa: E402
from seqlab.tasks.base import SequenceTask  # noqa: E402
from seqlab.training.build import build_data, build_task  # noqa: E402
from seqlab.training.callbacks import build_callbacks  # noqa: E402
from seqlab.training.checkpoints import contents_of  # noqa: E402
from seqlab.training.run_folder import RunFolder  # noqa: E402
from seqlab.training.tracking import build_loggers  # noqa: E402
from seqlab.training.trainer import build_trainer, quiet_lightning  # noqa: E402


def composed(*overrides: str) -> DictConfig:
    """The config that ``python train.py`` would run with these overrides."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def row(name: str, unit: str, units: float, plain: Sequence[float], ours: Sequence[float]) -> str:
    """One line of the table: rates of both sides (median round) and the median, least and largest ratio."""
    ratios = sorted(a / b for a, b in zip(plain, ours, strict=True))
    return (
        f"| {name} | {units / statistics.median(plain):,.0f} {unit}/s | "
        f"{units / statistics.median(ours):,.0f} {unit}/s | {statistics.median(ratios):.1f} "
        f"({ratios[0]:.1f} to {ratios[-1]:.1f}) |"
    )


class Lists(IterableDataset):
    """A loader's source that makes its batches with Python lists, anew each epoch."""

    def __init__(self, make: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.make()


class PlainTask(pl.LightningModule):
    """A plain twin as a LightningModule: same loop around, same optimizer."""

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        first, second = batch
        if isinstance(self.network, PlainAutoencoder):
            return self.network(first, second)
        return F.cross_entropy(self.network(first), second)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), self.learning_rate)


def bare_trainer(clip: float | None) -> pl.Trainer:
    """Lightning with nothing around it, for one epoch."""
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        gradient_clip_val=clip,
    )


def token_lists(data: LogSessions, split: str) -> list[list[int]]:
    tokens = data.tokens(split).tolist()
    offsets = data.sessions(split).offsets.tolist()
    return [tokens[start:end] for start, end in pairwise(offsets)]


def train_comparison(
    config: DictConfig, twin: Callable[[LogSessions], nn.Module], rounds: int, shuffled_twin: bool = False
) -> tuple[float, list[float], list[float]]:
    """Units an epoch, seconds of the plain twin's epochs, seconds of the project's, through Lightning.

    Both sides get the same batches of sessions in the same order; with ``shuffled_twin`` the twin gets the
    published plain shuffle instead of batches of similar length.
    """
    plain_seconds, our_seconds = [], []
    clip = config.trainer.gradient_clip_val
    units = 0.0
    for number in range(rounds + 1):
        data = build_data(config.data)
        data.setup()
        assert isinstance(data, LogSessions)
        order = data.train_dataloader().sampler
        assert isinstance(order, IndexBatches)
        if shuffled_twin:
            order = IndexBatches(order.num_items, order.batch_size, seed=order.seed)
        batches = [batch.tolist() for batch in order]
        sessions = token_lists(data, "train")
        plain = PlainTask(twin(data), config.optimizer.lr)
        lists = Lists(lambda d=data, b=batches, s=sessions: make_lists(d, s, b))
        torch.manual_seed(0)
        plain_time = seconds(
            lambda p=plain, x=lists: bare_trainer(clip).fit(p, DataLoader(x, batch_size=None))
        )
        task = build_task(config, data.sizes)
        our_time = seconds(lambda t=task, d=data: bare_trainer(clip).fit(t, d.train_dataloader()))
        if number:  # the first round warms up
            plain_seconds.append(plain_time)
            our_seconds.append(our_time)
        units = float(sum(batch.num_units for batch in data.train_dataloader()))
    return units, plain_seconds, our_seconds


def make_lists(
    data: LogSessions, sessions: list[list[int]], batches: list[list[int]]
) -> Iterator[tuple[Tensor, Tensor]]:
    if isinstance(data, SessionWindows):
        return window_batches(sessions, batches, data.window_size, data.vocabulary)
    return padded_batches(sessions, batches, data.vocabulary)


def scoring_comparison(config: DictConfig, rounds: int, windows_in_loop: int = 2000) -> str:
    """The whole train split scored by the project, beside a loop of one window at a time."""
    data = build_data(config.data)
    data.setup()
    assert isinstance(data, SessionWindows)
    task = build_task(config, data.sizes).eval()
    index, pairs = data.index("train")
    plain, ours = [], []

    def one_by_one() -> None:
        with torch.inference_mode():
            for number in range(windows_in_loop):
                pair = int(pairs.pair_of_window[number])
                window = torch.from_numpy(pairs.contexts[pairs.pair_context[pair]]).long()
                states = task.network.recurrent(task.network.embedding(window[None]))[0]
                logits = task.network.output(states[:, -1])
                float(F.cross_entropy(logits, torch.tensor([int(pairs.pair_target[pair])])))

    def whole_split() -> None:
        data._plans.clear()
        surprise(task, data.scoring_plan("train"), data.vocabulary)

    for number in range(rounds + 1):
        loop, split = seconds(one_by_one), seconds(whole_split)
        if number:
            plain.append(loop * index.num_windows / windows_in_loop)
            ours.append(split)
    return row("scoring a split, one window at a time", "windows", index.num_windows, plain, ours)


def overhead(config: DictConfig, rounds: int) -> str:
    """Lightning, logging, checkpoints and the progress bar at their defaults, beside a bare loop."""
    bare, ours = [], []
    for number in range(rounds + 1):
        data = build_data(config.data)
        data.setup()
        with tempfile.TemporaryDirectory() as folder:
            task = build_task(config, data.sizes)
            ours.append(seconds(lambda f=folder, d=data, t=task: default_fit(config, Path(f), d, t)))
        task = build_task(config, data.sizes)
        bare.append(seconds(lambda d=data, t=task: bare_loop(config, d, t)))
        if not number:
            bare.clear()
            ours.clear()
    ratios = sorted(b / a for a, b in zip(bare, ours, strict=True))
    return (
        f"| default run, {config.trainer.max_epochs} epochs | {statistics.median(bare):.2f} s bare loop | "
        f"{statistics.median(ours):.2f} s Lightning, logger, checkpoints, bar | "
        f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}) |"
    )


def default_fit(config: DictConfig, folder: Path, data: Any, task: SequenceTask) -> None:
    """What train.py does between the task and the detector."""
    around = build_callbacks(config, folder / "checkpoints", contents_of(config, data))
    trainer = build_trainer(
        config.trainer,
        around.all,
        build_loggers(config.logger, RunFolder(folder, "gru", "hdfs_window")),
        folder,
    )
    trainer.fit(task, datamodule=data)


def bare_loop(config: DictConfig, data: Any, task: SequenceTask) -> None:
    """The same batches, validation included, with nothing around: the least that training can cost."""
    loader, validation = data.train_dataloader(), data.val_dataloader()
    optimizer = torch.optim.Adam(task.network.parameters(), config.optimizer.lr)
    steps = len(loader) * config.trainer.max_epochs
    from seqlab.training.schedulers import warmup_cosine

    scheduler = warmup_cosine(optimizer, steps)
    for epoch in range(config.trainer.max_epochs):
        loader.sampler.set_epoch(epoch)
        task.train()
        for batch in loader:
            losses = task.losses(batch)
            optimizer.zero_grad()
            (losses.nll / losses.num_units).backward()
            nn.utils.clip_grad_norm_(task.network.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()
            scheduler.step()
        task.eval()
        with torch.inference_mode():
            total = sum(float(task.losses(batch).nll) for batch in validation)
        assert total > 0


def launch(rounds: int) -> str:
    """From the shell to the first training step, beside importing torch and pytorch_lightning alone."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    imports, launches = [], []
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(ROOT / "train.py"),
            "+callbacks.extra.leave._target_=benchmarks.first_step.LeaveAtFirstStep",
            f"hydra.run.dir={folder}/run",
        ]
        for number in range(rounds + 1):
            bare = [sys.executable, "-c", "import torch, pytorch_lightning"]
            first = seconds(
                lambda b=bare: subprocess.run(b, check=True, env=environment, capture_output=True)
            )
            second = seconds(
                lambda: subprocess.run(command, check=True, env=environment, capture_output=True)
            )
            if number:
                imports.append(first)
                launches.append(second)
    ratios = sorted(b / a for a, b in zip(imports, launches, strict=True))
    return (
        f"| launch to first step | {statistics.median(imports):.2f} s bare imports | "
        f"{statistics.median(launches):.2f} s `python train.py` | "
        f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |"
    )


def predictor_twin(data: LogSessions) -> nn.Module:
    return PlainPredictor(len(data.vocabulary), data.vocabulary.pad, 32, 64, 2)


def autoencoder_twin(data: LogSessions) -> nn.Module:
    vocabulary: Vocabulary = data.vocabulary
    return PlainAutoencoder(len(vocabulary), vocabulary.pad, vocabulary.bos, 64, 256, dropout=0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--normal", required=True, help="a file of sessions: `block,key key ...`")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each comparison")
    parser.add_argument("--only", nargs="*", default=["gru", "gru_ae", "scoring", "overhead", "launch"])
    arguments = parser.parse_args()
    quiet_lightning()
    files = f"data.normal={Path(arguments.normal).resolve()}"
    rounds = arguments.rounds
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {rounds} rounds")
    print("| what | plain | project | ratio: median (least to largest) |\n|---|---|---|---|")
    gru = composed("experiment=hdfs_gru_notebook", files)
    autoencoder = composed("experiment=hdfs_gru_ae_notebook", files, "data.bucketing=true")
    if "gru" in arguments.only:
        print(row("gru, 512 sessions a batch", "windows", *train_comparison(gru, predictor_twin, rounds)))
    if "gru_ae" in arguments.only:
        same = train_comparison(autoencoder, autoencoder_twin, rounds)
        print(row("gru_ae, 256 sessions a batch, same batches", "tokens", *same), flush=True)
        shuffled = train_comparison(autoencoder, autoencoder_twin, rounds, shuffled_twin=True)
        print(row("gru_ae, the twin's batches shuffled as published", "tokens", *shuffled), flush=True)
    if "scoring" in arguments.only:
        print(scoring_comparison(gru, rounds), flush=True)
    if "overhead" in arguments.only:
        print(overhead(composed(files), rounds), flush=True)
    if "launch" in arguments.only:
        print(launch(rounds), flush=True)


if __name__ == "__main__":
    main()
