"""Ragged storage for sequences of discrete events: one flat array, offsets, ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.splits import check_filled, check_fractions, random_parts
from seqlab.errors import UserError

LABEL_UNKNOWN = -1
LABEL_NORMAL = 0
LABEL_ABNORMAL = 1
LABEL_NAMES = {LABEL_NORMAL: "Normal", LABEL_ABNORMAL: "Anomaly"}  # as loghub's label files have them


def smallest_integer_type(largest: int) -> np.dtype:
    """The smallest integer type that holds 0 to ``largest``; torch knows them all (uint16 it hardly does)."""
    for kind in (np.uint8, np.int16, np.int32):
        if largest <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.int64)


def segment_indices(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenate the ranges ``start, start + 1, ..., start + length - 1`` without a Python loop."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - lengths), lengths)


def cut_lengths(
    lengths: NDArray[np.int64], longest: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut S sequences of the given (S,) lengths, 1 or more, into pieces as even as can be.

    Args:
        longest: of a piece; None cuts nothing.

    Returns:
        (S,) pieces of each sequence, and the (P,) lengths of all pieces.

    Raises:
        UserError: pieces of nothing.
    """
    if longest is None:
        return np.ones_like(lengths), lengths
    if longest < 1:
        raise UserError(f"data.piece_length={longest}: a piece holds at least 1 token")
    num_pieces = -(-lengths // longest)
    number = segment_indices(np.zeros_like(num_pieces), num_pieces)  # (P,) of the piece in its sequence
    whole, rest = (np.repeat(part, num_pieces) for part in divmod(lengths, num_pieces))
    return num_pieces, whole + (number < rest)


@dataclass(frozen=True)
class Sessions:
    """Sessions of event keys: S sessions, N events in all.

    ``codes`` number the keys as the files named them (``key_names[code]``); they are not vocabulary ids,
    which only a training split can give.
    """

    codes: NDArray[np.integer]  # (N,) smallest integer type
    offsets: NDArray[np.int64]  # (S + 1,) session s holds codes[offsets[s]:offsets[s + 1]]
    ids: NDArray  # (S,) numpy StringDType: block ids, unique
    labels: NDArray[np.int8]  # (S,) LABEL_UNKNOWN, LABEL_NORMAL or LABEL_ABNORMAL
    key_names: tuple[str, ...]
    delays: NDArray[np.uint8] | None = None  # (N,) time since the event before: ``delay_buckets``
    parameters: Any = None  # of N events: seqlab.data.parameters.EventParameters, where they are read
    first_time: NDArray[np.datetime64] | None = None  # (S,) microseconds; NaT where lines have no time

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(S,) events per session."""
        return np.diff(self.offsets)

    @property
    def num_events(self) -> int:
        return len(self.codes)

    def keys(self, session: int) -> list[str]:
        """The keys of one session, as the files named them."""
        part = self.codes[self.offsets[session] : self.offsets[session + 1]]
        return [self.key_names[code] for code in part.tolist()]

    def take(self, sessions: NDArray) -> Sessions:
        """The chosen sessions, in the order given; ``sessions`` holds indices or a boolean mask."""
        index = np.flatnonzero(sessions) if sessions.dtype == bool else np.asarray(sessions, dtype=np.int64)
        lengths = self.lengths[index]
        events = segment_indices(self.offsets[index], lengths)
        return replace(
            self,
            codes=self.codes[events],
            offsets=np.concatenate(([0], np.cumsum(lengths))),
            ids=self.ids[index],
            labels=self.labels[index],
            delays=None if self.delays is None else self.delays[events],
            parameters=None if self.parameters is None else self.parameters.take(events),
            first_time=None if self.first_time is None else self.first_time[index],
        )

    def with_labels(self, labels: NDArray[np.int8] | int) -> Sessions:
        """The same sessions under other labels; one label stands for all."""
        return replace(self, labels=np.broadcast_to(np.asarray(labels, dtype=np.int8), len(self)).copy())

    @classmethod
    def from_lists(
        cls,
        sessions: Iterable[Sequence[str | int]],
        ids: Sequence[str] | None = None,
        labels: Sequence[int] | int = LABEL_UNKNOWN,
    ) -> Sessions:
        """Sessions from Python lists of keys: for small data and for tests.

        Without ``ids`` they are named ``session_1``, ``session_2``, ... in order.
        """
        rows = [[str(key) for key in session] for session in sessions]
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(key, len(numbers)) for row in rows for key in row]
        names = ids if ids is not None else [f"session_{n}" for n in range(1, len(rows) + 1)]
        return cls.from_arrays(codes, [len(row) for row in rows], names, tuple(numbers)).with_labels(
            np.asarray(labels, dtype=np.int8)
        )

    @classmethod
    def from_arrays(
        cls,
        codes: Sequence[int] | NDArray[np.integer],
        lengths: Sequence[int] | NDArray[np.integer],
        ids: Sequence[str] | NDArray,
        key_names: tuple[str, ...],
    ) -> Sessions:
        """Sessions from flat codes and the length of each; labels unknown."""
        kind = smallest_integer_type(max(len(key_names) - 1, 0))
        return cls(
            codes=np.asarray(codes).astype(kind),
            offsets=np.concatenate(([0], np.cumsum(np.asarray(lengths, dtype=np.int64)))),
            ids=np.asarray(ids, dtype=np.dtypes.StringDType()),
            labels=np.full(len(lengths), LABEL_UNKNOWN, dtype=np.int8),
            key_names=key_names,
        )


Splits = tuple[dict[str, Sessions], list[str]]  # by name, and what to tell the reader of the figures


def concatenate(parts: Sequence[Sessions]) -> Sessions:
    """One Sessions of all ``parts``, their keys renumbered where the parts named them differently.

    Delays, parameters and times stay where all parts have them.
    """
    numbers: dict[str, int] = {}
    for part in parts:
        for name in part.key_names:
            numbers.setdefault(name, len(numbers))
    kind = smallest_integer_type(max(len(numbers) - 1, 0))
    codes = [np.asarray([numbers[name] for name in part.key_names], dtype=kind)[part.codes] for part in parts]
    lengths = np.concatenate([part.lengths for part in parts])
    delays = [part.delays for part in parts if part.delays is not None]
    parameters = [part.parameters for part in parts if part.parameters is not None]
    first_time = [part.first_time for part in parts if part.first_time is not None]
    return Sessions(
        codes=np.concatenate(codes),
        offsets=np.concatenate(([0], np.cumsum(lengths))),
        ids=np.concatenate([part.ids for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        key_names=tuple(numbers),
        delays=np.concatenate(delays) if len(delays) == len(parts) else None,
        parameters=parameters[0].joined(parameters) if len(parameters) == len(parts) else None,
        first_time=np.concatenate(first_time) if len(first_time) == len(parts) else None,
    )


def has_both_classes(sessions: Sessions) -> bool:
    """True where detection can be measured: normal and abnormal sessions, none unknown."""
    labels = set(np.unique(sessions.labels).tolist())
    return LABEL_UNKNOWN not in labels and labels == {LABEL_NORMAL, LABEL_ABNORMAL}


def split_by_session(
    normal: Sessions, abnormal: Sessions | None, split: Sequence[float], seed: int
) -> dict[str, Sessions]:
    """Shuffle normal sessions into train, val and test; abnormal ones join the test split.

    Raises:
        UserError: bad shares, or too few normal sessions to fill the three splits.
    """
    rows = random_parts(len(normal), check_fractions(split), seed)
    check_filled(rows, split, f"{len(normal)} normal sessions")
    train, val, test = (normal.take(part) for part in rows)
    return {"train": train, "val": val, "test": test if abnormal is None else concatenate([test, abnormal])}
