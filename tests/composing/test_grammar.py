"""Overrides as people type them, beside what Hydra's own parser makes of the spelling."""

from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from seqlab.composing.grammar import quoted, readable_overrides
from seqlab.errors import UserError

FILES = (
    "정상.txt",
    "a.txt",
    "a,b.txt",
    "a=b.txt",
    "b (1).txt",
    "it's.txt",
    "null,.txt",
    "[old].txt",
    "x(1)",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in, with some files of odd names."""
    for name in FILES:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(override: str) -> Any:
    """What Hydra reads of an override in its new spelling."""
    (spelled,) = readable_overrides([override])
    parsed = OverridesParser.create().parse_override(spelled)
    if parsed.is_sweep_override():
        return tuple(plain(each) for each in parsed.sweep_iterator())
    return plain(parsed._value)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.text if isinstance(value, QuotedString) else value


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_that_file_whatever_its_name(name: str) -> None:
    assert read(f"data.normal={name}") == name


@pytest.mark.parametrize("key", ["data.normal", "+data.normal", "data.test", "hydra.run.dir", "resume"])
def test_a_path_need_not_be_there(key: str) -> None:
    assert read(f"{key}=없음 (2)=.txt") == "없음 (2)=.txt"


def test_lists_of_files_and_sweeps_over_them() -> None:
    assert read("data.test=[a.txt,b (1).txt, 정상.txt]") == ["a.txt", "b (1).txt", "정상.txt"]
    assert read("data.normal=a.txt,b (1).txt") == ("a.txt", "b (1).txt")
    assert read("data.normal=nowhere.txt,없음.txt") == ("nowhere.txt", "없음.txt")
    assert read("+note=안녕, 세상") == "안녕, 세상"


@pytest.mark.parametrize(
    "override",
    [
        "seed=0,1,2",
        "seed=1e5",
        "data.normal=a.txt,b.txt",
        "data.normal=null",
        "data.normal='a,b.txt'",
        "data.test=[a.txt, b.txt]",
        "optimizer.lr=range(1,3)",
        "hydra.run.dir=runs/${now:%Y-%m-%d}",
        "+note=${oc.env:NOTE,some (1)}",
        "~logger",
        "data.normal=",
        "+callbacks.extra.x={_target_:a.b,folder:'/a b',ask:true}",
    ],
)
def test_what_the_grammar_reads_stays_as_it_is(override: str) -> None:
    assert readable_overrides([override]) == [override]


@pytest.mark.parametrize("text", ["정상", "a=b", "a (1) b", "it's", 'say "hi"', "[a], b (1)"])
def test_a_value_that_the_grammar_refuses_is_the_text_as_it_was_typed(text: str) -> None:
    assert read(f"+note={text}") == text


@pytest.mark.parametrize(
    ("override", "message"),
    [("foo", "foo: no override: write NAME=VALUE"), ("씨앗=3", "씨앗=3: no override: a key has letters")],
)
def test_what_is_no_override_is_told(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        readable_overrides([override])


@pytest.mark.parametrize("text", ["a\\", 'a\\"b', "it's", '"', "a\\b", "${seed}", " x "])
def test_quotes_keep_every_character(text: str) -> None:
    assert plain(OverridesParser.create().parse_override(f"x={quoted(text)}")._value) == text
