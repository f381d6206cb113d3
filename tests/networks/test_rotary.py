import math

import torch

from seqlab.networks.rotary import turned, turns


def test_the_angles_by_hand() -> None:
    """Of a head of 4 the second pair turns 100 times slower: 10,000 ** (-2 / 4)."""
    found = turns(3, 4, torch.zeros(()))
    expected = [[0.0, 0.0], [1.0, 0.01], [2.0, 0.02]]
    torch.testing.assert_close(found.cos, torch.tensor(expected).cos())
    torch.testing.assert_close(found.sin, torch.tensor(expected).sin())


def test_a_vector_is_turned_by_hand() -> None:
    """(1, 0) by one radian is (cos 1, sin 1); numbers i and i + D / 2 are a pair."""
    vector = torch.tensor([[1.0, 2.0, 0.0, 0.0]]).expand(2, 4)
    found = turned(vector, turns(2, 4, vector))
    assert found[0].tolist() == [1.0, 2.0, 0.0, 0.0]
    expected = [math.cos(1), 2 * math.cos(0.01), math.sin(1), 2 * math.sin(0.01)]
    torch.testing.assert_close(found[1], torch.tensor(expected))


def test_scores_know_the_distance_alone() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 8)
    by = turns(3000, 8, query)
    queries, keys = turned(query.expand(3000, 8), by), turned(key.expand(3000, 8), by)
    for distance in (0, 1, 17, 400):
        scores = (queries[distance:] * keys[: 3000 - distance]).sum(dim=1)
        torch.testing.assert_close(scores, scores[:1].expand_as(scores), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(queries[5] @ keys[5], queries[6] @ keys[5], atol=1e-3)


def test_half_precision_stays_half() -> None:
    vectors = torch.randn(5, 4, dtype=torch.bfloat16)
    assert turned(vectors, turns(5, 4, vectors)).dtype == torch.bfloat16
