import math
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from seqlab.report.detection import DetectionContent, detection_sections, write_detection_report

MakeContent = Callable[..., DetectionContent]
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """Collects ids and references, and checks that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in {"src", "href", "xlink:href", "srcset", "action", "data"}:
                self.references.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def written(path: Path, content: DetectionContent) -> str:
    write_detection_report(path / "report.html", content)
    return (path / "report.html").read_text(encoding="utf-8")


def test_sections_come_in_the_order_of_reading(detection_content: MakeContent) -> None:
    titles = [section.title for section in detection_sections(detection_content())]
    assert titles == [
        "Result",
        "Scores",
        "ROC and precision-recall",
        "Top alerts",
        "Training",
        "Attention",
        "What was run",
    ]
    without = detection_sections(detection_content(attention=[]))
    assert "Attention" not in [section.title for section in without]


def test_the_page_needs_nothing_from_outside(tmp_path: Path, detection_content: MakeContent) -> None:
    html = written(tmp_path, detection_content())
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.references
    assert all(reference.startswith("#") for reference in outline.references)
    assert {reference[1:] for reference in outline.references} <= set(outline.ids)
    assert max(Counter(outline.ids).values()) == 1
    assert not re.search(r"https?://|url\(|@import|<script|<link|javascript:", html)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, detection_content: MakeContent) -> None:
    write_detection_report(tmp_path / "one.html", detection_content())
    write_detection_report(tmp_path / "two.html", detection_content())
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_largest_report_stays_below_one_and_a_half_megabytes(
    tmp_path: Path, largest_content: DetectionContent
) -> None:
    assert len(written(tmp_path, largest_content).encode()) < 1_500_000


def test_every_score_shows_its_threshold(tmp_path: Path, detection_content: MakeContent) -> None:
    html = written(tmp_path, detection_content())
    assert ">threshold 4.25</text>" in html
    assert ">threshold 0.5</text>" in html


def test_unlabeled_data_gives_no_curves_and_says_why(tmp_path: Path, detection_content: MakeContent) -> None:
    html = written(tmp_path, detection_content(labels=np.full(8, -1), curves={}))
    assert "None of the 8 sessions has a label" in html
    assert "both curves need known normal and abnormal sessions, and there are no labels." in html
    assert "unlabeled (8)" in html
    assert "ROC curves" not in html


def test_what_to_do_next_stands_below_the_figures(tmp_path: Path, detection_content: MakeContent) -> None:
    html = written(
        tmp_path, detection_content(next_steps=["seqlab detect a.ckpt NEW.log", "seqlab <explain>"])
    )
    assert "<pre>seqlab detect a.ckpt NEW.log\nseqlab &lt;explain&gt;</pre>" in html
    assert "What to do next" not in written(tmp_path, detection_content())


def test_one_class_alone_gives_no_curves(tmp_path: Path, detection_content: MakeContent) -> None:
    html = written(tmp_path, detection_content(labels=np.zeros(8)))
    assert "there are no abnormal sessions in the labels." in html


def test_unknown_labels_among_known_ones_are_counted(tmp_path: Path, detection_content: MakeContent) -> None:
    html = written(tmp_path, detection_content(labels=np.array([0, 0, 0, 0, -1, -1, 1, 1])))
    assert "Measured on 6 labeled sessions, 2 of them abnormal. Another 2 have no label" in html
    assert "normal (4)" in html


def test_a_run_with_nothing_to_show_is_still_a_page(tmp_path: Path) -> None:
    html = written(tmp_path, DetectionContent("Empty", "", [], [], {}, []))
    for sentence in ("Nothing was measured", "This run has no scores", "No alert to show", "No losses were"):
        assert sentence in html
    assert "Nothing was recorded about this run." in html


def test_figures_that_are_not_finite_break_nothing(tmp_path: Path, detection_content: MakeContent) -> None:
    broken = np.array([math.nan, math.inf, -math.inf, 0, 0, 0, 1, math.nan])
    html = written(
        tmp_path,
        detection_content(
            scores={"GRU": (broken, math.inf)},
            curves={"GRU": ([math.nan, 1], [0, 1], [math.nan, math.nan], [0, 1])},
            histories={"training": ([1, 2], [math.nan, math.inf])},
            attention=[("blk", np.full((1, 1), math.nan), ["a"], ["b"])],
        ),
    )
    assert "The threshold is ∞ and not drawn." in html
    assert not re.search(r"[ ML\"](nan|inf)\b", html)


def test_malicious_text_is_text_on_the_page(tmp_path: Path, detection_content: MakeContent) -> None:
    evil = "\"'></svg></pre><script>alert(1)</script>"
    rate = [0.0, 1.0]
    content = detection_content(
        title=evil,
        subtitle=evil,
        notices=[evil],
        metric_rows=[(evil, [1.0] * 6)],
        emphasis=evil,
        scores={evil: (np.arange(8.0), 3.0)},
        curves={evil: (rate, rate, rate, rate)},
        histories={evil: (rate, rate)},
        attention=[(evil, np.eye(1), [evil], [evil])],
        facts=[(evil, evil)],
        environment=[(evil, evil)],
        config_yaml=evil,
        loss_label=evil,
    )
    html = written(tmp_path, content)
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert "<script" not in html


def test_scores_and_labels_are_of_the_same_sessions(detection_content: MakeContent) -> None:
    with pytest.raises(ValueError, match=r"scores 'GRU' holds 2 sessions, labels 8; give one of each"):
        detection_content(scores={"GRU": ([1, 2], 1.0)})
