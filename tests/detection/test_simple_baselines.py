"""The baselines of other literatures, each beside numbers computed by hand."""

import math

import numpy as np
import pytest

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection import baselines
from seqlab.detection.baselines import (
    CountOutliers,
    EditDistance,
    EncodedSessions,
    SeenSessions,
    Stide,
)


class Training:
    """Training sessions, and others in their vocabulary; each is a text of keys."""

    def __init__(self, *sessions: str) -> None:
        self.vocabulary = Vocabulary.from_sessions(Sessions.from_lists(map(str.split, sessions)))
        self.encoded = self(*sessions)

    def __call__(self, *sessions: str) -> EncodedSessions:
        given = Sessions.from_lists(map(str.split, sessions))
        return EncodedSessions(self.vocabulary.encode(given), given.lengths)

    def stide(self, n: int) -> Stide:
        return Stide.fit(self.encoded, n, self.vocabulary.bos, self.vocabulary.eos)

    def edit_distance(self) -> EditDistance:
        return EditDistance.fit(self.encoded, SeenSessions.fit(self.encoded))


def test_stide_counts_n_grams_that_training_never_held_start_and_end_included() -> None:
    train = Training("1 2 3 4")  # ^^1 ^12 123 234 34$
    given = train(
        "1 2 3 4",
        "1 2 4",  # 124 and 24$
        "1 2 3",  # 23$
        "2",  # ^^2 and ^2$
        "1 9 3 4",  # ^19, 193 and 934
    )
    assert train.stide(3).scores(given).tolist() == [0, 2, 1, 2, 3]


def test_a_longer_n_gram_sees_farther_back() -> None:
    train = Training("1 2 2 2 2 3", "4 2 2 2 2 5")
    mixed = train("1 2 2 2 2 5")
    assert train.stide(3).scores(mixed).tolist() == [0]
    assert train.stide(6).scores(mixed).tolist() == [1]  # 122225; 22225$ is known


def test_stide_counts_within_twenty_consecutive_n_grams() -> None:
    train = Training("1 " * 30)  # ^^1 ^11 111 11$
    given = train(
        "1 " * 90,
        "1 " * 10 + "2 " + "1 " * 40 + "2 " + "1 " * 10,  # three around each 2, far from each other
        "1 " * 10 + "2 " + "1 " * 5 + "2 " + "1 " * 10,  # the same within one frame
        "2 " * 50,  # 51 of them unseen
        "1 " * 10 + "2",  # 112 and 12$; the next session is another frame
    )
    assert train.stide(3).scores(given).tolist() == [0, 3, 6, 20, 2]


def test_edit_distance_is_the_share_of_the_longer_session_that_differs() -> None:
    train = Training("1 2 3 4", "1 1")
    given = train(
        "1 1",
        "1 2 4",  # one of four
        "1 2 9 4",  # one of four
        "1",  # one of two
        "8 9",  # nothing in common
        "2 1 3 4",  # two neighbors in the other order are two edits
        "1 2 4",  # the same again
    )
    assert train.edit_distance().scores(given).tolist() == [0, 0.25, 0.25, 0.5, 1, 0.5, 0.25]


def test_of_long_sessions_the_first_and_the_last_events_are_compared() -> None:
    train = Training("1 " * 2000)
    given = train("1 " * 600 + "2 " + "1 " * 600, "1 " * 99 + "2 " + "1 " * 1900, "1 " * 1900 + "2 2")
    assert train.edit_distance().scores(given).tolist() == [0, 0.001, 0.002]


def test_a_part_of_many_training_sessions_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [f"1 {key} {key}" for key in range(2, 9)]
    whole = Training(*sessions)
    assert len(whole.edit_distance().training) == 7
    for name in ("MOST_STEPS", "FEWEST_STEPS"):
        monkeypatch.setattr(baselines, name, 250.0)  # a session: two pairs of some hundred steps
    part = Training(*sessions)
    detector = part.edit_distance()
    assert len(detector.training) == 2

    # what training held is nearest to itself all the same; the rest differs from the two in one or two keys
    assert detector.scores(part(*sessions)).tolist() == [0] * 7
    assert 1 / 3 <= detector.scores(part("1 2 3"))[0] <= 2 / 3


def test_an_isolation_forest_of_one_varying_key_by_hand() -> None:
    # Only key 1 varies, so every tree cuts between its counts 1 and 2. Path lengths: 1 to the single
    # session, 1 + c(2) = 2 to the pair; c(3) = 2 (ln 2 + Euler's constant) - 4 / 3.
    train = Training("1 2", "1 2", "1 1 2")
    forest = CountOutliers.isolation_forest(train.encoded, len(train.vocabulary))
    average = 2 * (math.log(2) + np.euler_gamma) - 4 / 3
    found = forest.scores(train("1 2", "2 1 1", "1 1 1 1 1 2"))
    assert found == pytest.approx([2 ** (-2 / average), 2 ** (-1 / average), 2 ** (-1 / average)])


def test_a_one_class_svm_around_one_vector_by_hand() -> None:
    # One support vector of weight nu: the score is -nu exp(-gamma d^2), gamma = 1 / (keys * variance).
    # 3 of 7 ids have log 2: variance 12/49 log(2)^2. One key less: d^2 = log(2)^2, so gamma d^2 = 7/12.
    train = Training("1 2 3", "3 2 1")
    assert len(train.vocabulary) == 7
    svm = CountOutliers.one_class_svm(train.encoded, 7)
    found = svm.scores(train("2 3 1", "1 2", "1 2 9"))
    expected = [0.05, 0.05 * math.exp(-7 / 12), 0.05 * math.exp(-2 * 7 / 12)]
    assert found == pytest.approx([-value for value in expected])


def test_equal_sessions_count_in_a_one_class_svm() -> None:
    # Weights of 1.98 and 0.02, their mean 1: of nu times 2, that is 0.1, the rare vector can have 0.02.
    train = Training(*["1 2"] * 99, "1 1 1 2")
    svm = CountOutliers.one_class_svm(train.encoded, len(train.vocabulary))
    common, rare = svm.scores(train("1 2", "1 1 1 2")).tolist()
    kernel = -(common + rare) / 0.1 - 1
    assert 0 < kernel < 1
    assert [common, rare] == pytest.approx([-0.08 - 0.02 * kernel, -0.02 - 0.08 * kernel], rel=1e-3)
