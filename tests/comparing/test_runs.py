from pathlib import Path

import pytest

from seqlab.comparing.runs import find_run_folders, flatten, names_of, numbers_of, read_runs
from seqlab.errors import UserError


def test_runs_are_found_at_any_depth_once_and_in_the_order_of_their_numbers(
    make_run, runs_folder: Path
) -> None:
    for name in ("sweep/trial-10/seed-0", "sweep/trial-2/seed-0", "alone"):
        make_run(name, {})
    make_run("alone/checkpoints/inner", {})  # what lies in a run is that run's own
    found = find_run_folders([runs_folder, runs_folder / "alone"])
    names = ["alone", "sweep/trial-2/seed-0", "sweep/trial-10/seed-0"]
    assert [str(folder.relative_to(runs_folder)) for folder in found] == names
    assert names_of(found) == names
    assert names_of(found[1:]) == ["trial-2/seed-0", "trial-10/seed-0"]


def test_a_record_holds_what_the_files_say(make_run) -> None:
    folder = make_run("a", {"val/loss": 1.5, "test/f1": 0}, {"seed": 7})
    (folder / "environment.json").write_text('{"commit": "abc"}')
    (run,), notices = read_runs([folder])
    assert (run.name, run.seed, run.commit, run.monitor) == ("a", 7, "abc", ("val/loss", "min"))
    assert run.metrics == {"val/loss": 1.5, "test/f1": 0.0}
    assert "data.seed" not in run.config  # it follows the seed
    assert run.choices == {"model": "gru", "data": "hdfs_window", "optimizer": "adam"}
    assert notices == []


def test_a_run_without_metrics_is_unfinished_and_no_mistake(make_run) -> None:
    (run,), notices = read_runs([make_run("a", None)])
    assert run.metrics is None
    assert notices == []


def test_broken_files_are_named_and_stop_nothing(make_run, runs_folder: Path) -> None:
    make_run("good", {"val/loss": 1.0})
    (make_run("half", {}) / "metrics.json").write_text('{"val/loss": 1.')
    (make_run("list", {}) / "metrics.json").write_text("[1]")
    (make_run("odd", {"val/loss": 2.0, "test/f1": "high", "test/x": True}) / "environment.json").write_text(
        "{"
    )
    (make_run("torn", {}) / "config.json").write_text('{"config": {')
    (make_run("empty", {}) / "config.json").write_text("{}")
    (make_run("gone", {}) / "config.json").unlink()
    runs, notices = read_runs(find_run_folders([runs_folder]))
    found = {run.name: run for run in runs}
    assert sorted(found) == ["good", "half", "list", "odd"]
    assert found["half"].metrics is None
    assert found["list"].metrics is None
    assert found["odd"].metrics == {"val/loss": 2.0}
    told = "\n".join(notices)
    for part in (
        "half: metrics.json is broken: ",
        "list: metrics.json is broken: it is a list: input should be a valid dictionary",
        "odd: metrics.json holds no number for test/f1, test/x",
        "odd: environment.json is broken: ",
        "torn: config.json is broken: ",
        "3 left out, without a config.json that holds the run's config: empty, gone, torn",
    ):
        assert part in told
    assert len(notices) == 7


def test_a_path_without_runs_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        find_run_folders([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="is a file: give a run folder"):
        find_run_folders([tmp_path / "file"])
    with pytest.raises(UserError, match="no run in it or below it"):
        find_run_folders([tmp_path])


def test_settings_are_dotted_and_what_follows_another_is_none() -> None:
    nested = {
        "seed": 3,
        "data": {"seed": 3, "path": None},
        "evaluation": {"top_k": 5},
        "x": {},
        "l": [{"a": 1}],
    }
    references = {"data.seed": "${seed}", "evaluation": "${detection}"}
    assert flatten(nested, references) == {
        **{"seed": 3, "data.path": None, "x": {}, "l": [{"a": 1}]},
    }


def test_what_no_float_holds_is_no_figure() -> None:
    found = {"a": 2, "b": 0.5, "c": 10**400, "d": -(10**400), "e": float("nan"), "f": float("inf"), "g": True}
    assert numbers_of(found | {"h": "1", "i": None}) == {"a": 2.0, "b": 0.5}
