"""A hook of mkdocs.yml: pages that do not lie in docs/ (READMEs, tutorials, Python API)."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[2]
# file of the repository -> page of the site
MOVED = {
    "README.md": "index.md",
    "README.ko.md": "index.ko.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/README.md": "examples.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(r"\[((?:[^\[\]]|!?\[[^\]]*\])*)\]\(([^)#\s]+)([^)]*)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the parts of the menu that are made here."""
    made = {"Tutorials": ["tutorials/README.md", *sorted(tutorials())], "Python API": sorted(api())}
    menu: list[dict[str, Any]] = []
    for entry in config.nav or []:
        ((title, target),) = entry.items()
        pages = made.get(title, target)
        menu += [{title: pages}] if pages else []
    config.nav = menu
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    from mkdocs.structure.files import File

    others = {
        page: linked((ROOT / file).read_text(encoding="utf-8"), file, page) for file, page in MOVED.items()
    }
    for page, content in {**others, **tutorials(), **api()}.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of docs/ that lead out of it, to the pages made here."""
    name = page.file.src_uri
    if page.file.generated_by:  # its links are those of the site already
        return markdown
    return linked(markdown, f"docs/{name}", name)


def linked(text: str, file: str, page: str) -> str:
    """Text of a file of the repository, its links as they are on a page of the site."""
    return LINK.sub(lambda found: moved(found, posixpath.dirname(file), posixpath.dirname(page)), text)


def moved(found: re.Match[str], folder: str, place: str) -> str:
    """A link of a file in ``folder`` on a page in ``place``: what the site does not hold is text alone."""
    text, link, rest = found.groups()
    path = posixpath.normpath(posixpath.join(folder, link))
    if "://" in link or not (ROOT / path).exists():
        return found[0]
    if path not in MOVED and not path.startswith("docs/"):
        return text
    target = MOVED.get(path, path.removeprefix("docs/")).replace(".ipynb", ".md")
    return f"[{text}]({posixpath.relpath(target, place or '.')}{rest})"


def tutorials() -> dict[str, str]:
    """The notebooks of docs/tutorials as pages."""
    pages = {}
    for notebook in (ROOT / "docs/tutorials").glob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        texts = [
            f"```python\n{''.join(cell['source'])}\n```"
            if cell["cell_type"] == "code"
            else "".join(cell["source"])
            for cell in cells
        ]
        page = f"tutorials/{notebook.stem}.md"
        pages[page] = linked("\n\n".join(texts) + "\n", f"docs/{page}", page)
    return pages


def api() -> dict[str, str]:
    """A page for each folder of the package, with all its modules."""
    source = ROOT / "src/seqlab"
    pages: dict[str, str] = {}
    for folder in sorted([source, *(path for path in source.rglob("*") if path.is_dir())]):
        modules = [path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
        names = [".".join(("seqlab", *path.relative_to(source).with_suffix("").parts)) for path in modules]
        name = ".".join(("seqlab", *folder.relative_to(source).parts))
        if names and "commands" not in folder.parts:
            pages[f"api/{name}.md"] = f"# {name}\n\n" + "\n\n".join(f"::: {each}" for each in names) + "\n"
    return pages
