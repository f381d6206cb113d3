from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from seqlab.data.batches import WindowBatch
from seqlab.data.loaders import IndexBatches, batch_loader
from seqlab.data.session_files import read_sessions
from seqlab.data.session_windows import (
    DistinctWindowDataset,
    WindowDataset,
    window_scoring_plan,
    window_training_loader,
)
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import DistinctPairs, WindowIndex, distinct_pairs, index_windows

CPU = torch.device("cpu")
PAD, BOS, EOS = 0, 1, 2
SIZE = 3


def prepare(
    rows: list[list[int]], vocabulary: Vocabulary, context: str = "from_start"
) -> tuple[WindowIndex, DistinctPairs]:
    tokens = np.asarray([token for row in rows for token in row], dtype=np.uint8)
    index = index_windows(tokens, np.asarray([len(row) for row in rows]), vocabulary, SIZE, context)
    return index, distinct_pairs(index, len(vocabulary))


def loop_windows(row: list[int], context: str = "from_start") -> list[tuple[tuple[int, ...], int]]:
    """The windows of one session, the plain way."""
    before = [PAD] * (SIZE - 1) + [BOS] if context == "from_start" else [PAD] * max(SIZE - len(row), 0)
    laid = [*before, *row, EOS]
    return [(tuple(laid[end - SIZE : end]), laid[end]) for end in range(SIZE, len(laid))]


def multiset(batch: WindowBatch) -> Counter:
    """How often each window is in the batch, by its counts."""
    counts: Counter = Counter()
    contexts = batch.contexts[batch.pair_context].tolist()
    for context, target, count in zip(
        contexts, batch.pair_target.tolist(), batch.pair_count.tolist(), strict=True
    ):
        counts[tuple(context), target] += int(count)
    return counts


def check_types(batch: WindowBatch) -> None:
    assert isinstance(batch, WindowBatch)
    assert [field.dtype for field in batch[:4]] == [torch.int64, torch.int64, torch.int64, torch.float32]
    assert batch.pair_delay is None


def test_batch_by_hand(eight_keys: Vocabulary) -> None:
    index, pairs = prepare([[4, 5], [9], [4, 5], [4]], eight_keys)
    dataset = WindowDataset(index, pairs, deduplicate=True, device=CPU)
    batch = dataset[torch.tensor([3, 0, 2])]
    check_types(batch)
    assert batch.contexts.tolist() == [[PAD, PAD, BOS], [PAD, BOS, 4], [BOS, 4, 5]]
    assert batch.pair_context.tolist() == [0, 1, 1, 2]
    assert batch.pair_target.tolist() == [4, EOS, 5, EOS]
    assert batch.pair_count.tolist() == [3, 1, 2, 2]
    assert batch.num_units.item() == 8


def test_batch_without_deduplication_by_hand(eight_keys: Vocabulary) -> None:
    index, pairs = prepare([[4, 5], [9], [4, 5], [4]], eight_keys)
    batch = WindowDataset(index, pairs, deduplicate=False, device=CPU)[torch.tensor([3, 0])]
    check_types(batch)
    first = [[PAD, PAD, BOS], [PAD, BOS, 4]]
    assert batch.contexts.tolist() == [*first, *first, [BOS, 4, 5]]
    assert batch.pair_context.tolist() == [0, 1, 2, 3, 4]
    assert batch.pair_target.tolist() == [4, EOS, 4, 5, EOS]
    assert batch.pair_count.tolist() == [1, 1, 1, 1, 1]
    assert batch.num_units.item() == 5


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
def test_deduplicated_batches_hold_the_same_windows(
    eight_keys: Vocabulary, random_rows: list[list[int]], context: str
) -> None:
    prepared = prepare(random_rows, eight_keys, context)
    once = WindowDataset(*prepared, deduplicate=True, device=CPU)
    every = WindowDataset(*prepared, deduplicate=False, device=CPU)
    saved = 0
    for sessions in IndexBatches(len(random_rows), 16, seed=1):
        expected = Counter(window for row in sessions for window in loop_windows(random_rows[row], context))
        short, long = once[sessions], every[sessions]
        check_types(short)
        check_types(long)
        assert multiset(short) == multiset(long) == expected
        assert short.num_units == long.num_units == len(long.pair_target) == expected.total()
        assert len(short.pair_target) == len(expected)
        assert len(short.contexts) == len({window for window, _ in expected})
        saved += len(long.contexts) - len(short.contexts)
    assert saved > 0


@pytest.mark.parametrize("deduplicate", [True, False])
def test_an_epoch_holds_every_window_as_often_as_the_sessions_do(
    eight_keys: Vocabulary, random_rows: list[list[int]], deduplicate: bool
) -> None:
    dataset = WindowDataset(*prepare(random_rows, eight_keys), deduplicate=deduplicate, device=CPU)
    loader = batch_loader(dataset, IndexBatches(len(random_rows), 7, seed=0))
    seen: Counter = Counter()
    for batch in loader:
        seen += multiset(batch)
    assert len(loader) == 9
    assert seen == Counter(window for row in random_rows for window in loop_windows(row))


def test_windows_of_long_sessions_are_in_several_small_batches(
    eight_keys: Vocabulary, random_rows: list[list[int]]
) -> None:
    long = np.random.default_rng(1).integers(4, 12, 1000).tolist()
    rows = [*random_rows, long]
    dataset = WindowDataset(*prepare(rows, eight_keys), 64, deduplicate=False, device=CPU)
    assert dataset.num_windows.sum() == sum(map(len, rows)) + len(rows)
    loader = window_training_loader(dataset, SIZE, 7, 600, 0)
    seen: Counter = Counter()
    for batch in loader:
        assert batch.contexts.numel() <= 600
        seen += multiset(batch)
    assert seen == Counter(window for row in rows for window in loop_windows(row))


def test_distinct_windows_by_hand(eight_keys: Vocabulary) -> None:
    _, pairs = prepare([[4, 5], [9], [4, 5], [4]], eight_keys)
    # contexts: 0 the start, 1 after 4, 2 after 9, 3 after 4 5
    batch = DistinctWindowDataset(pairs, CPU)[torch.tensor([1, 2, 3])]
    check_types(batch)
    assert batch.contexts.tolist() == [[PAD, BOS, 4], [PAD, BOS, 9], [BOS, 4, 5]]
    assert batch.pair_context.tolist() == [0, 0, 1, 2]
    assert batch.pair_target.tolist() == [EOS, 5, EOS, EOS]
    assert batch.pair_count.tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("context", ["from_start", "full_windows"])
@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_scoring_plan_leads_every_event_to_its_window(
    eight_keys: Vocabulary, random_rows: list[list[int]], batch_size: int, context: str
) -> None:
    plan = window_scoring_plan(*prepare(random_rows, eight_keys, context), batch_size, CPU)
    pieces = []  # what a task would give: one output per pair, in the order of the batches
    contexts = []
    for batch in plan.loader:
        check_types(batch)
        assert len(batch.contexts) <= batch_size
        contexts += [tuple(row) for row in batch.contexts.tolist()]
        rows = batch.contexts[batch.pair_context].tolist()
        pieces += list(zip(map(tuple, rows), batch.pair_target.tolist(), strict=True))
        counted = multiset(batch)
        whole = Counter(window for row in random_rows for window in loop_windows(row, context))
        assert all(whole[window] == count for window, count in counted.items())
    assert len(set(pieces)) == len(pieces)
    assert len(set(contexts)) == len(contexts) == plan.num_distinct
    assert plan.piece_target.tolist() == [target for _, target in pieces]
    assert len(plan.offsets) == len(random_rows) + 1
    for session, row in enumerate(random_rows):
        own = plan.piece_of_event[plan.offsets[session] : plan.offsets[session + 1]]
        assert [pieces[piece] for piece in own.tolist()] == loop_windows(row, context)
        assert plan.piece_target[own].tolist() == [*row, EOS][plan.first_key[session] :]
    assert plan.offsets[-1] == len(plan.piece_of_event)


def test_real_sessions_batch_by_batch(hdfs_folder: Path) -> None:
    sessions = read_sessions(hdfs_folder / "loghub_sequences" / "normal.txt")
    vocabulary = Vocabulary.from_sessions(sessions)
    index = index_windows(vocabulary.encode(sessions), sessions.lengths, vocabulary, 10)
    pairs = distinct_pairs(index, len(vocabulary))
    once = WindowDataset(index, pairs, deduplicate=True, device=CPU)
    every = WindowDataset(index, pairs, deduplicate=False, device=CPU)
    units = 0.0
    for number, chosen in enumerate(IndexBatches(len(sessions), 500, seed=0)):
        short = once[chosen]
        units += short.num_units.item()
        if number < 2:
            assert multiset(short) == multiset(every[chosen])
    assert units == sessions.num_events + len(sessions)
    plan = window_scoring_plan(index, pairs, 1024, CPU)
    assert sum(batch.num_units.item() for batch in plan.loader) == units
    own = plan.piece_of_event[plan.offsets[17] : plan.offsets[18]]
    assert [vocabulary.tokens[token] for token in plan.piece_target[own]] == [*sessions.keys(17), "<eos>"]
