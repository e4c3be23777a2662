"""Measure how the time of an epoch and the memory of a fit grow.

    python benchmarks/bench_scaling.py

The time of an epoch should be proportional to the samples n, the features d and the
hidden units H, and powers of two should be no slower than their neighbors. Exponents
are least-squares slopes of log time over log size. Memory is what `fit` adds to the
peak of a fresh process that already holds the data, as the difference between many rows
and few. X in column-major order is read in place from 64 MB on, and is compared with X
in row-major order. Fits run on one thread, and all sizes of a table take turns.
"""

import argparse
import multiprocessing
import resource
import sys

import command_line
import numpy as np
from timing import make_data, one_quiet_thread, safe_step, seconds, take_turns

from sklearn_backprop import BackpropRegressor

N_GRID = [10_000, 30_000, 100_000, 300_000, 1_000_000]
POWERS = [128, 256, 512, 1024]  # are compared with their neighbors
NEAR_POWERS = [power + i for power in POWERS for i in (-1, 0, 1)]
WIDTH_GRID = [16, 32, 64, *NEAR_POWERS, 2048]  # of d and of H
FLOOR = 127  # exponents of d and H are fitted from here on

SHAPE = 10, 100  # (d, H) while n grows
D, H = 50, 100  # while the other grows
WIDTH_ROWS = 2_000  # n while d or H grows
N_EPOCHS, WIDTH_EPOCHS = 3, 10
WIDE_GRID = [*NEAR_POWERS, 2048, 4096]  # of H
WIDE_D, WIDE_EPOCHS = 784, 2  # W is larger than 2 MB from H = 334 on

IN_PLACE = [(10, 100), (50, 100), (50, 20), (784, 100), (784, 20)]  # (d, H)
IN_PLACE_BYTES = 2**27  # of X

MEMORY_ROWS = 200_000, 1_000_000  # few, which show the fixed part, and many

TINY = {
    "turns": 1,
    "N_GRID": [1_000, 3_000],
    "WIDTH_GRID": [127, 128, 129],
    "WIDTH_ROWS": 100,
    "WIDE_GRID": [127, 128, 129],
    "IN_PLACE": [(784, 20)],
    "IN_PLACE_BYTES": 2**26 + 2**13,  # still read in place
    "MEMORY_ROWS": (2_000, 10_000),
}


def fit_task(n, d, H, epochs):
    """A task for take_turns: the seconds of an epoch, from a whole fit."""
    task = fit_data_task(*make_data(n, d), d, H, epochs)
    return lambda: task() / epochs


def fit_data_task(X, y, d, H, epochs):
    """A task for take_turns: the seconds of a fit."""
    model = BackpropRegressor(
        H,
        learning_rate="linear",
        learning_rate_init=safe_step(d, H),
        max_iter=epochs,
    )
    return lambda: seconds(model.fit, X, y)


def exponent(sizes, times):
    """Slope of log time over log size, by least squares."""
    return np.polyfit(np.log(sizes), np.log(times), 1)[0]


def scale_samples(turns):
    """Print the time of an epoch against n."""
    d, H = SHAPE
    tasks = {n: fit_task(n, d, H, N_EPOCHS) for n in N_GRID}
    times = take_turns(tasks, turns)
    medians = np.array([np.median(times[n]) for n in N_GRID])
    print(f"\nd = {d}, H = {H}, {N_EPOCHS} epochs")
    print(f"{'n':>10}{'ms/epoch':>12}{'ns/sample':>12}")
    for n, epoch in zip(N_GRID, medians, strict=True):
        print(f"{n:>10}{1e3 * epoch:>12.2f}{1e9 * epoch / n:>12.1f}")
    print(f"exponent {exponent(N_GRID, medians):.3f}", flush=True)


def scale_width(title, shapes, epochs, turns):
    """Print the time of an epoch against a size, and how powers of two fare.

    Parameters
    ----------
    title : str
        What stays the same.
    shapes : dict
        Size: (d, H).
    epochs, turns : int
    """
    tasks = {
        size: fit_task(WIDTH_ROWS, d, H, epochs) for size, (d, H) in shapes.items()
    }
    times = take_turns(tasks, turns)
    per_weight = {
        size: times[size] / (WIDTH_ROWS * (d + 1) * H)
        for size, (d, H) in shapes.items()
    }
    print(f"\nn = {WIDTH_ROWS:,}, {title}, {epochs} epochs")
    print(f"{'size':>10}{'ms/epoch':>12}{'ns/weight':>12}{'/ neighbors':>14}")
    for size in shapes:
        line = f"{size:>10}{1e3 * np.median(times[size]):>12.3f}"
        line += f"{1e9 * np.median(per_weight[size]):>12.4f}"
        if {size - 1, size + 1} <= set(shapes):
            neighbors = (per_weight[size - 1] + per_weight[size + 1]) / 2
            line += f"{np.median(per_weight[size] / neighbors):>14.3f}"
        print(line)
    large = [size for size in shapes if size >= FLOOR]
    slope = exponent(large, [np.median(times[size]) for size in large])
    print(f"exponent from {FLOOR} on {slope:.3f}", flush=True)


def compare_layouts(turns):
    """Print how much longer an update takes on columns that are read in place."""
    print("\nX with columns together, read in place, over X with rows together")
    print(f"{'d':>6}{'H':>6}{'float64':>10}{'float32':>10}")
    for d, H in IN_PLACE:
        line = f"{d:>6}{H:>6}"
        for dtype in (np.float64, np.float32):
            n = IN_PLACE_BYTES // (d * np.dtype(dtype).itemsize)
            X, y = make_data(n, d, dtype)
            tasks = {}
            for order in "FC":
                data = np.asarray(X, order=order)
                for epochs in (1, 3):  # whose difference leaves the preparations out
                    tasks[order, epochs] = fit_data_task(data, y, d, H, epochs)
            times = take_turns(tasks, turns)
            in_place, rows = (times[o, 3] - times[o, 1] for o in "FC")
            line += f"{np.median(in_place / rows):>10.2f}"
        print(line, flush=True)


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
    """Print the memory of a fit beyond its data, in bytes per sample."""
    context = multiprocessing.get_context("spawn")
    n_few, n_many = MEMORY_ROWS
    print(f"Peak of fit beyond the data: n = {n_many:,}, d = {SHAPE[0]}")
    for dtype in (np.float64, np.float32):
        # one process a measurement: a peak never falls
        with context.Pool(1, maxtasksperchild=1) as pool:
            few, many = pool.starmap(
                fit_memory, [(n, dtype) for n in MEMORY_ROWS], chunksize=1
            )
        per_sample = (many - few) / (n_many - n_few)
        print(f"{np.dtype(dtype).name}: {per_sample:.1f} bytes per sample", flush=True)


def main():
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=7)
    turns = command_line.read(parser, globals(), TINY).turns
    # Memory comes first, for a process begins with the peak of the one that starts it.
    report_memory()
    print(f"\nMedians of {turns} turns, float64.")
    with one_quiet_thread():
        scale_samples(turns)
        by_d = {d: (d, H) for d in WIDTH_GRID}
        scale_width(f"H = {H}, size = d", by_d, WIDTH_EPOCHS, turns)
        by_H = {H: (D, H) for H in WIDTH_GRID}
        scale_width(f"d = {D}, size = H", by_H, WIDTH_EPOCHS, turns)
        wide = {H: (WIDE_D, H) for H in WIDE_GRID}
        scale_width(f"d = {WIDE_D}, size = H", wide, WIDE_EPOCHS, turns)
        compare_layouts(min(turns, 3))


if __name__ == "__main__":
    main()
