"""Numbers to what a network learns from and back: as levels or changes, then on a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from seqlab.data.series_table import SeriesTable
from seqlab.errors import UserError
from seqlab.schemas import Finite, Positive

SCALINGS = ("standard", "minmax")
TRANSFORMS = ("level", "difference", "log_return")


@dataclass(frozen=True)
class Scaler:
    """``(x - offset) / scale``, by column; fitted once, on training data. A Coder of numbers."""

    offset: NDArray[np.float64]  # (F,)
    scale: NDArray[np.float64]  # (F,) positive

    @classmethod
    def fit(cls, values: NDArray[np.float64], scaling: str, *, centered: bool = True) -> Scaler:
        """The scaler of (N, F) values: mean 0 and deviation 1, or 0 to 1. A constant column keeps its unit.

        Args:
            centered: False keeps 0 where it is: values are divided by their root mean square (``standard``)
                or their largest size (``minmax``).
        """
        is_standard = scaling == "standard"
        offset = np.zeros(values.shape[1])
        if centered:
            offset = values.mean(axis=0) if is_standard else values.min(axis=0)
        moved = values - offset
        scale = np.sqrt((moved**2).mean(axis=0)) if is_standard else np.abs(moved).max(axis=0)
        size = np.maximum(np.abs(values).max(axis=0), 1e-300)
        return cls(offset, np.where(scale > 1e-12 * size, scale, 1.0))

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., F) values to the scale."""
        return (values - self.offset) / self.scale

    def decode(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., F) back to the values' own unit."""
        return scaled * self.scale + self.offset

    def state(self) -> ScalerState:
        """Plain values for the checkpoint."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_state(cls, state: ScalerState) -> Scaler:
        return cls(np.array(state["offset"], dtype=np.float64), np.array(state["scale"], dtype=np.float64))

    def check_width(self, width: int, what: str) -> None:
        """Raise UserError unless it has an offset and a scale for each of ``width`` columns."""
        if not len(self.offset) == len(self.scale) == width:
            raise UserError(
                f"the scaler of {width} {what} has {len(self.offset)} offsets and {len(self.scale)} scales"
            )


class ScalerState(TypedDict):
    """A scaler in a checkpoint."""

    offset: list[Finite]
    scale: list[Positive]


def check_transforms(target: str, features: str | Mapping[str, str] | None) -> None:
    """Raise UserError for an unknown transform of the target or of features (one for all, or by name)."""
    by_name = {"": features} if isinstance(features, str) else features or {}
    named = {f"feature_transform.{name}".rstrip("."): each for name, each in by_name.items()}
    for name, transform in {"target_transform": target, **named}.items():
        if transform not in TRANSFORMS:
            raise UserError(f"data.{name}={transform}: choose {', '.join(TRANSFORMS)}")


def feature_transforms(
    given: str | Mapping[str, str] | None, features: Sequence[str], otherwise: str
) -> tuple[str, ...]:
    """(F,) the transform of each feature.

    Args:
        given: ``data.feature_transform``: one for all, or by feature (upper and lower case are one).
        otherwise: of features that ``given`` says nothing of.

    Raises:
        UserError: a name that is no feature.
    """
    if given is None or isinstance(given, str):
        return (given or otherwise,) * len(features)
    by_name = {str(name).lower(): transform for name, transform in given.items()}
    absent = next(iter(set(by_name) - {name.lower() for name in features}), None)
    if absent is not None:
        raise UserError(
            f"data.feature_transform.{absent}: the features are {', '.join(features)}; name one of them, "
            "or add it to data.features"
        )
    return tuple(by_name.get(name.lower(), otherwise) for name in features)


def target_of(future: NDArray[np.float64], last: NDArray[np.float64], transform: str) -> NDArray[np.float64]:
    """What the network learns: (N, H) future values as seen from the (N,) last known ones.

    ``difference`` and ``log_return`` count from the last known step, so that 0 always means: as it was.
    """
    last = last[:, None]
    if transform == "level":
        return future
    return future - last if transform == "difference" else np.log(future / last)


def value_of(output: NDArray[np.float64], last: NDArray[np.float64], transform: str) -> NDArray[np.float64]:
    """(N, H, Q) outputs back to values: the inverse of ``target_of``."""
    last = last[:, None, None]
    if transform == "level":
        return output
    return last + output if transform == "difference" else last * np.exp(output)


def check_positive(table: SeriesTable, name: str, instead: str, *, may_be_zero: bool = False) -> None:
    """Raise UserError at the first number of a column that has no logarithm.

    Args:
        instead: the setting to choose.
        may_be_zero: 1 will be added to the numbers.
    """
    values = table.column(name)
    bad = np.flatnonzero((values < 0) | ((values == 0) & (not may_be_zero)))
    if len(bad):
        raise UserError(
            f"{table.source}, line {table.lines[bad[0]]}: {values[bad[0]]:g} under {name} has no log-return; "
            f"mend the line or choose {instead}"
        )
