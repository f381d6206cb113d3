"""``--json`` of the commands whose result is one value: that value on standard output, and nothing else."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def others_aside(is_json: bool) -> AbstractContextManager[object]:
    """Within it what is printed goes to standard error where ``--json`` wants standard output for itself."""
    return redirect_stdout(sys.stderr) if is_json else nullcontext()


def print_json(value: Any) -> None:
    """A value as indented JSON; what is no finite number is null, and a path its text."""
    import json

    from seqlab.errors import escaped_json

    print(escaped_json(json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str, allow_nan=False)))


def _plain(value: Any) -> Any:
    import math

    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
