import math

from seqlab.report.sentences import (
    TaggedSentence,
    choose,
    entities_block,
    entities_of,
    shaded_text,
    words_block,
)

RIGHT = TaggedSentence(["Ann", "Lee", "left"], ["B-PER", "I-PER", "O"], ["B-PER", "I-PER", "O"])
WRONG = TaggedSentence(["<b>", "Bonn"], ["O", "B-LOC"], ["B-PER", "B-LOC"])
PLAIN = TaggedSentence(["so", "what"], ["O", "O"], ["O", "O"])


def test_entities_of_a_sentence() -> None:
    assert entities_of(["B-PER", "I-PER", "O", "I-LOC"]) == [(0, 2, "PER"), (3, 4, "LOC")]
    assert entities_of(["O"]) == []


def test_a_sentence_that_is_right_has_one_row_and_a_wrong_one_two() -> None:
    page = entities_block([RIGHT], ["LOC", "PER"])
    assert page.count('class="who"') == 1
    assert '<mark class="right" style="--tone: var(--series-2)">Ann Lee<small>PER</small></mark> left' in page
    page = entities_block([WRONG], ["LOC", "PER"])
    assert page.count('class="who"') == 2
    assert page.count('class="right"') == 2  # Bonn, in both rows
    assert '<mark class="wrong" style="--tone: var(--series-2)">&lt;b&gt;<small>PER</small></mark>' in page
    assert "<b>" not in page


def test_nothing_to_show_is_said() -> None:
    assert "No sentence" in entities_block([], [])


def test_the_choice_leaves_out_what_holds_no_entity_and_keeps_the_order() -> None:
    assert choose([PLAIN, RIGHT, PLAIN, WRONG], lambda each: each.has_entity, 5) == [RIGHT, WRONG]
    chosen = choose([RIGHT, WRONG] * 20, lambda each: each.has_entity, 6)
    assert len(chosen) == 6
    assert choose([RIGHT, WRONG] * 20, lambda each: each.has_entity, 6) == chosen


GOOD_TAGS = TaggedSentence(("a", "dog"), ("DET", "NOUN"), ("DET", "NOUN"))
BAD_TAGS = TaggedSentence(("<b>", "light"), ("PRON", "VERB"), ("PRON", "NOUN"))


def test_a_wrong_tag_is_marked_with_the_right_one_beside() -> None:
    body = words_block([BAD_TAGS])
    assert "<span>&lt;b&gt;<small>PRON</small></span>" in body
    assert "<mark>light<small><s>NOUN</s> VERB</small></mark>" in body
    assert words_block([]) == "<p>No tag is wrong.</p>"


def test_sentences_with_a_wrong_tag_are_chosen() -> None:
    assert choose([GOOD_TAGS, BAD_TAGS, GOOD_TAGS], lambda each: each.is_wrong, 5) == [BAD_TAGS]
    assert len(choose([BAD_TAGS] * 9, lambda each: each.is_wrong, 4)) == 4


def test_steps_of_surprise_are_shaded_and_the_text_stays_whole() -> None:
    body = str(shaded_text(["T", "o ", "<b>", "\n", "x"], [math.nan, 0.1, 3.0, 5.0, 20.0], "character"))
    passage = body.split('<p class="running">')[1]
    assert passage == (
        'To <i class="s2" title="3 nats">&lt;b&gt;</i><i class="s3" title="5 nats">↵\n</i>'
        '<i class="s5" title="20 nats">x</i></p>'
    )
    assert "Surprise of a character in nats" in body
