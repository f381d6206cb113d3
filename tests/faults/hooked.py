"""Runs a program of Python that stops at a named moment, and goes on once it may.

    python hooked.py MOMENT GATE PROGRAM ARGUMENTS...

MOMENT is ``module:function`` or ``module:Class.method`` (just before it is called), ``rename:NAME`` (just
before a file takes that name) or ``import:MODULE``; ``@N`` behind it means the Nth time. The program then
makes the file GATE/reached and waits for GATE/go. ``memory!MOMENT`` asks torch for more memory than there is.
"""

from __future__ import annotations

import functools
import importlib
import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EVENTS: dict[str, tuple[str, Callable[[tuple[Any, ...]], str]]] = {  # of Python's audit
    "rename": ("os.rename", lambda what: os.path.basename(what[1])),
    "import": ("import", lambda what: what[0]),
}


def main(moment: str, gate: str, program: str, *arguments: str) -> None:
    at, _, number = moment.partition("@")
    action = functools.partial(_stop, Path(gate))
    if at.startswith("memory!"):
        at, action = at.removeprefix("memory!"), _ask_for_too_much
    countdown = [int(number or 1)]

    def come() -> None:
        countdown[0] -= 1
        if countdown[0] == 0:
            action()

    kind, _, name = at.partition(":")
    if kind in EVENTS:
        _before_event(kind, name, come)
    else:
        _before_call(at, come)
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    runpy.run_path(program, run_name="__main__")


def _stop(gate: Path) -> None:
    (gate / "reached").touch()
    while not (gate / "go").exists():
        time.sleep(0.01)


def _ask_for_too_much() -> None:
    import torch

    torch.empty(1 << 50, dtype=torch.uint8)


def _before_event(kind: str, name: str, come: Callable[[], None]) -> None:
    event, name_of = EVENTS[kind]

    def hear(heard: str, what: tuple[Any, ...]) -> None:
        if heard == event and name_of(what) == name:
            come()

    sys.addaudithook(hear)


def _before_call(target: str, come: Callable[[], None]) -> None:
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    function = getattr(owner, name)

    @functools.wraps(function)
    def hooked(*given: Any, **named: Any) -> Any:
        come()
        return function(*given, **named)

    setattr(owner, name, hooked)


if __name__ == "__main__":
    main(*sys.argv[1:])
