import math
import re
from collections.abc import Callable

import pytest

from seqlab.report.alerts import Alert, Cause, causes_block, surprise_level

MakeAlert = Callable[..., Alert]


def alerts_block(alerts: list[Alert]) -> str:
    """Cards of alerts of one cause."""
    return causes_block([Cause("", "", [alert.label for alert in alerts], alerts)] if alerts else [])


def chips(html: str) -> list[str]:
    """Texts of the chips of the first card."""
    card = html[html.index("<article") : html.index("</article>")]
    return [re.sub("<[^>]*>", "", item) for item in re.findall(r"<li[^>]*>(.*?)</li>", card)]


@pytest.mark.parametrize(
    ("nats", "level"),
    [
        (0, 0),
        (0.69, 0),
        (0.7, 1),
        (2.31, 2),
        (4.61, 3),
        (6.91, 4),
        (9.22, 5),
        (math.inf, 5),
        (math.nan, None),
    ],
)
def test_the_shade_follows_the_surprise(nats: float, level: int | None) -> None:
    assert surprise_level(nats) == level


def test_a_card_says_in_words_what_it_shows_in_color(alert: MakeAlert) -> None:
    html = alerts_block([alert(7)])
    assert "blk_-0000000000000000007" in html
    assert "abnormal: a true alarm" in html
    assert "score 9.5" in html
    assert "threshold 4.25" in html
    assert "place 4 of 6, 9.5 nats: <q>writeBlock &lt;*&gt; received exception &lt;*&gt;</q>" in html
    assert (
        '<li class="k5 top" title="writeBlock &lt;*&gt; received exception &lt;*&gt; (9.5 nats)">E7</li>'
        in html
    )


@pytest.mark.parametrize(("label", "text"), [(-1, "label unknown"), (0, "false alarm"), (1, "true alarm")])
def test_the_true_label_is_text(alert: MakeAlert, label: int, text: str) -> None:
    assert text in alerts_block([alert(1, label=label)])


def test_runs_of_more_than_12_unsurprising_equal_keys_are_folded() -> None:
    surprise = [0.1] * 13 + [9.0] + [0.1] * 12
    html = alerts_block([Alert("blk", 1, 9.0, 4.0, ["3"] * 26, surprise)])
    assert chips(html) == ["3 ×13", "3", *["3"] * 12]
    assert 'title="at most 0.1 nats"' in html


def test_surprising_or_different_keys_are_never_folded() -> None:
    assert len(chips(alerts_block([Alert("blk", 1, 9.0, 4.0, ["3"] * 40, [5.0] * 40)]))) == 40
    assert len(chips(alerts_block([Alert("blk", 1, 9.0, 4.0, ["3", "4"] * 20, [0.0] * 40)]))) == 40


def test_300_keys_are_all_shown_and_5000_are_cut_with_a_count() -> None:
    keys = [str(place % 7) for place in range(5000)]
    surprise = [0.1] * 5000
    surprise[2500] = 12.0
    assert len(chips(alerts_block([Alert("blk", 1, 9.0, 4.0, keys[:300], surprise[:300])]))) == 300
    html = alerts_block([Alert("blk", 1, 12.0, 4.0, keys, surprise)])
    texts = chips(html)
    assert [text for text in texts if "left out" in text] == [
        "… 2,290 keys left out …",
        "… 2,369 keys left out …",
    ]
    assert len(texts) == 2 + 5000 - 2290 - 2369
    assert 'class="k5 top"' in html


def test_surprise_that_is_not_known_is_said() -> None:
    html = alerts_block([Alert("blk", -1, 1.0, 0.5, ["a", "b"], [math.nan, 0.2])])
    assert '<li class="kx" title="surprise unknown">a</li>' in html
    assert "place 2 of 2" in html
    bare = alerts_block([Alert("blk", -1, 1.0, 0.5, ["a"], [math.nan])])
    assert "Most surprising" not in bare


def test_odd_counts_are_told_in_words() -> None:
    alert = Alert("blk", 1, 9.0, 4.0, ["5", "22"], [0.1, 0.2], counts={"21": -3, "<4>": 1200})
    html = alerts_block([alert])
    expected = (
        "beside the nearest normal session: <code>21</code> 3 fewer, <code>&lt;4&gt;</code> 1,200 more."
    )
    assert expected in html
    assert "Counts, beside" not in alerts_block([Alert("blk", 1, 9.0, 4.0, ["5"], [0.1])])


def test_sessions_without_keys_and_no_alerts_at_all_are_fine() -> None:
    assert "0 events" in alerts_block([Alert("blk", 0, math.inf, math.nan, [], [])])
    assert "No alert to show." in alerts_block([])


def test_malicious_ids_keys_and_templates_are_escaped() -> None:
    evil = "\"'><script>alert(1)</script>"
    html = alerts_block([Alert(evil, 1, 9.0, 4.0, [evil, "<eos>"], [5.0, 0.1], {evil: evil})])
    assert "<script" not in html
    assert "<eos>" not in html
    assert not re.search(r'title="[^"]*"[^ >]', html), "a quote ends a tooltip early"


def test_alerts_of_one_cause_stand_together_with_their_number(alert: MakeAlert) -> None:
    causes = [
        Cause("E7", "writeBlock <*>", [1] * 33 + [0], [alert(1), alert(2), alert(3)]),
        Cause("", "", [-1], []),
    ]
    html = causes_block(causes)
    assert "<h3>Key <code>E7</code> <span>34 alerts: 33 abnormal, 1 normal</span></h3>" in html
    assert "<summary>2 more of these</summary>" in html
    assert "<h3>No single key stands out <span>1 alert</span></h3>" in html
    assert html.index("more of these") < html.index("0000002</code>")


def test_the_end_of_a_session_is_no_event() -> None:
    html = alerts_block([Alert("blk", 1, 9.0, 4.0, ["5", "<eos>"], [0.1, 9.0], num_events=1)])
    assert "1 event</span>" in html
    assert "<code>&lt;eos&gt;</code>, the end, 9 nats" in html
