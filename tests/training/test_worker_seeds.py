"""A run's seed reaches the worker processes of a DataModule that has some."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from seqlab.data.session_windows import SessionWindows

TINY = (
    "data.sample.num_blocks=60",
    "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false",
    "model.network.hidden_size=4",
    "data.batch_size=8",
    "logger=none",
    "test=false",
)


class Noted(Dataset):
    """Batches of another dataset; each fetch writes down what the worker's three generators give."""

    def __init__(self, batches: list, folder: Path) -> None:
        self.batches, self.folder = batches, folder

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> object:
        info = torch.utils.data.get_worker_info()
        worker = "none" if info is None else info.id
        drawn = (random.random(), float(np.random.rand()), float(torch.rand(())))
        with (self.folder / f"worker-{worker}.txt").open("a") as file:
            file.write(f"{drawn}\n")
        return self.batches[place]


class WindowsFromWorkers(SessionWindows):
    """A user's own DataModule, whose batches come from two worker processes."""

    folder: Path

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            Noted(list(super().train_dataloader()), self.folder), batch_size=None, num_workers=2
        )


@pytest.fixture
def drawn(call: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], dict[str, str]]:
    """What the workers of one run draw, by worker."""
    import sys

    monkeypatch.setitem(sys.modules, "windows_from_workers", sys.modules[__name__])

    def run(folder: Path, seed: int) -> dict[str, str]:
        folder.mkdir()
        monkeypatch.setattr(WindowsFromWorkers, "folder", folder, raising=False)
        finished = call(
            folder / "run", f"seed={seed}", "data._target_=windows_from_workers.WindowsFromWorkers", *TINY
        )
        assert finished.code == 0, finished.said
        return {path.stem: path.read_text() for path in sorted(folder.glob("worker-*.txt"))}

    return run


def test_the_seed_of_a_run_decides_what_its_workers_draw(drawn: Callable, tmp_path: Path) -> None:
    first, again, other = drawn(tmp_path / "a", 1), drawn(tmp_path / "b", 1), drawn(tmp_path / "c", 2)
    assert list(first) == ["worker-0", "worker-1"]
    assert first == again
    assert first["worker-0"] != first["worker-1"]  # numpy's and Python's generators too, not a copy in each
    assert all(
        one[place] != two[place]
        for one, two in zip(_rows(first["worker-0"]), _rows(first["worker-1"]), strict=False)
        for place in range(3)
    )
    assert first["worker-0"] != other["worker-0"]


def _rows(text: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, line.strip("()\n").split(", "))) for line in text.splitlines()]
