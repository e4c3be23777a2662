"""Time whole fits with the defaults, inside and outside of the kernel.

    python benchmarks/bench_whole_fit.py DIR

DIR holds tables, as for bench_tables.py. For each table, BackpropRegressor() is fitted
to the training rows of the first fold, and then to the first 200 of them. It is also
fitted to 200 rows of make_friedman1, without and with noise. For each fit, a line shows

- the number of rows, of features, and of epochs, summed over all candidates of the
  search;
- the milliseconds of the fit;
- the percentage of that time in the kernel: in total; in updates; in shuffles; in
  predictions of held-out rows; in its other functions;
- the milliseconds outside of the kernel: in total; to read the data; to prepare
  training; to search and train; to diagnose a poor fit; in the rest of fit.

The kernel is the compiled code and its boundary. All are medians over the fits, without
the time that the timers take.
"""

import argparse
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import command_line
import numpy as np
from bench_tables import load_tables, split
from sklearn.datasets import make_friedman1
from timing import one_quiet_thread, seconds

from sklearn_backprop import BackpropRegressor, _kernel, _regressor

FITS = 5
ROWS = None  # of every table: all
FEW = 200

TINY = {"FITS": 1, "ROWS": 60, "FEW": 40}


class Trainer(_kernel.Trainer):
    """One whose methods can be replaced."""


# The parts of a fit, and the functions that they are.
KERNEL = {
    "updates": [(Trainer, "epoch")],
    "shuffle": [(Trainer, "shuffle")],
    "predict": [(_kernel, "predict")],
    "others": [
        *((_kernel, name) for name in ("hash_rows", "sort_rows", "measure")),
        *((_kernel, name) for name in ("first_beyond", "pack", "unpack", "are_finite")),
    ],
}
PYTHON = {
    "read": [(_regressor, "read")],
    "prepare": [(_regressor, "prepare")],
    "train": [(_regressor, "search"), (BackpropRegressor, "_train")],
    "diagnose": [(_regressor, "warn_of_poor_fit")],
    "rest": [(BackpropRegressor, "fit")],
}


class Timers:
    """Seconds in the kernel, and in calls from Python without what the kernel took.

    Parameters
    ----------
    cost : float
        Seconds that a timer of the kernel takes beside those that it measures.

    Attributes
    ----------
    seconds : dict
        Of each part; those of "rest" are of all Python.
    n_calls : dict
        Of each part of the kernel.
    """

    def __init__(self, cost=0.0):
        self.cost, self.n_calls = cost, dict.fromkeys(KERNEL, 0)
        self.seconds = dict.fromkeys([*KERNEL, *PYTHON], 0.0)

    def of_kernel(self, part, function):
        """A function of the kernel, timed; with little around it."""
        so_far, n_calls, now = self.seconds, self.n_calls, time.perf_counter

        def call(*args, **kwargs):
            start = now()
            result = function(*args, **kwargs)
            so_far[part] += now() - start
            n_calls[part] += 1
            return result

        return call

    def of_python(self, part, function):
        """A function that calls the kernel, timed."""

        def call(*args, **kwargs):
            start = time.perf_counter() - self.in_kernel()
            result = function(*args, **kwargs)
            self.seconds[part] += time.perf_counter() - self.in_kernel() - start
            return result

        return call

    def in_kernel(self):
        """Seconds in the kernel and its timers so far."""
        return self.cost * sum(self.n_calls.values()) + sum(
            self.seconds[part] for part in KERNEL
        )


def cost_of_timer(n=100_000):
    """Seconds that a timer of the kernel takes beside those that it measures."""
    timers = Timers()
    timed = timers.of_kernel("updates", lambda *_: None)

    def run():
        for _ in range(n):
            timed(None, None)

    return (seconds(run) - timers.in_kernel()) / n


@contextmanager
def all_timed(timers):
    """Let timers run around the functions of every part."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(_kernel, "Trainer", Trainer))
        for parts, timer in ((KERNEL, timers.of_kernel), (PYTHON, timers.of_python)):
            for part, places in parts.items():
                for place, name in places:
                    timed = timer(part, getattr(place, name))
                    stack.enter_context(patch.object(place, name, timed))
        yield


def time_fit(X, y, cost):
    """Seconds of each part of a fit, and the number of epochs."""
    timers = Timers(cost)
    with all_timed(timers):
        BackpropRegressor(random_state=0).fit(X, y)
    kernel, python = ([timers.seconds[part] for part in ps] for ps in (KERNEL, PYTHON))
    python[-1] -= sum(python[:-1])
    return kernel, python, timers.n_calls["updates"]


def report(name, X, y, cost):
    """Print a line of the table."""
    fits = [time_fit(X, y, cost) for _ in range(1 + FITS)][1:]
    kernel, python = (with_sum(parts) for parts in list(zip(*fits, strict=True))[:2])
    total = kernel[:, :1] + python[:, :1]
    line = f"{name:<16}{len(X):>6}{X.shape[1]:>5}{fits[0][2]:>7}"
    line += f"{1e3 * np.median(total):>9.1f}"
    line += "".join(f"{100 * part:>9.1f}" for part in np.median(kernel / total, axis=0))
    line += "".join(f"{1e3 * part:>9.2f}" for part in np.median(python, axis=0))
    print(line, flush=True)


def with_sum(parts):
    """A row for each fit, with the sum of all parts before them."""
    parts = np.array(parts)
    return np.hstack((parts.sum(axis=1, keepdims=True), parts))


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the tables")
    arguments = command_line.read(parser, globals(), TINY)
    tables = {
        name: split(X, y, 0)[:2]
        for name, (X, y) in load_tables(arguments.data, ROWS).items()
    }
    few = {
        "friedman1": make_friedman1(FEW, random_state=0),
        "friedman1, noisy": make_friedman1(FEW, noise=1.0, random_state=0),
        **{name: (X[:FEW], y[:FEW]) for name, (X, y) in tables.items()},
    }
    print(f"{'':<43}{'percent of it':>45}{'milliseconds besides the kernel':>54}")
    print(f"{'table':<16}{'rows':>6}{'d':>5}{'epochs':>7}{'fit, ms':>9}", end="")
    print("".join(f"{part:>9}" for part in ("kernel", *KERNEL, "all", *PYTHON)))
    with one_quiet_thread():
        cost = cost_of_timer()
        for cases in (tables, few):
            for name, (X, y) in cases.items():
                report(name, X, y, cost)
            print()


if __name__ == "__main__":
    main()
