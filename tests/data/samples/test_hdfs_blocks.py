from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from seqlab.data.samples.hdfs_blocks import (
    ANOMALY_KINDS,
    NORMAL_VARIANTS,
    SYNTHETIC_NOTICE,
    TEMPLATES,
    SimulatedBlocks,
    simulate_blocks,
)
from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL
from seqlab.errors import UserError

SEEDS = range(5)


@pytest.fixture(scope="module")
def many() -> list[SimulatedBlocks]:
    return [simulate_blocks(seed=seed) for seed in SEEDS]


def test_default_is_four_thousand_blocks_with_three_percent_abnormal(many: list[SimulatedBlocks]) -> None:
    for seed, blocks in enumerate(many):
        sessions = blocks.sessions
        assert (len(sessions), len(blocks.kinds), blocks.seed) == (4000, 4000, seed)
        assert np.count_nonzero(sessions.labels == LABEL_ABNORMAL) == 120
        assert np.count_nonzero(sessions.labels == LABEL_NORMAL) == 3880
        assert sessions.num_events == int(sessions.lengths.sum()) == len(sessions.codes)
        assert sessions.lengths.min() >= 2


def test_kinds_agree_with_labels_and_are_equally_many(many: list[SimulatedBlocks]) -> None:
    assert len(ANOMALY_KINDS) == 6
    assert not set(ANOMALY_KINDS) & set(NORMAL_VARIANTS)
    for blocks in many:
        abnormal = [kind in ANOMALY_KINDS for kind in blocks.kinds]
        assert abnormal == (blocks.sessions.labels == LABEL_ABNORMAL).tolist()
        counts = Counter(blocks.kinds)
        assert {counts[kind] for kind in ANOMALY_KINDS} == {20}
        assert all(counts[variant] > 0 for variant in NORMAL_VARIANTS)


@pytest.mark.parametrize(
    ("num_blocks", "share", "expected"), [(1, 0.0, 0), (1, 1.0, 1), (50, 0.03, 2), (8, 1, 8)]
)
def test_number_of_abnormal_blocks_is_the_rounded_share(num_blocks: int, share: float, expected: int) -> None:
    blocks = simulate_blocks(num_blocks, share, seed=3)
    assert np.count_nonzero(blocks.sessions.labels == LABEL_ABNORMAL) == expected
    counts = [blocks.kinds.count(kind) for kind in ANOMALY_KINDS]
    assert max(counts) - min(counts) <= 1


def test_blocks_come_in_random_order(many: list[SimulatedBlocks]) -> None:
    places = np.flatnonzero(many[0].sessions.labels == LABEL_ABNORMAL)
    quarters = np.bincount(places // 1000, minlength=4)
    assert quarters.min() >= 15


def test_ids_are_unique_signed_block_numbers(many: list[SimulatedBlocks]) -> None:
    ids = many[0].sessions.ids.tolist()
    assert len(set(ids)) == len(ids)
    numbers = [int(block.removeprefix("blk_")) for block in ids]
    assert all(-(2**63) <= number < 2**63 for number in numbers)
    assert 0.4 < sum(number < 0 for number in numbers) / len(numbers) < 0.6


def test_keys_are_named_by_the_templates_and_all_occur() -> None:
    crowded = simulate_blocks(num_blocks=12_000, abnormal_share=0.5, seed=7)
    assert crowded.sessions.key_names == tuple(TEMPLATES)
    assert set(np.unique(crowded.sessions.codes).tolist()) == set(range(len(TEMPLATES)))
    assert "ynthetic" in SYNTHETIC_NOTICE


def fingerprint(blocks: SimulatedBlocks) -> tuple[bytes, bytes, list[str], tuple[str, ...]]:
    sessions = blocks.sessions
    return sessions.codes.tobytes(), sessions.offsets.tobytes(), sessions.ids.tolist(), blocks.kinds


def test_same_seed_same_blocks_other_seed_others() -> None:
    assert fingerprint(simulate_blocks(500, seed=4)) == fingerprint(simulate_blocks(500, seed=4))
    assert fingerprint(simulate_blocks(500, seed=4)) != fingerprint(simulate_blocks(500, seed=5))


def test_blocks_do_not_depend_on_the_hash_seed_and_need_neither_torch_nor_pandas() -> None:
    program = (
        "import hashlib, sys\n"
        "from seqlab.data.samples.hdfs_blocks import simulate_blocks\n"
        "b = simulate_blocks(600, 0.5, seed=2)\n"
        "assert not {'torch', 'pandas'} & set(sys.modules)\n"
        "text = repr([(i, b.sessions.keys(n), b.kinds[n]) for n, i in enumerate(b.sessions.ids.tolist())])\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "12345")
    }
    assert len(digests) == 1


def test_no_abnormal_key_sequence_is_among_the_normal_ones(many: list[SimulatedBlocks]) -> None:
    sequences: dict[int, set[tuple[str, ...]]] = {LABEL_NORMAL: set(), LABEL_ABNORMAL: set()}
    for blocks in many:
        for number, label in enumerate(blocks.sessions.labels.tolist()):
            sequences[label].add(tuple(blocks.sessions.keys(number)))
    assert not sequences[LABEL_NORMAL] & sequences[LABEL_ABNORMAL]


def test_usual_blocks_look_like_the_real_ones(many: list[SimulatedBlocks]) -> None:
    blocks = many[0]
    normal = [
        blocks.sessions.keys(n) for n in np.flatnonzero(blocks.sessions.labels == LABEL_NORMAL).tolist()
    ]
    most_common = Counter(map(tuple, normal)).most_common(1)[0]
    assert " ".join(most_common[0]) == "5 5 5 22 11 9 11 9 11 9 26 26 26 23 23 23 21 21 21"
    assert 0.1 < most_common[1] / len(normal) < 0.25
    with_key = {key: np.mean([key in keys for keys in normal]) for key in ("3", "4", "2", "23", "25")}
    assert with_key["3"] == pytest.approx(0.25, abs=0.06)
    assert with_key["4"] == pytest.approx(0.23, abs=0.06)
    assert with_key["2"] == pytest.approx(0.13, abs=0.06)
    assert with_key["23"] == pytest.approx(0.81, abs=0.06)
    assert 0 < with_key["25"] < 0.03


def pairs(keys: list[str]) -> set[tuple[str, str]]:
    return set(zip(["", *keys], [*keys, ""], strict=True))


def counts(keys: list[str]) -> frozenset[tuple[str, int]]:
    return frozenset(Counter(keys).items())


def flags(rule: str, train: list[list[str]], test: list[list[str]]) -> list[bool]:
    """Which test sessions a simple rule, learned from normal sessions, calls abnormal."""
    if rule == "unseen key":
        keys = {key for row in train for key in row}
        return [not set(row) <= keys for row in test]
    if rule == "length outside range":
        lengths = [len(row) for row in train]
        return [not min(lengths) <= len(row) <= max(lengths) for row in test]
    if rule == "unseen counts":
        vectors = {counts(row) for row in train}
        return [counts(row) not in vectors for row in test]
    if rule == "unseen pair":
        known = {pair for row in train for pair in pairs(row)}
        return [not pairs(row) <= known for row in test]
    assert rule == "unseen sequence"
    sequences = {tuple(row) for row in train}
    return [tuple(row) not in sequences for row in test]


@pytest.mark.parametrize(
    ("rule", "found_range", "false_range"),
    [
        ("unseen key", (0.05, 0.25), (0.0001, 0.01)),
        ("length outside range", (0.01, 0.15), (0.0001, 0.01)),
        ("unseen counts", (0.55, 0.85), (0.03, 0.10)),
        ("unseen pair", (0.45, 0.75), (0.002, 0.02)),
        ("unseen sequence", (0.999, 1.0), (0.15, 0.40)),
    ],
)
def test_simple_rules_find_some_and_are_wrong_about_some(
    many: list[SimulatedBlocks], rule: str, found_range: tuple[float, float], false_range: tuple[float, float]
) -> None:
    """Shares of abnormal and of held-out normal blocks flagged; rules learn from half the normal blocks."""
    found, false = [], []
    for blocks in many:
        rows = [blocks.sessions.keys(number) for number in range(len(blocks.sessions))]
        normal = np.flatnonzero(blocks.sessions.labels == LABEL_NORMAL).tolist()
        abnormal = np.flatnonzero(blocks.sessions.labels == LABEL_ABNORMAL).tolist()
        train = [rows[number] for number in normal[::2]]
        found.append(np.mean(flags(rule, train, [rows[number] for number in abnormal])))
        false.append(np.mean(flags(rule, train, [rows[number] for number in normal[1::2]])))
    assert found_range[0] <= np.mean(found) <= found_range[1], found
    assert false_range[0] <= np.mean(false) <= false_range[1], false


@pytest.mark.parametrize(
    ("argument", "value", "hint"),
    [
        ("num_blocks", 0, "1 or larger"),
        ("num_blocks", 2.5, "whole number"),
        ("num_blocks", True, "whole number"),
        ("abnormal_share", -0.01, "from 0 to 1"),
        ("abnormal_share", 3.0, "from 0 to 1"),
        ("abnormal_share", float("nan"), "from 0 to 1"),
        ("abnormal_share", "3%", "from 0 to 1"),
        ("seed", -1, "0 or larger"),
        ("seed", None, "0 or larger"),
    ],
)
def test_bad_argument_is_named_with_its_value_and_what_is_accepted(
    argument: str, value: object, hint: str
) -> None:
    with pytest.raises(UserError, match=hint) as caught:
        simulate_blocks(**{argument: value})  # type: ignore[arg-type]
    assert f"{argument}={value!r}" in str(caught.value)
