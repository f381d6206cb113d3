"""Figures of a run's scores.csv as public packages count them: metrics.py KIND FILE. Prints {key: value}."""

import csv
import json
import sys
from itertools import groupby

import sacrebleu
import seqeval.metrics
import torch
from seqeval.scheme import IOB2
from sklearn import metrics as sklearn
from torchmetrics import classification, regression

Rows = list[dict[str, str]]


def numbers(rows: Rows, column: str) -> torch.Tensor:
    return torch.tensor([float(row[column]) for row in rows], dtype=torch.float64)


def detection(rows: Rows) -> dict[str, float]:
    labels = torch.tensor([row["label"] == "Anomaly" for row in rows]).long()
    alerts = [row["alert"] == "True" for row in rows]
    scores = numbers(rows, "combined")
    found = {
        "torchmetrics test/auroc": classification.BinaryAUROC()(scores.sigmoid(), labels).item(),
        "torchmetrics test/average_precision": classification.BinaryAveragePrecision()(
            scores.sigmoid(), labels
        ).item(),
        "scikit-learn test/auroc": sklearn.roc_auc_score(labels, scores),
        "scikit-learn test/average_precision": sklearn.average_precision_score(labels, scores),
    }
    alert = torch.tensor(alerts).long()
    for name, metric in (
        ("precision", classification.BinaryPrecision()),
        ("recall", classification.BinaryRecall()),
        ("f1", classification.BinaryF1Score()),
    ):
        found[f"torchmetrics test/{name}"] = metric(alert, labels).item()
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(labels, alerts, average="binary")
    return found | {
        "scikit-learn test/precision": precision,
        "scikit-learn test/recall": recall,
        "scikit-learn test/f1": f1,
    }


def forecasting(rows: Rows) -> dict[str, float]:
    truth, forecast = numbers(rows, "truth"), numbers(rows, "forecast")
    return {
        "torchmetrics test/mae": regression.MeanAbsoluteError().double()(forecast, truth).item(),
        "torchmetrics test/rmse": regression.MeanSquaredError(squared=False)(forecast, truth).item(),
        "scikit-learn test/mae": sklearn.mean_absolute_error(truth, forecast),
        "scikit-learn test/rmse": sklearn.root_mean_squared_error(truth, forecast),
    }


def classes(rows: Rows) -> dict[str, float]:
    gold, predicted = [row["label"] for row in rows], [row["predicted"] for row in rows]
    labels = sorted({*gold, *predicted})
    ids = [torch.tensor([labels.index(label) for label in column]) for column in (predicted, gold)]
    accuracy = classification.MulticlassAccuracy(len(labels), average="micro")
    return {
        "torchmetrics test/accuracy": accuracy(*ids).item(),
        "torchmetrics test/macro_f1": classification.MulticlassF1Score(len(labels), average="macro")(
            *ids
        ).item(),
        "scikit-learn test/accuracy": sklearn.accuracy_score(gold, predicted),
        "scikit-learn test/macro_f1": sklearn.f1_score(gold, predicted, average="macro"),
    }


def tagging(rows: Rows) -> dict[str, float]:
    gold, predicted = [], []
    for _, sentence in groupby(rows, key=lambda row: row["sentence"]):
        tokens = list(sentence)
        gold.append([row["gold"] for row in tokens])
        predicted.append([row["predicted"] for row in tokens])
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    return {
        "seqeval test/entity_f1": seqeval.metrics.f1_score(gold, predicted, zero_division=0),
        "seqeval test/entity_precision": seqeval.metrics.precision_score(gold, predicted, zero_division=0),
        "seqeval test/entity_recall": seqeval.metrics.recall_score(gold, predicted, zero_division=0),
        "seqeval strict test/entity_f1": seqeval.metrics.f1_score(gold, predicted, **strict),
        "seqeval test/token_accuracy": seqeval.metrics.accuracy_score(gold, predicted),
    }


def translation(rows: Rows) -> dict[str, float]:
    columns = [row["translation"] for row in rows], [[row["reference"] for row in rows]]
    return {
        "sacrebleu test/bleu": sacrebleu.corpus_bleu(*columns).score,
        "sacrebleu test/chrf": sacrebleu.corpus_chrf(*columns).score,
    }


KINDS = {
    "detection": detection,
    "forecasting": forecasting,
    "classification": classes,
    "tagging": tagging,
    "translation": translation,
}

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    with open(sys.argv[2], encoding="utf-8", newline="") as file:
        print(json.dumps(KINDS[sys.argv[1]](list(csv.DictReader(file)))))
