"""The run folder that Hydra names where the command line does not."""

from pathlib import Path
from typing import Any

SMALL = ("data.sample.num_blocks=120", "model.network.hidden_size=8", "trainer.max_epochs=1")
QUIET = ("trainer.enable_progress_bar=false", "logger=none")


def test_a_plain_run_has_a_folder_of_its_own_and_says_nothing_on_standard_error(
    python: Any, root: Path, tmp_path: Path
) -> None:
    done = python.run(str(root / "train.py"), *SMALL, *QUIET, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = (tmp_path / "runs" / "gru-hdfs_window").iterdir()
    assert (folder / "metrics.json").exists()
