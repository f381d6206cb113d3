import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from seqlab.data.padded_sessions import session_scoring_plan
from seqlab.data.sequences import Sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import distinct_sessions
from seqlab.detection.counts import CountCosts, NearestCounts
from seqlab.detection.judge import Judge
from seqlab.detection.scorers import SessionScorer, torch_sessions
from seqlab.detection.session_scores import SessionScores
from seqlab.detection.surprise import surprise
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.tasks.reconstruction import Reconstruction

ROWS = [["5", "5", "22", "9"] * 6, ["5"], ["9", "22", "5"] * 5, ["5"], ["5", "5", "22", "9"] * 6 + ["5"]]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.from_sessions(Sessions.from_lists(ROWS))


@pytest.fixture
def network(vocabulary: Vocabulary) -> GRUAutoencoder:
    torch.manual_seed(0)
    return GRUAutoencoder(
        len(vocabulary), vocabulary.pad, vocabulary.unk, max_length=8, attention="dot", hidden_size=8
    ).eval()


def scorer(network: nn.Module, vocabulary: Vocabulary, piece_length: int | None) -> SessionScorer:
    nearest = NearestCounts(np.zeros((1, len(vocabulary)), dtype=np.int32))
    costs = CountCosts.fit(nearest.vectors)[0]
    fitted = SessionScores(("nll_max",), {}, 0.0, nearest, costs, 1.0, vocabulary.unk, 0.0, -np.inf)
    judge = Judge("nll_max", {"nll_max": 1.0}, 1.0, fitted, vocabulary, 0.0)
    return SessionScorer(torch_sessions(network), judge, piece_length)


def encoded(vocabulary: Vocabulary) -> tuple[NDArray, NDArray]:
    sessions = Sessions.from_lists(ROWS)
    return vocabulary.encode(sessions), sessions.lengths


@pytest.mark.parametrize("piece_length", [None, 7, 1])
def test_long_sessions_strike_a_watch_as_they_struck_the_run(
    network: GRUAutoencoder, vocabulary: Vocabulary, piece_length: int | None
) -> None:
    tokens, lengths = encoded(vocabulary)
    pieces = distinct_sessions(tokens, lengths, vocabulary, piece_length)
    task = Reconstruction(network=network, unk_id=vocabulary.unk)
    plan = session_scoring_plan(pieces, vocabulary, 4, torch.device("cpu"))
    expected = surprise(task, plan, vocabulary)
    found = scorer(network, vocabulary, piece_length).surprise(tokens, lengths)
    np.testing.assert_allclose(found.nll, expected.nll, rtol=1e-4, atol=1e-5)
    for name in ("rank", "unseen", "offsets", "first_key"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("piece_length", [None, 7, 1])
def test_what_was_expected_at_a_place_is_what_its_surprise_was_measured_by(
    network: GRUAutoencoder, vocabulary: Vocabulary, piece_length: int | None
) -> None:
    tokens, lengths = encoded(vocabulary)
    watch = scorer(network, vocabulary, piece_length)
    events = watch.surprise(tokens, lengths)
    rows = np.split(tokens, np.cumsum(lengths)[:-1])
    sessions = [row for row in rows for _ in range(len(row) + 1)]  # each token and the end
    places = [place for row in rows for place in range(len(row) + 1)]
    probabilities = watch.probabilities(sessions, places)
    targets = np.concatenate([[*row, vocabulary.eos] for row in rows])
    nll = -np.log(probabilities[np.arange(len(targets)), targets])
    np.testing.assert_allclose(nll, events.model_nll, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
