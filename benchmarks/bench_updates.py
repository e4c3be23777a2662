"""Compare the time of an update in BackpropRegressor and other libraries.

    python benchmarks/bench_updates.py

All train the same network with one sigmoid hidden layer, one sample at a time, by the
same rule and on one thread:

- MLPRegressor with batch_size=1, solver="sgd" and momentum=0;
- Vowpal Wabbit's --nn with --sgd, a variant of the rule, always in float32. Its samples
  are parsed beforehand. It is left out beyond d = 50, where it takes too long;
- the rule as plain loops compiled by Numba, without fastmath;
- torch: Linear, Sigmoid, Linear and SGD.

The last three are left out if they are not installed. BackpropRegressor and
MLPRegressor are timed over whole fits, including all overhead, and the others over an
epoch with its shuffle. All take turns, and a ratio is the median of the ratios of the
turns. Quote the ratios rather than the times, which depend on the machine.

An update takes 4 (d + 1) H operations. Their rate is also compared with that of a
product of two float64 matrices of 1500 x 1500 in NumPy, in the same turns, with the
core type for which OpenBLAS is fastest on this CPU.
"""

import argparse
import math
import os
import subprocess
import sys
from functools import partial

import command_line
import numpy as np
from sklearn.neural_network import MLPRegressor
from timing import make_data, one_quiet_thread, safe_step, seconds, take_turns

from sklearn_backprop import BackpropRegressor

# features d, hidden units H, and enough samples that the overhead of a fit is nothing
SHAPES = [
    (10, 100, 20_000),
    (50, 100, 20_000),
    (784, 100, 4_000),
    (784, 512, 4_000),
]
DTYPES = [np.float64, np.float32]
EPOCHS = 10
PEER_DIVISOR = 5  # the others are slower: they get one epoch of a fifth of n
MAX_D_VOWPAL_WABBIT = 50

SIZE = 1500  # of the matrices
CORE_TYPES = [None, "Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"]

TINY = {"turns": 1, "EPOCHS": 2, "SHAPES": [(10, 100, 400)]}

# OpenBLAS reads its core type when NumPy is imported: hence a process for each. Every
# line of input is answered by the seconds of a product, after one to warm up.
PRODUCTS = f"""
import sys, time
import numpy as np
a = np.random.default_rng(0).standard_normal(({SIZE}, {SIZE}))
for line in sys.stdin:
    a @ a
    start = time.perf_counter()
    a @ a
    print(time.perf_counter() - start, flush=True)
"""


class MatrixProduct:
    """A process that multiplies matrices when asked."""

    flops = 2 * SIZE**3

    def __init__(self, core_type):
        self.core_type = core_type
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        if core_type is not None:
            environment["OPENBLAS_CORETYPE"] = core_type
        self.process = subprocess.Popen(
            [sys.executable, "-c", PRODUCTS],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def seconds(self):
        """Time of a product; infinite if the CPU does not support the core type."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline() or "inf")

    def close(self):
        """End the process."""
        self.process.communicate()


def fastest_product(turns):
    """The MatrixProduct of the fastest core type; it is left running."""
    products = [MatrixProduct(core_type) for core_type in CORE_TYPES]
    running = [product for product in products if product.seconds() < math.inf]
    times = take_turns({product: product.seconds for product in running}, turns)
    fastest = min(running, key=lambda product: np.median(times[product]))
    for product in products:
        if product is not fastest:
            product.close()
    gflops = fastest.flops / np.median(times[fastest]) / 1e9
    print(
        f"Product of two matrices of {SIZE} x {SIZE}: {gflops:.1f} GFLOP/s with "
        f"OPENBLAS_CORETYPE={fastest.core_type or '(not set)'}.\n"
    )
    return fastest


def mlp(X, y, H, eta):
    """An epoch of MLPRegressor."""
    model = MLPRegressor(
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
    return partial(model.fit, X, y)


def vowpal_wabbit(X, y, H, eta):
    """An epoch of Vowpal Wabbit, or None if X has too many columns."""
    from vowpalwabbit import Workspace

    if X.shape[1] > MAX_D_VOWPAL_WABBIT:
        return None
    workspace = Workspace(f"--quiet --nn {H} --sgd -l {eta} --power_t 0")
    samples = []
    for x, target in zip(X, y, strict=True):
        features = " ".join(f"{j}:{value}" for j, value in enumerate(x))
        samples.append(workspace.parse(f"{target} | {features}"))
    random = np.random.default_rng(0)

    def epoch():
        for i in random.permutation(len(samples)):
            workspace.learn(samples[i])

    return epoch


def train_by_loops(W, v, X, y, order, eta):
    """The rule as loops, for Numba; W is (d + 1, H), so that the inner ones vectorize.

    With W the other way round, the sums over j would not vectorize without fastmath.
    """
    d, H = X.shape[1], W.shape[1]
    one = W.dtype.type(1)  # an int would turn float32 into float64
    z, g = np.empty(H, W.dtype), np.empty(H, W.dtype)
    for i in order:
        for h in range(H):
            z[h] = W[0, h]
        for j in range(d):
            for h in range(H):
                z[h] += W[j + 1, h] * X[i, j]
        y_hat = v[0]
        for h in range(H):
            z[h] = one / (one + math.exp(-z[h]))
            y_hat += v[h + 1] * z[h]
        error = eta * (y[i] - y_hat)
        v[0] += error
        for h in range(H):
            g[h] = error * v[h + 1] * z[h] * (one - z[h])
            v[h + 1] += error * z[h]
            W[0, h] += g[h]
        for j in range(d):
            for h in range(H):
                W[j + 1, h] += g[h] * X[i, j]


def numba_loops(X, y, H, eta):
    """An epoch of train_by_loops."""
    from numba import njit

    train = njit(train_by_loops)
    random = np.random.default_rng(0)
    W = 0.1 * random.standard_normal((X.shape[1] + 1, H), dtype=X.dtype)
    v = np.zeros(H + 1, X.dtype)
    eta = X.dtype.type(eta)

    def epoch():
        train(W, v, X, y, random.permutation(len(X)), eta)

    return epoch


def torch_modules(X, y, H, eta):
    """An epoch of torch."""
    import torch

    torch.set_num_threads(1)
    dtype = torch.from_numpy(X).dtype
    network = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], H), torch.nn.Sigmoid(), torch.nn.Linear(H, 1)
    ).to(dtype)
    optimizer = torch.optim.SGD(network.parameters(), lr=eta)
    loss_function = torch.nn.MSELoss()
    inputs = torch.from_numpy(X).split(1)
    targets = torch.from_numpy(y[:, np.newaxis]).split(1)

    def epoch():
        for i in torch.randperm(len(inputs)).tolist():
            optimizer.zero_grad()
            loss = 0.5 * loss_function(network(inputs[i]), targets[i])
            loss.backward()
            optimizer.step()

    return epoch


PEERS = {
    "MLP": mlp,
    "VW": vowpal_wabbit,
    "Numba": numba_loops,
    "torch": torch_modules,
}


def per_update(function, updates):
    """A task for take_turns: seconds of a call over the updates it makes."""
    return lambda: seconds(function) / updates


def backprop_task(X, y, H, eta):
    """A whole fit of BackpropRegressor, which with "linear" runs all its epochs."""
    model = BackpropRegressor(
        H, learning_rate="linear", learning_rate_init=eta, max_iter=EPOCHS
    )
    return per_update(partial(model.fit, X, y), EPOCHS * len(X))


def peer_tasks(X, y, H, eta):
    """One epoch of each of the others that is installed and quick enough."""
    rows = len(X) // PEER_DIVISOR
    tasks = {}
    for name, make_epoch in PEERS.items():
        try:
            epoch = make_epoch(X[:rows], y[:rows], H, eta)
        except ImportError:
            continue
        if epoch is not None:
            tasks[name] = per_update(epoch, rows)
    return tasks


def compare_updates(d, H, n, product, turns):
    """Print a line of the table for each dtype; return float32's rate over float64's.

    Both rates are updates a second of BackpropRegressor.
    """
    data = {dtype: make_data(n, d, dtype) for dtype in DTYPES}
    eta = safe_step(d, H)
    tasks = {"product": product.seconds}
    for dtype in DTYPES:
        tasks[dtype] = backprop_task(*data[dtype], H, eta)
    for dtype in DTYPES:
        for name, task in peer_tasks(*data[dtype], H, eta).items():
            tasks[dtype, name] = task
    times = take_turns(tasks, turns)

    flops = 4 * (d + 1) * H
    for dtype in DTYPES:
        ours = times[dtype]
        line = f"{d:>5}{H:>6}{np.dtype(dtype).name:>10}{1e6 * np.median(ours):>12.3f}"
        for name in PEERS:
            ratio = "-"
            if (dtype, name) in times:
                ratio = f"{np.median(times[dtype, name] / ours):.3g}"
            line += f"{ratio:>9}"
        fraction = np.median(flops / ours * times["product"] / product.flops)
        print(
            line + f"{flops / np.median(ours) / 1e9:>10.1f}{fraction:>9.2f}", flush=True
        )
    return np.median(times[np.float64] / times[np.float32])


def compare_epochs(d, H, n, turns):
    """Print the time of an epoch beside that of MLPRegressor's defaults."""
    X, y = make_data(n, d)
    mlp = MLPRegressor(hidden_layer_sizes=H, max_iter=EPOCHS)
    times = take_turns(
        {
            "ours": backprop_task(X, y, H, safe_step(d, H)),
            "theirs": per_update(partial(mlp.fit, X, y), EPOCHS * len(X)),
        },
        turns,
    )
    print_pair(
        "an epoch",
        "MLPRegressor with its defaults (Adam, relu, batches of 200)",
        times["ours"] * len(X),
        times["theirs"] * len(X),
    )


def compare_predictions(d, H, n, turns):
    """Print the time of predict beside that of MLPRegressor with the same network."""
    X, y = make_data(n, d)
    models = {
        "ours": BackpropRegressor(H, learning_rate="linear", max_iter=1),
        "theirs": MLPRegressor(hidden_layer_sizes=H, activation="logistic", max_iter=1),
    }
    tasks = {
        name: partial(seconds, model.fit(X, y).predict, X)
        for name, model in models.items()
    }
    times = take_turns(tasks, 10 * turns)  # they are short
    print_pair(
        "predict",
        'MLPRegressor with activation="logistic"',
        times["ours"],
        times["theirs"],
    )


def print_pair(what, peer, ours, theirs):
    """Print two times and their ratio."""
    print(
        f"{what}: {1e3 * np.median(ours):.2f} ms; {peer}: "
        f"{1e3 * np.median(theirs):.2f} ms; ratio {np.median(theirs / ours):.3g}",
        flush=True,
    )


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=7)
    turns = command_line.read(parser, globals(), TINY).turns
    print(
        f"{EPOCHS} epochs for BackpropRegressor, one of 1/{PEER_DIVISOR} of the "
        f"samples for the others;\nmedians of {turns}."
    )
    product = fastest_product(turns)
    print("Microseconds per update, multiples for the others, rate of operations,")
    print("and that rate as a fraction of the product's.\n")
    print(
        f"{'d':>5}{'H':>6}{'dtype':>10}{'Backprop':>12}"
        + "".join(f"{name:>9}" for name in PEERS)
        + f"{'GFLOP/s':>10}{'fraction':>9}"
    )
    with one_quiet_thread():
        rates = {shape: compare_updates(*shape, product, turns) for shape in SHAPES}
        product.close()
        print("\nUpdates per second in float32 over those in float64:")
        for (d, H, _), rate in rates.items():
            print(f"d = {d}, H = {H}: {rate:.2f}")
        d, H, n = SHAPES[0]
        print(f"\nOf {n:,} rows in float64 at d = {d}, H = {H}:")
        compare_epochs(d, H, n, turns)
        compare_predictions(d, H, n, turns)


if __name__ == "__main__":
    main()
