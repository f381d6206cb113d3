"""sweep-report.html of trials written by hand."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.sweeps.report import FEWEST, write_report
from seqlab.sweeps.sweep_file import Sweep, read_sweep
from seqlab.sweeps.table import best_trials, tell_ended
from seqlab.sweeps.trials import Trial

SPACE = {
    "model": {"values": ["gru", "gru_ae"]},
    "optimizer.lr": {"distribution": "log_uniform_values", "min": 0.001, "max": 0.1},
}


@pytest.fixture
def sweep(sweep_file: Callable[..., Path]) -> Sweep:
    return read_sweep(sweep_file("sweep.yaml", parameters=SPACE))


def trials_of(number: int) -> list[Trial]:
    """By turns of two models; the autoencoder's loss is a tenth of the other's."""
    return [
        Trial(
            place,
            {"model": ("gru", "gru_ae")[place % 2], "optimizer.lr": 0.001 * 1.4**place},
            "finished",
            (1.0 + place / 10) / (10 if place % 2 else 1),
            curve=[(1, 2.0), (2, 1.0)],
        )
        for place in range(number)
    ]


def page_of(sweep: Sweep, trials: list[Trial], folder: Path) -> tuple[str, dict]:
    lines = {kind: f"python train.py model={kind}" for kind in best_trials(trials, sweep.goal)}
    shares = write_report(folder / "page.html", sweep, trials, lines, [])
    return (folder / "page.html").read_text(encoding="utf-8"), shares


def test_models_are_not_ranked_against_each_other(sweep: Sweep, tmp_path: Path, capsys) -> None:
    trials = trials_of(4)
    page, shares = page_of(sweep, trials, tmp_path)
    assert {kind: trial.number for kind, trial in best_trials(trials, sweep.goal).items()} == {
        "gru": 0,
        "gru_ae": 1,
    }
    assert re.findall(r">(Best of \w+|Search of \w+)</h2>", page) == [
        *("Best of gru", "Search of gru", "Best of gru_ae", "Search of gru_ae"),
    ]
    assert "gru and gru_ae may count val/loss over different things" in page
    assert "<title>Sweep</title>" in page  # not "Sweep sweep"
    assert shares == {"gru": {}, "gru_ae": {}}
    assert "not known from 2 finished trials" in page
    tell_ended(sweep, trials[0], trials)
    assert "trial 0: finished val/loss 1.0000 (best of gru)" in capsys.readouterr().out


def test_a_rate_that_is_drawn_by_its_logarithm_is_drawn_on_such_an_axis(sweep: Sweep, tmp_path: Path) -> None:
    page, _ = page_of(sweep, trials_of(13), tmp_path)
    chart = re.search(r'aria-label="val/loss over optimizer.lr">(.*?)</svg>', page, re.DOTALL)
    assert chart is not None
    ticks = re.findall(r'<text[^>]* x="([\d.]+)"[^>]*>(0\.\d+)</text>', chart[1])
    places = {text: float(x) for x, text in ticks}
    assert places["0.02"] - places["0.002"] == pytest.approx(places["0.05"] - places["0.005"], abs=1)


def test_what_mattered_takes_ten_trials_and_is_called_a_guess(
    sweep_file: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = read_sweep(sweep_file())
    trials = [Trial(n, {"optimizer.lr": 0.001 + n / 1000}, "finished", 1.0 + n) for n in range(FEWEST)]
    page, shares = page_of(sweep, trials, tmp_path)
    assert shares == {"": {"optimizer.lr": 1.0}}
    assert "a guess, as other trials could give other shares" in page
    assert page_of(sweep, trials[:-1], tmp_path)[1] == {"": {}}
