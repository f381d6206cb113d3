import numpy as np
import pytest

from seqlab.data.name_files import LabelledNames
from seqlab.evaluation.name_baselines import LongestEnding, Majority, NaiveBayes


def names(*pairs: tuple[str, str]) -> LabelledNames:
    found, labels = zip(*pairs, strict=True)
    return LabelledNames(found, labels, np.arange(len(pairs)), "here")


TRAIN = names(
    ("Novak", "Czech"), ("Horak", "Czech"), ("Ivanov", "Russian"), ("Petrov", "Russian"), ("Ko", "Czech")
)


def test_the_majority_is_one_label_for_all() -> None:
    assert Majority(TRAIN).predict(["Petrov", "x"]) == ["Czech", "Czech"]


def test_the_longest_ending_known_decides() -> None:
    assert LongestEnding(TRAIN).predict(["Popov", "Polak", "xyz", "Ko"]) == [
        "Russian",
        "Czech",
        "Czech",
        "Czech",
    ]


def test_naive_bayes_by_hand() -> None:
    model = NaiveBayes(names(("a", "A"), ("ab", "B"), ("ab", "B")), names(("a", "A"), ("ab", "B")))
    # 1-grams to 3-grams of <a>: < a > <a a> <a>; of <ab>: < a b > <a ab b> <ab ab> <ab>
    alpha = model.smoothing
    grams_a, grams_b, kinds = 6, 2 * 10, 12
    share_a = np.log((1 + alpha) / (grams_a + alpha * kinds))
    assert model.log_shares[0, model.columns["a"]] == pytest.approx(share_a)
    share_b = np.log((2 + alpha) / (grams_b + alpha * kinds))
    assert model.log_shares[1, model.columns["ab\x03"]] == pytest.approx(share_b)
    assert np.exp(model.log_prior).tolist() == pytest.approx([1 / 3, 2 / 3])
    assert model.predict(["a", "ab", "ab?"]) == ["A", "B", "B"]


def test_naive_bayes_over_words_and_the_words_that_speak_for_a_label() -> None:
    train = names(("a good film", "pos"), ("good play", "pos"), ("a bad film", "neg"), ("bad day", "neg"))
    model = NaiveBayes(train, train, "word_naive_bayes", str.split)
    assert model.predict(["good good bad", "bad film", "new"]) == ["pos", "neg", "neg"]
    alpha = model.smoothing
    share = (2 + alpha) / (5 + alpha * 6)
    assert np.exp(model.log_shares[1, model.columns["good"]]) == pytest.approx(share)
    assert model.telling(2) == [("neg", ["bad", "day"]), ("pos", ["good", "play"])]
