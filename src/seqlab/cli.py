"""``seqlab COMMAND``: what a trained checkpoint is good for. Training itself is ``python train.py``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import takewhile
from typing import Any, NoReturn

from seqlab.errors import UserError, memory_message
from seqlab.files import let_go

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
COMMANDS = {
    "parse": "raw log lines to sessions of templates, for data.sessions=DIR",
    "sweep": "search settings with a sweep.yaml of W&B's, on this machine, many machines or a Ray cluster",
    "translate": "lines of text in, one translation a line out, with a checkpoint of model=seq2seq",
    "generate": "text that goes on after a prompt, with a checkpoint of model=char_rnn",
    "predict": "score, forecast, classify, tag or translate a file with a checkpoint; writes a CSV",
    "detect": "raw log lines in, alerts out: a whole log, or one that grows (--follow)",
    "explain": "one log block's events, how surprising each was and what was expected there",
    "compare": "finished runs beside each other: what differs, figures over seeds, paired tests, a page",
    "download": "public data sets into a cache: checked and resumable, with licence, citation and use",
    "export": "a trained network as an ONNX or TorchScript file, checked, with vocabulary and thresholds",
    "calibrate": "thresholds of a log model fitted again to new normal sessions, without training",
    "tune": "find a learning rate and a batch size for a run: seqlab tune model=gru_ae --lr",
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
    top = argparse.ArgumentParser(prog="seqlab", description=__doc__, add_help=True)
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
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = parser().parse_known_args(given[:1])[0].command
    module = import_module(f"seqlab.commands.{name}")
    own = Arguments(given[1:], prog=f"seqlab {name}", description=COMMANDS[name])
    module.add_arguments(own)
    parsed = own.parse_intermixed_args(given[1:])
    try:
        return module.run(parsed)
    except UserError as error:
        print(f"error: {error}{_swapped(error, parsed)}", file=sys.stderr)
        return EXIT_USER_ERROR
    except (MemoryError, RuntimeError) as error:
        message = memory_message(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as head, has left
        let_go(sys.stdout)
        return 0


def _swapped(error: UserError, arguments: argparse.Namespace) -> str:
    """More about what is no checkpoint: that one was given in another place of the same command."""
    from seqlab.training.checkpoint_mistakes import CheckpointError, given_elsewhere

    if not isinstance(error, CheckpointError):
        return ""
    others = [value for name, value in vars(arguments).items() if name not in {"checkpoint", "output"}]
    found = given_elsewhere(others)
    return f". {found} is one: the checkpoint comes first" if found is not None else ""


if __name__ == "__main__":
    sys.exit(main())
