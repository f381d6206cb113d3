"""Masks by hand, one by one and all together; what a session expression names is no part of a template."""

import polars as pl
import pytest

from seqlab.errors import UserError
from seqlab.logs.formats import FORMATS, GENERAL, LogFormat, mask, mask_pattern
from seqlab.logs.line_reader import LineReader


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("address", "from /10.251.1.2:50010, 10.0.0.1", "from <var>, <var>"),
        ("host", "www.example.com:443 at www.example.com", "<var> at www.example.com"),
        ("path", "open /var/log/x-1.log or/and", "open <var> or/and"),
        ("hexadecimal", "0x1F 00efe838 Token@1b2c3d4 deadbeef added", "<var> <var> Token@<var> <var> added"),
        ("hexadecimal", "id=b9000564-fe1a-409b-b8cc-1e88b294cd1d.", "id=<var>."),
        ("hexadecimal", "via 3c:d9:2b:aa:00:1f", "via <var>"),
        ("number", "took -3.5 s, node-12, eth0 x_7", "took <var>.<var> s, node<var>, eth0 x_7"),
    ],
)
def test_one_mask(name: str, message: str, expected: str) -> None:
    assert mask(pl.Series([message]), mask_pattern((), (name,))).to_list() == [expected]
    others = tuple(other for other in GENERAL if other != name)
    assert mask(pl.Series([message]), mask_pattern((), others)).to_list() != [expected]


def test_all_masks_or_none() -> None:
    messages = pl.Series(["blk_7 of 10.0.0.1:80 at db.example.com:5432 in /data/x, 0xff, 12"])
    assert mask(messages, mask_pattern((r"blk_\d+",))).to_list() == [
        "<var> of <var> at <var> in <var>, <var>, <var>"
    ]
    assert mask(messages, mask_pattern((), ())).to_list() == messages.to_list()


@pytest.mark.parametrize(
    ("session", "message", "masked"),
    [
        (r"req-\w+", "begin req-ab", "begin <var>"),
        (r"req-(\w+)", "begin req-ab, then req-cd", "begin req-<var>, then req-<var>"),
        (r"user=(?P<name>[a-z]+);", "user=kim; 17 rows", "user=<var>; <var> rows"),
        (r"id=(a\d|b\d) of", "id=b7 of id=b8", "id=<var> of id=b8"),
        (r"(?:from|to)-[a-z]+\(\w\)", "copy to-kim(x) 5", "copy <var> <var>"),
        (r"\[(\w+)", "of [kim]", "of [<var>]"),
        (r"(^\w+)", "kim logs in", "kim logs in"),
        (r"(?P<id>^\S+) ", "kim logs in", "kim logs in"),
        (r"log (\w+)", "wrote /var/log/ab/log kim/part-17", "wrote <var> <var>/part<var>"),
        (r"/home/(\w+)", "wrote /home/kim/part-17", "wrote <var>"),
        (r"^\S+ (\w+)", "GET index", "GET index"),
    ],
)
def test_ids_are_masked_and_the_words_around_them_stay(session: str, message: str, masked: str) -> None:
    form = LogFormat("regex", r"^\d+ ", session=session, mask_session=True)
    found = LineReader(form)._masked(pl.Series([message]))[0]
    assert found.to_list() == [masked]


@pytest.mark.parametrize(
    "session",
    [
        r"user (\w+)|task (\w+) of",
        r"(?:user=(\w+)|uid=(\d+))",
        r"user (\w+)|task",
        r"(?:login|logout) of (\w+)",
        r"of (\w+)+",
        r"of (\w+)?!",
        r"(?i)id=(\w+)",
        r"of \((\w+)\)",
    ],
)
def test_what_is_no_single_plain_group_takes_a_mask(session: str) -> None:
    with pytest.raises(UserError, match="only one plain group can be masked in messages: say with --mask"):
        LogFormat("regex", r"^\d+ ", session=session, mask_session=True)
    LogFormat("regex", r"^\d+ ", session=session)


def test_formats_that_are_ready_mask_their_sessions_by_masks() -> None:
    assert not any(known.mask_session for known in FORMATS.values())
