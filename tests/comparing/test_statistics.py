import math

import numpy as np
import pytest

from seqlab.comparing.statistics import spread, weighted_interval


def test_one_value_has_no_spread() -> None:
    found = spread((2.5,))
    assert (found.n, found.mean, found.std, found.low, found.high) == (1, 2.5, None, None, None)


def test_four_values_by_hand() -> None:
    # Of 4 ** 4 = 256 resamples of 0, 4, 8, 12 the sums 0, 4, 8 come 1, 4 and 10 times. 2.5 % are 6.4
    # resamples, so the mean of the sum 8 is the lower end; the upper one mirrors it.
    found = spread((0, 4, 8, 12))
    assert found.mean == 6
    assert found.std == pytest.approx(math.sqrt((36 + 4 + 4 + 36) / 3))
    assert (found.low, found.high) == (2, 10)


def test_few_values_span_their_range() -> None:
    assert (spread((0, 1)).low, spread((0, 1)).high) == (0, 1)
    # All three alike: 1 of 27 resamples, 3.7 % > 2.5 %
    assert (spread((0, 3, 6)).low, spread((0, 3, 6)).high) == (0, 6)


def test_many_values_agree_with_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(10, 2, size=200)
    found = spread(tuple(values.tolist()))
    half = 1.96 * values.std() / math.sqrt(200)
    assert found.low == pytest.approx(values.mean() - half, abs=0.05)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05)
    assert found == spread(tuple(values.tolist()))


def test_weights_are_drawn_with_their_items() -> None:
    # Half of the items say 1 and weigh 3, half say 0 and weigh 1: a resample with k of n first ones has the
    # mean 3k / (3k + n - k). For n = 100 the 2.5 % and 97.5 % points of k are about 40 and 60.
    values, weights = np.repeat([1.0, 0.0], 50), np.repeat([3.0, 1.0], 50)
    low, high = weighted_interval(values, weights)
    assert low == pytest.approx(120 / 180, abs=0.01)
    assert high == pytest.approx(180 / 220, abs=0.01)
