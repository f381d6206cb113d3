import pytest

from seqlab.data.samples.korean import PARTICLES, final_consonant, marked, phrase_pairs
from seqlab.data.samples.words import sample_words


@pytest.mark.parametrize(
    ("noun", "forms"),
    [
        ("학생", ("학생은", "학생이", "학생을", "학생과", "학생으로")),
        ("가수", ("가수는", "가수가", "가수를", "가수와", "가수로")),
        ("서울", ("서울은", "서울이", "서울을", "서울과", "서울로")),  # an end in ㄹ takes 로
    ],
)
def test_particles_follow_the_final_consonant(noun: str, forms: tuple[str, ...]) -> None:
    assert tuple(marked(noun, what) for what in PARTICLES) == forms


def test_the_consonant_is_read_off_the_syllable() -> None:
    assert [final_consonant(word) for word in ("가", "각", "힣", "물")] == [0, 1, 27, 8]
    with pytest.raises(ValueError, match="ends in no Hangul syllable"):
        final_consonant("TV")


def test_the_same_seed_gives_the_same_distinct_pairs() -> None:
    pairs = phrase_pairs(num_pairs=3000, seed=1)
    assert pairs == phrase_pairs(num_pairs=3000, seed=1)
    assert pairs != phrase_pairs(num_pairs=3000, seed=2)
    assert len({english for english, _ in pairs}) == 3000
    assert pairs[:1000] == phrase_pairs(num_pairs=1000, seed=1)


def test_sentences_of_both_languages_by_hand() -> None:
    found = dict(phrase_pairs(num_pairs=20_000, seed=0))
    assert found["The uncle went to Seoul."] == "삼촌은 서울로 갔어요."
    assert found["Will the friend drink water tomorrow?"] == "친구가 내일 물을 마실 거예요?"
    assert found["The nurse did not buy poems yesterday."] == "간호사는 어제 시를 사지 않았어요."
    assert found["The cook drinks coffee with the professor."] == "요리사는 교수님과 커피를 마셔요."


def test_every_sentence_ends_in_its_verb_and_marks_who_does_it() -> None:
    traits = {word for trait in sample_words("korean")["traits"].values() for word in trait.split()}
    for english, korean in phrase_pairs(num_pairs=3000, seed=0):
        words = korean.rstrip(".?").split()
        assert words[-1].endswith("요")
        assert english[-1] == korean[-1]
        assert english[0].isupper()
        is_question = english.endswith("?")
        head = next(word for word in words if word[-1] in "은는이가" and word not in traits)
        assert head[-1] in ("이가" if is_question else "은는")
        is_negative = " not " in english
        assert ("지 않" in korean) == is_negative


def test_no_two_verbs_are_written_alike_in_one_language_alone() -> None:
    """One English sentence has one Korean one; past and base of read are told apart by their neighbors."""
    verbs = sample_words("korean")["verbs"]
    assert len({verb["base"] for verb in verbs}) == len({verb["present_ko"] for verb in verbs}) == len(verbs)
