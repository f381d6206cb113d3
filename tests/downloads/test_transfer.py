"""Connections that break, over and over, and servers that do not say whether their file has changed."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.fetching import fetch
from seqlab.errors import UserError

Held = Callable[[Path], list[str]]
CONTENT = random.Random(0).randbytes(1_000_000)
OTHER = bytes(reversed(CONTENT))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_transfer_goes_on_as_long_as_every_connection_brings_something(
    site: Any, tmp_path: Path, known: bool, chunked: bool
) -> None:
    site.files["/data.bin"], site.cut_each["/data.bin"], site.chunked = CONTENT, 50_000, chunked
    (file,) = fetch(site.public(CONTENT if known else None), tmp_path)
    assert file.path.read_bytes() == CONTENT
    starts = [None, *(f"bytes={start}-" for start in range(50_000, 1_000_000, 50_000))]
    assert [wanted for _, wanted in site.asked] == starts


def test_four_connections_for_nothing_are_borne(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"], site.cut_each["/data.bin"], site.dead = CONTENT, 600_000, 4
    site.afterwards = lambda: setattr(site, "dead", 4)
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert len(site.asked) == 4 + 1 + 4 + 1


def test_five_in_a_row_are_not_and_how_far_it_got_is_told(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/data.bin"], site.cut_each["/data.bin"] = CONTENT, 600_000
    site.afterwards = lambda: setattr(site, "dead", 5)
    with pytest.raises(UserError) as caught:
        fetch(site.public(CONTENT), tmp_path)
    said = str(caught.value)
    assert "no connection (Remote end closed connection without response)" in said
    assert "after 600,000 of 1,000,000 bytes, and 5 tries in a row brought no more. They are kept in " in said
    assert said.endswith("small/data.bin.part: the same command goes on from there")
    assert len(site.asked) == 6
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert site.asked[-1] == ("/data.bin", "bytes=600000-")
    assert file.path.read_bytes() == CONTENT
    assert held(tmp_path) == ["small", "small/data.bin"]


def test_a_server_that_never_answers_leaves_nothing(site: Any, tmp_path: Path) -> None:
    site.dead = 100
    with pytest.raises(UserError, match=r"nothing came in 5 tries\. Check the network"):
        fetch(site.public(CONTENT), tmp_path / "cache")
    assert len(site.asked) == 5
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("validators", [True, False])
def test_a_file_that_changes_between_two_connections_is_no_mixture(
    site: Any, tmp_path: Path, validators: bool, heeds: bool
) -> None:
    """No sum is known. Servers without ETag, with one, and with one that look at no If-Range."""
    site.files["/data.bin"], site.cut["/data.bin"] = CONTENT, 700_000
    site.validators, site.heeds_if_range = validators, heeds

    def change() -> None:
        site.files["/data.bin"] = OTHER
        site.cut.clear()

    site.afterwards = change
    (file,) = fetch(site.public(), tmp_path)
    assert file.path.read_bytes() == OTHER
    assert file.sha256 == hashlib.sha256(OTHER).hexdigest()


def test_without_validator_and_sum_nothing_is_kept_and_that_is_said(
    site: Any, held: Held, tmp_path: Path
) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.validators = CONTENT, 700_000, False
    with pytest.raises(UserError, match=r"700,000 bytes.*does not tell whether its file has changed.*anew"):
        fetch(site.public(), tmp_path)
    assert held(tmp_path) == []
    assert {wanted for _, wanted in site.asked} == {None}
    site.cut.clear()
    site.afterwards = site.files.clear  # the second connection would find nothing
    (file,) = fetch(site.public(), tmp_path)
    assert file.path.read_bytes() == CONTENT


def test_without_validator_a_page_in_between_leaves_no_part(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.validators = CONTENT, 700_000, False
    site.afterwards = lambda: site.files.update({"/data.bin": b"<html>log in</html>"})
    with pytest.raises(UserError, match="web page"):
        fetch(site.public(), tmp_path)
    assert held(tmp_path) == []


def test_a_known_sum_that_a_mixture_misses_is_fetched_once_from_the_start(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"], site.validators = CONTENT, False
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "data.bin.part").write_bytes(OTHER[:700_000])
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == ["bytes=700000-", None]


def test_a_whole_part_with_another_sum_is_fetched_once_from_the_start(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "data.bin.part").write_bytes(OTHER)
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == ["bytes=1000000-", None]


def test_a_wrong_sum_from_the_start_is_final(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/data.bin"], site.validators = OTHER, False
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "data.bin.part").write_bytes(CONTENT[:700_000])
    with pytest.raises(UserError, match=f"wrong checksum: sha256 {hashlib.sha256(OTHER).hexdigest()}, but"):
        fetch(site.public(CONTENT), tmp_path)
    assert [wanted for _, wanted in site.asked] == ["bytes=700000-", None]
    assert held(tmp_path) == []


@pytest.mark.parametrize("known", [False, True])
def test_more_than_is_published_is_not_taken(site: Any, tmp_path: Path, known: bool) -> None:
    site.files["/data.bin"], site.lengths = CONTENT + b"!", False
    sha256 = {} if known else {"sha256": None}
    with pytest.raises(UserError, match="the server has more bytes, the published file has 1,000,000"):
        fetch(site.public(CONTENT, **sha256), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
