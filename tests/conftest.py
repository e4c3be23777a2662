"""Data and settings shared by several test files."""

import os
import sys
from pathlib import Path

# scikit-learn's array API checks skip themselves without this, and SciPy reads it once.
os.environ["SCIPY_ARRAY_API"] = "1"

# Beside others, a process has one core: more threads of BLAS would only wait for it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

# An editable install builds itself at import: here once, before there are workers.
if any(type(finder).__name__.startswith("Mesonpy") for finder in sys.meta_path):
    import sklearn_backprop  # noqa: F401


def pytest_addoption(parser):
    parser.addoption(
        "--forbid-skips", action="store_true", help="a test that is skipped fails"
    )


def without_skips(config, report):
    """The report, failed where it was skipped although that is forbidden."""
    if (
        config.getoption("--forbid-skips")
        and report.skipped
        and not hasattr(report, "wasxfail")
    ):
        path, line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: {reason}, which --forbid-skips forbids"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return without_skips(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return without_skips(collector.config, (yield))


@pytest.fixture(scope="session")
def diabetes():
    from sklearn.datasets import load_diabetes  # what takes long to import

    return load_diabetes(return_X_y=True, scaled=False)


@pytest.fixture(scope="session")
def uci():
    """Load a data set by name from the folder beside the repository, if it is there."""

    def load(name):
        path = Path(__file__).parents[2] / "shared" / "uci" / f"{name}.npz"
        if not path.exists():
            pytest.skip(f"{path.name} is not beside the repository")
        with np.load(path) as file:
            return file["X"], file["y"], file["test_index"]

    return load


@pytest.fixture(autouse=True)
def seeded():
    """Models without a random_state are the same in every run, too."""
    np.random.seed(0)  # noqa: NPY002, for scikit-learn draws from it


@pytest.fixture
def random():
    return np.random.RandomState(0)
