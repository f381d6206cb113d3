"""What a run tells of itself: without keys, tokens and passwords, and with ``~`` for the home folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqlab.files import whole_file

HIDDEN = "***"
_ANYWHERE = {"password", "passwd", "passphrase", "secret", "secrets", "credential", "credentials"}
_ANYWHERE |= {"apikey", "authorization"}
_BEFORE_KEY = {"api", "access", "private", "secret", "auth", "account", "signing", "encryption"}
_TOKENS_OF_TEXT = {"unk", "pad", "bos", "eos", "sep", "cls", "mask", "start", "end", "per", "special"}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_NAME = re.compile(r"""([A-Za-z_][\w.-]*)['"]?[ \t]*[=:][ \t]*""")
_VALUE = re.compile(r"""'[^']*'|"[^"]*"|(?:(?:Bearer|Basic) )?[^\s,{}\[\]'"]+""")
_URL_USER = re.compile(r"(\w[\w+.-]*://)[^/\s@'\"]+@")
_REFERENCE = re.compile(r"\$\{[^{}]*\}")  # to a value that stands elsewhere
_SHORTEST = 6  # letters of a variable's value that is looked for: a shorter one stands in many words


def is_secret(name: str) -> bool:
    """Whether a key of this name holds a secret: its last dotted part says password, secret, credential, API
    key, access key, or ends in token."""
    words = [word.lower() for word in _WORD.findall(name.rpartition(".")[2])]
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    return (
        words == ["key"]
        or not _ANYWHERE.isdisjoint(words)
        or (words[-1] == "token" and before not in _TOKENS_OF_TEXT)
        or any(word in _BEFORE_KEY and following == "key" for word, following in pairwise(words))
    )


def told(content: Any) -> Any:
    """Plain values as files and trackers may hold them: see ``hidden``; the home folder stands as ``~``."""
    return _mapped(content, _clean(home=True))


def hidden(content: Any) -> Any:
    """Plain values with ``***`` for what keys with secret names hold, for users and passwords in addresses,
    and for the values of the environment's variables with such names, wherever these stand."""
    return _mapped(content, _clean(home=False))


def told_words(words: Sequence[str]) -> list[str]:
    """The words of a command line, overrides among them, as ``told`` gives texts."""
    return [_override(word, _clean(home=True)) for word in words]


def hidden_words(words: Sequence[str]) -> list[str]:
    """The same with the home folder as it is."""
    return [_override(word, _clean(home=False)) for word in words]


def lost(override: str) -> bool:
    """Whether a stored override holds ``***`` in place of a secret."""
    return HIDDEN in override.partition("=")[2]


def hide_in_file(path: Path) -> None:
    """Take secrets out of a config that Hydra has written; references such as ``${oc.env:NAME}`` stay."""
    from omegaconf import OmegaConf

    if not path.is_file() or hidden(text := path.read_text(encoding="utf-8")) == text:
        return
    with whole_file(path) as part:
        OmegaConf.save(OmegaConf.create(hidden(OmegaConf.to_container(OmegaConf.create(text)))), part)


def _override(word: str, clean: Callable[[str], str]) -> str:
    key, equal, value = word.partition("=")
    is_hidden = equal and value and is_secret(key.lstrip("+~")) and not _REFERENCE.fullmatch(value)
    return f"{key}={HIDDEN}" if is_hidden else clean(word)


def _mapped(content: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(content, str):
        return clean(content)
    if isinstance(content, Mapping):
        return {
            key: HIDDEN
            if isinstance(key, str) and is_secret(key) and _is_given(value)
            else _mapped(value, clean)
            for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [_override(each, clean) if isinstance(each, str) else _mapped(each, clean) for each in content]
    return content


def _is_given(value: Any) -> bool:
    is_reference = isinstance(value, str) and _REFERENCE.fullmatch(value)
    return value is not None and not isinstance(value, bool) and value not in ("", "???") and not is_reference


def _clean(*, home: bool) -> Callable[[str], str]:
    """What hides secrets in a text; the environment is read once."""
    found = {value for name, value in os.environ.items() if len(value) >= _SHORTEST and is_secret(name)}
    values = sorted(found, key=len, reverse=True)
    places = {str(Path.home()), str(Path.home().resolve())} - {"/"} if home else set()
    folder = re.compile(
        "|".join(rf"(?:(?<![\w./-])|(?<=://)){re.escape(place)}(?![\w.-])" for place in places)
    )

    def clean(text: str) -> str:
        for value in values:
            text = text.replace(value, HIDDEN)
        text = _without_values(_URL_USER.sub(rf"\1{HIDDEN}@", text))
        return folder.sub("~", text) if places else text

    return clean


def _without_values(text: str) -> str:
    """A text with ``***`` after the names of secrets in it, such as ``token=abc`` or ``"api_key": "abc"``."""
    place = 0
    while name := _NAME.search(text, place):
        place = name.end()
        value = _VALUE.match(text, place) if is_secret(name[1]) else None
        if value:
            text = text[:place] + HIDDEN + text[value.end() :]
            place += len(HIDDEN)
    return text
