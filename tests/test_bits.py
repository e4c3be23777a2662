"""The same data and seed give the same bits, everywhere and for ever: one table."""

import json
import os
import platform
import subprocess
import sys

import hashes
import joblib
import numpy as np
import pytest

from sklearn_backprop import _kernel

# Fits are short.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # of another cluster's web page, on the same machine
    "ignore:Port 8787 is already in use",
)

# What NumPy of this version can do without on this CPU.
umath = (np._core if hasattr(np, "_core") else np.core)._multiarray_umath
NUMPY_FEATURES = " ".join(
    name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]
)

TABLE = json.loads(hashes.TABLE.read_text(encoding="utf-8"))
SHUFFLED = [name for name in TABLE if hashes.FITS[name].get("shuffle", True)]


def run(**environment):
    """The table of another process, or None without the instruction set it asks for."""
    result = subprocess.run(
        [sys.executable, "-P", hashes.__file__],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if "is not to be had here" in result.stderr:
        return None
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def in_jobs(**settings):
    """The table of several threads or processes."""
    call = joblib.delayed(hashes.hash_of)
    results = joblib.Parallel(**settings)(call(name) for name in TABLE)
    return dict(zip(TABLE, results, strict=True))


def test_the_table_tells_fits_apart():
    assert hashes.FITS.keys() == TABLE.keys()
    assert len(set(TABLE.values())) == len(TABLE) > 40


@pytest.mark.parametrize("isa", ["baseline", "x86-64-v3", "x86-64-v4"])
def test_every_instruction_set_gives_the_same_bits(isa):
    table = run(SKLEARN_BACKPROP_ISA=isa)
    assert (table is not None) == (isa in _kernel.INSTRUCTION_SETS)
    assert table in (TABLE, None)


def test_the_instruction_sets_of_this_cpu_are_built():
    assert "baseline" in _kernel.INSTRUCTION_SETS
    if platform.machine() == "x86_64" and "GCC" in _kernel.COMPILER:
        assert ("x86-64-v3" in _kernel.INSTRUCTION_SETS) == _kernel.CPU_HAS_FMA


@pytest.mark.parametrize(
    "environment",
    [
        {"OPENBLAS_CORETYPE": "Prescott", "PYTHONHASHSEED": "0"},
        {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "1"},
        {"NPY_DISABLE_CPU_FEATURES": NUMPY_FEATURES, "OMP_NUM_THREADS": "1"},
    ],
    ids=str,
)
def test_the_environment_has_no_say_in_the_bits(environment):
    assert run(**environment) == TABLE


def test_numpy_does_without_its_features():
    # or the test above would vary nothing
    program = f"""if True:
        from {umath.__package__} import _multiarray_umath as umath
        print(*(f for f in umath.__cpu_dispatch__ if umath.__cpu_features__[f]))
    """
    result = subprocess.run(
        [sys.executable, "-I", "-c", program],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": NUMPY_FEATURES},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == []


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_jobs_give_the_same_bits(n_jobs, backend):
    assert in_jobs(n_jobs=n_jobs, backend=backend) == TABLE


def test_dask_gives_the_same_bits():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None),
        joblib.parallel_config("dask"),
    ):
        assert in_jobs() == TABLE


def test_permuted_rows_give_the_same_bits():
    assert len(SHUFFLED) == len(TABLE) - 2
    for name in SHUFFLED:
        assert hashes.hash_of(name, permuted=True) == TABLE[name], name


def test_an_unknown_instruction_set_is_an_error():
    result = subprocess.run(
        [sys.executable, "-I", "-c", "import sklearn_backprop"],
        env={**os.environ, "SKLEARN_BACKPROP_ISA": "pentium"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SKLEARN_BACKPROP_ISA='pentium' is not to be had here" in result.stderr
