from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqlab.data.batches import SessionBatch, WindowBatch
from seqlab.data.log_sessions import LogSessions
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.session_windows import SessionWindows

MODULES = [SessionWindows, PaddedSessions]
SAMPLE = {"num_blocks": 300, "abnormal_share": 0.1, "seed": 4}


@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize("context", ["from_start", "full_windows"])
def test_windows_hold_the_training_sessions(
    context: str, deduplicate: bool, ready: Callable[..., LogSessions]
) -> None:
    data = ready(
        SessionWindows, sample=SAMPLE, window_size=6, context=context, deduplicate=deduplicate, batch_size=50
    )
    batches = list(data.train_dataloader())
    assert len(batches) == 4  # 189 sessions
    assert {type(batch) for batch in batches} == {WindowBatch} == {data.batch_type}
    train = data.sessions("train")
    lengths = train.lengths.tolist()
    expected = sum(length + 1 if context == "from_start" else max(length + 1 - 6, 1) for length in lengths)
    assert sum(batch.num_units.item() for batch in batches) == expected
    assert {batch.contexts.shape[1] for batch in batches} == {6}
    ends = sum(batch.pair_count[batch.pair_target == data.vocabulary.eos].sum().item() for batch in batches)
    assert ends == len(train)
    assert not any((batch.pair_target == data.vocabulary.pad).any() for batch in batches)


@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize("bucketing", [True, False])
def test_padded_batches_hold_the_training_sessions(
    bucketing: bool, deduplicate: bool, ready: Callable[..., LogSessions]
) -> None:
    data = ready(PaddedSessions, sample=SAMPLE, bucketing=bucketing, deduplicate=deduplicate, batch_size=50)
    batches = list(data.train_dataloader())
    assert len(batches) == 4
    assert {type(batch) for batch in batches} == {SessionBatch} == {data.batch_type}
    found: Counter = Counter()
    for batch in batches:
        for row, length, count in zip(
            batch.source.tolist(), batch.lengths.tolist(), batch.session_count.tolist(), strict=True
        ):
            found[tuple(data.vocabulary.tokens[token] for token in row[: length - 1])] += int(count)
    train = data.sessions("train")
    assert found == Counter(tuple(train.keys(place)) for place in range(len(train)))
    assert max(int(batch.lengths.max()) for batch in batches) == data.sizes["max_length"]


def padding_share(data: PaddedSessions) -> float:
    masks = [batch.mask for batch in data.train_dataloader()]
    return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


def test_bucketing_pads_less(ready: Callable[..., LogSessions]) -> None:
    shares = [
        padding_share(
            ready(PaddedSessions, sample=SAMPLE, bucketing=bucketing, deduplicate=False, batch_size=10)
        )
        for bucketing in (True, False)
    ]
    assert shares[0] < shares[1] / 2


@pytest.mark.parametrize("module", MODULES)
def test_validation_batches_are_those_of_the_plan(
    module: type[LogSessions], ready: Callable[..., LogSessions]
) -> None:
    data = ready(module, sample=SAMPLE, scoring_batch_size=5)
    plan = data.scoring_plan("val")
    assert data.scoring_plan("val") is plan
    assert data.val_dataloader() is plan.loader
    val = data.sessions("val")
    assert len(plan.offsets) == len(val) + 1
    for place in range(len(val)):
        own = plan.piece_of_event[plan.offsets[place] : plan.offsets[place + 1]]
        expected = [data.vocabulary.id(key) for key in val.keys(place)] + [data.vocabulary.eos]
        assert plan.piece_target[own].tolist() == expected
    assert sum(batch.num_units.item() for batch in plan.loader) == val.num_events + len(val)
    assert len(plan.loader) == -(-plan.num_distinct // 5)


def test_validation_is_the_same_each_epoch(ready: Callable[..., LogSessions]) -> None:
    data = ready(SessionWindows, sample=SAMPLE, scoring_batch_size=50)
    first, second = (list(data.val_dataloader()) for _ in range(2))
    assert len(first) > 1
    assert all(
        torch.equal(one, two)
        for batch, again in zip(first, second, strict=True)
        for one, two in zip(batch[:4], again[:4], strict=True)
    )


@pytest.mark.parametrize("kind", [SessionWindows, PaddedSessions])
def test_long_sessions_make_small_batches(
    kind: type[LogSessions], ready: Callable[..., LogSessions], tmp_path: Path
) -> None:
    assert ready(kind, sample=SAMPLE).training_batch_size() == 64
    path = tmp_path / "long.txt"
    path.write_text(("1 2 3 4 5 " * 100 + "\n" + "5 4 3 2 1 " * 100 + "\n") * 15, encoding="utf-8")
    long = ready(kind, normal=path)
    assert long.training_batch_size() == 4  # of 500 events each
    assert len(list(long.train_dataloader())) == 6  # 21 sessions
