import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from seqlab.cli import main
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import BASELINES
from seqlab.detection.thresholds import Calibration
from seqlab.errors import UserError
from seqlab.training.checkpoints import load_task

Run = Any  # what the fixture `call` gives: code, said, folder, metrics, scores
Call = Callable[..., Any]
TINY = (
    "data.sample.num_blocks=300",
    "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false",
    "model.network.hidden_size=8",
)
FIGURES = "auroc|average_precision|precision|recall|f1|false_positive_rate|threshold"
SCORES = "nll_max|cusum|nll_mean|reconstruction|error_share|rank|count_distance|count_cost|combined"
TEST = rf"(seen_share|unseen/(auroc|false_positive_rate)|loss|accuracy|{FIGURES}|({SCORES})/({FIGURES}))"
KEYS = re.compile(
    r"val/(loss|accuracy|unseen_key_share)"
    rf"|test/{TEST}(/ci_(low|high))?"
    rf"|audit/((val_)?duplicate_share|without_duplicates/{TEST}|length_distance|unknown_share)"
    rf"|baseline/({'|'.join(BASELINES)})/({FIGURES})"
    rf"|oracle/(f1|({SCORES})/f1)"
    r"|timing/((setup|fit|judge|test)_seconds|train_(windows|tokens)_per_second)"
)


@pytest.fixture(scope="module", params=["gru", "gru_ae"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, call: Call) -> Run:
    """One tiny run of each model."""
    return call(tmp_path_factory.mktemp(request.param), f"model={request.param}", *TINY, "verbose=true")


def test_the_run_folder_holds_every_file(run: Run) -> None:
    assert run.code == 0
    found = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert found == {
        ".hydra/config.yaml",
        ".hydra/hydra.yaml",
        ".hydra/overrides.yaml",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "config.json",
        "environment.json",
        "hparams.yaml",
        "metrics.csv",
        "metrics.json",
        "report.html",
        "scores.csv",
        "train.log",
        "vocabulary.txt",
    }
    assert "<svg" in (run.folder / "report.html").read_text(encoding="utf-8")
    log = (run.folder / "train.log").read_text(encoding="utf-8")
    assert "Synthetic data" in log
    assert "test/auroc" in log


def test_config_json_holds_the_resolved_config_and_what_refers_to_what(run: Run) -> None:
    record = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    composed = OmegaConf.load(run.folder / ".hydra" / "config.yaml")
    assert record["config"] == OmegaConf.to_container(composed, resolve=True)
    assert record["references"]["data.seed"] == "${seed}"
    assert record["references"]["evaluation"] == "${detection}"
    assert record["choices"]["optimizer"] == "adam"
    assert not [group for group in record["choices"] if group.startswith("hydra/")]
    assert set(TINY) <= set(record["overrides"])


def test_metrics_are_finite_floats_under_the_documented_keys(run: Run) -> None:
    for key, value in run.metrics.items():
        assert KEYS.fullmatch(key), key
        assert type(value) is float
        assert math.isfinite(value)
    assert {"val/loss", "test/auroc", "test/f1", "oracle/f1", "baseline/2-gram/f1"} <= set(run.metrics)
    timing = {key for key in run.metrics if key.startswith("timing/")}
    assert {"timing/fit_seconds", "timing/test_seconds"} < timing
    assert len(timing) == 5
    assert all(run.metrics[key] > 0 for key in timing)


def test_the_leak_audit_is_said_and_kept(run: Run) -> None:
    lines = {line.partition(":")[0]: line for line in run.said.splitlines()}
    share = run.metrics["audit/duplicate_share"]
    assert 0 < share < 1
    assert f" test sessions ({share:.1%}) are in training" in lines["duplicates"]
    assert lines["fitted"].startswith("fitted: vocabulary on 203 training sessions;")
    assert lines["train and test"].startswith("train and test: normal sessions split at random, seed 0,")
    assert ">Leak audit</h2>" in run.report


def test_trainer_test_of_a_notebook_gives_the_figures_of_the_run(
    run: Run, tested_anew: Callable[[Any], None]
) -> None:
    tested_anew(run)


def test_the_logger_has_every_epoch_and_the_figures_of_the_end(run: Run) -> None:
    table = pd.read_csv(run.folder / "metrics.csv")
    assert table["train/loss"].dropna().size == 1
    last = table.iloc[-1]
    assert {key: last[key] for key in run.metrics} == pytest.approx(run.metrics)
    assert "hidden_size: 8" in (run.folder / "hparams.yaml").read_text(encoding="utf-8")


def test_the_environment_says_how_to_do_it_again(run: Run) -> None:
    environment = json.loads((run.folder / "environment.json").read_text(encoding="utf-8"))
    assert environment["seed"] == 0
    assert environment["overrides"][1:] == [*TINY, "verbose=true"]
    assert "train.py" in environment["command"]
    assert environment["versions"]["torch"] == torch.__version__
    assert environment["versions"]["seqlab"] == "0.1.0"
    assert environment["gpus"] == [
        torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())
    ]
    assert environment.keys() >= {"commit", "python", "platform", "cpu_threads"}


def test_scores_have_one_row_per_test_session(run: Run) -> None:
    # 9 of 300 blocks are abnormal; of the other 291, 20 % and what rounding leaves
    scores, metrics = run.scores, run.metrics
    assert (scores["label"] == "Anomaly").sum() == 9
    assert (scores["label"] == "Normal").sum() == 291 - int(0.8 * 291)
    assert scores["block_id"].is_unique
    model = [name for name in SCORES.split("|") if f"test/{name}/auroc" in metrics]
    assert set(scores.columns) == {
        *(
            "block_id",
            "label",
            "alert",
            "surprise_position",
            "surprise_key",
            "surprise_nll",
            "seen_in_training",
        ),
        *model,
        *(f"baseline_{name}" for name in BASELINES),
    }
    above = scores["combined"] - metrics["test/threshold"]
    clear = above.abs() > 1e-3  # the file holds six digits
    assert clear.any()
    assert scores["alert"][clear].tolist() == (above[clear] > 0).tolist()
    normal = scores["label"] == "Normal"
    assert scores["alert"][normal].mean() == pytest.approx(metrics["test/false_positive_rate"])
    assert scores["alert"][~normal].mean() == pytest.approx(metrics["test/recall"])
    assert (scores["surprise_position"] >= 1).all()


def test_the_terminal_shows_data_table_and_report(run: Run) -> None:
    assert run.said.startswith("model=gru")
    assert "note: Synthetic data" in run.said
    assert "AUROC" in run.said
    assert f"{run.metrics['test/auroc']:.4f}" in run.said
    lines = run.said.splitlines()
    assert re.fullmatch(r"report: +.*/report\.html \(open it in a browser\)", lines[-2])
    assert re.fullmatch(r"next: +seqlab predict .*/best\.ckpt NEW --output alerts\.csv", lines[-1])


def test_the_first_screen_counts_the_rows_of_scores_csv(run: Run) -> None:
    said = dict(re.findall(r"^([a-z ]+): +(.*)$", run.said, re.MULTILINE))
    abnormal = run.scores["label"] == "Anomaly"
    caught, false = run.scores["alert"] & abnormal, run.scores["alert"] & ~abnormal
    assert said["found"] == f"{sum(caught)} of {sum(abnormal)} abnormal test sessions"
    assert said["false alarms"].startswith(f"{sum(false)} of {sum(~abnormal)} normal test sessions (")
    seconds = [run.metrics[f"timing/{name}_seconds"] for name in ("setup", "fit", "judge")]
    times = zip(("setup", "training", "judging"), seconds, strict=True)
    assert said["time"].startswith(", ".join(f"{name} {value:.1f} s" for name, value in times))


def test_warnings_stand_on_the_terminal_on_the_page_and_in_the_log(run: Run) -> None:
    found = re.search(r"^warning: +(this threshold rests on \d+ validation sessions: .*)$", run.said, re.M)
    assert found
    assert run.report.index(found[1]) < run.report.index("<section")
    assert f"warning: {found[1]}" in (run.folder / "train.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("val", "message"),
    [
        (None, "error: 5 normal sessions to train on: too few"),
        ("9", "error: 12 of 12 validation sessions hold a key that training never showed"),
    ],
)
def test_data_that_cannot_be_judged_is_refused_before_training(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str], val: str | None, message: str
) -> None:
    def written(name: str, count: int, keys: str) -> str:
        lines = [f"{name}_{row},{keys}\n" for row in range(count)]
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
        return str(tmp_path / name)

    if val is None:
        files = [f"data.normal={written('normal', 8, '5 22 5')}"]
    else:
        parts = {"train": (40, "5 22 5"), "val": (12, f"5 22 {val}"), "test": (12, "5 22 5")}
        files = [f"data.{name}={written(name, *part)}" for name, part in parts.items()]
    run = call(tmp_path / "run", *files, *TINY[1:])
    assert run.code == 2
    assert message in capsys.readouterr().err
    assert not run.folder.exists()


def test_both_checkpoints_carry_all_that_scoring_needs(run: Run) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        torch.load(run.folder / "checkpoints" / name, weights_only=True)
        task, contents = load_task(run.folder / "checkpoints" / name)
        assert len(Vocabulary.from_state(contents.data["vocabulary"])) == contents.sizes["vocab_size"]
        threshold = contents.judge["thresholds"]["combined"]["value"]
        assert threshold == run.metrics["test/threshold"]
        assert set(contents.judge["calibrations"]) == {"nll_max", "cusum", "error_share"}
        calibrations = contents.judge["calibrations"].values()
        assert all(np.isfinite(Calibration.from_state(state)([0.0, 1e6])).all() for state in calibrations)
        assert task.network is not None


def without_timing(run: Run) -> dict[str, float]:
    return {key: value for key, value in run.metrics.items() if not key.startswith("timing/")}


def test_a_seed_gives_the_same_run_and_another_one_another(run: Run, tmp_path: Path, call: Call) -> None:
    model = "model=gru" if "model=gru " in run.said else "model=gru_ae"
    again = call(tmp_path / "again", model, *TINY)
    assert without_timing(again) == without_timing(run)
    pd.testing.assert_frame_equal(again.scores, run.scores)
    other = call(tmp_path / "other", model, *TINY, "seed=1")
    assert without_timing(other).keys() == without_timing(run).keys()
    assert other.metrics["val/loss"] != run.metrics["val/loss"]
    assert set(other.scores["block_id"]) != set(run.scores["block_id"])


def test_the_best_epoch_is_judged_and_not_the_last(tmp_path: Path, call: Call) -> None:
    # with the direction turned round the first epoch, with the highest loss, is the best
    run = call(tmp_path, *TINY, "trainer.max_epochs=3", "monitor.mode=max", "scheduler=constant")
    losses = pd.read_csv(run.folder / "metrics.csv")["val/loss"].dropna().tolist()[:3]
    assert losses[0] == max(losses) > losses[-1] + 1e-3
    assert run.metrics["val/loss"] == pytest.approx(losses[0], abs=1e-5)


def test_a_mistake_gives_code_two_and_on_demand_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    assert call(tmp_path, "trainer.gpus=-1").code == 2
    message = "trainer.gpus=-1: give 0 for the CPU, a number of GPUs, or auto"
    assert capsys.readouterr().err == f"error: {message}\n"
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(UserError, match=re.escape(message)):
        call(tmp_path, "trainer.gpus=-1")


def test_predict_gives_the_scores_of_the_run_from_the_checkpoint_alone(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    sample = simulate_blocks(num_blocks=300, abnormal_share=0.03, seed=0).sessions
    lines = [f"{name},{' '.join(sample.keys(row))}" for row, name in enumerate(sample.ids)]
    (tmp_path / "blocks.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = tmp_path / "out.csv"
    checkpoint = str(run.folder / "checkpoints/best.ckpt")
    assert main(("predict", checkpoint, str(tmp_path / "blocks.txt"), "--output", str(output))) == 0
    assert capsys.readouterr().err == f"300 rows: {output}\n"
    found = pd.read_csv(output).set_index("block_id").loc[run.scores["block_id"]]
    shared = [name for name in run.scores.columns if name in found.columns and name != "alert"]
    assert {"nll_max", "combined", "count_distance", "count_cost"} <= set(shared)
    np.testing.assert_allclose(found[shared], run.scores[shared], rtol=1e-4, atol=1e-4)
    assert found["alert"].tolist() == run.scores["alert"].tolist()
    assert found["threshold"].nunique() == 1
