import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqlab.comparing.comparison import compare_runs
from seqlab.comparing.curves import read_curves
from seqlab.comparing.groups import find_differences
from seqlab.comparing.table import to_frame
from seqlab.comparing.wandb_runs import check_server, convert
from seqlab.errors import UserError


class Summary:
    """Like W&B's: keys() and [], no iteration."""

    def __init__(self, **values: object) -> None:
        self.values = values

    def keys(self) -> object:
        return self.values.keys()

    def __getitem__(self, key: str) -> object:
        return self.values[key]

    __iter__ = None


def wandb_run(number: int, seed: int, rate: float, loss: float, state: str = "finished") -> SimpleNamespace:
    config = {
        "seed": seed,
        "data": {"_target_": "seqlab.data.session_windows.SessionWindows", "seed": seed},
        "optimizer": {"lr": rate},
        "model": {"_target_": "seqlab.tasks.next_event.NextEvent", "network": {"_target_": "x.GRUPredictor"}},
        "monitor": {"metric": "val/loss", "mode": "min"},
        "_wandb": {"version": number},
    }
    summary = Summary(
        **{"val/loss": loss, "test/f1": loss / 10, "_runtime": 9, "note": "text", "test/auroc": "NaN"}
    )
    rows = [{"_step": 0, "epoch": 0, "val/loss": 5.0}, {"_step": 1, "epoch": 1, "val/loss": loss}]
    return SimpleNamespace(
        id=f"id{number}",
        name="same" if number < 2 else f"run-{number}",
        state=state,
        config=config,
        summary=summary,
        history=lambda samples, pandas: rows,
    )


def test_runs_of_a_server_give_the_same_table() -> None:
    listed = [
        wandb_run(0, 0, 0.1, 3.0),
        wandb_run(1, 1, 0.1, 5.0),
        wandb_run(2, 0, 0.2, 1.0),
        wandb_run(3, 1, 0.2, 2.0, state="crashed"),
    ]
    runs, notices = convert(listed, with_curves=True)
    found = compare_runs(runs, notices=notices)
    first, second = to_frame(found).to_dict("records")
    assert (first["optimizer.lr"], first["val/loss"], first["seeds"], first["unfinished"]) == (0.2, 1.0, 1, 1)
    assert (second["optimizer.lr"], second["val/loss"], second["test/f1"]) == (0.1, 4.0, 0.4)
    assert (second["model"], second["data"]) == ("GRUPredictor", "SessionWindows")
    assert second["runs"] == "same (id0); same (id1)"
    assert found.rankings[0].metrics == ["test/f1", "val/loss"]
    assert "1 of 4 runs is not finished: run-3 (crashed)" in found.notices
    assert [point.value for point in read_curves(runs[0])["val/loss"]] == [5, 3]


def test_a_server_holds_seeds_resolved() -> None:
    runs = [wandb_run(number, number, 0.1, 1.0) for number in range(2)]
    assert find_differences(convert(runs, with_curves=False)[0]).shown == ("model", "data")
    other = wandb_run(2, 2, 0.1, 1.0)
    other.config["data"]["seed"] = 7
    found = find_differences(convert([*runs, other], with_curves=False)[0])
    assert found.shown == ("model", "data", "data.seed")


def test_histories_are_fetched_only_for_curves() -> None:
    run = wandb_run(0, 0, 0.1, 3.0)
    run.history = None
    assert convert([run], with_curves=False)[0][0].rows == ()
    assert convert([], with_curves=False) == ([], ["the project holds no run"])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_closed_port_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"--wandb: no connection to http://127\.0\.0\.1:"):
        check_server(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("listens", [True, False])
def test_the_command_ends_with_one_message_offline_or_without_a_key(tmp_path: Path, listens: bool) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        if listens:
            server.listen()
        else:
            server.close()
        dropped = {"WANDB_API_KEY", "HTTPS_PROXY", "https_proxy"}
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        done = subprocess.run(
            [sys.executable, "-m", "seqlab.cli", "compare", "--wandb", "project"],
            env=environment | {"WANDB_BASE_URL": f"http://127.0.0.1:{port}", "HOME": str(tmp_path)},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    expected = "error: --wandb: no API key" if listens else "error: --wandb: no connection"
    assert done.stderr.splitlines()[-1].startswith(expected)
