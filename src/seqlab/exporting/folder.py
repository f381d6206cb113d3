"""The folder of an export: what its files are called, and whether they belong together. Loads no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict

from seqlab.errors import UserError

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}  # by format
NETWORKS = {kind: f"model{suffix}" for kind, suffix in SUFFIXES.items()}  # of models with one network
SETTINGS = "settings.json"
FORMAT = 1  # of it
AGAIN = "export the model again: seqlab export CKPT --format onnx --output FOLDER"


class NetworkFile(TypedDict):
    """A network file of an export."""

    sha256: str


class Network(TypedDict):
    """The networks of an export."""

    files: dict[str, NetworkFile]


class ExportSettings(TypedDict):
    """What is read of an export's settings.json: see ``settings_of``."""

    format: Literal[FORMAT]  # type: ignore[valid-type]
    network: Network
    vocabulary: dict[str, Any] | None
    data: dict[str, Any]
    judge: dict[str, Any] | None
    sizes: dict[str, Any]


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
        if settings["network"]["files"].get(name, {}).get("sha256") == file_sum(folder / name):
            return
    except OSError as error:
        raise UserError(f"{folder / name}: cannot be read: {error.strerror or error}") from None
    raise UserError(
        f"{folder}: its {name} is not the one that {SETTINGS} tells of: files of two exports are mixed. "
        f"Export again: seqlab export CKPT --format {kind} --output {folder}"
    )
