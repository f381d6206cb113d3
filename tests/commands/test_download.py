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
    """A cache behind Python's own web server, as docs/data.md serves one."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("seqlab.downloads.fetching.RETRIES", 0)
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


def test_download_says_what_it_got_and_how_to_go_on(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "cache"))
    assert main(["download", "tatoeba", "--mirror", mirror]) == 0
    said = capsys.readouterr().out
    path = tmp_path / "cache" / "tatoeba" / "kor-eng" / "kor.txt"
    assert path.read_text(encoding="utf-8") == PAIRS
    assert "nothing vouches for it." in said
    assert "license   Creative Commons Attribution 2.0 France" in said
    assert "cite      Tatoeba" in said
    assert f"use       python train.py experiment=tatoeba data.path={path}" in said
    assert main(["download", "tatoeba", "--mirror", mirror]) == 0
    said = capsys.readouterr().out
    assert "was here already" in said


def test_a_wrong_sum_is_one_message(mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["download", "shakespeare", "--to", str(tmp_path / "to"), "--mirror", mirror]) == EXIT_USER_ERROR
    )
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: {mirror}/shakespeare/tinyshakespeare.txt: SHA256 hash of downloaded file"
    )
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


def test_a_missing_unpacked_file_is_not_here_and_comes_back(
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
    assert lost.read_text(encoding="utf-8") == PAIRS
