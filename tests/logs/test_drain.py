"""Template ids by look-up equal those of drain3 fed line by line; what masked words say of a template."""

import itertools
import json
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from drain3.drain import Drain as Drain3
from drain3.drain import Node

from seqlab.logs.drain import UNSEEN, Drain, FixedIds, LearnedIds
from seqlab.logs.formats import FORMATS, LogFormat
from seqlab.logs.line_reader import LineReader
from seqlab.logs.reading import find_logs, read_chunks, read_lines


def coded(messages: Iterable[str]) -> tuple[list[str], np.ndarray]:
    messages = list(messages)
    distinct = list(dict.fromkeys(messages))
    places = {message: place for place, message in enumerate(distinct)}
    return distinct, np.array([places[message] for message in messages], dtype=np.uint32)


class Twin(Drain3):
    """drain3's Drain with the two rules about masked words, written once more, for whole messages."""

    def get_seq_distance(self, seq1: tuple, seq2: list, include_params: bool) -> tuple[float, int]:
        if include_params:
            return super().get_seq_distance(seq1, seq2, include_params)
        said = [
            (known, word)
            for known, word in zip(seq1, seq2, strict=True)
            if known != word or "<var>" not in word or re.search("[a-zA-Z0-9_]", word.replace("<var>", ""))
        ]
        drain3s = super().get_seq_distance([known for known, _ in said], [word for _, word in said], False)
        return drain3s[0], super().get_seq_distance(seq1, seq2, False)[1]

    @staticmethod
    def has_numbers(s: str) -> bool:
        return re.search("<var>|[0-9]", s) is not None


def tree(node: Node) -> list:
    """drain3's tree as plain values."""
    children = {word: tree(child) for word, child in node.key_to_child_node.items()}
    return [list(node.cluster_ids), children]


def check_line_by_line(
    chunks: Iterable[tuple[list[str], np.ndarray]],
    similarity: float = 0.7,
    depth: int = 5,
    *,
    counts_masks: bool = False,
) -> LearnedIds:
    """Feeds a Drain every message of every chunk, in order, and compares each id and the templates."""
    plain = (Drain3 if counts_masks else Twin)(depth=depth, sim_th=similarity)
    ours = LearnedIds(Drain(similarity, depth, counts_masks=counts_masks))
    seen = []
    for distinct, code in chunks:
        seen.append((distinct, code))
        expected = [plain.add_log_message(distinct[place])[0].cluster_id for place in code.tolist()]
        assert ours.assign(distinct, code).tolist() == expected
    templates = {cluster.cluster_id: list(cluster.log_template_tokens) for cluster in plain.clusters}
    assert ours.templates() == templates
    assert ours.drain.tree == tree(plain.root_node)
    fixed = FixedIds([ours.drain.state()], [0])
    for message in list(dict.fromkeys(message for distinct, _ in seen for message in distinct)):
        theirs = plain.match(message, full_search_strategy="fallback")
        assert fixed.assign([message], np.zeros(1, dtype=int))[0] == (theirs.cluster_id if theirs else UNSEEN)
    return ours


def masked_chunks(path: Path, name: str, chunk_bytes: int) -> Iterable[tuple[list[str], np.ndarray]]:
    reader = LineReader(FORMATS[name])
    for chunk in read_chunks(find_logs([str(path)]), chunk_bytes=chunk_bytes):
        found = reader(read_lines(chunk.content)[0])
        yield found.distinct, found.code


@pytest.mark.parametrize("counts_masks", [False, True])
def test_loghub_logs_get_the_ids_of_drain(loghub: tuple[str, Path], counts_masks: bool) -> None:
    name, path = loghub
    ours = check_line_by_line(masked_chunks(path, name, 1 << 14), counts_masks=counts_masks)
    assert 0 < ours.fed < 2000  # most lines were looked up


@pytest.mark.soak
def test_a_million_generated_lines_get_the_ids_of_drain(hdfs_log: Callable) -> None:
    log, _ = hdfs_log(50_000)
    ours = check_line_by_line(masked_chunks(log, "hdfs", 8 << 20))
    assert len(ours.templates()) == 28
    assert ours.fed < 200


@pytest.mark.parametrize("counts_masks", [False, True])
@pytest.mark.parametrize(
    ("seed", "num_messages"),
    [
        *((seed, 800) for seed in range(8)),
        *(pytest.param(seed, 3000, marks=pytest.mark.soak) for seed in range(20)),
    ],
)
def test_messages_whose_templates_keep_changing_get_the_ids_of_drain(
    seed: int, num_messages: int, counts_masks: bool
) -> None:
    """Few words in short messages: templates are made and widened all the time, and cut each other off."""
    rng = random.Random(seed)
    words = ["a", "b", "c", "d4", "<var>", "(<var>,", "k=<var>", "<*>", "eee"]
    messages = [" ".join(rng.choices(words, k=rng.randint(0, 5))) for _ in range(num_messages)]
    chunks = [coded(messages[start : start + 170]) for start in range(0, len(messages), 170)]
    similarity, depth = rng.choice([0.3, 0.5, 0.7]), rng.choice([3, 4, 5])
    ours = check_line_by_line(chunks, similarity, depth, counts_masks=counts_masks)
    assert ours.fed < len(messages)


@pytest.mark.parametrize("counts_masks", [False, True])
def test_a_saved_drain_goes_on_as_the_first_would_have(counts_masks: bool) -> None:
    rng = random.Random(0)
    words = ["a", "b", "c", "d", "e", "<var>", "k=<var>"]
    messages = [" ".join(rng.choices(words, k=rng.randint(1, 5))) for _ in range(2000)]
    whole = LearnedIds(Drain(0.5, 4, counts_masks=counts_masks))
    expected = [whole.assign(*coded(messages[start : start + 100])).tolist() for start in range(0, 2000, 100)]
    halves = LearnedIds(Drain(0.5, 4, counts_masks=counts_masks))
    found = []
    for start in range(0, 2000, 100):
        halves = LearnedIds(Drain.from_state(json.loads(json.dumps(halves.drain.state()))))
        found.append(halves.assign(*coded(messages[start : start + 100])).tolist())
    assert found == expected


def drain_of(templates: dict[int, list[str]]) -> dict:
    drain = Drain(0.5, 4)
    for number, words in templates.items():
        drain.add(number, words)
    return drain.state()


def test_many_words_at_a_place_share_a_branch_as_in_drain3() -> None:
    words = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)][:250]
    check_line_by_line([coded(f"{word} {word} x y" for word in words)], 0.9, 5)


def test_fixed_templates_match_whole_messages_and_learn_nothing() -> None:
    ids = FixedIds([drain_of({3: ["open", "<*>"], 8: ["<*>", "failed", "twice"]})], [0])
    distinct, code = coded(["open x", "shut x", "disk failed twice", "open x y"])
    assert ids.assign(distinct, code).tolist() == [3, UNSEEN, 8, UNSEEN]
    assert ids.assign(["shut x"], np.array([0, 0], dtype=np.uint32)).tolist() == [UNSEEN, UNSEEN]


def test_known_templates_keep_their_ids_and_new_ones_come_after() -> None:
    known = FixedIds([drain_of({3: ["open", "<*>"], 8: ["a", "b"]})], [0])
    ids = LearnedIds(Drain(0.5, 4), known)
    distinct, code = coded(["open x", "shut x", "a b", "shut y", "shut x"])
    assert ids.assign(distinct, code).tolist() == [3, 9, 8, 9, 9]
    assert ids.templates() == {3: ["open", "<*>"], 8: ["a", "b"], 9: ["shut", "<*>"]}


def test_no_messages_are_no_ids() -> None:
    ids = LearnedIds(Drain(0.5, 4))
    assert ids.assign([], np.zeros(0, dtype=np.uint32)).tolist() == []
    assert pl.Series(ids.assign(["a"], np.array([0]))).to_list() == [1]


@pytest.mark.parametrize(
    ("template", "message", "similarity", "counting"),
    [
        ("a <var> c", "a <var> d", 1 / 2, 2 / 3),
        ("<var> <var>", "<var> <var>", 1, 1),
        ("(<var>, <var>:<var>", "(<var>, <var>:<var>", 1, 1),
        ("a (<var>)", "b (<var>)", 0, 1 / 2),
        ("a size=<var>", "b size=<var>", 1 / 2, 1 / 2),  # such a word says something
        ("a <var>", "a b", 1 / 2, 1 / 2),
        ("a <var> <*>", "a <var> b", 1 / 2, 2 / 3),  # Drain's own variables count as words that differ
        ("a <var> <*>", "a <var> <var>", 1 / 2, 2 / 3),
        ("a b", "a c", 1 / 2, 1 / 2),
        ("", "", 1, 1),
    ],
)
def test_similarity_by_hand(template: str, message: str, similarity: float, counting: float) -> None:
    words = template.split(), message.split()
    for counts_masks, expected in ((False, similarity), (True, counting)):
        drain = Drain(0.7, 5, counts_masks=counts_masks)
        assert drain.share_of_equal(*words) == pytest.approx(expected)
        # a message of fixed templates must match whole, masks and all
        drain.add(4, words[0])
        fits = all(known in ("<*>", word) for known, word in zip(*words, strict=True))
        assert drain.match(message) == (4 if fits else None)


def templates(messages: list[str]) -> list[int]:
    """The template of each message with the settings of ``--format regex``."""
    form = LogFormat("regex", "^")
    found = LineReader(form)(pl.Series(messages))
    drain = Drain(form.similarity, form.depth)
    return [drain.learn(found.distinct[code])[0] for code in found.code.tolist()]


HOSTS = ("www.example.com:443", "proxy.cs.example.edu:5070", "cdn.example.org:80", "10.0.0.7:8080")


def test_lines_that_are_mostly_numbers_keep_their_templates() -> None:
    kinds = (
        "{host} close, 45 bytes sent, {n} bytes received, lifetime 00:01",
        "{host} close, 45 bytes sent, {n} bytes (1.63 KB) received, lifetime 00:01",
        "{host} close, {n} bytes (1.16 KB) sent, 353 bytes received, lifetime 00:01",
        "{host} open through proxy proxy.cs.example.edu:5070 HTTPS",
        "{host} error : Could not connect through proxy proxy.cs.example.edu:5070",
    )
    found = templates([kind.format(host=host, n=n) for n in (7, 1190) for host in HOSTS for kind in kinds])
    assert found == [1, 2, 3, 4, 5] * 8


def test_requests_and_states_are_told_apart() -> None:
    request = '10.1.2.{n} "{verb} /v2/54fadb412c4e40cdbaed9335e4c35a9e/servers HTTP/1.1" status: 200 len: {n}'
    found = templates([request.format(verb=verb, n=n) for n in (3, 45) for verb in ("GET", "POST")])
    assert found == [1, 2, 1, 2]
    instance = "[instance: b9000564-fe1a-409b-b8cc-{n}e88b294cd1d] {what}"
    events = ("Terminating instance", "Creating image", "Took 20.58 seconds to build instance.")
    found = templates([instance.format(n=n, what=what) for n in ("1", "a") for what in events])
    assert found == [1, 2, 3] * 2
    states = ("Starting", "Ending")
    found = templates([f"{state} TrustedInstaller {what}" for state in states for what in ("setup.", "end.")])
    assert found == [1, 2, 3, 4]


def test_registers_are_one_template() -> None:
    assert templates(
        ["iar 003a9260 dear 00efe838", "iar 00105ea8 dear 0245aa4c", "iar 00106570 dear 02"]
    ) == [
        1,
        1,
        1,
    ]
