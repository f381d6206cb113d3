"""The public data sets that are known by name: registry.yaml as objects."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.errors import UserError

REGISTRY = Path(__file__).with_name("registry.yaml")


@dataclass(frozen=True)
class PublicFile:
    """One published file."""

    file: str  # its name in the cache and on a mirror
    url: str
    sha256: str | None = None  # None: no sum is known from a reliable source
    bytes: int | None = None
    unpack: tuple[str, ...] = ()  # entries of the archive to write, `*` matches any text
    prepare: str | None = None  # a function of unpacking.py that works on the unpacked entries


@dataclass(frozen=True)
class PublicData:
    """One public data set."""

    name: str
    title: str
    license: str
    citation: tuple[str, ...]
    files: tuple[PublicFile, ...]
    use: tuple[str, ...]  # commands, {folder} stands for where the set was put
    checked: str = ""  # where sums and sizes come from

    @property
    def num_bytes(self) -> int | None:
        """All files together; None where one of them has no known size."""
        sizes = [file.bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def commands(self, folder: Path) -> list[str]:
        """The lines that use the set, to be pasted into a shell."""
        return [
            " ".join(shlex.quote(word.replace("{folder}", str(folder))) for word in line.split())
            for line in self.use
        ]


def read_registry(path: Path = REGISTRY) -> dict[str, PublicData]:
    """All sets by name, in the file's order."""
    import yaml

    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: PublicData(name=name, **_tuples(entry)) for name, entry in content.items()}


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    files = [PublicFile(**(file | {"unpack": tuple(file.get("unpack", ()))})) for file in entry["files"]]
    return entry | {"files": tuple(files), "citation": tuple(entry["citation"]), "use": tuple(entry["use"])}


def chosen(names: Sequence[str], registry: dict[str, PublicData]) -> list[PublicData]:
    """The sets of these names.

    Raises:
        UserError: a name that no set has.
    """
    for name in names:
        if name not in registry:
            close = difflib.get_close_matches(name, registry, n=1)
            hint = f"; did you mean {close[0]}" if close else ""
            raise UserError(f"{name}: no such data set{hint}. There are: {', '.join(registry)}")
    return [registry[name] for name in dict.fromkeys(names)]
