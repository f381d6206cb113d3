"""metrics.csv: Lightning's CSV logger, which a resumed run continues instead of beginning it again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities import rank_zero_only


class MetricsCsv(CSVLogger):
    """Lightning's CSVLogger; ``go_on`` keeps the rows of the steps before.

    Args:
        save_dir: the folder of metrics.csv.
        **settings: those of CSVLogger.
    """

    def __init__(self, save_dir: str, **settings: Any) -> None:
        super().__init__(save_dir, **({"name": "", "version": ""} | settings))
        self._before = _rows(Path(self.log_dir) / "metrics.csv")  # Lightning's writer removes the file

    @rank_zero_only
    def go_on(self, step: int) -> None:
        """Keep what was logged before optimizer step ``step``; what came after it is logged again.

        The figures of a run's end, which has come once more, are left out.
        """
        kept: list[Any] = [
            {key: value for key, value in row.items() if value != ""}
            for row in self._before
            if int(row["step"]) < step and not row.get("timing/fit_seconds")
        ]
        if self._experiment is not None or kept:
            self.experiment.metrics = [*kept, *self.experiment.metrics]


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, without a last one that a kill cut off."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [row for row in csv.DictReader(whole) if None not in row and None not in row.values()]
