"""Whether a network file is the one that settings.json tells of. Loads no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.exporting.names import NETWORKS, SETTINGS


def file_sum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_network(folder: Path, kind: str, settings: dict[str, Any]) -> None:
    """Compare the network file of a format with its sum in the settings beside it.

    Settings of older exports, which have no sums, are let through.

    Raises:
        UserError: the file is another one, as after an export that was ended between its two files, or the
            settings tell of other formats only; it cannot be read.
    """
    network, name = settings.get("network"), NETWORKS[kind]
    formats = network.get("formats") if isinstance(network, dict) else None
    if not isinstance(formats, dict):
        return
    entry = formats.get(kind)
    known = entry.get("sha256") if isinstance(entry, dict) else None
    try:
        if known == file_sum(folder / name):
            return
    except OSError as error:
        raise UserError(f"{folder / name}: cannot be read: {error.strerror or error}") from None
    raise UserError(
        f"{folder}: its {name} is not the one that {SETTINGS} tells of: files of two exports are mixed. "
        f"Export again: seqlab export CKPT --format {kind} --output {folder}"
    )
