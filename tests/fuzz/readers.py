"""The readers of files that users bring, each with small good files of its kinds.

Each asserts that the lines of a file that it could read add up.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqlab.data.conll import columns_of, read_conll, read_sentences
from seqlab.data.labelled_files import read_class_labels, read_event_rows, read_labelled_texts, read_texts
from seqlab.data.line_counts import LineCounts
from seqlab.data.pairs import read_pairs
from seqlab.data.series_files import choose_columns, read_series
from seqlab.data.series_table import MISSING
from seqlab.data.session_files import read_labels, read_sessions
from seqlab.data.text_files import read_lines
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.word_vectors import read_word_vectors
from seqlab.logs.formats import FORMATS
from seqlab.logs.known_templates import read_known_templates, read_templates
from seqlab.logs.line_reader import LineReader
from seqlab.logs.reading import find_logs, read_chunks
from seqlab.logs.sessions import map_chunk

from .seeds import CONLL, CONLLU, HDFS, JSON, PRICES, SYSLOG

VOCABULARY = Vocabulary.from_counts({"the": 3, "of": 2, "a b": 1}, 5)
PICKLED = {"blk_1": [5, 5, 22], "blk_2": ["E5", "a7e180bc"], 7: (9,)}


class Reader(NamedTuple):
    read: Callable[[Path], Any]
    seeds: list[bytes]
    file: str = "given.txt"


def check_counts(counts: LineCounts, path: Path, used: Collection[int]) -> None:
    """``used`` is what the lines may be that the result accounts for."""
    content = path.read_bytes()
    if b"\r" not in content:  # else the line ends are a matter of the reader
        assert counts.lines == content.count(b"\n") + (not content.endswith(b"\n"))
    if b'"' not in content:  # else a row may stand on several lines
        assert counts.used in used, f"{counts}, {counts.used} used, the result is of {used}"
    assert min(counts.skipped.values(), default=0) >= 0


def counted(
    read: Callable[..., Any], *more: Any, headers: Collection[int] = (0, 1), **settings: Any
) -> Callable[[Path], Any]:
    """A reader of one item a line, below a header of so many lines."""

    def read_and_check(path: Path) -> Any:
        counts = LineCounts(path)
        found = read(path, *more, counts=counts, **settings)
        check_counts(counts, path, {len(found) + each for each in headers})
        return found

    return read_and_check


def pickled(path: Path) -> None:
    counts = LineCounts(path)
    assert len(read_sessions(path, counts)) in {counts.used, counts.lines}


def templates(path: Path) -> None:
    counted(read_templates)(path)
    read_known_templates(path, FORMATS["hdfs"])


def conll(path: Path) -> None:
    counts = LineCounts(path)
    sentences, _ = read_conll(path, scheme="auto", counts=counts)
    blank = sum(not columns_of(line) for line in read_lines(path, is_prose=False))
    check_counts(counts, path, {len(sentences.tokens) + blank})


def sentences(path: Path) -> None:
    counts = LineCounts(path)
    found = read_sentences(path, ("O", "B-PER", "PRON"), counts)
    blank = sum(not columns_of(line) for line in read_lines(path, is_prose=False))
    check_counts(counts, path, {len(found), len(found.tokens) + blank})


def vectors(path: Path) -> None:
    counts = LineCounts(path)
    found = read_word_vectors(path, VOCABULARY, 3, counts)
    check_counts(counts, path, {len(found.ids)})


def series(path: Path) -> None:
    """Read in one of twelve ways, which the size of the file chooses."""
    size = path.stat().st_size
    asked: dict[str, Any] = [{}, {"known": ["promo"]}, {"prices": True}][size % 3]
    reading = {"single": True, "reverse": bool(size % 2)} if "prices" in asked else {}
    file = read_series(path, partial(choose_columns, **asked), missing=[*MISSING][size // 3 % 4], **reading)
    future = sum(0 if table.future is None else len(table.future) for table in file.tables)
    used = sum(len(np.unique(table.lines)) for table in file.tables) + future
    check_counts(file.counts, path, {used, used + 1})


_WITH_ID = {"session": r"id=(\d+)"}
LOG_READERS = [
    LineReader(FORMATS["hdfs"]),
    *(LineReader(type(known)(**vars(known) | _WITH_ID)) for known in (FORMATS["json"], FORMATS["syslog"])),
]


def raw_log(path: Path) -> None:
    find_logs([str(path)])
    for chunk in read_chunks([str(path)]):
        for reader in LOG_READERS:
            found = map_chunk(chunk, reader, 0)
            assert found.num_lines == len(found.code) + sum(count for count, _ in found.skipped.values())


READERS = {
    "sessions": Reader(
        counted(read_sessions),
        [
            b"blk_1,5 5 22\nblk_2,9 11 9\n\nblk_3,26\n",
            b"5 5 22\n9 11 9 26\n26\n",
            b"BlockId,Label,EventSequence\nblk_1,Normal,\"['E5', 'E22']\"\nblk_2,Anomaly,\"[E5,E9]\"\n",
            b"BlockId,Features\nblk_1,a7e180bc deadbeef01\nblk_2,a7e180bc\n",
        ],
    ),
    "pickles": Reader(pickled, [pickle.dumps(PICKLED, protocol) for protocol in (0, 2, 4)]),
    "labels": Reader(
        counted(read_labels, headers=[1]),
        [
            b"BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\n",
            b'Label,BlockId,Note\r\n0,blk_1,x\r\n1,blk_2,"a, b"\r\n',
            b"BlockId,Label\nblk_1,Success\n\nblk_2,Fail\n",
        ],
    ),
    "templates": Reader(
        templates,
        [
            b'EventId,EventTemplate\nE1,Receiving block <*>\nE2,"a, <*>"\n',
            b"EventId,EventTemplate,Count\n1,a b <*>,5\n2,c,9\n",
            b"Receiving block <*>\nPacketResponder <*> for block <*> terminating\n",
        ],
    ),
    "labelled events": Reader(
        counted(read_event_rows),
        [
            b"v1,buys,open close open\nv2,asks,open\n",
            b"v1,open close open\nv2,open\n",
            b"BlockId,Label,EventSequence\nv1,buys,\"['a', 'b']\"\nv2,asks,c\n",
            b"open close\nopen\n",
        ],
        "given.csv",
    ),
    "labels of events": Reader(
        counted(read_class_labels), [b"v1,buys\nv2,asks\n", b"BlockId,Label\nv1,a\nv2,b\n"]
    ),
    "names": Reader(
        counted(read_labelled_texts),
        [
            b'"Anna","Italy"\n"Bo","Sweden"\n"Ren","Japan"\n',
            b"label\ttext\nspam\tbuy now\nham\tsee you\n",
            b"text;label\nbuy;spam\nsee;ham\n",
            'name,label,note\n김,Korea,"a\nb"\nÅsa,Sweden,\n'.encode(),
        ],
    ),
    "new names": Reader(
        counted(read_texts),
        [b"Anna\nBo\n\nRen\n", b"name,label\nAnna,Italy\n,Sweden\n", b"text\nbuy now\n"],
    ),
    "table of new names": Reader(
        counted(read_texts),
        [b"Anna,Italy\nBo,Sweden\n", b"text\nbuy now\n", b'"a, b"\n\n"c"\n'],
        "given.csv",
    ),
    "pairs": Reader(
        counted(read_pairs, headers=[0]),
        [b"Hi.\tHallo.\tCC-BY\nGo.\tGeh.\tx\n", "Go.\t가.\n\nWait!\t기다려!\n".encode()],
    ),
    "columns": Reader(conll, [CONLL, CONLLU, b"@user\tO\n#tag\tB-product\nis\tO\n\nParis\tI-location\n"]),
    "sentences": Reader(
        sentences,
        [
            b"Peter lives in Paris .\nHe is here\n",
            b"Peter\tB-PER\nlives\tO\n\nHe\tO\n",
            b"Pit B-PER\nlives O\n",
        ],
    ),
    "vectors": Reader(
        vectors,
        [b"the 0.1 -0.2 3e-1\nof 1 2 3\nunknown 1 2 3\n", b"3 3\nthe 1 2 3\nthe 3 2 1\na b 1 2 3\n"],
    ),
    "lines": Reader(
        counted(read_lines, headers=[0]), [b"To be\nor not\n", "가 나\r\nda\u2028x\r\n".encode()]
    ),
    "series": Reader(series, PRICES, "given.csv"),
    "raw logs": Reader(raw_log, [HDFS, JSON, SYSLOG], "given.log"),
}
