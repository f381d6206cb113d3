"""The values of events' parameters, such as addresses and users, and how new they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import Sessions
from seqlab.errors import UserError
from seqlab.logs.known_templates import PARAMETERS
from seqlab.logs.masking import MASK, SHOWN

if TYPE_CHECKING:
    import polars as pl

INFORMATIVE = math.exp(-1)  # a place where new values are likelier than this says nothing
_COLUMNS = ("session", "key", "place", "value")
_PLACE = ["key", "place"]
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
        import polars as pl

        events = pl.DataFrame(
            {
                "session": np.repeat(np.arange(len(sessions), dtype=np.uint32), sessions.lengths),
                "key": sessions.codes.astype(np.uint32),
            }
        ).hstack(self.lines[self.rows])
        places = self._places(events.select("key", "message").unique(), sessions.key_names)
        slots = pl.int_ranges(0, pl.col("values").list.len(), dtype=pl.UInt32).alias("slot")
        masked = (
            events.filter(pl.col("values").list.len() > 0)
            .with_columns(slots)
            .explode("slot", "values")
            .join(places.filter(pl.col("word").is_null()), on=["key", "message", "slot"])
            .rename({"values": "value"})
        )
        words = events.join(places.filter(pl.col("word").is_not_null()), on=["key", "message"]).rename(
            {"word": "value"}
        )
        port = masked.with_columns(pl.col("value").str.extract(_ADDRESS_PORT, 2), pl.col("place") + ":port")
        masked = masked.with_columns(pl.coalesce(pl.col("value").str.extract(_ADDRESS_PORT, 1), "value"))
        columns = ["session", "key", "place", "value"]
        return (
            pl.concat(
                [masked.select(columns), port.drop_nulls("value").select(columns), words.select(columns)]
            )
            .unique()
            .with_columns(
                pl.col("key").replace_strict(dict(enumerate(sessions.key_names)), return_dtype=pl.String)
            )
        )

    def _places(self, pairs: pl.DataFrame, key_names: tuple[str, ...]) -> pl.DataFrame:
        """Where the parameters of each kind of message are: its mask number ``slot``, or a plain ``word``."""
        import polars as pl

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
                    found += [
                        (key, number, f"{place}.{part}" if part else f"{place}", slot + part, None)
                        for part in range(masks)
                    ]
                slot += masks
        kinds = {
            "key": pl.UInt32,
            "message": pl.UInt32,
            "place": pl.String,
            "slot": pl.UInt32,
            "word": pl.String,
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
    import polars as pl

    path = folder / PARAMETERS
    if not path.exists():
        raise UserError(
            f"data.parameters=true: {folder} has no {PARAMETERS}: parse the log again, with --parameters"
        )
    try:
        table = pl.read_parquet(path)
        offsets = table["line_offset"].to_numpy()
        messages = table["message"].unique(maintain_order=True)
        numbers = table["message"].cast(pl.Enum(messages)).to_physical().cast(pl.UInt32)
        lines = pl.DataFrame({"message": numbers, "values": table["values"]})
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: not the parameters of seqlab parse: {error}") from None
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
    counters, which are new each time, surprise nobody; places where p(0) exceeds INFORMATIVE are left out.
    """

    places: pl.DataFrame  # key, place, nats of a new value
    values: (
        pl.DataFrame
    )  # key, place, value, nats, and of training: left_out, nats where one session is left out

    @classmethod
    def fit(cls, sessions: Sessions) -> ParameterNovelty:
        """From the training normals."""
        import polars as pl

        counted = event_values(sessions).group_by("key", "place", "value").len("sessions").sort(*_COLUMNS[1:])
        places: list[tuple[str, str, float]] = []
        kept: list[pl.DataFrame] = []
        for (key, place), part in counted.group_by(_PLACE, maintain_order=True):
            counts = part["sessions"].to_numpy().astype(np.int64)
            ordered = np.sort(counts)
            total = np.concatenate(([0], np.cumsum(ordered)))

            def nats(having: NDArray[np.int64]) -> NDArray[np.float64]:
                as_rare = total[np.searchsorted(ordered, having + 1, side="right")]  # noqa: B023
                return -np.log((1 + as_rare) / (total[-1] + 1))  # noqa: B023

            new = float(nats(np.zeros(1, dtype=np.int64))[0])
            if new >= -math.log(INFORMATIVE):
                places.append((str(key), str(place), new))
                both = {"nats": nats(counts), "left_out": nats(counts - 1)}
                kept.append(
                    part.drop("sessions").with_columns(**{name: pl.Series(x) for name, x in both.items()})
                )
        schema = {"key": pl.String, "place": pl.String, "nats": pl.Float64}
        none = (
            counted.drop("sessions")
            .clear()
            .with_columns(pl.lit(0.0).alias("nats"), pl.lit(0.0).alias("left_out"))
        )
        return cls(pl.DataFrame(places, schema=schema, orient="row"), pl.concat([none, *kept]))

    def score(self, sessions: Sessions, *, trained_on: bool = False) -> NDArray[np.float64]:
        """(S,) ``-log min(1, n p)`` of a session's rarest value among its n, 0 where it has none.

        The factor n is Bonferroni's: among many values one is rare by chance.

        Args:
            trained_on: these are the training normals: each is judged by all others.
        """
        import polars as pl

        nats = "left_out" if trained_on else "nats"
        found = (
            event_values(sessions)
            .join(self.places.rename({"nats": "new"}), on=_PLACE)
            .join(self.values.select(*_COLUMNS[1:], pl.col(nats).alias("known")), on=_COLUMNS[1:], how="left")
            .group_by("session")
            .agg(pl.coalesce("known", "new").max().alias("rarest"), pl.len().alias("count"))
        )
        scores = np.zeros(len(sessions))
        corrected = found["rarest"].to_numpy() - np.log(found["count"].to_numpy())
        scores[found["session"].to_numpy()] = np.maximum(corrected, 0)
        return scores

    def state(self) -> dict[str, list[Any]]:
        """Plain values for a checkpoint."""
        columns = {f"place_{name}": self.places[name].to_list() for name in self.places.columns}
        return columns | {f"value_{name}": self.values[name].to_list() for name in (*_COLUMNS[1:], "nats")}

    @classmethod
    def from_state(cls, state: dict[str, list[Any]]) -> ParameterNovelty:
        import polars as pl

        text, number = pl.String, pl.Float64
        kinds = {"key": text, "place": text, "value": text, "nats": number}
        places = {name: state[f"place_{name}"] for name in (*_PLACE, "nats")}
        values = {name: state[f"value_{name}"] for name in kinds}
        return cls(
            pl.DataFrame(places, schema={name: kinds[name] for name in places}),
            pl.DataFrame(values, schema=kinds),
        )


def event_values(sessions: Sessions) -> pl.DataFrame:
    """See ``EventParameters.values``."""
    if sessions.parameters is None:
        raise UserError(
            "these sessions have no parameters: give the output folder of seqlab parse --parameters"
        )
    return sessions.parameters.values(sessions)
