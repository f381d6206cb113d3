"""What the variable parts of a parsed log's lines were: the values of each template's parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.logs.known_templates import PARAMETERS
from seqlab.logs.masking import MASK, SHOWN

if TYPE_CHECKING:
    import polars as pl

    from seqlab.data.sequences import Sessions

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
