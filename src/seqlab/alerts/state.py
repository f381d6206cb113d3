"""The state file: where reading stopped and every open block, so that a killed watch goes on where it was."""

from __future__ import annotations

import json
import os
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from filelock import Timeout
from typing_extensions import TypedDict

from seqlab.alerts.blocks import EVENT, HELD_LINES, OpenBlock
from seqlab.alerts.clock import LogClock
from seqlab.alerts.sources import Place
from seqlab.alerts.watcher import Totals
from seqlab.errors import UserError, disk_message, shown
from seqlab.files import locked, whole_file
from seqlab.schemas import FieldsOf, checked

STATE_VERSION = 5
_KEY = "seqlab_detect"
_AGAIN = "name another file, or remove it to begin again"
_COLUMNS: dict[Any, Any] = {  # of an OpenBlock
    **{"name": pl.String, "id": pl.String, "first_time": pl.Int64, "last_time": pl.Int64, "heard": pl.Int64},
    **{"alerted": pl.Boolean, "events": pl.Binary, "texts": pl.List(pl.String)},
}


class Header(TypedDict):
    """All but the open blocks."""

    version: int
    log: str
    fingerprint: str
    totals: Annotated[dict[str, Any], FieldsOf(Totals)]
    clock: Annotated[dict[str, Any], FieldsOf(LogClock)]
    source: Place


class StateFile:
    """A Parquet table of the open blocks, and all other values as JSON in its metadata.

    Args:
        path: the file; need not exist.
        log: what the state belongs to.
        fingerprint: of the model.
        vocab_size: of the model.

    Raises:
        UserError: another process uses it, or its folder cannot be written to.
    """

    def __init__(self, path: Path, log: str, fingerprint: str, vocab_size: int) -> None:
        self.path = path
        self.vocab_size = vocab_size
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
            table = pl.read_parquet(self.path).select(
                pl.col(name).cast(kind) for name, kind in _COLUMNS.items()
            )
        except (
            OSError,
            ValueError,
            KeyError,
            RecursionError,
            pl.exceptions.PolarsError,
            pl.exceptions.PanicException,
        ):
            raise UserError(f"--state {self.path}: not a state of seqlab detect; {_AGAIN}") from None
        for name, what in (("version", "version of seqlab"), ("log", "log"), ("fingerprint", "checkpoint")):
            if isinstance(header, dict) and header.get(name, self.known[name]) != self.known[name]:
                raise UserError(f"--state {self.path} was written for another {what}; {_AGAIN}")
        header = checked(Header, header, f"--state {self.path}", _AGAIN)
        blocks = {}
        for row in table.iter_rows(named=True):
            if None in row.values() or not self._are_events(row["events"]):
                raise UserError(f"--state {self.path}: its block {shown(row['name'])} is damaged; {_AGAIN}")
            row |= {"events": bytearray(row["events"]), "texts": deque(row["texts"], maxlen=HELD_LINES)}
            blocks[row["name"]] = OpenBlock(**row, seen=now)
        return header, blocks

    def _are_events(self, content: bytes) -> bool:
        """Whether a block's bytes are events that the model can score."""
        if len(content) % EVENT.itemsize:
            return False
        events = np.frombuffer(content, EVENT)
        return bool(
            (events["offset"] >= 0).all()
            and (events["token"] >= 0).all()
            and (events["token"] < self.vocab_size).all()
        )

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
