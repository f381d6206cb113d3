from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from seqlab.data.batches import SessionBatch, WindowBatch
from seqlab.errors import UserError
from seqlab.training.build import check_pair, data_choices

Compose = Callable[..., DictConfig]


@pytest.fixture
def running(composed: Compose) -> Iterator[Compose]:
    """Composes a config and lets Hydra know it as that of the running command."""

    def config(*overrides: str) -> DictConfig:
        found = composed(*overrides, hydra=True)
        HydraConfig.instance().set_config(found)
        return found

    yield config
    HydraConfig.instance().cfg = None


def test_every_data_config_says_what_it_gives(root: Path) -> None:
    choices = data_choices(root / "conf")
    spellings = {"hdfs_window", "hdfs_padded"}  # other names of general data, which messages leave out
    assert {*choices, *spellings} == {path.stem for path in (root / "conf/data").glob("*.yaml")}
    assert choices["sessions_window"] is WindowBatch
    assert choices["sessions_padded"] is SessionBatch


def test_every_model_takes_what_its_own_data_gives(running: Compose, root: Path) -> None:
    for path in sorted((root / "conf/model").glob("*.yaml")):
        check_pair(running(f"model={path.stem}"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("model=gru_ae", "data=hdfs_window"),
            "model=gru_ae takes SessionBatch, data=hdfs_window gives WindowBatch; use data=sessions_padded",
        ),
        (
            ("model=gru", "data=hdfs_padded"),
            "model=gru takes WindowBatch, data=hdfs_padded gives SessionBatch; use data=sessions_window",
        ),
    ],
)
def test_a_wrong_pair_names_both_and_what_fits(
    running: Compose, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_pair(running(*overrides))
    assert str(caught.value) == message


def test_a_model_that_no_data_fits_says_so(
    running: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_task.py").write_text("class OwnTask:\n    batch_type = int\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"takes int, data=hdfs_window gives WindowBatch; use another model$"):
        check_pair(running("model._target_=own_task.OwnTask"))
