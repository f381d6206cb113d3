"""A sweep on a Ray of this machine: the same file, the same table, nothing left running."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


@pytest.mark.soak
def test_a_sweep_on_a_local_ray(
    sweep_file: Callable[..., Path], run: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    lr = {"optimizer.lr": {"values": [0.03, -1.0]}}  # no optimizer takes a rate below 0
    done = run(sweep_file(method="grid", parameters=lr), "--engine", "ray", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(tmp_path / "sweep" / "trials.csv", keep_default_na=False).set_index("optimizer.lr")
    assert found["outcome"].to_dict() == {0.03: "finished", -1.0: "crashed"}
    assert "Invalid learning rate" in found["error"][-1.0]
    assert (Path(found["folder"][0.03]) / "seed-0" / "metrics.json").exists()
    assert "optimizer.lr=0.03\n" in done.stdout
    assert (tmp_path / "sweep" / "sweep-report.html").exists()
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left


def test_without_ray_it_says_how_to_install_it(
    sweep_file: Callable[..., Path], root: Path, tmp_path: Path
) -> None:
    hidden = "import sys; sys.modules['ray'] = None; from seqlab.cli import main; sys.exit(main())"
    words = ["sweep", str(sweep_file()), "--engine", "ray", "--output", str(tmp_path / "sweep")]
    done = subprocess.run(
        [sys.executable, "-c", hidden, *words], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: --engine ray: Ray is not installed: pip install 'seqlab[ray]'\n"
