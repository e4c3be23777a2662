"""Compare networks of 50 hidden units with other regressors on real data.

    python benchmarks/bench_uci.py DIR --n-jobs 2

DIR holds one .npz file per data set, with arrays X, y and test_index (20 rows, one per
standard train/test split). The methods are

- BackpropRegressor with its defaults except for H, and ten such networks, averaged;
- BackpropRegressor tuned by GridSearchCV on each training part;
- MLPRegressor with standardized X and y, with its defaults and tuned with the same
  number of candidates and folds;
- HistGradientBoostingRegressor with its defaults.

The table has means over the test sets of splits 5 to 19. "--output docs/guide" writes
it to the page of the guide, with a figure. A fit uses one thread. Times are CPU times,
so several fits can run in parallel.
"""

import argparse
from pathlib import Path

import command_line
import matplotlib.pyplot as plt
import numpy as np
import pages
from bench_defaults import load_splits, standard_error, train_rows
from fitting import fit_and_predict, standardized
from joblib import Parallel, delayed
from rich.progress import track
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor

from sklearn_backprop import BackpropRegressor

H = 50
GRID = {"learning_rate_init": [0.02, 0.05], "max_iter": [100, 400, 1600]}
MLP_GRID = {"learning_rate_init": [0.001, 0.01], "alpha": [1e-4, 1e-2, 1]}
MLP_EPOCHS = 1600

REPORTED = range(5, 20)  # the splits in whose training parts nothing was chosen
ROWS = None  # of every data set: all

# Averaged MC dropout of one hidden layer of 50 units, 4,000 epochs: test RMSE, mean of
# all 20 splits, from the results published with Y. Gal and Z. Ghahramani's experiments.
MC_DROPOUT = {"concrete": 4.83, "energy": 0.539, "power_plant": 4.01, "yacht": 0.666}

TINY = {
    "GRID": {"max_iter": [1, 2]},
    "MLP_GRID": {"alpha": [1e-4, 1]},
    "MLP_EPOCHS": 2,
    "REPORTED": range(5, 7),
    "ROWS": 100,
}


def ten_networks(seed):
    """Ten networks on all of the data that differ in their seeds, averaged."""
    network = BackpropRegressor(H)
    return BaggingRegressor(network, 10, bootstrap=False, random_state=seed)


def tuned_network(seed):
    """Six candidates, three folds."""
    return search(BackpropRegressor(H, random_state=seed), GRID, seed)


def plain_mlp(seed):
    """MLPRegressor, given standardized X and y."""
    return standardized(MLPRegressor(hidden_layer_sizes=(H,), random_state=seed))


def tuned_mlp(seed):
    """Six candidates, three folds."""
    model = plain_mlp(seed)
    model.set_params(regressor__mlpregressor__max_iter=MLP_EPOCHS)
    grid = {f"regressor__mlpregressor__{k}": values for k, values in MLP_GRID.items()}
    return search(model, grid, seed)


def search(model, grid, seed):
    """Search the grid for the least squared error in three folds."""
    folds = KFold(3, shuffle=True, random_state=seed)
    return GridSearchCV(model, grid, cv=folds, scoring="neg_mean_squared_error")


TEN = "ten networks"
METHODS = {
    "BackpropRegressor": lambda seed: BackpropRegressor(H, random_state=seed),
    TEN: ten_networks,
    "BackpropRegressor, tuned": tuned_network,
    "MLPRegressor": plain_mlp,
    "MLPRegressor, tuned": tuned_mlp,
    "HistGradientBoosting": lambda seed: HistGradientBoostingRegressor(
        random_state=seed
    ),
}


def fit_and_test(model, X, y, train, test):
    """Root of the mean squared error on the test rows, and CPU seconds to fit."""
    y_pred, seconds = fit_and_predict(model, X[train], y[train], X[test])
    return np.sqrt(np.mean((y_pred - y[test]) ** 2)), seconds


def run(cases, n_jobs, what):
    """fit_and_test of every case, with a progress bar."""
    calls = Parallel(n_jobs, return_as="generator")(
        delayed(fit_and_test)(*case) for case in cases
    )
    return list(track(calls, what, len(cases)))


def report(data, n_jobs, folder):
    """Fit every method on splits 5 to 19, ten networks on all, and write it down."""
    keys, cases = [], []
    for name, (X, y, tests) in data.items():
        for split, test in enumerate(tests):
            for method, make_model in METHODS.items():
                if split in REPORTED or method == TEN:
                    keys.append((name, method, split))
                    cases.append((make_model(split), X, y, train_rows(y, test), test))
    results = dict(zip(keys, run(cases, n_jobs, "Reporting"), strict=True))
    show_table(folder, data, results)
    if folder is not None:
        draw(folder / "uci.svg", data, results)


def reported(results, name, method):
    """RMSE and seconds on the splits that are reported, shape (2, n_splits)."""
    return np.transpose([results[name, method, split] for split in REPORTED])


def show_table(folder, data, results):
    """Mean RMSE ± its standard error and median seconds; a row for each method."""
    rows = []
    for method in METHODS:
        cells = [method]
        for name in data:
            errors, seconds = reported(results, name, method)
            mean, error = errors.mean(), standard_error(errors)
            cells.append(f"{mean:.3g} ± {error:.1g} ({np.median(seconds):.2g} s)")
        rows.append(cells)
    all_splits = [
        np.mean([results[name, TEN, split][0] for split in range(len(tests))])
        for name, (_, _, tests) in data.items()
    ]
    rows.append([f"{TEN}, all splits", *(f"{error:.3g}" for error in all_splits)])
    published = [MC_DROPOUT.get(name, "") for name in data]
    rows.append(["MC dropout, all splits (published)", *published])
    pages.show(folder, "figures.rst", "uci-errors", ["", *data], rows)


def draw(path, data, results):
    """A panel for each data set, with the RMSE of each method."""
    figure, panels = plt.subplots(
        1, len(data), figsize=(2.6 * len(data) + 2, 2.6), sharey=True, squeeze=False
    )
    for panel, name in zip(panels[0], data, strict=True):
        for place, method in enumerate(reversed(METHODS)):
            errors, _ = reported(results, name, method)
            panel.errorbar(
                errors.mean(), place, xerr=standard_error(errors), fmt="o", color="C0"
            )
        if name in MC_DROPOUT:
            panel.axvline(
                MC_DROPOUT[name], color="0.5", linestyle="--", label="MC dropout"
            )
        panel.set(title=name, xlabel="test RMSE", xlim=(0, None))
        panel.set_yticks(range(len(METHODS)), reversed(METHODS))
        panel.spines[["top", "right"]].set_visible(False)
    panels[0, 0].legend(frameon=False, loc="lower left")
    figure.savefig(path, bbox_inches="tight")


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the .npz files")
    parser.add_argument("--n-jobs", type=int, default=1)
    pages.add_option(parser)
    arguments = command_line.read(parser, globals(), TINY)
    data = load_splits(arguments.data, ROWS)
    report(data, arguments.n_jobs, arguments.output)


if __name__ == "__main__":
    main()
