import unicodedata

from seqlab.data.samples.names import simulate_names


def test_names_are_drawn_by_their_own_seed() -> None:
    first, again, other = (simulate_names(num_names=300, seed=seed) for seed in (0, 0, 1))
    assert first.texts == again.texts
    assert first.texts != other.texts


def test_names_are_of_several_scripts_and_unevenly_many() -> None:
    found = simulate_names(num_names=1000)
    letters = set("".join(found.texts))
    assert {"김", "ñ", "č"} < letters
    assert all(unicodedata.is_normalized("NFC", name) for name in found.texts)
    counts = [found.labels.count(label) for label in sorted(set(found.labels))]
    assert len(counts) == 10
    assert max(counts) > 2 * min(counts)


def test_some_names_are_of_families_that_moved_and_some_lost_their_accents() -> None:
    found = simulate_names(num_names=3000)
    hangul = [label for name, label in zip(found.texts, found.labels, strict=True) if name[0] >= "가"]
    moved = sum(label != "Korean" for label in hangul) / len(hangul)
    assert 0.01 < moved < 0.15
    spellings = {name for name in found.texts if name in ("Gómez", "Gomez", "Müller", "Muller")}
    assert spellings >= {"Müller", "Muller"}
