"""Series of numbers from a CSV file: any regular ones, one or many (data=series), and prices (data=stock)."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seqlab.data.batches import SeriesBatch
from seqlab.data.few_items import few_items
from seqlab.data.loaders import IndexBatches, batch_loader
from seqlab.data.module import Profile, SequenceDataModule
from seqlab.data.scaling import SCALINGS, check_transforms, feature_transforms
from seqlab.data.series_encoding import NaiveForecast, SeriesDataset, SeriesEncoding, SeriesWindows, joined
from seqlab.data.series_files import SeriesFile, choose_columns, read_series
from seqlab.data.series_table import SeriesTable, check_missing, column_names, up_to
from seqlab.data.sources import Source, check_counts
from seqlab.data.splits import SPLITS
from seqlab.data.time_splits import (
    AUTO,
    Spans,
    check_season,
    cut,
    naive_errors,
    settled_season,
    with_training_part,
)
from seqlab.errors import UserError

SCORING_BATCH = 1024  # windows


class TimeSeries(SequenceDataModule):
    """T steps of F features and the H steps of each target that follow, of one series or of many.

    The three parts follow each other in time, the same times for every series. A window belongs to the part
    in which all steps that it forecasts lie; the steps that it reads may reach back into the part before, as
    they would in use. No window crosses from one series into another. Every series has scales of its own.

    The settings are explained in conf/data/series.yaml. A subclass with a ``read`` of its own gives series in
    another form.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or is too short.
    """

    batch_type: ClassVar[type] = SeriesBatch
    train_unit: ClassVar[str] = "forecasts"
    rolls: ClassVar[bool] = False  # whether new files are forecast from every row, not after the last alone

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
        season: int | str | None = AUTO,
        seq_length: int = 48,
        horizon: int = 24,
        target_transform: str = "difference",
        feature_transform: str | dict[str, str] | None = "level",
        scaling: str = "standard",
        split: Sequence[float] = (0.6, 0.1, 0.3),
        sample: dict[str, Any] | None = None,
        backtest: dict[str, int] | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = Source(path=path, split=split, may_be_zero="val")
        self.asked: dict[str, Any] = {
            "targets": column_names("targets", targets),
            "features": column_names("features", features),
            "known": column_names("known", known),
        }
        if self.asked["targets"] == []:
            raise UserError("data.targets=[]: name at least one column, or null for the usual ones")
        columns = column_names("columns", columns)
        self.reading: dict[str, Any] = {"time": time, "id": id, "columns": columns, "missing": missing}
        self.num_folds = (backtest or {}).get("folds", 0)
        check_missing(missing)
        check_season(season)
        check_counts(seq_length=seq_length, horizon=horizon, batch_size=batch_size)
        if not isinstance(self.num_folds, int) or self.num_folds < 0:
            raise UserError(f"data.backtest.folds={self.num_folds}: give a whole number, at least 0")
        check_transforms(target_transform, feature_transform)
        if scaling not in SCALINGS:
            raise UserError(f"data.scaling={scaling}: choose {' or '.join(SCALINGS)}")
        self.sample = dict(sample or {})
        self.seq_length, self.horizon, self.batch_size, self.seed = seq_length, horizon, batch_size, seed
        self.target_transform, self.feature_transform = target_transform, feature_transform
        self.scaling = scaling
        self.split = self.source.split
        self.asked_season = season
        self.season: int | None = None  # known after setup
        self.noun = "steps"

    def read(self) -> SeriesFile:
        """The series of the file, or the sample."""
        if self.source.path is None:
            from seqlab.data.samples.seasonal_series import sample_series

            return sample_series(**self.sample, **self.asked)
        return read_series(self.source.path, partial(choose_columns, **self.asked), **self.reading)

    def load_splits(self) -> None:
        source = self.read()
        self.notices += source.notices
        self.noun = source.grid.noun
        targets, features, known = source.columns
        transforms = feature_transforms(self.feature_transform, features, self.target_transform)
        bare = SeriesEncoding(
            targets,
            features,
            self.seq_length,
            self.horizon,
            self.target_transform,
            tuple(
                "level" if name in known else each for name, each in zip(features, transforms, strict=True)
            ),
            known,
        )
        spans = cut(source.tables, self.split, bare, self.num_folds, self.noun)
        tables, spans, told = with_training_part(source.tables, spans, bare)
        self._begin(tables, bare, spans)
        self._grid = source.grid
        self._tell_of_few()
        ends = self.train_ends()
        self.season, more = settled_season(self.asked_season, source.grid.season, ends, self.noun)
        self.notices += told + more

    def _begin(self, tables: list[SeriesTable], bare: SeriesEncoding, spans: Spans) -> None:
        """Fit the scales on the training rows."""
        self._spans = spans
        self._splits = self.locked({name: up_to(tables, spans.rows(name)) for name in SPLITS})
        rows = zip(self._splits["train"], spans.rows("train"), strict=True)
        self.encodings = [bare.fit(table, *span, self.scaling) for table, span in rows]

    def _tell_of_few(self) -> None:
        counts = {
            name: sum(max(end - first - self.horizon + 1, 0) for first, end in self._spans.rows(name))
            for name in ("val", "test")
        }
        for name, count in counts.items():
            if not count:
                raise UserError(
                    f"no series has {self.horizon} {self.noun} in the {name} part; change data.split"
                )
        if not self.split[1]:
            counts.pop("val")
            lacks = f"data.split={list(self.split)} has no validation part"
            of_train = f"val/ figures are those of the training {self.noun}"
            self.notices.append(f"{lacks}: {of_train}, and nothing should be chosen by them")
        self.notices += few_items(f"forecast {self.noun}" if self.horizon == 1 else "windows", counts)

    @property
    def encoding(self) -> SeriesEncoding:
        """That of the first series; the others differ in their scales alone."""
        return self.encodings[0]

    @property
    def sizes(self) -> dict[str, int]:
        return {
            "num_features": len(self.encoding.features),
            "horizon": self.horizon,
            "num_targets": len(self.encoding.targets),
            "num_known": len(self.encoding.known),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Of each series, table by table and target by target; of the only one its target."""
        targets = self.encoding.targets
        if len(self.encodings) == 1:
            return targets
        suffixes = [f" {target}" if len(targets) > 1 else "" for target in targets]
        return tuple(table.name + suffix for table in self._splits["train"] for suffix in suffixes)

    def state(self) -> dict[str, Any]:
        encoding = self.encoding
        asked = {name: list(getattr(encoding, name)) for name in ("targets", "features", "known")}
        return {
            "encoding": encoding.state(),
            "reading": self.reading,
            "columns": self.asked | asked,
            "rolls": self.rolls,
            "scaling": self.scaling,
            "series": self._scales() if self._splits["train"][0].name else {},
        }

    def _scales(self) -> dict[str, Any]:
        pairs = zip(self._splits["train"], self.encodings, strict=True)
        return {table.name: encoding.scales() for table, encoding in pairs}

    def tables(self, split: str) -> list[SeriesTable]:
        """The rows of each table up to the end of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._splits[split]

    def train_ends(self) -> list[int]:
        """The first row of each table that is not of the training part."""
        return [end for _, end in self._spans.rows("train")]

    def train_length(self) -> int:
        return self._spans.parts["train"][1]

    def windows(self, split: str) -> SeriesWindows:
        """The windows whose forecast steps lie in a split."""
        parts = zip(self.encodings, self.tables(split), self._spans.rows(split), strict=True)
        return joined([encoding.windows(table, *span) for encoding, table, span in parts])

    def naive_errors(self) -> NDArray[np.float64]:
        """(S,) what MASE divides by: the naive forecast's error over each training part."""
        return naive_errors(self._splits["train"], self.train_ends(), self.encoding.targets, self.season or 1)

    def other_forecasts(self, windows: SeriesWindows) -> dict[str, NaiveForecast]:
        """Forecasts of the test windows that this kind of data has by itself, by name; here none."""
        return {}

    def test_scaled_by_itself(self) -> tuple[list[SeriesEncoding], SeriesWindows] | None:
        """The test part on scales of itself, where a published recipe does so; here never."""
        return None

    def folds(self) -> list[TimeSeries]:
        """The test part cut in ``num_folds``: each a DataModule with all before it to learn from, the last
        steps of which are its validation part, in the proportion of ``split``."""
        self.check_access("test")
        share, found = self.split[1] / (self.split[0] + self.split[1]), []
        for number in range(self.num_folds):
            fold = copy.copy(self)
            fold.trainer, fold.notices, fold._test_open = None, [], False
            spans = self._spans.fold(number, self.num_folds, share, self.horizon)
            fold._begin(self._splits["test"], self.encoding, spans)
            found.append(fold)
        return found

    def loader(self, windows: SeriesWindows) -> DataLoader:
        """All windows in order of time."""
        batches = IndexBatches(len(windows), SCORING_BATCH, seed=0, shuffle=False)
        return batch_loader(SeriesDataset(windows, self.device), batches)

    def train_dataloader(self) -> DataLoader:
        windows = self.windows("train")
        batches = IndexBatches(len(windows), self.batch_size, seed=self.seed)
        return batch_loader(SeriesDataset(windows, self.device), batches)

    def val_dataloader(self) -> DataLoader:
        return self.loader(self.windows("val"))

    def test_loader(self) -> DataLoader:
        return self.loader(self.windows("test"))

    def learned_from(self) -> str:
        first, end = self._spans.parts["train"]
        return f"{end - first:,} {self.noun} of {len(self.names):,} series{self._spans.dates(first, end)}"

    def profile(self, split: str) -> Profile:
        """Windows by what they read and forecast; unknown are those with a value beyond training's range."""
        ranges = [table.bounds(self.encoding.targets) for table in self._splits["train"]]
        contents, beyond = self.windows(split).compared(ranges)
        lacks, span = "a value outside of training's range", self._spans.span(split, self._grid)
        return Profile("windows", contents, None, beyond, lacks, span)

    def fitted_on(self) -> dict[str, str]:
        first, end = self._spans.parts["train"]
        return {"scales": f"the {end - first:,} training {self.noun}{self._spans.dates(first, end)}"}

    def split_rule(self) -> str:
        return self.source.split_rule(None)

    def write_files(self, folder: Path) -> None:
        """Write scales.json: what was fitted on the training part."""
        text = json.dumps(self.encoding.state() | {"series": self._scales()}, indent=2)
        (folder / "scales.json").write_text(text + "\n", encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, for the report."""
        train = self._splits["train"]
        rows = [("data", train[0].source), ("series", f"{len(train):,}")]
        for split, (first, end) in self._spans.parts.items():
            rows.append((f"{split} {self.noun}", f"{end - first:,}{self._spans.dates(first, end)}"))
        rows.append(("features", ", ".join(self.encoding.features)))
        rows += [("known ahead", ", ".join(self.encoding.known))] * bool(self.encoding.known)
        return rows + [("season", f"{self.season} {self.noun}")] * bool(self.season)
