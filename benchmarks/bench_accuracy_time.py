"""Compare the test error and fit time of BackpropRegressor and MLPRegressor.

    python benchmarks/bench_accuracy_time.py DIR [--data NAME] [--plot FILE]

DIR holds .npz files, as for bench_defaults.py. As there, BackpropRegressor gets raw
data, and MLPRegressor gets standardized X and y. Each curve is a setting of one of
them, and each point is a budget of epochs, `max_iter`. All other parameters have their
defaults, so a fit may stop before its budget is spent. Points are medians over test
splits from 5 on, which were not used to choose the defaults. Fits run on one thread,
and the settings take turns at every split and budget.
"""

import argparse

import command_line
import numpy as np
from bench_defaults import fit_and_test, load_all, standardized_mlp, train_rows

from sklearn_backprop import BackpropRegressor

FIRST_SPLIT = 5
BUDGETS = [1, 2, 5, 10, 20, 50, 100, 200, 400, 800]

TINY = {"splits": 1, "budgets": [1, 2]}


def backprop(max_iter, seed, **parameters):
    """BackpropRegressor with a budget."""
    return BackpropRegressor(max_iter=max_iter, random_state=seed, **parameters)


def mlp(max_iter, seed, **parameters):
    """MLPRegressor with a budget, given standardized data."""
    model = standardized_mlp(seed)
    model.regressor[-1].set_params(max_iter=max_iter, **parameters)
    return model


# MLPRegressor's counterpart of "linear", which does not stop early either
NO_STOP = {"tol": 0.0, "n_iter_no_change": 1_000_000}
SETTINGS = {
    "Backprop": (backprop, {}),
    "Backprop, linear": (backprop, {"learning_rate": "linear"}),
    "MLP, relu": (mlp, {}),
    "MLP, relu, no stop": (mlp, NO_STOP),
    "MLP, logistic": (mlp, {"activation": "logistic"}),
    "MLP, logistic, no stop": (mlp, {"activation": "logistic", **NO_STOP}),
}


def epochs_run(model):
    """How many epochs a fitted model has seen."""
    network = model if hasattr(model, "n_iter_") else model.regressor_[-1]
    return network.n_iter_


def measure(X, y, tests, budgets):
    """Seconds, RMSE and epochs: array of shape (settings, budgets, splits, 3)."""
    results = np.empty((len(SETTINGS), len(budgets), len(tests), 3))
    for split, test in enumerate(tests):
        train = train_rows(y, test)
        for b, budget in enumerate(budgets):
            for s, (make_model, parameters) in enumerate(SETTINGS.values()):
                model = make_model(budget, split, **parameters)
                error, time = fit_and_test(model, X, y, train, test)
                results[s, b, split] = time, np.sqrt(error), epochs_run(model)
    return results


def print_table(medians, budgets):
    """Seconds, RMSE and epochs of every setting and budget."""
    print(f"{'setting':<24}{'max_iter':>9}{'epochs':>8}{'seconds':>10}{'RMSE':>9}")
    for name, points in zip(SETTINGS, medians, strict=True):
        for budget, (time, rmse, epochs) in zip(budgets, points, strict=True):
            print(f"{name:<24}{budget:>9}{epochs:>8.0f}{time:>10.4f}{rmse:>9.4g}")


def plot(medians, name, path):
    """Draw a curve for every setting."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for setting, points in zip(SETTINGS, medians, strict=True):
        axes.loglog(points[:, 0], points[:, 1], "o-", markersize=3, label=setting)
    axes.set(xlabel="seconds to fit, one thread", ylabel="test RMSE", title=name)
    axes.legend()
    figure.savefig(path, dpi=150)


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", help="folder of the .npz files")
    parser.add_argument("--data", default="power_plant", help="name of the data set")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS)
    parser.add_argument("--plot", help="path of a .png to write")
    arguments = command_line.read(parser, globals(), TINY)

    data = load_all(arguments.folder)
    if arguments.data not in data:
        raise SystemExit(
            f"{arguments.folder} holds no {arguments.data}.npz. Expected --data to be "
            f"one of {', '.join(data)}."
        )
    X, y, tests = data[arguments.data]
    tests = tests[FIRST_SPLIT : FIRST_SPLIT + arguments.splits]
    print(
        f"{arguments.data}: {X.shape[0]} rows, {X.shape[1]} features; medians over "
        f"splits {FIRST_SPLIT} to {FIRST_SPLIT + len(tests) - 1}.\n"
    )
    medians = np.median(measure(X, y, tests, arguments.budgets), axis=2)
    print_table(medians, arguments.budgets)
    if arguments.plot:
        plot(medians, arguments.data, arguments.plot)


if __name__ == "__main__":
    main()
