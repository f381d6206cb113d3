"""What a reader may touch on a page, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Page = Callable[..., str]
PHONE = 390


@pytest.fixture
def opened(tmp_path: Path, page: Page, browser: Any) -> Any:
    """The browser on a small run's page."""
    page(tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    return browser


def hover(browser: Any, chart: Any, across: float) -> str:
    """Move over a chart, at a share of its width; gives the tooltip's text, empty where none is seen."""
    browser.execute_script(
        """const svg = arguments[0].querySelector(":scope > svg"), box = svg.getBoundingClientRect();
        svg.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + arguments[1] * box.width,
          clientY: box.top + box.height / 2, bubbles: true}));""",
        chart,
        across,
    )
    return chart.find_element("css selector", ".tip").text


def charts(browser: Any) -> dict[str, Any]:
    """The figures of the page by their caption."""
    found = browser.find_elements("css selector", "figure[data-chart]")
    return {each.find_element("css selector", "figcaption").text: each for each in found}


def complaints(browser: Any) -> list[str]:
    """What the console said of errors."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_values_are_seen_on_hover_and_by_the_arrow_keys(opened: Any) -> None:
    shown = charts(opened)
    assert hover(opened, shown["Loss"], 0.2).split("\n") == ["epoch 1", "train/loss 2", "val/loss 2.1"]
    assert hover(opened, shown["Loss"], 0.97).split("\n") == ["epoch 3", "train/loss 0.5", "val/loss 0.7"]
    assert re.match(r"score .* to .*\nnormal [\d.]+ %\nabnormal [\d.]+ %", hover(opened, shown["GRU"], 0.5))
    drawing = shown["Loss"].find_element("css selector", "svg[tabindex]")
    opened.execute_script("arguments[0].focus()", drawing)
    drawing.send_keys("\ue014")  # arrow right
    assert shown["Loss"].find_element("css selector", ".tip").text.startswith("epoch 1")
    assert complaints(opened) == []
