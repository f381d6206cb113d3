"""What a session expression names is no part of a template; what stands around its group is."""

import polars as pl
import pytest

from seqlab.logs.formats import FORMATS, LogFormat
from seqlab.logs.lines import LineReader


@pytest.mark.parametrize(
    ("session", "message", "masked"),
    [
        (r"req-\w+", "begin req-ab", "begin <var>"),
        (r"req-(\w+)", "begin req-ab, then req-cd", "begin req-<var>, then req-<var>"),
        (r"(?:login|logout) of (\w+)", "logout of kim at once", "logout of <var> at once"),
        (r"(?i)USER=(?P<name>[a-z]+);", "User=Kim; 17 rows", "User=<var>; <var> rows"),
        (r"user (\w+)|task (\w+) of", "task ab of user kim", "task <var> of user <var>"),
        (r"(?:user (\w+)|task (\w+))", "task ab of user kim", "task <var> of user <var>"),
        (r"id=(\w+)?(x)", "an id=abx", "an id=<var>x"),
        (r"id=(q\w+)?(x)", "an id=x", "an id=<var>"),
        (r"\((\w+)\) [()\]] ", "of (kim) ( 5", "of (<var>) ( <var>"),
        (r"[[(]]at (\w+)", "(at home", "(at <var>"),
        (r"(?i:USER)=(\w+)", "user=kim", "user=<var>"),
        (r"of (?x: (\w+) ) !", "of kim !", "of <var> !"),
        (r"(?:login of (\w+)|logout of (\w+))", "logout of kim at once", "logout of <var> at once"),
        (r"(?:login of (\w+)|logout of (\w+))", "login of kim at once", "login of <var> at once"),
        (r"(?:user=(\w+)|uid=(\d+))", "user=kim has uid=17", "user=<var> has uid=<var>"),
        (r"(?:(?:user|uid)=(\w+)|of (\w+)) now", "uid=kim now; of ab now", "uid=<var> now; of <var> now"),
        (r"(?:user (?P<a>\w+) )?task (?P<b>\w+)", "user kim task ab", "user <var> task ab"),
        (r"(?:user (?P<a>\w+) )?task (?P<b>\w+)", "a task ab", "a task <var>"),
        (r"(?:of (\w+) )+!", "of kim of ab !", "of kim of <var> !"),
        (r"(?:any|user (\w+)) (\w+)", "any kim, user ab in", "any <var>, user <var> in"),
        (r"any|user (\w+)", "any user kim", "any user <var>"),
        (r"id\(?xid=(\w+)", "an id(xid=kim", "an id(xid=<var>"),
        (r"[(?x]id=(\w+)", "an (id=kim", "an (id=<var>"),
        (r"id=(?i)q(\w+)|ID (\w+)", "an id=Qkim, id ab", "an id=Q<var>, id <var>"),
        (r"(?x) of\ ( \w+ ) ? # a name (or none\n !", "it is of kim! at", "it is of <var>! at"),
        (r"(^\w+)", "kim logs in", "kim logs in"),
        (r"(?P<id>^\S+) ", "kim logs in", "kim logs in"),
        (r"(?i)(?:(?:\A(\w+)))", "kim logs in", "kim logs in"),
        (r"(?:^\w+ |^\d+ )(\w+)", "kim logs in", "kim logs in"),
        (r"(^\w+|req-\w+)", "kim sent req-ab", "kim sent <var>"),
        (r"(?:^|\s)(\w+) logs", "kim logs in", "<var> logs in"),
        (r"log (\w+)", "wrote /var/log/ab/log kim/part-17", "wrote <var> <var>/part<var>"),
        (r"/home/(\w+)", "wrote /home/kim/part-17", "wrote <var>"),
        (r"^\S+ (\w+)", "GET index", "GET index"),
        (r"^(\w+)|req-(\w+)", "kim sent req-ab", "kim sent req-<var>"),
    ],
)
def test_ids_are_masked_and_the_words_around_them_stay(session: str, message: str, masked: str) -> None:
    form = LogFormat("regex", r"^\d+ ", session=session, mask_session=True)
    found = LineReader(form)._masked(pl.Series([message]))
    assert found.to_list() == [masked]


def test_formats_of_before_and_those_that_are_ready_mask_no_session_of_their_own() -> None:
    state = LogFormat("regex", "^", session=r"req-\w+").state()
    del state["mask_session"]  # of a parse.json or a checkpoint that was made before
    known = [LogFormat.from_state(state), *FORMATS.values()]
    assert not any(form.mask_session for form in known)
    assert LineReader(known[0])._masked(pl.Series(["begin req-ab"])).to_list() == ["begin req-ab"]
