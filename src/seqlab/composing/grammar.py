"""Overrides as people type them: what Hydra's grammar cannot read, such as parentheses, is quoted."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from seqlab.errors import UserError

_KEY = re.compile(r"[+~]*[a-zA-Z_][\w./@:-]*", re.ASCII)
_WORD = re.compile(r"""[^\s()\[\]{}'"=]+""")  # in any script


def readable_overrides(overrides: Sequence[str]) -> list[str]:
    """The overrides in the spelling that Hydra's grammar reads as they are meant.

    A value that the grammar refuses is quoted: text that is not English, parentheses, ``=``. So is the name
    of a file that exists and has a comma, which would be a sweep. Commas between files or words remain a
    sweep, brackets a list.

    Raises:
        UserError: what is no override.
    """
    return [_readable(override) for override in overrides]


def _readable(override: str) -> str:
    key, equal, value = override.partition("=")
    if _is_read(override) and not ("," in value and os.path.exists(value)):
        return override
    if not equal or not _KEY.fullmatch(key):
        ways = "a key has letters, digits, _, - and dots" if equal else "write NAME=VALUE, such as model=gru"
        raise UserError(f"{override}: no override: {ways}; all keys: python train.py --cfg job")
    return f"{key}={_spelled(value)}"


def _spelled(value: str) -> str:
    parts = value.split(",")
    if value[0] == "[" and value[-1] == "]":
        return f"[{','.join(map(_text, value[1:-1].split(',')))}]"
    several = len(parts) > 1 and not os.path.exists(value)
    if several and all(os.path.exists(part) or _WORD.fullmatch(part) for part in parts):
        return ",".join(map(_text, parts))
    return quoted(value)


def _text(part: str) -> str:
    """A part of a list: quoted where the grammar refuses it."""
    return part if _is_read(f"key={part}") else quoted(part.strip())


def _is_read(override: str) -> bool:
    """Whether Hydra's grammar reads an override."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def quoted(text: str) -> str:
    """A text in quotes of Hydra's grammar, double ones: single ones are the shell's."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text, Quote.double).with_quotes()
