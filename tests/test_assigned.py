"""Assigned weights, and the model as an MLPRegressor."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, refused, same_bits, state
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor

from sklearn_backprop import BackpropRegressor, equations

H = 7


def data_of(random, K=1, dtype=np.float64):
    X = (50 + 3 * random.normal(size=(80, 4))).astype(dtype)
    Y = (1e4 + X[:, :K] ** 2 + random.normal(size=(80, K))).astype(dtype)
    return X, Y[:, 0] if K == 1 else Y


def regressor(**parameters):
    return BackpropRegressor(H, random_state=0, **parameters)


KINDS = {
    "plain": {},
    "momentum": {"momentum": 0.5},
    "as given": {"standardize": False, "learning_rate_init": 1e-5},
    "float32": {"dtype": np.float32},
    "outputs": {"K": 3},
    "sparse": {"form": scipy.sparse.csr_array},
}


@pytest.fixture(params=KINDS)
def fitted(request, random):
    """A model after two epochs, its data, and how far float32 rounds."""
    parameters = {**KINDS[request.param]}
    dtype, form = (
        parameters.pop("dtype", np.float64),
        parameters.pop("form", np.asarray),
    )
    X, y = data_of(random, parameters.pop("K", 1), dtype)
    model = regressor(**parameters)
    for _ in range(2):
        model.partial_fit(form(X), y)
    return model, form(X), y, 1e-4 if dtype == np.float32 else 1e-9


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_what_is_assigned_is_read(fitted, random, name):
    model, _, _, rtol = fitted
    other = "coefs_" if name == "intercepts_" else "intercepts_"
    kept = getattr(model, other)
    values = [
        array * random.uniform(0.5, 2, array.shape) for array in getattr(model, name)
    ]
    setattr(model, name, values)
    for assigned, array in zip(values, getattr(model, name), strict=True):
        assert_allclose(array, assigned, rtol=rtol)
        assert not array.flags.writeable
    for before, array in zip(kept, getattr(model, other), strict=True):
        assert_allclose(array, before, rtol=100 * rtol)


def test_assigning_what_was_read_changes_nothing_else(fitted):
    model, X, _, rtol = fitted
    before, counts = model.predict(X), (model.n_iter_, model.t_, model.loss_curve_)
    model.coefs_, model.intercepts_ = model.coefs_, model.intercepts_
    assert_allclose(model.predict(X), before, rtol=rtol)
    assert (model.n_iter_, model.t_, model.loss_curve_) == counts
    assert type(model.coefs_) is type(model.intercepts_) is tuple


def test_without_standardization_not_a_bit_changes(random):
    X, y = data_of(random)
    model = regressor(standardize=False, learning_rate_init=1e-5).partial_fit(X, y)
    other = copy.copy(model)
    other.coefs_, other.intercepts_ = model.coefs_, model.intercepts_
    assert np.array_equal(other.predict(X), model.predict(X))
    assert same_bits(other.partial_fit(X, y), model.partial_fit(X, y))


@pytest.mark.parametrize("K", [1, 2])
def test_training_goes_on_from_assigned_weights(random, K):
    X, Y = random.normal(size=(30, 3)), random.normal(size=(30, K))
    W, v = random.normal(size=(H, 4)), random.normal(size=(K, H + 1))
    model = regressor(
        standardize=False, shuffle=False, learning_rate_init=0.01, momentum=0.5
    )
    model.partial_fit(X, Y.squeeze())
    model.coefs_ = W[:, 1:].T, v[:, 1:].T
    model.intercepts_ = W[:, 0], v[:, 0]
    v_of_equations = v[0] if K == 1 else v
    W, v, _ = equations.epoch(W, v_of_equations, X, Y.squeeze(), eta=0.01, momentum=0.5)
    model.partial_fit(X, Y.squeeze())
    assert_allclose(model.coefs_[0], W[:, 1:].T, rtol=1e-12)
    assert_allclose(model.intercepts_[1], np.atleast_2d(v)[:, 0], rtol=1e-12)


def test_convergence_and_velocity_begin_anew(random):
    X, y = data_of(random)
    model = regressor(learning_rate="adaptive", momentum=0.5, tol=10)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model._state.convergence.reductions == 2
    earlier = model._state.network.standardization
    model.intercepts_ = model.intercepts_
    assert model._state.convergence.reductions == 0
    assert model._state.network.velocity is None
    model.partial_fit(X, y)  # the same data do not count again
    assert model._state.network.standardization is earlier


def test_other_copies_of_a_model_keep_their_weights(random):
    X, y = data_of(random)
    model = regressor().partial_fit(X, y)
    shallow, saved = copy.copy(model), pickle.loads(pickle.dumps(model))
    before = model.predict(X)
    model.coefs_ = [2 * array for array in model.coefs_]
    assert not np.array_equal(model.predict(X), before)
    assert np.array_equal(shallow.predict(X), before)
    again = pickle.loads(pickle.dumps(model))
    assert same_bits(again, model)
    assert not hasattr(clone(model), "coefs_")
    saved.coefs_ = model.coefs_
    assert same_bits(saved, model)


def averages(pairs):
    return [np.mean(arrays, axis=0) for arrays in zip(*pairs, strict=True)]


def test_averages_of_several_models_are_one_model(random):
    # federated averaging, with data that all parties standardize in the same way
    X = random.uniform(-1, 1, size=(3000, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1]
    model = BackpropRegressor(20, standardize=False, learning_rate="constant")
    model.set_params(random_state=0).partial_fit(X[:1], y[:1])
    for _ in range(20):
        parts = [copy.copy(model) for _ in range(3)]
        for k, part in enumerate(parts):
            part.partial_fit(X[k::3], y[k::3])
        model.coefs_ = averages([part.coefs_ for part in parts])
        model.intercepts_ = averages([part.intercepts_ for part in parts])
    assert model.score(X, y) > 0.95


WRONG = {
    "None": (lambda arrays: None, "NoneType"),
    "one array": (lambda arrays: arrays[:1], "has 1 items"),
    "three arrays": (lambda arrays: [*arrays, 1], "has 3 items"),
    "another shape": (lambda arrays: [arrays[0][:-1], arrays[1]], "has shape"),
    "a number": (lambda arrays: [arrays[0], 1.0], "is float. Expected arrays"),
    "sparse": (
        lambda arrays: [scipy.sparse.csr_array(np.atleast_2d(arrays[0])), arrays[1]],
        "is csr_array. Expected arrays",
    ),
    "beyond float64": (
        lambda arrays: [arrays[0] + np.longdouble("1e400"), arrays[1]],
        "infinity",
    ),
    "text": (lambda arrays: [arrays[0].astype(str), arrays[1]], "str|text|type"),
    "complex": (lambda arrays: [arrays[0] + 1j, arrays[1]], "Complex"),
    "NaN": (lambda arrays: [arrays[0] * np.nan, arrays[1]], "contains NaN"),
    "infinity": (lambda arrays: [arrays[0], arrays[1] + np.inf], "infinity"),
    "huge": (lambda arrays: [arrays[0] + 1e300, arrays[1]], "too large"),
}


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
@pytest.mark.parametrize("case", WRONG)
def test_wrong_weights_are_refused(random, case, name):
    model = regressor().partial_fit(*data_of(random))
    change, message = WRONG[case]
    with refused(model, rf"{name}.*({message})|({message}).*{name}"):
        setattr(model, name, change(getattr(model, name)))


def test_weights_of_a_column_that_does_not_vary_have_to_be_0(random):
    X, y = data_of(random)
    X[:, 2] = 5
    model = regressor().partial_fit(X, y)
    initial = model._state.network.matrices()[0][3].copy()
    model.coefs_ = model.coefs_
    assert np.array_equal(model._state.network.matrices()[0][3], initial)
    w, v = model.coefs_
    with refused(
        model, r"coefs_\[0\] has weights .* for column 2, which has not varied"
    ):
        model.coefs_ = w + 1, v


def test_nothing_is_assigned_before_the_first_epoch():
    for name in ("coefs_", "intercepts_"):
        with pytest.raises(NotFittedError):
            setattr(regressor(), name, [np.ones(1), np.ones(1)])
    with pytest.raises(NotFittedError):
        regressor().to_mlp()


# ------------------------------------------------------------------ MLPRegressor


def test_the_mlp_predicts_the_same(fitted):
    model, X, y, _ = fitted
    mlp, y_pred = model.to_mlp(), model.predict(X)
    assert type(mlp) is MLPRegressor
    X = X.astype(np.float64)
    assert_allclose(mlp.predict(X), y_pred, rtol=1e-6)
    assert mlp.predict(X).dtype == np.float64
    assert_allclose(mlp.score(X, y), model.score(X, y), rtol=1e-4)
    for name in ("n_features_in_", "n_outputs_", "n_layers_", "out_activation_"):
        assert getattr(mlp, name) == getattr(model, name)
    for name in ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_"):
        assert getattr(mlp, name) == getattr(model, name)
    assert [w.shape for w in mlp.coefs_] == [w.shape for w in model.coefs_]


def test_the_mlp_is_a_model_by_itself(random):
    X, y = data_of(random)
    model = regressor().partial_fit(X, y)
    before, mlp = state(model), model.to_mlp()
    again = pickle.loads(pickle.dumps(mlp))
    assert np.array_equal(again.predict(X), mlp.predict(X))
    y_pred = mlp.predict(X)
    mlp.set_params(learning_rate_init=1e-9).partial_fit(X, y)
    assert mlp.n_iter_ == 1
    assert not np.array_equal(mlp.predict(X), y_pred)
    assert_allclose(model.predict(X), y_pred, rtol=1e-9)
    assert state(model).keys() == before.keys()
    assert fit_quietly(mlp.set_params(max_iter=2), X, y).n_iter_ == 2
    assert clone(mlp).get_params()["hidden_layer_sizes"] == (H,)


def test_the_mlp_knows_the_names_of_columns(random):
    pandas = pytest.importorskip("pandas")
    X, y = data_of(random)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    mlp = regressor().partial_fit(frame, y).to_mlp()
    assert list(mlp.feature_names_in_) == list("abcd")
    assert mlp.predict(frame).shape == y.shape


def test_weights_beyond_float64_are_no_mlp(random):
    X, y = data_of(random)
    model = regressor().partial_fit(X * 2.2e-309, y)
    with pytest.raises(ValueError, match="beyond float64"):
        model.to_mlp()
