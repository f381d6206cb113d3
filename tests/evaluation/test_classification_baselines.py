import numpy as np
import pytest

from seqlab.evaluation.classification import (
    LONGEST_ENDING,
    Labelled,
    LongestEnding,
    Majority,
    NaiveBayes,
    endings,
)


def counted(*pairs: tuple[str, str]) -> Labelled:
    """Of texts by character."""
    found, labels = zip(*pairs, strict=True)
    return [list(text) for text in found], labels


def sessions(*pairs: tuple[str, str]) -> Labelled:
    """Of texts by word."""
    found, labels = zip(*pairs, strict=True)
    return [text.split() for text in found], labels


TRAIN = counted(
    ("Novak", "Czech"), ("Horak", "Czech"), ("Ivanov", "Russian"), ("Petrov", "Russian"), ("Ko", "Czech")
)


def test_the_majority_is_one_label_for_all() -> None:
    assert Majority(TRAIN[1]).predict([list("Petrov"), ["x"]]) == ["Czech", "Czech"]


def test_the_longest_ending_known_decides() -> None:
    texts = ["Popov", "Polak", "xyz", "Ko"]
    assert LongestEnding(*TRAIN).predict([list(text) for text in texts]) == [
        "Russian",
        "Czech",
        "Czech",
        "Czech",
    ]


def test_endings_are_of_tokens_and_a_long_sequence_has_few_of_them() -> None:
    train = sessions(("5 22 11", "ok"), ("5 5 2 11", "slow"), ("7 2 11", "slow"), ("11", "ok"))
    assert LongestEnding(*train).predict([["9", "2", "11"], ["22", "11"], ["1"], []]) == [
        "slow",
        "ok",
        "ok",
        "ok",
    ]
    found = endings([str(number) for number in range(100)])
    assert len(found) == LONGEST_ENDING + 2  # the whole, and the empty one
    assert [len(ending) for ending in found[:3]] == [100, LONGEST_ENDING, LONGEST_ENDING - 1]


def test_naive_bayes_by_hand() -> None:
    train, val = counted(("a", "A"), ("ab", "B"), ("ab", "B")), counted(("a", "A"), ("ab", "B"))
    model = NaiveBayes(train, val, 4, "ngram_naive_bayes")
    # 1-grams to 3-grams of <a>: < a > <a a> <a>; of <ab>: < a b > <a ab b> <ab ab> <ab>
    alpha = model.model.alpha
    grams_a, grams_b, kinds = 6, 2 * 10, 12
    share_a = np.log((1 + alpha) / (grams_a + alpha * kinds))
    columns, log_shares = model.grams.vocabulary_, model.model.feature_log_prob_
    assert log_shares[0, columns[("a",)]] == pytest.approx(share_a)
    share_b = np.log((2 + alpha) / (grams_b + alpha * kinds))
    assert log_shares[1, columns[("a", "b", "\x03")]] == pytest.approx(share_b)
    assert np.exp(model.model.class_log_prior_).tolist() == pytest.approx([1 / 3, 2 / 3])
    assert model.predict([["a"], ["a", "b"], ["a", "b", "?"]]) == ["A", "B", "B"]


def test_naive_bayes_over_words_and_the_words_that_speak_for_a_label() -> None:
    train = sessions(("a good film", "pos"), ("good play", "pos"), ("a bad film", "neg"), ("bad day", "neg"))
    model = NaiveBayes(train, train, 1, "word_naive_bayes")
    assert model.predict([["good", "good", "bad"], ["bad", "film"], ["new"]]) == ["pos", "neg", "neg"]
    alpha = model.model.alpha
    share = (2 + alpha) / (5 + alpha * 6)
    assert np.exp(model.model.feature_log_prob_[1, model.grams.vocabulary_[("good",)]]) == pytest.approx(
        share
    )
    assert model.telling(2) == [("neg", ["bad", "day"]), ("pos", ["good", "play"])]


def test_pairs_of_events_tell_orders_apart() -> None:
    train = sessions(("5 7", "up"), ("7 5", "down"), ("5 7", "up"), ("7 5", "down"))
    assert NaiveBayes(train, train, 2, "ngram_naive_bayes").predict([["7", "5"], ["5", "7"]]) == [
        "down",
        "up",
    ]
    best = dict(NaiveBayes(train, train, 2, "ngram_naive_bayes").telling(3))
    assert set(best["up"]) == {"<start> 5", "5 7", "7 <end>"}
