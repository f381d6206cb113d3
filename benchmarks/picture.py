"""The picture of the README, docs/way_of_the_data.svg: ``python benchmarks/picture.py`` writes it anew."""

from __future__ import annotations

from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "way_of_the_data.svg"
WIDTH, HEIGHT, MARGIN = 920, 372, 20
# stage, the setting that chooses it, what it is
STAGES = (
    ("Files", "data.path=", ("a log, a CSV,", "sentences")),
    ("Sequences", "data=", ("events, days,", "letters, words")),
    ("Network", "model=", ("GRU, LSTM,", "attention, CRF")),
    ("Judge", "detection=", ("losses, figures,", "thresholds")),
    ("Report", "report.html", ("tables, pictures,", "one page")),
)
# split, what is decided on it, the stage where that happens
SPLITS = (
    ("training data", "weights, vocabulary, scales", "train"),
    ("validation data", "which epoch to keep, where an alert begins", "val"),
    ("test data, locked until then", "the figures, beside those of trivial methods", "test"),
)
USES = ("detect", "explain", "predict", "translate", "generate", "export")
# the card has its own ground: legible also where the page's theme is not the system's
STYLE = """
.card{fill:#ffffff;stroke:#d0d7de} .box{fill:#eef4fb;stroke:#3b6ea5} text{fill:#1f2328;font-family:system-ui,
-apple-system,"Segoe UI",sans-serif;font-size:15px} .name{font-weight:600;font-size:17px} .what{fill:#57606a}
.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:14px;fill:#1d4f86}
.way{stroke:#57606a;stroke-width:2;fill:none} .head{fill:#57606a} .train{fill:#3b6ea5} .val{fill:#b7791f}
.test{fill:#a13d63} .end{fill:#f6f8fa;stroke:#8c959f}
@media (prefers-color-scheme: dark){.card{fill:#12171e;stroke:#3d444d} .box{fill:#16263a;stroke:#6ea8e0}
text{fill:#e6edf3} .what{fill:#a5b0bb} .code{fill:#9ccbff} .way{stroke:#a5b0bb} .head{fill:#a5b0bb}
.train{fill:#6ea8e0} .val{fill:#e0b050} .test{fill:#e58bab} .end{fill:#1b222b;stroke:#6e7681}}
"""


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "middle") -> str:
    """One line of text at a point."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(content)}</text>'


def arrow(points: str, tip: tuple[float, float]) -> str:
    """A path that ends in a head pointing down or right."""
    x, y = tip
    return f'<path class="way" d="{points}"/><path class="head" d="M{x:g} {y:g}l-9 -5v10z"/>'


def stages() -> list[str]:
    """The boxes from left to right."""
    gap = 26
    width = (WIDTH - 2 * MARGIN - 2 * gap - (len(STAGES) - 1) * gap) / len(STAGES)
    parts = []
    for index, (name, setting, lines) in enumerate(STAGES):
        left = MARGIN + gap + index * (width + gap)
        middle = left + width / 2
        parts.append(f'<rect class="box" x="{left:g}" y="28" width="{width:g}" height="118" rx="9"/>')
        parts += [text(middle, 55, name, "name"), text(middle, 79, setting, "code")]
        parts += [text(middle, 105 + 20 * row, line, "what") for row, line in enumerate(lines)]
        if index:
            parts.append(arrow(f"M{left - gap + 3:g} 87H{left - 9:g}", (left - 2, 87)))
    return parts


def splits() -> list[str]:
    """What is decided on which part of the data."""
    parts = []
    for row, (name, decides, kind) in enumerate(SPLITS):
        y = 186 + 32 * row
        parts.append(f'<rect class="{kind}" x="{MARGIN + 26}" y="{y - 14}" width="12" height="18" rx="3"/>')
        parts += [text(MARGIN + 50, y, name, "name", "start"), text(350, y, decides, "", "start")]
    return parts


def uses() -> list[str]:
    """The commands that take the checkpoint."""
    top, left = 288, MARGIN + 26
    width = WIDTH - 2 * left
    commands = " · ".join(f"seqlab {USES[0]}" if not row else use for row, use in enumerate(USES))
    return [
        f'<rect class="end" x="{left}" y="{top}" width="{width}" height="62" rx="9"/>',
        text(left + 18, top + 26, "best.ckpt", "code", "start"),
        text(left + 112, top + 26, "holds all that new data needs: no other file", "what", "start"),
        text(left + 18, top + 48, commands, "code", "start"),
    ]


def picture() -> str:
    """The whole SVG."""
    label = "Files become sequences, a network learns them, a judge measures it, a report shows it."
    card = (
        f'<rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="14" stroke-width="1"/>'
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}"><title>{escape(label)}</title><style>{STYLE}</style>'
    )
    return "\n".join([head, card, *stages(), *splits(), *uses(), "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
