"""Compare the defaults of BackpropRegressor and other regressors on tables.

    python benchmarks/bench_tables.py DIR choose --n-jobs 2    # folds 1 to 3
    python benchmarks/bench_tables.py DIR report --n-jobs 2    # folds 4 and 5

DIR holds tables: .csv.gz files with a column named target and with missing values, or
.npz files with arrays X and y. Each is split by KFold(5, shuffle=True, random_state=0).
Missing numbers are filled with the median, and categories are one-hot encoded.
BackpropRegressor and the trees get the data in this form. The others get X and y
standardized. All use their defaults.

"choose" compares other constants of the "auto" search with the chosen ones. "report"
compares the methods, with the mean over five seeds if a method has one. It shows

- R² on every table, as the mean over folds and seeds;
- for each method, the mean R², with values below -1 counted as -1; the mean rank; the
  mean and worst regret, which is the best R² of the other methods minus its own; and
  the time of a fit, divided by MLPRegressor's on the same rows, median and longest.

"--output docs/guide" writes these tables to the page of the guide, with a figure that
has a dot for each table and method.

A fit uses one thread, and the methods take turns on the same rows.
"""

import argparse
import math
import warnings
from pathlib import Path
from unittest.mock import patch

import command_line
import matplotlib.pyplot as plt
import numpy as np
import pages
import pandas as pd
from fitting import fit_and_predict, standardized
from joblib import Parallel, delayed
from rich.progress import track
from sklearn.compose import (
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVR

from sklearn_backprop import BackpropRegressor, _search

# Constants of the search, each varied beside those that were chosen.
VARIATIONS = [
    {},
    {"WORTHWHILE": 1.0},
    {"WORTHWHILE": 0.9},
    {"WORTH_MANY": 0.7},
    {"ALPHAS": (0.0,)},
    {"ALPHAS": (0.0, 0.001, 0.003)},
    {"ALPHAS": (0.0, 0.003, 0.01)},
    {"FOLDS": ()},
    {"FOLDS": ((1000, 3), (2500, 2))},
    {"FOLDS": ((1000, 5), (2500, 3), (math.inf, 2))},
    {"BEATEN": 1.02},
    {"BEATEN": 1.2},
    {"FIRST_LENGTH": 160},
    {
        "LENGTHS": {16: math.inf, 64: 3e10, 256: 3e9, 1024: 1.2e7, 4096: 3e6},
        "FIRST_LENGTH": 64,
        "MANY": 1024,
    },
    {
        "LENGTHS": {8: math.inf, 24: 8e10, 72: 2e10, 216: 4e9, 648: 2e7, 1944: 6e6},
        "FIRST_LENGTH": 24,
        "MANY": 648,
    },
]
FOLDS = {"choose": range(3), "report": range(3, 5)}
SEEDS = range(5)
ROWS = None  # of every table: all

TINY = {"VARIATIONS": [{}], "SEEDS": range(2), "ROWS": 60}

OURS, MLP = "BackpropRegressor", "MLPRegressor"


# With a seed, and without one: for so few rows the trees draw no random numbers.
SEEDED = {
    OURS: lambda seed: BackpropRegressor(random_state=seed),
    MLP: lambda seed: standardized(MLPRegressor(random_state=seed)),
    "MLPRegressor, early stopping": lambda seed: standardized(
        MLPRegressor(early_stopping=True, random_state=seed)
    ),
}
UNSEEDED = {
    "HistGradientBoosting": HistGradientBoostingRegressor,
    "SVR": lambda: standardized(SVR()),
    "RidgeCV": lambda: standardized(RidgeCV()),
}
METHODS = [*SEEDED, *UNSEEDED]


def load_tables(folder, rows=None):
    """Name: (X, y) for every file; X is a data frame."""
    tables = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".csv.gz"):
            X = pd.read_csv(path)[:rows]
            tables[path.name.removesuffix(".csv.gz")] = X, X.pop("target").to_numpy()
        elif path.suffix == ".npz":
            with np.load(path) as file:
                tables[path.stem] = pd.DataFrame(file["X"][:rows]), file["y"][:rows]
    if not tables:
        raise SystemExit(f"{folder} holds no .csv.gz or .npz file. Expected tables.")
    return tables


def split(X, y, number):
    """X and y to train on and to test on in one of the folds."""
    train, test = list(KFold(5, shuffle=True, random_state=0).split(X))[number]
    encode = make_column_transformer(
        (
            SimpleImputer(strategy="median"),
            make_column_selector(dtype_include="number"),
        ),
        (
            make_pipeline(
                SimpleImputer(strategy="most_frequent"),
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            ),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of categories that only the test has
        X_train = encode.fit_transform(X.iloc[train]).astype(float)
        X_test = encode.transform(X.iloc[test]).astype(float)
    return X_train, y[train], X_test, y[test]


def fit_and_test(model, X_train, y_train, X_test, y_test):
    """R² on the test rows, and CPU seconds to fit."""
    y_pred, seconds = fit_and_predict(model, X_train, y_train, X_test)
    return r2_score(y_test, y_pred), seconds


def compare_methods(X, y, number):
    """A row for each fit on one fold: method, seed, R², seconds."""
    data = split(X, y, number)
    return [
        (method, seed, *fit_and_test(make_model(seed), *data))
        for seed in SEEDS
        for method, make_model in SEEDED.items()
    ] + [
        (method, "", *fit_and_test(make_model(), *data))
        for method, make_model in UNSEEDED.items()
    ]


def compare_variations(X, y, number):
    """R² and seconds of every variation on one fold, shape (n_variations, 2)."""
    data = split(X, y, number)
    results = []
    for variation in VARIATIONS:
        with patch.dict(vars(_search), variation):
            results.append(fit_and_test(SEEDED[OURS](number), *data))
    return results


def on_all_folds(compare, tables, action, n_jobs):
    """What `compare` returns, by table and fold."""
    cases = [(name, number) for name in tables for number in FOLDS[action]]
    calls = Parallel(n_jobs, return_as="generator")(
        delayed(compare)(*tables[name], number) for name, number in cases
    )
    return dict(zip(cases, track(calls, "Fitting", len(cases)), strict=True))


def choose(tables, n_jobs, folder):
    """Print the mean R² of every variation, and its time relative to the first."""
    results = on_all_folds(compare_variations, tables, "choose", n_jobs)
    scores, seconds = np.moveaxis(np.array(list(results.values())), 2, 0)
    scores = np.maximum(scores, -1).mean(axis=0)
    ratios = np.median(seconds / seconds[:, :1], axis=0)
    rows = [
        (
            ", ".join(f"{k}={v!r}" for k, v in variation.items()) or "none",
            f"{score:.4f}",
            f"{ratio:.2f}",
        )
        for variation, score, ratio in zip(VARIATIONS, scores, ratios, strict=True)
    ]
    header = ["changed", "mean R²", "time"]
    pages.show(folder, "tables.rst", "tables-tried", header, rows)


def report(tables, n_jobs, folder):
    """Compare the methods, and write it down."""
    results = on_all_folds(compare_methods, tables, "report", n_jobs)
    fits = pd.DataFrame(
        [(*case, *fit) for case, rows in results.items() for fit in rows],
        columns=["table", "fold", "method", "seed", "R²", "seconds"],
    )
    scores = mean_of_folds(fits, "R²")
    rows = [
        (table, *(f"{score:.3f}" for score in of_table))
        for table, of_table in zip(scores.index, scores.to_numpy(), strict=True)
    ]
    pages.show(folder, "tables.rst", "tables-scores", ["table", *METHODS], rows)
    show_summary(folder, scores.clip(lower=-1), mean_of_folds(fits, "seconds"))
    if folder is not None:
        draw(folder / "tables.svg", scores.clip(lower=-1))


def mean_of_folds(fits, column):
    """A row for each table, a column for each method."""
    means = fits.groupby(["table", "fold", "method"])[column].mean()
    return means.groupby(["table", "method"]).mean().unstack()[METHODS]


def show_summary(folder, scores, seconds):
    """A row for each method, best first."""
    others = pd.DataFrame(
        {method: scores.drop(columns=method).max(axis=1) for method in METHODS}
    )
    regret, ranks = others - scores, scores.rank(axis=1, ascending=False)
    ratio = seconds.div(seconds[MLP], axis=0)
    order = scores.mean().sort_values(ascending=False).index
    pages.show(
        folder,
        "tables.rst",
        "tables-summary",
        ["", "mean R²", "rank", "regret", "worst", "time", "longest"],
        [
            (
                method,
                f"{scores[method].mean():.3f}",
                f"{ranks[method].mean():.2f}",
                f"{regret[method].mean():.3f}",
                f"{regret[method].max():.3f} ({regret[method].idxmax()})",
                f"{ratio[method].median():.2f}",
                f"{ratio[method].max():.2f} ({ratio[method].idxmax()})",
            )
            for method in order
        ],
    )


def draw(path, scores):
    """A dot for each table and method, the tables by their best R²."""
    scores = scores.loc[scores.max(axis=1).sort_values().index]
    figure, axes = plt.subplots(figsize=(7, 1 + 0.22 * len(scores)))
    for number, method in enumerate(METHODS):
        is_ours = method == OURS
        axes.plot(
            scores[method],
            scores.index,
            "o" if is_ours else "os^Dv"[number - 1],
            color="C3" if is_ours else f"{0.2 + 0.12 * number:.2f}",
            markersize=7 if is_ours else 5,
            zorder=3 if is_ours else 2,
            label=method,
        )
    axes.set(xlabel="R² on test rows")
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    figure.savefig(path, bbox_inches="tight")


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the tables")
    parser.add_argument("action", choices=list(FOLDS))
    parser.add_argument("--n-jobs", type=int, default=1)
    pages.add_option(parser)
    arguments = command_line.read(parser, globals(), TINY)
    tables = load_tables(arguments.data, ROWS)
    if arguments.action == "choose":
        choose(tables, arguments.n_jobs, arguments.output)
    else:
        report(tables, arguments.n_jobs, arguments.output)


if __name__ == "__main__":
    main()
