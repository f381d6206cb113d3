"""The page in a real browser, at the width of a phone."""

import html
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

WIDTH = 390
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

# The page allows no script, so a page around it measures it. Only what scrolls in its own frame may be wider.
MEASURE = """<!DOCTYPE html><html><body><iframe id="phone" width="{width}" height="800" style="border:0"
srcdoc="{page}"></iframe><script>
document.getElementById("phone").onload = (event) => {{
  const page = event.target.contentDocument;
  page.querySelectorAll("details").forEach((part) => {{ part.open = true; }});
  const wide = [...page.querySelectorAll("body *")].filter((part) =>
    !part.parentElement.closest(".scroll, pre, svg") && part.getBoundingClientRect().right > {width} + 0.5);
  document.body.dataset.found = [page.documentElement.clientWidth, page.documentElement.scrollWidth,
    page.querySelectorAll("section").length, ...new Set(wide.map((part) => part.tagName))].join(" ");
}};
</script></body></html>"""


def test_nothing_is_wider_than_a_phone(
    tmp_path: Path, largest_page: Callable[[Path], str], browser_flags: list[str]
) -> None:
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser to lay out the page: none of {', '.join(BROWSERS)} is on the PATH")
    page = html.escape(largest_page(tmp_path / "report.html"))
    (tmp_path / "measure.html").write_text(MEASURE.format(width=WIDTH, page=page), encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            *browser_flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=800,900",
            "--dump-dom",
            (tmp_path / "measure.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    if found is None:
        pytest.skip(f"the browser did not start here (exit code {done.returncode}): {done.stderr[-300:]}")
    client, scroll, sections, *wide = found[1].split()
    assert int(sections) == 8
    assert int(client) <= WIDTH
    assert int(scroll) == int(client), f"the page scrolls sideways because of {wide}"
    assert wide == []
