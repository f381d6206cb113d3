import pytest
import torch

from seqlab.errors import UserError
from seqlab.networks.character_encoder import character_encoder

SETTINGS = {"num_characters": 12, "pad_id": 0, "embedding_size": 4, "output_size": 6}


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_padding_changes_no_word(kind: str) -> None:
    torch.manual_seed(0)
    encoder = character_encoder(kind, **SETTINGS)
    letters = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0], [11, 0, 0, 0]])
    counts = torch.tensor([4, 2, 1])
    together = encoder(letters, counts)
    assert together.shape == (3, 6)
    for row, count in enumerate(counts.tolist()):
        alone = encoder(letters[row : row + 1, :count], counts[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


def test_none_spells_nothing() -> None:
    assert character_encoder("none", **SETTINGS) is None


def test_wrong_settings_are_told() -> None:
    with pytest.raises(UserError, match=r"model\.network\.char_encoder=cmm: choose cnn, lstm, none"):
        character_encoder("cmm", **SETTINGS)
    with pytest.raises(UserError, match=r"char_size=7: each direction .* an even number"):
        character_encoder("lstm", **SETTINGS | {"output_size": 7})
    with pytest.raises(UserError, match=r"char_size=0: give a whole number"):
        character_encoder("cnn", **SETTINGS | {"output_size": 0})
