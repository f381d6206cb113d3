from seqlab.report.tagged_sentences import TaggedSentence
from seqlab.report.tagged_words import choose_wrong, words_block

RIGHT = TaggedSentence(("a", "dog"), ("DET", "NOUN"), ("DET", "NOUN"))
WRONG = TaggedSentence(("<b>", "light"), ("PRON", "VERB"), ("PRON", "NOUN"))


def test_a_wrong_tag_is_marked_with_the_right_one_beside() -> None:
    body = words_block([WRONG])
    assert "<span>&lt;b&gt;<small>PRON</small></span>" in body
    assert "<mark>light<small><s>NOUN</s> VERB</small></mark>" in body
    assert words_block([]) == "<p>No tag is wrong.</p>"


def test_sentences_with_a_wrong_tag_are_chosen() -> None:
    assert choose_wrong([RIGHT, WRONG, RIGHT], 5) == [WRONG]
    assert len(choose_wrong([WRONG] * 9, 4)) == 4
