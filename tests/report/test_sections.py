from markupsafe import Markup

from seqlab.report.page import Section, render_page
from seqlab.report.sections import standalone_sections


def test_each_section_becomes_a_page_with_the_style_of_the_whole() -> None:
    sections = [
        Section("Loss & rate", Markup("<p>first</p>"), "A note <not> a tag."),
        Section("Figures", Markup('<svg viewBox="0 0 1 1"></svg>')),
    ]
    page = render_page("gru on logs", "seed 0", ["synthetic"], sections)
    found = standalone_sections(page)
    assert list(found) == ["Loss & rate", "Figures"]
    for own, other in (("<p>first</p>", "<svg"), ('<svg viewBox="0 0 1 1"></svg>', "<p>first</p>")):
        (part,) = [part for part in found.values() if own in part]
        assert other not in part
        assert part.startswith("<!DOCTYPE html>")
        assert page[page.index("<style>") : page.index("</style>")] in part
        assert part.endswith("</body>\n</html>\n")
    assert "A note &lt;not&gt; a tag." in found["Loss & rate"]


def test_a_page_of_another_make_has_none() -> None:
    assert standalone_sections("<html><head></head><body><section><h2>x</h2></section></body></html>") == {}
    assert standalone_sections("just text") == {}
