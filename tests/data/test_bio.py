import numpy as np
import pytest

from seqlab.data.tags import count_entities, entity_spans, is_tag, tag_names, tag_types, to_bio

TAGS = tag_names(["LOC", "PER"])


def ids(*tags: str) -> np.ndarray:
    return np.array([TAGS.index(tag) for tag in tags])


def firsts(*places: int, size: int) -> np.ndarray:
    return np.isin(np.arange(size), places)


def test_tags_have_their_numbers_by_type() -> None:
    assert TAGS == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert tag_types(["O", "I-PER", "B-creative-work"]) == {"PER", "creative-work"}


@pytest.mark.parametrize("text", ["O", "B-PER", "I-creative-work", "E-PER", "S-PER", "U-PER"])
def test_bio_forms(text: str) -> None:
    assert is_tag(text)


@pytest.mark.parametrize("text", ["", "o", "B", "B-", "X-PER", "PER", "B-PER X", "B_PER"])
def test_other_forms(text: str) -> None:
    assert not is_tag(text)


def test_an_inside_tag_begins_an_entity_at_a_beginning_after_o_and_after_another_type() -> None:
    tags = ["I-PER", "I-PER", "O", "I-LOC", "B-PER", "I-LOC", "I-LOC", "I-LOC"]
    assert to_bio(tags, [0, 7]) == (["B-PER", "I-PER", "O", "B-LOC", "B-PER", "B-LOC", "I-LOC", "B-LOC"], 4)


def test_spans_end_at_another_type_at_o_at_b_and_at_the_sentence() -> None:
    tags = ids("B-PER", "I-PER", "B-PER", "I-LOC", "O", "I-LOC", "I-LOC", "I-LOC")
    spans = entity_spans(tags, firsts(0, 6, size=8))
    assert spans.starts.tolist() == [0, 2, 3, 5, 6]
    assert spans.ends.tolist() == [2, 3, 4, 6, 8]
    assert spans.types.tolist() == [1, 1, 0, 0, 0]


def test_nothing_but_o_has_no_span() -> None:
    assert entity_spans(ids("O", "O"), firsts(0, size=2)).starts.tolist() == []


def test_an_entity_counts_where_bounds_and_type_are_exact() -> None:
    gold = ids("B-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-LOC")
    predicted = ids("B-PER", "O", "O", "B-LOC", "B-PER", "I-PER")
    counts = count_entities(gold, predicted, firsts(0, size=6), 2)
    assert counts.tolist() == [[1, 0], [1, 2], [2, 1]]  # found, predicted, gold of LOC and PER


def test_counts_are_those_of_seqeval() -> None:
    seqeval = pytest.importorskip("seqeval.metrics", reason="seqeval is a test extra")
    rng = np.random.default_rng(0)
    for _ in range(200):
        lengths = rng.integers(1, 9, size=6)
        first = np.isin(np.arange(lengths.sum()), np.cumsum(lengths) - lengths)
        gold, predicted = rng.integers(0, 5, size=(2, lengths.sum()))
        cuts = np.cumsum(lengths)[:-1]
        texts = [[[TAGS[tag] for tag in part] for part in np.split(tags, cuts)] for tags in (gold, predicted)]
        found, guessed, true = count_entities(gold, predicted, first, 2).sum(axis=1).tolist()
        assert found / max(guessed, 1) == pytest.approx(seqeval.precision_score(*texts, zero_division=0))
        assert found / max(true, 1) == pytest.approx(seqeval.recall_score(*texts, zero_division=0))
        f1 = 2 * found / max(guessed + true, 1)
        assert f1 == pytest.approx(seqeval.f1_score(*texts, zero_division=0))
