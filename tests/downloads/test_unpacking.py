"""Archives as an attacker, a broken disk or an old tar would write them."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from seqlab.downloads.unpacking import BadArchiveError, folder_name, names_csv, unpack


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "out"
    folder.mkdir(parents=True)
    return folder


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_of(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def test_wanted_entries_are_written_and_no_others(tmp_path: Path, out: Path) -> None:
    archive = tar_of(
        tmp_path / "a.tar.gz",
        (member("./", tarfile.DIRTYPE), b""),
        (member("./HDFS.log"), b"lines"),
        (member("pre/labels.csv"), b"BlockId"),
        (member("README.md"), b"read"),
    )
    unpack(archive, out, ["HDFS.log", "pre/*"])
    assert (out / "HDFS.log").read_bytes() == b"lines"
    assert sorted(path.name for path in out.rglob("*")) == ["HDFS.log", "labels.csv", "pre"]


def test_all_entries_of_a_zip(tmp_path: Path, out: Path) -> None:
    unpack(zip_of(tmp_path / "a.zip", "folder/", "folder/a", "b"), out, ["*"])
    assert sorted(path.name for path in out.rglob("*")) == ["a", "b", "folder"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_entry_leaves_the_folder(tmp_path: Path, out: Path, name: str, kind: str) -> None:
    if kind == "zip":
        archive = zip_of(tmp_path / "a.zip", "good.txt", name)
    else:
        archive = tar_of(tmp_path / "a.tar.gz", (member("good.txt"), b"good"), (member(name), b"evil"))
    with pytest.raises(BadArchiveError, match="leads out of its folder; nothing unpacked"):
        unpack(archive, out, ["good.txt"])
    assert not list(out.iterdir())
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_of_a_tar_are_refused(tmp_path: Path, out: Path, kind: bytes) -> None:
    archive = tar_of(
        tmp_path / "a.tar.gz", (member("way", kind, str(tmp_path)), b""), (member("way/evil"), b"evil")
    )
    with pytest.raises(BadArchiveError, match="entry way is a link or device"):
        unpack(archive, out, ["*"])
    assert not list(out.iterdir())
    assert not (tmp_path / "evil").exists()


def test_a_link_of_a_zip_is_refused(tmp_path: Path, out: Path) -> None:
    info = zipfile.ZipInfo("way")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc")
    with pytest.raises(BadArchiveError, match="entry way is a link or device"):
        unpack(tmp_path / "a.zip", out, ["*"])


def test_more_bytes_than_allowed_are_not_unpacked(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlab.downloads.unpacking.MAX_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(600_000))
        archive.writestr("y", bytes(400_001))
    with pytest.raises(BadArchiveError, match=r"a\.zip: unpacks to 1,000,001 bytes, more than 1,000,000"):
        unpack(tmp_path / "a.zip", out, ["*"])
    assert not list(out.iterdir())
    unpack(tmp_path / "a.zip", out, ["x"])


def test_a_zip_that_lies_about_its_size_is_damaged(tmp_path: Path, out: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(1_000_000))
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace((1_000_000).to_bytes(4, "little"), b"\x10\0\0\0"))
    with pytest.raises(BadArchiveError, match=r"a\.zip: damaged: "):
        unpack(tmp_path / "a.zip", out, ["x"])
    assert sum(path.stat().st_size for path in out.rglob("*")) <= 16


def test_a_missing_entry_is_named_with_those_there_are(tmp_path: Path, out: Path) -> None:
    with pytest.raises(BadArchiveError, match=r"a.zip: has no entry HDFS.log; it holds a, b"):
        unpack(zip_of(tmp_path / "a.zip", "a", "b"), out, ["HDFS.log"])


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "text"])
def test_a_damaged_archive_is_told(tmp_path: Path, out: Path, name: str, damage: str) -> None:
    content = bytes(range(256)) * 4000
    archive = tmp_path / name
    if name == "a.zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("x", content)
    else:
        tar_of(archive, (member("x"), content))
    whole = archive.read_bytes()
    middle = len(whole) // 2
    archive.write_bytes(
        {
            "cut": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
            "text": b"<html>Please log in</html>",
        }[damage]
    )
    with pytest.raises(BadArchiveError, match=f"{name}: damaged: "):
        unpack(archive, out, ["x"])


def test_a_locked_zip_is_told(tmp_path: Path, out: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", "x")
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag "encrypted" of the entry, and of the directory's copy
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(BadArchiveError, match="password"):
        unpack(archive, out, ["x"])


@pytest.mark.parametrize(
    ("archive", "folder"), [("HDFS_v1.zip", "HDFS_v1"), ("SSH.tar.gz", "SSH"), ("a.b", "a.b")]
)
def test_folder_names(archive: str, folder: str) -> None:
    assert folder_name(archive) == folder


def test_names_become_one_table(tmp_path: Path) -> None:
    (tmp_path / "data" / "names").mkdir(parents=True)
    (tmp_path / "data" / "names" / "Korean.txt").write_text("Ahn\nBaik \n\n", encoding="utf-8")
    (tmp_path / "data" / "names" / "Czech.txt").write_text("Abl\n", encoding="utf-8")
    names_csv(tmp_path)
    assert (tmp_path / "names.csv").read_text() == "name,label\nAbl,Czech\nAhn,Korean\nBaik,Korean\n"
