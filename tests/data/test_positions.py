import torch

from seqlab.data.module import IndexBatches, batch_loader


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
