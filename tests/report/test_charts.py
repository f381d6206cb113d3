import json
import math
import re
from html import unescape

import numpy as np
import pytest

from seqlab.report.charts import line_chart, precision_recall_chart, roc_curve_chart, thin
from seqlab.report.heat_map import heat_map
from seqlab.report.histogram import score_histogram

Roc = tuple[np.ndarray, np.ndarray]


def drawn_points(html: str, series: int) -> int:
    """Points of the longest line in the color of a series."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*stroke: var\(--series-{series}\)', html)
    return max(len(re.findall("[ML]", path)) for path in paths)


def test_charts_take_their_colors_and_font_from_the_page(roc: Roc) -> None:
    html = roc_curve_chart({"gru": roc})
    assert "var(--series-1)" in html
    assert not re.search(r"#[0-9a-f]{6}", html), "a color of matplotlib's own is left"
    assert "DejaVu" not in html
    assert "<text" in html
    assert 'role="img"' in html
    assert re.search(r'aria-label="ROC curves: gru"', html)


def test_charts_hold_no_ids_scripts_styles_or_dates(roc: Roc) -> None:
    for html in (roc_curve_chart({"gru": roc}), score_histogram([1, 2], [3], 2.5, "gru")):
        assert not re.search(r"\sid=|href=|url\(|<style|<metadata|<script|<\?xml|xmlns|<!", html)


@pytest.mark.filterwarnings("error")
def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    assert "사용량" in line_chart({"사용량": ([1.0, 2.0], [3.0, 4.0])}, "날", "전력")


def test_long_curves_are_thinned_but_keep_their_ends_and_spikes(roc: Roc) -> None:
    x = np.arange(100_000.0)
    y = np.zeros_like(x)
    y[51_234] = 7.0
    keep = thin(x, y)
    assert len(keep) <= 400
    assert keep[0] == 0
    assert keep[-1] == 99_999
    assert 51_234 in keep
    html = roc_curve_chart({"gru": roc})
    assert drawn_points(html, 1) <= 400
    assert len(html) < 20_000


def test_precision_recall_steps_whichever_way_it_is_ordered() -> None:
    precision, recall = [0.2, 0.5, 1.0], [1.0, 0.6, 0.0]
    forward = precision_recall_chart({"gru": (precision, recall)})
    assert forward == precision_recall_chart({"gru": (precision[::-1], recall[::-1])})
    assert drawn_points(forward, 1) == 5, "three points make two steps of three and two corners"


def test_prevalence_is_drawn_only_if_known() -> None:
    given = {"gru": ([1, 0.5], [0.0, 1.0])}
    assert "blind guess" in precision_recall_chart(given, prevalence=0.03)
    assert "blind guess" not in precision_recall_chart(given)


def test_losses_that_are_not_finite_are_left_out_and_counted() -> None:
    html = line_chart({"training": ([1, 2, 3], [1.0, math.nan, math.inf])}, "epoch", "loss", title="Loss")
    assert "Left out because not finite: 2 of training." in html
    assert "nan" not in html.lower().replace("finite", "")


@pytest.mark.parametrize("values", [[], [math.nan], [2.5], [2.5, 2.5]])
def test_short_and_empty_lines_are_drawn(values: list[float]) -> None:
    html = line_chart({"training": (list(range(len(values))), values)}, "epoch", "loss")
    assert "<svg" in html
    assert ("no data" in html) == (not np.isfinite(values).any())


def test_a_curve_needs_one_y_per_x() -> None:
    with pytest.raises(ValueError, match=r"2 x values and 1 y values"):
        line_chart({"training": ([1, 2], [1.0])}, "epoch", "loss")


def test_the_threshold_is_drawn_and_labeled() -> None:
    html = score_histogram([0.1, 0.2, 0.5, 1.0], [9.0, 100.0], 4.25, "gru")
    assert re.search(r"<text[^>]*>threshold 4\.25</text>", html)
    assert re.search(r'stroke-dasharray[^"]*stroke: var\(--ink\)', html)


def test_each_class_sums_to_its_own_whole() -> None:
    html = score_histogram(np.zeros(9999), [0, 1, 1, 1], 0.5, "unseen keys")
    assert "normal (9,999)" in html
    assert "abnormal (4)" in html
    assert ">100 %</text>" in html


def test_scores_over_orders_of_magnitude_get_a_logarithmic_axis_with_a_place_for_zero() -> None:
    html = score_histogram([0.0, 0.001, 0.01, 0.1, 1.0], [100.0], 10.0, "gru")
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", html)
    assert "0" in labels
    assert "100" in labels


@pytest.mark.parametrize(
    ("normal", "abnormal", "threshold"),
    [
        ([], [], 1.0),
        ([1.0], [], 1.0),
        ([], [2.0], 1.0),
        ([math.nan, math.inf], [], 1.0),
        ([1.0, math.nan], [math.inf, 3.0], math.nan),
        ([5.0] * 10, [5.0], 5.0),
        ([0.0] * 10, [], 0.0),
        ([-3.5, 2.25], [100.0], 1e6),
        ([1e-300, 1e300], [], 1.0),
        (list(range(500)), [1e9], -7.5),
    ],
)
def test_any_scores_give_a_chart_or_a_sentence(
    normal: list[float], abnormal: list[float], threshold: float
) -> None:
    html = score_histogram(normal, abnormal, threshold, "gru")
    finite = np.isfinite(normal).any() or np.isfinite(abnormal).any()
    assert ("<svg" in html) == finite
    assert not re.search(r"[ ML\"](nan|inf)\b", html)


def test_scores_left_out_are_counted() -> None:
    assert "2 scores that are not finite are left out." in score_histogram(
        [1, math.nan, math.inf], [], 1, "gru"
    )


def test_a_heat_map_shades_by_value() -> None:
    html = heat_map(
        [[0, 1], [0.5, math.nan]], ["a", "b"], ["c", "d"], "blk", row_title="to", column_title="from"
    )
    rows = re.findall(r"<tr><th[^>]*>(.)</th>(.*)</tr>", html)
    assert rows == [
        ("a", "<td></td><td style=--v:20></td>"),
        ("b", "<td style=--v:10></td><td></td>"),
    ], "zero and NaN stay blank"


def test_a_large_heat_map_stays_small_and_says_what_it_cuts() -> None:
    names = [f"E{place}" for place in range(90)]
    weights = np.random.default_rng(0).random((90, 90))
    html = heat_map(weights, names, names, "blk", row_title="to", column_title="from")
    assert len(html) < 120_000
    assert "The first 64 of 90 rows and 64 of 90 columns." in html


def test_heat_map_labels_fit_the_matrix_and_are_escaped() -> None:
    with pytest.raises(
        ValueError, match=r"matrix is \(1, 2\) but there are 1 row labels and 1 column labels"
    ):
        heat_map([[0, 1]], ["a"], ["b"], "blk", row_title="to", column_title="from")
    html = heat_map([[1]], ["<b>"], ["</s>"], "<i>", row_title="<u>", column_title="<q>")
    assert not re.search(r"<(b|/s|i|u|q)>", html)
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize("matrix", [np.zeros((0, 0)), np.zeros((2, 2)), np.full((2, 2), math.nan)])
def test_heat_maps_without_weights_are_drawn(matrix: np.ndarray) -> None:
    names = ["a", "b"][: len(matrix)]
    assert "blk" in heat_map(matrix, names, names, "blk", row_title="to", column_title="from")


def test_counts_stand_in_the_cells_of_a_heat_map() -> None:
    html = heat_map(
        [[0, 1], [0.4, 0.6]],
        "ab",
        "cd",
        "m",
        row_title="r",
        column_title="c",
        texts=[["", "1,234"], ["2", "3"]],
    )
    assert "<td></td><td class=dark style=--v:20>1,234</td>" in html
    assert "<td style=--v:8>2</td><td class=dark style=--v:12>3</td>" in html


def test_figures_that_cannot_be_negative_have_no_axis_below_zero() -> None:
    html = line_chart({"learning rate": ([1], [0.0])}, "epoch", "learning rate")
    assert not re.search(r">−[\d.]+</text>", html)


def test_the_rate_of_false_alarms_is_logarithmic_and_the_threshold_a_point(roc: Roc) -> None:
    html = roc_curve_chart({"gru": roc}, chosen=(0.001, 0.5), num_negative=1000)
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", html)
    assert {"0", "0.001", "0.01", "0.1", "1"} <= set(labels)
    assert "this run&#39;s threshold" in html
    assert "this run" not in roc_curve_chart({"gru": roc})
    data = json.loads(unescape(re.search(r'data-chart="([^"]*)"', html)[1]))  # type: ignore[index]
    assert (data["label"], data["xscale"][0]) == ("false positive rate", 0.001)


def test_values_for_the_script_are_escaped() -> None:
    evil = "</script>\u2028\"'><img src=x>"
    html = line_chart({evil: ([1, 2], [1.0, math.nan])}, evil, "y")
    found = re.search(r'data-chart="([^"]*)"', html)
    assert found is not None
    assert "<" not in found[1]
    assert json.loads(unescape(found[1]))["lines"][0]["name"] == evil
