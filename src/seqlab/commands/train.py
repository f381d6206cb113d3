"""The command line: help without torch, one message for a user's mistake, Hydra for the rest."""

from __future__ import annotations

import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqlab.composing.compose import read_arguments, with_package
from seqlab.composing.grammar import readable_overrides
from seqlab.composing.mistakes import user_message
from seqlab.errors import UserError, memory_message
from seqlab.project import project_folder
from seqlab.training.resume.arguments import MULTIRUN, resumed_arguments

EXAMPLES = (
    ("python train.py", "a GRU learns normal HDFS blocks (simulated sample), finds abnormal ones"),
    ("python train.py model=gru_ae trainer.gpus=1", "the autoencoder on a GPU; it brings its own data"),
    ("python train.py data.normal=normal.txt data.abnormal=abnormal.txt", "your own log sessions"),
    (
        "python train.py model=lstm data.path=prices.csv data.horizon=5",
        "five days of a price, beside the last",
    ),
    (
        "python train.py experiment=shakespeare data.path=input.txt",
        "a recipe; the text it writes, in the report",
    ),
    ("python train.py scheduler=onecycle optimizer.lr=0.02 trainer.precision=auto", "other settings"),
    ("python train.py -m seed=0,1,2,3,4", "five seeds, one after the other"),
)
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
# conf/hydra/launcher/joblib.yaml fills in the plugin's own config of that name, in workers as well
warnings.filterwarnings("ignore", message=r"(?s).*ConfigStore schema with the same name")


def first_comment(path: Path) -> str:
    """The first comment of a config file that describes it: what the group member offers."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and not line.startswith("# @package"):
            return line[2:].strip()
    return ""


def run_line(arguments: Sequence[str]) -> int:
    """``seqlab train ...``: ``python train.py ...`` with the train.py of ``project_folder()``."""
    import runpy

    program = project_folder() / "train.py"
    sys.argv = [str(program), *arguments]
    sys.path.insert(0, str(program.parent))
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def help_text(*folders: Path) -> str:
    """Groups, what each offers, examples: read off the config folders, nothing imported."""
    lines = [
        "Train a sequence model and judge it honestly.",
        "",
        "usage: python train.py [GROUP=NAME] [KEY=VALUE] ...",
    ]
    lines += ["", "examples:"]
    for command, meaning in EXAMPLES:
        lines += [f"  {command}", f"      {meaning}"]
    groups: dict[str, list[Path]] = {}
    for path in sorted({path for folder in folders for path in folder.glob("*/*.yaml")}):
        groups.setdefault(path.parent.name, []).append(path)
    for group, members in sorted(groups.items()):
        lines += ["", f"{group}="]
        width = max(len(member.stem) for member in members) + 2
        for member in members:
            lines.append(f"  {member.stem:<{width}}{first_comment(member)}".rstrip())
    lines += [
        "",
        "Every key of a config is a KEY: trainer.max_epochs=3, data.batch_size=128, network sizes as",
        "model.network.hidden_size=64. All keys and their values: python train.py --cfg job",
        "A run that was stopped goes on: python train.py resume=runs/..., or resume=latest",
        "Several values make a grid: python train.py -m optimizer.lr=0.001,0.01",
        "Several loggers at once: python train.py 'logger=[csv,wandb]'",
        "Networks of your own: python train.py --config-dir DIR model=NAME; see docs/extending.md",
        "Results: runs/<model>-<data>/<date_time>/report.html and metrics.json",
    ]
    return "\n".join(lines)


def _remove_unstarted(folder: Path) -> None:
    """Take a run folder of Hydra's away again where the run did not come to write anything into it."""
    import shutil

    if {path.name for path in folder.iterdir()} <= {".hydra", "train.log"}:
        shutil.rmtree(folder)


def tell_interrupted(error: Any, folder: Path) -> None:
    """Say what was saved and how to go on."""
    if not (folder / "checkpoints" / "last.ckpt").exists():
        print(f"interrupted ({error}) before anything was saved", file=sys.stderr)
        return
    where = os.path.relpath(folder)
    saved = "the last checkpoint is kept" if error.step is None else f"saved after step {error.step}"
    print(f"interrupted ({error}); {saved}. Go on: python train.py resume={where}", file=sys.stderr)


def train_command(train: Callable[[Any], Any], arguments: Sequence[str]) -> int:
    """Run ``train`` on the composed config.

    Args:
        train: takes the config; a ``conf/`` beside the file that defines it holds its configs.
        arguments: the command line, without the program's name.

    Returns:
        The exit code: 0, 2 for a user's mistake or too little memory (one message, no traceback unless
        HYDRA_FULL_ERROR=1), 130 after Ctrl-C.
    """
    conf = Path(train.__code__.co_filename).resolve().parent / "conf"
    if any(argument in ("--help", "-h") for argument in arguments):
        print(help_text(conf, with_package(conf, ())[0]))
        return 0
    try:
        conf, arguments, search = _checked(conf, arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    sys.argv[1:] = arguments
    return _run(train, conf, arguments, search)


def _checked(conf: Path, arguments: Sequence[str]) -> tuple[Path, list[str], list[str]]:
    """The folder of train.yaml, the arguments as Hydra reads them, and what ``--config-dir`` means.

    Raises:
        UserError: a run to resume that is not there, an override that cannot be read, a job with a mistake.
    """
    arguments = resumed_arguments(arguments)
    line = read_arguments(arguments)
    multirun = [argument for argument in arguments if argument in MULTIRUN]
    overrides = readable_overrides(conf, line.overrides, multirun=bool(multirun), search=line.search)
    if multirun and line.trains:
        from seqlab.composing.jobs import check_jobs

        check_jobs(conf, overrides, line.search)
    base, overrides = with_package(conf, overrides)
    flags = [argument for argument in arguments if argument not in {*multirun, *line.overrides}]
    # argparse takes overrides in one block only: `model=gru -m seed=0,1` must work as well as `-m` in front
    return base, [*multirun, *flags, *overrides], line.search


def _told(
    train: Callable[[Any], Any],
    tell: Callable[[Exception, Any], str | None],
    interrupted: list[Any],
    failed: list[Path],
) -> Callable[[Any], Any]:
    """``train`` whose failures are told where they happen: of an error that leaves a job, Hydra would say a
    line of its own."""
    process = os.getpid()

    @functools.wraps(train)
    def job(config: Any) -> Any:
        from hydra.core.hydra_config import HydraConfig

        from seqlab.training.resume.stopping import RunInterruptedError, interruptible

        try:
            with interruptible():
                return train(config)
        except RunInterruptedError as error:
            interrupted.append(error)
            tell_interrupted(error, Path(HydraConfig.get().runtime.output_dir))
            raise KeyboardInterrupt from error  # no further job of a multirun
        except Exception as error:
            message = tell(error, config)
            from seqlab.composing.jobs import log_failure

            log_failure(error, message)
            if message is None or os.getpid() != process:  # a launcher's worker cannot add to the list
                raise
            failed.append(Path(HydraConfig.get().runtime.output_dir))
            return None

    return job


def _run(train: Callable[[Any], Any], conf: Path, arguments: Sequence[str], search: Sequence[str]) -> int:
    import hydra

    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would print, and it is told here
    interrupted: list[Any] = []
    failed: list[Path] = []  # run folders of jobs that a user's mistake ended

    def tell(error: Exception, config: Any = None) -> str | None:
        """Print the one message of a user's mistake or of too little memory; None for any other error."""
        lacking = memory_message(error, {} if config is None else config.data)
        message = lacking or user_message(error, conf, [*search, *arguments])
        if message is None or wants_traceback:
            return None
        print(f"error: {message}", file=sys.stderr)
        return message

    job = _told(train, tell, interrupted, failed)
    try:
        hydra.main(version_base="1.3", config_path=str(conf), config_name="train")(job)()
    except KeyboardInterrupt:
        if interrupted:
            return interrupted[0].exit_code
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        if tell(error) is None:
            raise
        return EXIT_USER_ERROR
    finally:
        if not wants_traceback:
            del os.environ["HYDRA_FULL_ERROR"]
    if failed:
        logging.shutdown()  # Hydra's log file lies in the run folder
    if not set(arguments) & set(MULTIRUN):  # the folder of a failed job tells of it
        for folder in failed:
            _remove_unstarted(folder)
    return EXIT_USER_ERROR if failed else 0
