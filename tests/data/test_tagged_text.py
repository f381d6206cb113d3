from pathlib import Path
from typing import Any

import pytest

from seqlab.data.tagged_text import TaggedText
from seqlab.errors import UserError

CONLLU = (
    "# text = Ann's in Bonn\n1-2\tAnn's\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tAnn\tAnn\tPROPN\tNNP\t_\t4\tnsubj\t_\t{ann}\n2\t's\tbe\tAUX\tVBZ\t_\t4\tcop\t_\t_\n"
    "3\tin\tin\tADP\tIN\t_\t4\tcase\t_\t_\n4\tBonn\tBonn\tPROPN\tNNP\t_\t0\troot\t_\tSpaceAfter=No\n\n"
)
POS = "The\tDET\ndog\tNOUN\nbarks\tVERB\n\nA\tDET\ncat\tNOUN\n"
BIO = "Ann\tB-PER\nmet\tO\n\nBob\tB-PER\n"


def set_up(tmp_path: Path, train: str, **settings: Any) -> TaggedText:
    for name in ("train", "val", "test"):
        text = settings.pop(name, train)
        (tmp_path / f"{name}.conll").write_text(text, encoding="utf-8")
    files = {name: tmp_path / f"{name}.conll" for name in ("train", "val", "test")}
    data = TaggedText(**files | settings)
    data.setup()
    return data


@pytest.mark.parametrize(
    ("text", "settings", "key", "tags"),
    [
        (POS, {}, "plain", ("DET", "NOUN", "VERB", "DET", "NOUN")),
        (BIO, {}, "bio", ("B-PER", "O", "B-PER")),
        ("a S-X\nb O\n", {}, "bio", ("B-X", "O")),
        (BIO, {"scheme": "plain"}, "plain", ("B-PER", "O", "B-PER")),
        (CONLLU.format(ann="_"), {}, "plain", ("PROPN", "AUX", "ADP", "PROPN")),
        (CONLLU.format(ann="_"), {"tag_column": "XPOS"}, "plain", ("NNP", "VBZ", "IN", "NNP")),
        (CONLLU.format(ann="_"), {"tag_column": 4}, "plain", ("PROPN", "AUX", "ADP", "PROPN")),
        ("a NN B-X\nb VB O\n", {"tag_column": 2}, "plain", ("NN", "VB")),
    ],
)
def test_the_scheme_and_the_column_are_told_from_the_tags_or_set(
    tmp_path: Path, text: str, settings: dict[str, Any], key: str, tags: tuple[str, ...]
) -> None:
    data = set_up(tmp_path, text, **settings)
    assert data.tag_scheme.key == key
    assert data.sentences("train").tags == tags
    assert data.sizes["tags_are_bio"] is (key == "bio")
    assert data.sizes["num_tags"] == (3 if key == "bio" else len(set(tags)))


def test_the_other_files_are_read_as_the_training_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"test\.conll, line 1: tag 'DET' of 'The'; .* of 2; data\.tag"):
        set_up(tmp_path, BIO, test=POS)


def test_a_mistake_in_a_bio_file_is_told_and_not_taken_for_a_plain_tag(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\.conll, line 3: tag 'X-PER'.*data\.scheme=plain takes any"):
        set_up(tmp_path, "Ann B-PER\nmet O\nLee X-PER\n")


def test_plain_tags_that_training_lacks_are_told(tmp_path: Path) -> None:
    data = set_up(tmp_path, POS, test="Oh\tINTJ\ndog\tNOUN\n")
    assert "data.test holds tags that training lacks (INTJ): they cannot be predicted and count as wrong" in (
        data.notices
    )
    data.open_test()
    assert data.tag_ids("test").tolist() == [3, 1]  # DET, NOUN, VERB are 0, 1, 2
    assert data.state()["tags"] == {"scheme": "plain", "kinds": ["DET", "NOUN", "VERB"]}


def test_the_sample_holds_parts_of_speech_and_no_entities() -> None:
    data = TaggedText(sample={"num_sentences": 60, "seed": 0})
    data.setup()
    assert data.notices[0].startswith("Synthetic data")
    assert {"NOUN", "VERB", "PUNCT"} <= set(data.tag_scheme.kinds)
    assert not any("entit" in part for fact in data.facts() for part in fact)
    with pytest.raises(UserError, match=r"data\.scheme=bio: the synthetic sentences have plain tags"):
        TaggedText(sample={"num_sentences": 60, "seed": 0}, scheme="bio").setup()
