import json
from dataclasses import replace

import numpy as np

from seqlab.alerts.alert import NO_TIME, Alert, Count, LineRef, Surprise, best_guesses, iso_time


def test_an_alert_reads_like_this(alert: Alert) -> None:
    assert alert.to_text() == (
        "ALERT blk_1\n"
        "  nll_max 12.5 > 9 · 3 events · still open · 2008-11-09 20:36:15 to 2008-11-09 20:37:15"
        " · id 0123456789abcdef\n"
        "  most surprising: event 3, 12.5 nats, probability 3.7e-06, rank 7\n"
        "    found                8  Deleting block <*>\n"
        "    expected  0.750      5  Receiving block <*>\n"
        "    expected  0.200  <eos>  (the block ends)\n"
        "    a.log @10\n"
        "      one\n"
        "  > a.log @20\n"
        "      (can no longer be read)\n"
    )


def test_odd_counts_and_the_end_of_a_block_are_named(alert: Alert) -> None:
    end = replace(
        alert,
        score_name="combined",
        status="closed",
        reason="idle",
        surprise=Surprise(4, "<eos>", "(the block ends)", 0.5, 2, unseen=False),
        counts=(Count("5", "Receiving block <*>", 2), Count("8", "Deleting block <*>", -1)),
    )
    text = end.to_text()
    assert "most surprising: its end, 0.5 nats, probability 0.61, rank 2\n" in text
    assert "closed: idle" in text
    assert "  2 more of 5 than the nearest training block: Receiving block <*>\n" in text
    assert "  1 fewer of 8 than the nearest training block: Deleting block <*>\n" in text
    assert json.loads(end.to_json())["counts"][1] == {
        "key": "8",
        "template": "Deleting block <*>",
        "more": -1,
    }


def test_a_log_cannot_write_to_the_terminal(alert: Alert) -> None:
    evil = replace(alert, lines=(LineRef(3, "a.log", 0, "\x1b[2Jgone\r\x07"),), block="s\x1b[2J")
    assert "\x1b" not in evil.to_text()
    assert "\r" not in evil.to_text()
    assert json.loads(evil.to_json())["lines"][0]["text"] == "\x1b[2Jgone\r\x07"
    assert "\n" not in evil.to_json()


def test_best_guesses_are_the_likeliest_first() -> None:
    guesses = best_guesses(
        np.array([0.1, 0.6, 0.0, 0.3]),
        ("<eos>", "1", "2", "3"),
        {"1": "one", "3": "three", "<eos>": "(the block ends)"},
    )
    assert [(guess.key, guess.template, guess.probability) for guess in guesses] == [
        ("1", "one", 0.6),
        ("3", "three", 0.3),
        ("<eos>", "(the block ends)", 0.1),
    ]


def test_times_with_and_without_a_year_and_beyond_the_calendar(alert: Alert) -> None:
    def micro(text: str) -> int:
        return int(np.datetime64(text, "us").astype(np.int64))

    assert iso_time(NO_TIME) is None
    assert iso_time(micro("2008-11-09T20:36:15")) == "2008-11-09 20:36:15"
    assert iso_time(micro("1972-12-10T06:55:46"), with_year=False) == "Dec 10 06:55:46"
    assert iso_time(micro("1972-01-02T06:55:46.5"), with_year=False) == "Jan  2 06:55:46.500000"
    assert iso_time(micro("0000-12-10T06:55:46")) == "0000-12-10 06:55:46"
    assert iso_time(micro("0000-12-10T06:55:46.25")) == "0000-12-10 06:55:46.250000"
    assert iso_time(micro("10000-01-01T00:00:00")) == "10000-01-01 00:00:00"
    for first, last, words in [
        ("Dec 10 06:55:46", "Dec 10 06:55:48", "· Dec 10 06:55:46 to Dec 10 06:55:48 ·"),
        ("Dec 10 23:55:46", "Dec 11 00:55:48", "Dec 10 23:55:46 to Dec 11 00:55:48 ·"),
        ("0000-12-10 06:55:46", "0000-12-10 06:55:46", "· 0000-12-10 06:55:46 ·"),
    ]:
        assert words in replace(alert, first_time=first, last_time=last).to_text()
