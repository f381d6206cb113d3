import pytest
import torch

from seqlab.data import module, shares
from seqlab.data.module import IndexBatches
from seqlab.data.text_streams import StreamBatches, StreamDataset
from seqlab.errors import UserError


def as_process(monkeypatch: pytest.MonkeyPatch, number: int, processes: int) -> None:
    for where in (shares, module):
        monkeypatch.setattr(where, "place", lambda: (number, processes))


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 1, 4, 1, 3, 9, 2, 6, 5, 3, 5])])
def test_the_shares_of_a_batch_are_the_batch(
    monkeypatch: pytest.MonkeyPatch, lengths: torch.Tensor | None
) -> None:
    batches = IndexBatches(11, 4, seed=3, lengths=lengths)
    whole = [sorted(batch.tolist()) for batch in batches]
    parts = []
    for number in range(2):
        as_process(monkeypatch, number, 2)
        parts.append([batch.tolist() for batch in batches])
    assert len(batches) == len(whole) == 3
    assert [sorted(one + other) for one, other in zip(*parts, strict=True)] == whole
    assert all(part for share in parts for part in share)


def test_a_last_batch_too_small_for_all_goes_with_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    as_process(monkeypatch, 0, 2)
    batches = IndexBatches(9, 4, seed=3)
    assert [len(batch) for batch in batches] == [2, 3]  # of 4 and of 5
    assert len(batches) == 2


def test_what_is_measured_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    as_process(monkeypatch, 1, 2)
    assert [batch.tolist() for batch in IndexBatches(5, 2, seed=0, shuffle=False)] == [[0, 1], [2, 3], [4]]


def test_fewer_items_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    as_process(monkeypatch, 0, 3)
    with pytest.raises(UserError, match=r"^data\.batch_size=2: 2 for 3 processes"):
        list(IndexBatches(8, 2, seed=0))


def test_streams_are_shared_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = torch.arange(13)
    whole = StreamDataset(tokens, 3, 2)
    as_process(monkeypatch, 1, 2)
    share = StreamDataset(tokens, 3, 2).shared()
    assert torch.equal(share.inputs, whole.inputs[1::2])
    assert torch.equal(share.targets, whole.targets[1::2])
    assert len(share) == len(whole)


def test_streams_restart_alike_however_many_processes_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def starts(dataset: StreamDataset) -> list[list[bool]]:
        batches = StreamBatches(dataset, seed=0, shift=True, restart=0.5)
        return [dataset[batch].is_start.tolist() for batch in batches]

    whole = starts(StreamDataset(torch.arange(101), 5, 4).shared())
    for number in range(2):
        as_process(monkeypatch, number, 2)
        assert starts(StreamDataset(torch.arange(101), 5, 4).shared()) == [row[number::2] for row in whole]
