"""Numbers to a scale that networks learn from, and back; fitted once, on training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError

SCALINGS = ("standard", "minmax")


@dataclass(frozen=True)
class Scaler:
    """``(x - offset) / scale``, by column."""

    offset: NDArray[np.float64]  # (F,)
    scale: NDArray[np.float64]  # (F,) positive

    @classmethod
    def fit(cls, values: NDArray[np.float64], scaling: str, *, centered: bool = True) -> Scaler:
        """The scaler of (N, F) values: mean 0 and deviation 1, or 0 to 1. A constant column keeps its unit.

        Args:
            centered: False keeps 0 where it is: values are divided by their root mean square (``standard``)
                or their largest size (``minmax``).

        Raises:
            UserError: an unknown scaling.
        """
        if scaling not in SCALINGS:
            raise UserError(f"data.scaling={scaling}: choose {', '.join(SCALINGS)}")
        if scaling == "standard":
            offset = values.mean(axis=0) if centered else np.zeros(values.shape[1])
            scale = np.sqrt(((values - offset) ** 2).mean(axis=0))
        else:
            offset = values.min(axis=0) if centered else np.zeros(values.shape[1])
            scale = np.abs(values - offset).max(axis=0)
        size = np.maximum(np.abs(values).max(axis=0), 1e-300)
        return cls(offset, np.where(scale > 1e-12 * size, scale, 1.0))

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., F) values to the scale."""
        return (values - self.offset) / self.scale

    def invert(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., F) back to the values' own unit."""
        return scaled * self.scale + self.offset

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Scaler:
        return cls(np.array(state["offset"], dtype=np.float64), np.array(state["scale"], dtype=np.float64))
