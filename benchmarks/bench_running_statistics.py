"""Compare running statistics with those of the whole stream, on made-up streams.

    python benchmarks/bench_running_statistics.py [--output docs/guide]

Every chunk is predicted before it is learned from, and the score is the R² of these
predictions. One model standardizes by the rows so far, as `partial_fit` does. The other
gets the same stream, standardized beforehand by the mean and standard deviation of the
whole stream, which are unknown in practice. Scores are means over seeds.
"""

import argparse
from itertools import pairwise

import command_line
import numpy as np
import pages
from rich.progress import track
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from timing import one_quiet_thread

from sklearn_backprop import BackpropRegressor

N = 6_000
H = 30
SEEDS = range(3)
PIECES = [(1, 1), (1, 100), (20, 20), (100, 100), (1000, 1000)]  # the first, the others

TINY = {"N": 300, "SEEDS": range(1), "PIECES": [(1, 100)]}


def clock(X, y, random):
    """A column counts the rows."""
    X[:, 2] = np.arange(N)
    return X, y


def price(X, y, random):
    """A column is a price that rises, and y depends on it."""
    X[:, 2] = 100 * np.exp(np.cumsum(random.normal(5e-4, 0.01, N)))
    return X, y + 2 * np.log(X[:, 2])


def rare_flag(X, y, random):
    """A column is 1 in 1 of 500 rows."""
    X[:, 2] = random.uniform(size=N) < 0.002
    return X, y + X[:, 2]


def late_column(X, y, random):
    """A column is 0 in the first third."""
    X[: N // 3, 2] = 0
    return X, y + X[:, 2]


def one_outlier(X, y, random):
    """A value of a column is 10,000."""
    y = y + X[:, 2]
    X[N // 4, 2] = 1e4
    return X, y


def rising_target(X, y, random):
    """The mean of y rises."""
    return X, y + np.linspace(0, 5, N)


def far_from_0(X, y, random):
    """All columns are around 1000."""
    return X + 1e3, y


STREAMS = [clock, price, rare_flag, late_column, one_outlier, rising_target, far_from_0]


def progressive_r2(model, X, y, first, size):
    """R² of predictions for each chunk before it is learned from."""
    y_pred = []
    for start, stop in pairwise([0, *range(first, N, size), N]):
        if start:
            y_pred.append(model.predict(X[start:stop]))
        model.partial_fit(X[start:stop], y[start:stop])
    return r2_score(y[first:], np.concatenate(y_pred))


def compare(stream, seed, first, size):
    """R² with running statistics, and with those of the whole stream."""
    random = np.random.RandomState(seed)
    X = random.uniform(-1, 1, size=(N, 3))
    X, y = stream(X, np.sin(3 * X[:, 0]) + X[:, 1], random)
    running = BackpropRegressor(H, random_state=seed)
    whole = BackpropRegressor(H, random_state=seed, standardize=False)
    scaled = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    return (
        progressive_r2(running, X, y, first, size),
        progressive_r2(whole, *scaled, first, size),
    )


def main():
    """Read the command line, compare and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    pages.add_option(parser)
    arguments = command_line.read(parser, globals(), TINY)
    header = ["Stream", *(f"{first}, then {size}" for first, size in PIECES)]
    rows = []
    with one_quiet_thread():
        for stream in track(STREAMS):
            row = [stream.__doc__.rstrip(".")]
            for pieces in PIECES:
                pairs = [compare(stream, seed, *pieces) for seed in SEEDS]
                running, whole = np.mean(pairs, axis=0)
                row.append(f"{running:.3f} ({running - whole:+.3f})")
            rows.append(row)
    pages.show(arguments.output, "streams.rst", "streams-made-up", header, rows)


if __name__ == "__main__":
    main()
