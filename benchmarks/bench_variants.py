"""Time what an L2 penalty, momentum, several outputs, weights and sparse rows cost.

    python benchmarks/bench_variants.py

Each case is a whole fit on made-up data in float64, and takes turns with the fit that
it is compared with. Ratios are medians over the turns. A ratio above 1 means slower.
"""

import argparse
from functools import partial

import command_line
import numpy as np
import scipy.sparse
from timing import make_data, one_quiet_thread, safe_step, seconds, take_turns

from sklearn_backprop import BackpropRegressor

EPOCHS = 10
SHAPES = [(10, 100, 20_000), (50, 100, 20_000), (784, 100, 4_000)]  # d, H, n
SPARSE = 10_000, 100, 2_000  # d, H, n
DENSITY = 0.01  # fraction of the values that are not 0
SPARSE_SHAPES = [(1_000, 30, 4_000), (1_000, 100, 4_000), (10_000, 30, 2_000), SPARSE]
DENSITIES = [0.001, 0.01, 0.1]
OUTPUTS = 10

TINY = {
    "turns": 1,
    "EPOCHS": 2,
    "SHAPES": [(10, 100, 400)],
    "SPARSE": (1_000, 100, 400),
    "SPARSE_SHAPES": [(100, 10, 100)],
}


def fit(X, y, H, eta, sample_weight=None, **parameters):
    """Seconds of a fit."""
    model = BackpropRegressor(
        H,
        learning_rate="linear",
        learning_rate_init=eta,
        max_iter=EPOCHS,
        random_state=0,
        **parameters,
    )
    return seconds(model.fit, X, y, sample_weight)


def cases(d, H, n):
    """The plain rule and its variants at one shape."""
    X, y = make_data(n, d)
    Y = np.column_stack([np.roll(y, k) for k in range(OUTPUTS)])
    weight = np.random.default_rng(0).choice([0.5, 1.0, 1.5], n)
    eta = safe_step(d, H) / 10  # momentum multiplies it by ten
    return {
        "the plain rule": partial(fit, X, y, H, eta),
        "alpha=1e-4": partial(fit, X, y, H, eta, alpha=1e-4),
        "momentum=0.9": partial(fit, X, y, H, eta, momentum=0.9),
        "both": partial(fit, X, y, H, eta, alpha=1e-4, momentum=0.9),
        f"{OUTPUTS} outputs": partial(fit, X, Y, H, eta),
        "weights of ½, 1 and 1½": partial(fit, X, y, H, eta, weight),
        "batch_size=8": partial(fit, X, y, H, eta, batch_size=8),
    }


def sparse_rows(n, d, density, like_words):
    """Rows of which few values are not 0.

    All columns have equally many of them, or as many as words in a text have: the j-th
    most frequent one in proportion to 1 / (10 + j).
    """
    random = np.random.default_rng(0)
    frequency = 1 / np.arange(10, d + 10) if like_words else np.ones(d)
    for _ in range(50):  # at most 1, and `density` in the mean
        frequency = np.minimum(1, frequency * density / frequency.mean())
    X = np.where(random.random((n, d)) < frequency, random.random((n, d)), 0)
    return scipy.sparse.csr_array(X)


def dense_and_sparse(d, H, n, density, like_words):
    """The plain rule on the same rows, dense and sparse, and what it was given."""
    X = sparse_rows(n, d, density, like_words)
    y = np.asarray(X[:, : d // 10].sum(axis=1)).ravel()
    eta = safe_step(d * density, H) / 10
    tasks = {
        "dense": partial(fit, X.toarray(), y, H, eta),
        "sparse": partial(fit, X, y, H, eta),
    }
    return tasks, (X, y, H, eta)


def sparse_cases():
    """The plain rule on dense and on sparse rows, and variants of the latter."""
    tasks, given = dense_and_sparse(*SPARSE, DENSITY, like_words=False)
    return tasks | {
        "sparse, alpha=1e-4": partial(fit, *given, alpha=1e-4),
        "sparse, batch_size=8": partial(fit, *given, batch_size=8),
        "sparse, momentum=0.9": partial(fit, *given, momentum=0.9),
    }


def compare_sparse(d, H, n, turns):
    """Print how many times as long dense rows take as sparse ones, at one shape."""
    line = f"{d:>7}{H:>6}{n:>7}"
    for like_words in (False, True):
        for density in DENSITIES:
            tasks, _ = dense_and_sparse(d, H, n, density, like_words)
            times = take_turns(tasks, turns)
            line += f"{np.median(times['dense'] / times['sparse']):>9.1f}"
    print(line, flush=True)


def report(title, tasks, turns):
    """Print a line of the table for every case."""
    print(f"\n{title}")
    times = take_turns(tasks, turns)
    first = next(iter(times.values()))
    for name, taken in times.items():
        ratio = np.median(taken / first)
        print(f"  {name:<26}{np.median(taken):>10.3f} s{ratio:>10.3f}", flush=True)


def main():
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = command_line.read(parser, globals(), TINY).turns
    print(f"Fits of {EPOCHS} epochs in float64, medians of {turns} turns.")
    with one_quiet_thread():
        for d, H, n in SHAPES:
            report(f"d = {d}, H = {H}, n = {n}", cases(d, H, n), turns)
        d, H, n = SPARSE
        title = f"d = {d}, H = {H}, n = {n}, {DENSITY:.0%} of the values nonzero"
        report(title, sparse_cases(), turns)
        print(
            "\nTime of dense rows over that of sparse ones, by the fraction of nonzero"
        )
        print("values, with columns of equal frequency, then with those of words.\n")
        fractions = "".join(f"{density:>9.1%}" for density in DENSITIES)
        print(f"{'d':>7}{'H':>6}{'n':>7}{2 * fractions}")
        for shape in SPARSE_SHAPES:
            compare_sparse(*shape, turns)


if __name__ == "__main__":
    main()
