from pathlib import Path

import pytest

from seqlab.comparing.curves import collect, curve_records, read_curves
from seqlab.comparing.runs import read_runs

CSV = """epoch,step,train/loss,val/loss,test/f1,timing/fit_seconds
0,9,2.0,,,
0,9,,1.5,,
1,19,1.0,,,
1,19,,nan,,
,0,,0.7,0.5,12
"""


def test_epochs_count_from_one_and_the_final_figures_are_no_point(make_run) -> None:
    (run,), _ = read_runs([make_run("a", {}, curves=CSV)])
    curves = read_curves(run)
    assert sorted(curves) == ["train/loss", "val/loss"]
    assert curves["train/loss"] == [(1, 9, 2), (2, 19, 1)]
    assert curves["val/loss"] == [(1, 9, 1.5)]


def test_without_epochs_the_steps_count_and_a_servers_records_do_too() -> None:
    found = collect([{"_step": 3, "train/loss": 2.0, "val/loss": None}, {"_step": 4, "train/loss": 1.0}])
    assert found["train/loss"] == [(3, 3, 2.0), (4, 4, 1.0)]


def test_long_curves_are_thinned_and_runs_without_any_are_counted(make_run) -> None:
    rows = "".join(f"{step // 100},{step},{1 / (step + 1)}\n" for step in range(5000))
    with_curve = make_run("a", {}, curves="epoch,step,train/loss\n" + rows)
    broken = make_run("b", {})
    (broken / "metrics.csv").write_bytes(b"epoch,step,train/loss\n\xff\n")
    runs, _ = read_runs([with_curve, broken, make_run("c", {})])
    records, notices = curve_records(list(enumerate(runs)))
    (curve,) = records["train/loss"]
    assert curve["row"] == 0
    assert len(curve["y"]) == len(curve["step"]) == len(curve["epoch"]) <= 100
    assert (curve["step"][0], curve["step"][-1]) == (0, 4999)
    assert curve["y"][-1] == pytest.approx(1 / 5000)
    assert notices[0].startswith("b: metrics.csv cannot be read: ")
    assert notices[1] == "1 finished run has no learning curve: no metrics.csv, which logger=csv writes"
    assert Path(with_curve / "metrics.csv").exists()
