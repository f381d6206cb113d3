from pathlib import Path

import pytest

from seqlab.comparing.comparison import compare_runs
from seqlab.comparing.groups import Group
from seqlab.comparing.paired import compare_pair, describe, exact_mcnemar, read_items
from seqlab.comparing.runs import find_run_folders, read_runs
from seqlab.errors import UserError


def groups(folder: Path) -> tuple[Group, Group]:
    runs, _ = read_runs(find_run_folders([folder]))
    first, second = compare_runs(runs).groups
    return first, second


def names_csv(right: str, first: int = 0) -> str:
    """One name per character of ``right``: 1 is classified as it should be."""
    lines = [f"n{first + n},A,{'A' if one == '1' else 'B'},0.9" for n, one in enumerate(right)]
    return "\n".join(["name,label,predicted,probability", *lines]) + "\n"


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        (1, 9, 0.021484375),  # 2 * (1 + 10) / 2 ** 10
        (9, 1, 0.021484375),
        (0, 5, 0.0625),  # 2 / 2 ** 5
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_by_hand(only_first: int, only_second: int, p_value: float) -> None:
    assert exact_mcnemar(only_first, only_second) == p_value


def test_mcnemar_agrees_with_the_binomial_test_of_many_items() -> None:
    from scipy.stats import binomtest

    assert exact_mcnemar(1200, 1300) == pytest.approx(binomtest(1200, 2500).pvalue)


def test_one_seed_each_by_hand(make_run, runs_folder: Path) -> None:
    make_run("a", {"val/loss": 1.0}, {"optimizer.lr": 1}, scores=names_csv("1" * 10 + "1" + "0" * 9))
    make_run("b", {"val/loss": 2.0}, {"optimizer.lr": 2}, scores=names_csv("1" * 10 + "0" + "1" * 9))
    result = compare_pair(*groups(runs_folder))
    (pair,) = result.pairs
    assert (len(pair.both), pair.means) == (20, (11 / 20, 19 / 20))
    assert pair.only_right == (1, 9)
    assert result.difference == pytest.approx(8 / 20)
    assert 0 < result.low < 0.4 < result.high < 0.8
    told = "\n".join(describe(result, (1, 2)))
    assert "exact McNemar: 1 right in row 1 alone, 9 in row 2 alone, p = 0.02148" in told
    assert "20 names: 0.5500 and 0.9500, difference +0.4000" in told


def test_seeds_pair_with_their_like_and_only_shared_items_count(make_run, runs_folder: Path) -> None:
    for seed in (0, 1):
        settings = {"seed": seed}
        make_run(f"a{seed}", {"val/loss": 1.0}, settings, scores=names_csv("0" * 30, first=100 * seed))
        other = names_csv("1" * 30, first=100 * seed + 5 * (seed + 1))
        make_run(f"b{seed}", {"val/loss": 2.0}, settings | {"optimizer.lr": 1}, scores=other)
    result = compare_pair(*groups(runs_folder))
    assert [pair.seeds for pair in result.pairs] == [(0, 0), (1, 1)]
    assert [len(pair.both) for pair in result.pairs] == [25, 20]
    assert (result.items, result.difference) == (45, 1.0)
    assert "25 names in both (of 30 and 30)" in describe(result, (1, 2))[1]


def test_an_item_of_several_seeds_is_drawn_as_one(make_run, runs_folder: Path) -> None:
    # The same 40 answers under ten seeds say no more than under one: the interval must not shrink.
    right = "10" * 20
    for seed in range(10):
        make_run(f"a{seed}", {"val/loss": 1.0}, {"seed": seed}, scores=names_csv(right))
        make_run(f"b{seed}", {"val/loss": 2.0}, {"seed": seed, "optimizer.lr": 1}, scores=names_csv("1" * 40))
    many = compare_pair(*groups(runs_folder))
    assert many.difference == 0.5
    assert many.items == 40
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.5 / 40**0.5, abs=0.06)


def test_pairs_that_say_nothing_are_refused(make_run, runs_folder: Path) -> None:
    make_run("a", {"val/loss": 1.0}, {"optimizer.lr": 1}, scores=names_csv("1" * 30))
    make_run("b", {"val/loss": 2.0}, {"optimizer.lr": 2}, scores=names_csv("1" * 30, first=11))
    with pytest.raises(UserError, match="share 19 of 30 and 30 test items; a paired test needs 20"):
        compare_pair(*groups(runs_folder))
    (runs_folder / "b" / "scores.csv").unlink()
    with pytest.raises(UserError, match=r"scores.csv: no such file"):
        compare_pair(*groups(runs_folder))
    (runs_folder / "b" / "scores.csv").write_text("step,truth,forecast\n1,1,1\n")
    with pytest.raises(UserError, match="one lists accuracy of each name, the other absolute error"):
        compare_pair(*groups(runs_folder))
    make_run("c", {"val/loss": 1.0}, {"optimizer.lr": 1, "seed": 5}, scores=names_csv("1" * 30))
    make_run("d", {"val/loss": 1.0}, {"optimizer.lr": 2, "seed": 6}, scores=names_csv("1" * 30))
    make_run("e", {"val/loss": 1.0}, {"optimizer.lr": 2, "seed": 7}, scores=names_csv("1" * 30))
    runs, _ = read_runs([runs_folder / name for name in "ade"])
    with pytest.raises(UserError, match="no seed is in both rows: 0 and 6, 7"):
        compare_pair(*compare_runs(runs).groups)


def test_one_run_each_pairs_although_their_seeds_differ(make_run, runs_folder: Path) -> None:
    make_run("a", {"val/loss": 1.0}, {"optimizer.lr": 1, "seed": 3}, scores=names_csv("1" * 20))
    make_run("b", {"val/loss": 2.0}, {"optimizer.lr": 2, "seed": 4}, scores=names_csv("1" * 20))
    told = describe(compare_pair(*groups(runs_folder)), (1, 2))
    assert "seeds 3 and 4, 20 names" in told[1]
    assert "p = 1" in told[2]


@pytest.mark.parametrize(
    ("content", "name", "values", "weights"),
    [
        (
            "block_id,label,nll_max,alert\nb1,Normal,1,False\nb2,Anomaly,9,False\nb3,,9,True\nb4,Anomaly,9,True\n",
            "right alerts",
            [1, 0, 1],
            [1, 1, 1],
        ),
        (
            "name,label,predicted,probability\nNA,X,X,1\nKim,X,Y,1\nKim,X,X,1\n",
            "accuracy",
            [1, 0, 1],
            [1] * 3,
        ),
        ("session,label,predicted,probability\na,X,X,1\nb,X,Y,1\n", "accuracy", [1, 0], [1, 1]),
        (
            "sentence,position,token,gold,predicted\n2,1,a,O,O\n2,2,nan,B,O\n10,1,c,O,O\n",
            "token accuracy",
            [0.5, 1],
            [2, 1],
        ),
        ("source,reference,translation,chrf,score\na,b,c,50,-1\n", "chrF of a sentence", [50], [1]),
        (
            "date,step,truth,forecast\n2020-01-01,1,10,12\n2020-01-02,1,10,9\n2020-01-02,2,10,7\n",
            "absolute error",
            [2, 2],
            [1, 2],
        ),
        (
            "series,date,step,truth,forecast\nA,2020-01-01,1,10,12\nB,2020-01-01,1,10,11\n",
            "absolute error",
            [2, 1],
            [1, 1],
        ),
        ("step,truth,forecast\n1,10,12\n1,10,9\n", "absolute error", [2, 1], [1, 1]),
        (
            "line,characters,loss,unknown,text\n1,1,,0,a\n2,4,0.5,0,null\n3,2,1.5,0,b\n",
            "loss in nats per character",
            [0.5, 1.5],
            [4, 2],
        ),
    ],
)
def test_items_of_every_task(
    tmp_path: Path, content: str, name: str, values: list[float], weights: list[float]
) -> None:
    (tmp_path / "scores.csv").write_text(content)
    items = read_items(tmp_path / "scores.csv")
    assert items.quantity.name == name
    assert items.table["value"].tolist() == values
    assert items.table["weight"].tolist() == weights
    assert items.table.index.is_unique


def test_files_that_are_no_scores_are_told(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="columns a, b are of no known task"):
        read_items(path)
    path.write_text("")
    with pytest.raises(UserError, match="cannot be read as a CSV"):
        read_items(path)
    path.write_text("step,truth,forecast\n1,ten,2\n")
    with pytest.raises(UserError, match="ten"):
        read_items(path)
