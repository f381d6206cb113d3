import torch

from seqlab.tasks.means import CountedMean


def test_counts_are_weighed_not_batches() -> None:
    mean = CountedMean()
    mean.update(torch.tensor(9.0), torch.tensor(3.0))
    mean.update(torch.tensor(1.0), torch.tensor(1.0))
    mean.update(torch.tensor(0.0), torch.tensor(0.0))
    # (9 + 1) / (3 + 1); the mean of the batch means would be 2
    assert mean.compute().item() == 2.5


def test_reset_forgets_and_nothing_is_zero() -> None:
    mean = CountedMean()
    mean.update(torch.tensor(9.0), torch.tensor(3.0))
    mean.reset()
    mean.update(torch.tensor(0.0), torch.tensor(0.0))
    assert mean.compute().item() == 0.0
    mean.update(torch.tensor(1.0), torch.tensor(2.0))
    assert mean.compute().item() == 0.5


def test_small_losses_are_not_lost_beside_a_large_sum() -> None:
    mean = CountedMean()
    mean.update(torch.tensor(2.0**25), torch.tensor(2.0**25))
    for _ in range(64):  # in float32 2^25 + 1 is 2^25 again
        mean.update(torch.tensor(1.0), torch.tensor(0.0))
    assert mean.total.item() == 2**25 + 64
