"""Any regular series of numbers, or many of them, from one CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from seqlab.data.csv_files import check_lists
from seqlab.data.missing_values import check_missing
from seqlab.data.series_files import read_series
from seqlab.data.series_module import SeriesModule
from seqlab.data.series_table import SeriesSource
from seqlab.errors import UserError


class TimeSeries(SeriesModule):
    """One or more targets of one or more series: hours, days, weeks, months or plain steps.

    Args:
        path: a CSV file; None takes the sample.
        targets, features, known, time, id, columns, missing: how to read it, see ``read_series``.
        sample: settings of ``sample_series``.
        **settings: those of SeriesModule; features are read as they are and a difference from the last known
            value is forecast where nothing else is said.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or is too short.
    """

    reads: ClassVar[str] = "series"

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        time: str | None = None,
        id: str | None = None,
        targets: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        known: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        missing: str = "error",
        season: int | str | None = "auto",
        seq_length: int = 48,
        horizon: int = 24,
        target_transform: str = "difference",
        feature_transform: str | dict[str, str] | None = "level",
        sample: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            season=season,
            seq_length=seq_length,
            horizon=horizon,
            target_transform=target_transform,
            feature_transform=feature_transform,
            **settings,
        )
        lists = {"targets": targets, "features": features, "known": known, "columns": columns}
        check_lists(lists)
        if targets is not None and not list(targets):
            raise UserError("data.targets=[]: name at least one column, or null for the usual one")
        check_missing(missing)
        self.path = path
        self.reading: dict[str, Any] = {
            name: None if names is None else [str(each) for each in names] for name, names in lists.items()
        } | {"time": time, "id": id, "missing": missing}
        self.sample = dict(sample or {})

    def read(self) -> SeriesSource:
        if self.path is None:
            from seqlab.data.samples.seasonal_series import sample_series

            roles = {name: self.reading[name] for name in ("targets", "features", "known")}
            file = sample_series(**self.sample, **roles)
        else:
            file = read_series(self.path, **self.reading)
        self.notices += file.notices
        return SeriesSource(file.tables, *file.columns, file.grid.noun, file.grid.season)

    def reading_state(self) -> dict[str, Any]:
        encoding = self.encodings[0]
        past = [name for name in encoding.features if name not in (*encoding.targets, *encoding.known)]
        roles = {"targets": list(encoding.targets), "features": past, "known": list(encoding.known)}
        return self.reading | roles
