from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.batches import TagBatch
from seqlab.data.tagged_text import Entities
from seqlab.errors import UserError
from seqlab.networks.tagger import CharacterCNN, Tagger

SMALL = {"embedding_size": 6, "char_embedding_size": 4, "char_size": 8, "shape_size": 3, "hidden_size": 7}


@pytest.fixture(scope="module")
def data() -> Entities:
    found = Entities(sample={"num_sentences": 60, "seed": 0})
    found.setup()
    return found


def test_padding_changes_no_spelled_word() -> None:
    torch.manual_seed(0)
    encoder = CharacterCNN(12, 0, 4, 6)
    letters = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0], [11, 0, 0, 0]])
    counts = torch.tensor([4, 2, 1])
    together = encoder(letters, counts)
    assert together.shape == (3, 6)
    for row, count in enumerate(counts.tolist()):
        alone = encoder(letters[row : row + 1, :count], counts[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


def network(data: Entities, **settings: Any) -> Tagger:
    torch.manual_seed(0)
    return Tagger(**data.sizes, **SMALL | settings)


def perturbed(batch: TagBatch) -> TagBatch:
    """The same sentences with two more steps and other values under the padding."""
    wider = {"words": 7, "shapes": 2, "spelling": 1, "tags": 1}
    rows = torch.ones(len(batch.words), 2, dtype=torch.long)
    mask = torch.cat([batch.mask, torch.zeros_like(rows, dtype=torch.bool)], dim=1)
    filled = {
        name: torch.cat([getattr(batch, name), rows], dim=1).masked_fill(~mask, value)
        for name, value in wider.items()
    }
    return batch._replace(mask=mask, **filled)


@pytest.mark.parametrize("crf", [True, False])
@pytest.mark.parametrize("char_encoder", ["cnn", "none"])
def test_padding_changes_no_score_no_loss_no_tag(data: Entities, crf: bool, char_encoder: str) -> None:
    tagger = network(data, crf=crf, char_encoder=char_encoder, num_layers=2).eval()
    dataset = data.dataset("train")
    batch = dataset[torch.arange(8)]
    assert not batch.mask.all()
    scores = tagger(batch)
    loss = tagger.output.nll(scores, batch.tags, batch.mask)
    tags = tagger.output.decode(scores, batch.mask)
    other = perturbed(batch)
    torch.testing.assert_close(tagger(other)[other.mask], scores[batch.mask])
    torch.testing.assert_close(tagger.output.nll(tagger(other), other.tags, other.mask), loss)
    assert torch.equal(tagger.output.decode(tagger(other), other.mask)[other.mask], tags[batch.mask])
    single = torch.zeros(())
    for row in range(8):
        alone = dataset[torch.tensor([row])]
        torch.testing.assert_close(tagger(alone)[0], scores[row, : batch.lengths[row]])
        single = single + tagger.output.nll(tagger(alone), alone.tags, alone.mask)
    torch.testing.assert_close(single, loss)


def spelled_out(data: Entities, batch: TagBatch, tokens: list[tuple[str, ...]]) -> TagBatch:
    """The batch with every token's letters, equal words or not: the plain twin."""
    flat = [token for sentence in tokens for token in sentence]
    counts = [min(len(token), data.coder.max_letters) for token in flat]
    letters = torch.zeros(len(flat), max(counts), dtype=torch.long)
    for row, (token, count) in enumerate(zip(flat, counts, strict=True)):
        letters[row, :count] = torch.tensor(data.coder.characters.ids(token[:count]))
    spelling = torch.zeros_like(batch.words)
    spelling[batch.mask] = torch.arange(len(flat))
    return batch._replace(letters=letters, letter_counts=torch.tensor(counts), spelling=spelling)


def test_spelling_each_distinct_word_once_is_spelling_every_token(data: Entities) -> None:
    items = torch.arange(12)
    batch = data.dataset("train")[items]
    plain = spelled_out(data, batch, [data.sentences("train").sentence(row)[0] for row in items.tolist()])
    assert len(batch.letters) < len(plain.letters) == batch.num_units
    losses, gradients = [], []
    for each in (batch, plain):
        tagger = network(data).eval()
        loss = tagger.output.nll(tagger(each), each.tags, each.mask)
        loss.backward()
        losses.append(loss)
        gradients.append([parameter.grad for parameter in tagger.parameters()])
    torch.testing.assert_close(*losses)
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def test_words_met_once_become_unk_while_training_alone(data: Entities) -> None:
    tagger = network(data, singleton_dropout=0.99)
    words = torch.tensor([[tagger.first_singleton_id - 1, tagger.first_singleton_id]]).expand(500, 2)
    dropped = tagger._drop_singletons(words)
    assert (dropped[:, 0] == words[:, 0]).all()
    assert (dropped[:, 1] == data.coder.words.unk).float().mean() > 0.9
    assert torch.equal(tagger.eval()._drop_singletons(words), words)


def test_any_word_may_be_dropped_while_training(data: Entities) -> None:
    batch = data.dataset("train")[torch.arange(10)]
    tagger = network(data, word_dropout=0.99, singleton_dropout=0.0, char_encoder="none", shape_size=0)
    unknown = tagger.word_embedding.weight[data.coder.words.unk]
    read = (tagger.read_words(batch)[batch.mask] == unknown).all(dim=1)
    assert read.float().mean() > 0.9
    read = (tagger.eval().read_words(batch)[batch.mask] == unknown).all(dim=1)
    assert not read.any()


def test_singletons_are_the_words_counted_once(data: Entities) -> None:
    counts = np.asarray(data.coder.words.counts)
    first = data.sizes["first_singleton_id"]
    assert (counts[first:] == 1).all()
    assert (counts[4:first] > 1).all()
    assert 4 < first < len(counts)


def test_word_vectors_stand_at_their_words(data: Entities) -> None:
    tagger = network(data)
    before = tagger.word_embedding.weight.detach().clone()
    tagger.set_word_vectors(torch.tensor([9, 5]), torch.arange(12.0).view(2, 6))
    after = tagger.word_embedding.weight
    assert after[9].tolist() == [0, 1, 2, 3, 4, 5]
    assert after[5].tolist() == [6, 7, 8, 9, 10, 11]
    others = [row for row in range(len(before)) if row not in (5, 9)]
    assert torch.equal(after[others], before[others])
    assert not before[data.coder.words.pad].any()


def test_wrong_settings_are_told(data: Entities) -> None:
    for setting, value, message in (
        ("shape_size", -1, r"shape_size=-1: give a whole number, 0 for no shapes"),
        ("dropout", 1.0, r"dropout=1\.0: give a probability"),
        ("singleton_dropout", -0.1, r"singleton_dropout=-0\.1: give a probability"),
        ("word_dropout", 1.5, r"word_dropout=1\.5: give a probability"),
        ("embedding_size", 0, r"embedding_size=0: give a whole number"),
        ("cell", "lstn", r"cell=lstn: choose rnn, gru, lstm"),
        ("char_encoder", "cmm", r"char_encoder=cmm: choose cnn or none"),
        ("char_size", 0, r"char_size=0: give a whole number"),
    ):
        with pytest.raises(UserError, match=message):
            network(data, **{setting: value})
