"""Whatever turns data into numbers gives it back, and comes back from a checkpoint as it was."""

import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqlab.data.coders import check_coder
from seqlab.data.labelled import LabelledItems
from seqlab.data.labelled_events import EventCoder
from seqlab.data.labelled_text import TextCoder
from seqlab.data.scaling import SCALINGS, TRANSFORMS, Scaler, target_of, value_of
from seqlab.data.sequences import Sessions
from seqlab.data.tagged import WordCoder
from seqlab.data.tags import SCHEMES, entity_spans, scheme_from_state, tag_names, to_bio
from seqlab.data.text_codec import UNITS, TextCodec, clean_text
from seqlab.data.tokenizers import tokenizer_from_state, train_tokenizer
from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.errors import UserError
from tests.texts import texts

TOKENS = st.one_of(st.sampled_from([*SPECIAL_TOKENS, "a", "5", "22"]), texts(1, 3))
COUNTS = st.dictionaries(TOKENS, st.integers(1, 5), max_size=8)


@given(COUNTS, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 4)))
def test_a_vocabulary_gives_back_what_it_holds_and_unk_for_all_else(
    counts: dict[str, int], least: int, most: int | None
) -> None:
    vocabulary = Vocabulary.from_counts(counts, 7, min_count=least, max_tokens=most)
    usual = [token for token in counts if token not in SPECIAL_TOKENS and counts[token] >= least]
    expected = sorted(usual, key=lambda token: (-counts[token], token))[:most]
    assert list(vocabulary.tokens[len(SPECIAL_TOKENS) :]) == expected
    for token in [*counts, "never seen"]:
        number = vocabulary.id(token)
        assert number == (vocabulary.tokens.index(token) if token in expected else vocabulary.unk)
    assert vocabulary.ids(expected) == list(range(len(SPECIAL_TOKENS), len(vocabulary)))
    again = Vocabulary.from_state(vocabulary.state())
    assert again == vocabulary
    assert again.ids(counts) == vocabulary.ids(counts)


@given(st.lists(st.lists(TOKENS, max_size=5), max_size=5))
def test_no_event_of_a_log_is_padding_a_beginning_or_an_end(rows: list[list[str]]) -> None:
    """Keys that are called as a special token is, too: they are as unknown as any that training lacks."""
    sessions = Sessions.from_lists(rows)
    vocabulary = Vocabulary.from_sessions(sessions)
    keys = [key for row in rows for key in row]
    assert vocabulary.encode(sessions).tolist() == vocabulary.ids(keys)
    shown = [vocabulary.tokens[number] for number in vocabulary.encode(sessions).tolist()]
    assert shown == ["<unk>" if key in SPECIAL_TOKENS else key for key in keys]


@given(COUNTS)
def test_a_vocabulary_file_has_a_line_for_each_token(counts: dict[str, int]) -> None:
    import tempfile

    vocabulary = Vocabulary.from_counts(counts, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocabulary.txt"
        vocabulary.save(path)
        lines = path.read_bytes().decode("utf-8").split("\n")
    assert len(lines) == len(vocabulary) + 2  # its heading, and the end of the last line
    read = [line.split("\t", 1)[1] for line in lines[1:-1]]
    plain = [
        token.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r") for token in vocabulary.tokens
    ]
    assert read == plain


@pytest.mark.parametrize("unit", list(UNITS))
@given(text=texts(1, 30), other=texts(0, 12))
def test_a_text_codec_gives_back_the_text_it_was_fitted_on(unit: str, text: str, other: str) -> None:
    text, other = clean_text(text), clean_text(other)
    codec = TextCodec.fit(text, unit)
    ids = codec.encode(text).tolist()
    assert codec.vocabulary.unk not in ids
    lines = [" ".join(line.split()) for line in text.split("\n")] if unit == "word" else []
    assert codec.decode(ids) == (text if unit == "char" else "\n".join(lines))
    for each in (text, other):
        found = codec.encode(each).tolist()
        assert int(codec.line_lengths(each).sum()) == len(found)
        assert (codec.vocabulary.unk in found) == bool(codec.unseen(each))
        assert len(codec.written(found, each)) == len(found)
    check_coder(codec, other, codec.state())


@pytest.mark.parametrize("kind", ["word", "space", "bpe"])
@given(
    lines=st.lists(texts(1, 12, without="\n\0"), min_size=1, max_size=4),
    lower=st.booleans(),
    other=texts(0, 9),
)
def test_a_tokenizer_writes_again_what_it_was_trained_on(
    kind: str, lines: list[str], lower: bool, other: str
) -> None:
    lines = [unicodedata.normalize("NFC", " ".join(line.split())) for line in lines]
    assume(any(lines))
    made = train_tokenizer(kind, lines, 400 if kind == "bpe" else None, min_count=1, lower=lower)
    for line in lines:
        assert made.decode(made.encode(line)) == (line.lower() if lower else line)
    again = tokenizer_from_state(made.state())
    for text in (*lines, other):
        ids = made.encode(text)
        assert again.encode(text) == ids
        assert all(3 <= number < len(made) for number in ids)  # never padding, a beginning or an end
        assert len(made.pieces(ids)) == len(ids)


@given(
    st.lists(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2), min_size=1, max_size=9),
    st.sampled_from(SCALINGS),
    st.booleans(),
)
def test_scales_are_undone_and_those_of_training_are_what_they_say(
    rows: list[list[float]], scaling: str, centered: bool
) -> None:
    values = np.array(rows)
    scaler = Scaler.from_state(Scaler.fit(values, scaling, centered=centered).state())
    scaled = scaler.encode(values)
    assert np.isfinite(scaled).all()
    size = np.abs(values).max(axis=0) + np.abs(scaler.offset)
    assert (np.abs(scaler.decode(scaled) - values) <= 1e-12 * size + 1e-300).all()
    varies = np.ptp(values, axis=0) > np.maximum(1e-6 * size, 1e-150)  # the square of less is 0
    if centered and scaling == "minmax":
        assert scaled.min(axis=0) == pytest.approx(0, abs=1e-9)
        assert scaled.max(axis=0)[varies] == pytest.approx(1, abs=1e-9)
    if centered and scaling == "standard":
        assert scaled.mean(axis=0)[varies] == pytest.approx(0, abs=1e-6)
        assert scaled.std(axis=0)[varies] == pytest.approx(1, abs=1e-6)


@given(
    st.lists(st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from(TRANSFORMS),
)
def test_targets_are_values_again(rows: list[list[float]], transform: str) -> None:
    values = np.array(rows)
    last, future = values[:, 0], values[:, 1:]
    back = value_of(target_of(future, last, transform)[..., None], last, transform)[..., 0]
    assert back == pytest.approx(future, rel=1e-9, abs=1e-9 * values.max())


TAGS = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in "BIESMLU" for kind in ("X", "Y"))])


@given(st.lists(st.lists(TAGS, min_size=1, max_size=6), min_size=1, max_size=4))
def test_any_tags_become_tags_that_begin_before_they_go_on(rows: list[list[str]]) -> None:
    tags = [tag for row in rows for tag in row]
    firsts = np.cumsum([0, *(len(row) for row in rows)])[:-1].tolist()
    found, repaired = to_bio(tags, firsts)
    assert [tag[1:] for tag in found] == [tag[1:] for tag in tags]
    for place, tag in enumerate(found):
        if tag.startswith("I-"):
            assert place not in firsts
            assert found[place - 1][2:] == tag[2:]
    assert to_bio(found, firsts) == (found, 0)  # nothing is left to repair
    numbers = {name: number for number, name in enumerate(tag_names(["X", "Y"]))}
    spans = entity_spans(np.array([numbers[tag] for tag in found]), np.isin(np.arange(len(tags)), firsts))
    assert len(spans.starts) == sum(tag.startswith("B-") for tag in found)
    assert repaired <= sum(tag[0] not in "OB" for tag in tags)


@pytest.mark.parametrize("key", list(SCHEMES))
@given(
    train=st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y"]), min_size=1),
    others=st.lists(st.sampled_from(["B-Z", "O"])),
)
def test_a_tag_scheme_numbers_every_tag_and_comes_back(key: str, train: list[str], others: list[str]) -> None:
    if key == "bio":
        train = to_bio(train, [0])[0]  # as the reader of files does
    try:
        scheme = SCHEMES[key].of(train, [others])
    except UserError:
        assert len(set(train)) == 1  # nothing to learn
        return
    ids = scheme.encode([*train, *others])
    assert [scheme.names[number] for number in ids] == [*train, *others]
    assert all(number < scheme.num_tags for number in ids[: len(train)])
    again = scheme_from_state(scheme.state())
    assert again.names[: again.num_tags] == scheme.names[: scheme.num_tags]
    assert again.encode(train) == scheme.encode(train)


@given(st.lists(texts(1, 6), min_size=1, max_size=6), st.booleans(), st.integers(1, 5), texts(1, 6))
def test_words_come_back_from_a_checkpoint(
    words: list[str], lowercase: bool, longest: int, other: str
) -> None:
    forms = [word.lower() if lowercase else word for word in words]
    known = Vocabulary.from_counts(Counter(forms), 1), Vocabulary.from_counts(Counter("".join(words)), 1)
    coder = WordCoder(*known, lowercase, longest)
    for word in (*words, other):
        number, shape, letters = coder.encode(word)
        assert len(letters) == min(len(word), longest)
        assert shape > 0
        assert min(letters) >= known[1].unk
        assert (number == known[0].unk) == (known[0].tokens[number] != (word.lower() if lowercase else word))
    check_coder(coder, other, coder.state())


@given(st.lists(texts(0, 8), min_size=1, max_size=5), st.booleans(), st.integers(1, 6), texts(0, 8))
def test_labelled_sequences_hold_at_least_one_token_and_no_more_than_is_read(
    given_texts: list[str], boundaries: bool, longest: int, other: str
) -> None:
    labels = tuple("ab"[number % 2] for number in range(len(given_texts)))
    items = LabelledItems(tuple(given_texts), labels, np.arange(len(labels)), "file")
    settings = {"labels": ("a", "b"), "noun": "text", "boundaries": boundaries, "max_length": longest}
    read = {"ascii": longest % 2 == 0, "lower": boundaries}
    made = (
        EventCoder(unit="event", **settings),  # type: ignore[arg-type]
        *(TextCoder(unit=unit, **read, **settings) for unit in ("character", "word")),  # type: ignore[arg-type]
    )
    for bare in made:
        coder = bare.with_vocabulary(items, 1)
        special = coder.vocabulary
        for text in (*given_texts, other):
            ids = coder.encode(text)
            inner = ids[1:-1] if boundaries else ids
            assert not boundaries or (ids[0], ids[-1]) == (special.bos, special.eos)
            assert 1 <= len(inner) <= longest
            assert min(inner) >= special.unk
        check_coder(coder, other, coder.state())
