from seqlab.alerts.lines import LONGEST_LINE, NOT_UTF8, TOO_LONG, Piece, split_lines


def split(content: bytes, **settings: int):
    return split_lines(Piece(0, settings.get("offset", 0), settings.get("first", 1), content, 0))


def test_every_line_knows_its_byte_and_its_number() -> None:
    lines = split("eins\nzwölf\r\n\ndrei".encode(), offset=100, first=7)
    assert lines.texts == ["eins", "zwölf", "", "drei"]
    assert lines.offsets.tolist() == [100, 105, 113, 114]
    assert lines.numbers.tolist() == [7, 8, 9, 10]
    assert lines.num_read == 4
    assert lines.bad == []


def test_lines_that_are_no_text_are_set_apart_and_the_others_keep_their_places() -> None:
    long = b"x" * (LONGEST_LINE + 1)
    content = b"good\n\xff\xfe\x00garbage\n" + long + b"\nlast \x00 nul\n"
    lines = split(content)
    assert lines.texts == ["good", "last \x00 nul"]
    assert lines.numbers.tolist() == [1, 4]
    assert [content[start : start + 4] for start in lines.offsets.tolist()] == [b"good", b"last"]
    assert [(line.number, line.reason) for line in lines.bad] == [(2, NOT_UTF8), (3, TOO_LONG)]
    assert lines.num_read == 4
    assert all(len(line.shown) < 300 for line in lines.bad)
    only_long = split(b"a\n" + long + b"\nb\n")  # no decoding error sets it apart
    assert only_long.texts == ["a", "b"]


def test_a_byte_order_mark_belongs_to_no_line() -> None:
    assert split("\ufeffone\n\ufefftwo\n".encode()).texts == ["one", "\ufefftwo"]
    assert split("\ufeffone\n".encode(), offset=7).texts == ["\ufeffone"]  # within the file it is text


def test_nothing_gives_nothing() -> None:
    lines = split(b"")
    assert (lines.texts, lines.num_read, lines.bad) == ([], 0, [])
