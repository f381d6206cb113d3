"""Batches: every item once, nothing larger than asked for, nothing but padding where a row has ended."""

import itertools
from collections import Counter

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlab.data.loaders import IndexBatches, TokenLimit
from seqlab.data.padded_sessions import PaddedDataset
from seqlab.data.pairs import EncodedPairs, PairDataset
from seqlab.data.sequences import Sessions
from seqlab.data.session_windows import WindowDataset as SessionWindowDataset
from seqlab.data.tagged import TagDataset, TaggedSentences, WordCoder
from seqlab.data.text_streams import StreamBatches, StreamDataset, WindowDataset
from seqlab.data.vocabulary import SPECIAL, Vocabulary
from seqlab.data.windows import distinct_pairs, distinct_sessions, index_windows

CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=25)
ROWS = st.lists(st.lists(st.sampled_from("abc"), max_size=7), min_size=1, max_size=7)


@given(
    LENGTHS,
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 90)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_item_is_in_one_batch_of_an_epoch(
    lengths: list[int], size: int, most: int | None, shuffle: bool, by_length: bool, seed: int
) -> None:
    sizes = torch.tensor(lengths)
    limit = None if most is None else TokenLimit(sizes, most)
    batches = IndexBatches(
        len(sizes), size, seed=seed, shuffle=shuffle, lengths=sizes if by_length else None, limit=limit
    )
    for epoch in range(3):
        batches.set_epoch(epoch)
        found = [batch.tolist() for batch in batches]
        assert sorted(item for batch in found for item in batch) == list(range(len(sizes)))
        assert len(found) == len(batches)
        assert [batch.tolist() for batch in batches] == found  # the same again
        for batch in found:
            assert 1 <= len(batch) <= size
            assert (
                most is None or len(batch) == 1 or len(batch) * max(lengths[item] for item in batch) <= most
            )
        if by_length:
            spans = sorted(
                (min(lengths[i] for i in batch), max(lengths[i] for i in batch)) for batch in found
            )
            assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))


@given(st.integers(2, 60), st.integers(1, 7), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_streams_predict_every_token_of_a_text_once_and_go_on_where_they_were(
    length: int, streams: int, steps: int, shift: bool, seed: int
) -> None:
    tokens = torch.arange(4, 4 + length)  # no two alike, none of them padding
    data = StreamDataset(tokens, streams, steps)
    batches = StreamBatches(data, seed=seed, shift=shift)
    for epoch in range(2):
        batches.set_epoch(epoch)
        found = [data[part] for part in batches]
        assert len(found) == len(batches)
        inputs, targets = (
            torch.cat([getattr(each, name) for each in found], 1) for name in ("inputs", "targets")
        )
        real = targets != SPECIAL.pad
        assert sorted(targets[real].tolist()) == tokens[1:].tolist()
        assert (targets[real] == inputs[real] + 1).all()
        assert (inputs[:, 1:][real[:, 1:]] == targets[:, :-1][real[:, 1:]]).all()
        assert all(each.inputs.shape[1] <= steps for each in found)


@given(st.integers(2, 40), st.integers(1, 9), st.integers(1, 5))
def test_windows_of_a_text_are_its_slices(length: int, window: int, stride: int) -> None:
    tokens = torch.arange(length)
    if length <= window:
        return
    data = WindowDataset(tokens, window, stride)
    batch = data[torch.arange(len(data))]
    starts = range(0, length - window, stride)
    assert batch.inputs.tolist() == [list(range(start, start + window)) for start in starts]
    assert batch.targets.tolist() == [list(range(start + 1, start + window + 1)) for start in starts]


@given(ROWS, st.one_of(st.none(), st.integers(1, 4)), st.data())
def test_padded_sessions_are_the_sessions_and_counted_as_often(
    rows: list[list[str]], longest: int | None, data: st.DataObject
) -> None:
    sessions = Sessions.from_lists(rows)
    vocabulary = Vocabulary.from_sessions(sessions)
    distinct = distinct_sessions(vocabulary.encode(sessions), sessions.lengths, vocabulary, longest)
    pieces = data.draw(
        st.lists(st.integers(0, len(distinct.distinct_of_piece) - 1), min_size=1, max_size=6, unique=True)
    )
    kinds = [distinct.distinct_of_piece[piece] for piece in pieces]
    expected = Counter(
        tuple(distinct.stream[distinct.first_token[kind] :][: distinct.lengths[kind]].tolist())
        for kind in kinds
    )
    for deduplicate in (True, False):
        dataset = PaddedDataset(distinct, vocabulary, deduplicate=deduplicate, by_distinct=False, device=CPU)
        batch = dataset[torch.tensor(pieces)]
        found: Counter[tuple[int, ...]] = Counter()
        for row, length in enumerate(batch.lengths.tolist()):
            found[tuple(batch.source[row, :length].tolist())] += int(batch.session_count[row])
            assert batch.decoder_input[row, :length].tolist() == [
                vocabulary.bos,
                *batch.source[row, : length - 1].tolist(),
            ]
            assert batch.mask[row].tolist() == [step < length for step in range(batch.source.shape[1])]
        assert found == expected
        for tokens in (batch.source, batch.decoder_input):
            assert (tokens[~batch.mask] == vocabulary.pad).all()


@given(ROWS, st.integers(1, 4), st.one_of(st.none(), st.integers(1, 3)), st.data())
def test_a_batch_of_windows_holds_those_of_its_runs_as_often(
    rows: list[list[str]], size: int, longest: int | None, data: st.DataObject
) -> None:
    sessions = Sessions.from_lists(rows)
    vocabulary = Vocabulary.from_sessions(sessions)
    index = index_windows(vocabulary.encode(sessions), sessions.lengths, vocabulary, size)
    pairs = distinct_pairs(index, len(vocabulary))
    positions = index.positions()
    every = zip(index.contexts(positions).tolist(), index.stream[positions].tolist(), strict=True)
    flat = [(tuple(context), target) for context, target in every]
    for deduplicate in (True, False):
        dataset = SessionWindowDataset(index, pairs, longest, deduplicate=deduplicate, device=CPU)
        runs = dataset.num_windows.tolist()
        chosen = data.draw(st.lists(st.integers(0, len(runs) - 1), min_size=1, max_size=5, unique=True))
        first = np.concatenate(([0], np.cumsum(runs)))
        expected = Counter(pair for run in chosen for pair in flat[first[run] : first[run + 1]])
        batch = dataset[torch.tensor(chosen)]
        contexts, row, target, count = (part.tolist() for part in batch[:4])
        found: Counter[tuple[tuple[int, ...], int]] = Counter()
        for number, each, weight in zip(row, target, count, strict=True):
            found[tuple(contexts[number]), each] += int(weight)
        assert found == expected


IDS = st.lists(st.integers(4, 20), max_size=6)


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=6), st.data())
def test_a_batch_of_pairs_holds_both_sides_ended_and_padded(
    pairs: list[tuple[list[int], list[int]]], data: st.DataObject
) -> None:
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    arrays = [
        part
        for rows in sides
        for part in (
            np.array([token for row in rows for token in row], dtype=np.int32),
            np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64))),
        )
    ]
    encoded = EncodedPairs(*arrays)
    assert encoded.longer_sides().tolist() == [max(map(len, pair)) + 1 for pair in pairs]
    chosen = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=6))
    batch = PairDataset(encoded, CPU)[torch.tensor(chosen)]
    for row, number in enumerate(chosen):
        for side, tokens, lengths in (
            (0, batch.source, batch.source_lengths),
            (1, batch.target, batch.target_lengths),
        ):
            whole = [*pairs[number][side], SPECIAL.eos]
            assert int(lengths[row]) == len(whole)
            assert tokens[row].tolist() == whole + [SPECIAL.pad] * (tokens.shape[1] - len(whole))
        written = [SPECIAL.bos, *pairs[number][1]]
        padding = [SPECIAL.pad] * (batch.target.shape[1] - len(written))
        assert batch.decoder_input[row].tolist() == written + padding


WORDS = st.lists(st.sampled_from(["a", "Bc", "déf", "9", "é"]), min_size=1, max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(1, 3), st.data())
def test_a_batch_of_sentences_holds_their_words_letters_and_tags(
    rows: list[list[str]], letters: int, data: st.DataObject
) -> None:
    sentences = TaggedSentences.from_sentences([(row, ["O"] * len(row)) for row in rows])
    known = Counter(word for row in rows for word in row)
    coder = WordCoder(
        Vocabulary.from_counts(known, len(rows), min_count=2),
        Vocabulary.from_counts(Counter("".join(sentences.tokens)), 1),
        lowercase=False,
        max_letters=letters,
    )
    dataset = TagDataset(sentences, coder, np.arange(len(sentences.tokens)))
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=5))
    batch = dataset[torch.tensor(chosen)]
    for row, number in enumerate(chosen):
        words, width = rows[number], batch.words.shape[1]
        assert batch.mask[row].tolist() == [step < len(words) for step in range(width)]
        assert batch.words[row].tolist() == coder.words.ids(words) + [coder.words.pad] * (width - len(words))
        first = int(sentences.firsts[number])
        assert batch.tags[row, : len(words)].tolist() == list(range(first, first + len(words)))
        for step, word in enumerate(words):
            form = int(batch.spelling[row, step])
            spelled = batch.letters[form, : int(batch.letter_counts[form])].tolist()
            assert spelled == coder.characters.ids(word[:letters])
