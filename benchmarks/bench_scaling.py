"""Time an epoch of BackpropRegressor, and its memory, as the data and network grow.

    python benchmarks/bench_scaling.py

An epoch should take time in proportion to the examples n, the features d and the hidden
nodes H, and powers of two should be no worse than their neighbours. Exponents are
slopes of log time over log size by least squares. Memory is what fit adds to the peak
of a fresh process that already holds the data, as the difference between many rows and
few. One thread; all sizes of a table take turns.
"""

import argparse
import multiprocessing
import resource
import sys

import numpy as np
from timing import make_data, one_quiet_thread, safe_step, seconds, take_turns

from sklearn_backprop import BackpropRegressor

N_GRID = [10_000, 30_000, 100_000, 300_000, 1_000_000]
POWERS = [128, 256, 512, 1024]  # to compare with their neighbours
NEAR_POWERS = [power + i for power in POWERS for i in (-1, 0, 1)]
WIDTH_GRID = [16, 32, 64, *NEAR_POWERS, 2048]  # of d and of H
FLOOR = 127  # exponents of d and H are fitted from here on

SHAPE = 10, 100  # (d, H) while n grows
D, H = 50, 100  # while the other grows
WIDTH_ROWS = 2_000  # n while d or H grows
N_EPOCHS, WIDTH_EPOCHS = 3, 10

MEMORY_ROWS = 200_000, 1_000_000  # few, which show the fixed part, and many


def fit_task(n, d, H, epochs):
    """A task for take_turns: the seconds of an epoch, from a whole fit."""
    X, y = make_data(n, d)
    model = BackpropRegressor(
        H,
        learning_rate="linear",
        learning_rate_init=safe_step(d, H),
        max_iter=epochs,
    )
    return lambda: seconds(model.fit, X, y) / epochs


def exponent(sizes, times):
    """Slope of log time over log size, by least squares."""
    return np.polyfit(np.log(sizes), np.log(times), 1)[0]


def scale_examples(turns):
    """Print the time of an epoch against n."""
    d, H = SHAPE
    tasks = {n: fit_task(n, d, H, N_EPOCHS) for n in N_GRID}
    times = take_turns(tasks, turns)
    medians = np.array([np.median(times[n]) for n in N_GRID])
    print(f"\nd = {d}, H = {H}, {N_EPOCHS} epochs")
    print(f"{'n':>10}{'ms/epoch':>12}{'ns/example':>12}")
    for n, epoch in zip(N_GRID, medians, strict=True):
        print(f"{n:>10}{1e3 * epoch:>12.2f}{1e9 * epoch / n:>12.1f}")
    print(f"exponent {exponent(N_GRID, medians):.3f}", flush=True)


def scale_width(name, turns):
    """Print the time of an epoch against d or H, and how powers of two fare."""
    shapes = {size: (size, H) if name == "d" else (D, size) for size in WIDTH_GRID}
    tasks = {
        size: fit_task(WIDTH_ROWS, *shape, WIDTH_EPOCHS)
        for size, shape in shapes.items()
    }
    times = take_turns(tasks, turns)
    per_weight = {
        size: times[size] / (WIDTH_ROWS * (d + 1) * H)
        for size, (d, H) in shapes.items()
    }
    other = f"H = {H}" if name == "d" else f"d = {D}"
    print(f"\nn = {WIDTH_ROWS:,}, {other}, {WIDTH_EPOCHS} epochs")
    print(f"{name:>10}{'ms/epoch':>12}{'ns/weight':>12}{'/ neighbours':>14}")
    for size in WIDTH_GRID:
        line = f"{size:>10}{1e3 * np.median(times[size]):>12.3f}"
        line += f"{1e9 * np.median(per_weight[size]):>12.4f}"
        if size in POWERS:
            neighbours = (per_weight[size - 1] + per_weight[size + 1]) / 2
            line += f"{np.median(per_weight[size] / neighbours):>14.3f}"
        print(line)
    large = [size for size in WIDTH_GRID if size >= FLOOR]
    slope = exponent(large, [np.median(times[size]) for size in large])
    print(f"exponent from {FLOOR} on {slope:.3f}", flush=True)


def peak_memory():
    """Largest size of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fit_memory(n, dtype):
    """Bytes that a fit adds to the peak of this process, which should be a fresh one.

    The data are made without copies: freed ones would hide what fit takes.
    """
    d, H = SHAPE
    X = np.random.default_rng(0).standard_normal((n, d), dtype=dtype)
    y = X[:, 0].copy()
    model = BackpropRegressor(H, learning_rate="linear", max_iter=2)
    model.fit(X[:1000], y[:1000])  # loads what the first fit loads
    before = peak_memory()
    model.fit(X, y)
    return peak_memory() - before


def report_memory():
    """Print the memory of a fit beyond its data, in bytes a presentation."""
    context = multiprocessing.get_context("spawn")
    n_few, n_many = MEMORY_ROWS
    print(f"Peak of fit beyond the data: n = {n_many:,}, d = {SHAPE[0]}")
    for dtype in (np.float64, np.float32):
        # one process a measurement: a peak never falls
        with context.Pool(1, maxtasksperchild=1) as pool:
            few, many = pool.starmap(
                fit_memory, [(n, dtype) for n in MEMORY_ROWS], chunksize=1
            )
        share = (many - few) / (n_many - n_few)
        print(f"{np.dtype(dtype).name}: {share:.1f} bytes a presentation", flush=True)


def main():
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    # Memory comes first, for a process begins with the peak of the one that starts it.
    report_memory()
    print(f"\nMedians of {turns} turns, float64.")
    with one_quiet_thread():
        scale_examples(turns)
        scale_width("d", turns)
        scale_width("H", turns)


if __name__ == "__main__":
    main()
