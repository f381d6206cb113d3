"""neuralforecast's LSTM at its defaults.

    forecasts_neuralforecast.py FILE HORIZON INPUT VAL_SIZE TEST_SIZE SEED [KNOWN...]

FILE: a CSV of unique_id, ds (whole numbers), y, and further columns that are read of the past; KNOWN are
known ahead. Stops early on the validation part. A window begins at each step of the test part.
"""

import json
import logging
import sys
import time

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM


def main() -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    table = pd.read_csv(sys.argv[1])
    horizon, input_size, val_size, test_size, seed = map(int, sys.argv[2:7])
    known = sys.argv[7:]
    others = [name for name in table.columns if name not in ("unique_id", "ds", "y", *known)]
    model = LSTM(
        h=horizon,
        input_size=input_size,
        hist_exog_list=others or None,
        futr_exog_list=known or None,
        early_stop_patience_steps=5,
        random_seed=seed,
        enable_progress_bar=False,
        logger=False,
        enable_checkpointing=False,
    )
    forecaster = NeuralForecast(models=[model], freq=1)
    start = time.perf_counter()
    found = forecaster.cross_validation(
        df=table, n_windows=None, val_size=val_size, test_size=test_size, step_size=1
    )
    figures = {
        "fit_and_test_seconds": time.perf_counter() - start,
        "mae": float((found["y"] - found["LSTM"]).abs().mean()),
        "windows": len(found) / horizon,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
