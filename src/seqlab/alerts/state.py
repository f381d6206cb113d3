"""The state file: where reading stopped and every open block, so that a killed watch goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout

from seqlab.alerts.blocks import EVENT, HELD_LINES, OpenBlock
from seqlab.alerts.models import Model
from seqlab.alerts.notices import Drift, SkippedLines, UnseenTemplates
from seqlab.alerts.watcher import Totals, Watcher
from seqlab.errors import UserError
from seqlab.files import locked, whole_file

STATE_VERSION = 3
_HEADER = {
    *("version", "log", "fingerprint", "output", "source"),
    *("totals", "clock", "ids", "skipped", "unseen", "drift"),
}
_ARRAYS = {
    *("events", "lengths", "first_time", "last_time", "idle_for", "heard", "alerted"),
    *("num_texts", "text_lengths", "texts", "recent"),
}


def model_fingerprint(model: Model) -> str:
    """Differs where a state's token ids or scores would mean something else."""
    judge = model.judge
    parts = [
        model.vocabulary.tokens,
        model.vocabulary.counts,
        judge.main,
        judge.thresholds,
        judge.pseudo_sessions,
        model.weights,
        model.parser,
        [getattr(model.scorer, name, None) for name in ("window_size", "predicts_all")],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


class StateFile:
    """Reads and writes a state. It holds numbers and text alone; reading executes nothing.

    Args:
        path: the file; need not exist.
        log: what the state belongs to.
        fingerprint: of the model.

    Raises:
        UserError: another process uses it, or its folder cannot be written to.
    """

    def __init__(self, path: Path, log: str, fingerprint: str) -> None:
        self.path = path
        self.log = os.path.abspath(log)
        self.fingerprint = fingerprint
        self._lock = ExitStack()  # beside the file, which is replaced
        try:
            self._lock.enter_context(locked(path.with_name(f".{path.name}.seqlab-lock")))
        except Timeout:
            raise UserError(f"--state {path}: another seqlab detect uses it") from None
        except OSError as error:
            raise UserError(f"--state {path}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Let others use it."""
        self._lock.close()

    def read(self) -> dict[str, Any] | None:
        """What ``write`` wrote; None where there is no file yet.

        Raises:
            UserError: no state file, or one of another log or model.
        """
        again = "name another file, or remove it to begin again"
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise UserError(f"--state {self.path} is no plain file: a state is written anew each time")
            content = np.load(self.path, allow_pickle=False)
            if not isinstance(content, np.lib.npyio.NpzFile):
                raise ValueError("a bare array")
            with content:
                found: dict[str, Any] = {name: content[name] for name in content.files}
            header = json.loads(found.pop("header").tobytes())
            if not isinstance(header, dict):
                raise ValueError("its header is no object")
        except FileNotFoundError:
            return None
        except UserError:
            raise
        except PermissionError as error:
            raise UserError(f"--state {self.path}: cannot be read: {error.strerror}") from None
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
            raise UserError(f"--state {self.path}: not a state of seqlab detect; {again}") from None
        if header.get("version") != STATE_VERSION:
            raise UserError(f"--state {self.path}: written by another version of seqlab; {again}")
        if missing := (_HEADER - header.keys()) | (_ARRAYS - found.keys()):
            what = ", ".join(sorted(missing))
            raise UserError(f"--state {self.path}: not a whole state of seqlab detect (no {what}); {again}")
        if header["log"] != self.log:
            raise UserError(f"--state {self.path} belongs to the log {header['log']}; {again}")
        if header["fingerprint"] != self.fingerprint:
            raise UserError(f"--state {self.path} was written with another checkpoint; {again}")
        return found | {"header": header}

    @contextmanager
    def whole(self) -> Iterator[None]:
        """While its content is used: what is missing or of another kind inside is told in one message.

        Raises:
            UserError: something is missing, or of another kind.
        """
        try:
            yield
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"--state {self.path}: not a whole state of seqlab detect "
                f"({type(error).__name__}: {error}); name another file, or remove it to begin again"
            ) from None

    def write(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Replace the file, whole or not at all.

        Raises:
            UserError: it cannot be written.
        """
        whole = {"version": STATE_VERSION, "log": self.log, "fingerprint": self.fingerprint} | header
        raw = np.frombuffer(json.dumps(whole).encode(), np.uint8)
        try:
            with whole_file(self.path, on_disk=True) as part, part.open("wb") as file:
                np.savez(file, allow_pickle=False, header=raw, **arrays)
        except OSError as error:
            raise UserError(f"--state {self.path}: cannot be written: {error.strerror}") from None


def pack(
    watcher: Watcher, skipped: SkippedLines, unseen: UnseenTemplates, drift: Drift, now: float
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Everything that a watch knows, as plain values and arrays."""
    blocks = list(watcher.open)
    texts = [text for block in blocks for text in block.texts or ()]
    raw_texts = [text.encode("utf-8", "replace") for text in texts]
    header = {
        "totals": vars(watcher.totals),
        "clock": watcher.clock.state(),
        "ids": [block.id for block in blocks],
        "skipped": dict(skipped.counts),
        "unseen": sorted(unseen.seen),
        "drift": {"high": drift.high, "until_look": drift.until_look},
    }
    arrays = {
        "events": np.frombuffer(b"".join(block.events for block in blocks), EVENT),
        "lengths": np.asarray([block.num_events for block in blocks], dtype=np.int64),
        "first_time": np.asarray([block.first_time for block in blocks], dtype=np.int64),
        "last_time": np.asarray([block.last_time for block in blocks], dtype=np.int64),
        "idle_for": np.asarray([now - block.seen for block in blocks], dtype=np.float64),
        "heard": np.asarray([block.heard for block in blocks], dtype=np.int64),
        "alerted": np.asarray([block.alerted for block in blocks], dtype=bool),
        "num_texts": np.asarray([len(block.texts or ()) for block in blocks], dtype=np.int64),
        "text_lengths": np.asarray([len(text) for text in raw_texts], dtype=np.int64),
        "texts": np.frombuffer(b"".join(raw_texts), np.uint8),
        "recent": drift.recent,
    }
    return header, arrays


def unpack(
    found: dict[str, Any],
    watcher: Watcher,
    skipped: SkippedLines,
    unseen: UnseenTemplates,
    drift: Drift,
    now: float,
) -> None:
    """Put a state into a fresh watch. Time that nobody watched counts as no silence."""
    header = found["header"]
    watcher.totals = Totals(**header["totals"])
    watcher.clock.restore(header["clock"])
    skipped.counts.update(header["skipped"])
    unseen.seen.update(header["unseen"])
    drift.high, drift.until_look = header["drift"]["high"], header["drift"]["until_look"]
    drift.recent = found["recent"]
    events = found["events"].tobytes()
    ends = np.cumsum(found["lengths"]) * EVENT.itemsize
    text_ends = np.cumsum(found["text_lengths"]).tolist()
    content, text_start, text_number = found["texts"].tobytes(), 0, 0
    start = 0
    for place, name in enumerate(header["ids"]):
        block: OpenBlock = watcher.open.begin(name, now - float(found["idle_for"][place]))
        block.events += events[start : ends[place]]
        start = int(ends[place])
        block.first_time, block.last_time = int(found["first_time"][place]), int(found["last_time"][place])
        block.heard = int(found["heard"][place])
        block.alerted = bool(found["alerted"][place])
        texts: deque[str] = deque(maxlen=HELD_LINES)
        for _ in range(int(found["num_texts"][place])):
            texts.append(content[text_start : text_ends[text_number]].decode("utf-8", "replace"))
            text_start, text_number = text_ends[text_number], text_number + 1
        if block.texts is not None:
            block.texts = texts
        watcher.open.restore(block)
