"""Forecasts: statsforecast's naive models and neuralforecast's LSTM beside ``model=lstm``.

    python benchmarks/peers_forecasts.py --data FOLDER    # data-02-stock_daily.csv

On daily prices of one share and of four together (one day ahead from the seven before), and on a panel of
four synthetic hourly series (a day ahead from the two before). All get the same rows, split at the same steps
of time; the mean absolute error is over the same windows, in the series' own unit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import Figures, Line, alternate, origin, peer_python, process, run, table  # noqa: E402

LINES = (
    Line("MAE", "mae", ".3f", "lower"),
    Line("fit and test, s", "fit_and_test_seconds", ".1f", "lower"),
)
SHARES = ("AAPL", "GOOG", "IBM", "MSFT")


class Task(NamedTuple):
    """A data set, and how it is cut."""

    name: str
    file: Path  # unique_id, ds, y, ...
    overrides: tuple[str, ...]
    horizon: int
    input_size: int
    season: int
    known: tuple[str, ...] = ()  # columns that are known ahead

    @property
    def steps(self) -> int:
        return int(pd.read_csv(self.file, usecols=["ds"])["ds"].max())


def stock(data: Path, folder: Path) -> Task:
    source = data / "data-02-stock_daily.csv"
    rows = pd.read_csv(source, comment="#", header=None, names=["Open", "High", "Low", "Volume", "Close"])
    rows = rows[::-1].reset_index(drop=True)
    rows.insert(0, "unique_id", "GOOG")
    rows.insert(1, "ds", range(1, len(rows) + 1))
    path = folder / "stock.csv"
    rows.rename(columns={"Close": "y"}).to_csv(path, index=False)
    return Task("daily prices of one share", path, (f"data.path={source}", "data.reverse=true"), 1, 7, 0)


def panel(
    name: str, tables: Mapping[str, pd.DataFrame], folder: Path, *cut: int, known: Sequence[str] = ()
) -> Task:
    """Tables of y and what else is read, one series each, written as one file."""
    rows = [
        table.reset_index(drop=True).assign(unique_id=series, ds=range(1, len(table) + 1))
        for series, table in tables.items()
    ]
    path = folder / f"{name.split(maxsplit=1)[0]}.csv"
    pd.concat(rows).to_csv(path, index=False)
    horizon, input_size, season = cut
    words = ("data=series", f"data.path={path}", f"data.horizon={horizon}", f"data.seq_length={input_size}")
    words += (
        f"data.season={season or 'null'}",
        f"data.known=[{','.join(known)}]" if known else "data.known=null",
    )
    return Task(name, path, words, horizon, input_size, season, tuple(known))


def shares(folder: Path) -> Task:
    """The days that four shares of bokeh-sampledata have in common."""
    from bokeh_sampledata import stocks

    prices = {name: pd.DataFrame(getattr(stocks, name)).set_index("date") for name in SHARES}
    days = sorted(set.intersection(*(set(table.index) for table in prices.values())))
    tables = {name: table.loc[days, ["close"]].set_axis(["y"], axis=1) for name, table in prices.items()}
    return panel("four shares", tables, folder, 1, 7, 0)


def hours(folder: Path) -> Task:
    """The synthetic series of data=series."""
    from seqlab.data.samples.seasonal_series import COLUMNS, sample_series

    tables = {table.name: table.frame[list(COLUMNS)] for table in sample_series().tables}
    return panel("hourly panel", tables, folder, 24, 48, 24, known=COLUMNS[1:])


def ours(task: Task, seed: int, overrides: Sequence[str]) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        metrics = run("model=lstm", *task.overrides, f"seed={seed}", *overrides, folder=Path(folder, "run"))
        scored = pd.read_csv(Path(folder, "run", "scores.csv"), usecols=["step"])
    return {
        "mae": metrics["test/mae"],
        "fit_and_test_seconds": metrics["timing/fit_seconds"] + metrics["timing/test_seconds"],
        "windows": float((scored["step"] == 1).sum()),
    }


def compare(task: Task, rounds: int, overrides: Sequence[str]) -> str:
    windows = ours(task, 0, ["trainer.fast=true"])["windows"]
    num_series = pd.read_csv(task.file, usecols=["unique_id"])["unique_id"].nunique()
    test_size = round(windows / num_series) + task.horizon - 1
    cut = [str(each) for each in (task.horizon, task.input_size, round(0.1 * task.steps), test_size)]
    sides = {
        "statsforecast": lambda seed: process(
            peer_python("statsforecast"),
            "forecasts_statsforecast.py",
            *(str(task.file), cut[0], cut[3], str(task.season)),
        ),
        "neuralforecast": lambda seed: process(
            peer_python("neuralforecast"),
            "forecasts_neuralforecast.py",
            *(str(task.file), *cut, str(seed), *task.known),
        ),
        "`model=lstm`": lambda seed: ours(task, seed, overrides),
    }
    found = alternate(sides, rounds)
    assert {each["windows"] for figures in found.values() for each in figures} == {windows}
    return f"{task.name}, {windows:,.0f} windows\n\n{table(found, LINES)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=["stock", "shares", "hours"])
    parser.add_argument("overrides", nargs="*", help="of train.py")
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tasks = {
            "stock": lambda: stock(arguments.data.resolve(), folder),
            "shares": lambda: shares(folder),
            "hours": lambda: hours(folder),
        }
        for name in arguments.only or tasks:
            print(compare(tasks[name](), arguments.rounds, arguments.overrides), flush=True)
    print(origin(time.perf_counter() - start, arguments.rounds, "statsforecast", "neuralforecast"))


if __name__ == "__main__":
    main()
