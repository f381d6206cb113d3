"""The state file: where reading stopped and every open block, so that a killed watch goes on where it was."""

from __future__ import annotations

import json
import os
from collections import deque
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl
from filelock import Timeout

from seqlab.alerts.blocks import HELD_LINES, OpenBlock
from seqlab.errors import UserError, disk_message
from seqlab.files import locked, whole_file

STATE_VERSION = 5
_KEY = "seqlab_detect"
_AGAIN = "name another file, or remove it to begin again"
_COLUMNS = [each.name for each in fields(OpenBlock) if each.name != "seen"]


class StateFile:
    """A Parquet table of the open blocks, and all other values as JSON in its metadata.

    Args:
        path: the file; need not exist.
        log: what the state belongs to.
        fingerprint: of the model.

    Raises:
        UserError: another process uses it, or its folder cannot be written to.
    """

    def __init__(self, path: Path, log: str, fingerprint: str) -> None:
        self.path = path
        self.known = {"version": STATE_VERSION, "log": os.path.abspath(log), "fingerprint": fingerprint}
        lock = ExitStack()  # of a file beside it, since it is replaced
        try:
            lock.enter_context(locked(path.with_name(f".{path.name}.seqlab-lock")))
        except Timeout:
            raise UserError(f"--state {path}: another seqlab detect uses it") from None
        except OSError as error:
            raise UserError(f"--state {path}: cannot be written: {error.strerror}") from None
        self.close = lock.close

    def read(self, now: float) -> tuple[dict[str, Any], dict[str, OpenBlock]] | None:
        """What ``write`` wrote; None where there is no file yet. Silence of watching counts from ``now``.

        Raises:
            UserError: no state file, or one of another log or model.
        """
        if not self.path.exists():
            return None
        try:
            header = json.loads(pl.read_parquet_metadata(self.path)[_KEY])
            table = pl.read_parquet(self.path)
            known = {name: header[name] for name in self.known}
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            raise UserError(f"--state {self.path}: not a state of seqlab detect; {_AGAIN}") from None
        for name, what in (("version", "version of seqlab"), ("log", "log"), ("fingerprint", "checkpoint")):
            if known[name] != self.known[name]:
                raise UserError(f"--state {self.path} was written for another {what}; {_AGAIN}")
        blocks = {}
        for row in table.iter_rows(named=True):
            row |= {"events": bytearray(row["events"]), "texts": deque(row["texts"], maxlen=HELD_LINES)}
            blocks[row["name"]] = OpenBlock(**row, seen=now)
        return header, blocks

    def write(self, header: dict[str, Any], blocks: dict[str, OpenBlock]) -> None:
        """Replace the file, whole or not at all; UserError where it cannot be written."""
        columns: dict[str, list[Any]] = {
            name: [getattr(block, name) for block in blocks.values()] for name in _COLUMNS
        }
        columns["events"] = [bytes(events) for events in columns["events"]]
        columns["texts"] = [list(texts) for texts in columns["texts"]]
        table = pl.DataFrame(columns)
        try:
            with whole_file(self.path, on_disk=True) as part:
                table.write_parquet(
                    part, compression="uncompressed", metadata={_KEY: json.dumps(self.known | header)}
                )
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = disk_message(error, self.path) or f"{self.path}: cannot be written: {error}"
            raise UserError(f"--state {reason}") from None
