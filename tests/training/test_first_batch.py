"""Networks of other packages are tried before training: what is expected, and what came."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqlab.data.characters import CharacterSequence
from seqlab.data.labelled_text import Names
from seqlab.data.stock import StockPrices
from seqlab.data.translation import Translation as Pairs
from seqlab.errors import UserError
from seqlab.tasks.classification import Classification
from seqlab.tasks.language_model import LanguageModel
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction
from seqlab.tasks.regression import Regression
from seqlab.tasks.tagging import Tagging
from seqlab.tasks.translation import Translation
from seqlab.training.first_batch import try_network


class Given(nn.Module):
    """Returns what a function makes of what it is given."""

    def __init__(self, function: Callable[..., Any], **members: Any) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.zeros(1))
        for name, value in members.items():
            setattr(self, name, value)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def test_an_output_of_every_step_where_one_is_expected(windows: Callable[..., Any]) -> None:
    data = windows()
    vocab_size = data.sizes["vocab_size"]
    every_step = Given(lambda contexts: torch.zeros(*contexts.shape, vocab_size))
    with pytest.raises(UserError) as caught:
        try_network(NextEvent(unk_id=3, network=every_step), data)
    batch = next(iter(data.train_dataloader())).contexts
    rows, width = batch.shape
    assert str(caught.value) == (
        f"{Given.__module__}.Given was given contexts of shape (C, W) = ({rows}, 4): logits of shape "
        f"(C, V) = ({rows}, {vocab_size}) are expected, a tensor of shape ({rows}, 4, {vocab_size}) came"
    )
    assert width == 4
    try_network(NextEvent(unk_id=3, network=Given(lambda c: torch.zeros(len(c), vocab_size))), data)


def test_a_network_that_fails_is_told_with_what_it_was_given(windows: Callable[..., Any]) -> None:
    task = NextEvent(unk_id=3, network=Given(lambda contexts: contexts @ torch.zeros(7, 2)))
    with pytest.raises(
        UserError,
        match=r"Given fails on the first batch: RuntimeError: .*NextEvent gave it "
        r"parts of a WindowBatch: contexts \(\d+, 4\), .*see NextEventNetwork in",
    ):
        try_network(task, windows())


def test_times_that_a_network_does_not_read(windows: Callable[..., Any]) -> None:
    task = NextEvent(unk_id=3, network=Given(lambda contexts: contexts))
    batch = next(iter(windows().train_dataloader()))
    with pytest.raises(UserError, match=r"data\.times=true: .*Given has no delay_head.* data\.times=false"):
        task.losses(batch._replace(pair_delay=batch.pair_target))


def test_a_session_network(padded: Callable[..., Any]) -> None:
    data = padded()
    vocab_size = data.sizes["vocab_size"]

    def task(function: Callable[..., Any]) -> Reconstruction:
        return Reconstruction(unk_id=3, network=Given(function))

    def right(source: Tensor, *_: Tensor) -> Any:
        return SimpleNamespace(logits=torch.zeros(*source.shape, vocab_size), attention=None)

    try_network(task(right), data)
    with pytest.raises(UserError, match=r"logits of shape \(D, S, V\) = .* are expected, a tuple came"):
        try_network(task(lambda *_: (1, 2)), data)
    with pytest.raises(UserError, match=r"logits of shape \(D, S, V\) = .*, a tensor of shape \(3,\) came"):
        try_network(task(lambda *_: SimpleNamespace(logits=torch.zeros(3))), data)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda tokens, state: torch.zeros(*tokens.shape, 9), r"\(logits, state\) are expected.* a tensor"),
        (lambda tokens, state: (tokens, None), r"logits of shape \(B, T, V\) = \(1, \d+, \d+\) are expected"),
        (
            lambda tokens, state: (torch.zeros(*tokens.shape, SIZE), torch.zeros(2, 5, 3)),
            r"the batch of 1 on their second axis is expected, or None; a tensor of shape \(2, 5, 3\) came",
        ),
        (
            lambda tokens, state: (torch.zeros(*tokens.shape, SIZE), (torch.zeros(2, 1, 3), 4)),
            r"the batch of 1 on their second axis is expected, or None; a int came",
        ),
    ],
)
def test_a_language_model(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        try_network(LanguageModel(pad_id=0, network=Given(function)), TEXT)


def text() -> CharacterSequence:
    data = CharacterSequence(text="hihello")
    data.setup()
    return data


TEXT = text()
SIZE = TEXT.sizes["vocab_size"]


def test_a_language_model_without_a_state_passes() -> None:
    network = Given(lambda tokens, state: (torch.zeros(*tokens.shape, SIZE), None))
    try_network(LanguageModel(pad_id=0, network=network), TEXT)


def test_a_classifier() -> None:
    data = Names(sample={"num_names": 60, "seed": 0})
    data.setup()
    classes = data.sizes["num_classes"]

    def task(*shape: int) -> Classification:
        return Classification(network=Given(lambda batch: torch.zeros(*shape), num_classes=classes))

    rows = len(next(iter(data.train_dataloader())).labels)
    try_network(task(2, rows, classes), data)
    with pytest.raises(UserError, match=rf"\(R, B, C\) = \({rows}, {rows}, {classes}\) are expected"):
        try_network(task(rows, classes), data)


def test_a_forecaster() -> None:
    data = StockPrices(sample={"num_days": 120})
    data.setup()
    horizon = data.sizes["horizon"]

    def task(forward: tuple[int, ...], each: tuple[int, ...]) -> Regression:
        members = {"quantiles": (0.1, 0.5, 0.9), "middle": 1, "untrained": None}
        network = Given(lambda inputs, known: torch.zeros(len(inputs), *forward), **members)
        network.each = lambda inputs, known: torch.zeros(each[0], len(inputs), *each[1:])  # type: ignore[assignment]
        return Regression(network=network)

    try_network(task((horizon, 3), (1, horizon, 3)), data)
    with pytest.raises(UserError, match=r"forecasts of shape \(B, Y \* N, Q\)"):
        try_network(task((horizon,), (1, horizon, 3)), data)
    with pytest.raises(UserError, match=r"what each\(\) gives of shape \(R, B, Y \* N, Q\)"):
        try_network(task((horizon, 3), (1, horizon, 1)), data)


def test_a_translator() -> None:
    data = Pairs(sample={"num_pairs": 60, "seed": 0})
    data.setup()
    members = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "decoder": None, "encode": None}

    def task(function: Callable[..., Any], size: int) -> Translation:
        return Translation(unk_id=3, network=Given(function, output=nn.Linear(4, size), **members))

    def readouts(source: Tensor, lengths: Tensor, decoder_input: Tensor, ratio: float) -> Any:
        return SimpleNamespace(readout=torch.zeros(*decoder_input.shape, 4), attention=None)

    size = data.sizes["target_vocab_size"]
    try_network(task(readouts, size), data)
    with pytest.raises(UserError, match=r"logits of its output of shape \(B, T, V\)"):
        try_network(task(readouts, size + 1), data)
    with pytest.raises(UserError, match=r"readouts of shape \(B, T, R\) .* are expected, None came"):
        try_network(task(lambda *_: None, size), data)


@pytest.mark.parametrize(
    ("task", "settings", "missing"),
    [
        (Classification, {}, ["num_classes"]),
        (Tagging, {}, ["num_tags", "tags_are_bio", "output"]),
        (Regression, {}, ["quantiles", "middle", "each", "untrained"]),
        (Translation, {"unk_id": 3}, ["pad_id", "bos_id", "eos_id", "output", "decoder", "encode"]),
    ],
)
def test_members_that_are_missing_are_named(task: Any, settings: dict[str, Any], missing: list[str]) -> None:
    named = " and no ".join(rf"`{name}`( \(.*\))?" for name in missing)
    with pytest.raises(UserError, match=rf"Given has no {named}, which {task.__name__} reads; add .*: see "):
        task(network=Given(lambda batch: batch), **settings)


def test_generators_and_mode_stay_as_they_were(windows: Callable[..., Any]) -> None:
    data = windows()
    network = nn.Sequential(nn.Embedding(data.sizes["vocab_size"], 1), nn.Flatten(), nn.Dropout(0.5))
    network.append(nn.Linear(4, data.sizes["vocab_size"]))
    task = NextEvent(unk_id=3, network=network).train()
    before = torch.random.get_rng_state()
    try_network(task, data)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert task.training
    assert network.training
