"""What a session expression names is no part of a template; what stands around its group is."""

import polars as pl
import pytest

from seqlab.errors import UserError
from seqlab.logs.formats import LogFormat
from seqlab.logs.known_formats import FORMATS
from seqlab.logs.line_reader import LineReader


@pytest.mark.parametrize(
    ("session", "message", "masked"),
    [
        (r"req-\w+", "begin req-ab", "begin <var>"),
        (r"req-(\w+)", "begin req-ab, then req-cd", "begin req-<var>, then req-<var>"),
        (r"(?:login|logout) of (\w+)", "logout of kim at once", "logout of <var> at once"),
        (r"(?i)USER=(?P<name>[a-z]+);", "User=Kim; 17 rows", "User=<var>; <var> rows"),
        (r"\((\w+)\) [()\]] ", "of (kim) ( 5", "of (<var>) ( <var>"),
        (r"[[(]]at (\w+)", "(at home", "(at <var>"),
        (r"(?i:USER)=(\w+)", "user=kim", "user=<var>"),
        (r"id\(?xid=(\w+)", "an id(xid=kim", "an id(xid=<var>"),
        (r"[(?x]id=(\w+)", "an (id=kim", "an (id=<var>"),
        (r"(^\w+)", "kim logs in", "kim logs in"),
        (r"(?P<id>^\S+) ", "kim logs in", "kim logs in"),
        (r"(?:^|\s)(\w+) logs", "kim logs in", "<var> logs in"),
        (r"log (\w+)", "wrote /var/log/ab/log kim/part-17", "wrote <var> <var>/part<var>"),
        (r"/home/(\w+)", "wrote /home/kim/part-17", "wrote <var>"),
        (r"^\S+ (\w+)", "GET index", "GET index"),
    ],
)
def test_ids_are_masked_and_the_words_around_them_stay(session: str, message: str, masked: str) -> None:
    form = LogFormat("regex", r"^\d+ ", session=session, mask_session=True)
    found = LineReader(form)._masked(pl.Series([message]))
    assert found.to_list() == [masked]


@pytest.mark.parametrize(
    "session",
    [
        r"user (\w+)|task (\w+) of",
        r"(?:user=(\w+)|uid=(\d+))",
        r"user (\w+)|task",
        r"(?:of (\w+) )+!",
        r"of (\w+)+",
        r"id=(?i)q(\w+)",
        r"(?x) of\ ( \w+ ) !",
    ],
)
def test_what_is_no_single_plain_group_takes_a_mask(session: str) -> None:
    with pytest.raises(UserError, match="only one plain group can be masked in messages: say with --mask"):
        LogFormat("regex", r"^\d+ ", session=session, mask_session=True)
    LogFormat("regex", r"^\d+ ", session=session)


def test_formats_that_are_ready_mask_their_sessions_by_masks() -> None:
    assert not any(known.mask_session for known in FORMATS.values())
