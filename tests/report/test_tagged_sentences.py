import pytest

from seqlab.report.tagged_sentences import TaggedSentence, choose_sentences, entities_of, tagged_block

RIGHT = TaggedSentence(["Ann", "Lee", "left"], ["B-PER", "I-PER", "O"], ["B-PER", "I-PER", "O"])
WRONG = TaggedSentence(["<b>", "Bonn"], ["O", "B-LOC"], ["B-PER", "B-LOC"])
PLAIN = TaggedSentence(["so", "what"], ["O", "O"], ["O", "O"])


def test_entities_of_a_sentence() -> None:
    assert entities_of(["B-PER", "I-PER", "O", "I-LOC"]) == [(0, 2, "PER"), (3, 4, "LOC")]
    assert entities_of(["O"]) == []


def test_a_sentence_that_is_right_has_one_row_and_a_wrong_one_two() -> None:
    page = tagged_block([RIGHT], ["LOC", "PER"])
    assert page.count('class="who"') == 1
    assert '<mark class="right" style="--tone: var(--series-2)">Ann Lee<small>PER</small></mark> left' in page
    page = tagged_block([WRONG], ["LOC", "PER"])
    assert page.count('class="who"') == 2
    assert page.count('class="right"') == 2  # Bonn, in both rows
    assert '<mark class="wrong" style="--tone: var(--series-2)">&lt;b&gt;<small>PER</small></mark>' in page
    assert "<b>" not in page


def test_nothing_to_show_is_said() -> None:
    assert "No sentence" in tagged_block([], [])


def test_the_choice_leaves_out_what_holds_no_entity_and_keeps_the_order() -> None:
    assert choose_sentences([PLAIN, RIGHT, PLAIN, WRONG], 5) == [RIGHT, WRONG]
    chosen = choose_sentences([RIGHT, WRONG] * 20, 6)
    assert len(chosen) == 6
    assert choose_sentences([RIGHT, WRONG] * 20, 6) == chosen


def test_a_tag_too_few_is_told() -> None:
    with pytest.raises(ValueError, match=r"3 tokens, 3 gold and 2 predicted tags"):
        TaggedSentence(["a", "b", "c"], ["O"] * 3, ["O"] * 2)
