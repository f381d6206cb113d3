"""Which data a user gave: one file that is cut, splits that are made already, or nothing: the sample.

Every data set resolves its settings here, so that they mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from seqlab.data.splits import SPLITS, Files, check_fractions
from seqlab.errors import UserError

T = TypeVar("T")


def chosen_way(ways: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Which one of several ways to give data was taken; None where no setting is given.

    Args:
        ways: by name, the settings of each way and their values; None is not given.

    Raises:
        UserError: settings of two ways; names one of each.
    """
    given = {
        way: [name for name, value in settings.items() if value is not None] for way, settings in ways.items()
    }
    taken = [way for way, names in given.items() if names]
    if len(taken) > 1:
        raise UserError(
            f"data.{given[taken[0]][0]} and data.{given[taken[1]][0]} exclude each other: give one of "
            + "; ".join(_listed(settings) for settings in ways.values())
        )
    return taken[0] if taken else None


def check_counts(**settings: Any) -> None:
    """Raise UserError for a setting of ``data`` that is no whole number from 1."""
    for name, value in settings.items():
        if not isinstance(value, int) or value < 1:
            raise UserError(f"data.{name}={value}: give a whole number, at least 1")


def one_file(name: str, files: Files) -> Path:
    """The file of a setting that takes no list of them."""
    if not isinstance(files, str | Path):
        raise UserError(f"data.{name}={list(files)}: give one file")
    return Path(files)


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"data.{name}" for name in names)


@dataclass(frozen=True, kw_only=True)
class Source:
    """``path``, or ``train``, ``val`` and ``test``, or nothing: the sample.

    ``split`` is of train, val and test; ``may_be_zero`` is the part that it may leave out.

    Raises:
        UserError: at construction, for settings that exclude each other, a missing split or bad shares.
    """

    path: Files | None = None
    whole: str = "path"  # the setting that path is of
    train: Files | None = None
    val: Files | None = None
    test: Files | None = None
    split: Sequence[float] = (0.7, 0.1, 0.2)
    may_be_zero: str | None = None
    needs_val: bool = False  # whether made splits must include val; else it is cut off train

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", check_fractions(self.split, may_be_zero=self.may_be_zero))
        if chosen_way({"whole": {self.whole: self.path}, "splits": self.files}) != "splits":
            return
        needed = SPLITS if self.needs_val else ("train", "test")
        missing = [name for name in needed if self.files[name] is None]
        if missing:
            ways = " and ".join(f"data.{name}" for name in needed)
            raise UserError(f"data.{missing[0]} is missing: give {ways}, or data.{self.whole}")

    @property
    def files(self) -> dict[str, Files | None]:
        """The files of splits that are made already."""
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def is_sample(self) -> bool:
        """Whether no file is given."""
        return self.path is None and self.train is None

    @property
    def cuts_train(self) -> bool:
        """Whether val is cut off a training split that is given."""
        return self.train is not None and self.val is None

    def split_rule(self, seed: int | None) -> str:
        """How the splits came about, in words.

        Args:
            seed: of a cut at random; None for a cut in order.
        """
        how = "in order" if seed is None else f"at random, seed {seed}"
        if self.path is not None or self.is_sample:
            return f"split {how}"
        return f"splits as given, val cut off train {how}" if self.val is None else "splits as given"

    def load(
        self,
        read: Callable[[str, Files], T],
        simulate: Callable[[], T],
        divide: Callable[[T, Sequence[float], str], Sequence[T]],
    ) -> dict[str, T]:
        """The splits train, val and test.

        Args:
            read: from the name of a setting and its files to what they hold.
            simulate: the sample.
            divide: from items, a share for each part and the setting that they come from, to the parts.
        """
        if self.path is not None or self.is_sample:
            origin = "data.sample" if self.path is None else f"data.{self.whole}"
            whole = simulate() if self.path is None else read(self.whole, self.path)
            return dict(zip(SPLITS, divide(whole, self.split, origin), strict=True))
        parts = {name: read(name, files) for name, files in self.files.items() if files is not None}
        if self.val is None:
            parts["train"], parts["val"] = divide(parts["train"], self.split[:2], "data.train")
        return {name: parts[name] for name in SPLITS}
