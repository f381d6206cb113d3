"""scikit-learn on names: tf-idf of character n-grams and logistic regression; n-grams and C by validation.

names_sklearn.py FOLDER: {train,val,test}.csv with the columns name and label.
"""

import csv
import json
import sys
import time
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline, make_pipeline

LONGEST = (3, 4, 5)  # n-grams of 1 to so many characters
STRENGTHS = (1.0, 10.0, 100.0)  # C


def read(path: Path) -> tuple[list[str], list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["name"] for row in rows], [row["label"] for row in rows]


def pipeline(longest: int, strength: float) -> Pipeline:
    counted = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, longest), sublinear_tf=True)
    return make_pipeline(counted, LogisticRegression(C=strength, max_iter=1000))


def main() -> None:
    train, val, test = (read(Path(sys.argv[1], f"{part}.csv")) for part in ("train", "val", "test"))
    start = time.perf_counter()
    choices = [(longest, strength) for longest in LONGEST for strength in STRENGTHS]
    best = max(choices, key=lambda choice: pipeline(*choice).fit(*train).score(*val))
    searched = time.perf_counter()
    model = pipeline(*best).fit(*train)
    fitted = time.perf_counter()
    guesses = model.predict(test[0])
    figures = {
        "accuracy": accuracy_score(test[1], guesses),
        "macro_f1": f1_score(test[1], guesses, average="macro"),
        "fit_seconds": fitted - searched,
        "search_seconds": searched - start,
        "longest": best[0],
        "C": best[1],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
