"""Every link of every page leads somewhere: files, headings, and pages that no other page names."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|[`*]")
ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("[bde]*/**/*.md"))]


def anchor(heading: str) -> str:
    """As GitHub and the site make it of a heading: lower case, no punctuation, hyphens for blanks."""
    text = MARKUP.sub(lambda found: found[1] or "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))}


def links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [inline or listed for inline, listed in LINK.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link:
            continue
        if not target.exists() or (heading and heading not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_readme_names_every_page() -> None:
    named = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert [page for page in (ROOT / "docs").glob("*.md") if page not in named] == []


def test_anchors_are_those_of_github() -> None:
    assert anchor("Results: `make results`") == "results-make-results"
    assert anchor("I have a log, [and want](x.md) 80 %") == "i-have-a-log-and-want-80-"


def test_the_menu_of_the_site_names_every_page(load_script: Callable[[str], Any]) -> None:
    script = load_script("docs/site/pages.py")
    menu = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    named = set(re.findall(r"[\w.]+\.md", menu))
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")} | set(script.MOVED.values())
    assert "api/seqlab.tasks.md" in script.api()


def test_links_of_the_site_lead_to_its_own_pages(load_script: Callable[[str], Any]) -> None:
    script = load_script("docs/site/pages.py")

    linked = script.linked
    assert linked("[data](docs/data.md#text)", "README.md", "index.md") == "[data](data.md#text)"
    text = "[speed](../benchmarks/README.md#speed) [x](data.md)"
    assert linked(text, "docs/logs.md", "logs.md") == "[speed](benchmarks.md#speed) [x](data.md)"
    text = "[padding](06_padding_and_packing.ipynb), [data](../data.md)"
    assert linked(text, "docs/tutorials/README.md", "tutorials/README.md") == (
        "[padding](06_padding_and_packing.md), [data](../data.md)"
    )
    text = "[the file](../sweep.yaml), [W&B](https://wandb.ai)"
    assert linked(text, "docs/sweeps.md", "sweeps.md") == "the file, [W&B](https://wandb.ai)"
