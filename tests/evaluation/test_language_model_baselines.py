import math

import numpy as np
import pytest

from seqlab.evaluation.language_model_baselines import NgramModel

TRAIN = np.array([1, 2, 1, 2, 1, 3])
V = 4


def test_one_token_by_hand() -> None:
    """Counts 3, 2, 1 of 6; 3 types share as much as 3 occurrences over 4 tokens: (count + 3/4) / 9."""
    found = NgramModel(TRAIN, V, 1).nll(np.array([0, 1, 2, 3, 0]))
    np.testing.assert_allclose(found, -np.log([3.75 / 9, 2.75 / 9, 1.75 / 9, 0.75 / 9]))


def test_two_tokens_by_hand() -> None:
    """After 1 came 2 twice and 3 once: (count + 2 p1) / (3 + 2); 3 was followed by nothing: p1 alone."""
    p1 = {1: 3.75 / 9, 2: 2.75 / 9, 3: 1.75 / 9}
    found = NgramModel(TRAIN, V, 2).nll(np.array([1, 2, 1, 3, 1]))
    expected = [(2 + 2 * p1[2]) / 5, (2 + 1 * p1[1]) / 3, (1 + 2 * p1[3]) / 5, p1[1]]
    np.testing.assert_allclose(found, -np.log(expected))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_of_all_followers_sum_to_one(order: int) -> None:
    rng = np.random.default_rng(0)
    model = NgramModel(rng.integers(0, V, 300), V, order)
    for context in rng.integers(0, V, (20, 6)):
        nll = [model.nll(np.append(context, token))[-1] for token in range(V)]
        assert sum(math.exp(-value) for value in nll) == pytest.approx(1.0)


def test_longer_contexts_help_where_there_is_something_to_remember() -> None:
    tokens = np.tile([0, 1, 0, 2, 0, 3], 50)
    losses = [NgramModel(tokens[:200], V, order).nll(tokens[200:]).mean() for order in (1, 2, 3)]
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] < 0.2


def test_short_texts_and_names() -> None:
    assert NgramModel(np.array([1]), V, 3).name == "3-gram"
    assert NgramModel(np.array([1]), V, 3).nll(np.array([1, 2])).shape == (1,)
    with pytest.raises(ValueError, match="order=0"):
        NgramModel(TRAIN, V, 0)
    with pytest.raises(ValueError, match="below 2"):
        NgramModel(TRAIN, 10_000, 5)
