"""Small files that become large: each is refused before it takes the memory."""

import gzip
import pickle
import re
import zipfile
from pathlib import Path

import pytest
import torch

from seqlab.data import text_files
from seqlab.data.session_files import read_sessions
from seqlab.errors import CheckpointError, UserError
from seqlab.training.checkpoints import KEY, read_checkpoint


def test_a_gzip_holds_what_text_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "UNPACKED", 1 << 20)
    path = tmp_path / "names.csv.gz"
    path.write_bytes(gzip.compress(b"0" * (1 << 23)))  # 8 MB in 8 KB
    with pytest.raises(
        UserError, match=f"^{re.escape(str(path))}: more than 200 times its size when unpacked"
    ):
        text_files.read_bytes(path)
    honest = "".join(f"blk_{number},{number % 7} 5 22\n" for number in range(100_000)).encode()
    path.write_bytes(gzip.compress(honest))
    assert len(honest) > 1 << 20
    assert text_files.read_bytes(path) == honest


@pytest.mark.parametrize("bomb", [b"}r\xff\xff\xff\x7f.", b"}r    .", b"}p99999999999\n."])
def test_a_pickle_s_memo_is_no_larger_than_the_file(tmp_path: Path, bomb: bytes) -> None:
    path = tmp_path / "sessions.pkl"
    path.write_bytes(b"\x80\x02" + bomb)
    with pytest.raises(UserError, match="refused, nothing was executed: its memo has a place"):
        read_sessions(path)


def test_text_that_looks_like_such_a_place_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.pkl"
    path.write_bytes(pickle.dumps({"rrrrrrrr": [5]}, 2))
    assert read_sessions(path).ids.tolist() == ["rrrrrrrr"]


def test_lists_within_lists_are_told_in_short(tmp_path: Path) -> None:
    nested: list = []
    for _ in range(60):  # its text would have 2 to the power of 60 brackets
        nested = [nested, nested]
    path = tmp_path / "sessions.pkl"
    path.write_bytes(pickle.dumps({"blk": nested}))
    with pytest.raises(UserError, match=r"entry 1: .* is no block id and a list of keys") as caught:
        read_sessions(path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("how", ["packed", "twice"])
def test_a_checkpoint_holds_no_more_than_its_size(tmp_path: Path, how: str) -> None:
    path, bomb = tmp_path / "best.ckpt", tmp_path / "bomb.ckpt"
    torch.save({KEY: {}, "state_dict": {"w": torch.zeros(100_000)}}, path)
    assert read_checkpoint(path)[KEY] == {}
    method = zipfile.ZIP_DEFLATED if how == "packed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bomb, "w", method) as target:
        for part in source.infolist():
            target.writestr(part.filename, source.read(part))
        if how == "twice":  # several names for one place in the file
            for number in range(20):
                again = target.getinfo(next(name for name in target.namelist() if name.endswith("data/0")))
                more = zipfile.ZipInfo(f"archive/data/{number + 1}")
                for name in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
                    setattr(more, name, getattr(again, name))
                target.filelist.append(more)
    with pytest.raises(CheckpointError, match=r"bytes that unpack to .*; torch packs no checkpoint"):
        read_checkpoint(bomb)
