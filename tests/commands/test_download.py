"""The command from argument to exit code, against a mirror on this machine."""

import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqlab.cli import EXIT_USER_ERROR, main

PAIRS = "Go.\t가.\tCC-BY\n"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cache behind Python's own web server, which knows no ranges."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "mirror"
    (folder / "tatoeba").mkdir(parents=True)
    with zipfile.ZipFile(folder / "tatoeba" / "kor-eng.zip", "w") as archive:
        archive.writestr("kor.txt", PAIRS)
        archive.writestr("_about.txt", "about")
    (folder / "shakespeare").mkdir()
    (folder / "shakespeare" / "tinyshakespeare.txt").write_bytes(bytes(1115394))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_download_says_whom_it_trusts_and_how_to_go_on(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "cache"))
    assert main(["download", "tatoeba", "--mirror", mirror]) == 0
    said = capsys.readouterr().out
    path = tmp_path / "cache" / "tatoeba" / "kor-eng" / "kor.txt"
    assert path.read_text(encoding="utf-8") == PAIRS
    assert "nothing vouches for it. This download is" in said
    assert "licence   Creative Commons Attribution 2.0 France" in said
    assert "cite      Tatoeba" in said
    assert f"use       python train.py experiment=tatoeba data.path={path}" in said
    assert main(["download", "tatoeba", "--mirror", mirror]) == 0
    said = capsys.readouterr().out
    assert "was here already" in said
    assert "which was trusted; none is published" in said


def test_a_wrong_sum_is_one_message(mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["download", "shakespeare", "--to", str(tmp_path / "to"), "--mirror", mirror]) == EXIT_USER_ERROR
    )
    error = capsys.readouterr().err
    assert error.startswith(f"error: {mirror}/shakespeare/tinyshakespeare.txt: wrong checksum: sha256 ")
    assert error.count("\n") == 1
    assert not (tmp_path / "to").exists()


def test_list_shows_sizes_and_what_is_here(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["download", "tatoeba", "--mirror", mirror, "--to", str(tmp_path)])
    capsys.readouterr()
    assert main(["download", "--list", "--to", str(tmp_path)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "186.6 MB" in lines["hdfs"]
    assert "here" not in lines["hdfs"].split()[:4]
    assert lines["tatoeba"].split()[1:3] == ["unknown", "here"]
    assert lines["cache:"] == f"cache: {tmp_path}"


def test_a_missing_unpacked_file_is_not_here_and_its_return_is_told(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tatoeba", "--mirror", mirror, "--to", str(tmp_path / "to")]
    main(["download", *arguments])
    lost = tmp_path / "to" / "tatoeba" / "kor-eng" / "kor.txt"
    lost.unlink()
    capsys.readouterr()
    assert main(["download", "--list", *arguments]) == 0
    assert "here" not in capsys.readouterr().out.splitlines()[0].split()
    assert main(["download", *arguments]) == 0
    said = capsys.readouterr().out
    assert "(was here in part, " in said
    assert "note      kor.txt was missing or of another size: unpacked again from kor-eng.zip" in said
    assert lost.read_text(encoding="utf-8") == PAIRS


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://[::1", "Invalid IPv6 URL"),
        ("http://host:port", "Port could not be cast"),
        ("http://höst/", "an address is of ASCII letters"),
        ("http://host/my data", "an address is of ASCII letters"),
        ("localhost:8000", "it begins with neither http:// nor https://"),
        ("/mnt/data", "it begins with neither http:// nor https://"),
        ("http://:8000", "it names no host"),
        ("http://me:secret@host", "names and passwords are not sent"),
        ("http://host/?set=", "? and # cannot have SET/FILE after them"),
        ("", "it begins with neither"),
    ],
)
def test_an_address_of_no_mirror_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str, said: str
) -> None:
    to = tmp_path / "to"
    assert main(["download", "names", "--to", str(to), "--mirror", address]) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert error.startswith(f"error: --mirror {address}: {said}")
    assert "give an address as http://host:8000, laid out as a cache: SET/FILE below it" in error
    assert error.count("\n") == 1
    assert not to.exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"files": {"tatoeba/kor-eng.zip": 3}}'])
@pytest.mark.parametrize("arguments", [["tatoeba"], ["--list"]])
def test_a_broken_record_is_one_message(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, arguments: list[str]
) -> None:
    (tmp_path / "downloads.json").write_text(content)
    code = main(["download", *arguments, "--mirror", mirror, "--to", str(tmp_path)])
    error = capsys.readouterr().err
    assert code == EXIT_USER_ERROR
    assert error.startswith(f"error: {tmp_path / 'downloads.json'}: not the record of a cache: ")
    assert error.count("\n") == 1
    assert (tmp_path / "downloads.json").read_text() == content
