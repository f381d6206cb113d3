import numpy as np
import pytest
from numpy.typing import NDArray

from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import index_windows
from seqlab.detection.counts import CountCosts, NearestCounts
from seqlab.detection.judge import Judge
from seqlab.detection.scorers import Remembered, WindowScorer, softmax
from seqlab.detection.session_scores import SessionScores


def judge_of(vocabulary: Vocabulary) -> Judge:
    """One that takes the network at its word."""
    nearest = NearestCounts(np.zeros((1, len(vocabulary)), dtype=np.int32))
    costs = CountCosts.fit(nearest.vectors)[0]
    fitted = SessionScores(("nll_max",), {}, 0.0, nearest, costs, 1.0, vocabulary.unk, 0.0, -np.inf)
    return Judge("nll_max", {"nll_max": 1.0}, 0.0, fitted, vocabulary, 0.0)


class Counting:
    """A network whose output is a fixed function of its context; counts what it is asked."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, contexts: NDArray[np.int64]) -> NDArray[np.float32]:
        assert contexts.dtype == np.int64
        self.asked += [tuple(row) for row in contexts.tolist()]
        rows = [np.random.default_rng(row).normal(size=self.size) for row in contexts.tolist()]
        return np.asarray(rows, dtype=np.float32)


def test_contexts_are_computed_once_and_the_ones_asked_for_longest_ago_are_forgotten() -> None:
    network = Counting(5)
    remembered = Remembered(network, 5, most=3)
    rows = np.array([[1, 1], [2, 2], [3, 3], [4, 4]])
    plain = network(rows.astype(np.int64))
    network.asked.clear()
    np.testing.assert_array_equal(remembered(rows[:3]), plain[:3])
    np.testing.assert_array_equal(remembered(rows[[2, 0]]), plain[[2, 0]])
    assert network.asked == [(1, 1), (2, 2), (3, 3)]
    np.testing.assert_array_equal(remembered(rows[[3]]), plain[[3]])  # takes the place of 2
    np.testing.assert_array_equal(remembered(rows[[0, 2, 3]]), plain[[0, 2, 3]])
    assert network.asked[3:] == [(4, 4)]
    np.testing.assert_array_equal(remembered(rows), plain)
    assert network.asked[4:] == [(2, 2)]


@pytest.mark.parametrize("most", [1, 7, 5000])
def test_outputs_do_not_depend_on_what_is_remembered(most: int) -> None:
    network = Counting(3)
    remembered = Remembered(network, 3, most=most)
    rng = np.random.default_rng(0)
    for count in (1, 20, 3000, 0, 4):
        rows = np.unique(rng.integers(0, 60, size=(count, 2)), axis=0)
        expected = network(rows.astype(np.int64)) if len(rows) else np.zeros((0, 3))
        np.testing.assert_array_equal(remembered(rows), expected)


SESSIONS = Sessions.from_lists([["1", "2", "1"], ["2"], ["3", "1", "2", "2", "1", "3"]])


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
def test_windows_before_a_place_are_those_of_batch_scoring(context: str) -> None:
    vocabulary = Vocabulary.from_sessions(SESSIONS)
    scorer = WindowScorer(Counting(len(vocabulary)), judge_of(vocabulary), 3, context)
    tokens = vocabulary.encode(SESSIONS)
    index = index_windows(tokens, SESSIONS.lengths, vocabulary, 3, context)
    for session in range(len(SESSIONS)):
        own = tokens[SESSIONS.offsets[session] : SESSIONS.offsets[session + 1]]
        first, count = int(index.first_target[session]), int(index.num_targets[session])
        for step in range(count):
            place = int(index.first_key[session]) + step
            expected = index.contexts(np.array([first + step]))[0]
            np.testing.assert_array_equal(scorer._window(own, place), expected)


def test_nll_and_rank_are_those_of_the_logits() -> None:
    vocabulary = Vocabulary.from_sessions(SESSIONS)
    network = Counting(len(vocabulary))
    scorer = WindowScorer(network, judge_of(vocabulary), 2, "from_start")
    tokens = np.array([4, 5, vocabulary.unk], dtype=np.int32)
    scored = scorer.surprise(tokens, np.array([3]))
    logits = network(np.array([[vocabulary.pad, vocabulary.bos], [vocabulary.bos, 4], [4, 5], [5, 3]]))
    expected = -np.log(softmax(logits))
    np.testing.assert_allclose(scored.nll[:2], [expected[0, 4], expected[1, 5]], rtol=1e-6)
    assert scored.nll[2] == 100
    assert scored.rank[2] == len(vocabulary) + 1
    assert scored.rank[0] == 1 + int((logits[0] > logits[0, 4]).sum())
    np.testing.assert_allclose(scored.nll[3], expected[3, vocabulary.eos], rtol=1e-6)


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
@pytest.mark.parametrize("new", [1, 2, 6])
def test_the_newest_events_of_open_sessions_are_scored_as_in_whole_ones(context: str, new: int) -> None:
    vocabulary = Vocabulary.from_sessions(SESSIONS)
    scorer = WindowScorer(Counting(len(vocabulary)), judge_of(vocabulary), 3, context)
    tokens = vocabulary.encode(SESSIONS)[SESSIONS.offsets[2] :]  # six
    whole = scorer.surprise(tokens, np.array([6]))
    kept = tokens[max(6 - new - 3, 0) :]
    found = scorer.newest(kept, np.array([len(kept)]), np.array([new]), np.array([6 - new]))
    blind = int(whole.first_key[0])
    expected = np.concatenate((np.full(blind, np.nan), whole.nll[:-1]))[6 - new :]
    np.testing.assert_array_equal(found.nll, expected)
    ranks = np.concatenate((np.zeros(blind, dtype=np.int64), whole.rank[:-1]))[6 - new :]
    np.testing.assert_array_equal(found.rank, ranks)
