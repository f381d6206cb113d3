from pathlib import Path

from seqlab.data.few_items import few_items, few_of_a_class
from seqlab.data.labelled_text import Names


def test_splits_of_fewer_than_thirty_items_are_named() -> None:
    assert few_items("names", {"val": 30, "test": 1_000}) == []
    assert few_items("names", {"val": 29, "test": 30}) == [
        "the val part has few names (29, fewer than 30): the choice of the checkpoint and val/ "
        "figures rest on them"
    ]


def test_rare_classes_are_named_rarest_first() -> None:
    counts = {"a": 29, "b": 30, "c": 0} | {f"d{number}": 5 + number for number in range(6)}
    assert few_of_a_class("names", "labels", {"b": 30}) == []
    assert few_of_a_class("names", "labels", counts) == [
        "8 of 9 labels have fewer than 30 test names (c 0, d0 5, d1 6, d2 7, d3 8, d4 9 and 2 more): their "
        "own figures, and means over classes, rest on few"
    ]


def test_names_say_how_few_they_are_judged_by(tmp_path: Path) -> None:
    def told(counts: dict[str, int]) -> list[str]:
        rows = [f"{label}{number},{label}" for label, count in counts.items() for number in range(count)]
        path = tmp_path / "names.csv"
        path.write_text("\n".join(rows), encoding="utf-8")
        data = Names(path=path, split=[0.4, 0.3, 0.3])
        data.setup()
        return [notice.split(" (")[0] for notice in data.notices]

    assert told({"a": 200, "b": 200}) == []
    assert told({"a": 200, "b": 90}) == ["1 of 2 labels have fewer than 30 test names"]
    assert told({"a": 20, "b": 20}) == [
        "the val part has few names",
        "the test part has few names",
    ]
