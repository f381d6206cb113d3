"""Experiments with sequence models: train, judge, compare, and use what was learned."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from itertools import takewhile
from typing import Any, NoReturn

from seqlab.errors import CheckpointError, UserError, disk_message, memory_message
from seqlab.files import let_go
from seqlab.interrupts import interrupted
from seqlab.process import free_idle_cores, leave_backend_of_kernel

EXIT_USER_ERROR = 2
COMMANDS = {
    "train": "train and judge a model: python train.py, from anywhere",
    "init": "a project folder of your own: train.py, conf/, sweep.yaml",
    "tune": "a learning rate and a batch size to begin with",
    "sweep": "search settings, here, on many machines or on Ray",
    "list": "the runs of a folder: state, figure, how to go on",
    "compare": "runs beside each other: settings, figures, tests, a page",
    "predict": "what a checkpoint says of a file, as a CSV",
    "generate": "text that goes on after a prompt",
    "translate": "lines of text in, one translation a line out",
    "parse": "raw log lines to sessions, for data.sessions=DIR",
    "detect": "raw log lines in, alerts out; --follow a log that grows",
    "explain": "one log block: how surprising each event was",
    "calibrate": "thresholds fitted again to new normal sessions",
    "export": "the network as ONNX or torch.export, checked",
    "download": "public data sets, checked, with licence and citation",
    "doctor": "what this machine has of what a run needs, and what to do",
}


class Arguments(argparse.ArgumentParser):
    """Names an argument that it does not know, and the nearest one, before it asks for one that is missing.

    Args:
        given: what is to be parsed.
    """

    def __init__(self, given: Sequence[str], **settings: Any) -> None:
        super().__init__(**settings)
        self.given = given

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        from difflib import get_close_matches

        known = [option for action in self._actions for option in action.option_strings]
        options = list(takewhile(lambda word: word != "--", self.given))
        for word in (word.split("=")[0] for word in options if word.startswith("--")):
            if not any(option.startswith(word) for option in known):
                near = get_close_matches(word, known, n=1)
                meant = f"; did you mean {near[0]}?" if near else "."
                self.exit(EXIT_USER_ERROR, f"error: unknown argument {word}{meant} See {self.prog} --help\n")
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """The commands without their arguments: nothing but this file is imported for ``--help``."""
    wide = partial(argparse.HelpFormatter, max_help_position=30)  # a line for each command
    top = argparse.ArgumentParser(prog="seqlab", description=__doc__, formatter_class=wide)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, meaning in COMMANDS.items():
        commands.add_parser(name, help=meaning, add_help=False)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Each is a module of ``seqlab.commands`` with ``add_arguments`` and ``run``.

    Returns:
        The exit code: 0, 2 for a user's mistake or too little memory (one message, no traceback), 130 after
        Ctrl-C.
    """
    leave_backend_of_kernel()
    free_idle_cores()
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return interrupted()


def _run(given: list[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        _complete(os.environ.get("COMP_LINE", "").split())
    name = parser().parse_known_args(given[:1])[0].command
    module = import_module(f"seqlab.commands.{name}")
    if hasattr(module, "run_line"):  # Hydra reads its arguments
        return module.run_line(given[1:])
    own = Arguments(given[1:], prog=f"seqlab {name}", description=COMMANDS[name])
    module.add_arguments(own)
    parsed = own.parse_intermixed_args(given[1:])
    try:
        return module.run(parsed)
    except UserError as error:
        print(f"error: {error}{_swapped(error, parsed)}", file=sys.stderr)
        return EXIT_USER_ERROR
    except BrokenPipeError:  # the reader of a pipe, such as head, has left
        let_go(sys.stdout)
        return 0
    except Exception as error:
        message = memory_message(error) or disk_message(error, getattr(parsed, "output", None))
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return EXIT_USER_ERROR


def _complete(words: Sequence[str]) -> None:
    """Tell a shell what may follow the words of its line, and exit; only the command it names is imported."""
    import argcomplete

    top = argparse.ArgumentParser(prog="seqlab")
    commands = top.add_subparsers()
    for name, meaning in COMMANDS.items():
        own = commands.add_parser(name, help=meaning)
        if name in words[1:2]:
            add_arguments = getattr(import_module(f"seqlab.commands.{name}"), "add_arguments", None)
            if add_arguments is not None:  # Hydra reads those of training
                add_arguments(own)
    argcomplete.autocomplete(top)


def _swapped(error: UserError, arguments: argparse.Namespace) -> str:
    """More about what is no checkpoint: that one was given in another place of the same command."""
    if not isinstance(error, CheckpointError):
        return ""
    from seqlab.training.checkpoint_mistakes import given_elsewhere

    others = [value for name, value in vars(arguments).items() if name not in {"checkpoint", "output"}]
    found = given_elsewhere(others)
    return f". {found} is one: the checkpoint comes first" if found is not None else ""


if __name__ == "__main__":
    sys.exit(main())
