import pytest
import torch

from seqlab.data import loaders
from seqlab.data.loaders import IndexBatches, batch_loader
from seqlab.data.text_streams import StreamBatches, StreamDataset
from seqlab.errors import UserError


def as_rank(monkeypatch: pytest.MonkeyPatch, rank: int, world_size: int) -> None:
    monkeypatch.setattr(loaders, "rank_and_world_size", lambda: (rank, world_size))


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 1, 4, 1, 3, 9, 2, 6, 5, 3, 5])])
def test_the_rows_of_all_ranks_are_the_batch(
    monkeypatch: pytest.MonkeyPatch, lengths: torch.Tensor | None
) -> None:
    batches = IndexBatches(11, 4, seed=3, lengths=lengths)
    whole = [sorted(batch.tolist()) for batch in batches]
    parts = []
    for rank in range(2):
        as_rank(monkeypatch, rank, 2)
        parts.append([batch.tolist() for batch in batches])
    assert len(batches) == len(whole) == 3
    assert [sorted(one + other) for one, other in zip(*parts, strict=True)] == whole
    assert all(batch for of_rank in parts for batch in of_rank)


def test_a_last_batch_too_small_for_all_goes_with_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0, 2)
    batches = IndexBatches(9, 4, seed=3)
    assert [len(batch) for batch in batches] == [2, 3]  # of 4 and of 5
    assert len(batches) == 2


def test_every_rank_measures_all_items(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 1, 2)
    assert [batch.tolist() for batch in IndexBatches(5, 2, seed=0, shuffle=False)] == [[0, 1], [2, 3], [4]]


def test_fewer_items_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0, 3)
    with pytest.raises(UserError, match=r"^data\.batch_size=2: 2 for 3 processes"):
        list(IndexBatches(8, 2, seed=0))


def test_each_rank_takes_its_rows_of_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = torch.arange(13)
    whole = StreamDataset(tokens, 3, 2)
    as_rank(monkeypatch, 1, 2)
    own = StreamDataset(tokens, 3, 2).shared()
    assert torch.equal(own.inputs, whole.inputs[1::2])
    assert torch.equal(own.targets, whole.targets[1::2])
    assert len(own) == len(whole)


def test_streams_restart_alike_whatever_the_world_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def starts(dataset: StreamDataset) -> list[list[bool]]:
        batches = StreamBatches(dataset, seed=0, shift=True, restart=0.5)
        return [dataset[batch].is_start.tolist() for batch in batches]

    whole = starts(StreamDataset(torch.arange(101), 5, 4).shared())
    for rank in range(2):
        as_rank(monkeypatch, rank, 2)
        assert starts(StreamDataset(torch.arange(101), 5, 4).shared()) == [row[rank::2] for row in whole]


class Squares(torch.utils.data.Dataset):
    """Item numbers to their squares."""

    def __getitem__(self, items: torch.Tensor) -> torch.Tensor:
        return items**2


def test_an_epoch_goes_on_where_it_stopped_and_the_next_is_whole() -> None:
    loader = batch_loader(Squares(), IndexBatches(10, 3, seed=1))
    loader.sampler.set_epoch(2)
    whole = [batch.tolist() for batch in loader]
    loader.load_state_dict({"batches": 3})
    assert len(loader) == 4  # of a whole epoch, whatever is skipped
    assert [batch.tolist() for batch in loader] == whole[3:]
    assert [batch.tolist() for batch in loader] == whole
    loader.sampler.set_epoch(3)
    assert [batch.tolist() for batch in loader] != whole
