"""The default settings on five small tables, against scikit-learn's own networks; five random splits, both in turn.

    python -m benchmarks.small_tables [--splits 5] [--threads 1] [--only NAME] [--inner]
                                      [-o benchmarks/results/small_tables.json]

Iris, wine, breast cancer and digits by accuracy, diabetes by R². A quarter of the examples is the test, by class.
scikit-learn's MLPClassifier or MLPRegressor has default settings, standardised inputs and all the rest to learn from;
pellucid keeps a part of the same rest to choose the best epoch on. With --inner both are compared inside the training
part of each split, where settings may be chosen: no test example is seen.
"""

import argparse
import json
import statistics
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn import datasets, metrics
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pellucid
from benchmarks.machine import machine, spread
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.splitting import split_indices
from pellucid.networks.mlp import TABLE_HIDDEN
from pellucid.tasks import Task

TEST_SHARE = 0.25
TABLES: dict[str, tuple[Any, Task]] = {
    "iris": (datasets.load_iris, "multiclass"),
    "wine": (datasets.load_wine, "multiclass"),
    "breast cancer": (datasets.load_breast_cancer, "binary"),
    "digits": (datasets.load_digits, "multiclass"),
    "diabetes": (datasets.load_diabetes, "regression"),
}
Numbers = NDArray[Any]


def main() -> None:
    """Train both on each split of each table and write mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="the name of one table")
    parser.add_argument("--inner", action="store_true", help="compare inside the training parts; writes only with -o")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = {}
    for name, (load, task) in TABLES.items():
        if arguments.only not in (None, name):
            continue
        inputs, labels = load(return_X_y=True)
        ours, theirs = [], []
        for seed, train, test in splits(labels, task, arguments.splits, is_inner=arguments.inner):
            wanted = labels[test]
            ours.append(
                score(pellucid_answers(inputs, labels, task, train, test, seed, arguments.threads), wanted, task)
            )
            theirs.append(score(scikit_learn_answers(inputs, labels, task, train, test, seed), wanted, task))
        rows[name] = {"measure": "R2" if task == "regression" else "accuracy", **summed_up(ours, theirs)}
        mean, other = statistics.mean(ours), statistics.mean(theirs)
        print(f"{name:16}pellucid {mean:.4f}  scikit-learn {other:.4f}  difference {mean - other:+.4f}", flush=True)
    output = arguments.output
    if output is None and not arguments.inner and arguments.only is None:
        output = Path(__file__).parent / "results/small_tables.json"
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        result = {"machine": machine(arguments.threads), "hidden": list(TABLE_HIDDEN), "tables": rows}
        output.write_text(json.dumps(result, indent=2) + "\n")


def splits(labels: Numbers, task: Task, count: int, *, is_inner: bool) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Yield the number of each split, and the positions of its training and test examples."""
    for seed in range(count):
        train, test = halves(np.arange(len(labels)), labels, task, seed)
        if is_inner:
            train, test = halves(train, labels, task, 100 + seed)
        yield seed, train, test


def halves(places: Numbers, labels: Numbers, task: Task, seed: int) -> tuple[Numbers, Numbers]:
    """Cut a quarter off, by class."""
    by = None if task == "regression" else labels[places]
    train, test = train_test_split(places, test_size=TEST_SHARE, random_state=seed, stratify=by)
    return train, test


def pellucid_answers(
    inputs: Numbers, labels: Numbers, task: Task, train: Numbers, test: Numbers, seed: int, threads: int
) -> Numbers:
    """Train with default settings; a part of the training examples chooses the best epoch."""
    values = inputs.astype(np.float32)
    targets = labels.astype(np.float32)[:, None] if task == "regression" else labels.astype(np.int64)
    cut = {name: train[places] for name, places in split_indices(targets[train], task, cut=("validation",)).items()}
    dataset = Dataset(
        "table",
        {name: Split(values[places], targets[places]) for name, places in cut.items()},
        ("target",) if task == "regression" else tuple(str(label) for label in range(int(labels.max()) + 1)),
        task=task,
        columns=tuple(InputColumn(str(place), "number") for place in range(inputs.shape[1])),
    )
    network = pellucid.mlp_for_table(dataset.input_shape, dataset.outputs, seed=seed)
    run = pellucid.train(network, dataset, pellucid.Settings(seed=seed, threads=threads), device="cpu")
    logits = run.classifier.logits(torch.from_numpy(values[test])).numpy()
    return logits[:, 0] if task == "regression" else logits.argmax(axis=1)


def scikit_learn_answers(
    inputs: Numbers, labels: Numbers, task: Task, train: Numbers, test: Numbers, seed: int
) -> Numbers:
    """Fit scikit-learn's network with default settings, but enough iterations, on standardised inputs."""
    kind = MLPRegressor if task == "regression" else MLPClassifier
    pipeline = make_pipeline(StandardScaler(), kind(max_iter=1000, random_state=seed))
    answers: Numbers = pipeline.fit(inputs[train], labels[train]).predict(inputs[test])
    return answers


def score(answers: Numbers, wanted: Numbers, task: Task) -> float:
    """Return accuracy, or R²."""
    return float((metrics.r2_score if task == "regression" else metrics.accuracy_score)(wanted, answers))


def summed_up(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """Return mean and spread of both, and of the differences split by split."""
    return {
        "pellucid": {"mean": statistics.mean(ours), **spread(ours)},
        "scikit_learn": {"mean": statistics.mean(theirs), **spread(theirs)},
        "difference": {
            "mean": statistics.mean(ours) - statistics.mean(theirs),
            **spread([one - other for one, other in zip(ours, theirs, strict=True)]),
        },
    }


if __name__ == "__main__":
    main()
