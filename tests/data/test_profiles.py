"""What each data set gives the leak audit: items, lengths, what training lacks, times, what was fitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seqlab.data.characters import CharacterSequence
from seqlab.data.labelled_text import LabelledText, Names
from seqlab.data.log_sessions import LogSessions
from seqlab.data.module import Profile, SequenceDataModule, TestSetLockedError
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.series import TimeSeries
from seqlab.data.session_windows import SessionWindows
from seqlab.data.stock import StockPrices
from seqlab.data.tagged_text import TaggedText
from seqlab.data.translation import Translation
from seqlab.logs.drain import Drain
from seqlab.logs.formats import FORMATS

Write = Callable[..., dict[str, Path]]
SESSIONS = [SessionWindows, PaddedSessions]


@pytest.fixture
def files(tmp_path: Path) -> Write:
    """Writes a file for each split, its lines given."""

    def write(**splits: Sequence[str]) -> dict[str, Path]:
        for name, lines in splits.items():
            (tmp_path / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
        return {name: tmp_path / name for name in splits}

    return write


def profiles(data: SequenceDataModule) -> dict[str, Profile]:
    """Of every split, the test split's once it is open."""
    data.setup()
    with pytest.raises(TestSetLockedError, match="the test set is locked"):
        data.profile("test")
    found = {name: data.profile(name) for name in ("train", "val")}
    data.open_test()
    return {name: profile for name, profile in (found | {"test": data.profile("test")}).items() if profile}


def repeated(found: dict[str, Profile], split: str = "test") -> list[bool]:
    return [content in set(found["train"].contents) for content in found[split].contents]


@pytest.mark.parametrize("module", SESSIONS)
def test_sessions_are_equal_key_for_key(files: Write, module: type[LogSessions]) -> None:
    splits = files(
        train=["b1,5 9 22", "b2,5 9 22", "b3,9 5", "b4,11"],
        val=["b5,5 9 22", "b6,5"],
        test=["b7,9 5", "b8,5 9", "b9,5 77 9", "b10,77", "b11,11"],
    )
    data = module(**splits)
    found = profiles(data)
    assert found["test"].noun == "sessions"
    assert repeated(found) == [True, False, False, False, True]
    assert repeated(found, "val") == [True, False]
    assert found["test"].lengths.tolist() == [2, 2, 3, 1, 1]
    assert found["test"].unknown.tolist() == [False, False, True, True, False]
    assert found["test"].lacks == "a key that training never showed"
    assert found["test"].span is None
    assert data.fitted_on() == {"vocabulary": "4 training sessions"}
    assert data.split_rule() == "splits as given"
    assert found["train"].contents[0] is found["train"].contents[1], "equal sessions take memory once"


def test_sessions_of_one_file_say_how_they_were_split(files: Write) -> None:
    given = files(normal=[f"b{number},5 9" for number in range(20)], abnormal=["b99,7"])
    data = SessionWindows(**given, seed=3)
    assert profiles(data)["test"].unknown.tolist() == [False] * 4 + [True]
    assert data.split_rule() == "normal sessions split at random, seed 3, all abnormal ones tested"
    cut = SessionWindows(train=given["normal"], test=given["abnormal"], seed=3)
    assert cut.split_rule() == "splits as given, val cut off train at random, seed 3"


def parsed(folder: Path, hours: Sequence[int | None]) -> Path:
    """A parsed folder with a session for each of some hours; None has no time."""
    start = datetime(2026, 1, 1)
    times = [None if hour is None else start + timedelta(hours=hour) for hour in hours]
    rows = [
        {"session": f"s{row}", "keys": [7, 8], "label": "Normal", "first_time": time, "line_offsets": [0, 1]}
        for row, time in enumerate(times)
    ]
    schema = {"first_time": pl.Datetime("us")}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(folder / "sessions.parquet")
    templates = [{"id": 7, "template": "a"}, {"id": 8, "template": "b"}]
    drain = Drain(0.7, 5)
    for row in templates:
        drain.add(row["id"], [row["template"]])
    state = {"drains": [drain.state()], "first_ids": [0], "templates": templates}
    parser = {"format_version": 2, "log_format": asdict(FORMATS["hdfs"]), "window": None, **state}
    (folder / "parse.json").write_text(json.dumps({"parser": parser, "logs": []}))
    return folder


def test_parsed_sessions_know_their_times(tmp_path: Path) -> None:
    folder = parsed(tmp_path, [3, 0, 1, 2, 9, 5, 4, 8, 7, 6])
    data = SessionWindows(sessions=folder, split_by="time", split=[0.6, 0.2, 0.2])
    spans = {name: profile.span for name, profile in profiles(data).items()}
    assert spans == {
        "train": ("2026-01-01 00:00:00", "2026-01-01 05:00:00"),
        "val": ("2026-01-01 06:00:00", "2026-01-01 07:00:00"),
        "test": ("2026-01-01 08:00:00", "2026-01-01 09:00:00"),
    }
    assert data.split_rule() == "split by the times of first lines"
    assert data.fitted_on() == {
        "templates": "every line that was parsed, of test sessions too",
        "vocabulary": "6 training sessions",
    }
    shuffled = profiles(SessionWindows(sessions=folder, split=[0.6, 0.2, 0.2]))
    assert shuffled["train"].span[1] > shuffled["test"].span[0]


def test_sessions_of_which_one_lacks_a_time_have_no_span(tmp_path: Path) -> None:
    found = profiles(SessionWindows(sessions=parsed(tmp_path, [0, 1, None, *range(3, 30)])))
    assert {found[name].span is None for name in found} == {True, False}


def test_names_and_texts_are_equal_whatever_their_label(files: Write) -> None:
    given = files(train=["Lee,K", "Kim,K", "Abe,J"], val=["Abe,J", "Be,K"], test=["Lee,J", "Lib,K", "Zoe,J"])
    data = Names(**given, max_length=2)
    found = profiles(data)
    assert repeated(found) == [True, False, False]
    assert found["test"].lengths.tolist() == [2, 2, 2], "as far as they are read"
    assert found["test"].unknown.tolist() == [False, False, True]
    assert found["test"].lacks == "characters that the vocabulary lacks"
    assert data.fitted_on() == {"vocabulary and labels": "3 training names"}


def test_the_lines_of_a_text_are_compared_from_some_length_on(tmp_path: Path) -> None:
    known, new, odd = "to be or not to be, that is", "tis nobler to bear that", "to be or not? to be"
    lines = [known, "KING:", new, known, "KING:", known, f"a {odd} {odd}"]
    (tmp_path / "text").write_text("\n".join(lines))
    whole = "\n".join([*lines, ""])
    shares = [len("\n".join([*lines[:4], ""])) / len(whole), len("\n".join([*lines[4:6], ""])) / len(whole)]
    data = CharacterSequence(path=tmp_path / "text", split=[*shares, 1 - sum(shares)])
    found = profiles(data)
    assert found["train"].contents == [known, new, known]
    assert found["val"].contents == [known]
    assert repeated(found) == [False]
    assert found["test"].unknown.tolist() == [True], "a question mark"
    assert found["test"].lengths.tolist() == [len(lines[-1]) + 1], "its line break counted"
    assert found["test"].noun == "lines of 20 characters or more"
    assert data.split_rule() == "split in order"
    by_word = CharacterSequence(path=tmp_path / "text", unit="word", split=[*shares, 1 - sum(shares)])
    assert profiles(by_word)["train"].contents == [known, new, known]
    assert by_word.fitted_on() == {"vocabulary": "29 training words"}


def test_a_text_that_is_learned_by_heart_is_every_split() -> None:
    data = CharacterSequence(text="hihello")
    found = profiles(data)
    assert (found["test"].contents, found["test"].lengths.tolist()) == (["hihello"], [7])
    assert repeated(found) == [True]
    assert data.split_rule() == "no split: every part is the same text"


def test_pairs_are_equal_on_both_sides(files: Write) -> None:
    given = files(
        train=["go\tgeh", "stop\thalt", "come here\tkomm her"],
        val=["go\thalt"],
        test=["go\thalt", "come here\tkomm her", "stop\tbitte", "please\tgeh"],
    )
    data = Translation(**given)
    found = profiles(data)
    assert repeated(found) == [False, False, False, False], "the training pair was left out"
    assert found["train"].contents == [("go", "geh"), ("stop", "halt")]
    assert found["test"].lengths.tolist() == [1, 2, 1, 1]
    assert found["test"].unknown.tolist() == [False, True, True, True]
    assert data.fitted_on() == {"vocabularies": "2 training pairs"}
    by_heart = Translation(pairs=[["a", "b"]])
    assert repeated(profiles(by_heart)) == [True]
    assert by_heart.split_rule() == "no split: every part is the same pairs"


def test_sentences_are_equal_word_for_word(files: Write) -> None:
    def conll(*sentences: str) -> list[str]:
        return [line for each in sentences for line in [*(f"{word} X{word[0]}" for word in each.split()), ""]]

    given = files(
        train=conll("we go", "you stay", "we stay here"),
        val=conll("you go"),
        test=conll("We go", "we go", "we leave", "you"),
    )
    data = TaggedText(**given)
    found = profiles(data)
    assert repeated(found) == [False, True, False, False]
    assert found["test"].lengths.tolist() == [2, 2, 2, 1]
    assert found["test"].unknown.tolist() == [False, False, True, False], "lower-cased words are compared"
    assert data.fitted_on() == {"vocabulary and tags": "3 training sentences"}
    assert data.split_rule() == "splits as given"


def prices(folder: Path, values: Sequence[float]) -> Path:
    path = folder / "prices.csv"
    days = [datetime(2024, 1, 1) + timedelta(days=day) for day in range(len(values))]
    lines = [f"{day:%m/%d/%Y},{value}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(["Date,Close", *lines, ""]))
    return path


def test_windows_of_series_are_equal_in_what_is_read_and_forecast(tmp_path: Path) -> None:
    # two days are read, one is forecast: test windows (1 2) 3, (2 3) 1, (3 1) 9
    path = prices(tmp_path, [1, 2, 3, 1, 2, 3, 5, 1, 2, 3, 1, 9])
    settings: dict[str, Any] = {"seq_length": 2, "horizon": 1, "target_transform": "level"}
    data = TimeSeries(path=path, split=[0.5, 0.25, 0.25], season=None, **settings)
    found = profiles(data)
    assert repeated(found) == [True, True, False]
    assert found["test"].unknown.tolist() == [False, False, True], "training reached 3"
    assert found["val"].unknown.tolist() == [True, False, False], "of inputs beyond it nothing is asked"
    assert found["test"].lengths is None
    assert found["train"].span == ("2024-01-01", "2024-01-06")
    assert found["test"].span == ("2024-01-10", "2024-01-12")
    assert data.fitted_on() == {"scales": "the 6 training days, 01/01/2024 to 01/06/2024"}
    assert data.split_rule() == "split in order"


def test_scales_of_the_test_part_are_called_what_they_are(tmp_path: Path) -> None:
    data = StockPrices(
        path=prices(tmp_path, list(range(1, 13))),
        split=[0.5, 0.25, 0.25],
        seq_length=2,
        scale_test_by_itself=True,
    )
    data.setup()
    assert data.fitted_on() == {
        "scales": "the 6 training days, 01/01/2024 to 01/06/2024",
        "scales of the row `test scaled by itself`": "the 3 test days, 01/10/2024 to 01/12/2024, which no "
        "forecast could know",
    }


def test_a_series_whose_times_are_numbers_has_no_span(tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("ds,y\n" + "".join(f"{row},{row}\n" for row in range(30)))
    data = TimeSeries(path=tmp_path / "numbers.csv", season=None, seq_length=2, horizon=1)
    assert {profile.span for profile in profiles(data).values()} == {None}


def test_a_text_coder_of_words_is_compared_by_words(files: Write) -> None:
    given = files(
        train=["too slow\tbad", "so fast\tgood"], val=["so\tbad", "to\tbad"], test=["food\tbad", "a\tbad"]
    )
    data = LabelledText(**given)
    assert profiles(data)["test"].lacks == "words that the vocabulary lacks"
