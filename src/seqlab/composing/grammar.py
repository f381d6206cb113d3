"""Overrides as people type them: paths that Hydra's grammar cannot read are quoted, other values are told."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from seqlab.composing.compose import compose_groups
from seqlab.errors import UserError
from seqlab.trust import imported, targets

_FOLDERS = ("dir", "subdir", "save_dir", "folder", "resume")  # no constructor of ours declares these
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_CONTAINER = re.compile(r"(\s*(?:\[|\{|(\w+)\s*\())(.*)([\]})]\s*)", re.DOTALL)
# a quoted text, an interpolation, or a character
_PART = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\$\{[^}]+\}|.""", re.DOTALL)


def readable_overrides(
    conf: Path, overrides: Sequence[str], *, multirun: bool = False, search: Sequence[str] = ()
) -> list[str]:
    """The overrides in the spelling that Hydra's grammar reads as they are meant.

    Values of keys that are paths are quoted where the grammar refuses them or reads something else: text that
    is not English, parentheses, ``=``, commas in the name of a file that exists, a file called 1e5. Commas
    between files remain a sweep, brackets a list.

    Args:
        conf: the config folder, which says what keys are paths: see ``path_names``.
        multirun: whether commas separate values of a sweep.
        search: overrides that add config folders.

    Raises:
        UserError: any other override that the grammar refuses, with the place and what to type instead.
    """
    return [_readable(override, conf, [*search, *overrides], multirun) for override in overrides]


def _readable(override: str, conf: Path, overrides: Sequence[str], multirun: bool) -> str:
    key, equal, value = override.partition("=")
    fault = fault_column(override)
    spelled = f"{key}={_spelled(value, True, multirun)}"
    if fault is None:
        return spelled if equal and spelled != override and _is_path(key, conf, overrides) else override
    if not equal or fault < len(key):
        ways = "write KEY=VALUE" if not equal else "a key has letters, digits, _, - and dots"
        raise UserError(f"{override}: no override: {ways}; all keys: python train.py --cfg job")
    if fault_column(spelled) is None and (os.path.exists(value) or _is_path(key, conf, overrides)):
        return spelled
    typed = f"{key}={_spelled(value, False, multirun)}"
    if fault_column(typed) is not None:
        typed = f"{key}={quoted(value)}"
    raise UserError(
        f"{key}: Hydra's grammar cannot read this value, from the mark on:\n  {override}\n"
        f"  {' ' * columns(override[:fault])}^\ntype {shlex.quote(typed)}"
    )


def fault_column(override: str) -> int | None:
    """The character at which the grammar gives an override up; None where it reads it."""
    from antlr4 import CommonTokenStream, InputStream
    from antlr4.error.ErrorListener import ErrorListener
    from hydra.grammar.gen.OverrideLexer import OverrideLexer
    from hydra.grammar.gen.OverrideParser import OverrideParser

    found: list[int] = []

    class Faults(ErrorListener):
        def syntaxError(self, recognizer: Any, symbol: Any, line: int, column: int, *_: Any) -> None:  # noqa: N802
            # a line's column, as the text before it may hold line ends
            found.append(sum(map(len, override.splitlines(keepends=True)[: line - 1])) + column)

    lexer = OverrideLexer(InputStream(override))
    parser = OverrideParser(CommonTokenStream(lexer))
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(Faults())
    parser.override()
    found += _calls(override)
    if not found:
        return None
    column = min(found)
    return column + len(override[column:]) - len(override[column:].lstrip())  # a token may begin with spaces


def _calls(override: str) -> list[int]:
    """The brackets that call what is no function of Hydra's: ``report (1)`` is text."""
    calls = re.finditer(r"(\w+)\s*\(", _masked(override))
    return [call.end() - 1 for call in calls if call[1] not in _functions()]


def _masked(text: str) -> str:
    """The text with blanks in place of what is quoted or interpolated."""
    return "".join(part if len(part) == 1 else " " * len(part) for part in _PART.findall(text))


def _functions() -> Collection[str]:
    from hydra.core.override_parser.overrides_parser import create_functions

    return create_functions().functions.keys()


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two a Korean character, none an accent of its own."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def quoted(text: str) -> str:
    """A text in quotes of Hydra's grammar, double ones: single ones are the shell's."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text, Quote.double).with_quotes()


def _spelled(value: str, is_path: bool, multirun: bool) -> str:
    """A value, its texts quoted where the grammar refuses them, or reads the path of a file otherwise."""
    if is_path and os.path.exists(value):
        return _text(value, is_path)
    parts = _joined(_split(value)) if is_path else _split(value)
    if len(parts) > 1 and (is_path or multirun):
        return ",".join(_spelled(part, is_path, multirun) for part in parts)
    container = _CONTAINER.fullmatch(value)
    if container is None or _CLOSING[container[1][-1]] != container[4].strip():
        return _text(value, is_path)
    if container[2] and container[2] not in _functions():
        return _text(value, is_path)
    inner = _joined(_split(container[3])) if is_path else _split(container[3])
    items = ",".join(_item(part, container[1], is_path, multirun) for part in inner)
    return container[1] + items + container[4]


def _item(part: str, opening: str, is_path: bool, multirun: bool) -> str:
    """An item of a list or of a function, or a pair of a dict."""
    key, colon, value = part.partition(":")
    if opening.strip() == "{" and colon:
        return f"{key}:{_spelled(value, is_path, multirun)}"
    return _spelled(part, is_path, multirun)


def _text(value: str, is_path: bool) -> str:
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
    return quoted(text) if is_path and not same and os.path.exists(text) else value


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
