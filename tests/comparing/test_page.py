"""compare.html as text, and in a real browser: a sort, a filter, a mark, a phone."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from seqlab.comparing.comparison import compare_runs
from seqlab.comparing.page import render_comparison
from seqlab.comparing.runs import find_run_folders, read_runs
from seqlab.report.page import render_page

EVIL = "</script><script>alert(1)</script>"
CURVES = "epoch,step,train/loss,val/loss\n0,9,3,{a}\n1,19,2,{b}\n"


@pytest.fixture
def page(make_run, runs_folder: Path) -> str:
    """Three learning rates, two of them with two seeds; the lowest loss does not have the best test/f1."""
    for number, (rate, seed, loss, f1) in enumerate(
        [(0.1, 0, 3.0, 0.9), (0.02, 0, 1.0, 0.2), (0.02, 1, 2.0, 0.4), (0.3, 0, 2.5, 0.6), (0.3, 1, 2.5, 0.6)]
    ):
        settings = {"seed": seed, "optimizer.lr": rate, "data.path": f"a/{EVIL}" if rate == 0.1 else "b.txt"}
        curves = CURVES.format(a=loss + 1, b=loss)
        make_run(str(number), {"val/loss": loss, "test/f1": f1}, settings, curves=curves)
    make_run("9", None, {"optimizer.lr": 0.9, "data.path": "b.txt"})
    for number in range(2):
        (runs_folder / str(number) / "report.html").touch()
    runs, notices = read_runs(find_run_folders([runs_folder]))
    return render_comparison(compare_runs(runs, notices=notices), ["row 1 against row 2"], runs_folder.parent)


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="compare-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_allows_its_own_script_and_nothing_else(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert html.unescape(policy[1]).endswith(f"; script-src 'sha256-{digest}'")
    assert policy[1].startswith("default-src 'none'; ")
    assert not re.search(r'src="', page)
    addresses = re.findall(r'href="([^#"]*)"', page)
    assert set(addresses) == {"runs/0/report.html", "runs/1/report.html"}


def test_a_report_still_allows_no_script() -> None:
    assert "script" not in render_page("Title", "", [], [])


def test_the_data_is_that_of_the_table_and_no_text_ends_it(page: str) -> None:
    data = embedded(page)
    (table,) = data["tables"]
    assert [column["name"] for column in table["columns"]] == [
        *("runs", "data.path", "optimizer.lr", "test/f1", "val/loss", "seeds"),
    ]
    assert [row["values"] for row in table["rows"]] == [
        ["1, 2", "b.txt", 0.02, pytest.approx(0.3), 1.5, 2],
        ["3, 4", "b.txt", 0.3, 0.6, 2.5, 2],
        ["0", f"a/{EVIL}", 0.1, 0.9, 3.0, 1],
        ["9", "b.txt", 0.9, None, None, 0],
    ]
    assert data["settings"] == {
        "data.path": {"values": ["b.txt", f"a/{EVIL}"], "of": [0, 0, 0, 0, 1, 0]},
        "optimizer.lr": {"values": ["0.02", "0.3", "0.1", "0.9"], "of": [0, 0, 1, 1, 2, 3]},
        "seed": {"values": ["0", "1"], "of": [0, 1, 0, 1, 0, 0]},
    }
    assert sorted((curve["row"], curve["y"]) for curve in data["curves"]["val/loss"]) == [
        (0, [2, 1]),
        (0, [3, 2]),
        (1, [3.5, 2.5]),
        (1, [3.5, 2.5]),
        (2, [4, 3]),
    ]
    assert page.count("<script") == 2
    assert "1 of 6 runs is not finished: 9 (stopped)" in page
    assert "logger=csv" not in page  # the one without curves has not finished
    assert "row 1 against row 2" in page


def rows(browser: Any) -> list[str]:
    """The first cells of the rows that are seen, from top to bottom."""
    lines = browser.find_elements("css selector", "[data-table] tbody tr")
    return [line.find_element("css selector", "th").text for line in lines if line.is_displayed()]


def sort_by(browser: Any, column: int) -> str:
    head = browser.find_element("css selector", f'[data-table] th[data-column="{column}"]')
    head.find_element("css selector", "button").click()
    return head.get_attribute("aria-sort")


def filter_by(browser: Any, words: str) -> str:
    box = browser.find_element("id", "filter")
    box.clear()
    box.send_keys(words)
    return browser.find_element("id", "shown").text


def count(browser: Any, selector: str) -> int:
    return len(browser.find_elements("css selector", selector))


def test_a_reader_sorts_filters_and_marks(page: str, browser: Any, tmp_path: Path) -> None:
    (tmp_path / "compare.html").write_text(page, encoding="utf-8")
    browser.get((tmp_path / "compare.html").as_uri())
    assert rows(browser) == ["1", "2", "3", "4"]

    assert sort_by(browser, 2) == "ascending"  # lr: 0.02, 0.1, 0.3, 0.9
    assert rows(browser) == ["1", "3", "2", "4"]
    assert sort_by(browser, 2) == "descending"
    assert rows(browser) == ["4", "2", "3", "1"]
    sort_by(browser, 3)  # test/f1: 0.3, 0.6, 0.9, none: what has no figure stays last both ways
    assert rows(browser) == ["1", "2", "3", "4"]
    sort_by(browser, 3)
    assert rows(browser) == ["3", "2", "1", "4"]

    assert filter_by(browser, "lr>=0.1 val/loss<2.8") == "1 of 4 rows"
    assert rows(browser) == ["2"]
    assert count(browser, "#scatter circle") == 1
    assert filter_by(browser, "B.TXT") == "3 of 4 rows"
    assert filter_by(browser, "nonsense=3") == "4 of 4 rows; no column for nonsense=3"
    assert filter_by(browser, "seeds=2") == "2 of 4 rows"
    assert rows(browser) == ["2", "1"]
    assert count(browser, "#curves path.marked") == 2  # a mean per row, its two seeds thin beside it
    assert count(browser, "#curves path.thin") == 4
    assert count(browser, "#parallel path") == 2

    filter_by(browser, "b")
    browser.execute_script("document.getElementById('filter').value = '';")
    filter_by(browser, "a/")
    assert rows(browser) == ["3"]

    shown = filter_by(browser, "lr>0")
    assert shown == "4 of 4 rows"
    browser.find_element("css selector", '[data-table] tr[data-row="1"]').click()
    assert browser.find_element("id", "scatter-key").text.split("\n")[0].startswith("2: ")
    assert count(browser, "#scatter circle.marked") == 1

    browser.execute_script(
        "const pick = document.getElementById('scatter-x'); pick.value = 4;"
        "pick.dispatchEvent(new Event('change', {bubbles: true}));"
    )
    assert (
        browser.find_element("css selector", "#scatter svg").get_attribute("aria-label")
        == "test/f1 over val/loss"
    )
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


def test_nothing_is_wider_than_a_phone(page: str, browser: Any, tmp_path: Path) -> None:
    (tmp_path / "compare.html").write_text(page, encoding="utf-8")
    # A window has a least width; a frame has none.
    frame = '<body style="margin:0"><iframe src="compare.html" width="390" height="3000"></iframe>'
    (tmp_path / "phone.html").write_text(frame, encoding="utf-8")
    browser.get((tmp_path / "phone.html").as_uri())
    browser.switch_to.frame(browser.find_element("css selector", "iframe"))
    client, scroll = browser.execute_script(
        "const page = document.documentElement; return [page.clientWidth, page.scrollWidth];"
    )
    assert client <= 390
    assert scroll == client
    assert (
        count(browser, "#curves svg")
        == count(browser, "#parallel svg")
        == count(browser, "#scatter svg")
        == 1
    )
