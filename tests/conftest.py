"""Data and settings that several test files share."""

import os
from pathlib import Path

# scikit-learn's array API checks skip themselves without this, and SciPy reads it once.
os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np
import pytest
from sklearn.datasets import load_diabetes


@pytest.fixture(scope="session")
def diabetes():
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


@pytest.fixture
def random():
    return np.random.RandomState(0)
