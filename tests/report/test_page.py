import subprocess
import sys
from pathlib import Path

import pytest
from markupsafe import Markup

from seqlab.report.page import Section, prose, render_page, write_page
from seqlab.report.tables import paragraph


def test_the_page_is_one_document_with_its_contents() -> None:
    sections = [Section("Result", Markup("<p>body</p>"), "how to read it"), Section("More", Markup(""))]
    html = render_page("Title", "Subtitle", ["Synthetic data"], sections, language="ko")
    assert html.startswith('<!DOCTYPE html>\n<html lang="ko">')
    assert '<a href="#section-1">Result</a>' in html
    assert '<h2 id="section-2">More</h2>' in html
    assert "<p>body</p>" in html
    assert html.index("Synthetic data") < html.index("Result")


def test_plain_text_is_escaped_wherever_it_stands() -> None:
    evil = "<script>alert(1)</script>"
    html = render_page(evil, evil, [evil], [Section(evil, evil, evil)])  # type: ignore[arg-type]
    assert "<script" not in html


def test_what_stands_between_backticks_is_code() -> None:
    html = render_page(
        "T", "", ["a `<b>` c"], [Section("S", paragraph("type `x`"), "or `y`")], warnings=["`w`"]
    )
    for part in ("a <code>&lt;b&gt;</code> c", "type <code>x</code>", "or <code>y</code>", "<code>w</code>"):
        assert part in html
    assert str(prose("a ` b\n`c")) == "a ` b\n`c"


def test_warnings_alone_are_colored_and_come_first() -> None:
    html = render_page("T", "", ["synthetic"], [], warnings=["few sessions"])
    assert html.index('<p class="notice warning" role="note"><b>Warning:</b> few') < html.index(
        '<p class="notice" role="note">synthetic'
    )


def test_a_page_with_nothing_to_touch_holds_no_script() -> None:
    assert "script" not in render_page("Title", "", [], [Section("S", Markup("<p>text</p>"))])
    touched = render_page("Title", "", [], [Section("S", Markup('<figure data-chart="{}">'))], script="own()")
    assert touched.count("<script>") == 1
    assert "own()" in touched


def test_a_page_without_sections_has_no_contents() -> None:
    assert "<nav" not in render_page("Title", "", [], [])


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_page(target, "old")
    write_page(target, "새 <p>\udc80\n")
    assert target.read_bytes() == "새 <p>\\udc80\n".encode()
    with pytest.raises(AttributeError):
        write_page(target, None)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(FileNotFoundError):
        write_page(tmp_path / "missing" / "report.html", "text")


def test_importing_the_report_loads_no_drawing_library() -> None:
    code = "import sys, seqlab.report.run_page; print('matplotlib' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
