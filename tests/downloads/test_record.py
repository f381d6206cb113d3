"""downloads.json: several writers, and files that somebody has edited."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.record import Record
from seqlab.errors import UserError

SUM = "0" * 64
FILE = {"sha256": SUM, "bytes": 3, "url": "http://host/a", "date": "2026-01-31"}
UNPACKED = {"sha256": SUM, "files": {"a.log": 3}}
PUT = """
import sys
from pathlib import Path
from seqlab.downloads.record import Record
root, name, count = sys.argv[1:]
record = Record(Path(root))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    record.put("parts", f"{name}/{number}", "a date")
    if number % 2:
        record.put("parts", f"{name}/{number}", None)
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", PUT, str(tmp_path), name, "60"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("hdfs", "bgl", "names")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    for writer in writers:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.close()
        writer.stdout.close()
    found = json.loads((tmp_path / "downloads.json").read_text())["parts"]
    assert sorted(found) == sorted(
        f"{name}/{number}" for name in ("hdfs", "bgl", "names") for number in range(0, 60, 2)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["downloads.json"]


def test_a_record_of_nothing_is_no_file(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.put("files", "small/a", FILE)
    assert Record(tmp_path).get("files", "small/a") == FILE
    record.put("files", "small/a", None)
    assert list(tmp_path.iterdir()) == []


def changed(entry: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return entry | fields


BROKEN: dict[str, tuple[Any, str]] = {
    "not JSON": ("{'files'", r"it is not JSON \("),
    "nothing": ("", "it is not JSON"),
    "deep": ("[" * 100_000, "it is not JSON"),
    "not UTF-8": (b"\xff\xfe", "it is not UTF-8 text"),
    "a list": ([1, 2], "expected an object, found a list"),
    "null": (None, "expected an object, found null"),
    "a section": ({"files": []}, '"files": expected an object, found a list'),
    "a file's sum": ({"files": {"small/a": SUM}}, '"files", "small/a": expected an object, found a text'),
    "no sum": ({"files": {"small/a": {"bytes": 3}}}, '"files", "small/a": "sha256" is missing'),
    "a short sum": (
        {"files": {"small/a": changed(FILE, sha256="12")}},
        '"sha256": expected 64 hexadecimal digits, found "12"',
    ),
    "bytes as text": (
        {"files": {"small/a": changed(FILE, bytes="3")}},
        '"bytes": expected a number of bytes, found "3"',
    ),
    "no date": ({"files": {"small/a": changed(FILE, date=None)}}, '"date": expected a text, found null'),
    "unpacked sizes": (
        {"unpacked": {"small/a": changed(UNPACKED, files=["a.log"])}},
        '"files": expected names with numbers of bytes, found',
    ),
    "unpacked elsewhere": (
        {"unpacked": {"small/a": changed(UNPACKED, files={"../../a.log": 3})}},
        '"files": expected names with numbers of bytes, found',
    ),
    "a part": ({"parts": {"small/a": 3}}, '"parts", "small/a": expected a text, found a number'),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_edited_record_is_told_where_it_is_wrong(tmp_path: Path, kind: str) -> None:
    content, said = BROKEN[kind]
    path = tmp_path / "downloads.json"
    raw = content if isinstance(content, str | bytes) else json.dumps(content)
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    with pytest.raises(UserError, match=f"downloads.json: not the record of a cache: .*{said}") as caught:
        Record(tmp_path)
    assert str(caught.value).endswith("trusts anew what has no published sum")
    assert "\n" not in str(caught.value)


def test_a_folder_in_the_place_of_the_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "downloads.json").mkdir()
    with pytest.raises(UserError, match=r"it cannot be read \(Is a directory\)"):
        Record(tmp_path)


def test_what_was_unpacked_before_names_were_kept_counts_as_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "downloads.json").write_text(json.dumps({"files": {"a": FILE}, "unpacked": {"a": SUM}}))
    record = Record(tmp_path)
    assert (record.get("unpacked", "a"), record.sum_without_names("a")) == (None, SUM)
    record.put("unpacked", "a", None)
    assert record.sum_without_names("a") is None
    assert Record(tmp_path).get("files", "a") == FILE
