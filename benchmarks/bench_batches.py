"""Time an epoch in batches against an epoch of single samples, and predictions.

    python benchmarks/bench_batches.py [--turns N] [--before FOLDER]

All are calls to the kernel alone, on samples in random order, without the other work of
`fit`. They take turns. FOLDER holds another build of the package (`pip install
--no-deps --target FOLDER .`). Its kernel takes part in the turns, and every time is
also given as a multiple of its time. Set SKLEARN_BACKPROP_ISA to choose an instruction
set other than the fastest.
"""

import argparse
import importlib.util
from functools import partial
from pathlib import Path

import command_line
import numpy as np
from timing import make_data, safe_step, seconds, take_turns

from sklearn_backprop._kernel import _boundary

# features d, hidden units H and samples n
SHAPES = [(10, 100, 10_000), (50, 100, 5_000), (784, 100, 1_000), (784, 512, 500)]
BATCHES = [1, 8, 64, "all"]
DTYPES = ["float64", "float32"]

TINY = {"turns": 1, "SHAPES": [(10, 20, 100)]}


def kernel_in(folder):
    """The kernel of the package that is installed in a folder, beside our own."""
    (path,) = Path(folder, "sklearn_backprop", "_kernel").glob("_boundary*.*")
    spec = importlib.util.spec_from_file_location("before._boundary", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_tasks(kernel, d, H, n, dtype):
    """A task for take_turns for epochs in each length of batch, and for predictions."""
    X, y = make_data(n, d, np.dtype(dtype))
    random = np.random.default_rng(1)
    W = random.standard_normal((d + 1, H)) / np.sqrt(d + 1)
    v = random.standard_normal((1, H + 1)) / np.sqrt(H + 1)
    weights = kernel.pack(W.astype(dtype), v.astype(dtype))
    order = random.permutation(n).astype(np.int64)
    units = np.zeros(d), np.ones(d)
    samples = kernel.Samples(X, y[:, np.newaxis], *units, order)
    tasks = {}
    for batch in BATCHES:
        b = n if batch == "all" else batch
        trainer = kernel.Trainer((d, H, 1), samples, batch_size=b)
        tasks[batch] = partial(
            seconds, trainer.epoch, weights, None, safe_step(d, H) / b
        )
    rows = kernel.Samples(X, None, *units)
    tasks["predict"] = partial(seconds, kernel.predict, weights, (d, H, 1), rows)
    return tasks


def report(kernels, d, H, n, dtype, turns):
    """Print a line for a shape and a type."""
    tasks = {
        (name, task): run
        for name, kernel in kernels.items()
        for task, run in make_tasks(kernel, d, H, n, dtype).items()
    }
    times = take_turns(tasks, turns)
    line = f"{d:>5}{H:>5} {dtype}{1e6 * np.median(times['now', 1]) / n:>9.3f}"
    for task in [*BATCHES[1:], "predict"]:
        line += f"{np.median(times['now', task] / times['now', 1]):>9.2f}"
    if "before" in kernels:
        for task in [*BATCHES, "predict"]:
            line += f"{np.median(times['now', task] / times['before', task]):>9.2f}"
    print(line, flush=True)


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--before", metavar="FOLDER")
    arguments = command_line.read(parser, globals(), TINY)
    kernels = {"now": _boundary}
    if arguments.before:
        kernels["before"] = kernel_in(arguments.before)
    print(
        "Microseconds per sample in batches of 1; multiples of it in batches of "
        f"{', '.join(map(str, BATCHES[1:]))}\nand to predict; medians of "
        f"{arguments.turns}."
    )
    if arguments.before:
        print("Then the same times over those of the other build, batches of 1 first.")
    for shape in SHAPES:
        for dtype in DTYPES:
            report(kernels, *shape, dtype, arguments.turns)


if __name__ == "__main__":
    main()
