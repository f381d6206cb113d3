import pytest

from seqlab.data.pair_splits import divide_pairs, literal_pairs, without_held_out
from seqlab.errors import UserError

PAIRS = [(f"s{number}", f"t{number}") for number in range(10)]


def test_every_pair_is_in_one_part_and_the_seed_draws_which() -> None:
    parts = divide_pairs(PAIRS, (0.6, 0.2, 0.2), 0, "pairs.tsv")
    assert {name: len(part) for name, part in parts.items()} == {"train": 6, "val": 2, "test": 2}
    assert sorted(pair for part in parts.values() for pair in part) == PAIRS
    assert divide_pairs(PAIRS, (0.6, 0.2, 0.2), 0, "") == parts
    assert divide_pairs(PAIRS, (0.6, 0.2, 0.2), 1, "") != parts
    with pytest.raises(UserError, match=r"pairs\.tsv: 3 distinct pairs do not fill"):
        divide_pairs(PAIRS[:3], (0.8, 0.1, 0.1), 0, "pairs.tsv")


def test_training_pairs_that_are_held_out_are_left_out() -> None:
    assert without_held_out(PAIRS[:5], PAIRS[:1], PAIRS[4:6]) == PAIRS[1:4]
    with pytest.raises(UserError, match="all 2 training pairs stand in val or test as well"):
        without_held_out(PAIRS[:2], PAIRS[:1], PAIRS[1:])


def test_pairs_of_a_config_are_cleaned() -> None:
    assert literal_pairs([["a  b ", "e\u0301"]]) == [("a b", "é")]
