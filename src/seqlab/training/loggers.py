"""Loggers of the config's ``logger`` group: any number of Lightning loggers, writing into the run folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from seqlab.errors import UserError
from seqlab.results.outcome import Outcome
from seqlab.training.build import accepted_arguments, check_config
from seqlab.training.run_folder import RunFolder
from seqlab.training.tracking_mlflow import MlflowTracker
from seqlab.training.tracking_wandb import WandbTracker
from seqlab.training.trainer import quiet_lightning

# pyproject.toml has an extra of each name
NEEDED_PACKAGES = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow", "sqlalchemy", "alembic")}


def build_loggers(
    config: DictConfig | None,
    folder: RunFolder,
    resumed_ids: Mapping[str, str] | None = None,
    *,
    run_name: str | None = None,
) -> list[Logger]:
    """One logger per entry, none of them started; none for ``logger=none``.

    Args:
        resumed_ids: an entry's name to the id of the run it goes on with, as ``tracker_ids`` gave them.
        run_name: what trackers call the run where the config does not say; ``<model>-<data>`` where null.

    Raises:
        UserError: an argument that a logger does not take, or a package that is not there.
    """
    found = []
    for name, node in (config or {}).items():
        check_packages(str(name))
        check_config(node, f"logger.{name!s}")
        supplied = {
            "save_dir": str(folder.path),
            "default_name": run_name or f"{folder.model_name}-{folder.data_name}",
            "resumed_id": (resumed_ids or {}).get(str(name)),
        }
        accepted = accepted_arguments(get_object(node["_target_"])) or ["save_dir"]
        arguments = {key: value for key, value in supplied.items() if key in accepted}
        found.append(instantiate(node, **arguments, _convert_="all"))
    return found


def check_packages(name: str) -> None:
    """Raise UserError, with the command that installs them, unless an entry's packages are there."""
    missing = [part for part in NEEDED_PACKAGES.get(name, ()) if importlib.util.find_spec(part) is None]
    if missing:
        raise UserError(
            f"logger={name}: not installed: {', '.join(missing)}; pip install -e '.[{name}]', or choose "
            "logger=csv"
        )


@contextmanager
def open_loggers(
    config: DictConfig, folder: RunFolder, resumed_ids: Mapping[str, str] | None = None
) -> Iterator[list[Logger]]:
    """The run's loggers, started and with the whole config in them; each is closed whatever happens inside.

    Args:
        config: the whole config; its ``logger`` group says which. None with ``trainer.fast_dev_run``.
        resumed_ids: see ``build_loggers``.
    """
    run_name = f"{folder.model_name}-{folder.data_name}-seed{config.seed}"
    chosen = None if config.trainer.fast_dev_run else config.logger  # Lightning's rule for such a run
    loggers = build_loggers(chosen, folder, resumed_ids, run_name=run_name)
    quiet_lightning()
    with ExitStack() as closing:
        for logger in loggers:
            closing.push(partial(_close, logger))
            if isinstance(logger, WandbTracker):
                logger.open()
        log_config(loggers, config)
        yield loggers


def _close(logger: Logger, error: type[BaseException] | None, *_: Any) -> None:
    """Write out what a logger holds and end its run, as failed where an error ended it."""
    status = "success" if error is None else "failed"
    logger.finalize(status)
    if isinstance(logger, WandbTracker):
        logger.finish(status)


def log_config(loggers: list[Logger], config: DictConfig) -> None:
    """Give every logger the whole config, as plain values."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    for logger in loggers:
        logger.log_hyperparams(plain)


def log_results(
    loggers: list[Logger], folder: RunFolder, outcome: Outcome, metrics: dict[str, float], step: int
) -> None:
    """Give every logger the figures of metrics.json, and those that take it the report and the checkpoint.

    Args:
        step: the last step of training, where loggers that draw curves put the figures.
    """
    for logger in loggers:
        if isinstance(logger, WandbTracker | MlflowTracker):
            logger.log_run(folder, outcome, metrics, step)
        else:
            logger.log_metrics(metrics, step)
            logger.save()
