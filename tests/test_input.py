"""Bad input and bad parameters: clear errors, before anything changes."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from models import refused, same_bits
from sklearn import config_context
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency

from sklearn_backprop import BackpropRegressor

X = np.random.RandomState(0).normal(size=(40, 2))
y = X.sum(axis=1)


def regressor(**parameters):
    return BackpropRegressor(4, random_state=0, **parameters)


def fitted():
    return regressor().partial_fit(X, y)


# ---------------------------------------------------------------------- parameters

INVALID = {
    "hidden_layer_size": [0, -1, 2.5, "10", None, (10,), np.nan],
    "learning_rate": ["optimal", None, 0.1, True],
    "learning_rate_init": [0, -0.1, "best", None, np.inf, np.nan],
    "momentum": [-0.1, 1, 1.5, "high", None, np.nan],
    "alpha": [-1e-9, "strong", None, np.inf, np.nan],
    "batch_size": [0, -3, 1.5, "auto", None],
    "max_iter": [0, -1, 10.0, "all", None, np.inf],
    "tol": [-1e-9, "small", None, np.inf, np.nan],
    "n_iter_no_change": [0, 2.5, -np.inf, np.nan, None],
    "standardize": [2, "yes", None],
    "shuffle": [2, "yes", None],
    "random_state": ["seed", -1, 1.5, np.random.default_rng(0)],
    "early_stopping": [2, "auto", None],
    "validation_fraction": [0, 1, -0.1, 1.5, 5, None, np.nan],
    "warm_start": [2, "yes", None],
    "n_jobs": [0, 0.5, "all", np.nan],
    "verbose": [-1, "loud", None],
}


def test_every_parameter_has_constraints_that_are_tested():
    parameters = BackpropRegressor().get_params()
    assert set(INVALID) == set(parameters)
    assert set(BackpropRegressor._parameter_constraints) == set(parameters)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in INVALID for value in INVALID[name]]
)
def test_invalid_parameters_are_named(name, value):
    # partial_fit is not there when early_stopping is anything like true
    methods = ("fit", "partial_fit") if name != "early_stopping" else ("fit",)
    for model in (regressor(), fitted()):
        model.set_params(**{name: value})
        for method in methods:
            with refused(model, f"'?{name}'? .*must be"):
                getattr(model, method)(X, y)


@pytest.mark.parametrize("name", ["hidden_layer_size", "batch_size", "max_iter"])
def test_sizes_are_checked_even_where_parameters_are_not_validated(name):
    for value in (0, -1, -(2**40)):
        model = regressor().set_params(**{name: value})
        with (
            config_context(skip_parameter_validation=True),
            refused(model, f"{name}={value}. Expected at least 1"),
        ):
            model.fit(X, y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_size", np.int64(3)),
        ("learning_rate_init", 1),
        ("learning_rate_init", np.float32(0.01)),
        ("batch_size", np.int32(2)),
        ("tol", 0),
        ("verbose", 0),
        ("standardize", np.bool_(False)),
    ],
)
def test_valid_parameters_of_other_types_are_accepted(name, value):
    model = BackpropRegressor(1, random_state=0, learning_rate="linear", max_iter=50)
    assert model.set_params(**{name: value}).fit(X, y).n_iter_ == 50


# ---------------------------------------------------------------------------- data

TEXT = [["a", "b"]] * 40
DIGITS = [["1", "2"]] * 40
DATES = np.full((40, 2), np.datetime64("2020-01-01"))

BAD_X = {
    "NaN": (np.where(X > 1, np.nan, X), "Input X contains NaN"),
    "infinity": (np.where(X > 1, np.inf, X), "Input X contains infinity"),
    "None": ([[None, 1.0]] * 40, "Input X contains NaN"),
    "pd.NA": (
        pd.DataFrame(X).convert_dtypes().mask(X > 1),
        "Input X contains NaN: None or NA marks a missing value in column 0",
    ),
    "text": (TEXT, "X must be numeric"),
    "digits as text": (DIGITS, "X must be numeric"),
    "bytes": (np.full((40, 2), b"1"), "X must be numeric"),
    "digits in an object array": (np.array(DIGITS, object), "X must be numeric.*'1'"),
    "bytearrays": (np.array([[1, bytearray(b"1")]] * 40, object), "X must be numeric"),
    "complex objects": (np.array([[1, 1j]] * 40, object), "X must be numeric"),
    "one string among numbers": ([[1.0, 2.0]] * 39 + [[1.0, "2"]], "X must be numeric"),
    "one string among objects": (
        np.array([[1.0, 2.0]] * 39 + [[1.0, "2"]], object),
        "X must be numeric.*'2' in column 1",
    ),
    "dates": (DATES, "X must be numeric.*datetime64"),
    "dates in an object array": (DATES.astype(object), "X must be numeric.*date"),
    "durations": (DATES - DATES, "X must be numeric.*timedelta64"),
    "a pandas text column": (
        pd.DataFrame({"a": X[:, 0], "b": ["1"] * 40}),
        "X must be numeric.*'1' in column 'b'",
    ),
    "a pandas date column": (
        pd.DataFrame({"a": X[:, 0], "b": pd.Timestamp("2020-01-01")}),
        "X must be numeric.*Timestamp",
    ),
    "a polars text column": (
        pl.DataFrame({"a": X[:, 0], "b": ["1"] * 40}),
        "X must be numeric.*'1' in column 'b'",
    ),
    "a polars date column": (
        pl.DataFrame({"a": X[:, 0], "b": [datetime.date(2020, 1, 1)] * 40}),
        "X must be numeric.*Date",
    ),
    "a polars gap": (pl.DataFrame({"a": [None, *X[1:, 0]], "b": X[:, 1]}), "X .*NaN"),
    "a masked value": (np.ma.array(X, mask=X > 1), "Input X contains NaN: a masked"),
    "numbers beyond float64": ([[10**400, 1]] * 40, "X cannot be converted to float64"),
    "decimals beyond float64": ([[Decimal("1e400"), 1]] * 40, "Input X .*infinity"),
    "NaN among objects": (np.where(X > 1, np.nan, X).astype(object), "Input X .*NaN"),
    "a dictionary": (
        np.array([[1, {2: 3}]] * 40),
        "X cannot be converted to float64: .*'dict'",
    ),
    "a signaling NaN": (
        [[Decimal("sNaN"), 1]] * 40,
        "X cannot be converted to float64: .*NaN",
    ),
    "NaN in sparse rows": (
        scipy.sparse.csr_array(np.where(X > 1, np.nan, X)),
        "X .*contains NaN",
    ),
    "sparse text": (
        scipy.sparse.csr_array((np.full(40, "1"), np.zeros(40, int), np.arange(41))),
        "X must be numeric.*U1",
    ),
    "sparse entries that add up to infinity": (
        scipy.sparse.csr_array(
            (np.full(80, 1.7e308), np.zeros(80, int), np.arange(0, 81, 2)), (40, 2)
        ),
        "Input X contains infinity",
    ),
    "sparse dates": (
        scipy.sparse.csr_array((DATES[:, 0], np.zeros(40, int), np.arange(41))),
        "X must be numeric.*datetime64",
    ),
    "complex": (X + 1j, "Complex data not supported: X"),
    "complex lists": ((X + 1j).tolist(), "Complex data not supported: X"),
    "1-D": (X[:, 0], "Expected 2D array, got 1D array"),
    "3-D": (X[:, :, np.newaxis], "dim (<= 2|3)"),
    "a scalar": (3.0, "Expected 2D array, got scalar"),
    "ragged rows": ([[1.0, 2.0]] * 39 + [[1.0]], "X cannot be read as an array"),
    "no rows": (X[:0], "0 sample"),
    "no columns": (X[:, :0], "0 feature"),
    "no pandas columns": (pd.DataFrame(X[:, :0]), "0 feature"),
    "other length": (X[:-1], "inconsistent numbers of samples"),
}


def test_sparse_X_of_one_axis_is_refused():
    bad = scipy.sparse.coo_array(X[:, 0])
    if bad.ndim == 2:
        pytest.skip("this SciPy has no such arrays")
    for model in (regressor(), fitted()):
        for call in (model.fit, model.partial_fit):
            with refused(model, "Expected 2D input"):
                call(bad, y)
    with refused(model, "Expected 2D input"):
        model.predict(bad)


@pytest.mark.extra
def test_the_column_of_a_table_is_named():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": X[:, 0], "b": ["x"] * 40})
    with refused(model := regressor(), "X must be numeric.*'x' in column 'b'"):
        model.fit(table, y)


@pytest.mark.parametrize("case", BAD_X)
@pytest.mark.parametrize("make", [regressor, fitted])
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_bad_X_is_refused(make, case):
    bad, message = BAD_X[case]
    model = make()
    for method in (model.fit, model.partial_fit):
        with refused(model, message):
            method(bad, y)
    if make is fitted and case != "other length":
        with refused(model, message):
            model.predict(bad)


BAD_Y = {
    "NaN": (np.where(y > 1, np.nan, y), "Input y contains NaN"),
    "infinity": (np.where(y > 1, np.inf, y), "Input y contains infinity"),
    "text": (["a"] * 40, "y must be numeric"),
    "digits as text": (["1"] * 40, "y must be numeric"),
    "digits in an object array": (np.array(["1"] * 40, object), "y must be numeric"),
    "dates": (DATES[:, 0], "y must be numeric.*datetime64"),
    "a pandas date series": (
        pd.Series(pd.Timestamp("2020-01-01"), range(40)),
        "y must be numeric",
    ),
    "complex": (y + 1j, "Complex data not supported"),
    "None in an object array": (np.array([None, *y[1:]], object), "y contains NaN"),
    "NaN in objects of two columns": (
        np.where(X > 1, np.nan, X).astype(object),
        "Input y contains NaN",
    ),
    "pd.NA in an object array": (np.array([pd.NA, *y[1:]], object), "y contains NaN"),
    "-inf in an object array": (
        np.array([*y[1:], -np.inf], object),
        "y contains infinity",
    ),
    "3-D": (X[:, :, np.newaxis], "dim (<= 2|3)"),
    "no columns": (X[:, :0], "0 feature"),
    "sparse": (scipy.sparse.csr_array(X), "y is sparse"),
    "other length": (y[:-1], "inconsistent numbers of samples"),
    "None": (None, "requires y to be passed"),
    "a scalar": (3.0, r"y is a single value, 3.0"),
}


@pytest.mark.parametrize("case", BAD_Y)
@pytest.mark.parametrize("make", [regressor, fitted])
def test_bad_y_is_refused(make, case):
    bad, message = BAD_Y[case]
    model = make()
    for method in (model.fit, model.partial_fit):
        with refused(model, message):
            method(X, bad)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_what_is_not_finite_is_refused_even_where_all_is_assumed_to_be(form, value):
    # One such value would make all weights NaN.
    bad_X, bad_y = X.copy(), y.copy()
    bad_X[7, 1] = bad_y[7] = value
    for model in (regressor(), fitted()):
        for method in (model.fit, model.partial_fit):
            with config_context(assume_finite=True):
                with refused(model, "Input X contains"):
                    method(form(bad_X), y)
                for y_form in (np.asarray, pd.Series, lambda y: y.astype(object)):
                    with refused(model, "Input y contains"):
                        method(form(X), y_form(bad_y))
    model = regressor(early_stopping=True)
    with config_context(assume_finite=True):
        with refused(model, "contains"):
            model.fit(form(X), y, X_val=form(bad_X), y_val=y)
        with refused(model, "contains"):
            model.fit(form(X), y, X_val=form(X), y_val=bad_y)


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array, pd.DataFrame])
def test_what_is_too_large_for_float32_is_refused_in_any_case(form):
    X_single = np.column_stack((X, np.ones(len(X)))).astype(np.float32)
    model = regressor().fit(X_single, y.astype(np.float32))
    large = X_single.astype(np.float64)
    for value in (1e300, 3.4028235677973366e38):  # the latter rounds to infinity
        large[3, -1] = value
        for assume_finite in (False, True):
            context = config_context(assume_finite=assume_finite)
            with context, refused(model, "too large for dtype"):
                model.predict(form(large))


@pytest.mark.skipif(np.finfo(np.longdouble).maxexp == 1024, reason="they are float64")
def test_long_doubles_beyond_float64_are_refused():
    huge, model = np.full((40, 2), np.longdouble(10) ** 400), fitted()
    for form in (huge, huge.astype(object), scipy.sparse.csr_array(huge)):
        with refused(model, "Input X contains infinity"):
            model.fit(form, y)


def test_a_column_of_y_is_flattened_with_a_warning():
    parameters = {"learning_rate": "linear", "max_iter": 20}
    with pytest.warns(DataConversionWarning, match="^BackpropRegressor: A column-"):
        model = regressor(**parameters).fit(X, y[:, np.newaxis])
    assert model.predict(X).shape == (40,)
    assert same_bits(model, regressor(**parameters).fit(X, y))


@pytest.mark.parametrize(
    "same",
    [
        X.tolist(),
        X.astype(object),
        [[Fraction(value) for value in row] for row in X],
        X.astype(">f8"),
        pd.DataFrame(X),
        pd.DataFrame(X).convert_dtypes(),
        pl.DataFrame(X),
    ],
    ids=["lists", "objects", "fractions", "big-endian", "pandas", "nullable", "polars"],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_numbers_of_any_kind_give_the_same_model(same):
    parameters = {"learning_rate": "linear", "max_iter": 20}
    expected = regressor(**parameters).fit(X, y)
    assert same_bits(regressor(**parameters).fit(same, y), expected)


def test_small_integer_parameters_do_not_overflow():
    model = BackpropRegressor(
        np.int8(127), batch_size=np.int8(100), random_state=0, learning_rate="linear"
    )
    expected = BackpropRegressor(
        127, batch_size=100, random_state=0, learning_rate="linear"
    )
    model.set_params(max_iter=20).fit(X, y)
    assert same_bits(model, expected.set_params(max_iter=20).fit(X, y))


def test_integers_and_booleans_are_numbers():
    integers = np.arange(80).reshape(40, 2)
    parameters = {"learning_rate": "linear", "max_iter": 20}
    expected = regressor(**parameters).fit(integers.astype(np.float64), y)
    assert same_bits(regressor(**parameters).fit(integers, y), expected)
    booleans = X > 0
    assert regressor(**parameters).fit(booleans, y > 0).predict(booleans).shape == (40,)


def test_missing_columns_and_names_are_refused():
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = regressor(learning_rate="linear", max_iter=20).fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="yet now missing"):
        model.predict(frame[["a"]])
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        model.predict(frame.rename(columns={"a": "c"}))
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[["b", "a"]])
    with pytest.raises(ValueError, match="must be in the same order"):
        model.partial_fit(frame[["b", "a"]], y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


def test_another_number_of_columns_is_refused():
    model = regressor(learning_rate="linear", max_iter=20).fit(X, y)
    for wrong in (X[:, :1], np.hstack((X, X))):
        with pytest.raises(ValueError, match="is expecting 2 features"):
            model.predict(wrong)
        with pytest.raises(ValueError, match="is expecting 2 features"):
            model.partial_fit(wrong, y)


def test_column_names_as_scikit_learn_checks_them():
    check_dataframe_column_names_consistency("BackpropRegressor", BackpropRegressor())


def test_polars_columns_are_named():
    frame = pl.DataFrame(X, schema=["a", "b"])
    if not hasattr(Ridge().fit(frame, y), "feature_names_in_"):
        pytest.skip("this scikit-learn does not see the names of polars' columns")
    model = regressor(learning_rate="linear", max_iter=20).fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[["b", "a"]])


def test_an_unfitted_estimator_says_so():
    model = regressor()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.predict(X)
    for attribute in ("coefs_", "intercepts_", "loss_", "n_iter_"):
        assert not hasattr(model, attribute)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_are_refused():
    with pytest.raises(TypeError, match=r"np.matrix is not supported"):
        regressor().fit(np.asmatrix(X), y)


def test_dates_that_are_python_objects_are_refused():
    for odd in (datetime.date.today(), datetime.timedelta(1), datetime.time(1)):
        with pytest.raises(ValueError, match="X must be numeric"):
            regressor().fit([[1.0, odd]] * 40, y)


def test_parameters_that_were_not_validated_are_not_taken_for_valid():
    model = regressor(learning_rate_init=-0.1)
    with config_context(skip_parameter_validation=True):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="'learning_rate_init'"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("name", ["csr", "csc", "bsr", "coo"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("index", [-1, -(2**30), 40, 2**30])
def test_sparse_entries_outside_of_the_shape_are_refused(kind, name, index):
    sparse = getattr(scipy.sparse, f"{name}_{kind}")(X)
    places = sparse.row if name == "coo" else sparse.indices
    places[3] = index
    for model in (regressor(), fitted()):
        for call in ([model.fit, sparse, y], [model.partial_fit, sparse, y]):
            with refused(model, "index|indices"):
                call[0](*call[1:])
    with refused(model, "index|indices"):
        model.predict(sparse)


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("part", ["rows", "data"])
def test_lists_of_sparse_rows_have_to_belong_together(kind, part):
    sparse = getattr(scipy.sparse, f"lil_{kind}")(X)
    getattr(sparse, part)[5] = [1]
    model = fitted()
    with refused(model, "X .*rows whose data and indices"):
        model.predict(sparse)
    with refused(model, "X .*rows whose data and indices"):
        model.fit(sparse, y)
