"""Hydra's record of a config, read fast: a sweep's configs are mostly the same text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

_BLOCK = re.compile(r"^(?=[^\s#-])", re.MULTILINE)  # where a key of the top level starts
_CHOICES = re.compile(r"^ +choices:\n((?: +[^\n]*\n)*)", re.MULTILINE)
_ALIAS = re.compile(r"(?:^|\s)[&*]\w")


def read_config(text: str) -> dict[str, Any]:
    """``.hydra/config.yaml`` as flat dotted keys, interpolations as they are written.

    Each block of the top level is parsed once for all the runs that share its text.

    Raises:
        ValueError: the text is not YAML, or not a mapping.
    """
    if _ALIAS.search(text):  # an anchor may be defined in another block
        return flatten(_mapping(text))
    flat: dict[str, Any] = {}
    for block in _BLOCK.split(text):
        flat.update(_read_block(block))
    return flat


@cache
def _read_block(text: str) -> dict[str, Any]:
    return flatten(_mapping(text))


def _mapping(text: str) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # absent where PyYAML was built without libyaml
    try:
        found = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"keys with values are expected, not {found!r:.40}")
    return found


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``; a list and an empty mapping are values."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat


def choices_of(text: str) -> dict[str, str]:
    """``runtime.choices`` of ``.hydra/hydra.yaml``, without Hydra's own groups.

    Raises:
        ValueError: there are none.
    """
    block = _CHOICES.search(text)
    if block is None:
        raise ValueError("no choices in it")
    return _read_choices(_own_lines(block[1]))


def _own_lines(block: str) -> str:
    """The lines that stand as deep as the first."""
    lines = block.splitlines(keepends=True)
    depth = len(lines[0]) - len(lines[0].lstrip(" ")) if lines else 0
    kept = []
    for line in lines:
        if len(line) - len(line.lstrip(" ")) < depth:
            break
        kept.append(line)
    return "".join(kept)


@cache
def _read_choices(text: str) -> dict[str, str]:
    found = {str(group): str(option) for group, option in _mapping(text).items() if option is not None}
    return {group: option for group, option in found.items() if not group.startswith("hydra/")}
