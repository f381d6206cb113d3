"""Attention maps of a session autoencoder: which sessions and events, and what stands on the axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.evaluation import detection_attention
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.results.outcome import HeatPanel
from seqlab.tasks.reconstruction import Reconstruction


@pytest.fixture
def judged(padded: Callable[..., PaddedSessions]) -> Callable[..., tuple[Any, Any, DetectionOutcome]]:
    """Task, data and outcome of an untrained autoencoder; above ``threshold`` sessions are alerts."""

    def judge(attention: str = "dot", *, piece_length: int = 512, labelled: bool = True) -> Any:
        datamodule = padded()
        datamodule.piece_length = piece_length
        if not labelled:
            datamodule._splits["test"] = datamodule._splits.data["test"].with_labels(LABEL_UNKNOWN)
        torch.manual_seed(0)
        network = GRUAutoencoder(
            **datamodule.sizes, embedding_size=4, hidden_size=4, attention=attention, share_prefixes=False
        )
        task = Reconstruction(network=network, unk_id=datamodule.sizes["unk_id"])
        evaluation = DetectionEvaluation(score="nll_max", scores=["nll_max"])
        detector, _ = evaluation.fit(task, datamodule)
        datamodule.open_test()
        return task, datamodule, evaluation.test(task, datamodule, detector)

    return judge


def alerts_above(outcome: DetectionOutcome, share: float) -> None:
    """Put the threshold where this share of the test sessions is not an alert."""
    scores = outcome.scores["nll_max"]
    object.__setattr__(outcome.detector.thresholds["nll_max"], "value", float(np.quantile(scores, share)))


def test_an_alert_a_missed_and_a_normal_session_are_chosen(judged: Callable[..., Any]) -> None:
    *_, outcome = judged()
    alerts_above(outcome, 0.9)
    chosen = detection_attention.chosen_sessions(outcome)
    scores, by_what = outcome.scores["nll_max"], {what: session for session, what in chosen.items()}
    assert scores[by_what["the alert of the largest score"]] == scores.max()
    missed = outcome.abnormal & ~outcome.alerts
    assert scores[by_what["missed, abnormal"]] == scores[missed].max()
    quiet = scores[outcome.normal & ~outcome.alerts]
    middle = scores[by_what["normal, no alert"]]
    assert abs(int((quiet < middle).sum()) - int((quiet > middle).sum())) <= (quiet == middle).sum()
    object.__setattr__(outcome.detector.thresholds["nll_max"], "value", -1.0)  # all are alerts
    assert len(detection_attention.chosen_sessions(outcome)) == 1


def test_sessions_without_labels_are_alerts_or_not(judged: Callable[..., Any]) -> None:
    *_, outcome = judged(labelled=False)
    alerts_above(outcome, 0.9)
    assert [*detection_attention.chosen_sessions(outcome).values()] == [
        "the alert of the largest score",
        "no alert",
    ]


def test_a_map_holds_the_weights_of_the_session_and_names_its_events(judged: Callable[..., Any]) -> None:
    task, datamodule, outcome = judged()
    assert outcome.heat_panels()
    by_id = {str(each): place for place, each in enumerate(outcome.sessions.ids.tolist())}
    for panel in outcome.heat_panels():
        session = by_id[panel.title.partition(":")[0]]
        one = outcome.sessions.take(np.asarray([session]))
        keys = [*one.keys(0), "<eos>"]
        source = torch.tensor([[*datamodule.vocabulary.ids(keys[:-1]), datamodule.vocabulary.eos]])
        lengths, mask = torch.tensor([len(keys)]), torch.ones(1, len(keys), dtype=torch.bool)
        fed = torch.cat((torch.tensor([[datamodule.vocabulary.bos]]), source[:, :-1]), dim=1)
        with torch.inference_mode():
            expected = task.network(source, fed, lengths, mask).attention[0]
        np.testing.assert_allclose(panel.values, expected.numpy(), atol=1e-6)
        assert (list(panel.columns), panel.note) == (keys, "")
        named = f"{keys[0]} {datamodule.templates[keys[0]]}"
        assert panel.rows[0] == named
        assert panel.rows[-1].startswith("<eos>")


def test_a_long_session_is_shown_around_its_most_surprising_event(
    judged: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detection_attention, "LONGEST", 6)
    *_, outcome = judged(piece_length=9)
    panels: list[HeatPanel] = outcome.heat_panels()
    by_id = {str(each): place for place, each in enumerate(outcome.sessions.ids.tolist())}
    long = 0
    for panel in panels:
        session = by_id[panel.title.partition(":")[0]]
        length = int(outcome.sessions.lengths[session])
        keys = [*outcome.sessions.take(np.asarray([session])).keys(0), "<eos>"]
        if length < 9:
            continue
        long += 1
        assert panel.note.startswith("Events ")
        first, last = (
            int(word) for word in panel.note.split(" of ")[0].removeprefix("Events ").split(" to ")
        )
        assert f"of {length}, around the most surprising one" in panel.note
        worst = int(outcome.events.worst_event()[session])
        assert first <= min(worst + 1, length) <= last
        assert list(panel.columns)[: last - first + 1] == keys[first - 1 : last]
        assert panel.values.shape == (len(panel.rows), len(panel.columns))
        assert len(panel.rows) <= 6
    assert long


def test_a_network_without_attention_has_none(judged: Callable[..., Any]) -> None:
    assert judged("none")[-1].heat_panels() == []
