"""What a run keeps of its steps for the report."""

from itertools import pairwise

from seqlab.training.callbacks import MOST_STEPS, History


def kept(batches: int) -> History:
    """The record of so many steps, whose loss is the step."""
    history = History()
    for step in range(1, batches + 1):
        history.keep_step(step, {"loss": float(step)})
    return history


def test_every_step_is_kept_while_they_are_few() -> None:
    steps, losses = kept(7).series["step/loss"]
    assert steps == losses == [1, 2, 3, 4, 5, 6, 7]


def test_of_many_steps_evenly_spaced_ones_are_kept() -> None:
    for batches in (MOST_STEPS, MOST_STEPS + 1, 5 * MOST_STEPS + 3):
        steps, losses = kept(batches).series["step/loss"]
        assert len(steps) <= MOST_STEPS
        assert steps == losses
        assert steps[0] == 1
        assert len({later - earlier for earlier, later in pairwise(steps)}) == 1
        assert batches - steps[-1] < steps[1] - steps[0]


def test_a_resumed_run_goes_on_with_the_same_spacing() -> None:
    whole, half = kept(2 * MOST_STEPS + 10), kept(MOST_STEPS + 10)
    resumed = History()
    resumed.load_state_dict(half.state_dict())
    for step in range(MOST_STEPS + 11, 2 * MOST_STEPS + 11):
        resumed.keep_step(step, {"loss": float(step)})
    assert resumed.state_dict() == whole.state_dict()
