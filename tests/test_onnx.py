"""ONNX graphs predict what the estimator predicts."""

import doctest
import importlib

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_backprop import BackpropRegressor

pytestmark = pytest.mark.extra


@pytest.fixture(autouse=True)
def onnx():
    for name in ("skl2onnx", "onnxruntime"):
        pytest.importorskip(name)
    onnx = importlib.import_module("sklearn_backprop.onnx")
    onnx.register_converter()
    return onnx


def network(**parameters):
    parameters = {"learning_rate": "linear", "max_iter": 30, **parameters}
    return BackpropRegressor(20, random_state=0, **parameters)


def run(model, X):
    """What the runtime predicts by the model's graph, made for rows such as X."""
    import onnxruntime
    import skl2onnx

    graph = skl2onnx.to_onnx(model, X[:1])
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    (y_pred,) = session.run(None, {"X": X})
    return y_pred


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)]
)
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("parameters", [{}, {"momentum": 0.5}, {"standardize": False}])
def test_parity_with_predict(diabetes, dtype, tolerance, n_outputs, scaled, parameters):
    X, y = diabetes[0].astype(dtype), diabetes[1].astype(dtype)
    if n_outputs == 3:
        y = np.column_stack([y, X[:, 2], X.sum(axis=1)])
    if parameters.get("standardize") is False:
        parameters = {**parameters, "learning_rate_init": 1e-3}
        y = (y - y.mean(axis=0)) / y.std(axis=0)
        X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(dtype)
        y = y.astype(dtype)
    model = network(**parameters)
    model = make_pipeline(StandardScaler(), model) if scaled else model
    y_pred = model.fit(X, y).predict(X)
    onnx_pred = run(model, X)
    assert onnx_pred.dtype == y_pred.dtype == dtype
    assert onnx_pred.shape == (len(X), n_outputs)
    error = np.abs(onnx_pred - y_pred.reshape(onnx_pred.shape)).max(axis=0)
    assert (error <= tolerance * np.abs(y_pred).max()).all()
    assert np.ptp(y_pred, axis=0).min() > 0.1  # so that parity means something


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_parity_for_data_far_from_0(diabetes, dtype):
    X, y = (diabetes[0] + 1e5).astype(dtype), diabetes[1] + 1e6
    model = network().fit(X, y)
    error = run(model, X)[:, 0] - model.predict(X)
    assert np.abs(error).max() <= {np.float64: 1e-9, np.float32: 0.25}[dtype]


def test_a_float32_graph_of_a_float64_model(diabetes):
    X, y = diabetes
    model = network().fit(X, y)
    y_pred = run(model, X.astype(np.float32))
    assert y_pred.dtype == np.float32
    assert np.allclose(y_pred[:, 0], model.predict(X), rtol=1e-4)


def test_integers_give_a_float32_graph(random):
    X = random.randint(0, 9, size=(50, 3))
    model = network().fit(X, X.sum(axis=1))
    y_pred = run(model, X)
    assert y_pred.dtype == np.float32
    assert np.allclose(y_pred[:, 0], model.predict(X), rtol=1e-4)


def test_a_pipeline_with_one_hot_columns(random):
    X = np.column_stack([random.randint(0, 4, 80), random.normal(size=80)])
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), [0]), remainder="passthrough"
    )
    model = make_pipeline(columns, network()).fit(X, X[:, 0] * X[:, 1])
    assert np.allclose(run(model, X)[:, 0], model.predict(X), rtol=1e-5, atol=1e-5)


def test_a_pipeline_goes_on_predicting_after_conversion(diabetes):
    X, y = diabetes
    model = network().fit(X, y)
    before = model.predict(X)
    first, second = run(model, X), run(model.partial_fit(X, y), X)
    assert np.allclose(first[:, 0], before)
    assert np.allclose(second[:, 0], model.predict(X))
    assert not np.allclose(first, second)


def test_the_example_in_the_docstring_runs(onnx):
    results = doctest.testmod(onnx)
    assert results.attempted > 0
    assert results.failed == 0
