import json
import os
from pathlib import Path

import pytest

from seqlab.comparing.comparison import Comparison, compare_runs
from seqlab.comparing.runs import find_run_folders, read_runs
from seqlab.comparing.table import fit, print_tables, to_csv, to_frame, to_markdown
from seqlab.errors import UserError
from seqlab.report.tables import short_names


def compared(folder: Path, *patterns: str) -> Comparison:
    runs, notices = read_runs(find_run_folders([folder]))
    return compare_runs(runs, patterns, notices)


def metrics(folder: Path, *patterns: str) -> list[str]:
    """The figures of the one table that there is."""
    (ranking,) = compared(folder, *patterns).rankings
    return list(ranking.metrics)


@pytest.fixture
def sweep(make_run, runs_folder: Path) -> Path:
    """Two learning rates of two seeds; the better on validation is the worse on the test set."""
    for number, (rate, seed, loss, f1) in enumerate(
        [(0.01, 0, 3.0, 0.9), (0.01, 1, 5.0, 0.7), (0.02, 0, 1.0, 0.2), (0.02, 1, 2.0, 0.4)]
    ):
        figures = {"val/loss": loss, "test/f1": f1, "test/rank/f1": 0.5, "oracle/f1": 1.0, "timing/s": 7.0}
        make_run(str(number), figures, {"seed": seed, "optimizer.lr": rate})
    return runs_folder


def test_seeds_are_one_row_and_the_best_on_validation_stands_first(sweep: Path) -> None:
    frame = to_frame(compared(sweep))
    assert list(frame.columns) == [
        *("row", "model", "data", "optimizer.lr", "seeds", "unfinished"),
        *("test/f1", "test/f1 std", "test/f1 low", "test/f1 high"),
        *("val/loss", "val/loss std", "val/loss low", "val/loss high", "runs"),
    ]
    first, second = frame.to_dict("records")
    assert (first["row"], first["optimizer.lr"], first["seeds"], first["runs"]) == (1, 0.02, 2, "2; 3")
    assert (second["row"], second["optimizer.lr"], second["seeds"], second["runs"]) == (2, 0.01, 2, "0; 1")
    assert first["val/loss"] == 1.5
    assert first["val/loss std"] == pytest.approx(0.5**0.5)
    assert (first["val/loss low"], first["val/loss high"]) == (1, 2)
    assert first["test/f1"] == pytest.approx(0.3)


def test_a_metric_to_be_raised_puts_the_highest_first(make_run, runs_folder: Path) -> None:
    for number, bleu in enumerate([10.0, 30.0, 20.0]):
        settings = {"monitor.metric": "val/bleu", "monitor.mode": "max", "optimizer.lr": number}
        make_run(str(number), {"val/bleu": bleu}, settings)
    found = compared(runs_folder)
    assert to_frame(found)["val/bleu"].tolist() == [30, 20, 10]
    assert found.rankings[0].summary == "3 runs, best val/bleu first (highest)"


def test_figures_are_chosen_by_pattern_and_oracles_only_by_name(sweep: Path) -> None:
    assert metrics(sweep) == ["test/f1", "val/loss"]
    assert metrics(sweep, "test/*/f1", "timing/*") == ["test/rank/f1", "timing/s", "val/loss"]
    assert "oracle/f1" not in metrics(sweep, "*")
    assert metrics(sweep, "oracle/*") == ["oracle/f1", "val/loss"]
    with pytest.raises(UserError, match="--metrics test/f2: no run has such a figure; did you mean test/f1"):
        compared(sweep, "test/f2")


def test_unfinished_runs_are_listed_and_counted(sweep: Path, make_run) -> None:
    make_run("4", None, {"seed": 2, "optimizer.lr": 0.02})
    make_run("5", None, {"seed": 0, "optimizer.lr": 0.5})
    found = compared(sweep)
    frame = to_frame(found)
    assert frame["seeds"].tolist() == [2, 2, 0]
    assert frame["unfinished"].tolist() == [1, 0, 1]
    assert frame["runs"].tolist() == ["2; 3; 4", "0; 1", "5"]
    assert frame["val/loss"].isna().tolist() == [False, False, True]
    assert found.notices == ["2 of 6 runs are not finished: 4 (stopped), 5 (stopped)"]


def test_of_a_seed_that_was_run_twice_the_later_counts(sweep: Path, make_run) -> None:
    again = make_run("9", {"val/loss": 4.0, "test/f1": 0.4}, {"seed": 1, "optimizer.lr": 0.02})
    os.utime(sweep / "3" / "metrics.json", (1, 1))
    os.utime(again / "metrics.json", (2, 2))
    found = compared(sweep)
    assert to_frame(found)["val/loss"].tolist() == [2.5, 4.0]
    assert "1 run is left out, as a later one has the same setting and seed: 3" in found.notices


def test_code_of_several_commits_is_told(sweep: Path) -> None:
    for number in range(4):
        (sweep / str(number) / "environment.json").write_text(json.dumps({"commit": f"c{number % 2}"}))
    assert "the runs come from 2 commits of the code: c0, c1" in compared(sweep).notices


def test_csv_holds_full_precision_and_markdown_the_whole_table(sweep: Path, make_run) -> None:
    make_run("7", {"val/loss": 1 / 3}, {"optimizer.lr": 0.5, "data.path": "a|b_c.txt"})
    found = compared(sweep)
    assert "0.3333333333333333" in to_csv(found)
    lines = to_markdown(found).splitlines()
    assert lines[0] == "gru on hdfs\\_window: 5 runs in 3 rows, best val/loss first (lowest)."
    assert lines[2] == "| # | data.path | optimizer.lr | seeds | test/f1 | val/loss |"
    assert lines[4] == "| 1 | a\\|b\\_c.txt | 0.5 | 1 | – | 0.333 |"
    assert (
        lines[5] == "| 2 | – | 0.02 | 2 | 0.3000 ± 0.1414 [0.2000, 0.4000] | 1.500 ± 0.707 [1.000, 2.000] |"
    )
    assert "too narrow, as it knows no value but those 2" in lines[-1]


def test_the_terminal_shows_what_fits_and_names_the_rest(make_run, runs_folder: Path) -> None:
    figures = {f"test/figure_{number}": float(number) for number in range(9)}
    for number in range(2):
        settings = {"optimizer.lr": 0.1 * (number + 1), "data.path": f"/long/{'folder/' * 9}{number}.txt"}
        make_run(str(number), {"val/loss": 1.0, **figures}, settings)
    (ranking,) = compared(runs_folder).rankings
    shown, left_out = fit(ranking, 60)
    names = [column.name for column in shown]
    assert names[:3] == ["row", "optimizer.lr", "test/figure_0"]
    assert left_out[0].name == "data.path"  # a long one takes no room from figures
    assert len(shown) + len(left_out) == 6 + 9
    wide, none = fit(ranking, 400)
    assert none == []
    assert wide[-1].name == "runs"
    assert wide[-1].cells == ["0", "1"]
    assert all(len(cell) <= 28 for cell in wide[1].cells)
    assert wide[1].cells[0].endswith("0.txt")


def test_names_are_as_short_as_they_can_be_told_apart() -> None:
    keys = ["optimizer.lr", "data.seed", "data.sample.seed", "model"]
    assert list(short_names(keys).values()) == ["lr", "data.seed", "sample.seed", "model"]


def test_runs_of_a_row_are_named_by_their_folder(make_run, runs_folder: Path) -> None:
    for trial in range(2):
        for seed in range(2):
            settings = {"seed": seed, "optimizer.lr": 0.1 * (trial + 1)}
            make_run(f"trial-{trial}/seed-{seed}", {"val/loss": float(trial)}, settings)
    shown, _ = fit(compared(runs_folder).rankings[0], 100)
    assert shown[-1].cells == ["trial-0/…", "trial-1/…"]


def test_bounds_are_shown_where_they_are_asked_for_and_beside_a_single_run(sweep: Path, make_run) -> None:
    for folder in sweep.glob("**/metrics.json"):
        bounded = json.loads(folder.read_text()) | {"test/f1/ci_low": 0.25, "test/f1/ci_high": 0.75}
        folder.write_text(json.dumps(bounded))
    assert metrics(sweep, "test/*") == metrics(sweep, "test/f1", "test/*/f1")
    assert metrics(sweep, "test/*/ci_low") == ["test/f1/ci_low", "val/loss"]
    figures = {"val/loss": 9.0, "test/f1": 0.5, "test/f1/ci_low": 0.25, "test/f1/ci_high": 0.75}
    make_run("4", figures, {"optimizer.lr": 0.5})
    text = to_markdown(compared(sweep))
    assert "0.5000 [0.2500, 0.7500]" in text
    assert "of a single run: [95 % bootstrap interval over test items; " in text


def test_each_task_and_data_has_a_table_of_its_own(make_run, runs_folder: Path, capsys) -> None:
    """The autoencoder's loss counts other things: it is ranked against nothing but itself."""
    own = {"model._target_": "seqlab.tasks.reconstruction.Reconstruction"}
    for number, (model, settings, loss) in enumerate(
        [
            ("gru", {}, 1.0),
            ("gru_ae", own, 0.1),
            ("gru", {"trainer.max_epochs": 3}, 0.5),
            ("gru_ae", own, 9.0),
        ]
    ):
        figures = {
            "val/loss": loss,
            "test/threshold": 5.0,
            "test/loss": loss,
            "test/auroc": 0.9,
            "test/f1": 0.8,
        }
        folder = make_run(str(number), figures, {"optimizer.lr": 0.1 * number, **settings}, model=model)
        named = ["test/auroc", "test/f1", "test/lost"]  # of its own table
        (folder / "environment.json").write_text(json.dumps({"figures": named}))
    found = compared(runs_folder)
    assert [ranking.title for ranking in found.rankings] == ["gru on hdfs_window", "gru_ae on hdfs_window"]
    assert [[run.name for run in group.runs] for group in found.groups] == [["2"], ["0"], ["1"], ["3"]]
    assert [list(ranking.metrics) for ranking in found.rankings] == [
        ["test/auroc", "test/f1", "val/loss"]
    ] * 2
    assert found.rankings[0].varying == ["optimizer.lr", "trainer.max_epochs"]
    assert found.rankings[1].varying == ["optimizer.lr"]
    assert to_frame(found)["row"].tolist() == [1, 2, 3, 4]
    print_tables(found)
    said = capsys.readouterr().out
    assert "max_epochs" in said
    assert "threshold" not in said
    assert "val/loss in one says nothing about the other" in said
