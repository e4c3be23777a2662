"""Time the kernel with blocks of other lengths and with other numbers of registers.

    python benchmarks/bench_blocks.py [--dtype float32] [--isa NAME] [--turns N]

A pass over W serves a block of M examples, and takes `width` registers of hidden nodes
together; see sklearn_backprop/_kernel/sweep.inc.h. Every setting of the two is compiled
from the sources beside this script, by `cc` or $CC, with the flags of meson.build, and
has the same M whatever the size of W. An epoch is one call of the kernel's `train`, in
a random order and in batches of one example. One thread; the settings take turns.
"""

import argparse
import ctypes
import math
import os
import subprocess
import tempfile
from ctypes import POINTER, byref, c_char_p, c_double, c_ssize_t, c_void_p
from functools import partial
from pathlib import Path

import numpy as np
from timing import make_data, one_quiet_thread, safe_step, seconds, take_turns

from sklearn_backprop._kernel import INSTRUCTION_SET, INSTRUCTION_SETS

FOLDER = Path(__file__).resolve().parents[1] / "sklearn_backprop" / "_kernel"

SETTINGS = [(2, 3), (4, 1), (4, 2), (4, 3), (8, 1), (8, 2)]  # (M, width)
D_GRID = [10, 50, 200, 784]
H_GRID = [30, 100, 512]
WEIGHTS = 100_000_000  # d H n is about this, for
ROWS = 400, 20_000  # at least and at most so many rows n

# as in meson.build, here and at the root
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno"]
V3 = ["-mavx2", "-mfma"]
V4 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"]
ISA_FLAGS = {
    "baseline": [],
    "x86-64-v3": V3,
    "x86-64-v4": [*V3, *V4, "-mprefer-vector-width=512"],
}

# as in kernel.h and _boundary.pyx
TILE_BYTES = 64
HUGE_PAGE = 1 << 21


class Network(ctypes.Structure):
    """`network` of kernel.h."""

    _fields_ = [
        ("d", c_ssize_t),
        ("H", c_ssize_t),
        ("weights", c_void_p),
        ("deltas", c_void_p),
        ("workspace", c_void_p),
    ]


class Examples(ctypes.Structure):
    """`examples` of kernel.h."""

    _fields_ = [
        ("X", c_void_p),
        ("row_stride", c_ssize_t),
        ("column_stride", c_ssize_t),
        ("y", c_void_p),
        ("mean", c_void_p),
        ("scale", c_void_p),
        ("narrow_order", c_void_p),
        ("wide_order", c_void_p),
    ]


Train = ctypes.CFUNCTYPE(
    c_double, POINTER(Network), POINTER(Examples), *4 * [c_ssize_t], c_double
)
Pack = ctypes.CFUNCTYPE(None, POINTER(Network), c_void_p, c_void_p)


class Functions(ctypes.Structure):
    """`functions` of kernel.h; what is not called here is only an address."""

    _fields_ = [
        ("train", Train),
        ("predict", c_void_p),
        ("moments", c_void_p),
        ("first_beyond", c_void_p),
        ("hash_rows", c_void_p),
        ("pack", Pack),
        ("unpack", c_void_p),
    ]


class Kernel(ctypes.Structure):
    """`kernel` of kernel.h."""

    _fields_ = [("name", c_char_p), ("float32", Functions), ("float64", Functions)]


def compile_kernel(isa, M, width, folder):
    """Compile the kernel with one setting into the folder, and load its table."""
    library = Path(folder) / f"kernel_{M}_{width}.so"
    macros = {
        "KERNEL_TABLE": "kernel_table",
        "KERNEL_NAME": f'"{isa}"',
        "BLOCK": M,
        "WIDTH_OF_BLOCK": width,
        "LARGE_BYTES": "PTRDIFF_MAX",  # no W is large
    }
    subprocess.run(
        [
            *os.environ.get("CC", "cc").split(),
            *FLAGS,
            *ISA_FLAGS[isa],
            *(f"-D{name}={value}" for name, value in macros.items()),
            *("-shared", "-fPIC", "-o", library, FOLDER / "kernel.c", "-lm"),
        ],
        check=True,
    )
    return Kernel.in_dll(ctypes.CDLL(library), "kernel_table")


def padded(items, itemsize):
    """Round a number of items up to whole tiles."""
    tile = TILE_BYTES // itemsize
    return -(-items // tile) * tile


def aligned_zeros(n_bytes):
    """Zero bytes that start on a cache line, or if they are many on a huge page."""
    alignment = TILE_BYTES if n_bytes < HUGE_PAGE else HUGE_PAGE
    memory = np.zeros(n_bytes + alignment, np.uint8)
    return memory[-memory.ctypes.data % alignment :][:n_bytes]


class Problem:
    """A network and an epoch to train it with, in the same memory for all settings."""

    def __init__(self, d, H, dtype):
        self.d, self.H = d, H
        self.n = int(np.clip(WEIGHTS // (d * H), *ROWS))
        self.X, self.y = make_data(self.n, d, dtype)
        self.mean, self.scale = np.zeros(d), np.ones(d)
        random = np.random.default_rng(1)
        self.order = random.permutation(self.n).astype(np.uint32)
        self.W = (random.standard_normal((d + 1, H)) / math.sqrt(d + 1)).astype(dtype)
        self.v = (random.standard_normal(H + 1) / math.sqrt(H + 1)).astype(dtype)
        self.examples = Examples(
            self.X.ctypes.data,
            d,
            1,
            self.y.ctypes.data,
            self.mean.ctypes.data,
            self.scale.ctypes.data,
            self.order.ctypes.data,
            None,
        )

        size = np.dtype(dtype).itemsize
        tile, nodes = TILE_BYTES // size, padded(H, size)
        weights = size * padded(nodes * (d + 2) + tile, size)
        longest = max(M for M, _ in SETTINGS)
        workspace = size * longest * (2 * nodes + padded(d + 1, size) + 2 * (d + 1))
        self.memory = aligned_zeros(weights + workspace)
        start = self.memory.ctypes.data
        self.network = Network(d, H, start, None, start + weights)

    def train(self, functions):
        """Train by an epoch."""
        loss = functions.train(
            byref(self.network),
            byref(self.examples),
            *(0, self.n, self.n, 1),
            safe_step(self.d, self.H),
        )
        assert math.isfinite(loss)

    def epoch(self, functions):
        """Seconds of an epoch that begins with the initial weights."""
        self.memory[:] = 0
        functions.pack(byref(self.network), self.W.ctypes.data, self.v.ctypes.data)
        return seconds(self.train, functions)

    def operations(self):
        """Operations of the updates of an epoch."""
        return 4 * (self.d + 1) * self.H * self.n


def report(kernels, dtype, turns):
    """Print the rate of every setting, with a line for every shape."""
    names = [f"{M} x {width}" for M, width in kernels]
    print(f"{'d':>5}{'H':>6}{'rows':>8}" + "".join(f"{name:>9}" for name in names))
    for d in D_GRID:
        for H in H_GRID:
            problem = Problem(d, H, dtype)
            tasks = {
                setting: partial(problem.epoch, getattr(kernel, dtype))
                for setting, kernel in kernels.items()
            }
            line = f"{d:>5}{H:>6}{problem.n:>8}"
            for times in take_turns(tasks, turns).values():
                line += f"{problem.operations() / np.median(times) / 1e9:>9.1f}"
            print(line, flush=True)


def main():
    """Read the command line, compile, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--isa", choices=INSTRUCTION_SETS, default=INSTRUCTION_SET)
    parser.add_argument("--turns", type=int, default=15)
    args = parser.parse_args()
    print(
        f"GFLOP/s of an epoch, 4 (d + 1) H operations an update, {args.dtype}, "
        f"{args.isa};\nmedians of {args.turns}. Columns are M x width.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        kernels = {
            setting: compile_kernel(args.isa, *setting, folder) for setting in SETTINGS
        }
    with one_quiet_thread():
        report(kernels, args.dtype, args.turns)


if __name__ == "__main__":
    main()
