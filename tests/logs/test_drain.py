"""What masked words say of a template: by hand, and on messages of kinds that used to share one."""

import polars as pl
import pytest

from seqlab.logs.drain import Drain
from seqlab.logs.formats import LogFormat
from seqlab.logs.line_reader import LineReader


@pytest.mark.parametrize(
    ("template", "message", "similarity", "counting"),
    [
        ("a <var> c", "a <var> d", 1 / 2, 2 / 3),
        ("<var> <var>", "<var> <var>", 1, 1),
        ("(<var>, <var>:<var>", "(<var>, <var>:<var>", 1, 1),
        ("a (<var>)", "b (<var>)", 0, 1 / 2),
        ("a size=<var>", "b size=<var>", 1 / 2, 1 / 2),  # such a word says something
        ("a <var>", "a b", 1 / 2, 1 / 2),
        ("a <var> <*>", "a <var> b", 1 / 2, 2 / 3),  # Drain's own variables count as words that differ
        ("a <var> <*>", "a <var> <var>", 1 / 2, 2 / 3),
        ("a b", "a c", 1 / 2, 1 / 2),
        ("", "", 1, 1),
    ],
)
def test_similarity_by_hand(template: str, message: str, similarity: float, counting: float) -> None:
    words = template.split(), message.split()
    for counts_masks, expected in ((False, similarity), (True, counting)):
        drain = Drain(0.7, 5, counts_masks=counts_masks)
        assert drain.share_of_equal(*words) == pytest.approx(expected)
        # a message of fixed templates must match whole, masks and all
        drain.add(4, words[0])
        fits = all(known in ("<*>", word) for known, word in zip(*words, strict=True))
        assert drain.match(message) == (4 if fits else None)


def templates(messages: list[str]) -> list[int]:
    """The template of each message with the settings of ``--format regex``."""
    form = LogFormat("regex", "^")
    found = LineReader(form)(pl.Series(messages))
    drain = Drain(form.similarity, form.depth)
    return [drain.learn(found.distinct[code])[0] for code in found.code.tolist()]


HOSTS = ("www.example.com:443", "proxy.cs.example.edu:5070", "cdn.example.org:80", "10.0.0.7:8080")


def test_lines_that_are_mostly_numbers_keep_their_templates() -> None:
    kinds = (
        "{host} close, 45 bytes sent, {n} bytes received, lifetime 00:01",
        "{host} close, 45 bytes sent, {n} bytes (1.63 KB) received, lifetime 00:01",
        "{host} close, {n} bytes (1.16 KB) sent, 353 bytes received, lifetime 00:01",
        "{host} open through proxy proxy.cs.example.edu:5070 HTTPS",
        "{host} error : Could not connect through proxy proxy.cs.example.edu:5070",
    )
    found = templates([kind.format(host=host, n=n) for n in (7, 1190) for host in HOSTS for kind in kinds])
    assert found == [1, 2, 3, 4, 5] * 8


def test_requests_and_states_are_told_apart() -> None:
    request = '10.1.2.{n} "{verb} /v2/54fadb412c4e40cdbaed9335e4c35a9e/servers HTTP/1.1" status: 200 len: {n}'
    found = templates([request.format(verb=verb, n=n) for n in (3, 45) for verb in ("GET", "POST")])
    assert found == [1, 2, 1, 2]
    instance = "[instance: b9000564-fe1a-409b-b8cc-{n}e88b294cd1d] {what}"
    events = ("Terminating instance", "Creating image", "Took 20.58 seconds to build instance.")
    found = templates([instance.format(n=n, what=what) for n in ("1", "a") for what in events])
    assert found == [1, 2, 3] * 2
    states = ("Starting", "Ending")
    found = templates([f"{state} TrustedInstaller {what}" for state in states for what in ("setup.", "end.")])
    assert found == [1, 2, 3, 4]


def test_registers_are_one_template() -> None:
    assert templates(
        ["iar 003a9260 dear 00efe838", "iar 00105ea8 dear 0245aa4c", "iar 00106570 dear 02"]
    ) == [
        1,
        1,
        1,
    ]
