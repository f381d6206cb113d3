"""The DataModule of series: windows, split by time, scaled series by series by the training part alone."""

from __future__ import annotations

import copy
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seqlab.data.batches import SeriesBatch
from seqlab.data.csv_files import plain_settings
from seqlab.data.few_items import few_items
from seqlab.data.loaders import IndexBatches, batch_loader
from seqlab.data.module import SequenceDataModule
from seqlab.data.scaling import SCALINGS, check_transforms, feature_transforms
from seqlab.data.series_encoding import OtherForecast, SeriesDataset, SeriesEncoding, SeriesWindows, joined
from seqlab.data.series_files import SeriesFile
from seqlab.data.series_table import SeriesTable, check_missing
from seqlab.data.sources import Source
from seqlab.data.time_splits import (
    Spans,
    check_season,
    cut,
    naive_errors,
    settled_season,
    with_training_part,
)
from seqlab.errors import UserError

SCORING_BATCH = 1024


class SeriesModule(SequenceDataModule):
    """T steps of F features and the N steps of each target that follow, of one series or of many.

    The three parts follow each other in time, the same times for every series. A window belongs to the part
    in which all steps that it forecasts lie; the steps that it reads may reach back into the part before, as
    they would in use. No window crosses from one series into another. Every series has scales of its own.

    Args:
        path: a CSV file; None takes the sample.
        reading: how ``read_series`` reads it.
        asked: which columns are read, as ``series_columns`` or ``price_columns`` take it.
        seq_length: T.
        horizon: N, forecast all at once.
        target_transform: ``level``, ``difference`` or ``log_return``, the last two against the last known
            value. Figures are in the series' own unit whatever it is.
        feature_transform: the same for what is read, from step to step: one for all or {feature: transform};
            features that it does not name are read as the target.
        scaling: ``standard`` or ``minmax``, fitted on the training part.
        split: shares of train, val and test, of the steps in order of time. A val share of 0 trains on all
            before the test part; ``val/...`` figures are then those of the training part.
        backtest: ``folds`` of the walk-forward evaluation over the test part; 0 for none.
        season: steps until it is alike again, for the seasonal naive forecast; ``auto`` takes what the step
            of the file tells, None is none.
        batch_size: windows a batch.
        seed: of the order of batches.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or is too short.
    """

    batch_type: ClassVar[type] = SeriesBatch
    train_unit: ClassVar[str] = "forecasts"
    reads: ClassVar[str]  # how ``seqlab predict`` reads new files

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        reading: Mapping[str, Any] = MappingProxyType({}),
        asked: Mapping[str, Any] = MappingProxyType({}),
        seq_length: int,
        horizon: int,
        target_transform: str,
        feature_transform: str | dict[str, str] | None = None,
        scaling: str = "standard",
        split: Sequence[float] = (0.6, 0.1, 0.3),
        backtest: dict[str, int] | None = None,
        season: int | str | None = None,
        sample: dict[str, Any] | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = Source(path=path, split=split, may_be_zero="val")
        self.asked, self.reading = plain_settings(asked), plain_settings(reading)
        check_missing(reading.get("missing", "error"))
        self.sample = dict(sample or {})
        self.num_folds = (backtest or {}).get("folds", 0)
        for name, value, least in (
            ("seq_length", seq_length, 1),
            ("horizon", horizon, 1),
            ("batch_size", batch_size, 1),
            ("backtest.folds", self.num_folds, 0),
        ):
            if not isinstance(value, int) or value < least:
                raise UserError(f"data.{name}={value}: give a whole number, at least {least}")
        check_season(season)
        check_transforms(target_transform, feature_transform)
        if scaling not in SCALINGS:
            raise UserError(f"data.scaling={scaling}: choose {' or '.join(SCALINGS)}")
        self.seq_length, self.horizon = seq_length, horizon
        self.target_transform = target_transform
        self.feature_transform = feature_transform
        self.scaling = scaling
        self.split = self.source.split
        self.asked_season = season
        self.season: int | None = None  # known after setup
        self.batch_size = batch_size
        self.seed = seed
        self.noun = "steps"

    @abstractmethod
    def read(self) -> SeriesFile:
        """Read the series."""

    def asked_of_new_files(self) -> dict[str, Any]:
        """``asked``, of a file that is read as the training file was."""
        return self.asked

    def load_splits(self) -> None:
        source = self.read()
        self.notices += source.notices
        self.noun = source.grid.noun
        columns = source.columns
        given = feature_transforms(self.feature_transform, columns.features, self.target_transform)
        bare = SeriesEncoding(
            targets=columns.targets,
            features=columns.features,
            seq_length=self.seq_length,
            horizon=self.horizon,
            target_transform=self.target_transform,
            feature_transforms=tuple(
                "level" if name in columns.known else transform
                for name, transform in zip(columns.features, given, strict=True)
            ),
            known=columns.known,
        )
        spans = cut(source.tables, self.split, bare, self.num_folds, self.noun)
        tables, spans, told = with_training_part(source.tables, spans, bare)
        self._begin(tables, bare, spans)
        self._tell_of_few()
        ends = self.train_ends()
        self.season, more = settled_season(self.asked_season, source.grid.season, ends, self.noun)
        self.notices += told + more

    def _begin(self, tables: list[SeriesTable], bare: SeriesEncoding, spans: Spans) -> None:
        """Fit the scales on the training rows."""
        self._tables, self._spans = tables, spans
        rows = zip(tables, spans.rows("train"), strict=True)
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
            self.notices.append(
                f"data.split={list(self.split)} has no validation part: val/ figures are those of the "
                f"training {self.noun}, and nothing should be chosen by them"
            )
        self.notices += few_items(f"forecast {self.noun}" if self.horizon == 1 else "windows", counts)

    @property
    def sizes(self) -> dict[str, int]:
        encoding = self.encodings[0]
        return {
            "num_features": len(encoding.features),
            "horizon": self.horizon,
            "num_targets": len(encoding.targets),
            "num_known": len(encoding.known),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Of each series, table by table and target by target; of the only one its target."""
        targets = self.encodings[0].targets
        if len(self._tables) == 1:
            return targets
        if len(targets) == 1:
            return tuple(table.name for table in self._tables)
        return tuple(f"{table.name} {target}" for table in self._tables for target in targets)

    def state(self) -> dict[str, Any]:
        state = {
            "encoding": self.encodings[0].state(),
            "reads": self.reads,
            "reading": self.reading,
            "columns": self.asked_of_new_files(),
            "scaling": self.scaling,
        }
        return state | ({"series": self._scales()} if self._tables[0].name else {})

    def _scales(self) -> dict[str, Any]:
        return {
            table.name: encoding.scales()
            for table, encoding in zip(self._tables, self.encodings, strict=True)
        }

    def tables(self, split: str) -> list[SeriesTable]:
        """The rows of each table up to the end of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return _up_to(self._tables, self._spans.rows(split))

    def train_ends(self) -> list[int]:
        """The first row of each table that is not of the training part."""
        return [end for _, end in self._spans.rows("train")]

    def train_length(self) -> int:
        """Steps of the training part."""
        return self._spans.parts["train"][1]

    def windows(self, split: str) -> SeriesWindows:
        """The windows whose forecast steps lie in a split."""
        parts = zip(self.encodings, self.tables(split), self._spans.rows(split), strict=True)
        return joined([encoding.windows(table, *span) for encoding, table, span in parts])

    def naive_errors(self) -> NDArray[np.float64]:
        """(S,) what MASE divides by: the naive forecast's error over each training part."""
        return naive_errors(self._tables, self.train_ends(), self.encodings[0].targets, self.season or 1)

    def other_forecasts(self, windows: SeriesWindows) -> dict[str, OtherForecast]:
        """Forecasts of the test windows that this kind of data has by itself, by name; here none."""
        return {}

    def test_scaled_by_itself(self) -> tuple[list[SeriesEncoding], SeriesWindows] | None:
        """The test part on scales of itself, where a published recipe does so; here never."""
        return None

    def folds(self) -> list[SeriesModule]:
        """The test part cut in ``num_folds``: each with all before it to learn from.

        A fold is a DataModule of its own, with a lock of its own; the last steps before it are its validation
        part, in the proportion of ``split``.
        """
        self.check_access("test")
        share = self.split[1] / (self.split[0] + self.split[1])
        found = []
        for number in range(self.num_folds):
            fold = copy.copy(self)
            fold.trainer, fold.notices, fold._test_open = None, [], False
            spans = self._spans.fold(number, self.num_folds, share, self.horizon)
            fold._begin(_up_to(self._tables, spans.rows("test")), self.encodings[0], spans)
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

    def write_files(self, folder: Path) -> None:
        """Write scales.json: what was fitted on the training part."""
        text = json.dumps(self.encodings[0].state() | {"series": self._scales()}, indent=2)
        (folder / "scales.json").write_text(text + "\n", encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, for the report."""
        encoding = self.encodings[0]
        rows = [("data", self._tables[0].source), ("series", f"{len(self._tables):,}")]
        for split, (first, end) in self._spans.parts.items():
            rows.append((f"{split} {self.noun}", f"{end - first:,}{self._spans.dates(first, end)}"))
        rows.append(("features", ", ".join(encoding.features)))
        rows += [("known ahead", ", ".join(encoding.known))] if encoding.known else []
        return rows + ([("season", f"{self.season} {self.noun}")] if self.season else [])


def _up_to(tables: list[SeriesTable], rows: list[tuple[int, int]]) -> list[SeriesTable]:
    """The rows of each table before an end."""
    return [table.take(slice(0, end)) for table, (_, end) in zip(tables, rows, strict=True)]
