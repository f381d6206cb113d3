"""Damaged checkpoints: each is read as it is, or refused in one message; nothing else comes of it."""

from __future__ import annotations

import copy
import io
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from seqlab.errors import UserError
from seqlab.training.build import build_data, build_task
from seqlab.training.checkpoints import load_task

from .checks import COUNTS, check_answer, message_fault
from .structures import damaged

KINDS = {  # overrides that make a model small, and what its encoder reads
    "gru": (("data.sample.num_blocks=60", "model.network.hidden_size=3"), [["5", "22", "5"]]),
    "gru_ae": (("data.sample.num_blocks=60", "model.network.hidden_size=3"), [["5", "22", "5"]]),
    "char_rnn": (("data=charseq", "data.path=null", "model.network.hidden_size=3"), "hello"),
    "seq2seq": (("data.sample.num_pairs=60", "model.network.hidden_size=4"), ["a red dog"]),
    "name_classifier": (("data.sample.num_names=120", "model.network.hidden_size=4"), ["Kim"]),
    "entity_tagger": (("data.sample.num_sentences=60", "model.network.hidden_size=4"), [["Rome", "is"]]),
    "lstm": (("data.sample.num_days=120", "model.network.hidden_size=4"), None),
}


@pytest.fixture(scope="module")
def contents(root: Path) -> Iterator[Callable[[str], dict[str, Any]]]:
    """What the checkpoint of a small, untrained model of a kind holds, its judge included."""
    made: dict[str, dict[str, Any]] = {}

    def make(kind: str) -> dict[str, Any]:
        if kind not in made:
            GlobalHydra.instance().clear()
            with initialize_config_dir(str(root / "conf"), version_base="1.3"):
                config = compose("train", overrides=[f"model={kind}", *KINDS[kind][0]])
            made[kind] = _contents(config)
        return made[kind]

    yield make
    GlobalHydra.instance().clear()


def _contents(config: Any) -> dict[str, Any]:
    from hydra.utils import instantiate

    from seqlab.training.checkpoints import FORMAT, KEY, contents_of

    torch.manual_seed(0)
    data: Any = build_data(config.data)
    data.setup()
    task: Any = build_task(config, data.sizes)
    held = contents_of(config, data)
    evaluation = instantiate(held.evaluation, _convert_="all")
    judge = evaluation.fit(task, data)[0].state() if evaluation.fits_thresholds else {}
    plain = held._replace(judge=judge)._asdict()
    return {KEY: {"format": FORMAT, **plain, "trackers": {}}, "state_dict": task.state_dict()}


def _use(path: Path, items: Any) -> None:
    """Read a checkpoint and use all of it."""
    task, held = load_task(path)
    if items is not None:
        with torch.inference_mode():
            task.predict_step(task.evaluation.encoder(held)(items))
    else:
        from seqlab.evaluation.forecasting import read_new_series

        with torch.inference_mode():
            for part in read_new_series(held.data, path.with_name("prices.csv")):
                windows = part.windows()
                outputs = task.network(torch.from_numpy(windows.inputs), torch.from_numpy(windows.known))
                part.encoding.values(outputs, windows.last)
    if held.judge:
        path.with_name("sessions.txt").write_text("blk_1,5 5 22\nblk_2,5 26 9 9 9 77\n")
        task.evaluation.predict(task, held, path.with_name("sessions.txt"))


def _check(content: dict[str, Any], how: str, path: Path, items: Any) -> None:
    torch.save(content, path)
    check_answer(lambda: _use(path, items), how, path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_value_is_told(
    kind: str, count: int, contents: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    days = "".join(f"2020-{1 + n // 28:02}-{1 + n % 28:02},10,11,9,{10 + n % 3},100\n" for n in range(90))
    (tmp_path / "prices.csv").write_text(f"Date,Open,High,Low,Close,Volume\n{days}")
    given, path = contents(kind), tmp_path / "best.ckpt"
    _check(given, "whole", path, KINDS[kind][1])
    load_task(path)  # as it is, it can be read
    for how, content in damaged(given, count // len(KINDS)):
        _check(content, f"{kind}, {how}", path, KINDS[kind][1])


@pytest.mark.parametrize(
    ("kind", "where", "value", "told"),
    [
        ("gru_ae", "model.network.num_layers", True, "num_layers=True: give a whole number"),
        ("seq2seq", "model.network.decoder_layers", True, "decoder_layers=True: give a whole number"),
        ("char_rnn", "model.network.pad_id", False, "pad_id=False: give a whole number"),
        ("gru", "judge.count_costs.key_costs.0", 1e308, "should be less than or equal to 1000000"),
        ("lstm", "data.encoding.feature_transforms", ["level"], "1 transforms of 5 features"),
    ],
)
def test_a_value_of_another_kind_or_size_is_told(
    kind: str, where: str, value: Any, told: str, contents: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    given, path = copy.deepcopy(contents(kind)), tmp_path / "best.ckpt"
    *above, last = where.split(".")
    holder = given["seqlab"]
    for name in above:
        holder = holder[name]
    holder[int(last) if last.isdigit() else last] = value
    torch.save(given, path)
    with pytest.raises(UserError, match=re.escape(told)):
        load_task(path)


def test_a_checkpoint_that_is_cut_anywhere_is_told(
    contents: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    whole, path = io.BytesIO(), tmp_path / "best.ckpt"
    torch.save(contents("gru"), whole)
    cuts = range(0, len(whole.getvalue()), 1000)
    assert len(cuts) > 10
    for cut in cuts:
        path.write_bytes(whole.getvalue()[:cut])
        with pytest.raises(UserError, match=r"best\.ckpt: .*(empty|damaged or cut off)") as told:
            load_task(path)
        assert not message_fault(str(told.value), path)


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_bytes_are_told(
    count: int, contents: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    from .checks import check_reader
    from .mutations import mutants

    whole = io.BytesIO()
    torch.save(contents("gru"), whole)
    with warnings.catch_warnings():
        check_reader(load_task, mutants([whole.getvalue()], count), tmp_path / "best.ckpt")
