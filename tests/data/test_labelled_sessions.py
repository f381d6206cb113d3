import pickle
from pathlib import Path

import pytest

from seqlab.data.labelled_files import read_class_labels, read_event_rows, read_labelled_sessions
from seqlab.errors import UserError


def written(tmp_path: Path, content: str | bytes, name: str = "sessions.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_one_file_of_id_label_events(tmp_path: Path) -> None:
    path = written(tmp_path, "s1, buys ,login view  buy\n\ns2,looks,login view\n")
    found = read_labelled_sessions(path)
    assert found.ids == ("s1", "s2")
    assert found.labels == ("buys", "looks")
    assert found.texts == ("login view buy", "login view")
    assert found.lines.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("content", "events"),
    [
        ("Label,BlockId,EventSequence\nslow,b1,5 5 22\nlost,b2,7\n", ("5 5 22", "7")),
        ("BlockId,Label,Type,Features\nb1,slow,x,\"['E5', 'E22']\"\nb2,lost,y,[E7]\n", ("E5 E22", "E7")),
        ("session,events,class\nb1,a b,slow\nb2,c,lost\n", ("a b", "c")),
    ],
)
def test_a_table_names_its_columns(tmp_path: Path, content: str, events: tuple[str, ...]) -> None:
    found = read_labelled_sessions(written(tmp_path, content, "table.csv"))
    assert (found.ids, found.labels, found.texts) == (("b1", "b2"), ("slow", "lost"), events)


@pytest.mark.parametrize(
    "content",
    [
        "b1,5 5 22\nb2,7\n",
        "b1,\"['5', '5', '22']\"\nb2,['7']\n",
        "BlockId,EventSequence\nb1,5 5 22\nb2,7\n",
        pickle.dumps({"b1": [5, 5, 22], "b2": [7]}),
    ],
)
def test_sessions_and_a_file_of_their_labels(tmp_path: Path, content: str | bytes) -> None:
    labels = written(tmp_path, "BlockId,Label\nb2,lost\nb3,never\nb1,slow\n", "labels.csv")
    found = read_labelled_sessions(written(tmp_path, content), labels)
    assert (found.ids, found.labels, found.texts) == (("b1", "b2"), ("slow", "lost"), ("5 5 22", "7"))


def test_a_label_file_goes_before_the_labels_of_the_sessions(tmp_path: Path) -> None:
    labels = written(tmp_path, "s1,new\n", "labels.csv")
    assert read_labelled_sessions(written(tmp_path, "s1,old,5 5\n"), labels).labels == ("new",)


def test_sessions_without_ids_are_named_by_line(tmp_path: Path) -> None:
    rows = read_event_rows(written(tmp_path, "5 5\n\n7\n"))
    assert rows.ids == (f"{tmp_path.name}/sessions.txt:1", f"{tmp_path.name}/sessions.txt:3")
    assert rows.labels == ("", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("s1,5 5\n", r"its sessions have no labels; .*data\.labels="),
        ("s1,A,5\ns2,7\n", r"line 2: 2 fields, not 3"),
        ("s1,A,5\ns2,B,\n", r"line 2: the list of events is empty"),
        ("s1,A,5\ns2,,7\n", r"no label for 1 of 2 sessions, the first is s2"),
        ("s1,A,5\ns1,B,7\n", r"line 2: block s1 stands at line 1 too"),
        (",A,5\n", r"line 1: the id is empty"),
        ("BlockId,Label,EventSequence\nb1,slow\n", r"line 2: 2 fields, not 3"),
        (b"s1,A,5\ns2,B,\xff\n", r"line 2: byte 0xff is not UTF-8"),
        (
            "081109 203518 143 INFO dfs.DataNode: Receiving block blk_1\n",
            "is a raw log, not sessions",
        ),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_labelled_sessions(written(tmp_path, content))


def test_labels_with_and_without_a_header(tmp_path: Path) -> None:
    assert read_class_labels(written(tmp_path, "a,x\nb,y\n")) == {"a": "x", "b": "y"}
    assert read_class_labels(written(tmp_path, "Label,when,session\nx,1,a\ny,2,b\n")) == {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,x\na,y\n", r"line 2: session a is labelled twice"),
        ("a,x\nb\n", r"line 2: 1 fields, not 2"),
        ("a,x\nb, \n", r"line 2: the label of b is empty"),
    ],
)
def test_a_broken_label_file_is_told(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_class_labels(written(tmp_path, content))


def test_a_session_that_the_label_file_does_not_name_is_told(tmp_path: Path) -> None:
    labels = written(tmp_path, "s1,A\n", "labels.csv")
    with pytest.raises(UserError, match=r"labels\.csv: no label for 2 of 3 sessions, the first is s2"):
        read_labelled_sessions(written(tmp_path, "s1,5\ns2,5\ns3,7\n"), labels)
