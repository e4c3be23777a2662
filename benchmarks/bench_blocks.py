"""Time the kernel with other block lengths and numbers of registers.

    python benchmarks/bench_blocks.py [--dtype float32] [--turns N]

A pass over W processes a block of M samples and `width` registers of hidden units at a
time (see sklearn_backprop/_kernel/sweep.h). For every setting of the two, the package
next to this script is built into a temporary folder, with the same M for any size of W.
This takes minutes in all. Each build is timed in its own process, by epochs of the
kernel alone, on samples in random order and without batches. The processes take turns.
Set SKLEARN_BACKPROP_ISA to choose an instruction set other than the fastest.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from functools import lru_cache, partial
from pathlib import Path

import command_line
import numpy as np
from timing import make_data, safe_step, seconds, take_turns

HERE = Path(__file__).resolve().parent

SETTINGS = [(2, 3), (4, 1), (4, 2), (4, 3), (8, 1), (8, 2)]  # (M, width)
D_GRID = [10, 50, 200, 784]
H_GRID = [30, 100, 512]
WEIGHTS = 100_000_000  # d H n is about this, for
ROWS = 1_000, 20_000  # at least and at most so many rows n

TINY = {"turns": 1, "SETTINGS": [(4, 2), (4, 3)], "D_GRID": [10], "H_GRID": [30]}


def build(M, width, folder):
    """Build the package with one setting into a folder of that folder."""
    target = Path(folder) / f"{M}_{width}"
    # no W is large
    macros = f"-DBLOCK={M} -DWIDTH_OF_BLOCK={width} -DLARGE_BYTES=PTRDIFF_MAX"
    print(f"Building {M} x {width}", file=sys.stderr)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--target", target, f"-Csetup-args=-Dc_args={macros}", HERE.parent),
        ],
        check=True,
    )
    return target


def n_samples(d, H):
    """Rows of an epoch at one shape."""
    return int(np.clip(WEIGHTS // (d * H), *ROWS))


@lru_cache(1)
def make_epoch(d, H, dtype):
    """A function that trains by an epoch, from the initial weights on."""
    from sklearn_backprop import _kernel  # of the setting that this process is for

    n = n_samples(d, H)
    X, y = make_data(n, d, dtype)
    random = np.random.default_rng(1)
    W = random.standard_normal((d + 1, H)) / np.sqrt(d + 1)
    v = random.standard_normal((1, H + 1)) / np.sqrt(H + 1)
    weights = _kernel.pack(W.astype(dtype), v.astype(dtype))
    order = random.permutation(n).astype(np.int64)
    samples = _kernel.Samples(X, y[:, np.newaxis], np.zeros(d), np.ones(d), order)
    training = _kernel.Trainer((d, H, 1), samples)

    def epoch():
        *_, finite = training.epoch(weights, None, safe_step(d, H))
        assert finite

    return epoch


def answer():
    """Answer every "d H dtype" of the input by the seconds of an epoch."""
    for line in sys.stdin:
        d, H, dtype = line.split()
        print(seconds(make_epoch(int(d), int(H), dtype)), flush=True)


class Worker:
    """A process that trains with one of the builds when asked."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            # -P, or the sources of the folder where it runs might come before the build
            [sys.executable, "-P", "-c", "import bench_blocks; bench_blocks.answer()"],
            env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{HERE}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, *shape):
        """Time of an epoch."""
        print(*shape, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self):
        """End the process."""
        self.process.communicate()


def report(workers, dtype, turns):
    """Print the rate of every setting, with a line for every shape."""
    names = [f"{M} x {width}" for M, width in workers]
    print(f"{'d':>5}{'H':>6}{'rows':>8}" + "".join(f"{name:>9}" for name in names))
    for d in D_GRID:
        for H in H_GRID:
            tasks = {
                setting: partial(worker.seconds, d, H, dtype)
                for setting, worker in workers.items()
            }
            n = n_samples(d, H)
            line = f"{d:>5}{H:>6}{n:>8}"
            for times in take_turns(tasks, turns).values():
                line += f"{4 * (d + 1) * H * n / np.median(times) / 1e9:>9.1f}"
            print(line, flush=True)


def main():
    """Read the command line, build, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--turns", type=int, default=15)
    arguments = command_line.read(parser, globals(), TINY)
    with tempfile.TemporaryDirectory() as folder:
        workers = {setting: Worker(build(*setting, folder)) for setting in SETTINGS}
        print(
            f"GFLOP/s of an epoch, 4 (d + 1) H operations an update, {arguments.dtype};"
            f"\nmedians of {arguments.turns}. Columns are M x width.\n"
        )
        report(workers, arguments.dtype, arguments.turns)
        for worker in workers.values():
            worker.close()


if __name__ == "__main__":
    main()
