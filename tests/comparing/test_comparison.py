import json
import os
from pathlib import Path

import pytest

from seqlab.comparing.comparison import Comparison, compare_runs
from seqlab.comparing.runs import find_run_folders, read_runs
from seqlab.comparing.table import fit, to_csv, to_frame, to_markdown
from seqlab.errors import UserError
from seqlab.report.tables import short_names


def compared(folder: Path, *patterns: str) -> Comparison:
    runs, notices = read_runs(find_run_folders([folder]))
    return compare_runs(runs, patterns, notices)


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
        *("val/loss", "val/loss std", "val/loss low", "val/loss high"),
        *("test/f1", "test/f1 std", "test/f1 low", "test/f1 high", "runs"),
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
    assert "highest first" in found.order


def test_figures_are_chosen_by_pattern_and_oracles_only_by_name(sweep: Path) -> None:
    assert compared(sweep).metrics == ["val/loss", "test/f1"]
    assert compared(sweep, "test/*/f1", "timing/*").metrics == ["val/loss", "test/rank/f1", "timing/s"]
    assert "oracle/f1" not in compared(sweep, "*").metrics
    assert compared(sweep, "oracle/*").metrics == ["val/loss", "oracle/f1"]
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
    assert "2 of 6 runs are unfinished (no metrics.json): 4, 5" in found.notices


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
    assert lines[0] == "| # | data.path | optimizer.lr | seeds | val/loss | test/f1 |"
    assert lines[2] == "| 1 | a\\|b\\_c.txt | 0.5 | 1 | 0.333 | – |"
    assert (
        lines[3] == "| 2 | – | 0.02 | 2 | 1.500 ± 0.707 [1.000, 2.000] | 0.3000 ± 0.1414 [0.2000, 0.4000] |"
    )
    assert lines[-1].startswith("model=gru, data=hdfs\\_window; sorted by ")


def test_the_terminal_shows_what_fits_and_names_the_rest(make_run, runs_folder: Path) -> None:
    figures = {f"test/figure_{number}": float(number) for number in range(9)}
    for number in range(2):
        settings = {"optimizer.lr": 0.1 * (number + 1), "data.path": f"/long/{'folder/' * 9}{number}.txt"}
        make_run(str(number), {"val/loss": 1.0, **figures}, settings)
    shown, left_out = fit(compared(runs_folder), 100)
    assert [column.name for column in shown[:5]] == ["row", "data.path", "optimizer.lr", "seeds", "val/loss"]
    assert shown[-1].name == "runs"
    assert shown[-1].cells == ["0", "1"]
    assert len(shown) + len(left_out) == 6 + 9
    assert left_out
    assert all(len(cell) <= 28 for cell in shown[1].cells)
    assert shown[1].cells[0].endswith("0.txt")
    wide, none = fit(compared(runs_folder), 400)
    assert len(wide) == 15
    assert none == []


def test_names_are_as_short_as_they_can_be_told_apart() -> None:
    keys = ["optimizer.lr", "data.seed", "data.sample.seed", "model"]
    assert list(short_names(keys).values()) == ["lr", "data.seed", "sample.seed", "model"]


def test_runs_of_a_row_are_named_by_their_folder(make_run, runs_folder: Path) -> None:
    for trial in range(2):
        for seed in range(2):
            settings = {"seed": seed, "optimizer.lr": 0.1 * (trial + 1)}
            make_run(f"trial-{trial}/seed-{seed}", {"val/loss": float(trial)}, settings)
    shown, _ = fit(compared(runs_folder), 100)
    assert shown[-1].cells == ["trial-0/…", "trial-1/…"]


def test_bounds_are_shown_where_they_are_asked_for_and_beside_a_single_run(sweep: Path, make_run) -> None:
    for folder in sweep.glob("**/metrics.json"):
        metrics = json.loads(folder.read_text()) | {"test/f1/ci_low": 0.25, "test/f1/ci_high": 0.75}
        folder.write_text(json.dumps(metrics))
    assert compared(sweep, "test/*").metrics == compared(sweep, "test/f1", "test/*/f1").metrics
    assert compared(sweep, "test/*/ci_low").metrics == ["val/loss", "test/f1/ci_low"]
    figures = {"val/loss": 9.0, "test/f1": 0.5, "test/f1/ci_low": 0.25, "test/f1/ci_high": 0.75}
    make_run("4", figures, {"optimizer.lr": 0.5})
    text = to_markdown(compared(sweep))
    assert "0.5000 [0.2500, 0.7500]" in text
    assert "of a single run: [95 % bootstrap interval over test items; " in text
