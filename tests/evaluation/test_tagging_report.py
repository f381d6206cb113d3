import numpy as np
import pytest

from seqlab.data.tagged import TaggedSentences
from seqlab.data.tags import BioTags, PlainTags
from seqlab.evaluation.tagging import TaggingOutcome
from seqlab.evaluation.tagging_report import entity_sections, plain_sections


@pytest.fixture
def outcome() -> TaggingOutcome:
    sentences = TaggedSentences.from_sentences(
        [
            (("Ann", "left"), ("B-PER", "O")),
            (("so", "what"), ("O", "O")),
            (("Bonn", "Ulm"), ("B-LOC", "B-LOC")),
        ]
    )
    gold, predicted = np.array([3, 0, 0, 0, 1, 1]), np.array([3, 0, 0, 0, 3, 0])
    return TaggingOutcome(sentences, gold, predicted, BioTags(("LOC", "PER")), {}, ())


def test_the_picture_holds_the_sentences_with_entities(outcome: TaggingOutcome) -> None:
    section = entity_sections(outcome, {})[0]
    assert section.note.startswith("2 test sentences")
    assert "Ann<small>PER</small>" in section.body
    assert "Bonn<small>LOC</small>" in section.body
    assert "Bonn<small>PER</small>" in section.body
    assert "what" not in section.body


def test_the_table_by_type_has_figures_and_counts(outcome: TaggingOutcome) -> None:
    body = entity_sections(outcome, {})[1].body
    # PER: 1 of 2 predicted is right, the 1 gold is found; LOC: nothing predicted, 2 gold
    assert body.index("LOC") < body.index("PER")
    rows = [part.split("<td>")[1:] for part in body.split("<tr>")[-2:]]
    cells = [[cell.split("<")[0] for cell in row] for row in rows]
    assert cells == [
        ["0.0000", "0.0000", "0.0000", "0", "2"],
        ["0.5000", "1.0000", "0.6667", "2", "1"],
    ]


def test_the_report_of_plain_tags_shows_what_is_confused_and_names_no_entities() -> None:
    sentences = TaggedSentences.from_sentences([(("we", "light"), ("PRON", "VERB"))], "plain")
    found = TaggingOutcome(
        sentences,
        np.array([1, 2]),
        np.array([1, 0]),
        PlainTags(("NOUN", "PRON", "VERB")),
        {},
        (),
    )
    sections = plain_sections(found, {})
    assert [section.title for section in sections] == ["Confused tags", "Tagged sentences", "Tags"]
    assert "VERB taken for NOUN" in sections[0].body
    assert "<s>NOUN</s> VERB" in sections[1].body
    assert not any("entit" in (section.body + section.note).lower() for section in sections)
