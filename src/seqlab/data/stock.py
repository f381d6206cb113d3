"""The DataModule of a series of days: windows, split by time, scaled by the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch.utils.data import DataLoader

from seqlab.data.batches import SeriesBatch
from seqlab.data.few_items import few_items
from seqlab.data.module import IndexBatches, SequenceDataModule, batch_loader
from seqlab.data.price_changes import check_feature_transform, check_transform, feature_transforms
from seqlab.data.samples.stock_prices import sample_prices
from seqlab.data.scaling import SCALINGS
from seqlab.data.series_encoding import SeriesDataset, SeriesEncoding, SeriesWindows
from seqlab.data.splits import check_fractions
from seqlab.data.stock_files import MISSING, TARGETS, PriceTable, read_prices
from seqlab.errors import UserError

SCORING_BATCH = 1024


class StockPrices(SequenceDataModule):
    """T days of F features and the price of the N days that follow.

    The three parts follow each other in time. A window belongs to the part in which all days that it
    forecasts lie; the days that it reads may reach back into the part before, as they would in use.

    Args:
        path: a CSV file; None takes the sample.
        columns, reverse, missing, series: how to read it, see ``read_prices``.
        target: the column to forecast; None takes Close, or y where there is none.
        features: the columns to read; None takes Open, High, Low, Close and Volume as far as they are there,
            and the target.
        seq_length: T.
        horizon: N, forecast all at once.
        target_transform: ``level``, ``difference`` or ``log_return``, the last two against the last known
            day. Figures are in the price's own unit whatever it is.
        feature_transform: the same for what is read, from day to day: one for all or {feature: transform};
            None, and features it does not name: as the target.
        scaling: ``standard`` or ``minmax``, fitted on the training part.
        scale_test_by_itself: also judge the model on the test part as published examples scale it, by the
            smallest and largest value of the test part itself, which nobody knows beforehand. Every figure
            of it stands under ``oracle/``.
        split: shares of train, val and test, of the days in order. A val share of 0 trains on all days before
            the test part; ``val/...`` figures are then those of the training days.
        sample: ``num_days`` and ``seed``, see ``sample_prices``.
        backtest: ``folds`` of the walk-forward evaluation over the test part; 0 for none.
        batch_size: windows a batch.
        seed: of the order of batches.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or is too short.
    """

    batch_type: ClassVar[type] = SeriesBatch
    train_unit: ClassVar[str] = "forecasts"

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        columns: Sequence[str] | None = None,
        reverse: bool | None = None,
        missing: str = "error",
        series: str | int | None = None,
        target: str | None = None,
        features: Sequence[str] | None = None,
        seq_length: int = 7,
        horizon: int = 1,
        target_transform: str = "log_return",
        feature_transform: str | dict[str, str] | None = None,
        scaling: str = "standard",
        scale_test_by_itself: bool = False,
        split: Sequence[float] = (0.6, 0.1, 0.3),
        sample: dict[str, Any] | None = None,
        backtest: dict[str, int] | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("seq_length", seq_length, 1),
            ("horizon", horizon, 1),
            ("batch_size", batch_size, 1),
            ("backtest.folds", (backtest or {}).get("folds", 0), 0),
        ):
            if not isinstance(value, int) or value < least:
                raise UserError(f"data.{name}={value}: give a whole number, at least {least}")
        check_transform("target_transform", target_transform)
        check_feature_transform(feature_transform)
        for name, names in (("features", features), ("columns", columns)):
            if isinstance(names, str):
                raise UserError(f"data.{name}={names}: give a list, like data.{name}=[{names}]")
        for name, choice, choices in (("missing", missing, MISSING), ("scaling", scaling, SCALINGS)):
            if choice not in choices:
                raise UserError(f"data.{name}={choice}: choose {' or '.join(choices)}")
        if features is not None and not list(features):
            raise UserError("data.features=[]: name at least one column, or null for all")
        self.path = path
        self.reading: dict[str, Any] = {
            "columns": None if columns is None else list(columns),
            "reverse": reverse,
            "missing": missing,
            "series": None if series is None else str(series),
        }
        self.target, self.features = target, features
        self.seq_length, self.horizon = seq_length, horizon
        self.target_transform = target_transform
        self.feature_transform = feature_transform
        self.scaling = scaling
        self.scale_test_by_itself = scale_test_by_itself
        self.split = _checked_shares(split)
        self.sample = dict(sample or {})
        self.num_folds = (backtest or {}).get("folds", 0)
        self.batch_size = batch_size
        self.seed = seed

    def load_splits(self) -> None:
        targets = TARGETS if self.target is None else (self.target,)
        if self.path is None:
            table = sample_prices(**self.sample)
        else:
            wanted = None if self.features is None else list(self.features)
            table = read_prices(self.path, wanted, targets=targets, **self.reading)
        self.notices += table.notices
        target = next((name for name in targets if table.has(name)), targets[0])
        table.column(target)  # told here where it is not there
        features = tuple(self.features) if self.features is not None else _features(table, target)
        bare = SeriesEncoding(
            target=target,
            features=features,
            seq_length=self.seq_length,
            horizon=self.horizon,
            target_transform=self.target_transform,
            feature_transforms=feature_transforms(self.feature_transform, features, self.target_transform),
        )
        rows = self._cut(table, bare)
        self._tell_of_few(rows)
        self._begin(table, bare, rows)

    def _cut(self, table: PriceTable, bare: SeriesEncoding) -> dict[str, tuple[int, int]]:
        """The rows of each split.

        Raises:
            UserError: too few days for a split or a fold to have one window.
        """
        train_share, val_share, _ = self.split
        # 0.7 * 90 is 62.99...: the small number keeps a whole share whole
        first, second = (int(share * len(table) + 1e-9) for share in (train_share, train_share + val_share))
        val_days = self.horizon if val_share else 0
        short = min(first - bare.history - self.horizon, second - first - val_days)
        if min(short, len(table) - second - self.horizon) < 0:
            raise UserError(
                f"{table.source}: {len(table)} days are too few: data.split={list(self.split)} gives "
                f"{first}, {second - first} and {len(table) - second}, where data.seq_length="
                f"{self.seq_length} and data.horizon={self.horizon} need "
                f"{bare.history + self.horizon}, {val_days} and {self.horizon}"
            )
        num_test = len(table) - second
        if self.num_folds and num_test // self.num_folds < self.horizon:
            raise UserError(
                f"data.backtest.folds={self.num_folds}: {num_test} days of the test part are too few for "
                f"data.horizon={self.horizon}"
            )
        val = (first, second) if val_share else (0, first)
        return {"train": (0, first), "val": val, "test": (second, len(table))}

    def _tell_of_few(self, rows: dict[str, tuple[int, int]]) -> None:
        counts = {name: rows[name][1] - rows[name][0] - self.horizon + 1 for name in ("val", "test")}
        if not self.split[1]:
            counts.pop("val")
            self.notices.append(
                f"data.split={list(self.split)} has no validation part: val/ figures are those of the "
                "training days, and nothing should be chosen by them"
            )
        self.notices += few_items("forecast days" if self.horizon == 1 else "windows", counts)

    def _begin(self, table: PriceTable, bare: SeriesEncoding, rows: dict[str, tuple[int, int]]) -> None:
        """Fit the scales on the training rows."""
        self._table = table
        self._rows = rows
        self.encoding = bare.fit(table, *rows["train"], self.scaling)

    @property
    def train_end(self) -> int:
        """The first row that is not of the training part."""
        return self._rows["train"][1]

    @property
    def sizes(self) -> dict[str, int]:
        return {"num_features": len(self.encoding.features), "horizon": self.horizon}

    def state(self) -> dict[str, Any]:
        return {"encoding": self.encoding.state(), "reading": self.reading}

    def table(self, split: str) -> PriceTable:
        """The days up to the end of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._table.take(slice(0, self._rows[split][1]))

    def windows(self, split: str) -> SeriesWindows:
        """The windows whose forecast days lie in a split."""
        return self.encoding.windows(self.table(split), *self._rows[split])

    def test_scaled_by_itself(self) -> tuple[SeriesEncoding, SeriesWindows]:
        """The test part on scales fitted on itself and the days its first window reads: what not to do."""
        table = self.table("test")
        first, end = self._rows["test"]
        encoding = self.encoding.fit(table, max(first - self.seq_length, 0), end, self.scaling)
        return encoding, encoding.windows(table, first, end)

    def folds(self) -> list[StockPrices]:
        """The test part cut in ``num_folds``: each with all the days before it to learn from.

        A fold is a DataModule of its own, with a lock of its own; the last days before it are its validation
        part, in the proportion of ``split``.
        """
        self.check_access("test")
        first, end = self._rows["test"]
        share = self.split[1] / (self.split[0] + self.split[1])
        found = []
        for number in range(self.num_folds):
            start = first + number * (end - first) // self.num_folds
            stop = first + (number + 1) * (end - first) // self.num_folds
            val_days = max(round(start * share), self.horizon) if share else 0
            fold = StockPrices(
                target=self.encoding.target,
                seq_length=self.seq_length,
                horizon=self.horizon,
                target_transform=self.target_transform,
                feature_transform=self.feature_transform,
                scaling=self.scaling,
                split=self.split,
                batch_size=self.batch_size,
                seed=self.seed,
            )
            train_end = start - val_days
            val = (train_end, start) if val_days else (0, start)
            rows = {"train": (0, train_end), "val": val, "test": (start, stop)}
            fold._begin(self._table.take(slice(0, stop)), self.encoding, rows)
            fold._is_set_up = True
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

    def test_dataloader(self) -> DataLoader:
        return self.loader(self.windows("test"))

    def write_files(self, folder: Path) -> None:
        """Write scales.json: what was fitted on the training part."""
        import json

        text = json.dumps(self.encoding.state(), indent=2)
        (folder / "scales.json").write_text(text + "\n", encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, for the report."""
        rows = [("prices", self._table.source)]
        for split, (first, end) in self._rows.items():
            dates = self._table.dates
            span = "" if dates is None else f", {dates[first]} to {dates[end - 1]}"
            rows.append((f"{split} days", f"{end - first:,}{span}"))
        rows.append(("features", ", ".join(self.encoding.features)))
        return rows


def _checked_shares(split: Sequence[float]) -> tuple[float, float, float]:
    """Three shares with sum 1; that of the validation part may be 0."""
    try:
        train, val, test = (float(share) for share in split)
    except (TypeError, ValueError):
        return check_fractions(split)
    if val == 0 and min(train, test) > 0 and abs(train + test - 1) < 1e-6:
        return train, 0.0, test
    return check_fractions(split)


def _features(table: PriceTable, target: str) -> tuple[str, ...]:
    """All columns of the table; the target always among them."""
    return table.columns if table.has(target) else (*table.columns, target)
