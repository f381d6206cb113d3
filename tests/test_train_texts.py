"""Texts of words and their labels, from a file to a run folder and to predictions."""

import csv
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seqlab.cli import main
from seqlab.data.labelled_text import Names
from seqlab.data.pairs import read_pairs
from seqlab.evaluation.classification import NaiveBayes

GOOD, BAD = ("lovely", "moving", "great", "warm"), ("dull", "boring", "awful", "cold")
THINGS = ("film", "story", "play", "cast", "music", "ending", "plot", "pace")


def reviews(number: int) -> list[tuple[str, str]]:
    """Sentiment and text; a third of the texts hold commas, some quotes and capitals."""
    rng = random.Random(0)
    rows = []
    for row in range(number):
        label, words = (("positive", GOOD), ("negative", BAD))[row % 2]
        first, second = rng.choice(THINGS), rng.choice(THINGS)
        text = f'The {first} was {rng.choice(words)}, and its "{second}" {rng.choice(words).title()}!'
        rows.append((label, text if row % 3 else text.replace(",", "").replace('"', "")))
    return rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, call: Callable[..., Any]) -> Any:
    folder = tmp_path_factory.mktemp("texts")
    with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("Sentiment", "Review"))
        writer.writerows(reviews(240))
    return call(
        folder / "run",
        "model=name_classifier",
        f"data.path={folder / 'reviews.csv'}",
        "data.columns=[review,sentiment]",
        "data.unit=word",
        "data.lower=true",
        "data.min_count=2",
        "model.network.hidden_size=8",
        "model.network.num_readers=1",
        "optimizer.lr=0.02",
        "trainer.max_epochs=8",
        "trainer.enable_progress_bar=false",
        "logger=[]",
    )


def test_texts_are_judged_beside_what_needs_no_network(run: Any) -> None:
    assert run.code == 0
    assert run.metrics["test/accuracy"] > 0.9
    assert run.metrics["baseline/word_naive_bayes/accuracy"] > 0.9
    assert run.metrics["baseline/majority/accuracy"] < 0.7
    assert "baseline/longest_ending/accuracy" not in run.metrics
    assert run.metrics["timing/train_texts_per_second"] > 0
    assert re.search(r"of \d+ test texts \(\d+\.\d%\), 2 labels", run.said)
    assert list(run.scores.columns) == ["text", "label", "predicted", "probability"]
    assert set(run.scores["text"]) <= {" ".join(text.split()) for _, text in reviews(240)}


def test_the_report_shows_the_words_of_each_label(run: Any) -> None:
    section = run.report.split(">Words</h2>")[1].split("</section>")[0]
    positive, negative = section.split("positive</")[1], section.split("negative</")[1].split("positive</")[0]
    assert all(word in positive for word in GOOD)
    assert all(word in negative for word in BAD)
    assert "nats per text" in run.report
    words = (run.folder / "vocabulary.txt").read_text(encoding="utf-8").split()
    assert {"lovely", "awful", ",", "film"} <= set(words)


def test_new_texts_are_classified_by_the_checkpoint_alone(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = 'id,Review\n1,"A LOVELY, warm film, great cast"\n2,"dull plot, awful, boring"\n'
    (tmp_path / "new.csv").write_text(content, encoding="utf-8")
    checkpoint = str(run.folder / "checkpoints/best.ckpt")
    assert main(("predict", checkpoint, "new.csv", "--output", "out.csv")) == 0
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["text"].tolist() == ["A LOVELY, warm film, great cast", "dull plot, awful, boring"]
    assert found["predicted"].tolist() == ["positive", "negative"]


def test_the_language_of_real_sentences_is_told_by_their_words(tmp_path: Path, root: Path) -> None:
    folder = root.parent / "shared/data/translation/multi30k"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: Multi30k is not in the repository")
    pairs = read_pairs([folder / "val.en.gz", folder / "val.de.gz"])
    with (tmp_path / "sentences.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("label", "text"))
        writer.writerows(("en", english) for english, _ in pairs)
        writer.writerows(("de", german) for _, german in pairs)
    data = Names(path=tmp_path / "sentences.csv", unit="word", min_count=2)
    data.setup()
    train, val = data.items("train"), data.items("val")
    assert any("," in text for text in train.texts)
    counted = [(list(map(data.coder.tokens, part.texts)), part.labels) for part in (train, val)]
    guesses = NaiveBayes(*counted, 1, "word_naive_bayes").predict(counted[1][0])
    assert sum(map(str.__eq__, guesses, val.labels)) / len(val) > 0.98
    batch = next(iter(data.train_dataloader()))
    tokens = data.coder.vocabulary.tokens
    assert {"Ein", "A"} & {tokens[number] for number in batch.tokens.flatten().tolist()}
