import io
import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from seqlab.tasks.means import CountedMean
from seqlab.training.resume.going_on import restore_process, restore_random_states
from seqlab.training.resume.last_checkpoint import all_states, random_states


def through_a_file(value: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def draw() -> tuple[float, float, float, float]:
    return random.gauss(0, 1), float(np.random.standard_normal()), float(torch.rand(())), random.random()


def test_every_generator_goes_on_as_it_would_have() -> None:
    pl.seed_everything(5, verbose=False)
    draw()  # leaves half of a pair of normal numbers in Python's and NumPy's generators
    states = through_a_file(random_states())
    expected = [draw() for _ in range(3)]
    pl.seed_everything(6, verbose=False)
    assert draw() != expected[0]
    restore_random_states(states)
    assert [draw() for _ in range(3)] == expected


class Counting(pl.LightningModule):
    """Counts, and carries a state."""

    def __init__(self) -> None:
        super().__init__()
        self.train_loss = CountedMean()
        self.carried = torch.zeros(2)

    def get_extra_state(self) -> Any:
        return {"carried": self.carried}

    def set_extra_state(self, state: Any) -> None:
        self.carried = state["carried"]


def test_counts_and_carried_state_come_back() -> None:
    module = Counting()
    module.train_loss.update(torch.tensor(3.0), torch.tensor(4.0))
    module.carried = torch.tensor([1.0, 2.0])
    states = through_a_file(all_states(module))
    again = Counting()
    restore_process(again, states, rank=0)
    assert again.train_loss.has_counts
    assert float(again.train_loss.compute()) == 0.75
    assert again.carried.tolist() == [1.0, 2.0]
    fresh = Counting()
    restore_process(fresh, states, rank=1)  # a process that did not exist then
    assert not fresh.train_loss.has_counts


def test_the_private_members_of_lightning_that_resuming_reads_are_there() -> None:
    """The range of pytorch-lightning in pyproject.toml ends where they may go."""
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    assert trainer.fit_loop.epoch_loop._batches_that_stepped == 0
    assert trainer.fit_loop._combined_loader is None
