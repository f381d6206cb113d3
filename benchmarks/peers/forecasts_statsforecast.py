"""statsforecast's naive models: forecasts_statsforecast.py FILE HORIZON TEST_SIZE SEASON; season 0 for none.

FILE: a CSV of unique_id, ds (whole numbers) and y. A window begins at each step of the test part.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import Naive, SeasonalNaive


def main() -> None:
    table = pd.read_csv(sys.argv[1])[["unique_id", "ds", "y"]]
    horizon, test_size, season = map(int, sys.argv[2:5])
    models = [Naive(), *([SeasonalNaive(season)] if season else [])]
    forecaster = StatsForecast(models=models, freq=1, n_jobs=1)
    start = time.perf_counter()
    found = forecaster.cross_validation(
        h=horizon, df=table, step_size=1, n_windows=test_size - horizon + 1, refit=True
    )
    figures = {"fit_and_test_seconds": time.perf_counter() - start, "windows": len(found) / horizon}
    for model in models:
        error = (found["y"] - found[model.alias]).abs()
        figures[f"mae_{model.alias}"] = float(error.mean())
    figures["mae"] = float(np.min([figures[f"mae_{model.alias}"] for model in models]))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
