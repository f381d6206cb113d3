from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqlab.data.sequences import LABEL_UNKNOWN, Sessions
from seqlab.data.session_windows import SessionWindows
from seqlab.detection.baselines import EncodedSessions, SeenSessions
from seqlab.detection.thresholds import Threshold
from seqlab.errors import UserError
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.evaluation.detection_cautions import cautions


def outcome(**changes: Any) -> Any:
    """A run that nothing is to be said of: 1,000 normal test sessions of 5 events, 1 of them an alert."""
    values = {
        "alerts": np.arange(1000) < 1,
        "labels": np.zeros(1000, dtype=np.int8),
        "lengths": np.full(1000, 5),
        "train_lengths": np.full(3000, 5),
        "num_val": 300,
        "threshold": Threshold(7.9, "by hand", 0.001, 3300),
        "unseen_share": 0.0002,
        "unseen_floor": 7.901,
        "prevalence": None,
    } | changes
    unlabelled = bool((values["labels"] == LABEL_UNKNOWN).all())
    return SimpleNamespace(
        unlabelled=unlabelled,
        normal=(values["labels"] == 0) | unlabelled,
        alerts=values["alerts"],
        sessions=SimpleNamespace(labels=values["labels"], lengths=values["lengths"]),
        detector=SimpleNamespace(
            num_val=values["num_val"],
            thresholds={"combined": values["threshold"]},
            fitted=SimpleNamespace(unseen_share=values["unseen_share"], unseen_floor=values["unseen_floor"]),
            trivial=SimpleNamespace(train_lengths=values["train_lengths"]),
        ),
        main_score="combined",
        target_fpr=0.001,
        prevalence=values["prevalence"],
    )


def said(**changes: Any) -> list[str]:
    return cautions(outcome(**changes))


def test_a_run_as_it_should_be_has_no_warning() -> None:
    assert said() == []


def test_few_validation_sessions_are_counted() -> None:
    (sentence,) = said(num_val=6)
    assert sentence.startswith("this threshold rests on 6 validation sessions: ")
    assert said(num_val=1)[0].startswith("this threshold rests on 1 validation session: ")


def test_an_aim_that_the_normals_cannot_support_is_told_with_how_many_it_takes() -> None:
    (sentence,) = said(threshold=Threshold(3.0, "by hand", 1 / 43, 42))
    assert sentence == (
        "42 normal sessions can support no aim below 0.023, so about 2.3% of normal sessions will be alerts, "
        "not 0.001: an aim of 0.001 takes 999 normal sessions"
    )
    assert said(threshold=Threshold(3.0, "by hand", 0.0007, 1400)) == []  # what an unseen key costs is off it


def test_unseen_keys_that_are_no_alerts_by_themselves_are_told() -> None:
    (sentence,) = said(unseen_share=0.31, unseen_floor=-np.inf)
    assert sentence == (
        "31.0% of normal sessions hold a key that no other one holds, more than the aim allows: a key that "
        "training never showed is no alert by itself"
    )


def test_more_false_alarms_than_three_times_the_aim_are_told_where_chance_does_not_explain_them() -> None:
    assert said(alerts=np.arange(1000) < 3) == []
    # 1 is expected of 1,000 sessions: 4 or more come by chance in 1.9 % of cases, 5 or more in 0.4 %
    assert said(alerts=np.arange(1000) < 4) == []
    (sentence,) = said(alerts=np.arange(1000) < 5)
    assert sentence.startswith(
        "5 of 1,000 normal test sessions (0.50%) are alerts, 5 times the aim of 0.001: "
    )


def test_alerts_of_abnormal_sessions_are_no_false_alarms() -> None:
    labels = (np.arange(1000) < 9).astype(np.int8)
    assert said(alerts=labels == 1, labels=labels) == []


def test_without_labels_all_sessions_count_beside_the_share_known_to_be_abnormal() -> None:
    labels = np.full(1000, LABEL_UNKNOWN, dtype=np.int8)
    (sentence,) = said(alerts=np.arange(1000) < 30, labels=labels)
    assert sentence.startswith("30 of 1,000 test sessions (3.00%) are alerts, 30 times the aim of 0.001: ")
    assert said(alerts=np.arange(1000) < 30, labels=labels, prevalence=0.03) == []


def test_other_lengths_are_told_of_normal_test_sessions_alone() -> None:
    longer = np.where(np.arange(1000) < 500, 9, 5)
    (sentence,) = said(lengths=longer)
    assert sentence.startswith("normal test sessions have other lengths than training sessions: 5 / 7 / 9 ")
    assert "distance 0.50" in sentence
    assert said(lengths=longer, labels=(longer == 9).astype(np.int8)) == []
    assert said(lengths=np.where(np.arange(1000) < 90, 9, 5)) == []  # a distance of 0.09, and p below 1e-4


def test_a_session_is_seen_where_every_key_and_their_order_are_equal() -> None:
    train = Sessions.from_lists([["1", "2"], ["1"], ["2", "2", "1"]])
    known = SeenSessions.fit(EncodedSessions(train.codes, train.lengths))
    assert len(known.digests) == 3
    # 1 2 | 2 1 | 1 | 1 2 2 | 2 2 1 | 1 1: codes are 0 for key 1, 1 for key 2
    codes, lengths = np.array([0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0]), np.array([2, 2, 1, 3, 3, 2])
    assert known.seen(EncodedSessions(codes, lengths)).tolist() == [True, False, True, False, True, False]


def with_splits(datamodule: SessionWindows, train: Sequence[str], val: Sequence[str]) -> SessionWindows:
    """The data with other sessions, as text of one-letter keys, in two of its splits."""
    from seqlab.data.vocabulary import Vocabulary

    parts = {"train": Sessions.from_lists(map(list, train)), "val": Sessions.from_lists(map(list, val))}
    datamodule._splits.update(parts)
    datamodule.vocabulary = Vocabulary.from_sessions(parts["train"])
    return datamodule


@pytest.mark.parametrize(
    ("train", "val", "message"),
    [
        (["ab"] * 5, ["ab"], "5 normal sessions to train on: too few"),
        (["ab"] * 10, ["ab"], "1 normal session to validate on: too few"),
        (["ab"] * 10, ["ax", "b", "yx"], "2 of 3 validation sessions hold a key that training never showed"),
        (["ab"] * 10, ["x"] * 40, "40 of 40 validation sessions hold a key that training never showed"),
    ],
)
def test_sessions_that_no_threshold_can_come_from_are_refused(
    windows: Callable[..., SessionWindows], train: list[str], val: list[str], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        DetectionEvaluation().check(with_splits(windows(), train, val))
    assert str(caught.value).startswith(message)


def test_two_validation_sessions_without_unseen_keys_are_enough(
    windows: Callable[..., SessionWindows],
) -> None:
    DetectionEvaluation().check(with_splits(windows(), ["ab"] * 10, ["ax", "b", "a"]))


def test_the_check_reads_no_test_session(windows: Callable[..., SessionWindows]) -> None:
    datamodule = windows()
    datamodule._splits["test"] = replace(datamodule._splits.data["test"], codes=None, offsets=None)
    DetectionEvaluation().check(datamodule)
