"""Labelled texts, sessions and what other packages bring, from files to a run folder and to predictions."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seqlab.cli import main
from seqlab.training.checkpoints import load_task

Call = Callable[..., Any]
SMALL = (
    "model=classifier",
    "model.network.hidden_size=8",
    "model.network.embedding_size=8",
    "optimizer.lr=0.02",
    "trainer.enable_progress_bar=false",
    "logger=[]",
)
ORDERS = {"buys": "login view cart pay", "looks": "login view view leave", "robot": "view view view view"}


def visits(first: int, number: int) -> list[str]:
    """``id,label,events``: half of them looks, the others buys and robot alike."""
    rng = random.Random(first)
    labels = ["looks", "buys", "looks", "robot"]
    rows = []
    for row in range(number):
        label = labels[row % 4]
        extra = rng.choice(["", " help", " search", " search view"])
        rows.append(f"v{first + row},{label},{ORDERS[label]}{extra}")
    return rows


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, call: Call) -> Any:
    folder = tmp_path_factory.mktemp("events")
    (folder / "train.txt").write_text("\n".join(visits(0, 120)), encoding="utf-8")
    # of the test sessions one that training calls robot is labelled buys: no rule is right about both
    again = [*visits(1000, 40), "w1,robot,pay pay", "w2,buys,pay pay"]
    (folder / "test.txt").write_text("\n".join(again), encoding="utf-8")
    files = (f"data.train={folder / 'train.txt'}", f"data.test={folder / 'test.txt'}")
    return call(
        folder / "run", *SMALL, "verbose=true", "data=labelled_events", *files, "trainer.max_epochs=8"
    )


def test_figures_of_sessions_are_what_their_counts_say(events: Any) -> None:
    assert events.code == 0
    metrics, scores = events.metrics, events.scores
    assert list(scores.columns) == ["session", "label", "predicted", "probability"]
    assert scores["session"].tolist() == [*(f"v{1000 + row}" for row in range(40)), "w1", "w2"]
    # looks is most frequent in training: right about 20 of 42, its F1 40/62, the other two have 0
    assert metrics["baseline/majority/accuracy"] == pytest.approx(20 / 42)
    assert metrics["baseline/majority/macro_f1"] == pytest.approx((2 * 20 / (20 + 42)) / 3)
    assert metrics["oracle/accuracy_ceiling"] == pytest.approx(41 / 42)
    assert metrics["baseline/longest_ending/accuracy"] > 0.9
    right = scores["label"] == scores["predicted"]
    assert metrics["test/accuracy"] == pytest.approx(right.mean())
    assert right.mean() > 0.9
    robots, said = scores["label"] == "robot", scores["predicted"] == "robot"
    assert metrics["test/robot/f1"] == pytest.approx(2 * (robots & said).sum() / (robots.sum() + said.sum()))


def test_the_table_and_the_report_speak_of_sessions(events: Any) -> None:
    assert re.search(r"right: +\d+ of 42 test sessions \(\d+\.\d%\), 3 labels", events.said)
    assert re.search(r"^model +\d", events.said, re.MULTILINE)
    assert "name" not in re.sub(r"\S*/\S*", "", events.said)
    assert "timing/train_sessions_per_second" in events.metrics
    for heading in ("Confusion matrix", "Labels", "Events", "Surest mistakes"):
        assert f">{heading}</h2>" in events.report
    assert "nats per session" in events.report
    assert "cart pay" in events.report.split(">Events</h2>")[1].split("</section>")[0]
    assert "w1: pay pay" in events.report or "w2: pay pay" in events.report
    assert (events.folder / "labels.txt").read_text(encoding="utf-8").split() == ["buys", "looks", "robot"]


def test_new_sessions_are_classified_by_the_checkpoint_alone(
    events: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new.txt").write_text("n1,login view cart pay\nn2,view view view view\n", encoding="utf-8")
    assert (
        main(("predict", str(events.folder / "checkpoints/best.ckpt"), "new.txt", "--output", "o.csv")) == 0
    )
    found = pd.read_csv("o.csv")
    assert found["session"].tolist() == ["n1", "n2"]
    assert found["predicted"].tolist() == ["buys", "robot"]
    assert (found["runner_up"] != found["predicted"]).all()


@pytest.mark.parametrize(
    ("unit", "baseline"), [("subword", "subword"), ("character", "ngram"), ("word", "word")]
)
def test_texts_are_read_by_any_unit(unit: str, baseline: str, call: Call, tmp_path: Path) -> None:
    settings = ("data.sample.num_texts=400", f"data.unit={unit}", "data.vocab_size=300")
    run = call(
        tmp_path / "run", *SMALL, "verbose=true", *settings, "data.batch_size=16", "trainer.max_epochs=2"
    )
    assert run.code == 0
    assert "note: Synthetic data: made-up support tickets" in run.said
    assert re.search(r"of \d+ test texts \(\d+\.\d%\), 5 labels", run.said)
    assert run.metrics[f"baseline/{baseline}_naive_bayes/accuracy"] > 0.8
    assert run.metrics["test/accuracy"] > run.metrics["baseline/majority/accuracy"]
    assert ("longest_ending" in run.said) is (unit == "character")
    (tmp_path / "new.csv").write_text(
        'id;text\n1;"my password; it does not work"\n2;Wo ist mein Paket? 배송\n', encoding="utf-8"
    )
    output = tmp_path / "out.csv"
    checkpoint = str(run.folder / "checkpoints/best.ckpt")
    assert main(("predict", checkpoint, str(tmp_path / "new.csv"), "--output", str(output))) == 0
    assert pd.read_csv(output)["text"].tolist() == [
        "my password; it does not work",
        "Wo ist mein Paket? 배송",
    ]
    _, contents = load_task(checkpoint)
    assert contents.data["coder"]["unit"] == unit


OUTSIDE = '''
import numpy as np
from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled_events import EventCoder, LabelledEvents
from seqlab.data.labelled_data import LabelledData
from seqlab.data.labelled import LabelledItems
from seqlab.data.module import SequenceDataModule


class Bare(SequenceDataModule):
    """The right batches, and no more than a data module must have."""

    batch_type = LabelledBatch

    def __init__(
        self, path, train, val, test, labels, split, sample, min_count, boundaries, max_length, class_weights,
        batch_size, bucketing, scoring_batch_size, batch_tokens, seed,
    ):
        super().__init__()

    sizes = {"vocab_size": 9, "pad_id": 0, "unk_id": 3, "num_classes": 2}

    def state(self):
        return {}

    def write_files(self, folder):
        pass

    def load_splits(self):
        pass


class Scaled(LabelledEvents):
    """Its state holds a number of numpy."""

    def state(self):
        return super().state() | {"scale": np.float64(0.5)}


class Visits(LabelledData):
    """Another noun, its own way to read files."""

    noun = "visit"

    def __init__(self, labels=None, **settings):
        super().__init__(**settings)

    def read(self, path):
        raise NotImplementedError

    def simulate(self):
        texts = tuple("1 2 3" if number % 3 else "3 2" for number in range(90))
        labels = tuple("ab"[number % 3 == 0] for number in range(90))
        return LabelledItems(texts, labels, np.arange(90), "made", tuple(f"v{n}" for n in range(90)))

    equal_together = False

    def fit_coder(self, train):
        coder = EventCoder(labels=("a", "b"), unit="event", noun="visit", boundaries=True, max_length=9)
        return coder.with_vocabulary(train, 1)
'''


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of somebody else; its name."""
    (tmp_path / "outside_data.py").write_text(OUTSIDE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "outside_data"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Bare",
            r"outside_data\.Bare has no `coder` \(How its .* numbers\).*derive from seqlab",
        ),
        ("Scaled", r"outside_data\.Scaled\.state\(\)\['scale'\] is a numpy\.float64"),
    ],
)
def test_data_of_others_that_lacks_something_is_refused_before_training(
    outside: str, name: str, message: str, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = call(tmp_path / "run", *SMALL, "data=labelled_events", f"data._target_={outside}.{name}")
    assert run.code == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "run/checkpoints").exists()


def test_data_of_others_that_fulfils_the_contract_is_judged_reported_and_predicted(
    outside: str, call: Call, tmp_path: Path
) -> None:
    settings = ("data=labelled_events", f"data._target_={outside}.Visits", "trainer.max_epochs=4")
    run = call(tmp_path / "run", *SMALL, *settings)
    assert run.code == 0, run.said
    assert re.search(r"of 18 test visits \(\d+\.\d%\), 2 labels", run.said)
    assert run.metrics["baseline/longest_ending/accuracy"] == 1
    assert run.metrics["baseline/majority/accuracy"] == pytest.approx(12 / 18)
    assert next(iter(run.scores.columns)) == "visit"
    assert "nats per visit" in run.report
    (tmp_path / "new.txt").write_text("x,1 2 3\ny,3 2\n", encoding="utf-8")
    output = tmp_path / "out.csv"
    best = str(run.folder / "checkpoints/best.ckpt")
    assert main(("predict", best, str(tmp_path / "new.txt"), "--output", str(output))) == 0
    assert pd.read_csv(output)["visit"].tolist() == ["x", "y"]
