import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seqlab.errors import UserError
from seqlab.training.schedulers import cosine, warmup_cosine

RATE = 0.1
Make = Callable[..., Any]  # an optimizer to a schedule


def optimizer() -> Optimizer:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE, momentum=0.9)


@pytest.fixture
def chosen(composed: Callable[..., DictConfig]) -> Callable[..., Make]:
    """The schedule of a config."""
    return lambda *overrides: instantiate(composed(f"optimizer.lr={RATE}", *overrides).scheduler)


def rates(scheduler: LRScheduler, steps: int) -> list[float]:
    """The rate at each of the first ``steps`` steps."""
    found = []
    for _ in range(steps):
        found.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return found


def test_constant(chosen: Callable[..., Make]) -> None:
    assert rates(chosen("scheduler=constant")(optimizer()), 9) == [RATE] * 9


def test_cosine_starts_at_the_rate_and_halves_midway() -> None:
    found = rates(cosine(optimizer(), total_steps=8), 9)
    expected = [RATE * 0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(9)]
    assert found == pytest.approx(expected)
    assert (found[0], found[4], found[8]) == pytest.approx((0.1, 0.05, 0.0))


def test_cosine_ends_at_its_final_fraction_and_stays_there() -> None:
    found = rates(cosine(optimizer(), total_steps=4, final_fraction=0.2), 7)
    assert found == pytest.approx(
        [0.1, 0.02 + 0.08 * 0.5 * (1 + math.sqrt(0.5)), 0.06, 0.0317157, *[0.02] * 3]
    )


def test_warmup_is_linear_and_then_cosine() -> None:
    scheduler = warmup_cosine(optimizer(), total_steps=12, warmup_fraction=1 / 3, initial_fraction=0.2)
    found = rates(scheduler, 13)
    assert found[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert found[4:] == pytest.approx([RATE * 0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(9)])


@pytest.mark.parametrize("total_steps", [1, 2, 3])
def test_runs_of_very_few_steps_never_leave_the_range(total_steps: int) -> None:
    for warmup_fraction in (0.0, 0.05, 0.5, 1.0):
        scheduler = warmup_cosine(optimizer(), total_steps, warmup_fraction=warmup_fraction)
        assert all(0 <= rate <= RATE for rate in rates(scheduler, total_steps + 2))


@pytest.mark.parametrize("name", ["warmup_fraction", "initial_fraction", "final_fraction"])
@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_out_of_range_is_named(name: str, share: float) -> None:
    with pytest.raises(UserError, match=rf"scheduler\.{name}={share}: give a share from 0 to 1"):
        warmup_cosine(optimizer(), 10, **{name: share})


@pytest.mark.parametrize("make", [SGD, Adam])
def test_onecycle_peaks_at_the_rate_where_the_warmup_ends(
    make: type[Optimizer], chosen: Callable[..., Make]
) -> None:
    own = make([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    found = rates(chosen("scheduler=onecycle")(own, total_steps=11), 10)
    # torch starts at a 25th; the peak is at 0.3 * 11 - 1 = 2.3, between the steps 2 and 3
    assert found[0] == pytest.approx(RATE / 25)
    assert found.index(max(found)) in (2, 3)
    assert found[0] < found[1] < found[2]
    assert all(late < early for early, late in pairwise(found[3:]))
    assert found[-1] < RATE / 20


def test_onecycle_at_hand_computed_steps(chosen: Callable[..., Make]) -> None:
    found = rates(chosen("scheduler=onecycle", "scheduler.pct_start=0.5")(optimizer(), total_steps=10), 9)
    # up from a 25th over 4 steps along half a cosine, down to 1 / 250,000 over 5
    low, end = RATE / 25, RATE / 25 / 1e4
    up = [RATE + (low - RATE) * 0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(5)]
    down = [end + (RATE - end) * 0.5 * (1 + math.cos(math.pi * step / 5)) for step in range(1, 5)]
    assert found == pytest.approx(up + down)


def test_plateau_cuts_after_patience_epochs_without_improvement(chosen: Callable[..., Make]) -> None:
    own = optimizer()
    scheduler = chosen("scheduler=plateau")(own)
    found = []
    for loss in (3.0, 2.0, 2.0, 2.5, 2.0, 1.0, 1.0, 1.0, 1.0):
        scheduler.step(loss)
        found.append(own.param_groups[0]["lr"])
    assert found == pytest.approx([0.1] * 4 + [0.05] * 4 + [0.025])


def test_plateau_of_a_metric_that_is_to_rise(chosen: Callable[..., Make]) -> None:
    own = optimizer()
    settings = ("scheduler.factor=0.1", "scheduler.patience=0", "monitor.mode=max")
    scheduler = chosen("scheduler=plateau", *settings)(own)
    for accuracy, rate in ((0.5, 0.1), (0.6, 0.1), (0.55, 0.01), (0.7, 0.01)):
        scheduler.step(accuracy)
        assert own.param_groups[0]["lr"] == pytest.approx(rate)
