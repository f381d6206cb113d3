import gzip
from pathlib import Path

import pytest

from seqlab.data.labelled_files import read_labelled_texts, read_texts
from seqlab.data.line_counts import LineCounts
from seqlab.errors import UserError


def written(tmp_path: Path, content: str | bytes, name: str = "names.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_quoted_names_blank_lines_and_where_they_stand(tmp_path: Path) -> None:
    found = read_labelled_texts(written(tmp_path, '"O\'Neal, Jr.","Irish"\r\n\r\nSze , Chinese\n'))
    assert found.texts == ("O'Neal, Jr.", "Sze")
    assert found.labels == ("Irish", "Chinese")
    assert found.lines.tolist() == [1, 3]


def test_a_header_may_have_any_order_and_further_columns(tmp_path: Path) -> None:
    found = read_labelled_texts(written(tmp_path, "label,year,Name\nKorean,1990,김\nCzech,1991,Dvořák\n"))
    assert found.texts == ("김", "Dvořák")
    assert found.labels == ("Korean", "Czech")


def test_texts_are_headed_text_or_sentence_or_as_said(tmp_path: Path) -> None:
    text = 'Label,Text\npos,"good, ""really"" good\nfilm"\nneg,"bad, sad"\n'
    found = read_labelled_texts(written(tmp_path, text))
    assert found.texts == ('good, "really" good film', "bad, sad")
    assert found.labels == ("pos", "neg")
    assert found.lines.tolist() == [3, 4]  # where each ends
    named = written(tmp_path, 'id,Review,sentiment\n1,"a, b",pos\n2,c,neg\n')
    assert read_labelled_texts(named, ["review", "Sentiment"]).texts == ("a, b", "c")
    with pytest.raises(
        UserError, match=r"line 1: a header without a column stars: its columns are id, review"
    ):
        read_labelled_texts(named, ["review", "stars"])


def test_a_tab_in_the_first_line_makes_it_tsv(tmp_path: Path) -> None:
    found = read_labelled_texts(written(tmp_path, 'sentence\tlabel\n"so" it, goes\t0\nan 8" pizza\t1\n'))
    assert found.texts == ('"so" it, goes', 'an 8" pizza')
    assert found.labels == ("0", "1")


def test_a_gzipped_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    packed = gzip.compress("\ufeffKim,Korean\nLee,Korean\n".encode())
    assert read_labelled_texts(written(tmp_path, packed, "names.csv.gz")).texts == ("Kim", "Lee")


def test_a_letter_and_its_accent_become_one_character(tmp_path: Path) -> None:
    found = read_labelled_texts(written(tmp_path, "Nu\u0301n\u0303ez,Spanish\nNúñez,Spanish\n"))
    assert found.texts == ("Núñez", "Núñez")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"names\.csv: the file is empty; expected one \"name\",\"label\" a line"),
        (",\n , \n", r"names\.csv: the file holds no row"),
        ("Kim,Korean\n", r"names\.csv: it holds 1 texts with a label; give at least 2"),
        ("name,label\n", r"names\.csv: it holds 0 texts with a label; give at least 2"),
        ("Kim,Korean\nLee\n", r"names\.csv, line 2: 1 fields, not 2; expected"),
        ("Kim,Korean\n\nLee,Korean,1\n", r"names\.csv, line 3: 3 fields, not 2"),
        ("Kim,Korean\nLee,\n", r"names\.csv, line 2: the label is empty"),
        ('Kim,Korean\n"Lee,Korean\n', r"names\.csv, line 2: broken quotes"),
        (b"Kim,Korean\nM\xfcller,German\n", r"names\.csv, line 2: byte 0xfc is not UTF-8"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_labelled_texts(written(tmp_path, content))


def test_names_of_several_labels_bound_the_accuracy(tmp_path: Path) -> None:
    content = "Lee,Korean\nLee,Korean\nLee,English\nAbe,English\nAbe,Japanese\nSze,Chinese\n"
    found = read_labelled_texts(written(tmp_path, content))
    assert found.num_ambiguous() == 2
    assert found.accuracy_ceiling() == pytest.approx((2 + 1 + 1) / 6)


def test_each_name_stands_once_with_each_of_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("Kim,Korean\nSam,English\nKim,Korean\nKim,Vietnamese\n", encoding="utf-8")
    found = read_labelled_texts(path).distinct()
    assert list(zip(found.texts, found.labels, strict=True)) == [
        ("Kim", "Korean"),
        ("Sam", "English"),
        ("Kim", "Vietnamese"),
    ]
    assert found.lines.tolist() == [1, 2, 4]


def test_a_quote_that_is_not_closed_is_told_where_it_opens(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text('Sam,English\n"Kim,Korean\nAnn,English\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"names\.csv, line 2: broken quotes"):
        read_labelled_texts(path)


def test_a_header_without_a_label_is_told(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("Name,Nationality\nAdsit,Czech\nKim,Korean\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"names\.csv, line 1: a header without a column label"):
        read_labelled_texts(path)
    path.write_text("review,label\nfine,pos\nbad,neg\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"without a column name or text or sentence: .*data\.columns="):
        read_labelled_texts(path)


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_what_divides_columns_is_found_from_the_first_line(tmp_path: Path, mark: str) -> None:
    rows = [("label", "text"), ("late", "It is late"), ("lost", "김치 is lost")]
    found = read_labelled_texts(written(tmp_path, "\n".join(mark.join(row) for row in rows)))
    assert found.texts == ("It is late", "김치 is lost")
    assert found.labels == ("late", "lost")


def test_what_divides_columns_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, "text;label\na, b;A\nc, d;B\n")
    assert read_labelled_texts(path, delimiter=";").texts == ("a, b", "c, d")
    path = written(tmp_path, "a, b;A\nc, d;B\n")  # without a header a comma is taken first
    assert read_labelled_texts(path).labels == ("b;A", "d;B")
    assert read_labelled_texts(path, delimiter=";").labels == ("A", "B")


def test_an_empty_text_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"names\.csv, line 3: the text is empty"):
        read_labelled_texts(written(tmp_path, "text,label\na,A\n ,B\n"))


def written_new(tmp_path: Path, content: str | bytes) -> Path:
    return written(tmp_path, content, "input.txt")


def texts_and_empty(path: Path, column: str | None = None) -> tuple[list[str], int]:
    counts = LineCounts(path)
    return read_texts(path, column, counts=counts), counts.skipped.total()


def test_lines_and_columns_are_told_apart_and_empty_ones_counted(tmp_path: Path) -> None:
    assert texts_and_empty(written_new(tmp_path, "Kim, Jr.\n\n Lee \n  \n")) == (["Kim, Jr.", "Lee"], 2)
    content = 'id,"name"\n1,"Kim, Jr."\n\n2,\n3,Lee\n'
    assert texts_and_empty(written_new(tmp_path, content)) == (["Kim, Jr.", "Lee"], 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"input\.txt: the file is empty; expected one name .or text. a line"),
        ("name\n", r"input\.txt: no text in it"),
        (b"Kim\nM\xfcller\n", r"input\.txt, line 2: byte 0xfc is not UTF-8"),
        ("id,name\n1,Kim\n2\n", r"input\.txt, line 3: 1 fields, not 2"),
    ],
)
def test_a_broken_file_of_new_texts_is_told(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_texts(written_new(tmp_path, content))


def test_texts_are_read_from_a_column_headed_as_in_training(tmp_path: Path) -> None:
    path = tmp_path / "new.tsv"
    path.write_text('review\tid\nso, "so"\t1\n\nfine\t2\n', encoding="utf-8")
    assert texts_and_empty(path, "Review") == (['so, "so"', "fine"], 1)
    lines = "Well, text, me\nsecond line\n"  # no header: it has spaces
    assert texts_and_empty(written_new(tmp_path, lines)) == (["Well, text, me", "second line"], 0)


def test_a_training_file_without_a_header_is_read_by_its_first_column(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text('"Adsit","Czech"\n"Kim","Korean"\n', encoding="utf-8")
    assert texts_and_empty(path) == (["Adsit", "Kim"], 0)
    (tmp_path / "wide.csv").write_text("1,Adsit,Czech\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"wide\.csv, line 1: 3 fields, not 1; expected one name"):
        read_texts(tmp_path / "wide.csv")
