from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, Sessions
from seqlab.data.session_files import labels_of, read_labels
from seqlab.errors import UserError

Write = Callable[[bytes | str], Path]


@pytest.mark.parametrize(
    "text",
    [
        "BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\n",
        "\ufeffBlockId,Label\r\nblk_1,Normal\r\nblk_2,Anomaly\r\n",
        "BlockId,Label\nblk_1,0\nblk_2,1\n",
        "Label,Node,BlockId\nnormal,a,blk_1\nABNORMAL ,b,blk_2\n",
        "\nBlockId, Label\n\nblk_1, Normal\n\nblk_2, Anomaly\n\n",
    ],
    ids=["published", "bom_crlf", "numbers", "other_columns", "spaces_blank_lines"],
)
def test_labels_are_read(write: Write, text: str) -> None:
    assert read_labels(write(text)) == {"blk_1": LABEL_NORMAL, "blk_2": LABEL_ABNORMAL}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "blk_1,Normal\nblk_2,Anomaly\n",
            r", line 1: columns blk_1, Normal; expected the header BlockId,Label",
        ),
        ("BlockId,Label\nblk_1,Normal\nblk_2,odd\n", r", line 3: label 'odd'; expected Normal or Anomaly"),
        ("BlockId,Label\nblk_1,Normal\n\nblk_2,odd\n", r", line 4: label 'odd'"),
        ("BlockId,Label\nblk_1,\n", r", line 2: label ''"),
        ("BlockId,Label\nblk_1,0\nblk_2,0\nblk_1,0\n", r", line 4: block blk_1 is labelled twice"),
        ("BlockId,Label\n\nblk_1,0\n\n\nblk_1,1\n", r", line 6: block blk_1 is labelled twice"),
        (
            "BlockId,Label\nblk_1,0\nblk_2,0,0,0\n",
            r", line 3: 4 fields, the header has 2; expected the header BlockId,Label",
        ),
        ("", r": the file is empty; expected the header BlockId,Label"),
    ],
    ids=[
        "header",
        "label",
        "label_after_blank",
        "no_label",
        "twice",
        "twice_after_blank",
        "columns",
        "empty",
    ],
)
def test_bad_label_files_are_named_with_their_line(write: Write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}{message}"):
        read_labels(path)


def test_label_files_that_are_missing_or_no_text(write: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.csv: no such file; the path is relative to "):
        read_labels(tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match=r"blocks.txt, line 2: byte 0xff is not UTF-8 text"):
        read_labels(write(b"BlockId,Label\nblk_\xff,Normal\n"))
    with pytest.raises(UserError, match=r": cannot be read: "):
        read_labels(tmp_path)


def test_each_session_gets_the_label_of_its_id() -> None:
    sessions = Sessions.from_lists([[5], [5], [9]], ids=["c", "a", "b"])
    found = labels_of(sessions, {"a": 1, "b": 0, "c": 0, "d": 1}, "labels.csv")
    assert found.tolist() == [0, 1, 0]
    assert found.dtype == np.int8


def test_session_without_label_is_named() -> None:
    sessions = Sessions.from_lists([[5], [5], [9]], ids=["c", "a", "b"])
    with pytest.raises(UserError, match=r"^labels.csv: no label for 2 of 3 sessions, the first is c;"):
        labels_of(sessions, {"a": 1}, "labels.csv")
