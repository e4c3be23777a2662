"""Arrays of other libraries, with scikit-learn's array API dispatch."""

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import scipy
from sklearn import config_context
from sklearn.utils.fixes import parse_version

from sklearn_backprop import _array_api

LIBRARIES = [name for name in ("array_api_strict", "torch") if find_spec(name)]

SCRIPT = """
import importlib, sys, warnings

import numpy as np
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn_backprop import BackpropRegressor

warnings.simplefilter("error")
library = importlib.import_module(sys.argv[1])
random = np.random.RandomState(0)
parameters = {"hidden_layer_size": 5, "random_state": 0}


def weights(model):
    return b"".join(w.tobytes() for w in (*model.coefs_, *model.intercepts_))


for dtype in ("float64", "float32"):
    X = random.normal(size=(60, 3)).astype(dtype)
    y, weight = X[:, 0] ** 2, np.ones(60) + np.arange(60) % 2
    given = [library.asarray(array) for array in (X, y, weight)]
    columns = library.asarray(np.column_stack((y, -y)))
    for dispatches in (False, True):
        with config_context(array_api_dispatch=dispatches):
            for early_stopping in (False, True):
                model = BackpropRegressor(
                    **parameters, max_iter=10, early_stopping=early_stopping
                )
                validation = [{}, {}]
                if early_stopping:
                    validation = [
                        {"X_val": X, "y_val": y, "sample_weight_val": weight},
                        dict(zip(("X_val", "y_val", "sample_weight_val"), given)),
                    ]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    expected = weights(model.fit(X, y, weight, **validation[0]))
                    assert weights(model.fit(*given, **validation[1])) == expected
                y_pred = model.predict(given[0])
                kind = type(given[0]) if dispatches else np.ndarray
                assert type(y_pred) is kind, type(y_pred)
                assert np.array_equal(np.asarray(y_pred), model.predict(X))
                assert str(y_pred.dtype).endswith(dtype)
                assert type(model.predict(X)) is np.ndarray
                score = float(model.score(*given))
                assert abs(score - model.score(X, y, weight)) < 1e-5
            model = BackpropRegressor(**parameters)
            expected = weights(model.partial_fit(X, y, weight))
            model = BackpropRegressor(**parameters)
            assert weights(model.partial_fit(*given)) == expected
            model.partial_fit(given[0][:1, :], given[1][:1])
            model = BackpropRegressor(**parameters).partial_fit(given[0], columns)
            assert model.predict(given[0]).shape == (60, 2)
            pipeline = make_pipeline(BackpropRegressor(**parameters, max_iter=2))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pipeline.fit(given[0], given[1]).predict(given[0])
            for wrong in (given[0] * np.nan, given[0][:, :2]):
                try:
                    model.predict(wrong)
                except ValueError as error:
                    assert "NaN" in str(error) or "features" in str(error)
                else:
                    raise AssertionError("not refused")
print("done")
"""


dispatches = pytest.mark.skipif(
    parse_version(scipy.__version__) < parse_version("1.14"),
    reason="scikit-learn dispatches with later versions of SciPy",
)


@dispatches
@pytest.mark.parametrize("library", LIBRARIES)
def test_arrays_of_other_libraries_are_taken_and_given_back(library):
    # SciPy reads the variable when it is imported.
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, library],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr


@dispatches
def test_predictions_are_of_numpy_without_what_scikit_learn_keeps_private(monkeypatch):
    library = pytest.importorskip("array_api_strict")
    given, y_pred = library.asarray([[1.0], [2.0]]), np.ones(2)
    with config_context(array_api_dispatch=True):
        assert type(_array_api.as_given(y_pred, given)) is type(given)
        monkeypatch.delattr("sklearn.utils._array_api.get_namespace")
        alone = runpy.run_path(_array_api.__file__)
        assert alone["as_given"](y_pred, given) is y_pred
    assert type(alone["as_numpy"](given)) is np.ndarray


def test_there_is_a_library_to_test_with():
    assert LIBRARIES
