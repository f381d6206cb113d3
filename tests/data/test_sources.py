from collections.abc import Sequence
from pathlib import Path

import pytest

from seqlab.data.sources import Files, Source, chosen_way, one_file
from seqlab.errors import UserError

Part = list[int]


def load(source: Source) -> tuple[dict[str, Part], list[str]]:
    """The splits of files whose rows are 0 to 9, 100 to 109 and so on, and what was asked for."""
    asked: list[str] = []

    def read(name: str, files: Files) -> Part:
        asked.append(f"{name}={files}")
        return list(range(10 * len(asked) - 10, 10 * len(asked)))

    def divide(items: Part, shares: Sequence[float], origin: str) -> list[Part]:
        asked.append(f"{origin} {list(shares)}")
        first = round(len(items) * shares[0] / sum(shares))
        second = round(len(items) * sum(shares[:2]) / sum(shares))
        return [items[:first], items[first:second], items[second:]][: len(shares)]

    return source.load(read, lambda: list(range(900, 910)), divide), asked


def test_one_file_is_divided() -> None:
    splits, asked = load(Source(path="all.csv", split=[0.5, 0.2, 0.3]))
    assert splits == {"train": [0, 1, 2, 3, 4], "val": [5, 6], "test": [7, 8, 9]}
    assert asked == ["path=all.csv", "data.path [0.5, 0.2, 0.3]"]


def test_made_splits_stay_and_val_is_cut_off_train_alone() -> None:
    made = Source(train="a", val="b", test="c")
    assert load(made)[0] == {"train": [*range(10)], "val": [*range(10, 20)], "test": [*range(20, 30)]}
    assert not made.cuts_train
    cut = Source(train="a", test="c", split=[0.6, 0.4 / 3, 0.8 / 3])
    assert cut.cuts_train
    assert not cut.is_sample
    splits, asked = load(cut)
    assert splits == {"train": [*range(8)], "val": [8, 9], "test": [*range(10, 20)]}
    assert asked[:2] == ["train=a", "test=c"]
    assert asked[2].startswith("data.train [0.6, 0.13")


def test_nothing_given_is_the_sample() -> None:
    source = Source(split=[0.8, 0.1, 0.1])
    assert source.is_sample
    assert not source.cuts_train
    splits, asked = load(source)
    assert splits == {"train": [*range(900, 908)], "val": [908], "test": [909]}
    assert asked == ["data.sample [0.8, 0.1, 0.1]"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"path": "a", "test": "b"},
            r"data\.path and data\.test exclude each other: give one of data\.path; da",
        ),
        ({"train": "a"}, r"data\.test is missing: give data\.train and data\.test, or data\.path"),
        ({"val": "a", "test": "b"}, r"data\.train is missing"),
        (
            {"train": "a", "test": "b", "needs_val": True},
            r"data\.val is missing: give data\.train and data\.val and d",
        ),
        ({"split": [0.5, 0.5]}, r"data\.split=\[0\.5, 0\.5\]: give three positive shares"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_at_once(given: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        Source(**given)


def test_one_of_several_ways() -> None:
    ways = {"files": {"path": None, "train": None}, "pairs": {"pairs": None}}
    assert chosen_way(ways) is None
    assert chosen_way(ways | {"pairs": {"pairs": []}}) == "pairs"
    with pytest.raises(UserError, match=r"data\.train and data\.pairs exclude each other"):
        chosen_way({"files": {"path": None, "train": "a"}, "pairs": {"pairs": [1]}})


def test_a_list_where_one_file_is_read() -> None:
    assert one_file("path", "a.csv") == Path("a.csv")
    with pytest.raises(UserError, match=r"data\.path=\['a', 'b'\]: give one file"):
        one_file("path", ["a", "b"])
