"""The same data and seed give the same bits whatever the instruction set."""

import os
import platform
import subprocess
import sys

import pytest

from sklearn_backprop import _kernel

# Fits over random shapes, types and batch sizes, with everything that training uses.
FITS = """
import hashlib, warnings
import numpy as np
import scipy.sparse
from sklearn_backprop import BackpropRegressor

warnings.simplefilter("ignore")
digest = hashlib.sha256()
for seed in range(48):
    random = np.random.RandomState(seed)
    n, d, H = random.randint([5, 1, 1], [60, 40, 70])
    if seed in (6, 7):  # weights of more than 2 MB
        n, d, H = 21, 640, 901
    X = (10 * random.normal(size=(n, d)) + 3).astype([np.float64, np.float32][seed % 2])
    y = np.abs(X[:, 0]) + random.normal(size=n)
    weight = None
    if seed >= 30:  # variants of the rule
        y = np.column_stack([y, X.sum(axis=1), y**2])[:, : 1 + seed % 3]
        y = y[:, 0] if seed % 3 == 0 else y
        weight = random.randint(1, 5, n) / 2
        X = X if seed % 2 else scipy.sparse.csr_array(X * (X > 0))
    model = BackpropRegressor(
        H,
        batch_size=[1, 3, "all"][seed // 2 % 3],
        standardize=seed % 5 > 0,
        learning_rate_init=1e-3 if seed % 5 == 0 else "auto",
        early_stopping=seed % 4 == 0,
        alpha=1e-3 * (seed >= 33),
        momentum=0.5 * (seed >= 39),
        max_iter=7,
        random_state=seed,
    ).fit(X, y, weight)
    for array in (*model.coefs_, *model.intercepts_, model.predict(2 * X)):
        digest.update(array.tobytes())
    digest.update(np.array(model.loss_curve_).tobytes())
print(digest.hexdigest())
"""


def run(isa, **environment):
    """What FITS prints, or None where the instruction set is not to be had."""
    result = subprocess.run(
        [sys.executable, "-I", "-c", FITS],
        env={**os.environ, "SKLEARN_BACKPROP_ISA": isa, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if "is not to be had here" in result.stderr:
        return None
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_instruction_set_gives_the_same_bits():
    results = {isa: run(isa) for isa in ("", "baseline", "x86-64-v3", "x86-64-v4")}
    assert results["baseline"] is not None
    built = {isa for isa, digest in results.items() if isa and digest is not None}
    assert built == set(_kernel.INSTRUCTION_SETS)
    if platform.machine() == "x86_64" and "GCC" in _kernel.COMPILER:
        assert ("x86-64-v3" in built) == _kernel.CPU_HAS_FMA
    assert {*results.values()} - {None} == {results[""]}


@pytest.mark.parametrize(
    "environment",
    [
        {"OPENBLAS_CORETYPE": "Prescott"},
        {"OPENBLAS_NUM_THREADS": "1"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
    ],
    ids=str,
)
def test_numpy_and_blas_have_no_say_in_the_bits(environment):
    assert run("", **environment) == run("")


def test_an_unknown_instruction_set_is_an_error():
    result = subprocess.run(
        [sys.executable, "-I", "-c", "import sklearn_backprop"],
        env={**os.environ, "SKLEARN_BACKPROP_ISA": "pentium"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SKLEARN_BACKPROP_ISA='pentium' is not to be had here" in result.stderr
