"""Metrics by scikit-learn, the oracle for ours; the calibration error, which it lacks, by its paper's formula.
Usage: metrics.py > metrics.json (pip install scikit-learn)"""
import json
import warnings

import numpy as np
import sklearn
from sklearn import metrics as sk

warnings.simplefilter("ignore")
random = np.random.default_rng(20261125)
N, K = 40, 4


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


classes = random.integers(0, K, N)
probabilities = softmax(random.normal(size=(N, K)) + 1.2 * np.eye(K)[classes])
bits = random.integers(0, 2, (N, 1)).astype(float)
# Rounded, so that there are ties.
chances = np.round(1 / (1 + np.exp(-(random.normal(size=(N, 1)) + 2 * bits - 1))), 1) * 0.98 + 0.011
several = random.integers(0, 2, (N, 3)).astype(float)
many = 1 / (1 + np.exp(-(random.normal(size=(N, 3)) + 2 * several - 1)))
numbers = random.normal(size=(N, 2)) * 3 + 1000
guesses = numbers + random.normal(size=(N, 2))
scores = random.normal(size=(N, 1)) + 2 * bits - 1
# As the program has them.
probabilities, chances, many, numbers, guesses, scores = (
    x.astype(np.float32).astype(float) for x in (probabilities, chances, many, numbers, guesses, scores))

KINDS = {
    "classes": ("classes", ["a", "b", "c", "d"], False, probabilities, classes),
    "binary": ("binary", ["no", "yes"], True, chances, bits),
    "several": ("binary", ["u", "v", "w"], False, many, several),
    "margin": ("margin", ["no", "yes"], True, scores, bits),
    "numbers": ("numbers", ["x", "y"], False, guesses, numbers),
}
answers = probabilities.argmax(1)
said, truth = (chances > 0.5).astype(int)[:, 0], bits.astype(int)[:, 0]
scored = (scores > 0).astype(int)[:, 0]
marked, marks = (many > 0.5).astype(int), several.astype(int)


def calibration(confidence, right, bins):
    places = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1)
    return sum(abs(confidence[places == b].sum() - right[places == b].sum()) for b in range(bins)) / len(right)


cases = []


def case(metric, kind, values, file=None):
    values = np.atleast_1d(values).astype(float).tolist() if values is not None else []
    cases.append({"metric": metric, "data": kind, "values": values, "file": file})


case({"type": "accuracy"}, "classes", sk.accuracy_score(classes, answers))
case({"type": "accuracy"}, "binary", sk.accuracy_score(truth, said))
case({"type": "accuracy"}, "several", (marked == marks).mean())
case({"type": "accuracy"}, "margin", sk.accuracy_score(truth, scored))
for k in (2, 3):
    case({"type": "top_k_accuracy", "k": k}, "classes", sk.top_k_accuracy_score(classes, probabilities, k=k))
for name, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
    for average in ("macro", "micro", "none"):
        by = None if average == "none" else average
        case({"type": name, "average": average}, "classes", score(classes, answers, average=by))
        case({"type": name, "average": average}, "several", score(marks, marked, average=by))
    case({"type": name}, "binary", score(truth, said))
    case({"type": name}, "margin", score(truth, scored))
case({"type": "roc_auc"}, "binary", sk.roc_auc_score(truth, chances[:, 0]))
case({"type": "roc_auc"}, "margin", sk.roc_auc_score(truth, scores[:, 0]))
case({"type": "roc_auc"}, "classes", sk.roc_auc_score(np.eye(K)[classes], probabilities, average="macro"))
case({"type": "roc_auc"}, "several", sk.roc_auc_score(marks, many, average="macro"))
case({"type": "pr_auc"}, "binary", sk.average_precision_score(truth, chances[:, 0]))
case({"type": "pr_auc"}, "classes", sk.average_precision_score(np.eye(K)[classes], probabilities, average="macro"))
case({"type": "pr_auc"}, "several", sk.average_precision_score(marks, many, average="macro"))
case({"type": "log_loss"}, "classes", sk.log_loss(classes, probabilities))
case({"type": "log_loss"}, "binary", sk.log_loss(truth, chances[:, 0]))
case({"type": "log_loss"}, "several", np.mean([sk.log_loss(marks[:, i], many[:, i]) for i in range(3)]))
case({"type": "expected_calibration_error"}, "classes", calibration(probabilities.max(1), answers == classes, 15))
case({"type": "expected_calibration_error", "bins": 4}, "binary",
     calibration(np.maximum(chances, 1 - chances)[:, 0], said == truth, 4))
case({"type": "confusion_matrix"}, "classes", None,
     {"labels": KINDS["classes"][1], "matrix": sk.confusion_matrix(classes, answers).tolist()})
case({"type": "confusion_matrix"}, "binary", None,
     {"labels": KINDS["binary"][1], "matrix": sk.confusion_matrix(truth, said).tolist()})
case({"type": "confusion_matrix"}, "several", None, {
    "labels": KINDS["several"][1],
    "matrices": dict(zip(KINDS["several"][1], sk.multilabel_confusion_matrix(marks, marked).tolist()))})
case({"type": "mean_squared_error"}, "numbers", sk.mean_squared_error(numbers, guesses))
case({"type": "root_mean_squared_error"}, "numbers", sk.mean_squared_error(numbers, guesses) ** 0.5)
case({"type": "mean_absolute_error"}, "numbers", sk.mean_absolute_error(numbers, guesses))
case({"type": "mean_absolute_percentage_error"}, "numbers", 100 * sk.mean_absolute_percentage_error(numbers, guesses))
case({"type": "r2"}, "numbers", sk.r2_score(numbers, guesses))
report = sk.classification_report(classes, answers, target_names=KINDS["classes"][1], output_dict=True)
case({"type": "classification_report"}, "classes", None, report)
NAMES = ("task", "labels", "one_of_two", "output", "target")
data = {kind: dict(zip(NAMES, (*fields[:3], fields[3].tolist(), fields[4].tolist()))) for kind, fields in KINDS.items()}
lines = ",\n".join(json.dumps(case) for case in cases)
print(f'{{"by": "scikit-learn {sklearn.__version__}", "data": {json.dumps(data)}, "cases": [\n{lines}\n]}}')
