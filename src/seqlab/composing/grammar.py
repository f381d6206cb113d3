"""Overrides as people type them: paths that Hydra's grammar cannot read are quoted, other values are told."""

from __future__ import annotations

import inspect
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

from seqlab.composing import compose_groups
from seqlab.errors import UserError
from seqlab.trust import imported, targets

_FOLDERS = ("dir", "subdir", "save_dir", "folder", "resume")  # no constructor of ours declares these
_KEY = re.compile(r"[+~]*[a-zA-Z_][\w./@:-]*", re.ASCII)
_CLOSING = {"[": "]", "{": "}", "(": ")"}
# a quoted text, an interpolation, or a character
_PART = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\$\{[^}]+\}|.""", re.DOTALL)


def readable_overrides(conf: Path, overrides: Sequence[str], search: Sequence[str] = ()) -> list[str]:
    """The overrides in the spelling that Hydra's grammar reads as they are meant.

    Values of keys that are paths are quoted where the grammar refuses them or reads something else: text that
    is not English, parentheses, ``=``, commas in the name of a file that exists, a file called 1e5. Commas
    between files remain a sweep, brackets a list.

    Args:
        conf: the config folder, which says what keys are paths: see ``path_names``.
        search: overrides that add config folders.

    Raises:
        UserError: any other override that the grammar refuses, with what to type instead.
    """
    return [_readable(override, conf, [*search, *overrides]) for override in overrides]


def _readable(override: str, conf: Path, overrides: Sequence[str]) -> str:
    key, equal, value = override.partition("=")
    spelled = f"{key}={_spelled(value)}"
    if _is_read(override):
        return spelled if equal and spelled != override and _is_path(key, conf, overrides) else override
    if not equal or not _KEY.fullmatch(key):
        ways = "write KEY=VALUE" if not equal else "a key has letters, digits, _, - and dots"
        raise UserError(f"{override}: no override: {ways}; all keys: python train.py --cfg job")
    if _is_read(spelled) and (os.path.exists(value) or _is_path(key, conf, overrides)):
        return spelled
    typed = shlex.quote(f"{key}={quoted(value)}")
    raise UserError(f"{override}: Hydra's grammar cannot read this value of {key}; type {typed}")


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


def _spelled(value: str) -> str:
    """The value of a path, or a list of them: quoted where the grammar refuses it or reads something else."""
    parts = [] if os.path.exists(value) else _joined(_split(value))
    if len(parts) > 1:
        return ",".join(_spelled(part) for part in parts)
    if value[:1] == "[" and value[-1:] == "]" and parts:
        return f"[{','.join(map(_text, _joined(_split(value[1:-1]))))}]"
    return _text(value)


def _text(value: str) -> str:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    text = value.strip()
    if not text:
        return value
    try:
        read = OverridesParser.create().parse_override(f"key={value}").value()
    except HydraException:
        return quoted(text)
    same = read is None or (isinstance(read, str) and read == text) or text[0] in "'\""
    return quoted(text) if not same and os.path.exists(text) else value


def _split(value: str) -> list[str]:
    """The parts between the commas that stand in no quotes and in no brackets."""
    parts, open_brackets = [""], []
    for part in _PART.findall(value):
        if part in _CLOSING:
            open_brackets.append(_CLOSING[part])
        elif open_brackets and part == open_brackets[-1]:
            open_brackets.pop()
        if part == "," and not open_brackets:
            parts.append("")
        else:
            parts[-1] += part
    return parts


def _joined(parts: list[str]) -> list[str]:
    """The parts, those put together again that name a file with commas in its name."""
    joined = []
    while parts:
        ends = range(len(parts), 1, -1)
        end = next((end for end in ends if os.path.exists(",".join(parts[:end]).strip())), 1)
        joined.append(",".join(parts[:end]))
        parts = parts[end:]
    return joined


def _is_path(key: str, conf: Path, overrides: Sequence[str]) -> bool:
    name = key.lstrip("+~").split("@", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]
    return name in _FOLDERS or name in path_names(conf, overrides)


def path_names(conf: Path, overrides: Sequence[str]) -> set[str]:
    """The names of arguments that are paths, by their annotations, of all that the chosen configs build."""
    from omegaconf import OmegaConf

    names: set[str] = set()
    try:
        config = OmegaConf.to_container(compose_groups(conf, overrides), resolve=False)
    except Exception:  # a group that is not there is told when all is composed
        return names
    for target in targets(config):
        try:
            found = imported(target, "_target_")
            layers = found.__mro__ if inspect.isclass(found) else (found,)
            hints = [get_type_hints(vars(layer).get("__init__", layer)) for layer in layers]
        except Exception:  # a target that is not there is told when it is built
            continue
        names |= {name for each in hints for name, hint in each.items() if "pathlib." in str(hint)}
    return names - {"return"}
