"""The command line: help without torch, one message for a user's mistake, Hydra for the rest."""

from __future__ import annotations

import argparse
import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqlab import progress
from seqlab.composing import is_plain, read_arguments, with_package
from seqlab.errors import UserError, disk_message, escaped, memory_message
from seqlab.interrupts import interrupted, last_words
from seqlab.privacy import hidden, hide_in_file
from seqlab.process import free_idle_cores, leave_backend_of_kernel
from seqlab.project import project_folder, train_words, typed

MULTIRUN = ("-m", "--multirun")
PRINTS = {"--cfg", "-c", "--info", "-i"}  # Hydra prints and trains nothing
EXIT_USER_ERROR = 2
# conf/hydra/launcher/joblib.yaml fills in the plugin's own config of that name, in workers as well
warnings.filterwarnings("ignore", message=r"(?s).*ConfigStore schema with the same name")


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
    leave_backend_of_kernel()
    free_idle_cores()
    try:
        if any(argument in ("--help", "-h") for argument in arguments):
            from seqlab.composing.help import help_text

            print(help_text(conf, with_package(conf, ())[0]))
            return 0
        typed[:] = [*train_words(), *arguments]
        progress.begin()
        if PRINTS.isdisjoint(arguments):
            progress.show("loading libraries")
        try:
            conf, sys.argv[1:], search = _checked(conf, arguments)
        except UserError as error:
            progress.clear()
            print(f"error: {hidden(str(error))}", file=sys.stderr)
            return EXIT_USER_ERROR
        return _run(train, conf, search)
    except KeyboardInterrupt:
        progress.clear()
        return interrupted()
    finally:
        progress.clear()


def _checked(conf: Path, arguments: Sequence[str]) -> tuple[Path, list[str], list[str]]:
    """The folder of train.yaml, the arguments as Hydra reads them, and what ``--config-dir`` means.

    Raises:
        UserError: a run to resume that is not there, an override that cannot be read, a job with a mistake.
    """
    own = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    own.add_argument("--trust", action="append", default=[])
    given, arguments = own.parse_known_args(arguments)
    if any(argument.startswith("resume=") for argument in arguments):
        from seqlab.composing.resuming import resumed_arguments

        arguments = resumed_arguments(arguments, conf, given.trust)
    line = read_arguments(arguments)
    multirun = [argument for argument in arguments if argument in MULTIRUN]
    overrides = line.overrides
    if not all(map(is_plain, overrides)):
        from seqlab.composing.grammar import readable_overrides

        overrides = readable_overrides(overrides)
    if multirun and line.trains:
        from seqlab.composing.jobs import check_jobs

        check_jobs(conf, overrides, line.search)
    base, overrides = with_package(conf, overrides)
    flags = [argument for argument in arguments if argument not in {*multirun, *line.overrides}]
    # argparse takes overrides in one block only: `model=gru -m seed=0,1` must work as well as `-m` in front
    return base, [*multirun, *flags, *overrides], line.search


def _run(train: Callable[[Any], Any], conf: Path, search: Sequence[str]) -> int:
    import hydra

    arguments = sys.argv[1:]
    logging.raiseExceptions = False  # what a full train.log cannot take, the next file cannot either
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would print, and it is told here
    ended_by: list[Any] = []  # the signal
    failed: list[Path] = []  # run folders of jobs that a user's mistake ended
    opened: list[Path] = []  # run folders of all jobs

    def tell(error: Exception, config: Any = None) -> str | None:
        """Print the one message of a user's mistake or of too little memory; None for any other error."""
        from seqlab.composing.mistakes import user_message

        folder = None if config is None else _output_folder()  # Hydra has not made it yet
        lacking = memory_message(error, {} if config is None else config.data)
        message = (
            _with_way_on(lacking, folder, config)
            or user_message(error, conf, [*search, *arguments])
            or _with_way_on(disk_message(error, folder), folder, config)
        )
        if message is None or wants_traceback:
            return None
        message = escaped(hidden(message))
        progress.clear()
        print(f"error: {message}", file=sys.stderr)
        return message

    try:
        job = _told(train, tell, ended_by, failed, opened)
        hydra.main(version_base="1.3", config_path=str(conf), config_name="train")(job)()
    except KeyboardInterrupt:
        from seqlab.composing.jobs import remove_unstarted

        with last_words():
            remove_unstarted(*opened[-1:])
        if not ended_by:
            raise
        return ended_by[0].exit_code
    except Exception as error:
        if tell(error) is None:
            raise
        return EXIT_USER_ERROR
    finally:
        if not wants_traceback:
            del os.environ["HYDRA_FULL_ERROR"]
    if failed and not set(arguments) & set(MULTIRUN):  # the folder of a failed job of several tells of it
        from seqlab.composing.jobs import remove_unstarted

        remove_unstarted(*failed)
    code = EXIT_USER_ERROR if failed else 0
    _tell_multirun()
    return code


def _tell_multirun() -> None:
    """After the jobs of ``-m``: their table, and the command that shows it again."""
    from seqlab.composing.folders import Folders

    folder, Folders.multirun = Folders.multirun, None
    if folder is None:
        return
    from seqlab.commands.multirun_summary import print_summary

    print_summary(folder)


def _with_way_on(message: str | None, folder: Path | None, config: Any) -> str | None:
    """What is lacking, and how a run that has saved something goes on once it is there."""
    if message is None or folder is None:
        return message
    from seqlab.composing.jobs import way_on

    return f"{message}. {way_on(folder, config)}".removesuffix(". ")


def _output_folder() -> Path:
    from hydra.core.hydra_config import HydraConfig

    return Path(HydraConfig.get().runtime.output_dir)


def _told(
    train: Callable[[Any], Any],
    tell: Callable[[Exception, Any], str | None],
    ended_by: list[Any],
    failed: list[Path],
    opened: list[Path],
) -> Callable[[Any], Any]:
    """``train`` whose failures are told where they happen: of an error that leaves a job, Hydra would say a
    line of its own."""
    process = os.getpid()

    @functools.wraps(train)
    def job(config: Any) -> Any:
        import numpy  # noqa: F401 - first: torch swallows a Ctrl-C that comes while it imports numpy itself
        from hydra.core.hydra_config import HydraConfig

        progress.show("loading libraries and data")
        opened.append(_output_folder())
        from seqlab.training.resume import RunInterruptedError, interruptible, only_writer

        try:
            with interruptible():
                hide_in_file(Path(HydraConfig.get().sweep.dir) / "multirun.yaml")
                with only_writer(_output_folder()):
                    return train(config)
        except RunInterruptedError as error:
            progress.clear()
            ended_by.append(error)
            with last_words():
                _tell_interrupted(error, config)
            raise KeyboardInterrupt from error  # no further job of a multirun
        except Exception as error:
            from seqlab.composing.jobs import log_failure

            message = tell(error, config)
            folder = log_failure(error, message)
            if message is None or os.getpid() != process:  # a launcher's worker cannot add to the list
                raise
            failed.append(folder)
            return None
        finally:
            progress.clear()
            progress.begin()  # the next job

    return job


def _tell_interrupted(error: Any, config: Any) -> None:
    """A function of this module, so that a launcher's worker imports it, and with it the filter above."""
    from seqlab.composing.jobs import tell_interrupted

    tell_interrupted(error, _output_folder(), config)
