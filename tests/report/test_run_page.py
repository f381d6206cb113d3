import math
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from seqlab.report.run_page import curve_sections, write_run_page
from seqlab.results.outcome import ResultTable

Page = Callable[..., str]
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


def test_sections_come_in_the_order_of_reading(tmp_path: Path, page: Page) -> None:
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", page(tmp_path / "a.html"))
    assert [title for title in titles if title != "Contents"] == [
        "Result",
        "What the threshold finds",
        "Scores",
        "ROC and precision-recall",
        "Alerts",
        "Attention",
        "Training",
        "What was run",
    ]


def test_the_page_needs_nothing_from_outside(tmp_path: Path, page: Page) -> None:
    html = page(tmp_path / "a.html")
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.references
    assert all(reference.startswith("#") for reference in outline.references)
    assert {reference[1:] for reference in outline.references} <= set(outline.ids)
    assert max(Counter(outline.ids).values()) == 1
    assert html.count("<script") == 1
    assert not re.search(r"https?://|url\(|@import|<link|javascript:|fetch\(|import\(", html)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, page: Page) -> None:
    assert page(tmp_path / "one.html") == page(tmp_path / "two.html")


def test_the_largest_report_stays_below_one_and_a_half_megabytes(
    tmp_path: Path, largest_page: Callable[[Path], str]
) -> None:
    assert len(largest_page(tmp_path / "a.html").encode()) < 1_500_000


def test_what_to_do_next_stands_below_the_figures(tmp_path: Path, page: Page) -> None:
    html = page(tmp_path / "a.html", next_steps=["seqlab detect a.ckpt NEW.log", "seqlab <explain>"])
    assert "<pre>seqlab detect a.ckpt NEW.log\nseqlab &lt;explain&gt;</pre>" in html
    assert "What to do next" not in page(tmp_path / "a.html")


def test_a_run_with_nothing_to_show_is_still_a_page(tmp_path: Path) -> None:
    table = ResultTable("nothing", (), [], [], [])
    write_run_page(tmp_path / "a.html", table, title="Empty", seed=0, metrics={}, curves={}, sections=[])
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    for sentence in ("Nothing was measured", "No losses were", "Nothing was recorded about this run."):
        assert sentence in html


def test_figures_that_are_not_finite_break_nothing(tmp_path: Path, page: Page) -> None:
    html = page(
        tmp_path / "a.html",
        scores={"GRU": (np.array([math.nan, math.inf, -math.inf, 0, 0, 0, 1, math.nan]), math.inf)},
        curve=([math.nan, 1], [0, 1], [math.nan, math.nan], [0, 1]),
        curves={"train/loss": ([1, 2], [math.nan, math.inf])},
        attention=[("blk", np.full((1, 1), math.nan), ["a"], ["b"])],
    )
    assert "The threshold is ∞ and not drawn." in html
    assert not re.search(r"[ ML\"](nan|inf)\b", html)


@pytest.mark.parametrize("evil", ["\"'></svg></pre><script>alert(1)</script>"])
def test_malicious_text_is_text_on_the_page(tmp_path: Path, page: Page, evil: str) -> None:
    html = page(
        tmp_path / "a.html",
        title=evil,
        table=ResultTable(evil, (evil,), [(evil, [1.0])], [], [(evil, evil)], [evil], measured_on=evil),
        notices=[evil],
        scores={evil: (np.arange(8.0), 3.0)},
        attention=[(evil, np.eye(1), [evil], [evil])],
        facts=[(evil, evil)],
        environment={evil: evil},
        next_steps=[evil],
        config_yaml=evil,
    )
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert html.count("<script") == 1
    assert html.count("</script") == 1


def test_validation_figures_are_drawn_where_they_were_logged() -> None:
    names = ("val/accuracy", "val/macro_f1")
    assert curve_sections({}, names, "share", "While training") == []
    (section,) = curve_sections({"val/accuracy": ([1.0, 2.0], [0.1, 0.3])}, names, "share", "While training")
    assert "<svg" in section.body
    assert "While training" in section.body
