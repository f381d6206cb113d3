"""downloads.json: what a cache holds, and which sums were trusted at the first download."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from seqlab.errors import UserError
from seqlab.files import locked, whole_file

RECORD = "downloads.json"


class Record:
    """A small JSON file in the cache's folder, written whole or not at all; processes take turns at it.

    Keys are ``set/file``. ``files`` holds sha256, bytes, url and date of what was downloaded; ``unpacked``
    the sha256 of the archive that a folder was unpacked from, and ``files``: bytes by name (older versions
    wrote the sum alone, as a text); ``parts`` what
    lets a server tell whether the rest of an unfinished file still belongs to it (an ETag or a date, for the
    header If-Range).

    Raises:
        UserError: the file holds something else.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / RECORD
        self._read()

    def get(self, section: str, key: str) -> Any:
        """What is known of ``set/file``, or None."""
        entry = self._read().get(section, {}).get(key)
        return None if section == "unpacked" and isinstance(entry, str) else entry

    def sum_without_names(self, key: str) -> str | None:
        """Of the archive that a folder was unpacked from by a version that kept no names."""
        entry = self._read().get("unpacked", {}).get(key)
        return entry if isinstance(entry, str) else None

    def put(self, section: str, key: str, value: Any) -> None:
        """Remember; None forgets. A record that holds nothing is removed."""
        if self._read().get(section, {}).get(key) == value:
            return
        with locked(self.path.with_name(f".{RECORD}.lock"), wait=True):
            content = self._read()  # anew: another process may have added its own
            entries = content.setdefault(section, {})
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
            self._write({name: entries for name, entries in content.items() if entries})

    def _write(self, content: dict[str, dict[str, Any]]) -> None:
        if not content:
            self.path.unlink(missing_ok=True)
            return
        try:
            with whole_file(self.path, on_disk=True) as part:
                part.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        finally:
            part.unlink(missing_ok=True)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            raise self._no_record("it is not UTF-8 text") from None
        except (ValueError, RecursionError) as error:
            raise self._no_record(f"it is not JSON ({error})") from None
        except OSError as error:
            raise self._no_record(f"it cannot be read ({error.strerror})") from None
        if not isinstance(content, dict):
            raise self._no_record(f"expected an object, found {_named(content)}")
        for section, problem_of in _ENTRIES.items():
            entries = content.get(section, {})
            if not isinstance(entries, dict):
                raise self._no_record(f'"{section}": expected an object, found {_named(entries)}')
            for key, entry in entries.items():
                if problem := problem_of(entry):
                    raise self._no_record(f'"{section}", "{key}": {problem}')
        return content

    def _no_record(self, problem: str) -> UserError:
        return UserError(
            f"{self.path}: not the record of a cache: {problem}. Mend it, or move it away: the next download "
            "begins a new one, and trusts anew what has no published sum"
        )


def _named(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _wrong_field(entry: Any, fields: Mapping[str, tuple[str, Callable[[Any], bool]]]) -> str | None:
    if not isinstance(entry, dict):
        return f"expected an object, found {_named(entry)}"
    for name, (expected, is_right) in fields.items():
        if name not in entry:
            return f'"{name}" is missing'
        if not is_right(entry[name]):
            return f'"{name}": expected {expected}, found {json.dumps(entry[name])[:60]}'
    return None


def _is_sum(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_size(size) and not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
        for name, size in value.items()
    )


_SUM = ("64 hexadecimal digits", _is_sum)
_FILE = {
    "sha256": _SUM,
    "bytes": ("a number of bytes", _is_size),
    "url": ("a text", _is_text),
    "date": ("a text", _is_text),
}
_UNPACKED = {"sha256": _SUM, "files": ("names with numbers of bytes", _are_sizes)}
_ENTRIES: dict[str, Callable[[Any], str | None]] = {  # what is wrong with an entry of a section
    "files": lambda entry: _wrong_field(entry, _FILE),
    "unpacked": lambda entry: None if _is_text(entry) else _wrong_field(entry, _UNPACKED),  # text: older ones
    "parts": lambda entry: None if _is_text(entry) else f"expected a text, found {_named(entry)}",
}
