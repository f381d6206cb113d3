"""Jobs of train.py: those of ``-m`` are checked before the first trains; how a failed one ends."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.composing import compose_config, with_package
from seqlab.composing.mistakes import user_message
from seqlab.errors import UserError, escaped
from seqlab.privacy import hidden, hidden_words
from seqlab.project import resume_line

if TYPE_CHECKING:
    from omegaconf import DictConfig

_GROUPS = ("data", "model", "scheduler", "logger", "callbacks")  # the optimizer has a check of its own
log = logging.getLogger(__name__)


def check_jobs(conf: Path, overrides: Sequence[str], search: Sequence[str] = ()) -> None:
    """Compose each job of a multirun and check what needs no data: keys, pairs, hardware, settings.

    Args:
        overrides: as Hydra's grammar reads them.
        search: overrides that add config folders.

    Raises:
        UserError: of the first job with a mistake; no job has begun.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException

    try:
        jobs = jobs_of(conf, [*search, *overrides])
    except HydraException:
        return  # a sweep that Hydra's own sweeper does not know: it tells so, or it is a plugin's
    if not jobs:
        empty = next((part for part in overrides if "range(" in part), " ".join(overrides))
        raise UserError(f"{empty} with -m: that is no value at all, so no run; 'range(0,4)' is 0, 1, 2 and 3")
    known = HydraConfig.instance().cfg
    for number, job in enumerate(jobs):
        try:
            whole = compose_config(conf, [*job, "hydra.mode=MULTIRUN"], hydra=True)
            if not whole.hydra.sweeper["_target_"].endswith(".BasicSweeper"):
                return  # a sweeper of a plugin makes its jobs while it runs
            HydraConfig.instance().set_config(whole)
            _check_job(whole)
        except Exception as error:
            message = user_message(error, conf, job)
            if message is None and not isinstance(error, TypeError | ValueError):
                raise
            message = message or f"{type(error).__name__}: {error}"  # such as epochs in words
            which = " ".join(hidden_words([part for part in job if part not in {*overrides, *search}]))
            where = f"job {number} of -m" + (f": {which}" if which else "")
            raise UserError(f"{message} ({where}; no job was started)") from error
        finally:
            HydraConfig.instance().cfg = known


def jobs_of(conf: Path, overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a multirun, as Hydra's own sweeper makes them."""
    from hydra import initialize_config_dir
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    conf, overrides = with_package(conf, overrides)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(overrides)
        return BasicSweeper.split_arguments(parsed, None)[0]


def _check_job(whole: DictConfig) -> None:
    from omegaconf import OmegaConf

    from seqlab.training import build, trainer

    config = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    build.check_seed(config.seed)
    build.check_words(config)
    if "slurm" not in whole.hydra.launcher["_target_"].lower():  # whose jobs run on other machines
        trainer.check_hardware(config.trainer)
    build.check_monitor(config)
    build.check_pair(config)
    for group in _GROUPS:
        build.check_config(config[group], group)
    build.build_evaluation(config)
    build.build_data(config.data)
    build.check_optimizer(config.optimizer)


def log_failure(error: Exception, message: str | None) -> Path:
    """Write why a job failed into its train.log, and where that is to the terminal if it is one of several.

    Args:
        message: of a user's mistake, as the terminal shows it already; None of any other error.

    Returns:
        The run folder.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    # the terminal shows warnings and above
    log.info("failed: %s", message or escaped(hidden("".join(traceback.format_exception(error)))))
    run = HydraConfig.get()
    folder = Path(run.runtime.output_dir)
    if run.mode == RunMode.MULTIRUN:
        said = "" if message else f": {type(error).__name__}: {escaped(hidden(str(error)))}"
        overrides = " ".join(hidden_words(run.overrides.task))
        print(
            f"job {run.job.num} of -m failed ({overrides}){said}; its log: "
            f"{os.path.relpath(folder / f'{run.job.name}.log')}; the others go on",
            file=sys.stderr,
        )
    return folder


def remove_unstarted(*folders: Path) -> None:
    """Take run folders of Hydra's away again where the run did not come to write anything into them; one that
    a user had before stays."""
    from seqlab.composing.folders import Folders

    logging.shutdown()  # Hydra's log file lies in the run folder
    for folder in folders:
        if not folder.exists() or folder.absolute() in Folders.before:
            continue
        if {path.name for path in folder.iterdir()} <= {".hydra", "train.log"}:
            shutil.rmtree(folder)


def tell_interrupted(error: Any, folder: Path, config: Any) -> None:
    """Say what was saved and how to go on."""
    if (folder / "metrics.json").exists():
        print(f"interrupted ({error}) when the run was finished: its figures are kept", file=sys.stderr)
        return
    go_on = way_on(folder, config)
    if not go_on:
        print(f"interrupted ({error}) before anything was saved", file=sys.stderr)
        return
    saved = "the last checkpoint is kept" if error.step is None else f"saved after step {error.step}"
    print(f"interrupted ({error}); {saved}. {go_on}", file=sys.stderr)


def way_on(folder: Path, config: Any) -> str:
    """``Go on: `` and the command line that does; empty where nothing was saved."""
    from omegaconf import OmegaConf

    line = resume_line(folder, OmegaConf.to_container(config))
    return f"Go on: {line}" if line else ""
