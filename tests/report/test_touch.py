"""What a reader may touch on a page, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.report.page import Section, render_page
from seqlab.report.svg import INK, chart_axes, chart_data, chart_figure, chart_grid, inline_svg

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


def slide(browser: Any, slider: Any, value: float) -> None:
    """Move a slider as a reader would."""
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'));", slider, value
    )


def test_a_moved_threshold_moves_counts_charts_and_alerts(opened: Any) -> None:
    def counts() -> dict[str, str]:
        found = opened.find_elements("css selector", "[data-count]")
        return {each.get_attribute("data-count"): each.text for each in found}

    def faint() -> int:
        return len(opened.find_elements("css selector", ".alert.below"))

    slider = opened.find_element("css selector", "[data-thresholds] input[type=range]")
    before = counts()
    assert (before["found"], before["missed"], before["false"], before["right"]) == ("2", "0", "0", "6")
    assert (before["threshold"], faint()) == ("4.25", 0)
    slide(opened, slider, 99)  # the largest score: nothing lies above it
    after = counts()
    assert (after["found"], after["missed"], after["false"], after["right"]) == ("0", "2", "0", "6")
    assert (after["recall"], after["alerts"], faint()) == ("0.0000", "0", 3)
    pin = charts(opened)["ROC"].find_element("css selector", "circle.pin")
    assert pin.is_displayed()
    slide(opened, slider, 0)
    assert int(counts()["false"]) > 0
    opened.find_element("css selector", "[data-thresholds] button").click()
    assert counts() == before
    assert not pin.is_displayed()
    assert complaints(opened) == []


def test_alerts_are_filtered_by_words_and_by_kind(opened: Any) -> None:
    def seen() -> list[str]:
        cards = opened.find_elements("css selector", ".alert:not([hidden]) h4 code")
        return [card.get_attribute("textContent")[-1] for card in cards]

    words = opened.find_element("css selector", "[data-touch=alerts] input")
    words.send_keys("0000002")
    assert seen() == ["2"]
    assert opened.find_element("css selector", "[data-touch=alerts] output").text == "1 of 3 shown alerts"
    words.clear()
    words.send_keys("\ue003")  # backspace: an input event of its own
    kind = opened.find_element("css selector", "[data-touch=alerts] select")
    opened.execute_script(
        "arguments[0].value = 'abnormal'; arguments[0].dispatchEvent(new Event('change'));", kind
    )
    assert seen() == ["1"]
    key = opened.find_element("css selector", ".alert .top[title]")
    key.click()
    told = opened.find_element("css selector", ".alert .note").text
    assert told == "E7: writeBlock <*> received exception <*> (9.5 nats)"
    assert complaints(opened) == []


def test_steps_are_smoothed(opened: Any) -> None:
    chart = charts(opened)["Training loss by step"]
    slide(opened, chart.find_element("css selector", "input[type=range]"), 0.5)
    faint, smooth = (
        chart.find_elements("css selector", f".fresh .line{rest}") for rest in (".faint", ":not(.faint)")
    )
    assert (len(faint), len(smooth)) == (1, 1)
    assert faint[0].get_attribute("d") != smooth[0].get_attribute("d")
    assert hover(opened, chart, 0.2).startswith("step 1\n")
    assert complaints(opened) == []


def test_a_series_is_zoomed_and_moved(tmp_path: Path, browser: Any) -> None:
    days = np.arange(300)
    with chart_axes() as (figure, axes):
        axes.plot(days[-90:], days[-90:])
        drawing = inline_svg(figure, "part")
        names = [f"day {day}" for day in days]
        line = {"truth": (days, days * 2.0, INK)}
        bands = {"truth": (days * 2.0 - 1, days * 2.0 + 1)}
        near = chart_data(axes, line, bands=bands, names=names, zoom=[210, 299])
    with chart_axes() as (figure, axes):
        axes.plot(days, days)
        whole = inline_svg(figure, "whole")
        far = chart_data(axes, line, names=names, overview=True)
    figures = [chart_figure(drawing, "near", data=near), chart_figure(whole, "far", data=far)]
    page = render_page("T", "", [], [Section("S", chart_grid(figures))])
    (tmp_path / "zoom.html").write_text(page, encoding="utf-8")
    browser.get((tmp_path / "zoom.html").as_uri())
    shown = charts(browser)

    def press(name: str) -> list[str]:
        shown["near"].find_element("css selector", f'button[title="{name}"]').click()
        marks = shown["near"].find_elements("css selector", ".fresh text[text-anchor=middle]")
        return [mark.text for mark in marks]

    assert hover(browser, shown["near"], 0.98).split("\n") == ["day 299", "truth 598 (597 to 599)"]
    assert press("the whole series") == ["day 0", "day 100", "day 199", "day 299"]
    assert press("the last steps")[0] == "day 210"
    assert press("earlier")[0] == "day 166"
    assert press("zoom in")[0] == "day 188"
    assert len(shown["far"].find_elements("css selector", "rect.window")) == 1
    assert complaints(browser) == []


def test_nothing_is_wider_than_a_phone_with_all_there_is_to_touch(opened: Any) -> None:
    opened.set_window_size(PHONE + 110, 900)  # a window has a least width: the frame is measured inside
    try:
        opened.execute_script("document.body.style.width = arguments[0] + 'px'", PHONE)
        wide = opened.execute_script(
            """return [...document.querySelectorAll("main *")]
            .filter((part) => !part.closest("svg, pre, .scroll, .tip"))
            .filter((part) => part.getBoundingClientRect().right > arguments[0] + 0.5)
            .map((part) => part.outerHTML.slice(0, 80))""",
            PHONE,
        )
        assert wide == []
    finally:
        opened.set_window_size(1200, 900)
