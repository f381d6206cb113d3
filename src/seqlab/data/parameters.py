"""The values of events' parameters, such as addresses and users, and how new they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.data.sequences import Sessions
from seqlab.errors import UserError, shown
from seqlab.logs.formats import MASK, SHOWN
from seqlab.logs.known_templates import PARAMETERS

LEAST_NATS = 1.0  # a place where a new value surprises less says nothing
COLUMNS: dict[Any, Any] = {"line_offset": pl.Int64, "message": pl.String, "values": pl.List(pl.String)}
_PLACE = ("key", "place")
_VALUE = (*_PLACE, "value")
_ADDRESS_PORT = r"^(/?(?:[0-9]{1,3}\.){3}[0-9]{1,3}):([0-9]+)$"


@dataclass(frozen=True)
class EventParameters:
    """The parameters of N events.

    A parameter's place is a word of its template that is variable, ``<*>``, and which of the word's masked
    parts it is; an address and its port are two. Where Drain made the word variable, because messages differ
    in a plain word there, that word is the value.
    """

    lines: pl.DataFrame  # one row for each line of the log: message, its number, and values, List(String)
    messages: list[str]  # by number: masked
    templates: dict[str, str]  # by key
    rows: NDArray[np.int64]  # (N,) line of each event

    def take(self, events: NDArray[np.int64]) -> EventParameters:
        return replace(self, rows=self.rows[events])

    def joined(self, parts: Sequence[EventParameters]) -> EventParameters:
        """Those of ``parts``, one after the other; all of one parsed folder."""
        return replace(self, rows=np.concatenate([part.rows for part in parts]))

    def values(self, sessions: Sessions) -> pl.DataFrame:
        """The distinct values of each session: columns session (its number), key, place and value.

        Args:
            sessions: whose N events these are.
        """
        of_events = {
            "session": np.repeat(np.arange(len(sessions), dtype=np.uint32), sessions.lengths),
            "key": sessions.codes.astype(np.uint32),
        }
        events = pl.DataFrame(of_events).hstack(self.lines[self.rows])
        places = self._places(events.select("key", "message").unique(), sessions.key_names)
        slots = pl.int_ranges(0, pl.col("values").list.len(), dtype=pl.UInt32).alias("slot")
        masked = events.with_columns(slots).explode("slot", "values").rename({"values": "value"})
        masked = masked.join(places.drop("value"), on=["key", "message", "slot"])
        words = events.join(places.drop_nulls("value"), on=["key", "message"])
        found = pl.concat([each.select("session", *_VALUE) for each in (masked, words)])
        address, port = (pl.col("value").str.extract(_ADDRESS_PORT, group) for group in (1, 2))
        ports = found.with_columns(port, pl.col("place") + ":port").drop_nulls("value")
        names = pl.col("key").replace_strict(dict(enumerate(sessions.key_names)), return_dtype=pl.String)
        return (
            pl.concat([found.with_columns(address.fill_null(pl.col("value"))), ports])
            .unique()
            .with_columns(names)
        )

    def _places(self, pairs: pl.DataFrame, key_names: tuple[str, ...]) -> pl.DataFrame:
        """Where the parameters of each kind of message are: number ``slot`` of its masks, or a plain word."""
        found: list[tuple[int, int, str, int | None, str | None]] = []
        for key, number in pairs.iter_rows():
            template = self.templates.get(key_names[key], "").split()
            message = self.messages[number].split()
            if len(template) != len(message):  # a template that the parser did not give
                continue
            slot = 0
            for place, (general, word) in enumerate(zip(template, message, strict=True)):
                masks = word.count(MASK)
                if SHOWN in general and not masks:
                    found.append((key, number, f"{place}", None, word))
                elif SHOWN in general:
                    names = [f"{place}", *(f"{place}.{part}" for part in range(1, masks))]
                    found += [(key, number, name, slot + part, None) for part, name in enumerate(names)]
                slot += masks
        kinds = {
            "key": pl.UInt32,
            "message": pl.UInt32,
            "place": pl.String,
            "slot": pl.UInt32,
            "value": pl.String,
        }
        return pl.DataFrame(found, schema=kinds, orient="row")


def read_parameters(
    folder: Path, line_offsets: NDArray[np.int64], templates: dict[str, str]
) -> EventParameters:
    """The parameters of a parse's events.

    Args:
        line_offsets: (N,) byte of each event's line.
        templates: by key.

    Raises:
        UserError: a parse without --parameters.
    """
    path = folder / PARAMETERS
    if not path.exists():
        raise UserError(
            f"data.parameters=true: {folder} has no {PARAMETERS}: parse the log again, with --parameters"
        )
    try:
        table = pl.read_parquet(path, columns=list(COLUMNS)).cast(COLUMNS)
        if sum(table.null_count().row(0)):
            raise ValueError("a value is missing")
        offsets = table["line_offset"].to_numpy()
        messages = table["message"].unique(maintain_order=True)
        numbers = table["message"].cast(pl.Enum(messages)).to_physical().cast(pl.UInt32)
        lines = pl.DataFrame({"message": numbers, "values": table["values"]})
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise UserError(f"{path}: not the parameters of seqlab parse: {shown(error)}; parse again") from None
    rows = np.searchsorted(offsets, line_offsets)
    if len(rows) and (rows.max() == len(offsets) or (offsets[rows] != line_offsets).any()):
        raise UserError(f"{path}: not of the same parse as the sessions beside it; parse the log again")
    return EventParameters(lines, messages.to_list(), templates, rows)


@dataclass(frozen=True)
class ParameterNovelty:
    """-log of how rare a parameter's value is at its place in its template, in nats.

    The things counted are values that training normals had at a place, each session once: ``c_v`` sessions
    with value v, N in all. The probability of a value as rare as one that c sessions had is estimated by
    leaving each of the N out in turn, whose value is then left with ``c_v - 1``::

        p(c) = (1 + sum over values v with c_v - 1 <= c of c_v) / (N + 1)

    A new value has ``p(0) = (1 + n_1) / (N + 1)`` with n_1 the values of one session alone: Good and Turing's
    estimate of how likely it is that the next value is new (Good, Biometrika 1953). So identifiers and
    counters, which are new each time, surprise nobody: places of less than LEAST_NATS are left out.
    """

    places: pl.DataFrame  # key, place, nats of a new value
    values: pl.DataFrame  # key, place, value, nats; after fit also left_out, nats with one session left out

    @classmethod
    def fit(cls, sessions: Sessions) -> ParameterNovelty:
        """From the training normals."""

        def nats(as_rare: pl.Expr) -> pl.Expr:
            return -((1 + as_rare) / (pl.col("total") + 1)).log()

        count, mass = pl.col("count"), pl.col("mass")
        counted = event_values(sessions).group_by(_VALUE).agg(pl.len().cast(pl.Int64).alias("count"))
        masses = (  # by place and count c: sessions that had a value of c sessions, or of at most c
            counted.group_by(*_PLACE, "count")
            .agg(pl.len().alias("values"))
            .with_columns(mass=pl.col("values") * count)
            .sort("count")
            .with_columns(at_most=mass.cum_sum().over(_PLACE), total=mass.sum().over(_PLACE))
        )
        places = (
            masses.group_by(_PLACE)
            .agg(pl.col("total").first(), mass.filter(count == 1).sum().alias("single"))
            .select(*_PLACE, nats=nats(pl.col("single")))
            .filter(pl.col("nats") >= LEAST_NATS)
            .sort(_PLACE)
        )
        one_more = masses.select(*_PLACE, count - 1, more=mass)
        values = (
            counted.join(places, on=_PLACE, how="semi")
            .join(masses, on=[*_PLACE, "count"])
            .join(one_more, on=[*_PLACE, "count"], how="left")
            .select(
                *_VALUE,
                nats=nats(pl.col("at_most") + pl.col("more").fill_null(0)),
                left_out=nats(pl.col("at_most")),
            )
            .sort(_VALUE)
        )
        return cls(places, values)

    def score(self, sessions: Sessions, *, trained_on: bool = False) -> NDArray[np.float64]:
        """(S,) ``-log min(1, n p)`` of a session's rarest value among its n, 0 where it has none.

        The factor n is Bonferroni's: among many values one is rare by chance.

        Args:
            trained_on: these are the training normals: each is judged by all others.
        """
        known = pl.col("left_out" if trained_on else "nats").alias("known")
        found = (
            event_values(sessions)
            .join(self.places.rename({"nats": "new"}), on=_PLACE)
            .join(self.values.select(*_VALUE, known), on=_VALUE, how="left")
            .group_by("session")
            .agg(pl.coalesce("known", "new").max().alias("rarest"), pl.len().alias("count"))
        )
        scores = np.zeros(len(sessions))
        corrected = found["rarest"].to_numpy() - np.log(found["count"].to_numpy())
        scores[found["session"].to_numpy()] = np.maximum(corrected, 0)
        return scores

    def state(self) -> dict[str, dict[str, list[Any]]]:
        """Plain values for a checkpoint."""
        values = self.values.select(*_VALUE, "nats")
        return {"places": self.places.to_dict(as_series=False), "values": values.to_dict(as_series=False)}

    @classmethod
    def from_state(cls, state: dict[str, dict[str, list[Any]]]) -> ParameterNovelty:
        frames = [
            pl.DataFrame(state[name], schema={column: pl.String for column in columns} | {"nats": pl.Float64})
            for name, columns in (("places", _PLACE), ("values", _VALUE))
        ]
        return cls(*frames)


def event_values(sessions: Sessions) -> pl.DataFrame:
    """See ``EventParameters.values``."""
    if sessions.parameters is None:
        raise UserError(
            "these sessions have no parameters: give the output folder of seqlab parse --parameters"
        )
    return sessions.parameters.values(sessions)
