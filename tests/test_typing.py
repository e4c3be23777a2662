"""Type checking of user code."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.extra

USE = """
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn_backprop import BackpropRegressor, LossCurveDisplay, equations

X, y = np.zeros((30, 2)), np.zeros(30)
model = BackpropRegressor(3, learning_rate="linear", learning_rate_init=0.1)
assert_type(model.fit(X, y, sample_weight=[1.0] * 30), BackpropRegressor)
assert_type(model.partial_fit(X, y), BackpropRegressor)
assert_type(model.predict([[1, 2]]), NDArray[Any])
assert_type(model.coefs_, tuple[NDArray[Any], NDArray[Any]])
assert_type(model.validation_scores_, list[float] | None)
assert_type(LossCurveDisplay.from_estimator(model), LossCurveDisplay)
W, v, last = equations.epoch(np.zeros((3, 3)), np.zeros(4), X, y, eta=0.1)
assert_type(equations.hidden(W, X[0]), NDArray[np.float64])
"""

MISTAKES = {
    'BackpropRegressor(learning_rate="cosine")': "arg-type",
    'BackpropRegressor("3")': "arg-type",
    "BackpropRegressor(solver=3)": "call-arg",
    "BackpropRegressor().fit([[1.0]])": "call-arg",
    "BackpropRegressor().partial_fit([[1.0]], [1.0], epochs=3)": "call-arg",
    "BackpropRegressor().coefs_ = 3": "assignment",
    "BackpropRegressor().loss_ = 3.0": "misc",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for both, where mypy keeps what it knows of the libraries."""
    return tmp_path_factory.mktemp("typing")


def errors(code, folder):
    """(line, code) of every error that mypy finds."""
    pytest.importorskip("mypy")
    path = folder / "use.py"
    path.write_text(code, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir=mypy", path.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Found" in result.stdout or "Success" in result.stdout, result
    found = re.findall(r"^use\.py:(\d+): error: .*\[([\w-]+)\]$", result.stdout, re.M)
    return [(int(line), code) for line, code in found]


def test_the_types_of_the_public_api_are_known(folder):
    assert errors(USE, folder) == []


def test_mistakes_are_found(folder):
    code = "\n".join(["from sklearn_backprop import BackpropRegressor", *MISTAKES])
    assert errors(code, folder) == list(enumerate(MISTAKES.values(), start=2))
