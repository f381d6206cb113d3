"""Sessions as vocabulary ids: what the trivial detectors take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EncodedSessions:
    """S sessions as vocabulary ids."""

    tokens: NDArray[np.integer]  # (N,)
    lengths: NDArray[np.int64]  # (S,)


class SessionScorer(Protocol):
    """A detector fitted to training normals; its threshold comes from validation normals."""

    def scores(self, sessions: EncodedSessions) -> NDArray[np.float64]:
        """(S,) finite scores, higher for the more suspect."""
