"""Choose the defaults of BackpropRegressor, and compare them with MLPRegressor's.

    python benchmarks/bench_defaults.py DIR choose    # cross-validation, splits 0-4
    python benchmarks/bench_defaults.py DIR report    # test sets of splits 5-19

DIR holds one .npz file per data set, with arrays X, y and test_index (one row per
standard train/test split). load_diabetes is added, with twenty random test sets
of 10 %.

Nothing is tuned to a data set. BackpropRegressor gets the raw data, MLPRegressor gets
standardized X and y, and both keep all of their defaults. "choose" varies one default
at a time and uses only the training parts of splits 0 to 4. "report" uses only splits 5
to 19. Fits run on one thread. In "report", the two estimators take turns.
"""

import argparse
from pathlib import Path
from unittest.mock import patch

import command_line
import numpy as np
from fitting import fit_and_predict, standardized
from joblib import Parallel, delayed
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor

from sklearn_backprop import (
    BackpropRegressor,
    _learning_rate,
    _network,
    _standardization,
)

# One default at a time, beside the one that was chosen. A name in capitals is a
# constant of the package, the others are parameters.
VARIATIONS = [
    {},
    {"BIAS": 3.0},
    {"BIAS": 12.0},
    {"SPREAD": 8.0},
    {"SPREAD": 18.0},
    {"AUTO_FACTOR": 0.2},
    {"AUTO_FACTOR": 0.45},
    {"RARE": 0.0},
    {"max_iter": 100},
    {"max_iter": 1000},
    {"learning_rate": "adaptive"},
    {"learning_rate": "constant"},
    {"learning_rate": "invscaling"},
    {"hidden_layer_size": 50},
    {"hidden_layer_size": 200},
]
MODULES = {
    "BIAS": _network,
    "SPREAD": _network,
    "AUTO_FACTOR": _learning_rate,
    "RARE": _standardization,
}
CHOSEN, REPORTED = range(5), range(5, 20)  # splits
FOLDS = 10
SEEDS = range(5)  # in "report", for both estimators depend on theirs
ROWS = None  # of every data set: all

TINY = {
    "VARIATIONS": [{}, {"BIAS": 3.0}, {"max_iter": 100}],
    "CHOSEN": range(1),
    "REPORTED": range(5, 7),
    "FOLDS": 2,
    "SEEDS": range(2),
    "ROWS": 100,
}


def load_splits(folder, rows=None):
    """Name: (X, y, tests) for every .npz, tests a list of arrays of rows.

    With `rows` given there are no others than the first of them.
    """
    data = {}
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path) as file:
            X, y, tests = file["X"][:rows], file["y"][:rows], file["test_index"]
            data[path.stem] = X, y, [test[test < len(y)] for test in tests]
    if not data:
        raise SystemExit(
            f"{folder} holds no .npz file. Expected a folder of data sets."
        )
    return data


def load_all(folder, rows=None):
    """load_splits, joined by load_diabetes."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    random = np.random.RandomState(0)
    X, y = X[:rows], y[:rows]
    tests = [random.permutation(len(y))[: len(y) // 10] for _ in range(20)]
    return load_splits(folder, rows) | {"diabetes": (X, y, tests)}


def standardized_mlp(seed):
    """MLPRegressor with its defaults, given standardized X and y."""
    return standardized(MLPRegressor(random_state=seed))


def varied_backprop(seed, variation):
    """BackpropRegressor with its defaults but for a variation of its parameters."""
    parameters = {k: value for k, value in variation.items() if k not in MODULES}
    return BackpropRegressor(random_state=seed, **parameters)


def train_rows(y, test_index):
    """The rows that a split does not test on."""
    return np.setdiff1d(np.arange(len(y)), test_index)


def fit_and_test(model, X, y, train, test):
    """Mean squared error on the test rows, and CPU seconds to fit."""
    y_pred, seconds = fit_and_predict(model, X[train], y[train], X[test])
    return np.mean((y_pred - y[test]) ** 2), seconds


def cross_validate(make_model, X, y, split):
    """Root of the mean squared error over folds, each with a seed of its own."""
    folds = KFold(FOLDS, shuffle=True, random_state=split).split(X)
    errors, seconds = zip(
        *(
            fit_and_test(make_model(FOLDS * split + number), X, y, *fold)
            for number, fold in enumerate(folds)
        ),
        strict=True,
    )
    return np.sqrt(np.mean(errors)), np.mean(seconds)


def cross_validate_variation(variation, X, y, split):
    """cross_validate of BackpropRegressor with other constants or parameters."""
    patches = [
        patch.object(MODULES[name], name, value)
        for name, value in variation.items()
        if name in MODULES
    ]
    for one in patches:
        one.start()
    try:
        return cross_validate(lambda s: varied_backprop(s, variation), X, y, split)
    finally:
        for one in patches:
            one.stop()


def choose(data, n_jobs):
    """RMSE of every variation, relative to MLPRegressor's on the same folds."""
    cases = [
        (name, X[rows], y[rows], split)
        for name, (X, y, tests) in data.items()
        for split in CHOSEN
        for rows in [train_rows(y, tests[split])]
    ]
    parallel = Parallel(n_jobs)
    baseline = parallel(
        delayed(cross_validate)(standardized_mlp, X, y, s) for _, X, y, s in cases
    )
    print("RMSE by cross-validation in the training parts of splits 0-4, divided by")
    print("MLPRegressor's. The ratio of fit times is in parentheses.\n")
    print(f"{'default changed':<46}" + "".join(f"{name:>16}" for name in data))
    for variation in VARIATIONS:
        results = parallel(
            delayed(cross_validate_variation)(variation, X, y, s)
            for _, X, y, s in cases
        )
        ratios = np.array(results) / np.array(baseline)
        label = ", ".join(f"{k}={v!r}" for k, v in variation.items()) or "none"
        line = f"{label:<46}"
        for name in data:
            mine = [case[0] == name for case in cases]
            rmse = ratios[mine, 0].mean()
            seconds = np.median(ratios[mine, 1])
            line += f"{rmse:>9.3f} ({seconds:4.2f})"
        print(line, flush=True)


def report(data):
    """Test RMSE and time of both estimators' defaults, as a Markdown table."""
    print(
        "| data | rows | features | BackpropRegressor, raw data "
        "| MLPRegressor, standardized | ratio of RMSE | ratio of time |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, (X, y, tests) in data.items():
        errors, seconds = [], []
        for split in REPORTED:
            train, test = train_rows(y, tests[split]), tests[split]
            results = np.array(
                [
                    [
                        fit_and_test(model, X, y, train, test)
                        for model in (
                            BackpropRegressor(random_state=seed),
                            standardized_mlp(seed),
                        )
                    ]
                    for seed in SEEDS
                ]
            )
            errors.append(np.sqrt(results[:, :, 0]).mean(axis=0))
            seconds.append(np.median(results[:, :, 1], axis=0))
        errors, seconds = np.array(errors), np.array(seconds)
        columns = [
            f"{column.mean():.3g} ± {standard_error(column):.2g}"
            for column in (*errors.T, errors[:, 0] / errors[:, 1])
        ]
        time_ratio = np.median(seconds[:, 0] / seconds[:, 1])
        cells = name, *X.shape, *columns, f"{time_ratio:.2f}"
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def standard_error(values):
    """Of the mean over the splits."""
    return np.std(values, ddof=1) / np.sqrt(len(values))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", help="folder of the .npz files")
    parser.add_argument("action", choices=["choose", "report"])
    parser.add_argument("--n-jobs", type=int, default=1, help='only for "choose"')
    arguments = command_line.read(parser, globals(), TINY)
    data = load_all(arguments.folder, ROWS)
    if arguments.action == "choose":
        choose(data, arguments.n_jobs)
    else:
        report(data)


if __name__ == "__main__":
    main()
