"""report.html taken apart again: each section as a page of its own, for trackers that show HTML."""

from __future__ import annotations

import re

_SECTION = re.compile(r'<section aria-labelledby="section-\d+">.*?</section>', re.DOTALL)
_HEADING = re.compile(r"<h2[^>]*>(.*?)</h2>", re.DOTALL)
_HEAD = re.compile(r"\A.*?</head>", re.DOTALL)


def standalone_sections(page: str) -> dict[str, str]:
    """Title to page, in the order of reading; each has the head and style of the whole.

    Args:
        page: what ``render_page`` gave. Nothing is found in a page of another make.
    """
    head = _HEAD.search(page)
    if head is None:
        return {}
    found: dict[str, str] = {}
    for section in _SECTION.findall(page):
        heading = _HEADING.search(section)
        if heading is not None:
            body = f"<body>\n<main>\n{section}\n</main>\n</body>\n</html>\n"
            found[_text(heading[1])] = f"{head[0]}\n{body}"
    return found


def _text(html: str) -> str:
    from markupsafe import Markup

    return Markup(html).striptags()
