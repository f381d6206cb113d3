from pathlib import Path

import numpy as np
import pytest

from seqlab.data.conll import read_conll
from seqlab.data.tagged import TaggedSentences
from seqlab.errors import UserError


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "train.conll"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_tabs_or_spaces_documents_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = (
        "\ufeff-DOCSTART- -X- O O\r\n\r\nEU NNP B-NP B-ORG\r\nrejects  VBZ B-VP O\r\n\t\r\n\r\nBonn N N B-LOC"
    )
    sentences, (notice,) = read_conll(written(tmp_path, text))
    assert notice.endswith(": 6 of 7 lines are used; left out: 1 -DOCSTART-")
    assert sentences.tokens == ("EU", "rejects", "Bonn")
    assert sentences.tags == ("B-ORG", "O", "B-LOC")
    assert sentences.lengths.tolist() == [2, 1]
    assert sentences.is_first.tolist() == [True, False, True]


def test_a_token_may_hold_what_is_no_tab_and_no_space(tmp_path: Path) -> None:
    odd = "a\u00a0b\u2028c\x85d"
    assert read_conll(written(tmp_path, f"{odd}\tO\n"))[0].tokens == (odd,)


def test_stray_inside_tags_are_repaired_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a I-PER\nb I-PER\nc O\nd I-LOC\n\ne B-PER\nf I-LOC\n")
    sentences, notices = read_conll(path)
    assert sentences.tags == ("B-PER", "I-PER", "O", "B-LOC", "B-PER", "B-LOC")
    assert notices == ["3 tags I-type that continued no entity of their type were repaired to B-type"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"train\.conll: the file is empty; expected a token first"),
        ("\n \t\n", r"train\.conll: the file is empty"),
        ("-DOCSTART- O\n", r"train\.conll: no sentence in it"),
        ("a\tO\nalone\n", r"line 2: one column, 'alone'; expected a token first"),
        ("a N O\nb O\n", r"line 2: 2 columns, the lines before have 3"),
        ("a\tO\n\tO\n", r"line 2: the token is empty"),
        ("a\tO\n\nb\tX-PER\n", r"line 3: tag 'X-PER' of 'b'; expected O, B-type or I-type"),
        ("a\tO\nb\t\n", r"line 2: tag '' of 'b'"),
        (b"a\tO\nb\xff\tO\n", r"line 2: byte 0xff is not UTF-8 text"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_conll(written(tmp_path, content))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.conll: no such file"):
        read_conll(tmp_path / "none.conll")


def test_sentences_are_taken_in_the_order_given() -> None:
    sentences = TaggedSentences.from_sentences([("ab", "OO"), ("c", "O"), ("def", "OOO")])
    taken = sentences.take(np.array([2, 0]))
    assert taken.tokens == ("d", "e", "f", "a", "b")
    assert taken.lengths.tolist() == [3, 2]
    assert taken.sentence(1) == (("a", "b"), ("O", "O"))
    assert len(taken) == 2


BIO = ("B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-LOC", "O")
WORDS = ("Ann", "van", "Dam", "left", "Bonn", "Rome", ".")


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOBES", "B-PER I-PER E-PER O S-LOC S-LOC O"),
        ("BILOU", "B-PER I-PER L-PER O U-LOC U-LOC O"),
        ("BMES", "B-PER M-PER E-PER O S-LOC S-LOC O"),
        ("IOB1", "I-PER I-PER I-PER O I-LOC B-LOC O"),
    ],
)
def test_tags_of_other_schemes_are_made_bio(tmp_path: Path, scheme: str, tags: str) -> None:
    lines = [f"{word}\t{tag}" for word, tag in zip(WORDS, tags.split(), strict=True)]
    sentences, notices = read_conll(written(tmp_path, "\n".join(lines)))
    assert sentences.tags == BIO
    assert len(notices) == (scheme == "IOB1")


def test_an_end_that_ends_nothing_is_repaired(tmp_path: Path) -> None:
    path = written(tmp_path, "a S-PER\nb E-PER\nc B-PER\nd E-PER\ne I-PER\n")
    sentences, notices = read_conll(path)
    assert sentences.tags == ("B-PER", "B-PER", "B-PER", "I-PER", "B-PER")
    assert notices[0].startswith("2 tags I-type that continued no entity")


def test_comments_are_no_tokens_and_hashtags_are(tmp_path: Path) -> None:
    text = "# sent_id = 1\n#nlp\tO\n#\tO\nAnn\tB-PER\n# a\tcomment\n\n# text = Bonn is O\nBonn\tB-LOC\n"
    sentences, (notice,) = read_conll(written(tmp_path, text))
    assert sentences.tokens == ("#nlp", "#", "Ann", "Bonn")
    assert sentences.lengths.tolist() == [3, 1]
    assert notice.endswith(": 5 of 8 lines are used; left out: 3 comments")
    spaced = written(tmp_path, "# id 1f domain=en\nAnn _ _ B-PER\n# _ _ O\n\n# id 2\nBonn _ _ B-LOC\n")
    assert read_conll(spaced)[0].tokens == ("Ann", "#", "Bonn")


CONLLU = """# newdoc
# text = Ann's in Bonn
1-2\tAnn's\t_\t_\t_\t_\t_\t_\t_\t_
1\tAnn\tAnn\tPROPN\tNNP\t_\t4\tnsubj\t_\tNER=B-PER|SpaceAfter=No
2\t's\tbe\tAUX\tVBZ\t_\t4\tcop\t_\t_
2.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_
3\tin\tin\tADP\tIN\t_\t4\tcase\t_\t_
4\tBonn\tBonn\tPROPN\tNNP\t_\t0\troot\t_\tNER=B-LOC

1\t#\t#\tSYM\tSYM\t_\t0\troot\t_\tSpaceAfter=No
"""


def test_conllu_gives_upos_or_the_column_that_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, CONLLU)
    sentences, (notice,) = read_conll(path, scheme="auto")
    assert notice.endswith(
        ": 6 of 10 lines are used; left out: 2 comments, 2 multiword tokens or empty nodes"
    )
    assert sentences.tokens == ("Ann", "'s", "in", "Bonn", "#")
    assert sentences.tags == ("PROPN", "AUX", "ADP", "PROPN", "SYM")
    assert sentences.lengths.tolist() == [4, 1]
    assert sentences.scheme == "plain"
    assert read_conll(path, tag_column="XPOS", scheme="plain")[0].tags[0] == "NNP"
    with pytest.raises(
        UserError,
        match=r"line 4: tag 'PROPN' of 'Ann'; expected O, .* in column UPOS of 10; .*scheme=plain",
    ):
        read_conll(path)
    with pytest.raises(
        UserError, match=r"data\.tag_column=NE: .* has columns 1 to 10, named ID, FORM, .*MISC"
    ):
        read_conll(path, tag_column="NE")


def test_the_column_of_tags_is_the_last_or_asked_for(tmp_path: Path) -> None:
    numbered = written(
        tmp_path, "# sent_id = a\n1\tAnn\tB-PER\t-\tzoe\n2\tmet\tO\t-\tzoe\n\n1\tBob\tB-PER\t-\tzoe\n"
    )
    sentences, _ = read_conll(numbered, tag_column=3)
    assert sentences.tokens == ("Ann", "met", "Bob")
    assert sentences.tags == ("B-PER", "O", "B-PER")
    with pytest.raises(UserError, match=r"data\.tag_column=6: .*train\.conll has columns 1 to 5$"):
        read_conll(numbered, tag_column=6)
    with pytest.raises(
        UserError, match=r"line 1: tag 'NNP' of 'Ann'; .* in the last column of 2; data\.tag_column=NUMBER"
    ):
        read_conll(written(tmp_path, "Ann NNP\nmet VBD\n"))
