"""Template ids by look-up equal those of drain3 fed line by line."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seqlab.logs.drain_state import drain_from_state, drain_of_templates, drain_state, new_drain
from seqlab.logs.formats import FORMATS
from seqlab.logs.lines import LineReader, read_lines
from seqlab.logs.reading import find_sources, read_chunks
from seqlab.logs.template_ids import UNSEEN, FixedIds, KnownFirstIds, LearnedIds


def coded(messages: Iterable[str]) -> tuple[list[str], np.ndarray]:
    messages = list(messages)
    distinct = list(dict.fromkeys(messages))
    places = {message: place for place, message in enumerate(distinct)}
    return distinct, np.array([places[message] for message in messages], dtype=np.uint32)


def check_against_drain3(
    chunks: Iterable[tuple[list[str], np.ndarray]], similarity: float, depth: int
) -> LearnedIds:
    """Feeds drain3 every message of every chunk, in order, and compares each id and the templates."""
    plain = new_drain(similarity, depth)
    ours = LearnedIds(new_drain(similarity, depth))
    for distinct, code in chunks:
        expected = [plain.add_log_message(distinct[place])[0].cluster_id for place in code.tolist()]
        assert ours.assign(distinct, code).tolist() == expected
    templates = {cluster.cluster_id: list(cluster.log_template_tokens) for cluster in plain.clusters}
    assert ours.templates() == templates
    assert drain_state(ours.drain)["tree"] == drain_state(plain)["tree"]
    return ours


def masked_chunks(path: Path, name: str, chunk_bytes: int) -> Iterable[tuple[list[str], np.ndarray]]:
    reader = LineReader(FORMATS[name])
    for chunk in read_chunks(find_sources([str(path)]), chunk_bytes=chunk_bytes):
        found = reader(read_lines(chunk.content)[0])
        yield found.distinct, found.code


def test_loghub_logs_get_the_ids_of_drain3(loghub: tuple[str, Path]) -> None:
    name, path = loghub
    ours = check_against_drain3(
        masked_chunks(path, name, 1 << 14), FORMATS[name].similarity, FORMATS[name].depth
    )
    assert 0 < ours.fed < 2000  # most lines were looked up


def test_a_million_generated_lines_get_the_ids_of_drain3(hdfs_log: Callable) -> None:
    log, _ = hdfs_log(50_000)
    ours = check_against_drain3(masked_chunks(log, "hdfs", 8 << 20), 0.5, 4)
    assert len(ours.templates()) == 28
    assert ours.fed < 200


@pytest.mark.parametrize("seed", range(20))
def test_messages_whose_templates_keep_changing_get_the_ids_of_drain3(seed: int) -> None:
    """Few words in short messages: templates are made and widened all the time, and cut each other off."""
    rng = random.Random(seed)
    words = ["a", "b", "c", "d4", "<var>", "<*>", "eee"]
    messages = [" ".join(rng.choices(words, k=rng.randint(0, 5))) for _ in range(3000)]
    chunks = [coded(messages[start : start + 170]) for start in range(0, len(messages), 170)]
    ours = check_against_drain3(chunks, rng.choice([0.3, 0.5, 0.7]), rng.choice([3, 4, 5]))
    assert ours.fed < len(messages)


def test_a_saved_drain_goes_on_as_the_first_would_have() -> None:
    rng = random.Random(0)
    messages = [" ".join(rng.choices("abcdefg", k=rng.randint(1, 5))) for _ in range(2000)]
    whole = LearnedIds(new_drain(0.5, 4))
    expected = [whole.assign(*coded(messages[start : start + 100])).tolist() for start in range(0, 2000, 100)]
    halves = LearnedIds(new_drain(0.5, 4))
    found = []
    for start in range(0, 2000, 100):
        halves = LearnedIds(drain_from_state(drain_state(halves.drain)))
        found.append(halves.assign(*coded(messages[start : start + 100])).tolist())
    assert found == expected


def test_fixed_templates_match_whole_messages_and_learn_nothing() -> None:
    ids = FixedIds([drain_of_templates({3: ["open", "<*>"], 8: ["<*>", "failed", "twice"]}, 0.5, 4)], [0])
    distinct, code = coded(["open x", "shut x", "disk failed twice", "open x y"])
    assert ids.assign(distinct, code).tolist() == [3, UNSEEN, 8, UNSEEN]
    assert ids.assign(["shut x"], np.array([0, 0], dtype=np.uint32)).tolist() == [UNSEEN, UNSEEN]


def test_known_templates_keep_their_ids_and_new_ones_come_after() -> None:
    known = FixedIds([drain_of_templates({3: ["open", "<*>"], 8: ["a", "b"]}, 0.5, 4)], [0])
    ids = KnownFirstIds(known, LearnedIds(new_drain(0.5, 4), first_id=8))
    distinct, code = coded(["open x", "shut x", "a b", "shut y", "shut x"])
    assert ids.assign(distinct, code).tolist() == [3, 9, 8, 9, 9]
    assert ids.templates() == {3: ["open", "<*>"], 8: ["a", "b"], 9: ["shut", "<*>"]}


def test_no_messages_are_no_ids() -> None:
    ids = LearnedIds(new_drain(0.5, 4))
    assert ids.assign([], np.zeros(0, dtype=np.uint32)).tolist() == []
    assert pl.Series(ids.assign(["a"], np.array([0]))).to_list() == [1]
