"""How fast the project trains and scores on HDFS sessions, beside plain twins, in one run.

    python benchmarks/hdfs_training.py --normal FILE [--rounds 5]

Each comparison alternates its two sides (A B A B ...) and reports the median of the ratios round by round, so
that a machine whose speed drifts does not decide it. FILE holds sessions, one a line: `block,key key ...`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
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
from seqlab.training.build import build_data, build_task  # noqa: E402
from seqlab.training.trainer import quiet_lightning  # noqa: E402


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


def predictor_twin(data: LogSessions) -> nn.Module:
    return PlainPredictor(len(data.vocabulary), data.vocabulary.pad, 32, 64, 2)


def autoencoder_twin(data: LogSessions) -> nn.Module:
    vocabulary: Vocabulary = data.vocabulary
    return PlainAutoencoder(len(vocabulary), vocabulary.pad, vocabulary.bos, 64, 256, dropout=0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--normal", required=True, help="a file of sessions: `block,key key ...`")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each comparison")
    parser.add_argument("--only", nargs="*", default=["gru", "gru_ae", "scoring"])
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


if __name__ == "__main__":
    main()
