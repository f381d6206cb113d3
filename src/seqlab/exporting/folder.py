"""The folder of an export: what its files are called, and whether they belong together. Loads no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from seqlab.errors import UserError

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}  # by format
NETWORKS = {kind: f"model{suffix}" for kind, suffix in SUFFIXES.items()}  # of models with one network
SETTINGS = "settings.json"


def file_sum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_network(folder: Path, kind: str, settings: dict[str, Any]) -> None:
    """Compare the network file of a format with its sum in the settings beside it.

    Raises:
        UserError: the file is another one, as after an export that was ended between its two files, or it
            cannot be read.
    """
    name = NETWORKS[kind]
    try:
        known = settings["network"]["files"][name]["sha256"]
    except (KeyError, TypeError):
        known = None
    try:
        if known == file_sum(folder / name):
            return
    except OSError as error:
        raise UserError(f"{folder / name}: cannot be read: {error.strerror or error}") from None
    raise UserError(
        f"{folder}: its {name} is not the one that {SETTINGS} tells of: files of two exports are mixed. "
        f"Export again: seqlab export CKPT --format {kind} --output {folder}"
    )
