"""Pickles of sessions: those that would run something, or hold something else, are refused."""

from __future__ import annotations

import builtins
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.session_files import read_sessions
from seqlab.errors import UserError

Write = Callable[[bytes | str], Path]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        {"blk_1": [5, 5, 22], "7": [9]},
        {"blk_1": ["5", "5", "22"], 7: ("9",)},
        {"blk_1": [5, "5", 22], "7": [9]},
    ],
    ids=["int_keys", "str_keys_int_id_tuple", "mixed_keys"],
)
def test_pickled_dicts_of_every_protocol(
    write: Write, protocol: int, value: dict, rows: Callable[..., Any]
) -> None:
    sessions = read_sessions(write(pickle.dumps(value, protocol)))
    assert rows(sessions) == {"blk_1": ["5", "5", "22"], "7": ["9"]}
    assert sessions.key_names == ("5", "22", "9")


# -- pickles that would run something, or hold something else ----------------------------------------


class Reduced:
    """Calls any function with any arguments when an ordinary unpickler reads it."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable, tuple]:
        return self.function, self.arguments


def by_system(marker: Path) -> Reduced:
    return Reduced(os.system, f"touch '{marker}'")


def by_eval(marker: Path) -> Reduced:
    return Reduced(builtins.eval, f"open({str(marker)!r}, 'w').close()")


def by_open(marker: Path) -> Reduced:
    return Reduced(open, str(marker), "w")


def by_path(marker: Path) -> Reduced:
    return Reduced(Path.touch, marker)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("attack", [by_system, by_eval, by_open, by_path])
@pytest.mark.parametrize("place", ["value", "key", "alone"])
def test_pickle_that_would_run_code_is_refused_and_runs_nothing(
    write: Write,
    tmp_path: Path,
    protocol: int,
    attack: Callable[[Path], Reduced],
    place: str,
    refused: Callable[..., Any],
) -> None:
    marker = tmp_path / "marker"
    evil = attack(marker)
    value = {"value": {"blk_1": [5], "blk_2": evil}, "key": {"blk_1": [5, evil]}, "alone": evil}[place]
    content = pickle.dumps(value, protocol)
    loaded = pickle.loads(content)
    assert marker.exists(), "the attack must work on an ordinary unpickler"
    del loaded
    marker.unlink()

    # protocols 0 and 1 have no mark of their own: an object alone is read as text, and is no event key
    is_text = place == "alone" and protocol < 2
    refused(
        write(content), "is no event key" if is_text else r"refused, nothing was executed: it names \w+\."
    )
    assert not marker.exists()


@pytest.mark.parametrize("module", ["os", "posix"])
def test_hand_written_system_call_is_refused(
    write: Write, tmp_path: Path, module: str, refused: Callable[..., Any]
) -> None:
    marker = tmp_path / "marker"
    content = b"(dS'blk_1'\nc%s\nsystem\n(S'touch %s'\ntRs." % (module.encode(), bytes(marker))
    pickle.loads(content)
    assert marker.exists()
    marker.unlink()
    refused(
        write(content), rf"refused, nothing was executed: it names {module}\.system; a session pickle holds"
    )
    assert not marker.exists()


def test_object_outside_the_file_is_refused(write: Write, refused: Callable[..., Any]) -> None:
    refused(write(b"}(X\x01\x00\x00\x00aPoutside\nu."), "refused.*it names an object outside the file")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        {"blk_1": [5.0]},
        {"blk_1": [b"5"]},
        {"blk_1": [None]},
        {"blk_1": [True]},
        {"blk_1": [[5]]},
        {"blk_1": {"keys": [5]}},
        {"blk_1": "5 5"},
        {"blk_1": None},
        {"blk_1": 5},
        {"blk_1": []},
        {"blk_1": [np.int64(5)]},
        {"blk_1": np.array([5])},
        {"blk_1": {5}},
        {1.5: [5]},
        {None: [5]},
        {True: [5]},
        {("a", 1): [5]},
        {"blk_1": ["E"]},
        {"blk_1": ["5 5"]},
        OrderedDict(blk_1=[5]),
        {},
    ],
    ids=repr,
)
def test_pickles_of_other_values_are_refused(
    write: Write, protocol: int, value: Any, refused: Callable[..., Any]
) -> None:
    refused(write(pickle.dumps(value, protocol)), ": ")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"blk_1": [5], "blk_2": [5, 2.5]}, r", entry 2: \{'blk_2': \[5, 2\.5\]\} is no block id and a list"),
        ({"blk_1": [b"5"]}, r", entry 1: .*b'5'.* is no block id and a list of keys; both are str or int"),
        ({"blk_1": [None]}, r", entry 1: .*None.* is no block id and a list of keys"),
        ({"blk_1": {"keys": [5]}}, r", entry 1: .*\{'keys': \[5\]\}\} is no block id and a list of keys"),
        ({"blk_1": []}, r", entry 1: a session without keys"),
        ({"blk_1": ["x"]}, r", entry 1: 'x' is no event key \(5, E5 or a hash such as a7e180bc\)"),
        ({1.5: [5]}, r", entry 1: \{1\.5: \[5\]\} is no block id and a list of keys"),
        ({"blk_1": [np.int64(5)]}, r": refused, nothing was executed: it names numpy\."),
        ([[5, 5], [9]], r": the pickle holds a list; expected "),
        ({}, r": no session in it"),
    ],
    ids=["float", "bytes", "none", "nested_dict", "no_keys", "bad_key", "id", "numpy", "list", "empty"],
)
def test_refused_pickles_say_what_is_wrong(
    write: Write, value: Any, message: str, refused: Callable[..., Any]
) -> None:
    refused(write(pickle.dumps(value, 4)), message)


def test_pickled_ids_that_read_the_same_are_one_block_too_many(
    write: Write, refused: Callable[..., Any]
) -> None:
    refused(write(pickle.dumps({"7": [5], "8": [5], 7: [9]})), r", entry 3: block 7 stands at entry 1 too")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cut_pickles_are_refused_at_every_byte(write: Write, protocol: int) -> None:
    content = pickle.dumps({"blk_1": [5, 5, 22], "blk_2": ["9", 300, 70_000]}, protocol)
    for end in range(1, len(content)):
        with pytest.raises(UserError):
            read_sessions(write(content[:end]))


def test_published_sessions_survive_a_pickle(
    hdfs_folder: Path, write: Write, rows: Callable[..., Any]
) -> None:
    text = read_sessions(hdfs_folder / "loghub_sequences" / "normal.txt")
    path = write(pickle.dumps({name: [int(key) for key in keys] for name, keys in rows(text).items()}))
    pickled = read_sessions(path)
    assert np.array_equal(pickled.codes, text.codes)
    assert np.array_equal(pickled.offsets, text.offsets)
    assert pickled.ids.tolist() == text.ids.tolist()
    assert pickled.key_names == text.key_names
