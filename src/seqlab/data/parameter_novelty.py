"""How new the values of events' parameters are: an address, user or code that training hardly showed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError

if TYPE_CHECKING:
    import polars as pl

    from seqlab.data.sequences import Sessions

INFORMATIVE = math.exp(-1)  # a place where new values are likelier than this says nothing
_COLUMNS = ("session", "key", "place", "value")
_PLACE = ["key", "place"]


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
