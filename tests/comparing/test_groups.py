from pathlib import Path

from seqlab.comparing.groups import find_differences
from seqlab.comparing.runs import Run


def run(seed: int = 0, model: str = "gru", **config: object) -> Run:
    flat = {key.replace("__", "."): value for key, value in config.items()}
    choices = {"model": model, "data": "hdfs_window"}
    return Run(f"{model}-{seed}", {"seed": seed, **flat}, choices, {"val/loss": 1.0}, Path("run"))


def keys(*runs: Run) -> tuple[str, ...]:
    return find_differences(runs).shown


def is_one_group(*runs: Run) -> bool:
    found = find_differences(runs)
    return len({found.group_key(run) for run in runs}) == 1


def test_the_seed_and_what_follows_it_are_no_difference() -> None:
    first, second = run(0, lr=1), run(1, lr=1.0)
    assert keys(first, second) == ("model", "data")
    assert is_one_group(first, second)


def test_a_seed_of_its_own_is_a_difference() -> None:
    first, second = run(0, data__sample__seed=0), run(1, data__sample__seed=1)
    assert keys(first, second) == ("model", "data", "data.sample.seed")
    assert not is_one_group(first, second)
    assert not is_one_group(run(0), run(1, data__seed=3))


def test_where_a_run_writes_is_no_difference() -> None:
    assert is_one_group(run(logger__csv__name=""), run(logger__wandb__name="x", resume="latest"))
    assert is_one_group(
        *(run(seed, callbacks__extra__sweep__folder=f"trial-0/seed-{seed}") for seed in (0, 1))
    )


def test_what_a_model_brings_is_implied_but_a_value_that_both_have_is_shown() -> None:
    first = run(model="gru", model___target_="A", model__size=8, model__cell="gru")
    second = run(model="lstm", model___target_="B", model__size=16)
    found = find_differences([first, second])
    assert found.shown == ("model", "data", "model.size")
    assert found.implied == ("model._target_", "model.cell")
    third = run(model="gru", model___target_="A", model__size=8, model__cell="rnn")
    assert find_differences([first, second, third]).shown == ("model", "data", "model.size", "model.cell")


def test_true_and_one_differ_and_lists_compare_by_content() -> None:
    assert keys(run(x=True), run(x=1)) == ("model", "data", "x")
    assert keys(run(x=[0.7, 0.3]), run(x=[0.7, 0.3])) == ("model", "data")
    assert keys(run(x=[0.7, 0.3]), run(x=[0.6, 0.4])) == ("model", "data", "x")
