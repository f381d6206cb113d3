"""What seqlab and plain Lightning cost beside a bare PyTorch loop, for each task.

    python benchmarks/overhead.py --data FOLDER           # of the real data; without it the samples alone

All train the same network on the same batches with the same optimizer and scheduler, and count the same
validation figures, in turn (A B C A B C ...). Plain Lightning is ``Trainer()`` as it comes, with its logger,
checkpoints and progress bar. Data and network are made before the clock runs.
"""

from __future__ import annotations

import argparse
import inspect
import io
import sys
import tempfile
import time
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pytorch_lightning as pl  # noqa: E402
import torch  # noqa: E402
from omegaconf import DictConfig  # noqa: E402
from torch import nn  # noqa: E402

from benchmarks.beside import origin, ratios, spread  # noqa: E402
from benchmarks.hdfs_training import composed, seconds  # noqa: E402
from seqlab.tasks.base import SequenceTask  # noqa: E402
from seqlab.training.build import build_data, build_task  # noqa: E402
from seqlab.training.callbacks import build_callbacks  # noqa: E402
from seqlab.training.checkpoints import contents_of  # noqa: E402
from seqlab.training.run_folder import RunFolder  # noqa: E402
from seqlab.training.tracking import build_loggers  # noqa: E402
from seqlab.training.trainer import build_trainer, quiet_lightning  # noqa: E402

RUNS = {  # the epochs that last some seconds; {data}: the folder of the real data
    "gru": "model=gru trainer.max_epochs=3",
    "gru_ae": "model=gru_ae trainer.max_epochs=2",
    "lstm": "model=lstm trainer.max_epochs=10",
    "char_rnn": (
        "experiment=shakespeare_quick data.path={data}/text/tinyshakespeare.txt "
        "trainer.limit_train_batches=100 trainer.limit_val_batches=10 trainer.precision=32-true"
    ),
    "seq2seq": "model=seq2seq trainer.max_epochs=2",
    "name_classifier": "model=name_classifier trainer.max_epochs=2",
    "entity_tagger": "model=entity_tagger trainer.max_epochs=10",
}


def default_fit(config: DictConfig, folder: Path, data: Any, task: SequenceTask) -> None:
    """What train.py does between the task and its judging."""
    around = build_callbacks(config, folder / "checkpoints", contents_of(config, data))
    loggers = build_loggers(config.logger, RunFolder(folder, "model", "data"))
    build_trainer(config.trainer, around.all, loggers, folder).fit(task, datamodule=data)


def plain_lightning(config: DictConfig, folder: Path, data: Any, task: SequenceTask) -> None:
    """What a script with a Trainer of its own does."""
    keys = ("max_epochs", "gradient_clip_val", "limit_train_batches", "limit_val_batches", "precision")
    settings = {key: config.trainer[key] for key in keys}
    pl.Trainer(accelerator="cpu", default_root_dir=folder, **settings).fit(task, datamodule=data)


def batches_of(loader: Any, limit: int | None) -> int:
    return len(loader) if limit is None else min(limit, len(loader))


def bare_loop(config: DictConfig, folder: Path, data: Any, task: SequenceTask) -> None:
    """The same steps and validations, nothing written: the least that training can cost."""
    loader, validation = data.train_dataloader(), data.val_dataloader()
    steps = batches_of(loader, config.trainer.limit_train_batches)
    checks = batches_of(validation, config.trainer.limit_val_batches)
    assert task.optimizer_factory is not None
    assert task.scheduler_factory is not None
    optimizer = task.optimizer_factory(task.parameters())
    known = {"total_steps": steps * config.trainer.max_epochs}
    if "total_steps" not in inspect.signature(task.scheduler_factory).parameters:
        known = {}
    scheduler = task.scheduler_factory(optimizer, **known)
    for epoch in range(config.trainer.max_epochs):
        if hasattr(loader.sampler, "set_epoch"):
            loader.sampler.set_epoch(epoch)
        task.train()
        task.on_train_epoch_start()
        for batch, _ in zip(loader, range(steps), strict=False):
            losses = task.losses(batch)
            optimizer.zero_grad()
            (losses.nll / losses.num_units).backward()
            nn.utils.clip_grad_norm_(task.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()
            scheduler.step()
        task.eval()
        task.on_validation_epoch_start()
        with torch.inference_mode():
            for batch, _ in zip(validation, range(checks), strict=False):
                task.count(batch, task.val_counts)
            task.val_counts.loss.compute()
            task.figures(task.val_counts)
        task.val_counts.loss.reset()


def compare(name: str, config: DictConfig, rounds: int) -> str:
    taken: list[list[float]] = [[], [], []]  # of the bare loop, plain Lightning and seqlab
    for number in range(rounds + 1):
        for side, times in enumerate(taken):
            torch.manual_seed(number)
            data = build_data(config.data)
            data.setup()
            task = build_task(config, data.sizes)
            with tempfile.TemporaryDirectory() as temporary, redirect_stdout(io.StringIO()):
                way = (bare_loop, plain_lightning, default_fit)[side]
                needed = seconds(partial(way, config, Path(temporary), data, task))
            if number:  # the first round warms up
                times.append(needed)
    bare, plain, ours = taken
    cells = [spread(ratios(ours, each, "lower"), ".3f") for each in (bare, plain)]
    return f"| {' | '.join([name, *cells, *(spread(each, '.2f') for each in taken)])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    quiet_lightning()
    start = time.perf_counter()
    print(
        "| run | seqlab, times the bare loop | times plain Lightning | bare loop, s | plain, s | seqlab, s |"
    )
    print("|---|---|---|---|---|---|")
    for name in arguments.names or RUNS:
        if "{data}" in RUNS[name] and arguments.data is None:
            continue
        words = RUNS[name].format(data=arguments.data and arguments.data.resolve()).split()
        config = composed(*words, "callbacks.early_stopping.patience=null")
        print(compare(name, config, arguments.rounds), flush=True)
    print("\n" + origin(time.perf_counter() - start, arguments.rounds))


if __name__ == "__main__":
    main()
