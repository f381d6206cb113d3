"""Texts for property tests: any script, combining marks, spaces and line ends of all kinds.

Hypothesis' own ``text`` computes a table of all characters first, which takes longer than a test.
"""

from hypothesis import strategies as st

ODD = [
    "́",
    "İ",
    "ß",
    "ǅ",
    "가",
    "닫",
    "﷽",
    "🙂",
    "\u200d",
    "\xa0",
    "\u2028",
    "\x85",
    "\x1c",
    "\0",
    "￭",
    "\ufeff",
]
CHARACTERS = st.one_of(
    st.sampled_from("aabcXYZ019 .,'-<>#\\\t"),
    st.sampled_from(ODD),
    st.integers(0, 0x10FFFF).filter(lambda code: not 0xD800 <= code <= 0xDFFF).map(chr),
)


def texts(least: int = 0, most: int = 12, without: str = "") -> st.SearchStrategy[str]:
    """Texts of ``least`` to ``most`` characters, none of them in ``without``."""
    one = CHARACTERS.filter(lambda character: character not in without) if without else CHARACTERS
    return st.lists(one, min_size=least, max_size=most).map("".join)
