import numpy as np
import pytest

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.baselines import BASELINES, RULES, EncodedSessions, TrivialDetectors

TRAIN = [["1", "2", "3"], ["1", "2", "2", "3"], ["1", "2", "3", "3", "3"]]
VOCABULARY = Vocabulary.from_sessions(Sessions.from_lists(TRAIN))


def encoded(*sessions: list[str]) -> EncodedSessions:
    given = Sessions.from_lists(sessions)
    return EncodedSessions(VOCABULARY.encode(given), given.lengths)


# every validation session is at distance 0 of training, so the threshold is 0 too
DETECTORS = TrivialDetectors.fit(
    encoded(*TRAIN), encoded(["1", "2", "3"], ["1", "2", "2", "3"]), VOCABULARY, 0.002
)


def scores(rule: str, *sessions: list[str]) -> list[float]:
    return DETECTORS.scores(encoded(*sessions))[rule].tolist()


def test_new_event_counts_keys_that_training_never_showed() -> None:
    assert scores("new_event", ["1", "2", "3"], ["1", "7", "3", "8", "7"], ["9"]) == [0, 3, 1]


def test_length_counts_keys_beyond_the_shortest_and_longest() -> None:
    assert scores("length", ["1"], ["1"] * 2, ["1"] * 3, ["1"] * 5, ["1"] * 8) == [2, 1, 0, 0, 3]


def test_two_gram_counts_unseen_pairs_with_start_and_end() -> None:
    given = (
        ["1", "2", "3"],
        ["2", "3"],  # starts with 2
        ["1", "2"],  # ends with 2
        ["1", "3", "2", "3"],  # 1 3 and 3 2
        ["3", "2", "1"],  # start 3, 3 2, 2 1, 1 end
        ["1", "2", "9", "3"],  # 2 9 and 9 3
        ["1", "2", "2", "2", "2", "3", "3"],  # each pair is known
    )
    assert scores("2-gram", *given) == [0, 1, 1, 2, 4, 2, 0]


def test_event_length_count_is_any_of_three_rules() -> None:
    given = (
        ["3", "2", "1"],  # the counts of a training session, in another order
        ["1", "2", "3", "3"],  # one event from two training sessions
        ["1", "1", "1", "1"],  # three 1 too many, no 2 and no 3: 5 events from the first
        ["1", "2", "9"],  # an unseen key
        ["1", "2"],  # too short
        ["1", "2", "3", "3", "3", "3"],  # too long
    )
    assert scores("event_length_count", *given) == [0, 1, 5, np.inf, np.inf, np.inf]


def test_a_rule_is_broken_above_its_threshold() -> None:
    thresholds = DETECTORS.thresholds
    assert tuple(thresholds) == BASELINES
    assert {name: thresholds[name] for name in RULES} == dict.fromkeys(RULES, 0.0)
    found = DETECTORS.scores(encoded(["1", "2", "3"], ["7"]))
    assert {name: (found[name] > thresholds[name]).tolist() for name in RULES} == {
        name: [False, True] for name in RULES
    }


def test_thresholds_of_the_others_come_from_validation_at_the_aim() -> None:
    val = encoded(*[["1", "2", "3"]] * 98, ["3", "2", "1", "1"], ["1", "1", "1", "1"])
    detectors = TrivialDetectors.fit(encoded(*TRAIN), val, VOCABULARY, 0.1)
    others = [name for name in BASELINES if name not in RULES]
    assert list(detectors.scorers) == others
    thresholds, scores = detectors.thresholds, detectors.scores(val)
    for name in ("stide_3", "stide_6", "edit_distance"):  # 98 of 100 are sessions of training
        assert (scores[name] > thresholds[name]).tolist() == [False] * 98 + [True] * 2
    for name in ("isolation_forest", "one_class_svm"):
        assert (scores[name] > thresholds[name]).sum() <= 10


def test_the_count_threshold_comes_from_validation() -> None:
    val = encoded(*[["1", "2", "3"]] * 99, ["1", "1", "1", "1"])
    detectors = TrivialDetectors.fit(encoded(*TRAIN), val, VOCABULARY, 0.1)
    assert detectors.thresholds["event_length_count"] == 0.0  # 1 % lies above, 10 % may
    stricter = TrivialDetectors.fit(encoded(*TRAIN), val, VOCABULARY, 0.001)
    assert stricter.thresholds["event_length_count"] > 5.0


def test_a_session_is_scored_alone_as_beside_others() -> None:
    given = (["1", "2"], ["7"], ["1", "2", "3"], ["3", "2", "1", "1", "1", "1"])
    alone = [DETECTORS.scores(encoded(session)) for session in given]
    for rule, found in DETECTORS.scores(encoded(*given)).items():
        assert found == pytest.approx([single[rule][0] for single in alone])
