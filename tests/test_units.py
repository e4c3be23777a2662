"""standardize: units do not matter, and the fitted model is the documented network."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from models import weights_of
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score, train_test_split

from sklearn_backprop import BackpropRegressor, equations


@pytest.fixture(scope="module")
def split():
    random = np.random.RandomState(0)
    X = random.normal(size=(300, 4))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * random.normal(size=300)
    return train_test_split(X, y, random_state=0)


def score_in_units(split, X_map, y_map):
    X_train, X_test, y_train, y_test = split
    model = BackpropRegressor(20, max_iter=400, random_state=0)
    model.fit(X_map(X_train), y_map(y_train))
    return model.score(X_map(X_test), y_map(y_test))


MAPS = {  # X and y have standard deviations of about 1
    "times 1e6": lambda values: values * 1e6,
    "times 1e-6": lambda values: values * 1e-6,
    "shifted up": lambda values: values + 1e4,
    "shifted down": lambda values: values - 1e4,
    "all at once": lambda values: (values - 1e4) * 1e6,
}


@pytest.mark.parametrize("name", MAPS)
def test_the_units_do_not_matter(split, name):
    def same(values):
        return values

    score = score_in_units(split, same, same)
    assert score > 0.8
    assert abs(score_in_units(split, MAPS[name], same) - score) < 0.01
    assert abs(score_in_units(split, same, MAPS[name]) - score) < 0.01
    assert abs(score_in_units(split, MAPS[name], MAPS[name]) - score) < 0.01


def test_the_losses_do_not_depend_on_the_units(split):
    X, _, y, _ = split
    parameters = {
        "shuffle": False,
        "max_iter": 50,
        "random_state": 0,
    }  # the order is one of content
    model = BackpropRegressor(5, **parameters).fit(X, y)
    scaled = BackpropRegressor(5, **parameters).fit(X * 1024, y * 0.25)
    assert scaled.loss_curve_ == model.loss_curve_  # powers of two round alike


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("standardize", [True, False])
def test_predict_is_the_formula_on_coefs_and_intercepts(split, standardize, dtype):
    X, X_test, y, _ = split
    if standardize:
        X, X_test, y = 5 * X + 3, 5 * X_test + 3, 100 * y + 20
    model = BackpropRegressor(20, standardize=standardize, random_state=0)
    model.fit(X.astype(dtype), y.astype(dtype))
    (W, v), (w_0, v_0) = model.coefs_, model.intercepts_
    assert {array.dtype for array in (W, v, w_0, v_0)} == {np.dtype(dtype)}
    formula = equations.sigmoid(X_test @ W + w_0) @ v + v_0
    tolerance = 1e-12 if dtype is np.float64 else 1e-4
    y_pred = model.predict(X_test.astype(dtype))
    assert y_pred.dtype == dtype
    assert y_pred.shape == (len(X_test),)
    assert_allclose(y_pred, formula[:, 0], atol=tolerance * np.abs(y).max())


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize(
    ("type_of_X", "type_of_y", "expected"),
    [
        ("f4", "f4", "f4"),
        ("f4", "f8", "f8"),
        ("f8", "f4", "f8"),
        ("f8", "f8", "f8"),
        ("f4", "i2", "f8"),
        ("i4", "f4", "f8"),
    ],
)
def test_predictions_have_the_type_of_X_and_y(
    split, form, type_of_X, type_of_y, expected
):
    X, y = np.rint(3 * split[0]).astype(type_of_X), np.rint(9 * split[2])
    y = np.column_stack((y, -y)).astype(type_of_y)
    model = BackpropRegressor(5, random_state=0).partial_fit(form(X), y)
    for _ in range(2):
        weights = [*model.coefs_, *model.intercepts_]
        assert {array.dtype for array in weights} == {np.dtype(expected)}
        assert model.predict(form(X)).dtype == expected
        # y of a later call changes nothing, and neither does a pickle.
        model = pickle.loads(pickle.dumps(model)).partial_fit(form(X), y * 1.0)


@pytest.mark.parametrize("offset", [1.7e9, -1e12])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_float32_X_leaves_y_its_digits(split, form, offset):
    X, X_test, y, y_test = (part.astype(np.float32) for part in split)
    y, y_test = 30 * y.astype(float), 30 * y_test.astype(float)
    model = BackpropRegressor(20, random_state=0, shuffle=False)
    near = model.fit(form(X), y).score(form(X_test), y_test)
    far = model.fit(form(X), y + offset).score(form(X_test), y_test + offset)
    assert near > 0.8
    assert_allclose(far, near, atol=1e-2)
    X_test = X_test.astype(float)
    (W, v), (w_0, v_0) = model.coefs_, model.intercepts_
    formula = equations.sigmoid(X_test @ W + w_0) @ v + v_0
    assert_allclose(model.predict(form(X_test)), formula[:, 0], atol=0.01)


def test_the_fitted_model_is_the_network_of_the_equations(split):
    X, X_test, y, _ = split
    model = BackpropRegressor(20, random_state=0).fit(5 * X + 3, 100 * y)
    W, v = weights_of(model)
    expected = [equations.predict(W, v, 5 * x + 3) for x in X_test]
    assert_allclose(model.predict(5 * X_test + 3), expected, rtol=1e-10)


def test_coefs_are_read_only_and_new_each_time(split):
    X, _, y, _ = split
    model = BackpropRegressor(5, random_state=0, max_iter=3, learning_rate="linear")
    model.fit(X, y)
    for array in model.coefs_ + model.intercepts_:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert "coefs_" not in vars(model)


@pytest.mark.parametrize("value", [0.0, 3.3, -1e10, 1e-300])
def test_a_constant_target_is_predicted_exactly(split, value):
    X, X_test, _, _ = split
    model = BackpropRegressor(random_state=0).fit(X, np.full(len(X), value))
    assert np.array_equal(model.predict(X_test), np.full(len(X_test), value))


def test_a_constant_column_is_ignored(split):
    X, X_test, y, y_test = split
    train, test = np.insert(X, 1, 7.7, axis=1), np.insert(X_test, 1, 7.7, axis=1)
    model = BackpropRegressor(20, random_state=0).fit(train, y)
    assert model.score(test, y_test) > 0.8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("half", [0, 1])  # of rows that have the next number
def test_a_column_that_does_not_vary_has_no_influence(split, form, dtype, half):
    X, X_test, y, _ = split
    value = np.full(len(X), 0.3, dtype)
    value[: half * len(X) // 2] = np.nextafter(dtype(0.3), dtype(1))
    train = np.insert(X.astype(dtype), 1, value, axis=1)
    model = BackpropRegressor(9, random_state=0, max_iter=5, learning_rate="linear")
    model.fit(form(train), y)
    at_0, at_9 = (
        model.predict(form(np.insert(X_test.astype(dtype), 1, other, axis=1)))
        for other in (0, 9)
    )
    assert_allclose(at_0, at_9, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize(
    ("size", "dtype"),
    [
        (1.7e18, np.float64),  # nanoseconds
        (-1e120, np.float64),
        (1e-200, np.float64),
        (3.0, np.float64),
        (1.7e9, np.float32),  # seconds
        (1e30, np.float32),
        (-1e-30, np.float32),
    ],
)
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("partially", [False, True])
def test_a_column_that_varies_by_rounding_has_no_influence(
    split, random, form, size, dtype, partially
):
    X, X_test, y, _ = (part.astype(dtype) for part in split)
    steps = 1 + np.finfo(dtype).eps * random.randint(0, 4, len(X) + len(X_test))
    column = (size * steps).astype(dtype)
    train = np.insert(X, 1, column[: len(X)], axis=1)
    test = np.insert(X_test, 1, column[len(X) :], axis=1)
    constant = np.insert(X, 1, column[0], axis=1)
    parameters = {"learning_rate": "linear", "max_iter": 5, "shuffle": False}
    models = [BackpropRegressor(9, random_state=0, **parameters) for _ in range(2)]
    for model, data in zip(models, (train, constant), strict=True):
        if partially:
            for _ in range(3):
                model.partial_fit(form(data), y)
        else:
            model.fit(form(data), y)
    predictions = [model.predict(form(test)) for model in models]
    assert_allclose(*predictions, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)
    assert np.abs(models[0].coefs_[0][1] * size).max() < 1e-6


@pytest.mark.parametrize("constant", [0, 1, -2024, 1e-12, 1e9])
def test_a_column_that_begins_to_vary_is_learned(split, constant):
    X, _, y, _ = split
    first = np.insert(X, 1, constant, axis=1)
    later = np.insert(X, 1, X[:, 0] + constant, axis=1)
    later[:, 0] = 0  # it now stands for the one that told most
    model = BackpropRegressor(20, random_state=0).partial_fit(first, y)
    assert not model.coefs_[0][1].any()
    for _ in range(300):
        model.partial_fit(later, y)
    assert model.score(later, y) > 0.8
    assert model.coefs_[0][1].all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0.3, -1.7e18, 1e-20])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_targets_that_vary_by_rounding_are_constant(
    split, random, dtype, value, early_stopping
):
    X, X_test, _, _ = (part.astype(dtype) for part in split)
    steps = 1 + np.finfo(dtype).eps * random.randint(0, 4, len(X))
    y = (value * steps).astype(dtype)
    y = np.column_stack((y, X[:, 0]))
    model = BackpropRegressor(
        9, random_state=0, early_stopping=early_stopping, learning_rate="linear"
    )
    y_pred = model.fit(X, y).predict(X_test)
    assert_allclose(y_pred[:, 0], value, rtol=5 * np.finfo(dtype).eps)
    alone = BackpropRegressor(
        9, random_state=0, early_stopping=early_stopping, max_iter=60
    ).fit(X, y[:, 0])
    assert_allclose(alone.predict(X_test), value, rtol=5 * np.finfo(dtype).eps)
    alone = pickle.loads(pickle.dumps(alone)).set_params(early_stopping=False)
    assert alone.partial_fit(X, y[:, 0]).loss_ == 0


def test_validation_targets_that_vary_by_rounding_tell_nothing(split):
    X, X_test, y, _ = split
    y_val = 5 + np.finfo(float).eps * (np.arange(len(X_test)) % 9)
    model = BackpropRegressor(9, random_state=0, early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="targets to validate on are all the s"):
        model.fit(X, y, X_val=X_test, y_val=y_val)
    assert set(model.validation_scores_) <= {0.0}


def test_without_standardization_the_data_are_used_as_given(split):
    X, _, y, _ = split
    model = BackpropRegressor(
        5, standardize=False, learning_rate="linear", max_iter=1, random_state=0
    )
    big = model.fit(X, y * 4).loss_curve_[0]
    assert_allclose(big, 16 * np.mean(y**2) / 2, rtol=0.5)


@pytest.mark.parametrize(
    "parameters",
    [
        *({"hidden_layer_size": H} for H in (1, 10, 100, 1000)),
        pytest.param({"hidden_layer_size": 3000}, marks=pytest.mark.slow),
        *({"batch_size": b} for b in (8, "all")),
    ],
)
def test_defaults_work_with_one_parameter_changed(diabetes, parameters):
    X, y = diabetes
    model = BackpropRegressor(random_state=0, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(model, X, y, error_score="raise")
    assert scores.mean() > 0.3


def test_defaults_match_a_good_model_on_raw_data(uci):
    X, y, test_index = uci("concrete")
    train = np.setdiff1d(np.arange(len(y)), test_index[0])
    test = test_index[0]
    ours = BackpropRegressor(random_state=0).fit(X[train], y[train])
    linear = Ridge().fit(X[train], y[train])
    assert ours.score(X[test], y[test]) > linear.score(X[test], y[test]) + 0.15
