"""Time learning from and predicting one row at a time, as on a stream.

    python benchmarks/bench_calls.py

A call with one row is mostly overhead. SGDRegressor, a linear model, shows how much
overhead is usual in scikit-learn. BackpropRegressor should need no more than that plus
two of its updates, each as long as in a fit of many rows. All take turns, and the
excess is the median over the turns. Single calls are short, so each turn makes many.
"""

import argparse
from functools import partial

import command_line
import numpy as np
from sklearn.linear_model import SGDRegressor
from timing import make_data, one_quiet_thread, safe_step, seconds, take_turns

from sklearn_backprop import BackpropRegressor

SHAPES = [(10, 100), (50, 100), (784, 100), (784, 512)]  # features d, hidden units H
FIRST_ROWS = 100  # of the first partial_fit
CALLS = 200  # with one row each
FIT_ROWS, EPOCHS = 4_000, 5  # of the fit that tells how long an update is

TINY = {"turns": 1, "SHAPES": [(10, 100)], "CALLS": 20, "FIT_ROWS": 400}


def learn(model, X, y):
    """Seconds of a partial_fit on one row, the mean over the rows."""

    def all_rows():
        for i in range(len(X)):
            model.partial_fit(X[i : i + 1], y[i : i + 1])

    return seconds(all_rows) / len(X)


def predict(model, X):
    """Seconds of a predict on one row, the mean over the rows."""

    def all_rows():
        for i in range(len(X)):
            model.predict(X[i : i + 1])

    return seconds(all_rows) / len(X)


def update(model, X, y):
    """Seconds of an update in a whole fit."""
    return seconds(model.fit, X, y) / (EPOCHS * len(X))


def measure(d, H, turns):
    """Seconds of everything in every turn, at one shape."""
    X, y = make_data(FIT_ROWS, d)
    eta = safe_step(d, H)
    first, stream = slice(FIRST_ROWS), slice(FIRST_ROWS, FIRST_ROWS + CALLS)
    models = {
        "ours": BackpropRegressor(H, learning_rate_init=eta),
        "theirs": SGDRegressor(learning_rate="constant", eta0=eta),
    }
    long_fit = BackpropRegressor(
        H, learning_rate="linear", learning_rate_init=eta, max_iter=EPOCHS
    )
    tasks = {"update": partial(update, long_fit, X, y)}
    for name, model in models.items():
        model.partial_fit(X[first], y[first])
        tasks["partial_fit", name] = partial(learn, model, X[stream], y[stream])
        tasks["predict", name] = partial(predict, model, X[stream])
    return take_turns(tasks, turns)


def report(d, H, turns):
    """Print a line of the table for partial_fit and one for predict."""
    times = measure(d, H, turns)
    two_updates = 2 * times["update"]
    for method in ("partial_fit", "predict"):
        ours, theirs = times[method, "ours"], times[method, "theirs"]
        excess = np.median(ours - theirs - two_updates)
        line = f"{d:>5}{H:>6}{method:>14}"
        for column in (ours, theirs, two_updates):
            line += f"{1e6 * np.median(column):>14.1f}"
        print(
            line + f"{1e6 * excess:>+10.1f}{'yes' if excess <= 0 else 'no':>8}",
            flush=True,
        )


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=15)
    turns = command_line.read(parser, globals(), TINY).turns
    print(
        f"Microseconds per call with one row of float64, after a first partial_fit of "
        f"{FIRST_ROWS};\nmeans of {CALLS} calls, medians of {turns} turns. Excess is "
        "Backprop - SGD - two updates.\n"
    )
    print(
        f"{'d':>5}{'H':>6}{'call':>14}{'Backprop':>14}{'SGDRegressor':>14}"
        f"{'two updates':>14}{'excess':>10}{'within':>8}"
    )
    with one_quiet_thread():
        for d, H in SHAPES:
            report(d, H, turns)


if __name__ == "__main__":
    main()
