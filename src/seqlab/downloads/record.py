"""downloads.json: what a cache holds, and which sums were trusted at the first download."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from seqlab.errors import UserError

RECORD = "downloads.json"


class Record:
    """A small JSON file in the cache's folder, written whole or not at all.

    Keys are ``set/file``. ``files`` holds sha256, bytes, url and date of what was downloaded; ``unpacked`` the
    sha256 of the archive that a folder was unpacked from, and ``files``: bytes by name; ``parts`` what lets a
    server tell whether the rest of an unfinished file still belongs to it (an ETag or a date, for the header
    If-Range).

    Raises:
        UserError: the file holds something else.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / RECORD
        self._read()

    def get(self, section: str, key: str) -> Any:
        """What is known of ``set/file``, or None."""
        return self._read().get(section, {}).get(key)

    def put(self, section: str, key: str, value: Any) -> None:
        """Remember; None forgets. A record that holds nothing is removed."""
        content = self._read()
        entries = content.setdefault(section, {})
        if entries.get(key) == value:
            return
        if value is None:
            del entries[key]
        else:
            entries[key] = value
        content = {name: entries for name, entries in content.items() if entries}
        if not content:
            self.path.unlink(missing_ok=True)
            return
        part = self.path.with_name(f".{RECORD}.{os.getpid()}")
        try:
            part.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)

    def _read(self) -> dict[str, dict[str, Any]]:
        """Anew each time: another process may have added its own."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            content = None
        if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
            raise UserError(
                f"{self.path}: not the record of a cache; move it away, the next download begins a new one"
            )
        return content
