"""Metrics: the figures of runs as seqeval, sacreBLEU, torchmetrics and scikit-learn count them.

    python benchmarks/peers_metrics.py --data FOLDER             # short runs on the real files
    python benchmarks/peers_metrics.py --runs gru=RUN lstm=RUN   # of finished runs

The packages read scores.csv, which rounds to some digits, and say each figure of metrics.json anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import origin, peer_python, process, run  # noqa: E402

HDFS = "{data}/hdfs/loghub_sequences"
KINDS = {  # what metrics.py calls it, and a short run; {data}: the folder of the real data
    "gru": (
        "detection",
        f"data.normal={HDFS}/normal.txt data.abnormal={HDFS}/abnormal.txt trainer.max_epochs=4",
    ),
    "lstm": ("forecasting", "data.path={data}/stock/data-02-stock_daily.csv data.reverse=true"),
    "name_classifier": (
        "classification",
        "data.train={data}/names/names_train.csv.gz data.test={data}/names/names_test.csv.gz "
        "data.split=[0.9,0.05,0.05] model.network.num_readers=1 trainer.max_epochs=2",
    ),
    "entity_tagger": (
        "tagging",
        "data.train={data}/ner/wnut17/wnut17train.conll data.val={data}/ner/wnut17/emerging.dev.conll "
        "data.test={data}/ner/wnut17/emerging.test.annotated trainer.max_epochs=3",
    ),
    "seq2seq": ("translation", ""),  # the synthetic sample: a short run on Multi30k translates nothing
}
CLOSE = 1e-9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="the folder of the real data: trains first")
    source.add_argument("--runs", nargs="+", metavar="MODEL=RUN", help="run folders")
    arguments = parser.parse_args()
    python = peer_python("metrics")
    start = time.perf_counter()
    print("| model | figure | by | it | seqlab | difference |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folders = {
            name: Path(folder) for name, _, folder in (each.partition("=") for each in arguments.runs or ())
        }
        for model, (kind, overrides) in KINDS.items():
            if arguments.data is not None:
                folders[model] = Path(temporary, model)
                words = overrides.format(data=arguments.data.resolve()).split()
                run(f"model={model}", *words, folder=folders[model])
            if model not in folders:
                continue
            ours = json.loads((folders[model] / "metrics.json").read_text(encoding="utf-8"))
            theirs = process(python, "metrics.py", kind, str(folders[model] / "scores.csv"))
            for name, value in theirs.items():
                package, _, key = name.rpartition(" ")
                if key in ours:
                    apart = abs(value - ours[key])
                    told = f"{apart:.0e}" if apart > CLOSE else "equal to 1e-9"
                    print(f"| {model} | `{key}` | {package} | {value:.9g} | {ours[key]:.9g} | {told} |")
    print("\n" + origin(time.perf_counter() - start, 1, "metrics"))


if __name__ == "__main__":
    main()
