import re
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.data.labelled_events import EventCoder
from seqlab.data.labelled_text import Names
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.evaluation.classification import ClassificationEvaluation, stored_coder
from seqlab.networks.sequence_classifier import SequenceClassifier
from seqlab.tasks.classification import Classification
from seqlab.trust import refuse_untrusted_coders


def contents(data: dict[str, Any]) -> Contents:
    return Contents({}, {}, {"unk_id": 3}, data)


def test_prediction_is_that_of_the_datas_own_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Names(sample={"num_names": 200})
    data.setup()
    torch.manual_seed(0)
    task = Classification(network=SequenceClassifier(**data.sizes, embedding_size=6, hidden_size=6)).eval()
    names = data.items("val").texts
    path = tmp_path / "input.txt"
    path.write_text("\n".join([*names, "", "ꙮꙮ"]), encoding="utf-8")
    table = ClassificationEvaluation().predict(task, contents(data.state()), path)
    assert table["name"].tolist() == [*names, "ꙮꙮ"]
    said = capsys.readouterr().err
    assert "1 empty lines were passed over" in said
    vocabulary = data.coder.vocabulary
    assert data.sizes["unk_id"] == 3
    unknown = sum(vocabulary.unk in vocabulary.ids(data.coder.tokens(name)) for name in [*names, "ꙮꙮ"])
    assert f"{unknown} of {len(names) + 1} names hold characters that training lacks" in said
    expected = task.predict_step(data.dataset("val")[torch.arange(len(names))]).detach()
    assert table["probability"][:-1].tolist() == pytest.approx(expected.amax(dim=1).tolist(), rel=1e-4)
    guesses = [data.coder.labels[number] for number in expected.argmax(dim=1).tolist()]
    assert table["predicted"][:-1].tolist() == guesses
    assert (table["runner_up"] != table["predicted"]).all()
    assert (table["runner_up_probability"] <= table["probability"]).all()


def test_a_checkpoint_names_the_class_that_reads_new_files() -> None:
    data = Names(sample={"num_names": 200})
    data.setup()
    assert stored_coder(contents(data.state())) == data.coder


@pytest.mark.parametrize(
    "name",
    [
        "mylab.events.Coder",
        "seqlab.data.labelled.torch.nn.Linear",
        "seqlab.data.csv_files.csv.reader",
        "seqlab.data.nowhere.Coder",
    ],
)
def test_a_class_that_is_no_coder_of_seqlab_is_not_called(name: str) -> None:
    with pytest.raises(UserError, match=f"it names {re.escape(name)}, "):
        refuse_untrusted_coders({"coder": {"class": name}}, "best.ckpt", ())


def test_a_coder_of_a_trusted_package_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside_coder.py").write_text(
        "from seqlab.data.labelled_events import EventCoder\nclass Own(EventCoder):\n    pass\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    coder = EventCoder(labels=("a", "b"), unit="event", noun="visit", boundaries=True, max_length=9)
    state = {"coder": coder.state() | {"class": "outside_coder.Own"}}
    refuse_untrusted_coders(state, "best.ckpt", ["outside_coder"])
    assert type(stored_coder(contents(state))).__name__ == "Own"
    with pytest.raises(UserError, match=r"names outside_coder\.Own, code outside seqlab.* add --trust"):
        refuse_untrusted_coders(state, "best.ckpt", ["outside"])
