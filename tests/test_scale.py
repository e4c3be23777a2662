"""Data of any size: the same model in any units, and only finite results."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor, _kernel, equations
from sklearn_backprop._data import Data
from sklearn_backprop._network import Network
from sklearn_backprop._sample_order import SampleOrder
from sklearn_backprop._standardization import Standardization

FEATURES = 4
LIMIT = _kernel.LIMIT[np.dtype(np.float64)]


def draw(n):
    random = np.random.RandomState(1)
    X = random.normal(size=(n, FEATURES))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] / 2 + 0.1 * random.normal(size=n)
    return X, y


@pytest.fixture(scope="module")
def data():
    return draw(300)


@pytest.fixture(scope="module")
def many():
    """Enough rows that the order drawn, another in other units, hardly matters."""
    return draw(3000)


def regressor(**parameters):
    return BackpropRegressor(20, **{"max_iter": 100, "random_state": 0, **parameters})


# ----------------------------------------------------------------------------- units


def units(values, change):
    """The values times a factor, or with an offset."""
    kind, size = change
    return values * size if kind == "times" else values + size


def undo(change):
    kind, size = change
    return kind, 1 / size if kind == "times" else -size


CHANGES = [
    ("times", 1e4),
    ("times", 1e6),
    ("times", 1e-6),
    ("times", 1e150),
    ("times", 1e-150),
    ("times", 1e300),
    ("times", 1e-290),
    ("plus", 1e9),
    ("plus", -1e9),
]


TRAIN, TEST = slice(2000), slice(2000, None)


@pytest.fixture(scope="module")
def standardized_score(many):
    X, y = many
    X = StandardScaler().fit_transform(X)
    y = (y - y.mean()) / y.std()
    model = regressor(standardize=False).fit(X[TRAIN], y[TRAIN])
    return model.score(X[TEST], y[TEST])


@pytest.mark.parametrize("what", ["X", "some columns of X", "y", "X and y"])
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_fit_is_as_good_as_that_of_standardized_data(
    many, standardized_score, change, what
):
    X, y = (values.copy() for values in many)
    if what in ("X", "X and y"):
        X = units(X, change)
    if what == "some columns of X":
        X[:, ::2] = units(X[:, ::2], change)
    if what in ("y", "X and y"):
        y = units(y, change)
    y_pred, y_true = regressor().fit(X[TRAIN], y[TRAIN]).predict(X[TEST]), y[TEST]
    if what in ("y", "X and y"):  # in these units, squared errors may overflow
        y_pred, y_true = units(y_pred, undo(change)), units(y_true, undo(change))
    assert abs(r2_score(y_true, y_pred) - standardized_score) < 0.01


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_float32_data_of_any_size_are_fitted_as_well(many, standardized_score, size):
    X, y = (many[0] * size).astype(np.float32), (many[1] * size).astype(np.float32)
    y_pred = regressor().fit(X[TRAIN], y[TRAIN]).predict(X[TEST])
    assert y_pred.dtype == np.float32
    assert abs(r2_score(many[1][TEST], y_pred / size) - standardized_score) < 0.01


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_partial_fit_learns_in_any_units(data, change):
    X, y = (units(values, change) for values in data)
    parameters = {"shuffle": False, "learning_rate": "constant"}
    model, plain = regressor(**parameters), regressor(**parameters)
    for _ in range(3):
        model.partial_fit(X, y)
        plain.partial_fit(*data)
    assert_allclose(model.loss_curve_, plain.loss_curve_, rtol=1e-4)


# -------------------------------------------------------------------- extreme values

# The largest and smallest of each type, and those near the ends.
EXTREMES = {
    np.float64: [1e150, 1e300, 1.7e308, np.finfo(float).max, 1e-300, 1e-308, 1e-315],
    np.float32: [1e18, 1e37, np.finfo(np.float32).max, 1e-37, 1e-38, 1e-42, 1e-45],
}
CASES = [(dtype, size) for dtype in EXTREMES for size in EXTREMES[dtype]]


def spread(values, size):
    """Values in ±1 times size, of which the largest is size itself."""
    return values / np.abs(values).max() * size


def assert_finite_or_refused(model, X, y, **keywords):
    """The fit fails with a ValueError, or all that it leaves is finite."""
    before = vars(model).copy()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # RuntimeWarnings are errors
            model.fit(X, y, **keywords)
    except ValueError as error:
        message = str(error)
        assert "Expected" in message or "diverged" in message
        assert vars(model) == before
        return False
    for array in (*model.coefs_, *model.intercepts_, model.predict(X)):
        assert np.isfinite(array).all()
    for curve in (model.loss_curve_, model.validation_loss_curve_ or []):
        assert np.isfinite(curve).all()
    assert np.isfinite(model.validation_scores_ or []).all()
    # what is as far away as X can be
    largest = np.finfo(X.dtype).max
    far = np.where(np.eye(len(X), X.shape[1]), largest, -largest)
    assert np.isfinite(model.predict(far.astype(X.dtype))).all()
    return True


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("what", ["X", "one row of X", "y", "one row of y", "X and y"])
@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_extreme_values_give_a_finite_model_or_a_clear_error(
    data, dtype, size, what, standardize
):
    X, y = data[0][:60].copy(), data[1][:60].copy()
    if what in ("X", "X and y"):
        X = spread(X, size)
    if what == "one row of X":
        X[7] = size
    if what == "one row of y":
        y[7] = -size
    if what in ("y", "X and y"):
        y = spread(y, size)
    for parameters in ({}, {"learning_rate_init": 0.5}, {"early_stopping": True}):
        model = regressor(standardize=standardize, max_iter=30, **parameters)
        fitted = assert_finite_or_refused(model, X.astype(dtype), y)
        moderate = 1e-30 < size < 1e300 if dtype is np.float64 else 1e-30 < size < 1e30
        if standardize and moderate and what != "y" and not parameters:
            assert fitted  # it is not the size that matters


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize("standardize", [True, False])
def test_extreme_validation_data_give_finite_scores_or_a_clear_error(
    data, standardize, dtype
):
    X, y = data[0].astype(dtype), data[1]
    X, X_val, y, y_val = X[:60], X[60:80], y[:60], y[60:80]
    model = regressor(standardize=standardize, early_stopping=True, max_iter=5)
    for size in (1e99, 1e101, 1e300, 1e-160, 1e-161, 1e-162, 1e-300):
        assert_finite_or_refused(model, X, y, X_val=X_val, y_val=spread(y_val, size))
        one = np.where(np.arange(20) == 3, size, 0)
        assert_finite_or_refused(model, X, y, X_val=X_val, y_val=one)
        model = regressor(standardize=standardize, early_stopping=True, max_iter=5)
        assert assert_finite_or_refused(
            model,
            X,
            y,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=np.full(20, size * 1e8),
        )


def test_targets_to_validate_on_are_refused_by_their_row(data):
    X, y = data
    far = np.where(np.arange(300) == 7, 1e200, y)
    with pytest.raises(ValueError, match=r"y_val has .* in row 7,.* within ±1e\+100"):
        regressor(early_stopping=True).fit(X, y, X_val=X, y_val=far)
    X_val = np.where(far > 1e100, 1e200, X.T).T
    with pytest.raises(ValueError, match=r"X_val has .* row 7, column .,.* ±1e\+100"):
        regressor(early_stopping=True).fit(X, y, X_val=X_val, y_val=y)


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("size", [1e-308, 1.0, 1e300])
def test_poor_and_good_fits_are_told_apart_at_any_scale(data, form, size):
    # Warnings are errors, those of an overflow in the diagnosis, too.
    X, y = form(data[0] * size), data[1]
    regressor(learning_rate="linear", max_iter=20).fit(X, y)
    poor = regressor(learning_rate="linear", learning_rate_init=1e-9, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="did not learn: .* hardly better than"):
        poor.fit(X, y)


def test_weights_beyond_the_dtype_in_the_units_of_the_data_are_its_largest(data):
    # X of 1e-308 asks for weights of 1e308 and more.
    X, y = data
    model = fit_quietly(regressor(max_iter=20), X * 1e-308, y)
    largest = np.finfo(float).max
    assert np.abs(model.coefs_[0]).max() == largest
    assert model.score(X * 1e-308, y) > 0.8
    y_big = spread(y, np.finfo(np.float32).max).astype(np.float32)
    single = fit_quietly(regressor(max_iter=20), X.astype(np.float32), y_big)
    far = single.predict(50 * X.astype(np.float32))
    assert far.max() == np.finfo(np.float32).max
    assert np.isfinite(far).all()


def test_columns_that_are_constant_may_be_of_any_size(data):
    X, y = data[0].copy(), data[1]
    X[:, 1:] = [1.7e308, -1.7e308, 1e300]
    model = fit_quietly(regressor(max_iter=20), X, y)
    assert np.abs(model.intercepts_[0]).max() < 100


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("size", [1e292, -1e292, 1e300, np.finfo(float).max])
def test_columns_that_do_not_vary_have_no_influence_at_any_size(data, form, size):
    X, y = data[0].copy(), data[1]
    X[:, 1] = size
    X[::2, 2] = size
    X[1::2, 2] = np.nextafter(size, 0)  # varies by rounding alone
    far = X.copy()
    far[:, 1:3] *= -1
    far[0, 1:3] = -np.copysign(np.finfo(float).max, size)
    model = fit_quietly(regressor(max_iter=20), form(X), y)
    assert np.array_equal(model.predict(form(far)), model.predict(form(X)))
    one, other = (
        fit_quietly(
            regressor(max_iter=20, early_stopping=True),
            form(X),
            y,
            X_val=form(X_val),
            y_val=y,
        )
        for X_val in (X, far)
    )
    assert other.validation_scores_ == one.validation_scores_


def test_targets_to_validate_on_are_finite_where_y_varies_by_rounding(data):
    X, size = data[0], 1e300
    y = np.where(np.arange(len(X)) % 2, size, np.nextafter(size, 0))
    y_val = np.full(len(X), -np.finfo(float).max)
    model = regressor(max_iter=2, early_stopping=True)
    fit_quietly(model, X, y, X_val=X, y_val=y_val)
    assert np.isfinite(model.validation_loss_curve_).all()


def test_biases_are_finite_where_products_with_means_are_not(data):
    W, v = np.full((3, 4), 1e295), np.ones((1, 5))
    X = np.array([[1e115, -1e115], [1e115 + 1e101, -1e115 - 1e101]])
    rows = Data(X, np.array([[0.0], [1.0]]), None, X.dtype)
    order = SampleOrder(np.arange(2), None)
    network = Network.of(W, v, Standardization.measure(rows, order))
    weights = network.coefs()[0]
    assert np.abs(weights).min() > np.finfo(float).max / 1e116
    assert np.isfinite(network.intercepts()[0]).all()


@pytest.mark.parametrize("batch_size", [1, "all"])
@pytest.mark.parametrize("size", [1e90, 1.0, 1e-90])
def test_training_ends_before_a_weight_makes_outputs_overflow(data, size, batch_size):
    # Each is in range, and yet an update multiplies η, y and X, and predict W and X. If
    # all rows are one batch the loss cannot tell: it is that of the weights before.
    X, y = data[0][:60] * size, data[1][:60] * size
    fitted = []
    for eta in 10.0 ** np.arange(-200, 300, 10):
        model = regressor(standardize=False, learning_rate_init=eta, max_iter=2)
        model.set_params(batch_size=batch_size)
        fitted.append(assert_finite_or_refused(model, X, y))
        if fitted[-1]:  # or ∞ - ∞ would saturate a unit the wrong way
            assert np.abs(model.coefs_[0]).max() < np.finfo(float).max / LIMIT
        assert_finite_or_refused(model.set_params(early_stopping=True), X, y)
    assert fitted[0]
    assert not fitted[-1]


def test_the_model_is_that_of_the_equations_far_from_1(data):
    # A power of two in X and y rounds nothing: it is the same model in other units.
    X, y = data
    parameters = {"shuffle": False, "learning_rate": "constant", "max_iter": 3}
    plain = fit_quietly(regressor(**parameters), X, y)
    model = fit_quietly(regressor(**parameters), X * 2.0**900, y * 2.0**-900)
    assert same_bits_but_for_units(plain, model, 2.0**900, 2.0**-900)
    W = np.column_stack((plain.intercepts_[0], plain.coefs_[0].T))
    v = np.append(plain.intercepts_[1], plain.coefs_[1])
    expected = [equations.predict(W, v, x) for x in X]
    y_pred = model.predict(X * 2.0**900) * 2.0**900
    assert_allclose(y_pred, expected, rtol=1e-10, atol=1e-12)


def same_bits_but_for_units(plain, model, X_unit, y_unit):
    (W, v), (w_0, v_0) = model.coefs_, model.intercepts_
    return all(
        np.array_equal(ours, theirs)
        for ours, theirs in zip(
            plain.coefs_ + plain.intercepts_,
            (W * X_unit, v / y_unit, w_0, v_0 / y_unit),
            strict=True,
        )
    )
