import numpy as np
import pytest

from seqlab.detection import counts as module
from seqlab.detection.counts import (
    NearestCounts,
    count_matrix,
    distinct_vectors,
    is_known,
    l1_distances,
    sum_over_keys,
)


def test_counts_by_hand() -> None:
    counts = count_matrix(np.array([0, 2, 2, 1, 3, 3, 3]), np.array([3, 1, 3]), 5)
    assert counts.tolist() == [[1, 0, 2, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 3, 0]]


def test_equal_vectors_are_found_whatever_the_order_of_events() -> None:
    counts = count_matrix(np.array([0, 1, 1, 1, 0, 1, 2]), np.array([3, 3, 1]), 3)
    distinct, which = distinct_vectors(counts)
    assert len(distinct) == 2
    assert which[0] == which[1] != which[2]
    assert np.array_equal(distinct[which], counts)


@pytest.mark.parametrize("largest", [100, 100_001])  # to the power of 60: no 64-bit code holds such numbers
def test_distinct_vectors_of_many_columns_with_large_counts(largest: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, largest, size=(50, 60)).astype(np.int32)
    counts = rows[rng.integers(0, 50, size=400)]
    distinct, which = distinct_vectors(counts)
    assert np.array_equal(distinct, np.unique(counts, axis=0))
    assert np.array_equal(distinct[which], counts)


def test_known_rows_are_told_from_new_ones() -> None:
    vectors = np.array([[1, 0, 2], [0, 0, 0]], dtype=np.int32)
    rows = np.array([[1, 0, 3], [0, 0, 0], [1, 0, 2], [2, 0, 1], [1, 0, 2]], dtype=np.int32)
    assert is_known(rows, vectors).tolist() == [False, True, True, False, True]
    assert is_known(rows[:0], vectors).tolist() == []


@pytest.mark.parametrize("cells", [1, 120, 2**20])
def test_distance_equals_a_plain_loop(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_CELLS", cells)
    rng = np.random.default_rng(1)
    train = rng.integers(0, 6, size=(40, 5)).astype(np.int32)
    other = rng.integers(0, 9, size=(60, 5)).astype(np.int32)
    other[30:] = other[:30]
    other[7] = train[3]
    expected = [min(sum(abs(a - b) for a, b in zip(x, y, strict=True)) for y in train) for x in other]
    assert NearestCounts.fit(train).distance(other).tolist() == expected


def test_distance_is_the_fewest_events_to_add_or_take_away() -> None:
    nearest = NearestCounts.fit(np.array([[2, 0, 1], [0, 3, 0]], dtype=np.int32))
    given = np.array([[2, 0, 1], [2, 1, 1], [0, 0, 0], [0, 3, 4]], dtype=np.int32)
    assert nearest.distance(given).tolist() == [0, 1, 3, 4]
    assert nearest.difference(given[3]).tolist() == [0, 0, 4]


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
def test_rare_and_common_keys_are_summed_alike(share: float) -> None:
    rng = np.random.default_rng(3)
    rows, vectors = (
        (rng.integers(1, 9, size=(size, 20)) * (rng.random((size, 20)) < share)).astype(np.int32)
        for size in (50, 70)
    )
    apart = np.abs(rows[:, None] - vectors)
    assert np.array_equal(l1_distances(rows, vectors), apart.sum(axis=2))
    prices = rng.random((20, 10))
    prices[:, 0] = 0
    found = sum_over_keys(rows, vectors, lambda key, apart: prices[key][apart], np.dtype(np.float64))
    np.testing.assert_allclose(found, prices[np.arange(20), apart].sum(axis=2), atol=1e-9)


def test_a_row_s_sums_are_the_same_to_the_bit_whatever_stands_beside_it() -> None:
    rng = np.random.default_rng(4)
    rows, vectors = (
        (rng.integers(1, 9, size=(size, 30)) * (rng.random((size, 30)) < 0.3)).astype(np.int32)
        for size in (40, 60)
    )
    prices = rng.random((30, 10))
    prices[:, 0] = 0

    def costs(of: np.ndarray) -> np.ndarray:
        return sum_over_keys(of, vectors, lambda key, apart: prices[key][apart], np.dtype(np.float64))

    assert np.array_equal(np.concatenate([costs(row[None]) for row in rows]), costs(rows))
