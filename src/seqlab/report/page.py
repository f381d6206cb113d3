"""The frame of report.html: title, notices, contents, sections; one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seqlab.files import whole_file

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    ``body`` is HTML made by this package; a plain ``str`` there is shown as text. ``note`` is one plain
    sentence under the title that says how to read what follows.
    """

    title: str
    body: Markup
    note: str = ""


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fill(name: str, **values: Any) -> Markup:
    """A template of this folder, its values escaped."""
    return Markup(_templates().get_template(f"{name}.html.j2").render(values).strip())


def render_page(
    title: str,
    subtitle: str,
    notices: Sequence[str],
    sections: Sequence[Section],
    *,
    language: str = "en",
    style: str = "",
    script: str = "",
) -> str:
    """The whole page as HTML text. Same arguments, same text: it holds no clock and no random names.

    Args:
        title: the heading and the window's title.
        subtitle: one line under it; empty for none.
        notices: what a reader must know before any figure, such as that the data is synthetic.
        sections: in the order of reading; each gets an entry in the contents.
        language: BCP 47 tag of the page's text.
        style: rules of this kind of page, after those that all pages share.
        script: the one script that the page may run, named by its hash in the page's policy; without it
            the policy allows none.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page = fill(
        "page",
        title=title,
        subtitle=subtitle,
        notices=list(notices),
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
