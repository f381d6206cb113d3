import pytest
import torch

from seqlab.data.loaders import ResumableBatches
from seqlab.data.text_streams import StreamBatches, StreamDataset, WindowDataset
from seqlab.errors import UserError

PAD = 0


def predicted(dataset: StreamDataset, batches: StreamBatches) -> list[tuple[int, int]]:
    """(input, target) of every real place, stream after stream."""
    parts = [dataset[batch] for batch in batches]
    inputs = torch.cat([part.inputs for part in parts], dim=1)
    targets = torch.cat([part.targets for part in parts], dim=1)
    real = targets != PAD
    return list(zip(inputs[real].tolist(), targets[real].tolist(), strict=True))


@pytest.mark.parametrize("num_tokens", [2, 3, 10, 11, 12, 13, 40, 41])
@pytest.mark.parametrize(("num_streams", "seq_length"), [(1, 4), (3, 4), (4, 2), (50, 8)])
def test_every_token_is_predicted_once_from_the_one_before(
    num_tokens: int, num_streams: int, seq_length: int
) -> None:
    tokens = torch.arange(10, 10 + num_tokens)
    dataset = StreamDataset(tokens, num_streams, seq_length)
    expected = list(zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True))
    assert predicted(dataset, StreamBatches(dataset, seed=0, shift=False)) == expected
    for epoch in range(4):
        batches = StreamBatches(dataset, seed=0, shift=True)
        batches.set_epoch(epoch)
        assert predicted(dataset, batches) == expected
        assert len(list(batches)) == len(batches)


def test_streams_by_hand() -> None:
    # 7 predictions in 3 streams of 3: the last stream holds one, then padding
    dataset = StreamDataset(torch.tensor([11, 12, 13, 14, 15, 16, 17, 18]), 3, 2)
    first, second = (dataset[batch] for batch in StreamBatches(dataset, seed=0, shift=False))
    assert first.inputs.tolist() == [[11, 12], [14, 15], [17, 17]]
    assert first.targets.tolist() == [[12, 13], [15, 16], [18, PAD]]
    assert second.targets.tolist() == [[14], [17], [PAD]]
    assert (first.is_start.tolist(), second.is_start.tolist()) == ([True] * 3, [False] * 3)
    assert (int(first.num_units), int(second.num_units)) == (5, 2)


def test_shifts_differ_by_epoch_and_repeat_by_seed() -> None:
    dataset = StreamDataset(torch.arange(1000), 2, 16)

    def first(seed: int, epoch: int) -> int:
        batches = StreamBatches(dataset, seed=seed, shift=True)
        batches.set_epoch(epoch)
        return next(iter(batches)).end

    found = [first(0, epoch) for epoch in range(20)]
    assert found == [first(0, epoch) for epoch in range(20)]
    assert found != [first(1, epoch) for epoch in range(20)]
    assert len(set(found)) > 3
    assert all(8 <= length <= 16 for length in found)


def test_windows_by_hand() -> None:
    windows = WindowDataset(torch.tensor([1, 2, 3, 4, 5, 6]), 3, 2)
    batch = windows[torch.arange(len(windows))]
    assert batch.inputs.tolist() == [[1, 2, 3], [3, 4, 5]]
    assert batch.targets.tolist() == [[2, 3, 4], [4, 5, 6]]
    assert batch.is_start.tolist() == [True, True]


def starts(dataset: StreamDataset, restart: float, *, seed: int = 0, epoch: int = 0) -> torch.Tensor:
    """(batches, streams) bool."""
    batches = StreamBatches(dataset, seed=seed, shift=True, restart=restart)
    batches.set_epoch(epoch)
    return torch.stack([dataset[batch].is_start for batch in batches])


def test_restarts_come_as_often_as_asked_and_differ_by_epoch_and_seed() -> None:
    dataset = StreamDataset(torch.arange(40_001), 20, 10)  # 20 streams in 200 batches or 201
    found = starts(dataset, 0.05)
    assert bool(found[0].all())
    assert found[1:].float().mean().item() == pytest.approx(0.05, abs=0.012)  # 3.5 standard errors
    assert torch.equal(found, starts(dataset, 0.05))
    for other in (starts(dataset, 0.05, epoch=1), starts(dataset, 0.05, seed=1)):
        assert not torch.equal(found, other)
    assert not starts(dataset, 0.0)[1:].any()
    assert bool(starts(dataset, 1.0).all())


def test_an_epoch_that_goes_on_restarts_the_same_streams() -> None:
    dataset = StreamDataset(torch.arange(2_001), 8, 5)
    batches = StreamBatches(dataset, seed=0, shift=True, restart=0.3)
    whole = [dataset[batch].is_start.tolist() for batch in batches]
    resumed = ResumableBatches(batches)
    resumed.skip = 17
    assert [dataset[batch].is_start.tolist() for batch in resumed] == whole[17:]


def test_a_window_longer_than_the_text_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.window_size=6: the text has 6 tokens.* Give at most 5"):
        WindowDataset(torch.arange(6), 6, 1)
    assert len(WindowDataset(torch.arange(6), 5, 1)) == 1


@pytest.mark.parametrize("seq_length", [1, 2, 7, 16, 64])
@pytest.mark.parametrize("length", [1, 5, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 200])
def test_every_epoch_has_as_many_batches(length: int, seq_length: int) -> None:
    """Lightning counts the batches of the first epoch and holds the others to that number."""
    dataset = StreamDataset(torch.arange(10, 11 + length), 1, seq_length)
    batches = StreamBatches(dataset, seed=0, shift=True)
    counts = set()
    for epoch in range(12):
        batches.set_epoch(epoch)
        counts.add(len(list(batches)))
        assert len(batches) == len(list(batches))
    assert len(counts) == 1
