from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from seqlab.data.loaders import IndexBatches, TokenLimit, batch_loader
from seqlab.errors import UserError


def epoch(batches: IndexBatches, number: int = 0) -> list[list[int]]:
    batches.set_epoch(number)
    return [batch.tolist() for batch in batches]


def flat(batches: list[list[int]]) -> list[int]:
    return [item for batch in batches for item in batch]


LENGTHS = torch.tensor([3, 40, 4, 38, 1, 39, 2, 41, 3, 37] * 3)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["plain", "bucketing"])
@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(1, [1] * 30), (7, [2, 7, 7, 7, 7]), (30, [30]), (64, [30])]
)
def test_every_item_once_an_epoch(lengths: Tensor | None, batch_size: int, sizes: list[int]) -> None:
    batches = IndexBatches(30, batch_size, seed=0, lengths=lengths)
    for number in range(3):
        found = epoch(batches, number)
        assert sorted(flat(found)) == list(range(30))
        assert sorted(map(len, found)) == sizes
        assert len(batches) == len(sizes)


def test_the_partial_batch_comes_last_without_bucketing() -> None:
    assert [len(batch) for batch in epoch(IndexBatches(10, 4, seed=0))] == [4, 4, 2]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["plain", "bucketing"])
def test_order_depends_on_seed_and_epoch_alone(lengths: Tensor | None) -> None:
    def order(seed: int, number: int) -> list[list[int]]:
        return epoch(IndexBatches(30, 4, seed=seed, lengths=lengths), number)

    reused = IndexBatches(30, 4, seed=5, lengths=lengths)
    epoch(reused, 0)
    torch.manual_seed(123)
    torch.rand(7)
    assert epoch(reused, 1) == order(5, 1)
    assert order(5, 0) != order(5, 1)
    assert order(5, 0) != order(6, 0)
    assert order(5, 1) != order(6, 0)
    assert flat(order(5, 0)) != list(range(30))


def test_drawing_batches_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    epoch(IndexBatches(30, 4, seed=5, lengths=LENGTHS))
    assert torch.equal(torch.rand(3), expected)


def test_unshuffled_batches_count_up() -> None:
    batches = IndexBatches(7, 3, seed=0, shuffle=False)
    assert epoch(batches, 0) == epoch(batches, 4) == [[0, 1, 2], [3, 4, 5], [6]]


def padding(batches: list[list[int]]) -> int:
    """Steps that are padding where each batch is padded to its longest item."""
    lengths = [LENGTHS[batch] for batch in batches]
    return sum(int((part.max() - part).sum()) for part in lengths)


def test_bucketing_puts_similar_lengths_together() -> None:
    for number in range(5):
        bucketed = epoch(IndexBatches(30, 5, seed=2, lengths=LENGTHS), number)
        plain = epoch(IndexBatches(30, 5, seed=2), number)
        assert padding(bucketed) * 10 < padding(plain)
        # 15 lengths of 1 to 4 and 15 of 37 to 41 in batches of 5: none of them is mixed
        assert all(len({LENGTHS[item].item() > 20 for item in batch}) == 1 for batch in bucketed)


def test_bucketing_shuffles_batches_and_ties() -> None:
    batches = IndexBatches(30, 5, seed=2, lengths=LENGTHS)
    epochs = [epoch(batches, number) for number in range(5)]
    longest = [[int(LENGTHS[batch].max()) for batch in found] for found in epochs]
    assert any(order != sorted(order) for order in longest)
    assert len({tuple(order) for order in longest}) > 1
    with_ones = [{frozenset(batch) for batch in found} for found in epochs]
    assert len({frozenset(found) for found in with_ones}) > 1  # equal lengths change their batch


@pytest.mark.parametrize("size", [0, -3])
def test_empty_batches_are_refused(size: int) -> None:
    with pytest.raises(UserError, match=rf"^data\.batch_size={size}: a batch holds at least 1 item$"):
        IndexBatches(10, size, seed=0)


def test_loader_hands_whole_index_tensors_to_the_dataset() -> None:
    class Items(Dataset[Tensor]):
        def __getitem__(self, items: Tensor) -> Tensor:
            return items * 10

    loader = batch_loader(Items(), IndexBatches(5, 2, seed=0, shuffle=False))
    assert [batch.tolist() for batch in loader] == [[0, 10], [20, 30], [40]]
    assert len(loader) == 3


# -- limited by tokens ---------------------------------------------------------------------------------


def limited(most: int, *, shuffle: bool = True, bucketing: bool = False, batch_size: int = 4) -> IndexBatches:
    lengths = LENGTHS if bucketing else None
    limit = TokenLimit(LENGTHS, most)
    return IndexBatches(30, batch_size, seed=3, shuffle=shuffle, lengths=lengths, limit=limit)


@pytest.mark.parametrize("bucketing", [False, True])
@pytest.mark.parametrize("most", [1, 40, 41, 100, 163])
def test_no_batch_of_several_items_has_more_tokens_than_the_limit(most: int, bucketing: bool) -> None:
    batches = limited(most, bucketing=bucketing)
    for number in range(4):
        found = epoch(batches, number)
        assert sorted(flat(found)) == list(range(30))
        assert len(found) == len(batches)  # in every epoch: what a scheduler counts on
        for batch in found:
            assert len(batch) <= 4
            assert len(batch) == 1 or len(batch) * int(LENGTHS[batch].max()) <= most
    assert epoch(batches, 0) != epoch(batches, 1)


@pytest.mark.parametrize("bucketing", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_where_all_fit_the_batches_are_those_without_a_limit(shuffle: bool, bucketing: bool) -> None:
    plain = IndexBatches(30, 4, seed=3, shuffle=shuffle, lengths=LENGTHS if bucketing else None)
    for number in range(3):
        assert epoch(limited(4 * 41, shuffle=shuffle, bucketing=bucketing), number) == epoch(plain, number)


def test_unshuffled_items_keep_their_order_under_a_limit() -> None:
    # lengths 3, 40, 4, 38, 1, 39, 2, 41, ...; 80 tokens are two of 40
    assert epoch(limited(80, shuffle=False))[:4] == [[0, 1], [2, 3], [4, 5], [6]]
    # sorted by length: 15 short ones four at a time, the fifteenth with no long one beside it
    found = epoch(limited(80, shuffle=False, bucketing=True))
    assert [len(batch) for batch in found] == [4, 4, 4, 3] + [2] * 6 + [1] * 3


def test_one_item_longer_than_the_limit_is_a_batch_of_its_own() -> None:
    sizes = torch.tensor([5, 1_000_000, 5, 5])
    found = epoch(IndexBatches(4, 2, seed=0, limit=TokenLimit(sizes, 10)))
    assert sorted(map(sorted, found)) in ([[0, 2], [1], [3]], [[0, 3], [1], [2]], [[0], [1], [2, 3]])


def test_every_process_has_an_item_of_each_limited_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.data.loaders.world_size", lambda: 3)
    for bucketing in (False, True):
        batches = limited(1, bucketing=bucketing)
        found = epoch(batches)
        assert sorted(flat(found)) == list(range(30))
        assert len(found) == len(batches)
        assert min(map(len, found)) >= 3


def test_items_too_few_for_all_processes_go_with_the_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.data.loaders.world_size", lambda: 3)
    batches = IndexBatches(7, 4, seed=0, limit=TokenLimit(torch.tensor([1, 90, 90, 1, 90, 90, 90]), 100))
    assert [len(batch) for batch in batches._batches(torch.arange(7))] == [3, 4]


def test_nothing_makes_no_batch() -> None:
    batches = IndexBatches(0, 4, seed=0)
    assert (len(batches), epoch(batches)) == (0, [])


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"^data\.batch_tokens=0: a batch holds at least 1 token$"):
        limited(0)
