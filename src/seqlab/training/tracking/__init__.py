"""Loggers of the config's ``logger`` group: any number of Lightning loggers, writing into the run folder.

A logger of ours may have more than Lightning's: ``tracker`` (the name of its run's id in a checkpoint),
``open()``, ``log_run(folder, outcome, metrics, step)``, ``finish(status)``, ``go_on(step)``.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import CSVLogger, Logger
from pytorch_lightning.utilities import rank_zero_only

from seqlab.errors import UserError
from seqlab.privacy import told, told_words
from seqlab.results.outcome import Outcome
from seqlab.training.build import accepted_arguments, check_config
from seqlab.training.run_folder import RunFolder
from seqlab.training.trainer import quiet_lightning

# pyproject.toml has an extra of each name
NEEDED_PACKAGES = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow", "sqlalchemy", "alembic")}

# of the command line, what changes no figure or stands in a run's name already
UNNAMED = {"model", "data", "seed", "logger", "verbose", "safe_csv", "resume", "trainer.enable_progress_bar"}
LONGEST_NAME = 120


def build_loggers(
    config: DictConfig | None,
    folder: RunFolder,
    resumed_ids: Mapping[str, str] | None = None,
    *,
    run_name: str | None = None,
    group: str | None = None,
) -> list[Logger]:
    """One logger per entry, none of them started; none for ``logger=none``.

    Args:
        resumed_ids: an entry's name to the id of the run it goes on with, as the checkpoint keeps them.
        run_name: what trackers call the run where the config does not say; ``<model>-<data>`` where null.
        group: what its other seeds are called too, for trackers with groups.

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
            "default_group": group,
            "resumed_id": (resumed_ids or {}).get(str(name)),
        }
        accepted = accepted_arguments(get_object(node["_target_"])) or ["save_dir"]
        arguments = {key: value for key, value in supplied.items() if key in accepted}
        found.append(instantiate(node, **arguments, _convert_="all"))
    return found


def setting_name(start: str, overrides: Sequence[str]) -> str:
    """What trackers call all seeds of a setting: model and data, then what the command line changed.

    Args:
        start: ``<model>-<data>``.
        overrides: those of the command line, such as ``optimizer.lr=0.01``.
    """
    settings = [word.lstrip("+").partition("=") for word in told_words(overrides)]
    changed = [
        f"{key.rpartition('.')[2]}={value}"
        for key, _, value in settings
        if key not in UNNAMED and not key.startswith("logger.")
    ]
    return shorten(" ".join([start, *changed]), LONGEST_NAME, placeholder=" ...")


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
    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    group = setting_name(f"{folder.model_name}-{folder.data_name}", overrides)
    chosen = None if config.trainer.fast_dev_run else config.logger  # Lightning's rule for such a run
    loggers = build_loggers(chosen, folder, resumed_ids, run_name=f"{group} seed={config.seed}", group=group)
    plain = told(OmegaConf.to_container(config, resolve=True))
    quiet_lightning()
    with ExitStack() as closing:
        for logger in loggers:
            closing.push(partial(_close, logger))
            if hasattr(logger, "open"):
                logger.open()
            logger.log_hyperparams(plain)
        yield loggers


def _close(logger: Logger, error: type[BaseException] | None, *_: Any) -> None:
    """Write out what a logger holds and end its run, as failed where an error ended it."""
    status = "success" if error is None else "failed"
    logger.finalize(status)
    if hasattr(logger, "finish"):
        logger.finish(status)


def log_results(
    loggers: list[Logger], folder: RunFolder, outcome: Outcome, metrics: dict[str, float], step: int
) -> None:
    """Give every logger the figures of metrics.json, and those that take it the report and the checkpoint.

    Args:
        step: the last step of training, where loggers that draw curves put the figures.
    """
    for logger in loggers:
        if hasattr(logger, "log_run"):
            logger.log_run(folder, outcome, metrics, step)
        else:
            logger.log_metrics(metrics, step)
            logger.save()


class MetricsCsv(CSVLogger):
    """Lightning's CSVLogger; ``go_on`` keeps the rows of the steps before.

    Args:
        save_dir: the folder of metrics.csv.
        **settings: those of CSVLogger.
    """

    def __init__(self, save_dir: str, **settings: Any) -> None:
        super().__init__(save_dir, **({"name": "", "version": ""} | settings))
        self._before = _rows(Path(self.log_dir) / "metrics.csv")  # Lightning's writer removes the file

    @rank_zero_only
    def go_on(self, step: int) -> None:
        """Keep what was logged before optimizer step ``step``; what came after it is logged again.

        The figures of a run's end, which has come once more, are left out.
        """
        kept: list[Any] = [
            {key: value for key, value in row.items() if value != ""}
            for row in self._before
            if int(row["step"]) < step and not row.get("timing/fit_seconds")
        ]
        if self._experiment is not None or kept:
            self.experiment.metrics = [*kept, *self.experiment.metrics]


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, without a last one that a kill cut off."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))
