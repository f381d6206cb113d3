"""How many false alarms a threshold gives against its aim, and what it finds.

    python benchmarks/threshold_study.py docs/thresholds.svg

Scores of normal sessions are drawn from known distributions, so that the true false-positive rate of a
threshold is known. Two rules: the one in use (``fit_threshold``), and a generalized Pareto tail fitted above
the 90 % quantile, from which the threshold is read off (peaks over threshold; shape held between 0 and 0.5).
Abnormal sessions score as normal ones do, moved up so that half of them lie above the 99.99 % quantile of
normals.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

from seqlab.detection.thresholds import fit_tail, fit_threshold, supported_aim

AIM = 0.001
SIZES = (50, 200, 500, 1000, 3000, 10_000, 50_000)
FITS = 100
GRID = 1 - np.logspace(0, -8, 400_001)[1:]  # probabilities, ever closer to 1


def lumpy(probability: np.ndarray) -> np.ndarray:
    """Sessions of few kinds: scores of whole numbers, exponential."""
    return np.floor(stats.expon.ppf(probability))


TAILS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bounded (uniform)": stats.uniform.ppf,
    "light (normal)": stats.norm.ppf,
    "exponential": stats.expon.ppf,
    "heavy (Pareto, shape 0.3)": stats.genpareto(0.3).ppf,
    "lumpy (exponential, whole numbers)": lumpy,
}


def fitted_tail(scores: np.ndarray) -> float:
    """The threshold that a fitted tail gives, the quantile where ten scores lie beyond it."""
    if len(scores) * AIM >= 10:
        return float(np.quantile(scores, 1 - AIM, method="higher"))
    padded = (
        scores if len(scores) >= 100 else np.repeat(scores, -(-100 // len(scores)))
    )  # fit it all the same
    tail = fit_tail(padded)
    if tail is None or tail.share <= AIM:
        return float(scores.max())
    ratio = tail.share / AIM
    growth = np.log(ratio) if tail.shape < 1e-9 else (ratio**tail.shape - 1) / tail.shape
    return float(tail.start + tail.scale * growth)


RULES = {"in use": lambda scores: fit_threshold(scores, AIM).value, "fitted tail": fitted_tail}


def study(quantile: Callable[[np.ndarray], np.ndarray], size: int) -> dict[str, tuple[np.ndarray, float]]:
    """{rule: ((FITS,) false-positive rates as multiples of the aim, mean recall)}."""
    values = quantile(GRID)
    moved = float(quantile(np.asarray(0.9999)) - quantile(np.asarray(0.5)))

    def above(threshold: float) -> float:
        place = int(np.searchsorted(values, threshold, side="right"))
        return 1.0 - (GRID[place - 1] if place else 0.0)

    found = {}
    for name, rule in RULES.items():
        rng = np.random.default_rng(size)
        thresholds = [rule(quantile(rng.random(size))) for _ in range(FITS)]
        rates = np.asarray([above(threshold) for threshold in thresholds]) / AIM
        found[name] = rates, float(np.mean([above(threshold - moved) for threshold in thresholds]))
    return found


def draw(path: Path, means: dict[str, dict[str, list[float]]]) -> None:
    """One panel a rule: mean false-positive rate over the aim by number of normals, a line a tail."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "thresholds"
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axes, rule in zip(panels, RULES, strict=True):
        for tail, by_rule in means.items():
            axes.plot(SIZES, np.maximum(by_rule[rule], 1e-2), marker="o", markersize=3, label=tail)
        axes.plot(SIZES, [supported_aim(size, AIM) / AIM for size in SIZES], "k:", label="aim supported")
        axes.axhspan(1 / 3, 3, color="0.92", zorder=0)
        axes.set(xscale="log", yscale="log", title=rule, xlabel="normal sessions", ylim=(0.01, 40))
    panels[0].set_ylabel("false-positive rate / aim")
    panels[0].legend(fontsize=7, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("picture", type=Path, nargs="?", help="an SVG to write")
    picture = parser.parse_args().picture
    means: dict[str, dict[str, list[float]]] = {tail: {rule: [] for rule in RULES} for tail in TAILS}
    columns = [f"{rule}: FPR / aim | 5 to 95 % | recall" for rule in RULES]
    print(f"| tail | normals | {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|")
    for tail, quantile in TAILS.items():
        for size in SIZES:
            cells = []
            for rule, (rates, recall) in study(quantile, size).items():
                means[tail][rule].append(float(rates.mean()))
                low, high = np.quantile(rates, (0.05, 0.95))
                cells += [f"{rates.mean():.2f}", f"{low:.2f} to {high:.2f}", f"{recall:.2f}"]
            print(f"| {tail} | {size:,} | " + " | ".join(cells) + " |", flush=True)
    if picture is not None:
        draw(picture, means)


if __name__ == "__main__":
    main()
