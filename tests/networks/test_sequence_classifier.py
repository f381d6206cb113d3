import math
from typing import Any

import pytest
import torch

from seqlab.data.batches import LabelledBatch
from seqlab.errors import UserError
from seqlab.networks.sequence_classifier import (
    NGRAM_BASE,
    NGRAM_BUCKETS,
    POOLINGS,
    SequenceClassifier,
    joined,
)


def classifier(**settings: Any) -> SequenceClassifier:
    torch.manual_seed(0)
    sizes = {"vocab_size": 12, "pad_id": 0, "unk_id": 3, "num_classes": 3}
    return SequenceClassifier(**sizes | {"embedding_size": 5, "hidden_size": 4} | settings).eval()


def batch(rows: list[list[int]], width: int) -> LabelledBatch:
    characters = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return LabelledBatch(
        characters, torch.tensor([len(row) for row in rows]), torch.zeros(len(rows), dtype=int)
    )


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("ngram_size", [1, 3])
def test_neither_padding_nor_neighbors_change_a_name(
    pooling: str, cell: str, bidirectional: bool, ngram_size: int
) -> None:
    network = classifier(
        pooling=pooling,
        cell=cell,
        bidirectional=bidirectional,
        ngram_size=ngram_size,
        num_layers=2,
        num_readers=2,
    )
    rows = [[4, 5, 6], [7], [8, 9, 10, 11, 4]]
    together = network(batch(rows, width=9))
    assert together.shape == (2, 3, 3)
    for place, row in enumerate(rows):
        torch.testing.assert_close(network(batch([row], len(row)))[:, 0], together[:, place])


def test_the_last_direction_reads_from_the_end() -> None:
    network = classifier(pooling="last_direction")
    reader = network.readers[0]
    _, state = reader.recurrent(reader.embedding(torch.tensor([[4, 5, 6]])))
    expected = reader.to_scores(state[1]).log_softmax(dim=-1)
    torch.testing.assert_close(network(batch([[4, 5, 6]], 3))[0], expected)


def test_all_pools_final_largest_and_mean_of_the_outputs() -> None:
    network = classifier(pooling="all", bidirectional=False)
    reader = network.readers[0]
    outputs, _ = reader.recurrent(reader.embedding(torch.tensor([[4, 5, 6]])))
    pooled = torch.cat([outputs[:, -1], outputs.amax(dim=1), outputs.mean(dim=1)], dim=-1)
    expected = reader.to_scores(pooled).log_softmax(dim=-1)
    torch.testing.assert_close(network(batch([[4, 5, 6]], 5))[0], expected)


def test_an_ngram_is_added_where_it_ends() -> None:
    """Only the table's row of 5 after 4 is not 0: of the names 4 5 and 5 4 the first alone changes."""
    network = classifier(ngram_size=2)
    table = network.readers[0].ngrams[0].weight
    with torch.no_grad():
        table.zero_()
    plain = [network(batch([row], 2)) for row in ([4, 5], [5, 4])]
    with torch.no_grad():
        table[(5 * NGRAM_BASE + 4 + 1) % NGRAM_BUCKETS] = 1.0
    changed = [network(batch([row], 2)) for row in ([4, 5], [5, 4])]
    assert not torch.allclose(changed[0], plain[0])
    torch.testing.assert_close(changed[1], plain[1])


def test_readers_are_joined_by_the_mean_of_their_probabilities() -> None:
    log_probabilities = torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]]]).log()
    torch.testing.assert_close(joined(log_probabilities).exp(), torch.tensor([[0.55, 0.45]]))
    assert math.isclose(float(joined(log_probabilities).exp().sum()), 1, rel_tol=1e-6)


def test_readers_start_differently() -> None:
    network = classifier(num_readers=2)
    first, second = network(batch([[4, 5]], 2))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pooling": "min"}, r"^model\.network\.pooling=min: choose final, last_direction, max, all"),
        ({"ngram_size": 0}, r"^model\.network\.ngram_size=0"),
        ({"num_readers": 0}, r"^model\.network\.num_readers=0"),
        ({"dropout": 1.0}, r"^model\.network\.dropout=1\.0"),
        ({"embedding_dropout": -1}, r"^model\.network\.embedding_dropout=-1"),
        ({"token_dropout": 2}, r"^model\.network\.token_dropout=2"),
        ({"cell": "lstn"}, r"^model\.network\.cell=lstn: choose rnn, gru, lstm"),
    ],
)
def test_wrong_settings_are_told_at_construction(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        classifier(**settings)
