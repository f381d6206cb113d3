from math import log

import numpy as np
import pytest
import torch

from seqlab.detection import counts as module
from seqlab.detection.counts import CountCosts


def vectors(*rows: tuple[int, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.int32)


# Five sessions over three keys: three alike, and two like no other. They differ in the second key only.
NORMALS = vectors((1, 3, 0), (1, 5, 0), (1, 3, 0), (1, 9, 0), (1, 3, 0))
NOVELTY = log(2)  # of 5 sessions 2 have new counts, and 3 of 6 with the imagined next one
OFTEN, NEVER = (
    log(8 / 7),
    log(8),
)  # 3 of 3 vectors differ from their nearest in the second key, none in others


def test_costs_by_hand() -> None:
    costs, _ = CountCosts.fit(NORMALS)
    assert costs.vectors.tolist() == [[1, 3, 0], [1, 5, 0], [1, 9, 0]]
    assert costs.copies.tolist() == [3, 1, 1]
    assert costs.key_costs == pytest.approx([NEVER, OFTEN, NEVER])
    assert costs.novelty == pytest.approx(NOVELTY)
    given = vectors((1, 3, 0), (1, 4, 0), (1, 7, 0), (2, 3, 0), (1, 3, 4), (1, 109, 0), (0, 0, 0))
    assert costs.cost(given) == pytest.approx(
        [
            0,
            NOVELTY + OFTEN,
            NOVELTY + OFTEN + 0.5 * log(2),
            NOVELTY + NEVER,
            NOVELTY + NEVER + 0.5 * log(4),
            NOVELTY + OFTEN + 0.5 * log(100),
            NOVELTY + NEVER + OFTEN + 0.5 * log(3),
        ]
    )


def test_the_nearest_is_the_cheapest_not_the_one_with_fewest_events_between() -> None:
    costs, _ = CountCosts.fit(vectors((0, 0), (0, 4), (0, 9), (1, 30), (1, 41)))
    # (1, 9) is one event of the first key from (0, 9), and 21 of the second from (1, 30): those come and go
    assert costs.key_costs[0] > costs.key_costs[1] + 0.5 * log(21)
    assert costs.cost(vectors((1, 9))) == pytest.approx([costs.novelty + costs.key_costs[1] + 0.5 * log(21)])


def test_the_difference_is_to_the_vector_from_which_it_costs_least() -> None:
    costs, _ = CountCosts.fit(NORMALS)
    given = vectors((1, 3, 0), (1, 8, 0), (0, 3, 2), (3, 30, 0))
    found = [costs.difference(row).tolist() for row in given]
    assert found == [[0, 0, 0], [0, -1, 0], [-1, 0, 2], [2, 21, 0]]


def test_each_session_is_left_out_of_what_it_is_measured_by() -> None:
    _, left_out = CountCosts.fit(NORMALS)
    five = NOVELTY + OFTEN + 0.5 * log(2)  # from 3
    nine = NOVELTY + OFTEN + 0.5 * log(4)  # from 5
    assert left_out == pytest.approx([0, five, 0, nine, 0])


def test_equally_near_vectors_share() -> None:
    costs, _ = CountCosts.fit(vectors((0, 0), (1, 0), (0, 1)))
    # (0, 0) is as near to one as to the other, half a difference in each key; they are nearest to it
    assert costs.key_costs == pytest.approx([-log((1.5 + 0.5) / 4)] * 2)


def test_added_sessions_count_as_if_they_had_been_there_from_the_start() -> None:
    whole, left_out = CountCosts.fit(NORMALS)
    some, _ = CountCosts.fit(NORMALS[:3])
    more, left_out_of_more = CountCosts.fit(NORMALS[3:], some)
    assert np.array_equal(more.vectors, whole.vectors)
    assert more.copies.tolist() == whole.copies.tolist()
    assert (more.key_costs.tolist(), more.novelty) == (whole.key_costs.tolist(), whole.novelty)
    assert left_out_of_more.tolist() == left_out[3:].tolist()


def test_normals_that_are_all_alike() -> None:
    costs, left_out = CountCosts.fit(vectors((2, 1), (2, 1), (2, 1)))
    assert left_out.tolist() == [0, 0, 0]
    assert costs.novelty == pytest.approx(log(4))
    # nothing to learn a difference from: every key differs or not, one as likely as the other
    assert costs.cost(vectors((2, 1), (2, 2))) == pytest.approx([0, log(4) + log(2)])


def test_one_session_alone() -> None:
    costs, left_out = CountCosts.fit(vectors((2, 1)))
    assert left_out.tolist() == [0]
    assert np.isfinite(costs.cost(vectors((9, 0)))).all()


@pytest.mark.parametrize("cells", [1, 300])
def test_blocks_change_nothing(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    normals, other = (rng.integers(0, 4, size=(80, 4)).astype(np.int32) for _ in range(2))
    expected, expected_left_out = CountCosts.fit(normals)
    monkeypatch.setattr(module, "BLOCK_CELLS", cells)
    costs, left_out = CountCosts.fit(normals)
    assert costs.key_costs == pytest.approx(expected.key_costs)
    assert left_out == pytest.approx(expected_left_out)
    assert costs.cost(other) == pytest.approx(expected.cost(other))


def test_costs_equal_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    normals, other = (rng.integers(0, 5, size=(60, 3)).astype(np.int32) for _ in range(2))
    costs, _ = CountCosts.fit(normals)

    def between(one: np.ndarray, two: np.ndarray) -> float:
        apart = [abs(int(a) - int(b)) for a, b in zip(one, two, strict=True)]
        return sum(price + 0.5 * log(d) for price, d in zip(costs.key_costs, apart, strict=True) if d)

    known = {tuple(row) for row in normals.tolist()}
    expected = [
        0.0 if tuple(row.tolist()) in known else costs.novelty + min(between(row, one) for one in normals)
        for row in other
    ]
    assert costs.cost(other) == pytest.approx(expected)


def test_of_many_vectors_evenly_spaced_ones_set_the_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    normals = vectors((0, 0), (1, 0), (5, 5), (5, 6), (9, 9))
    monkeypatch.setattr(module, "MOST_COMPARED", 3)
    costs, _ = CountCosts.fit(normals)
    # of the sorted rows the first, third and fifth: they differ in the first key, the second, and in both
    assert costs.key_costs == pytest.approx([-log(2.5 / 4), -log(2.5 / 4)])


def test_state_survives_a_checkpoint(tmp_path: object) -> None:
    costs, _ = CountCosts.fit(NORMALS)
    torch.save(costs.state(), tmp_path / "state.pt")
    again = CountCosts.from_state(torch.load(tmp_path / "state.pt", weights_only=True))
    given = vectors((1, 4, 0), (7, 7, 7))
    assert again.cost(given).tolist() == costs.cost(given).tolist()
    assert again.copies.tolist() == costs.copies.tolist()


def test_equal_costs_are_equal_to_the_bit() -> None:
    rng = np.random.default_rng(5)
    normals = (rng.integers(1, 6, size=(400, 30)) * (rng.random((400, 30)) < 0.2)).astype(np.int32)
    costs, left_out = CountCosts.fit(normals)
    for found in (left_out, costs.cost((normals + rng.integers(0, 2, size=normals.shape)).astype(np.int32))):
        distinct = np.unique(found)
        assert (np.diff(distinct) > 1e-10).all()
