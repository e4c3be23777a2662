"""The same data and seed always give the same bits, on every machine."""

import itertools
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

ISAS = ["baseline", "x86-64-v3", "x86-64-v4"]
TABLE = json.loads(hashes.TABLE.read_text(encoding="utf-8"))
SHUFFLED = [name for name in TABLE if hashes.FITS[name].get("shuffle", True)]


ENVIRONMENTS = [
    {
        "OPENBLAS_CORETYPE": "Prescott",
        "OMP_NUM_THREADS": "4",
        "PYTHONHASHSEED": "0",
    },
    {
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "1",
    },
    {
        "NPY_DISABLE_CPU_FEATURES": NUMPY_FEATURES,
        "OMP_NUM_THREADS": "2",
        "PYTHONHASHSEED": "2",
    },
]
# An instruction set with each: the start of a process is what takes long.
FORCED = [
    {"SKLEARN_BACKPROP_ISA": isa, **environment}
    for isa, environment in zip(
        itertools.cycle(_kernel.INSTRUCTION_SETS), ENVIRONMENTS, strict=False
    )
]


def run(environment):
    """What a process with these variables says of itself, and its table."""
    program = f"""if True:
        import runpy, sklearn_backprop
        sklearn_backprop.show_config()
        runpy.run_path({hashes.__file__!r}, run_name="__main__")
    """
    result = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    config, brace, table = result.stdout.partition("{")
    return config, json.loads(brace + table)


def in_jobs(**settings):
    """The table of several threads or processes.

    "auto" is left out: its fits set a constant, which threads share.
    """
    names = [name for name in TABLE if not name.startswith("auto")]
    call = joblib.delayed(hashes.hash_of)
    results = joblib.Parallel(**settings)(call(name) for name in names)
    return TABLE | dict(zip(names, results, strict=True))


def test_the_table_tells_fits_apart():
    assert hashes.FITS.keys() == TABLE.keys()
    assert len(set(TABLE.values())) == len(TABLE) > 40


@pytest.mark.parametrize("environment", FORCED, ids=str)
def test_every_instruction_set_and_environment_gives_the_same_bits(environment):
    config, table = run(environment)
    isa = environment["SKLEARN_BACKPROP_ISA"]
    assert f"instruction set: {isa} (forced)\n" in config
    assert table == TABLE


def test_every_instruction_set_is_run():
    run = {environment["SKLEARN_BACKPROP_ISA"] for environment in FORCED}
    assert run == {*_kernel.INSTRUCTION_SETS}


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
def test_the_environment_has_no_say_where_two_instruction_sets_are_used(environment):
    # Unless one is forced, little work is done by another than much.
    config, table = run(environment)
    assert "(forced)" not in config
    assert table == TABLE


def test_the_instruction_sets_of_this_cpu_are_built():
    assert "baseline" in _kernel.INSTRUCTION_SETS
    if platform.machine() == "x86_64" and "GCC" in _kernel.COMPILER:
        assert ("x86-64-v3" in _kernel.INSTRUCTION_SETS) == _kernel.CPU_HAS_FMA


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


@pytest.mark.parametrize(
    ("backend", "n_jobs"),
    [  # with one job they are the same
        ("threading", 1),
        ("threading", 2),
        pytest.param("loky", 2, marks=pytest.mark.slow),
    ],
)
def test_jobs_give_the_same_bits(backend, n_jobs):
    assert in_jobs(n_jobs=n_jobs, backend=backend) == TABLE


@pytest.mark.extra
@pytest.mark.serial
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


@pytest.mark.parametrize(
    "isa", sorted({*ISAS, "pentium"} - {*_kernel.INSTRUCTION_SETS})
)
def test_an_instruction_set_that_is_not_here_is_an_error(isa):
    result = subprocess.run(
        [sys.executable, "-I", "-c", "import sklearn_backprop"],
        env={**os.environ, "SKLEARN_BACKPROP_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        f"SKLEARN_BACKPROP_ISA={isa!r} is not available on this machine"
        in result.stderr
    )
