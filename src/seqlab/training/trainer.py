"""The trainer from its config: ``gpus`` to accelerator and devices, all else as Lightning names it."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import AdvancedProfiler, SimpleProfiler
from torch import distributed

from seqlab import process
from seqlab.errors import UserError
from seqlab.training.build import check_arguments
from seqlab.training.checkpoints import AtomicCheckpointIO
from seqlab.training.run_folder import is_writer

log = logging.getLogger(__name__)
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "auto")
# torch's names for "this CPU multiplies bf16 itself"; without it a step is some twenty times slower
CPU_BF16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
NOT_SAID = (
    "does not have many workers",  # batches are gathered from arrays in memory: workers would add copies
    # an epoch of few steps is ordinary here: repeated windows make large batches cheap
    "The number of training batches .* is smaller than the logging interval",
    "Experiment logs directory .* exists and is not empty",
    "Checkpoint directory .* exists and is not empty",
    "TF32 acceleration on top of oneDNN",  # of GPUs of another maker: networks/recurrent.py switches oneDNN
    "LeafSpec.* is deprecated",
)
PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler}
OWN = ("gpus", "processes", "threads", "progress_bar_refresh_rate", "compile", "overfit", "fast")


def hardware(gpus: int | str, processes: int = 1) -> dict[str, Any]:
    """Lightning's accelerator and devices for ``trainer.gpus`` and ``trainer.processes``.

    Args:
        gpus: 0 for the CPU, N for that many GPUs, auto for all there are (the CPU where there is none).
        processes: on the CPU, how many train together; each GPU has one of its own.

    Raises:
        UserError: no such number, or more than the machine has.
    """
    if not _is_count(processes) or processes < 1:
        raise UserError(f"trainer.processes={processes}: give a whole number, at least 1")
    found = torch.cuda.device_count()
    if gpus != "auto" and (not _is_count(gpus) or gpus < 0):  # type: ignore[operator]
        raise UserError(f"trainer.gpus={gpus}: give 0 for the CPU, a number of GPUs, or auto")
    wanted = found if gpus == "auto" else int(gpus)
    if wanted > found:
        cpu = "0 for the CPU"
        instead = f"{found} or fewer, or {cpu}" if found else cpu
        raise UserError(
            f"trainer.gpus={gpus}: this machine shows {found or 'no'} GPU{'s' * (found > 1)}; type "
            f"trainer.gpus={instead}"
        )
    if wanted and processes > 1:
        raise UserError(
            f"trainer.processes={processes} with trainer.gpus={gpus}: each GPU has one process; leave "
            "trainer.processes out"
        )
    return {"accelerator": "gpu" if wanted else "cpu", "devices": wanted or processes}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_hardware(config: Mapping[str, Any]) -> None:
    """Raise UserError for hardware, a precision or a mode that this machine does not have."""
    own = {*OWN, "precision"}
    check_arguments(pl.Trainer, {name: value for name, value in config.items() if name not in own}, "trainer")
    found = hardware(config["gpus"], config["processes"])
    together = found["devices"] * config["num_nodes"]
    if together > 1 and HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise UserError(
            f"-m with {together} processes a run: Lightning starts the others with this very command line, "
            "which would be the whole grid; give one setting at a time"
        )
    precision = config["precision"]
    if precision not in PRECISIONS:
        raise UserError(f"trainer.precision={precision}: choose {', '.join(PRECISIONS)}")
    if precision == "16-mixed" and found["accelerator"] == "cpu":  # Lightning would take bf16-mixed
        raise UserError(
            "trainer.precision=16-mixed: needs a GPU, and this run is on the CPU; type "
            "trainer.precision=bf16-mixed, or trainer.gpus=1 where there is one"
        )
    for name in ("compile", "fast"):
        if not isinstance(config[name], bool):
            raise UserError(f"trainer.{name}={config[name]}: give true or false")
    compiler = os.environ.get("CXX", "g++")  # what torch.compile itself calls
    if config["compile"] and shutil.which(compiler) is None:
        raise UserError(
            f"trainer.compile=true: torch.compile needs a C++ compiler, and {compiler} is not on the PATH; "
            "install g++, name one in CXX, or leave trainer.compile=false"
        )
    process.threads_of(config["threads"])
    debug_arguments(config)


def use_threads(config: Mapping[str, Any]) -> None:
    """Compute with as many threads as ``trainer.threads`` says, and say in train.log how many these are."""
    number = process.threads_of(config["threads"], config["processes"])
    if number is not None:
        torch.set_num_threads(number)
        if config["processes"] > 1:  # Lightning would give each all of them
            os.environ[process.COUNT] = str(number)
    log.info(
        "%d threads on %d cores (trainer.threads=%s)",
        torch.get_num_threads(),
        process.cores(),
        config["threads"],
    )


def precision_of(config: Mapping[str, Any], accelerator: str) -> str:
    """``trainer.precision``; auto is bf16-mixed where the hardware multiplies bf16, else 32-true."""
    if config["precision"] != "auto":
        return config["precision"]
    if accelerator == "gpu":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = any(getattr(torch.cpu, name, bool)() for name in CPU_BF16)
    return "bf16-mixed" if has_bf16 else "32-true"


def debug_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``trainer.overfit`` and ``trainer.fast`` mean as arguments of Lightning's Trainer.

    Lightning's own ``overfit_batches`` would replace our samplers, which give whole batches, by one that
    gives single items; its ``fast_dev_run`` would leave checkpoints and loggers untried.

    Raises:
        UserError: a value out of range, or two modes at once.
    """
    overfit, fast = config["overfit"], config["fast"]
    if config["overfit_batches"]:
        raise UserError(
            f"trainer.overfit_batches={config['overfit_batches']}: type trainer.overfit=N, which repeats the "
            "first N batches of training"
        )
    if overfit is not None and (not _is_count(overfit) or overfit < 1):
        raise UserError(f"trainer.overfit={overfit}: give a number of batches, at least 1, or null")
    if overfit is not None and fast:
        raise UserError(f"trainer.overfit={overfit} and trainer.fast=true exclude each other: choose one")
    if overfit is not None:
        return {"limit_train_batches": overfit, "limit_val_batches": overfit, "val_check_interval": None}
    if fast:
        one = dict.fromkeys(("limit_train_batches", "limit_val_batches", "limit_test_batches"), 1)
        every = {"check_val_every_n_epoch": 1, "val_check_interval": None, "log_every_n_steps": 1}
        return one | every | {"max_epochs": 1, "min_epochs": None, "max_steps": -1, "min_steps": None}
    return {}


def debug_notices(config: Mapping[str, Any]) -> list[str]:
    """What a reader of the figures must know of ``trainer.fast`` and ``trainer.overfit``."""
    number = config["overfit"]
    if config["fast"]:
        return ["Debugging run, trainer.fast=true: trained on one batch. Its figures say nothing."]
    if number is None:
        return []
    batches = f"the same {number} batches" if number > 1 else "the same batch"
    return [
        f"Debugging run, trainer.overfit={number}: trained on {batches} over and over. Its figures say "
        "nothing; its training loss should come near 0."
    ]


def build_trainer(
    config: Mapping[str, Any], callbacks: Sequence[Callback], loggers: Sequence[Logger], run_dir: Path
) -> pl.Trainer:
    """A Lightning Trainer of the config's ``trainer`` group.

    Raises:
        UserError: an argument that Lightning's Trainer does not take, or hardware that is not there.
    """
    arguments = {name: value for name, value in config.items() if name not in OWN}
    arguments |= hardware(config["gpus"], config["processes"]) | debug_arguments(config)
    arguments["precision"] = precision_of(config, arguments["accelerator"])
    quiet_lightning()
    if arguments["profiler"] in PROFILERS:  # Lightning would tell its log, which is quiet
        arguments["profiler"] = PROFILERS[arguments["profiler"]](str(run_dir), "profile")
    if arguments["enable_checkpointing"]:
        plugins = arguments["plugins"] or []
        given = list(plugins) if isinstance(plugins, Sequence) else [plugins]
        arguments["plugins"] = [*given, AtomicCheckpointIO()]
    bars: list[Callback] = []
    if config["enable_progress_bar"]:
        from seqlab.training.terminal import ProgressLine

        bars = [ProgressLine(config["progress_bar_refresh_rate"])]
    return pl.Trainer(
        **arguments,
        callbacks=[*callbacks, *bars],
        logger=list(loggers) or False,
        default_root_dir=str(run_dir),
    )


def leave_group() -> bool:
    """End the group of processes after training: one goes on to judge and write.

    Returns:
        Whether this is the one.
    """
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()
    return is_writer()


def quiet_lightning() -> None:
    """Keep what Lightning says that a user of seqlab need not act on out of the terminal."""
    for name in ("lightning.pytorch", "pytorch_lightning", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for said in NOT_SAID:
        warnings.filterwarnings("ignore", message=f".*{said}.*")
