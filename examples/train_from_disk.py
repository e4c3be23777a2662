"""Train on files that are ten times as large as the allowed memory.

Tells Linux to limit this program to `--limit` MB of memory beyond what Python and its
libraries use. Writes data of ten times that size to the current folder, where they stay
while the program runs, and trains a model on them in one of two ways:

- parquet: `partial_fit`, a batch of rows at a time. Needs memory for a few batches and
  for the file's index.
- npy: `fit` on memory-mapped arrays, as if the data were in memory, with all options of
  `fit`. Needs less than 20 bytes per row, a twentieth of the data with 50 columns.

Needs Linux and the extra `distributed`. Run it with

    python examples/train_from_disk.py parquet --limit 100
    python examples/train_from_disk.py npy --limit 100
"""

import argparse
import os
import resource
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

# Arrow chooses its allocator when it is imported. Its default reserves a lot at once.
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import r2_score

from sklearn_backprop import BackpropRegressor

MB = 2**20
TIMES = 10  # the size of the data, relative to the limit
N_FEATURES = 50
N_BATCH = 10_000  # rows; 4 MB


def memory_in_use():
    """Bytes of memory in use, excluding pages of files."""
    memory = psutil.Process().memory_info()
    return memory.rss - memory.shared


def limit_memory(n_bytes):
    """Let this program allocate at most n_bytes more than it has.

    Memory-mapped files do not count: the system drops their pages when it needs room
    and reads them again later.
    """
    limit = psutil.Process().memory_info().data + n_bytes
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


@contextmanager
def shown_peak(baseline):
    """Print the peak of the memory in use, minus the baseline."""
    peak, done = memory_in_use(), threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, memory_in_use())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    print(f"peak memory: {(peak - baseline) / MB:.0f} MB")


def random_rows(random):
    """Noisy rows in which five of fifty columns matter (J. H. Friedman, 1991)."""
    X = random.random((N_BATCH, N_FEATURES))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2
    y += 10 * X[:, 3] + 5 * X[:, 4] + random.standard_normal(N_BATCH)
    return X, y


# ------------------------------------------------------- Parquet and partial_fit


def write_parquet(folder, n_rows, random):
    """Write data.parquet, a row group at a time."""
    names = [f"x{j}" for j in range(N_FEATURES)] + ["y"]
    schema = pa.schema([(name, pa.float64()) for name in names])
    # Dictionaries are for columns with repeated values. Here, they would make the file
    # larger, and writing it would take five times as long.
    path = folder / "data.parquet"
    with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for _ in range(n_rows // N_BATCH):
            X, y = random_rows(random)
            writer.write_table(pa.table([*X.T, y], schema=schema))


def read(file, group):
    """X and y of a row group; X is C-contiguous, which is best for training."""
    columns = file.read_row_group(group, use_threads=False).columns
    return np.column_stack(columns[:-1]), columns[-1].to_numpy()


def train_on_parquet(folder):
    """Three epochs over the file with partial_fit."""
    model = BackpropRegressor(hidden_layer_size=20, random_state=0)
    random = np.random.default_rng(0)
    # Reading ahead uses threads, and their stacks count as memory.
    with pq.ParquetFile(folder / "data.parquet", pre_buffer=False) as file:
        # partial_fit cannot know which batch is the last. A small η in the last epoch
        # averages out noise.
        for epoch, eta in enumerate([0.02, 0.02, 0.002], 1):
            model.set_params(learning_rate_init=eta)
            losses = []
            # partial_fit shuffles the rows it is given. The row groups come in a
            # different order in every epoch. If the rows in the file are sorted by time
            # or place, shuffle them once, when you write the file.
            for group in random.permutation(file.num_row_groups):
                model.partial_fit(*read(file, group))
                losses.append(model.loss_)
            # The error of a row is computed just before the model learns from it. In
            # the first epoch, it is the error on unseen data. Predicting the mean gives
            # 0.5.
            print(f"epoch {epoch}, η = {eta}: error E = {np.mean(losses):.4f}")
    return model


# ------------------------------------------------------ memory-mapped arrays and fit


def write_npy(folder, n_rows, random):
    """Write X.npy and y.npy, a batch of rows at a time."""
    create = np.lib.format.open_memmap
    X = create(folder / "X.npy", mode="w+", shape=(n_rows, N_FEATURES))
    y = create(folder / "y.npy", mode="w+", shape=(n_rows,))
    for start in range(0, n_rows, N_BATCH):
        batch = slice(start, start + N_BATCH)
        X[batch], y[batch] = random_rows(random)


def train_on_npy(folder):
    """Three epochs of fit on arrays that stay on disk."""
    X = np.load(folder / "X.npy", mmap_mode="r")
    y = np.load(folder / "y.npy", mmap_mode="r")
    # Here, the last epoch is known, so η can decrease to 0 automatically. Every epoch
    # reads the rows in a different order. If the file is larger than the memory of the
    # machine, this is slow: write the rows in random order and set shuffle=False.
    model = BackpropRegressor(20, learning_rate="linear", max_iter=3, random_state=0)
    return model.fit(X, y)


WAYS = {"parquet": (write_parquet, train_on_parquet), "npy": (write_npy, train_on_npy)}


def main():
    """Set the limit, write the data, and train on them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("format", choices=WAYS)
    parser.add_argument(
        "--limit", type=int, default=100, metavar="MB", help="at least 50; default: 100"
    )
    arguments = parser.parse_args()
    write, train = WAYS[arguments.format]
    limit, baseline = arguments.limit * MB, memory_in_use()
    limit_memory(limit)

    n_rows = TIMES * limit // (8 * (N_FEATURES + 1)) // N_BATCH * N_BATCH + N_BATCH
    random = np.random.default_rng(0)
    X_test, y_test = random_rows(random)
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        write(folder, n_rows, random)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"limit: {limit // MB} MB beyond the libraries' {baseline // MB} MB")
        print(f"data on disk: {size // MB} MB, {n_rows:,} rows")
        try:
            np.empty((n_rows, N_FEATURES))
        except MemoryError:
            print("an array for all rows: refused")
        else:
            raise SystemExit("This system does not enforce the limit.")
        with shown_peak(baseline):
            model = train(folder)
    print(f"R² on other rows: {r2_score(y_test, model.predict(X_test)):.3f}")


if __name__ == "__main__":
    main()
