"""The first screen: lines of any outcome, folded for a terminal, never where something is copied."""

import pytest

from seqlab.results.outcome import Outcome, ResultTable, best_baseline
from seqlab.training.terminal import first_screen

TIMES = {
    "timing/setup_seconds": 1.04,
    "timing/fit_seconds": 2.0,
    "timing/judge_seconds": 3.0,
    "timing/train_names_per_second": 1234.4,
}


class Given(Outcome):
    """An outcome of another package: it says no words of its own."""

    def __init__(self, table: ResultTable) -> None:
        self.metrics = {"test/accuracy": 0.5}
        self.table = table

    def score_table(self) -> None:
        return None

    def result_table(self) -> ResultTable:
        return self.table


def outcome(*warnings: str) -> Outcome:
    baselines = [("majority", [0.25, 0.1]), ("none", [None, None])]
    return Given(ResultTable("4 visits", ("acc.", "F1"), [("model", [0.5, None])], baselines, [], warnings))


def test_an_outcome_without_words_of_its_own_shows_its_table_in_a_line_each() -> None:
    ways = [("report", "a.html"), ("next", "seqlab compare a b")]
    assert first_screen(outcome(), TIMES, "9 visits", ways).splitlines() == [
        "learned:   from 9 visits",
        "model:     acc. 0.5 (4 visits)",
        "baselines: acc. without a network: majority 0.25",
        "time:      setup 1.0 s, training 2.0 s, judging 3.0 s (1,234 names a second in training)",
        "report:    a.html",
        "next:      seqlab compare a b",
    ]


def test_a_run_that_was_not_tested_says_so() -> None:
    untested = Given(ResultTable("", (), [], [], []))
    said = first_screen(untested, {"val/loss": 0.25, **TIMES}, "", [])
    assert said.splitlines()[0] == "validation: val/loss 0.25; nothing was tested"


def test_few_warnings_stand_on_the_screen_and_the_others_are_counted() -> None:
    said = first_screen(outcome("one", "two", "three"), TIMES, "", []).splitlines()
    assert [line for line in said if line.startswith("warning:")] == [
        "warning:   one",
        "warning:   two",
        "warning:   1 more, with verbose=true and in the report",
    ]
    assert "three" in first_screen(outcome("one", "two", "three"), TIMES, "", [], 3)


def test_lines_are_folded_on_a_terminal_but_not_what_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    command = "seqlab predict runs/a/checkpoints/best.ckpt NEW --output alerts.csv"
    said = first_screen(outcome("a warning of some words"), TIMES, "", [("next", command)]).splitlines()
    assert max(len(line) for line in said if command not in line) <= 40
    assert f"next:      {command}" in said


def test_the_best_baseline_and_what_it_says_of_the_model() -> None:
    figures = {"a": 0.5, "b": 0.75}
    assert best_baseline(figures, 0.9) == ("b", "")
    assert best_baseline(figures, 0.75) == ("b", "; the model is no better")
    assert best_baseline(figures, 0.7) == ("b", "; it beats the model")
    assert best_baseline(figures, 0.4, smaller=True) == ("a", "")
    assert best_baseline(figures, 0.6, smaller=True) == ("a", "; it beats the model")
