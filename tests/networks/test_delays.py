import math

import torch

from seqlab.data.windows import NUM_DELAYS
from seqlab.networks.delays import KeyDelayEmbedding, longer
from seqlab.networks.gru_predictor import GRUPredictor


def test_the_tail_of_a_distribution_by_hand() -> None:
    shares = torch.full((1, NUM_DELAYS), 1e-9)
    shares[0, 1], shares[0, 11], shares[0, 18] = 0.5, 0.4, 0.1
    logits = shares.log().repeat(4, 1)
    found = longer(logits, torch.tensor([1, 11, 18, 0]))
    expected = torch.tensor([0.0, -math.log(0.5), -math.log(0.1), 0.0])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_an_input_is_the_sum_of_its_key_and_its_delay() -> None:
    torch.manual_seed(0)
    embedding = KeyDelayEmbedding(6, 3, padding_idx=0)
    found = embedding(torch.tensor([4 * NUM_DELAYS + 7, 4 * NUM_DELAYS, 0]))
    torch.testing.assert_close(found[0], embedding.weight[4] + embedding.delays.weight[7])
    torch.testing.assert_close(found[1], embedding.weight[4])
    assert not found[2].any()  # padding


def test_shared_prefixes_give_the_numbers_of_the_plain_layers() -> None:
    torch.manual_seed(0)
    network = GRUPredictor(9, 0, 3, embedding_size=4, hidden_size=5, times=True)
    contexts = torch.randint(0, 9 * NUM_DELAYS, (40, 6))
    contexts[:, :3] = torch.randint(0, 2, (40, 3)) * 5 * NUM_DELAYS + 3
    shared = network(contexts)
    network.share_prefixes = False
    torch.testing.assert_close(shared, network(contexts), atol=1e-6, rtol=1e-5)


def test_noise_replaces_keys_and_leaves_delays() -> None:
    network = GRUPredictor(9, 0, 3, input_noise=0.999999, times=True)
    noisy = network._noisy(torch.tensor([[0, 1 * NUM_DELAYS, 5 * NUM_DELAYS + 7, 8 * NUM_DELAYS + 31]]))
    assert noisy.tolist() == [[0, 1 * NUM_DELAYS, 3 * NUM_DELAYS + 7, 3 * NUM_DELAYS + 31]]


def test_without_times_a_network_is_what_it_was() -> None:
    torch.manual_seed(0)
    network = GRUPredictor(9, 0, 3, embedding_size=4, hidden_size=5)
    assert {name.split(".")[0] for name in network.state_dict()} == {"embedding", "recurrent", "output"}
