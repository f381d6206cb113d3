from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from seqlab.data.tagged import TaggedSentences
from seqlab.data.tagged_text import Entities, TaggedText
from seqlab.data.tags import BioTags, PlainTags
from seqlab.evaluation.tagging import TaggingEvaluation, TaggingOutcome, tag_split
from seqlab.evaluation.tagging_measures import MostFrequentTag, OneTag, SeenEntities
from seqlab.networks.tagger import Tagger
from seqlab.results.outcome import Outcome
from seqlab.tasks.tagging import Tagging

TRAIN = TaggedSentences.from_sentences(
    [
        (["New", "York", "is", "New"], ["B-LOC", "I-LOC", "O", "O"]),
        (["New", "York", "Times"], ["B-ORG", "I-ORG", "I-ORG"]),
        (["Ann", "in", "York"], ["B-PER", "O", "B-LOC"]),
        (["York", "in", "York"], ["B-LOC", "O", "B-LOC"]),
    ]
)
TEXT = TaggedSentences.from_sentences(
    [(["York", "New", "York", "Times"], "OOOO"), (["Ann", "is", "Bob"], "OOO")]
)


@pytest.fixture(scope="module")
def data() -> Entities:
    module = Entities(sample={"num_sentences": 60, "seed": 0}, scoring_batch_size=5)
    module.setup()
    return module


@pytest.fixture(scope="module")
def task(data: Entities) -> Tagging:
    torch.manual_seed(0)
    return Tagging(network=Tagger(**data.sizes, hidden_size=6, embedding_size=5))


def test_each_word_has_its_most_frequent_tag() -> None:
    # York: B-LOC 3 times, I-LOC and I-ORG once each; New: once each, B-LOC first
    expected = ["B-LOC", "B-LOC", "B-LOC", "I-ORG", "B-PER", "O", "O"]
    assert MostFrequentTag(TRAIN).predict(TEXT) == expected


def test_the_longest_seen_entity_wins() -> None:
    expected = ["B-LOC", "B-ORG", "I-ORG", "I-ORG", "B-PER", "O", "O"]
    assert SeenEntities(TRAIN).predict(TEXT) == expected
    assert OneTag("always_o", "O").predict(TEXT) == ["O"] * 7


def test_a_split_is_tagged_in_its_own_order(data: Entities, task: Tagging) -> None:
    nll, predicted = tag_split(task, data, "val")
    sentences, dataset = data.sentences("val"), data.dataset("val")
    assert len(predicted) == len(sentences.tokens)
    for row, first in enumerate(sentences.firsts.tolist()):
        alone, tags = task.judge_batch(dataset[torch.tensor([row])])
        assert predicted[first : first + sentences.lengths[row]].tolist() == tags[0].tolist()
        assert nll[row] == pytest.approx(alone.item(), rel=1e-5)


def outcome() -> TaggingOutcome:
    """PER found, LOC predicted where LOC and ORG are gold, and ORG unknown to training."""
    sentences = TaggedSentences.from_sentences(
        [(("Ann", "Lee", "left"), ("B-PER", "I-PER", "O")), (("Bonn", "ACME"), ("B-LOC", "B-ORG"))]
    )
    gold = np.array([3, 4, 0, 1, 5])
    predicted = np.array([3, 4, 0, 0, 1])
    return TaggingOutcome(
        sentences, gold, predicted, BioTags(("LOC", "PER"), ("ORG",)), {"test/entity_f1": 0.4}, ()
    )


def test_figures_by_type() -> None:
    assert [(name, *figures) for name, figures in outcome().kind_rows()] == [
        ("LOC", 0, 0, 0, 1, 1),
        ("ORG", 0, 0, 0, 0, 1),
        ("PER", 1, 1, 1, 1, 1),
    ]


def test_scores_hold_one_row_per_token(tmp_path: Path) -> None:
    outcome().write_scores(tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table.columns.tolist() == ["sentence", "position", "token", "gold", "predicted"]
    assert table["sentence"].tolist() == [1, 1, 1, 2, 2]
    assert table["position"].tolist() == [1, 2, 3, 1, 2]
    assert table["token"].tolist() == ["Ann", "Lee", "left", "Bonn", "ACME"]
    assert table["predicted"].tolist() == ["B-PER", "I-PER", "O", "O", "B-LOC"]


def test_the_evaluation_gives_the_documented_keys(
    task: Tagging, resampled_keys: Callable[[Outcome], None]
) -> None:
    module = Entities(sample={"num_sentences": 60, "seed": 0})
    module.setup()
    evaluation = TaggingEvaluation()
    judge, val = evaluation.fit(task, module)
    assert judge.state() == {}
    names = {"entity_f1", "entity_precision", "entity_recall", "token_accuracy"}
    assert set(val) == {f"val/{name}" for name in names | {"loss", "score"}}
    module.open_test()
    found = evaluation.test(task, module, judge)
    baselines = ("most_frequent_tag", "seen_entities", "always_o")
    assert set(found.metrics) == {
        "test/loss",
        *(f"test/{name}" for name in names),
        *(f"test/{kind}/entity_f1" for kind in ("LOC", "ORG", "PER")),
        *(f"baseline/{baseline}/{name}" for baseline in baselines for name in names),
    }
    resampled_keys(found)
    outside = np.mean([tag == "O" for tag in module.sentences("test").tags])
    assert found.metrics["baseline/always_o/token_accuracy"] == pytest.approx(outside)
    table = found.result_table()
    assert [name for name, _ in table.baseline_rows] == list(baselines)
    assert table.model_rows[0][1][0] == found.metrics["test/entity_f1"]


def plain_outcome() -> TaggingOutcome:
    """Of the scheme NOUN, VERB with INTJ unknown to training."""
    sentences = TaggedSentences.from_sentences(
        [(("a", "b", "c"), ("NOUN", "NOUN", "VERB")), (("d", "e"), ("NOUN", "INTJ"))], "plain"
    )
    gold, predicted = np.array([0, 0, 1, 0, 2]), np.array([1, 1, 1, 0, 0])
    return TaggingOutcome(sentences, gold, predicted, PlainTags(("NOUN", "VERB"), ("INTJ",)), {}, ())


def test_plain_tags_that_are_confused_and_figures_of_each() -> None:
    found = plain_outcome()
    assert found.confused(5) == [("NOUN", "VERB", 2, 2 / 3), ("INTJ", "NOUN", 1, 1.0)]
    assert len(found.confused(1)) == 1
    # NOUN: 1 of 2 predicted and of 3 gold; VERB: 1 of 3 predicted, of 1 gold
    assert [(name, *figures) for name, figures in found.kind_rows()] == [
        ("NOUN", 1 / 2, 1 / 3, 2 / 5, 2, 3),
        ("INTJ", 0, 0, 0, 0, 1),
        ("VERB", 1 / 3, 1, 1 / 2, 3, 1),
    ]
    table = found.result_table()
    assert table.title == "2 test sentences with 5 tokens"
    assert table.model_rows[0][0] == "model"


def test_plain_tags_have_their_own_keys_and_baselines() -> None:
    module = TaggedText(sample={"num_sentences": 60, "seed": 0})
    module.setup()
    task = Tagging(network=Tagger(**module.sizes, hidden_size=6, embedding_size=5))
    evaluation = TaggingEvaluation()
    judge, val = evaluation.fit(task, module)
    assert set(val) == {"val/loss", "val/score", "val/accuracy", "val/macro_f1"}
    assert val["val/score"] == val["val/accuracy"]
    module.open_test()
    found = evaluation.test(task, module, judge)
    keys = {key for key in found.metrics if not key.endswith("/f1")}
    assert keys == {"test/loss"} | {
        f"{who}/{name}"
        for who in ("test", "baseline/most_frequent_tag", "baseline/majority_tag")
        for name in ("accuracy", "macro_f1")
    }
    tags = module.sentences("test").tags
    majority = np.mean([tag == module.tag_scheme.names[0] for tag in tags])
    assert found.metrics["baseline/majority_tag/accuracy"] == pytest.approx(majority)
    right = np.mean([tag == guess for tag, guess in zip(tags, found.predicted, strict=True)])
    assert found.metrics["test/accuracy"] == pytest.approx(right)


@pytest.mark.parametrize("made", [outcome, plain_outcome])
def test_figures_of_other_sentences_are_those_of_repeated_ones(made: Callable[[], TaggingOutcome]) -> None:
    found = replace(made(), nll=np.array([1.5, 4.0]))
    weights = np.array([[1, 1], [2, 0], [0, 1], [3, 2]])
    drawn = found.resampled(weights)
    sentences, gold, predicted = found.sentences, found.gold_ids, found.predicted_ids
    for row, times in enumerate(weights.tolist()):
        numbers = [number for number, count in enumerate(times) for _ in range(count)]
        cuts = [np.split(ids, sentences.firsts[1:]) for ids in (gold, predicted)]
        tokens = [np.concatenate([each[number] for number in numbers]) for each in cuts]
        again = TaggedSentences.from_sentences(
            [sentences.sentence(number) for number in numbers], found.scheme.key
        )
        other = replace(found, sentences=again, gold_ids=tokens[0], predicted_ids=tokens[1])
        expected = found.measures.measure(*tokens, again.is_first)
        kinds = {name: figures[2] for name, figures in other.kind_rows()}
        key = found.measures.kind_figure
        expected |= {f"{name}/{key}": kinds[name] for name, each in found.kind_rows() if each[4]}
        expected["loss"] = sum(found.nll[number] for number in numbers) / len(again.tokens)
        assert {name: values[row] for name, values in drawn.items()} == pytest.approx(
            {f"test/{name}": value for name, value in expected.items()}
        )


def test_figures_rest_on_entities_sentences_and_rare_tags() -> None:
    entities, tags = outcome().support(), plain_outcome().support()
    assert entities["test/entity_f1"] == 3
    assert entities["test/PER/entity_f1"] == 1
    assert entities["test/token_accuracy"] == entities["test/loss"] == tags["test/accuracy"] == 2
    assert (tags["test/macro_f1"], tags["test/NOUN/f1"]) == (1, 3)
