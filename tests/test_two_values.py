"""Columns of two values: scaling does not make the rarer value an outlier."""

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, statistics
from numpy.testing import assert_allclose

from sklearn_backprop import BackpropRegressor

FORMS = [np.asarray, scipy.sparse.csr_array]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [1, 2, 7, 150, 12_000])
def test_columns_of_two_values_are_found(random, n, form, dtype):
    last = np.arange(n) == n - 1
    X = np.column_stack(
        [
            np.zeros(n),
            np.full(n, 3),
            random.uniform(size=n) < 0.01,
            3 - 2 * (random.uniform(size=n) < 0.5),
            np.where(last, -7, 0),
            np.where(last, 7, 2),
            np.where(last, 1e38, -1e38),
            random.randint(0, 3, n),
            random.randint(0, 3, n) * last,
            random.normal(size=n),
        ]
    ).astype(dtype)
    for rows in (np.arange(n), random.randint(0, n, n)):
        _, _, low, high, two, _ = statistics(form(X), rows)
        assert np.array_equal(low, X[rows].min(axis=0))
        assert np.array_equal(high, X[rows].max(axis=0))
        n_values = [len(np.unique(column)) for column in X[rows].T]
        assert np.array_equal(two, np.less_equal(n_values, 2))


@pytest.mark.parametrize("form", FORMS)
def test_a_rare_flag_counts_as_one_in_ten(random, form):
    # as if its standard deviation was 0.3, in any units
    n = 1000
    X = np.zeros((n, 4))
    X[:2, 0], X[:100, 1], X[:500, 2] = 1, 1, 1
    X[:, 3] = np.where(np.arange(n) < 2, 50, 40)
    y = random.normal(size=n)
    model = fit_quietly(BackpropRegressor(2, max_iter=1, random_state=0), form(X), y)
    standardization = model._state.network.standardization
    assert_allclose(1 / standardization.X_scale, [0.3, 0.3, 0.5, 3])
    assert_allclose(standardization.X_mean, X.mean(axis=0))


def test_rows_of_weight_0_add_no_value(random):
    X = (random.uniform(size=(200, 1)) < 0.05).astype(float)
    y = X[:, 0] + random.normal(size=200)
    others = np.vstack((X, [[7.0]])), np.append(y, 0), np.append(np.ones(200), 0)
    parameters = {"max_iter": 1, "random_state": 0}
    for data in ((X, y), others):
        model = fit_quietly(BackpropRegressor(2, **parameters), *data)
        assert_allclose(1 / model._state.network.standardization.X_scale, 0.3)
