"""Files as accidents and forgers leave them: mutations of good files, the same ones in every run.

Their numbers name them, so that one can be made again: ``next(mutants(seeds, 1, first=1234))``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_NUMBER = re.compile(rb"\d+(\.\d+)?")
_WORD = re.compile(rb"[^\s,;|]+")
_MARK = re.compile(rb"[\s,;|:\"'\[\]{}=#]")

NUMBERS = [
    *("0", "-1", "-0", "1e308", "1e999", "-1e999", "nan", "inf", "1_000", "0x1f", "٣", "3.5", "007"),
    *(str(2**31), str(2**32), str(2**63), str(-(2**63) - 1), str(2**64), "9" * 400, "7" * 5000),
]
WORDS = [
    *("", " ", "-", "null", "true", "{}", "[]", "[[", '"', "'", "#", "=1+1", "../../a", "<b>", "%s", "<*>"),
    *("label", "BlockId", "-DOCSTART-", "2016-13-45", "0000-00-00", "9999-12-31", "1970-01-01T00:00:00Z"),
    *("e\u0301", "\u00a0", "\u2028", "\ufeff", "\U0001f600", "\u202e", "\x1b[2J", "\x07", "\x85", "\x0b"),
]
SIZES = (250, 5_000, 150_000)  # characters of a long field: more than a message shows, more than csv takes
LARGEST = 1 << 20  # bytes of a file
Mutation = Callable[[bytes, random.Random], bytes]


class Mutant(NamedTuple):
    number: int  # mutants of the same seeds under the same number are the same
    how: str  # what was done to which seed
    content: bytes


def mutants(seeds: Sequence[bytes], count: int, first: int = 0) -> Iterator[Mutant]:
    """Damaged files, each from its number: every kind of damage in turn, then up to three more."""
    for number in range(first, first + count):
        rng = random.Random(number)
        turn, kind = divmod(number, len(MUTATIONS))
        chosen = [MUTATIONS[kind], *rng.choices(MUTATIONS, k=rng.choice((0, 0, 1, 3)))]
        content = seeds[turn % len(seeds)]
        for mutation in chosen:
            content = mutation(content, rng)[:LARGEST]
        how = ", ".join(mutation.__name__.strip("_") for mutation in chosen)
        yield Mutant(number, f"seed {turn % len(seeds)}: {how}", content)


def _unchanged(content: bytes, rng: random.Random) -> bytes:
    return content


def _flipped_bits(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8)) if content else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _other_bytes(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + rng.randbytes(end - start) + content[end:]


def _more_bytes(content: bytes, rng: random.Random) -> bytes:
    return _put(content, rng, rng.randbytes(rng.choice((1, 2, 9))))


def _zeros(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + bytes(end - start) + content[rng.choice((start, end)) :]


def _deleted_span(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def _repeated_span(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return _put(content, rng, content[start:end] * rng.choice((1, 2, 40)))


def _cut_end(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _cut_start(content: bytes, rng: random.Random) -> bytes:
    return content[rng.randrange(len(content) + 1) :]


def _emptied(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(
        (b"", b"\n", b" ", b"\r\n\r\n", b"\x00", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b",", b'"', b"\t\n")
    )


def _first_line(content: bytes, rng: random.Random) -> bytes:
    return content.split(b"\n")[0] + rng.choice((b"", b"\n", b"\r\n", b"\n\n"))


def _byte_order_mark(content: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xff\xfe", b"\xfe\xff")) + content


def _other_encoding(content: bytes, rng: random.Random) -> bytes:
    kind = rng.choice(("utf-16", "utf-16-be", "utf-32", "latin-1", "cp949", "utf-7", "cp037"))
    return content.decode("utf-8", "replace").encode(kind, "replace")


def _other_line_ends(content: bytes, rng: random.Random) -> bytes:
    return content.replace(
        b"\n", rng.choice((b"\r\n", b"\r", b"\n\r", b"\r\r\n", b"\n\n", b"\x0b", b"\x1e", b"\x00"))
    )


def _mixed_line_ends(content: bytes, rng: random.Random) -> bytes:
    return b"".join(line + rng.choice((b"\n", b"\r\n", b"\r", b"")) for line in content.split(b"\n"))


def _break_within(content: bytes, rng: random.Random) -> bytes:
    marks = ("\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")
    return _put(content, rng, rng.choice(marks).encode())


def _no_last_newline(content: bytes, rng: random.Random) -> bytes:
    return content.rstrip(b"\n")


def _deleted_line(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def _repeated_line(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    return b"\n".join(lines)


def _swapped_lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.choice((0, rng.randrange(len(lines))))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _reversed_lines(content: bytes, rng: random.Random) -> bytes:
    return b"\n".join(reversed(content.split(b"\n")))


def _blank_lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    for _ in range(rng.choice((1, 3))):
        lines.insert(
            rng.randrange(len(lines) + 1),
            rng.choice((b"", b" ", b"\t", b",", b",,,", b"\r", "\u00a0".encode())),
        )
    return b"\n".join(lines)


def _joined_lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    return b"\n".join(
        [*lines[:place], rng.choice((b"", b" ", b",")).join(lines[place : place + 2]), *lines[place + 2 :]]
    )


def _swapped_fields(content: bytes, rng: random.Random) -> bytes:
    """Two columns change places, in one line or in all."""
    mark = rng.choice((b",", b"\t", b" "))
    lines = content.split(b"\n")
    chosen = range(len(lines)) if rng.random() < 0.5 else [rng.randrange(len(lines))]
    for number in chosen:
        fields = lines[number].split(mark)
        fields[0], fields[-1] = fields[-1], fields[0]
        lines[number] = mark.join(fields)
    return b"\n".join(lines)


def _fewer_or_more_fields(content: bytes, rng: random.Random) -> bytes:
    mark = rng.choice((b",", b"\t", b" "))
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    fields = lines[place].split(mark)
    if rng.random() < 0.5:
        del fields[rng.randrange(len(fields))]
    else:
        fields[rng.randrange(len(fields)) :] *= rng.choice((2, 2, 50))
    return b"\n".join([*lines[:place], mark.join(fields), *lines[place + 1 :]])


def _other_mark(content: bytes, rng: random.Random) -> bytes:
    """One mark of punctuation for another, once or everywhere."""
    found = _MARK.findall(content) or [b","]
    return content.replace(
        rng.choice(found), rng.choice([*found, b"\t", b",", b";", b"|", b""]), rng.choice((1, -1))
    )


def _quotes(content: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 3))):
        content = _put(content, rng, rng.choice((b'"', b'""', b"'", b'\\"', b'"\n"')))
    return content


def _other_number(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, _NUMBER, rng.choice(NUMBERS), rng)


def _other_word(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, _WORD, rng.choice(WORDS), rng)


def _strange_text(content: bytes, rng: random.Random) -> bytes:
    return _put(content, rng, rng.choice(WORDS).encode())


def _long_field(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, _WORD, rng.choice(("x", "9", "é", "a b ")) * rng.choice(SIZES), rng)


def _long_text(content: bytes, rng: random.Random) -> bytes:
    return _put(
        content,
        rng,
        rng.choice((b"A", b"0", b" ", b",", b'"', b"[", b"\t", b"\r", b"\n")) * rng.choice(SIZES),
    )


def _surrogate(content: bytes, rng: random.Random) -> bytes:
    """Half of a pair, as a broken writer leaves it in UTF-8, JSON or a YAML text."""
    return _put(
        content,
        rng,
        rng.choice((b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\\ud800", b"\xf4\x90\x80\x80", b"\xc0\x80")),
    )


MUTATIONS: tuple[Mutation, ...] = (
    *(_unchanged, _flipped_bits, _other_bytes, _more_bytes, _zeros, _deleted_span, _repeated_span, _cut_end),
    *(
        _cut_start,
        _emptied,
        _first_line,
        _byte_order_mark,
        _other_encoding,
        _other_line_ends,
        _mixed_line_ends,
    ),
    *(
        _break_within,
        _no_last_newline,
        _deleted_line,
        _repeated_line,
        _swapped_lines,
        _reversed_lines,
        _blank_lines,
    ),
    *(
        _joined_lines,
        _swapped_fields,
        _fewer_or_more_fields,
        _other_mark,
        _quotes,
        _other_number,
        _other_word,
    ),
    *(_strange_text, _long_field, _long_text, _surrogate),
)


def _span(content: bytes, rng: random.Random) -> tuple[int, int]:
    """Start and end of some bytes, few of them as a rule."""
    start = rng.randrange(len(content) + 1)
    return start, min(start + rng.choice((1, 4, 16, 200, len(content))), len(content))


def _put(content: bytes, rng: random.Random, more: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + more + content[place:]


def _replaced(content: bytes, pattern: re.Pattern[bytes], text: str, rng: random.Random) -> bytes:
    """One of what the pattern finds is the text instead; without any it is put anywhere."""
    found = list(pattern.finditer(content))
    if not found:
        return _put(content, rng, text.encode())
    start, end = rng.choice(found).span()
    return content[:start] + text.encode() + content[end:]
