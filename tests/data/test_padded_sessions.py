from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from seqlab.data.batches import SessionBatch
from seqlab.data.loaders import IndexBatches, batch_loader
from seqlab.data.padded_sessions import (
    PaddedDataset,
    session_scoring_plan,
    session_training_loader,
    token_limit,
)
from seqlab.data.session_files import read_sessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import DistinctSessions, distinct_sessions

CPU = torch.device("cpu")
PAD, BOS, EOS = 0, 1, 2


def prepare(rows: list[list[int]], vocabulary: Vocabulary, kind: type = np.uint8) -> DistinctSessions:
    tokens = np.asarray([token for row in rows for token in row], dtype=kind)
    return distinct_sessions(tokens, np.asarray([len(row) for row in rows]), vocabulary)


def padded(
    rows: list[list[int]], vocabulary: Vocabulary, *, deduplicate: bool = True, by_distinct: bool = False
) -> PaddedDataset:
    return PaddedDataset(
        prepare(rows, vocabulary), vocabulary, deduplicate=deduplicate, by_distinct=by_distinct, device=CPU
    )


def sequences(distinct: DistinctSessions) -> list[list[int]]:
    ends = (distinct.first_token + distinct.lengths).tolist()
    return [
        distinct.stream[first:end].tolist()
        for first, end in zip(distinct.first_token.tolist(), ends, strict=True)
    ]


def check_fields(batch: SessionBatch) -> list[tuple[int, ...]]:
    """Every field against a plain reading of ``source``; the sessions without their EOS."""
    assert isinstance(batch, SessionBatch)
    kinds = [torch.int64, torch.int64, torch.int64, torch.bool, torch.float32]
    assert [field.dtype for field in batch] == kinds
    assert batch.source.shape == batch.decoder_input.shape == batch.mask.shape
    assert batch.source.shape[1] == int(batch.lengths.max())
    found = []
    for source, decoder_input, mask, length in zip(
        batch.source.tolist(),
        batch.decoder_input.tolist(),
        batch.mask.tolist(),
        batch.lengths.tolist(),
        strict=True,
    ):
        padding = len(source) - length
        keys = source[: length - 1]
        assert source == [*keys, EOS] + [PAD] * padding
        assert decoder_input == [BOS, *keys] + [PAD] * padding
        assert mask == [True] * length + [False] * padding
        assert not {PAD, BOS, EOS} & set(keys)
        found.append(tuple(keys))
    return found


def multiset(batch: SessionBatch) -> Counter:
    counts: Counter = Counter()
    for keys, count in zip(check_fields(batch), batch.session_count.tolist(), strict=True):
        counts[keys] += int(count)
    return counts


def test_distinct_sessions_by_hand(eight_keys: Vocabulary) -> None:
    distinct = prepare([[5, 6, 7], [4], [5, 6, 7], [6, 5], [4]], eight_keys)
    assert len(distinct) == 3
    assert sequences(distinct) == [[4, EOS], [6, 5, EOS], [5, 6, 7, EOS]]
    assert distinct.lengths.tolist() == [2, 3, 4]
    assert distinct.distinct_of_piece.tolist() == [2, 0, 2, 1, 0]
    assert distinct.stream.dtype == np.uint8


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32])
def test_distinct_sessions_equal_sets(
    eight_keys: Vocabulary, random_rows: list[list[int]], kind: type
) -> None:
    distinct = prepare(random_rows, eight_keys, kind)
    found = sequences(distinct)
    assert len(distinct) == len({tuple(row) for row in random_rows})
    assert len({tuple(row) for row in found}) == len(found)
    assert (np.diff(distinct.lengths) >= 0).all()
    assert [found[number] for number in distinct.distinct_of_piece.tolist()] == [
        [*row, EOS] for row in random_rows
    ]
    assert distinct.stream.dtype == kind


def test_sessions_whose_bytes_agree_across_tokens_stay_apart(eight_keys: Vocabulary) -> None:
    # as bytes, 256 + 4 is the two tokens 4 and 1 of a narrower type
    distinct = prepare([[260], [4], [4, 260], [260, 4]], eight_keys, np.int16)
    assert sorted(sequences(distinct)) == [[4, EOS], [4, 260, EOS], [260, EOS], [260, 4, EOS]]


def test_padded_batch_by_hand(eight_keys: Vocabulary) -> None:
    batch = padded([[5, 6, 7], [4], [5, 6, 7], [6, 5]], eight_keys)[torch.tensor([1, 0, 2])]
    assert batch.source.tolist() == [[4, EOS, PAD, PAD], [5, 6, 7, EOS]]
    assert batch.decoder_input.tolist() == [[BOS, 4, PAD, PAD], [BOS, 5, 6, 7]]
    assert batch.lengths.tolist() == [2, 4]
    assert batch.mask.tolist() == [[True, True, False, False], [True] * 4]
    assert batch.session_count.tolist() == [1, 2]
    assert batch.num_units.item() == 2 + 2 * 4


def test_padded_batch_without_deduplication_by_hand(eight_keys: Vocabulary) -> None:
    dataset = padded([[5, 6, 7], [4], [5, 6, 7], [6, 5]], eight_keys, deduplicate=False)
    batch = dataset[torch.tensor([2, 3, 0])]
    assert batch.source.tolist() == [[5, 6, 7, EOS], [6, 5, EOS, PAD], [5, 6, 7, EOS]]
    assert batch.decoder_input.tolist() == [[BOS, 5, 6, 7], [BOS, 6, 5, PAD], [BOS, 5, 6, 7]]
    assert batch.lengths.tolist() == [4, 3, 4]
    assert batch.session_count.tolist() == [1, 1, 1]
    assert batch.num_units.item() == 11


def test_batch_by_distinct_number_counts_the_whole_split(eight_keys: Vocabulary) -> None:
    dataset = padded([[5, 6, 7], [4], [5, 6, 7], [6, 5]], eight_keys, by_distinct=True)
    batch = dataset[torch.tensor([2, 0])]
    assert batch.source.tolist() == [[5, 6, 7, EOS], [4, EOS, PAD, PAD]]
    assert batch.session_count.tolist() == [2, 1]


def test_deduplicated_batches_hold_the_same_sessions(
    eight_keys: Vocabulary, random_rows: list[list[int]]
) -> None:
    once = padded(random_rows, eight_keys)
    every = padded(random_rows, eight_keys, deduplicate=False)
    saved = 0
    for sessions in IndexBatches(len(random_rows), 16, seed=1):
        expected = Counter(tuple(random_rows[row]) for row in sessions)
        short, long = once[sessions], every[sessions]
        assert multiset(short) == multiset(long) == expected
        assert check_fields(long) == [tuple(random_rows[row]) for row in sessions]
        assert len(short.source) == len(expected)
        assert short.num_units == long.num_units == sum(len(random_rows[row]) + 1 for row in sessions)
        saved += len(long.source) - len(short.source)
    assert saved > 0


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_scoring_plan_leads_every_event_to_its_token(
    eight_keys: Vocabulary, random_rows: list[list[int]], batch_size: int
) -> None:
    plan = session_scoring_plan(prepare(random_rows, eight_keys), eight_keys, batch_size, CPU)
    pieces = []  # what a task would give: one output per real token, in the order of the batches
    distinct: Counter = Counter()
    for batch in plan.loader:
        assert len(batch.source) <= batch_size
        distinct += multiset(batch)
        pieces += [
            (tuple(row[:step]), row[step])
            for keys in check_fields(batch)
            for row in [[*keys, EOS]]
            for step in range(len(row))
        ]
        assert len(batch.source[batch.mask]) == int(batch.lengths.sum())
    assert distinct == Counter(map(tuple, random_rows))
    assert len(distinct) == plan.num_distinct
    assert len(pieces) == sum(len(row) + 1 for row in distinct)
    assert plan.piece_target.tolist() == [target for _, target in pieces]
    for session, row in enumerate(random_rows):
        own = plan.piece_of_event[plan.offsets[session] : plan.offsets[session + 1]].tolist()
        laid = [*row, EOS]
        assert [pieces[piece] for piece in own] == [
            (tuple(laid[:step]), token) for step, token in enumerate(laid)
        ]
    assert plan.offsets[-1] == len(plan.piece_of_event)
    assert plan.first_key.tolist() == [0] * len(random_rows)


def test_outputs_gathered_by_mask_come_in_the_order_of_the_pieces(
    eight_keys: Vocabulary, random_rows: list[list[int]]
) -> None:
    plan = session_scoring_plan(prepare(random_rows, eight_keys), eight_keys, 9, CPU)
    outputs = torch.cat([batch.source[batch.mask] for batch in plan.loader]).numpy()
    assert outputs.tolist() == plan.piece_target.tolist()
    by_event = outputs[plan.piece_of_event]
    assert by_event.tolist() == [token for row in random_rows for token in [*row, EOS]]


def test_scoring_batches_pad_little(eight_keys: Vocabulary, random_rows: list[list[int]]) -> None:
    plan = session_scoring_plan(prepare(random_rows, eight_keys), eight_keys, 8, CPU)
    lengths = torch.cat([batch.lengths for batch in plan.loader]).tolist()
    assert lengths == sorted(lengths)


def test_real_sessions(hdfs_folder: Path) -> None:
    sessions = read_sessions(hdfs_folder / "loghub_sequences" / "normal.txt")
    vocabulary = Vocabulary.from_sessions(sessions)
    tokens = vocabulary.encode(sessions)
    distinct = distinct_sessions(tokens, sessions.lengths, vocabulary)
    assert len(distinct) == 873
    rows = [row.tolist() for row in np.split(tokens, sessions.offsets[1:-1])]
    found = sequences(distinct)
    assert [found[number][:-1] for number in distinct.distinct_of_piece.tolist()] == rows
    dataset = PaddedDataset(distinct, vocabulary, deduplicate=True, by_distinct=False, device=CPU)
    loader = batch_loader(dataset, IndexBatches(len(sessions), 500, seed=0))
    assert sum(batch.num_units.item() for batch in loader) == sessions.num_events + len(sessions)


# -- long sessions -------------------------------------------------------------------------------------


def test_long_sessions_are_cut_into_even_pieces(eight_keys: Vocabulary) -> None:
    tokens = np.asarray([4, 5, 6, 7, 8, 9, 10, 4, 5, 6, 5, 5], dtype=np.uint8)
    distinct = distinct_sessions(tokens, np.asarray([7, 3, 2]), eight_keys, piece_length=3)
    # eight tokens with EOS in pieces of 3, 3 and 2; four in 2 and 2
    assert distinct.num_pieces.tolist() == [3, 2, 1]
    pieces = [sequences(distinct)[number] for number in distinct.distinct_of_piece.tolist()]
    assert pieces == [[4, 5, 6], [7, 8, 9], [10, EOS], [4, 5], [6, EOS], [5, 5, EOS]]
    assert distinct.piece_lengths.tolist() == [3, 3, 2, 2, 2, 3]
    assert distinct.session_lengths.tolist() == [8, 4, 3]


def test_equal_pieces_of_a_session_are_one(eight_keys: Vocabulary) -> None:
    distinct = distinct_sessions(np.full(11, 5, dtype=np.uint8), np.asarray([11]), eight_keys, piece_length=4)
    assert sequences(distinct) == [[5, 5, 5, 5], [5, 5, 5, EOS]]
    assert distinct.distinct_of_piece.tolist() == [0, 0, 1]


def test_a_plan_of_pieces_leads_back_to_whole_sessions(
    eight_keys: Vocabulary, random_rows: list[list[int]]
) -> None:
    tokens = np.asarray([token for row in random_rows for token in row], dtype=np.uint8)
    lengths = np.asarray([len(row) for row in random_rows])
    distinct = distinct_sessions(tokens, lengths, eight_keys, piece_length=4)
    plan = session_scoring_plan(distinct, eight_keys, 8, CPU, batch_tokens=20)
    given = [batch.source[batch.mask] for batch in plan.loader]
    assert all(len(batch.source) * batch.source.shape[1] <= 20 for batch in plan.loader)
    assert torch.cat(given).tolist() == plan.piece_target.tolist()
    targets = plan.piece_target[plan.piece_of_event]
    found = [targets[first:end].tolist() for first, end in pairwise(plan.offsets.tolist())]
    assert found == [[*row, EOS] for row in random_rows]


def test_tokens_of_long_pieces_and_large_vocabularies_count_more(eight_keys: Vocabulary) -> None:
    lengths = np.asarray([20, 128, 256])
    assert token_limit(lengths, 30, 1000).sizes.tolist() == [20, 128, 512]
    assert token_limit(lengths, 512, 1000).sizes.tolist() == [80, 512, 1024]


def test_a_session_of_100_000_events_trains_in_many_small_batches(eight_keys: Vocabulary) -> None:
    lengths = np.asarray([3] * 100 + [100_000])
    tokens = np.random.default_rng(0).integers(4, 12, lengths.sum()).astype(np.uint8)
    distinct = distinct_sessions(tokens, lengths, eight_keys, piece_length=512)
    dataset = PaddedDataset(distinct, eight_keys, deduplicate=True, by_distinct=False, device=CPU)
    loader = session_training_loader(dataset, 64, 16_384, 0, bucketing=True)
    batches = list(loader)
    assert len(loader) == len(batches)
    assert max(batch.source.numel() for batch in batches) <= 16_384
    assert sum(int(batch.num_units) for batch in batches) == 100_001 + 100 * 4
