from seqlab.data.tagged import TaggedSentences
from seqlab.evaluation.tagging_measures import MostFrequentTagOrEnding

TRAIN = TaggedSentences.from_sentences(
    [
        (["dogs", "bark", "loudly"], ["NOUN", "VERB", "ADV"]),
        (["the", "bark", "of", "cats"], ["DET", "NOUN", "ADP", "NOUN"]),
        (["bark", "quickly"], ["VERB", "ADV"]),
        (["rats", "eats"], ["NOUN", "VERB"]),
    ],
    "plain",
)


def test_a_new_word_has_the_tag_of_its_longest_known_ending() -> None:
    text = TaggedSentences.from_sentences([(["bark", "hats", "slowly", "pigs", "xyz"], ["X"] * 5)], "plain")
    # bark: VERB twice, NOUN once; ats: cats and rats NOUN, eats VERB; wly: no, ly: ADV; igs: no, gs: dogs;
    # z: no, so the most frequent tag, NOUN (4 of 11)
    assert MostFrequentTagOrEnding(TRAIN).predict(text) == ["VERB", "NOUN", "ADV", "NOUN", "NOUN"]
    assert MostFrequentTagOrEnding(TRAIN).majority == "NOUN"
