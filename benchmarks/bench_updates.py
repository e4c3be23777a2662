"""Time an update of BackpropRegressor against one of MLPRegressor.

    python benchmarks/bench_updates.py

Both train the same network by the same rule: one sigmoid hidden layer, one example at
a time (MLPRegressor with batch_size=1, solver="sgd", momentum=0). Whole fits are
timed, with all that goes around an update, on one thread. The two take turns, and the
ratio is the median of the ratios of the turns: quote it rather than the times, which
depend on the machine.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from sklearn_backprop import BackpropRegressor

SHAPES = [(10, 100), (50, 100), (784, 100), (784, 512)]  # features d, hidden nodes H
EPOCHS = 10


def n_examples(d):
    """Enough for the overhead of a fit not to matter."""
    return 20_000 if d < 500 else 4_000


def make_data(d, dtype):
    """Data that both networks can learn, already standardised for MLPRegressor."""
    random = np.random.RandomState(0)
    X = random.normal(size=(n_examples(d), d)).astype(dtype)
    y = np.tanh(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * random.normal(size=len(X))
    return X, ((y - y.mean()) / y.std()).astype(dtype)


def seconds_per_update(model, X, y, epochs):
    """Time of a fit over the updates it makes."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, y)
        return (time.perf_counter() - start) / (epochs * len(X))


def compare(d, H, dtype, turns):
    """Print one line of the table: medians over the turns."""
    X, y = make_data(d, dtype)
    eta = 0.1 / (1 + H / 4) / (1 + d / 10)
    ours = BackpropRegressor(
        H, learning_rate="linear", learning_rate_init=eta, max_iter=EPOCHS
    )
    share = len(X) // 5  # of the rows, in one epoch: it is so much slower
    theirs = MLPRegressor(
        hidden_layer_sizes=H,
        activation="logistic",
        solver="sgd",
        batch_size=1,
        momentum=0,
        nesterovs_momentum=False,
        alpha=0,
        learning_rate_init=eta,
        max_iter=1,
    )
    seconds_per_update(ours, X[:100], y[:100], EPOCHS)
    seconds_per_update(theirs, X[:100], y[:100], 1)
    times = np.array(
        [
            (
                seconds_per_update(ours, X, y, EPOCHS),
                seconds_per_update(theirs, X[:share], y[:share], 1),
            )
            for _ in range(turns)
        ]
    )
    mine, other = 1e6 * np.median(times, axis=0)
    ratio = np.median(times[:, 1] / times[:, 0])
    flops = 4 * (d + 1) * H / mine / 1e3
    print(
        f"{d:>5}{H:>6}{np.dtype(dtype).name:>10}{mine:>12.3f} µs{other:>12.1f} µs"
        f"{ratio:>10.0f}{flops:>12.1f}",
        flush=True,
    )


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    print(
        f"{EPOCHS} epochs of 20,000 examples (4,000 at d = 784) for BackpropRegressor;"
        f"\none epoch of a fifth of them for MLPRegressor; medians of "
        f"{arguments.turns}.\n"
    )
    print(
        f"{'d':>5}{'H':>6}{'dtype':>10}{'Backprop':>15}{'MLP':>15}{'ratio':>10}"
        f"{'GFLOP/s':>12}"
    )
    for dtype in (np.float64, np.float32):
        for d, H in SHAPES:
            compare(d, H, dtype, arguments.turns)


if __name__ == "__main__":
    main()
