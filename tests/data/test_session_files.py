from __future__ import annotations

import pickle
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.data.session_files import read_sessions
from seqlab.errors import UserError

Write = Callable[[bytes | str], Path]


def test_lines_with_block_ids(write: Write, rows: Callable[..., Any]) -> None:
    sessions = read_sessions(write("blk_1,5 5 22\nblk_-2,9 E7\n"))
    assert rows(sessions) == {"blk_1": ["5", "5", "22"], "blk_-2": ["9", "E7"]}
    assert sessions.codes.tolist() == [0, 0, 1, 2, 3]
    assert sessions.codes.dtype == np.uint8
    assert sessions.labels.tolist() == [LABEL_UNKNOWN] * 2


def test_bare_lines_are_named_by_file_and_line(write: Write, rows: Callable[..., Any]) -> None:
    path = write("5 5 22\n\n-1\n")
    file = f"{path.parent.name}/{path.name}"
    assert rows(read_sessions(path)) == {f"{file}:1": ["5", "5", "22"], f"{file}:3": ["-1"]}


def test_lines_may_end_as_on_any_system(write: Write, rows: Callable[..., Any]) -> None:
    assert list(rows(read_sessions(write("blk_1,5\rblk_2,5 9\r\nblk_3,9\n")))) == ["blk_1", "blk_2", "blk_3"]


def test_equal_bare_lines_are_two_sessions(write: Write, rows: Callable[..., Any]) -> None:
    assert list(rows(read_sessions(write("5 5\n5 5\n"))).values()) == [["5", "5"], ["5", "5"]]


@pytest.mark.parametrize(
    "text",
    [
        "blk_1,5 22\r\nblk_2,9\r\n",
        "\ufeffblk_1,5 22\nblk_2,9\n",
        "\ufeffblk_1,5 22\r\nblk_2,9",
        "\n\nblk_1,5 22\n  \n\t\nblk_2,9\n\n",
        "blk_1,5 22   \nblk_2,9\t\n",
        " blk_1 , 5  22\n  blk_2,\t9\n",
    ],
    ids=["crlf", "bom", "bom_crlf_no_end", "blank_lines", "trailing_spaces", "spaces_around"],
)
def test_white_space_byte_order_mark_and_line_ends_do_not_matter(
    write: Write, text: str, rows: Callable[..., Any]
) -> None:
    assert rows(read_sessions(write(text))) == {"blk_1": ["5", "22"], "blk_2": ["9"]}


def test_bare_lines_with_byte_order_mark_and_trailing_spaces(write: Write, rows: Callable[..., Any]) -> None:
    assert list(rows(read_sessions(write("\ufeff5 22 \r\n9 \r\n"))).values()) == [["5", "22"], ["9"]]


def test_a_path_may_be_text(write: Write) -> None:
    assert len(read_sessions(str(write("5\n")))) == 1


def test_all_formats_of_the_same_sessions_read_alike(write: Write) -> None:
    with_ids = read_sessions(write("a,5 E3 5\nb,22\n"))
    bare = read_sessions(write("5 E3 5\n22\n"))
    pickled = read_sessions(write(pickle.dumps({"a": [5, "E3", 5], "b": [22]})))
    for other in (bare, pickled):
        assert other.codes.tolist() == with_ids.codes.tolist() == [0, 1, 0, 2]
        assert other.offsets.tolist() == with_ids.offsets.tolist() == [0, 3, 4]
        assert other.key_names == with_ids.key_names
    assert pickled.ids.tolist() == with_ids.ids.tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5 5\nblk_2,5\n", r", line 2: 'blk_2,5' has a block id, the lines before have none"),
        ("blk_1,5\n\n5 5 22\n", r", line 3: '5 5 22' has no block id, the lines before have one"),
        ("blk_1,5\nblk_2,\n", r", line 2: a session without keys; leave it out"),
        ("blk_1,5\n ,5\n", r", line 2: a session without a block id"),
        ("blk_1,5 x9\n", r", line 1: 'x9' is no event key \(5, E5 or a hash such as a7e180bc\)"),
        ("5\n5 22 9.5\n", r", line 2: '9.5' is no event key"),
        ("blk_1,5,22\n", r", line 1: '5,22' is no event key"),
        ("5 22 INFO dfs.DataNode: Receiving block\n", r", line 1: 'INFO' is no event key"),
        ("blk_1,5 added\n", r", line 1: 'added' is no event key"),
        ("blk_1,\"['E5', x()]\"\n", r", line 1: 'x\(\)' is no event key"),
        ("blk_1,\"['E5', 'E22'\"\n", r", line 1: '.*E5.*' is no event key"),
        ("blk_1,5\nblk_2,5\n\nblk_1,9\n", r", line 4: block blk_1 stands at line 1 too"),
    ],
    ids=[
        "id_late",
        "id_lost",
        "no_keys",
        "no_id",
        "bad_key",
        "float",
        "comma_keys",
        "words",
        "hex_word",
        "code",
        "cut_list",
        "twice",
    ],
)
def test_malformed_lines_are_named_by_file_and_line(
    write: Write, text: str, message: str, refused: Callable[..., Any]
) -> None:
    refused(write(text), message)


def test_hashed_event_ids_of_logparser(write: Write, rows: Callable[..., Any]) -> None:
    sessions = read_sessions(write("blk_1,a7e180bc 5d5de21c a7e180bc\nblk_2,00000005\n"))
    assert rows(sessions) == {"blk_1": ["a7e180bc", "5d5de21c", "a7e180bc"], "blk_2": ["00000005"]}
    digest = "0cc175b9c0f1b6a831c399e269772661"
    assert rows(read_sessions(write(f"blk_1,{digest}\n"))) == {"blk_1": [digest]}


@pytest.mark.parametrize(
    "text",
    [
        "BlockId,EventSequence\nblk_1,\"['E5', 'E22', 'E5']\"\nblk_2,['E9']\n",
        "blk_1,\"['E5', 'E22', 'E5']\"\nblk_2,\"['E9']\"\n",
        "\ufeffBlockId,EventSequence\r\nblk_1,E5 E22 E5\r\nblk_2,E9\r\n",
        "blk_1,[E5, E22, E5]\nblk_2,[E9]\n",
        "BlockId,Label,Type,Features,TimeInterval,Latency\n"
        'blk_1,Success,,"[E5,E22,E5]","[0.0, 1.0, 0.0]",1.0\nblk_2,Fail,21,[E9],[],0.0\n',
    ],
    ids=["logbert", "no_header", "bare_keys", "no_quotes", "loghub_event_traces"],
)
def test_lists_and_tables_as_users_have_them(write: Write, text: str, rows: Callable[..., Any]) -> None:
    sessions = read_sessions(write(text))
    assert rows(sessions) == {"blk_1": ["E5", "E22", "E5"], "blk_2": ["E9"]}
    assert sessions.labels.tolist() == ([0, 1] if "Label" in text else [LABEL_UNKNOWN] * 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "BlockId,Label\nblk_1,Normal\n",
            r", line 1: BlockId, Label: labels, not sessions: give it as data\.la",
        ),
        ("EventId,EventTemplate\nE1,a b\n", r"templates, not sessions: give it as data\.templates"),
        ("LineId,Content,EventId\n1,a,E5\n", r", line 1: .*: lines of a log, not its sessions; seqlab parse"),
        ("BlockId,Label,Type,E1,E2\nb,Fail,1,0,2\n", r"counts of events, and models need their order"),
        ("session,EventSequence\na,5\n", r"columns that are not known; name them BlockId and EventSequence"),
        ("BlockId,EventSequence\na,5\n\nb,x\n", r", line 4: 'x' is no event key"),
        ("BlockId,EventSequence\na,5\nb,[]\n", r", line 3: a session without keys"),
        ("BlockId,EventSequence\na,5\nb,\n", r", line 3: a session without keys"),
        ("BlockId,EventSequence\na,5\na,7\n", r", line 3: block a stands at line 2 too"),
        ("BlockId,EventSequence\n ,5\n", r", line 2: a session without a block id"),
        ("BlockId,EventSequence\n", r": no session in it"),
        ("BlockId,Label,Features\na,odd,5\n", r", line 2: label 'odd'; expected Normal or Anomaly"),
    ],
)
def test_tables_that_cannot_be_read_say_why(
    write: Write, text: str, message: str, refused: Callable[..., Any]
) -> None:
    refused(write(text), message)


def test_a_raw_log_names_the_command_that_makes_sessions_of_it(tmp_path: Path) -> None:
    lines = {
        "HDFS_2k.log": ("081109 203615 148 INFO dfs.DataNode$PacketResponder: Received blk_3 of size 6", ""),
        "my apache": ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", " --format apache"),
        "own.log": ("12:00:05 it happened", " --format regex with --header and --session or --window"),
    }
    for name, (line, options) in lines.items():
        path = tmp_path / name
        path.write_text(f"{line}\n" * 5)
        with pytest.raises(UserError) as caught:
            read_sessions(path)
        assert f"`seqlab parse {shlex.quote(str(path))} --output DIR{options}`" in str(caught.value)
        assert str(caught.value).endswith("then data.sessions=DIR takes them")


def test_long_lines_are_cut_in_messages(write: Write) -> None:
    path = write("blk_1,5\n" + "5 " * 500 + "\n")
    with pytest.raises(
        UserError, match=r"line 2: '5 5 5 .*\.\.\. \(999 characters\)' has no block id"
    ) as caught:
        read_sessions(path)
    assert len(str(caught.value)) < len(str(path)) + 500


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"],
    ids=["no_byte", "blank", "bom", "bom_line"],
)
def test_empty_files_are_refused(write: Write, content: bytes, refused: Callable[..., Any]) -> None:
    refused(write(content), r": (the file is empty|no session in it); expected `blk_id,5 5 22 \.\.\.`")


def test_bytes_that_are_no_utf8_are_named_with_their_line(write: Write, refused: Callable[..., Any]) -> None:
    refused(write(b"blk_1,5\nblk_2,5 \xe9\n"), r", line 2: byte 0xe9 is not UTF-8 text")
    refused(write("blk_1,5\n".encode("utf-16")), r", line 1: byte 0xff is not UTF-8 text")


def test_missing_file_and_folder(tmp_path: Path, refused: Callable[..., Any]) -> None:
    refused(
        tmp_path / "nowhere.txt", rf": no such file; the path is relative to {re.escape(str(Path.cwd()))}"
    )
    refused(tmp_path, r": cannot be read: ")


# -- published files -----------------------------------------------------------------------------------


def test_published_files_with_ids(hdfs_folder: Path) -> None:
    normal = read_sessions(hdfs_folder / "loghub_sequences" / "normal.txt")
    abnormal = read_sessions(hdfs_folder / "loghub_sequences" / "abnormal.txt")
    assert (len(normal), len(abnormal)) == (5583, 16838)
    assert normal.ids[0] == "blk_9125494407446525156"
    assert normal.keys(0)[:7] == ["5", "5", "5", "22", "11", "9", "11"]
    assert not set(normal.ids.tolist()) & set(abnormal.ids.tolist())


def test_published_files_of_bare_lines(hdfs_folder: Path) -> None:
    train = read_sessions(hdfs_folder / "logdeep_sequences" / "hdfs_train")
    assert len(train) == 4855
    assert train.ids[0] == "logdeep_sequences/hdfs_train:1"
    assert " ".join(train.keys(0)) == "5 5 5 22 11 9 11 9 11 9 26 26 26 23 23 23 21 21 21"
