import gzip
from pathlib import Path

import pytest

from seqlab.data.name_files import read_labelled_names
from seqlab.errors import UserError


def written(tmp_path: Path, content: str | bytes, name: str = "names.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_quoted_names_blank_lines_and_where_they_stand(tmp_path: Path) -> None:
    found = read_labelled_names(written(tmp_path, '"O\'Neal, Jr.","Irish"\r\n\r\nSze , Chinese\n'))
    assert found.names == ("O'Neal, Jr.", "Sze")
    assert found.labels == ("Irish", "Chinese")
    assert found.lines.tolist() == [1, 3]


def test_a_header_may_have_any_order_and_further_columns(tmp_path: Path) -> None:
    found = read_labelled_names(written(tmp_path, "label,year,Name\nKorean,1990,김\nCzech,1991,Dvořák\n"))
    assert found.names == ("김", "Dvořák")
    assert found.labels == ("Korean", "Czech")


def test_texts_are_headed_text_or_sentence_or_as_said(tmp_path: Path) -> None:
    text = 'Label,Text\npos,"good, ""really"" good\nfilm"\nneg,"bad, sad"\n'
    found = read_labelled_names(written(tmp_path, text))
    assert found.names == ('good, "really" good film', "bad, sad")
    assert found.labels == ("pos", "neg")
    assert found.lines.tolist() == [3, 4]  # where each ends
    named = written(tmp_path, 'id,Review,sentiment\n1,"a, b",pos\n2,c,neg\n')
    assert read_labelled_names(named, ["review", "Sentiment"]).names == ("a, b", "c")
    with pytest.raises(
        UserError, match=r"line 1: a header without a column stars: its columns are id, review"
    ):
        read_labelled_names(named, ["review", "stars"])


def test_a_tab_in_the_first_line_makes_it_tsv(tmp_path: Path) -> None:
    found = read_labelled_names(written(tmp_path, 'sentence\tlabel\n"so" it, goes\t0\nan 8" pizza\t1\n'))
    assert found.names == ('"so" it, goes', 'an 8" pizza')
    assert found.labels == ("0", "1")


def test_a_gzipped_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    packed = gzip.compress("\ufeffKim,Korean\nLee,Korean\n".encode())
    assert read_labelled_names(written(tmp_path, packed, "names.csv.gz")).names == ("Kim", "Lee")


def test_a_letter_and_its_accent_become_one_character(tmp_path: Path) -> None:
    found = read_labelled_names(written(tmp_path, "Nu\u0301n\u0303ez,Spanish\nNúñez,Spanish\n"))
    assert found.names == ("Núñez", "Núñez")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"names\.csv: the file is empty; expected one \"name\",\"label\" a line"),
        (",\n , \n", r"names\.csv: the file holds no row"),
        ("Kim,Korean\n", r"names\.csv: it holds 1 name; give at least 2"),
        ("name,label\n", r"names\.csv: it holds no names; give at least 2"),
        ("Kim,Korean\nLee\n", r"names\.csv, line 2: 1 field, not 2; expected"),
        ("Kim,Korean\n\nLee,Korean,1\n", r"names\.csv, line 3: 3 fields, not 2"),
        ("Kim,Korean\nLee,\n", r"names\.csv, line 2: the label is empty"),
        ('Kim,Korean\n"Lee,Korean\n', r"names\.csv, line 2: broken quotes"),
        (b"Kim,Korean\nM\xfcller,German\n", r"names\.csv, line 2: byte 0xfc is not UTF-8"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_labelled_names(written(tmp_path, content))


def test_names_of_several_labels_bound_the_accuracy(tmp_path: Path) -> None:
    content = "Lee,Korean\nLee,Korean\nLee,English\nAbe,English\nAbe,Japanese\nSze,Chinese\n"
    found = read_labelled_names(written(tmp_path, content))
    assert found.num_ambiguous() == 2
    assert found.accuracy_ceiling() == pytest.approx((2 + 1 + 1) / 6)


def test_each_name_stands_once_with_each_of_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("Kim,Korean\nSam,English\nKim,Korean\nKim,Vietnamese\n", encoding="utf-8")
    found = read_labelled_names(path).distinct()
    assert list(zip(found.names, found.labels, strict=True)) == [
        ("Kim", "Korean"),
        ("Sam", "English"),
        ("Kim", "Vietnamese"),
    ]
    assert found.lines.tolist() == [1, 2, 4]


def test_a_quote_that_is_not_closed_is_told_where_it_opens(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text('Sam,English\n"Kim,Korean\nAnn,English\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"names\.csv, line 2: broken quotes"):
        read_labelled_names(path)


def test_a_header_without_a_label_is_told(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("Name,Nationality\nAdsit,Czech\nKim,Korean\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"names\.csv, line 1: a header without a column label"):
        read_labelled_names(path)
    path.write_text("review,label\nfine,pos\nbad,neg\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"without a column name or text or sentence: .*data\.columns="):
        read_labelled_names(path)
