"""Training on data that do not fit into the memory allowed, with real limits."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_backprop import BackpropRegressor

EXAMPLES = Path(__file__).parents[1] / "examples"
LIMIT = 64  # MB

# Writes the example's data and reads them whole, under the limit and without it.
READ_WHOLE = """
import resource
import sys
import tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from train_from_disk import MB, WAYS, limit_memory, np, pq

kind, limit = sys.argv[2], int(sys.argv[3])

def read(folder):
    if kind == "npy":
        return np.load(folder / "X.npy")
    with pq.ParquetFile(folder / "data.parquet", pre_buffer=False) as file:
        return file.read(use_threads=False)

_, unlimited = resource.getrlimit(resource.RLIMIT_DATA)
with tempfile.TemporaryDirectory(dir=".") as name:
    folder = Path(name)
    limit_memory(limit * MB)
    write, _ = WAYS[kind]
    write(folder, 1_700_000, np.random.default_rng(0))
    try:
        read(folder)
    except MemoryError:
        print("refused")
    resource.setrlimit(resource.RLIMIT_DATA, (unlimited, unlimited))
    print(read(folder).nbytes // MB)
"""


@pytest.fixture
def run(tmp_path):
    """Run Python in an empty folder, and return what it printed."""
    if sys.platform != "linux":
        pytest.skip("only Linux enforces the limit")
    for module in ("pyarrow", "psutil"):
        pytest.importorskip(module)

    def run(*arguments):
        command = [sys.executable, "-W", "error", *arguments]
        result = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.mark.extra
@pytest.mark.serial
@pytest.mark.parametrize("kind", ["parquet", "npy"])
def test_the_example_trains_on_ten_times_the_memory_it_may_take(kind, run, tmp_path):
    printed = run(EXAMPLES / "train_from_disk.py", kind, "--limit", f"{LIMIT}")

    def figure(pattern):
        return float(re.search(pattern, printed)[1])

    assert figure(r"limit: (\d+) MB") == LIMIT
    assert figure(r"data on disk: (\d+) MB") >= 10 * LIMIT
    assert "an array for all rows: refused" in printed
    assert 5 <= figure(r"peak memory: (\d+) MB") <= LIMIT
    # The noise leaves 0.96.
    assert figure(r"R² on other rows: (.*)") > 0.95
    errors = [float(error) for error in re.findall(r"error E = (.*)", printed)]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == (3 if kind == "parquet" else 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.extra
@pytest.mark.serial
@pytest.mark.parametrize("kind", ["parquet", "npy"])
def test_only_the_limit_keeps_the_data_from_being_read_whole(kind, run):
    limited, size = run("-c", READ_WHOLE, EXAMPLES, kind, f"{LIMIT}").split()
    assert limited == "refused"
    assert int(size) >= 10 * LIMIT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_mapped_arrays_give_the_model_of_arrays_in_memory(
    dtype, random, tmp_path
):
    X = random.standard_normal((300, 4)).astype(dtype)
    y = np.sin(X[:, 0]) + X[:, 1]
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    X_map = np.load(tmp_path / "X.npy", mmap_mode="r")
    y_map = np.load(tmp_path / "y.npy", mmap_mode="r")

    def fitted(X, y):
        model = BackpropRegressor(
            5, learning_rate="linear", max_iter=20, random_state=0
        )
        return model.fit(X, y)

    expected = fitted(X, y).predict(X)
    np.testing.assert_array_equal(fitted(X_map, y_map).predict(X_map), expected)
