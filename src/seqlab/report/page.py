"""The frame of report.html: title, notices, contents, sections; one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from seqlab.files import whole_file

_FOLDER = Path(__file__).parent
_SCRIPTS = ("chart.js", "zoom.js", "alerts.js")  # what a reader may touch; a page is whole without it


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    ``body`` is HTML made by this package; a plain ``str`` there is shown as text. ``note`` is one plain
    sentence under the title that says how to read what follows; what stands between backticks is code.
    """

    title: str
    body: Markup
    note: str = ""


def prose(text: str) -> Markup:
    """Sentences as HTML: what stands between backticks is code, all else is text."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    return environment


def fill(name: str, **values: Any) -> Markup:
    """A template of this folder, its values escaped."""
    return Markup(_templates().get_template(f"{name}.html.j2").render(values).strip())


def render_page(
    title: str,
    subtitle: str,
    notices: Sequence[str],
    sections: Sequence[Section],
    *,
    warnings: Sequence[str] = (),
    language: str = "en",
    style: str = "",
    script: str = "",
) -> str:
    """The whole page as HTML text. Same arguments, same text: it holds no clock and no random names.

    Args:
        title: the heading and the window's title.
        subtitle: one line under it; empty for none.
        notices: what a reader should know, such as that the data is synthetic; in neutral boxes.
        sections: in the order of reading; each gets an entry in the contents.
        warnings: what makes figures doubtful: in colored boxes, above the notices.
        language: BCP 47 tag of the page's text.
        style: rules of this kind of page, after those that all pages share.
        script: of this kind of page, after what serves charts and alerts, which stands where there are
            any. The page's policy names the script by its hash; a page without one allows none.
    """
    if any("data-chart=" in section.body or "data-touch=" in section.body for section in sections):
        parts = [(_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS]
        script = "\n".join(['"use strict";', "(() => {", *parts, "})();", script])
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page = fill(
        "page",
        title=title,
        subtitle=subtitle,
        notices=list(notices),
        warnings=list(warnings),
        sections=list(sections),
        language=language,
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8") + style),
        script=Markup(script),
        script_hash=f"sha256-{digest}" if script else "",
    )
    return f"{page}\n"


def write_page(path: Path | str, html: str) -> None:
    r"""Write ``html`` as UTF-8, whole or not at all.

    Halves of characters, which a log read with ``surrogateescape`` may hold, are written as ``\udc80``.
    """
    with whole_file(Path(path)) as part:
        part.write_bytes(html.encode("utf-8", errors="backslashreplace"))
