"""No trial and no tuning reads the test split or a figure of it: whoever tries is refused by name."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqlab.cli import main
from seqlab.data.module import TestSetLockedError
from seqlab.errors import UserError
from seqlab.sweeps.sweep_file import check_objective, read_sweep

LEAKY = """
from seqlab.data.labelled_text import Names

class Leaky(Names):
    def train_dataloader(self):
        self.items("test")
        return super().train_dataloader()

class Late(Names):
    def write_files(self, folder):
        self.items("test")
"""


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A data set of an outside package that looks at the test split."""
    import sys

    (tmp_path / "leakylab.py").write_text(LEAKY, encoding="ascii")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("leakylab", None)


def test_tuning_that_reads_the_test_split_is_named(
    leaky: None, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ("model=name_classifier", "--output", str(tmp_path / "tune"))
    message = r"Leaky\.train_dataloader > LabelledData\.items asked for it within seqlab tune: "
    with pytest.raises(TestSetLockedError, match=message):
        main(("tune", *options, "data._target_=leakylab.Leaky"))
    assert main(("tune", *options, "monitor.metric=test/macro_f1")) == 2
    assert "error: monitor.metric=test/macro_f1: " in capsys.readouterr().err


def test_a_trial_of_a_sweep_never_opens_the_test_split(leaky: None, tmp_path: Path, call: Callable) -> None:
    small = ("model=name_classifier", "trainer.fast_dev_run=true", "logger=[]", "data._target_=leakylab.Late")
    small += ("data.sample.num_names=120", "trainer.enable_progress_bar=false")
    with pytest.raises(TestSetLockedError, match=r"train\.train > Late\.write_files > LabelledData\.items"):
        call(tmp_path / "trial", *small, "test=false")
    assert call(tmp_path / "run", *small).code == 0


def test_a_sweep_for_a_test_figure_is_refused_by_its_key(root: Path, tmp_path: Path) -> None:
    text = (root / "sweep.yaml").read_text(encoding="utf-8")
    path = tmp_path / "sweep.yaml"
    for metric in ("test/f1", "oracle/f1"):
        path.write_text(text.replace("name: val/loss", f"name: {metric}"), encoding="utf-8")
        with pytest.raises(UserError, match=f"^metric.name={metric}: a sweep is judged by a validation"):
            check_objective(read_sweep(path), [])
