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
    made = {"Tutorials": sorted(tutorials()), "Python API": sorted(api())}
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

    others = {page: linked(Path(file)) for file, page in MOVED.items()}
    for page, content in {**others, **tutorials(), **api()}.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of docs/ that lead out of it, to the pages made here."""
    name = page.file.src_uri
    if name in MOVED.values() or name.startswith(("api/", "tutorials/")):
        return markdown
    return LINK.sub(lambda found: moved(found, "docs"), markdown)


def linked(file: Path) -> str:
    """A file of the repository, its links as the site has them."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return LINK.sub(lambda found: moved(found, file.parent.as_posix()), text)


def moved(found: re.Match[str], folder: str) -> str:
    """A link of a file in ``folder`` as the site has it: what the site does not hold is text alone."""
    text, link, rest = found.groups()
    path = posixpath.normpath(posixpath.join(folder, link))
    if "://" in link or not (ROOT / path).exists():
        return found[0]
    if path in MOVED or path.startswith("docs/"):
        return f"[{text}]({MOVED.get(path, path.removeprefix('docs/'))}{rest})"
    return text


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
        pages[f"tutorials/{notebook.stem}.md"] = "\n\n".join(texts) + "\n"
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
