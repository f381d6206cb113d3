"""The shipped registry: complete, consistent, and equal to copies of the files where there are some."""

import hashlib
import re
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seqlab.downloads.registry import PublicData, PublicFile, chosen, read_registry
from seqlab.downloads.unpacking import PREPARE
from seqlab.errors import UserError

COPIES = Path(__file__).resolve().parents[3] / "shared" / "data"
REGISTRY = read_registry()


@pytest.mark.parametrize("data", REGISTRY.values(), ids=list(REGISTRY))
def test_every_set_says_what_a_user_needs(data: PublicData) -> None:
    assert data.title
    assert data.license
    assert data.citation
    assert data.checked
    assert data.use
    for file in data.files:
        assert re.fullmatch(r"https://[^ ?]+", file.url)
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert (file.sha256 is None) == (file.bytes is None)
        assert file.prepare is None or file.prepare in PREPARE
        if "raw.githubusercontent.com" in file.url:
            assert re.search(r"/[0-9a-f]{40}/", file.url), "an address without a commit can change"
        elif file.sha256 is None:
            assert "no sum is known" in data.checked
    names = [file.file for file in data.files]
    assert len(names) == len(set(names))


def test_sums_are_those_of_copies() -> None:
    listed = COPIES / "SHA256SUMS"
    if not listed.exists():
        pytest.skip(f"no copies of the public files: {COPIES}")
    sums = {line.split()[0]: line.split()[1] for line in listed.read_text().splitlines()}
    known = [file for data in REGISTRY.values() for file in data.files if file.sha256 in sums]
    assert len(known) >= 29
    for file in known:
        copy = listed.parent / sums[str(file.sha256)]
        assert copy.stat().st_size == file.bytes
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == file.sha256


def test_unknown_name_lists_the_known_ones() -> None:
    assert [data.name for data in chosen(["hdfs", "names", "hdfs"], REGISTRY)] == ["hdfs", "names"]
    with pytest.raises(UserError, match=r"hdsf: no such data set; did you mean hdfs. There are: hdfs, "):
        chosen(["hdsf"], REGISTRY)


@pytest.mark.parametrize("folder", ["/data/x", "/my data"])
def test_commands_can_be_pasted(folder: str) -> None:
    """The shell's words, read by Hydra, give the path again."""
    file = PublicFile("a.csv", "https://x/a.csv")
    use = (
        "python train.py data.path={folder}/a.csv data.columns=[Open,Close]",
        "seqlab parse {folder}/a.csv",
    )
    train, parse = PublicData("x", "", "", (), (file,), use).commands(Path(folder))
    overrides = OverridesParser.create().parse_overrides(shlex.split(train)[2:])
    assert overrides[0].value() == f"{folder}/a.csv"
    assert overrides[1].value() == ["Open", "Close"]
    assert shlex.split(parse)[2] == f"{folder}/a.csv"
