"""Streams without scaling: statistics that follow the data."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, refused, same_bits, state, statistics
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor, _kernel

FORMS = [np.asarray, scipy.sparse.csr_array]
N = 2000


def regressor(**parameters):
    return BackpropRegressor(30, random_state=0, **parameters)


def units(model):
    return model._state.network.standardization


def weight_of(model):
    """That of all samples in the statistics."""
    return model._state.convergence.earlier + model._state.convergence.weight


def clock(X, y, random):
    X[:, 2] = 1e6 + np.arange(N)
    return X, y


def price(X, y, random):
    X[:, 2] = 100 * np.exp(np.cumsum(random.normal(5e-4, 0.01, N)))
    return X, y + 2 * np.log(X[:, 2])


def rare_flag(X, y, random):
    X[:, 2] = random.uniform(size=N) < 0.005
    return X, y + X[:, 2]


def late_column(X, y, random):
    X[: N // 3, 2] = 0
    return X, y + X[:, 2]


def outlier(X, y, random):
    y = y + X[:, 2]
    X[N // 4, 2] = 1e4
    return X, y


def rising_target(X, y, random):
    return X, y + np.linspace(0, 5, N)


def far_from_0(X, y, random):
    return X + 1e3, y - 1e6


KINDS = [clock, price, rare_flag, late_column, outlier, rising_target, far_from_0]


def progressive_r2(model, X, y, first, size):
    """R² of predictions for each piece before it is learned from."""
    y_pred = []
    for start, stop in pieces(len(y), first, size):
        if start:
            y_pred.append(model.predict(X[start:stop]))
        model.partial_fit(X[start:stop], y[start:stop])
    return r2_score(y[first:], np.concatenate(y_pred))


def pieces(n, first, size):
    return pairwise([0, *range(first, n, size), n])


@pytest.mark.parametrize(("first", "size"), [(1, 10), (100, 10), (20, 500)])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_learned_as_if_it_was_known_as_a_whole(
    random, kind, form, first, size
):
    X = random.uniform(-1, 1, size=(N, 3))
    X, y = kind(X, np.sin(3 * X[:, 0]) + X[:, 1], random)
    scaled = StandardScaler().fit_transform(X)
    y_scaled = (y - y.mean()) / y.std()
    whole = regressor(standardize=False)
    expected = progressive_r2(whole, scaled, y_scaled, first, size)
    assert progressive_r2(regressor(), form(X), y, first, size) > expected - 0.02


def test_a_row_at_a_time_is_learned_as_well(random):
    X = random.uniform(-1, 1, size=(N, 3))
    X, y = clock(X, np.sin(3 * X[:, 0]) + X[:, 1], random)
    assert progressive_r2(regressor(), X, y, 1, 1) > 0.8


# ------------------------------------------------------------------ the statistics


def columns(random, n):
    """Of every kind: far from 0, of many sizes, constant, of two values, late."""
    last = np.arange(n) >= n // 2
    return np.column_stack(
        [
            random.normal(1e6, 1, n),
            random.normal(0, 1e-200, n),
            random.normal(0, 1e200, n),
            random.uniform(size=n) < 0.01,
            np.full(n, 7.0),
            np.where(last, random.normal(size=n), 0),
            np.where(last, 3, -5),
            7 + 1e-16 * random.randint(0, 9, n),
            np.where(last, 1e308, -1e308),
            random.randint(0, 3, n),
        ]
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sizes", [[300], [1], [1, 50, 7], [19, 1, 1000]])
def test_statistics_of_pieces_are_those_of_all(random, form, sizes):
    X = columns(random, 2000)
    expected = statistics(form(X))
    start, table = 0, None
    while start < len(X):
        size = sizes[0] if start == 0 else sizes[-1 if start > 20 else 1 % len(sizes)]
        table = statistics(form(X[start : start + size]), None, table, start)
        start += size
    size = np.maximum(np.abs(expected[0]), expected[1])  # where rounding is
    size[np.isinf(size)] = 1
    assert_allclose(table[0] / size, expected[0] / size, atol=1e-9)
    assert_allclose(table[1:], expected[1:], rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_count_as_repeats_in_the_statistics(random, dtype):
    X = random.normal(5, 2, size=(90, 4)).astype(dtype)
    y = random.normal(size=(90, 2)).astype(dtype)
    weight = random.randint(0, 4, 90)
    model = regressor(learning_rate_init=1e-3)
    for start, stop in pieces(90, 30, 20):
        part = slice(start, stop)
        model.partial_fit(X[part], y[part], weight[part])
    rows = np.repeat(np.arange(90), weight)
    assert_allclose(units(model).X_mean, X[rows].mean(axis=0), rtol=1e-5)
    assert_allclose(units(model).X_scale, 1 / X[rows].std(axis=0), rtol=1e-5)
    assert_allclose(units(model).y_unit, y[rows].std(axis=0), rtol=1e-5)
    assert weight_of(model) == len(rows) == model.t_


def test_the_same_data_do_not_count_twice(random):
    X, y = random.normal(size=(60, 3)), random.normal(size=60)
    model = regressor().partial_fit(X, y)
    before = units(model)
    assert units(model.partial_fit(X, y)) is before
    order = random.permutation(60)
    assert units(model.partial_fit(X[order], y[order])) is before
    assert weight_of(model.partial_fit(X[:59], y[:59])) == 119


def test_a_warm_start_on_other_data_goes_on_with_the_statistics(random):
    X, y = random.normal(size=(60, 3)), random.normal(size=60)
    model = fit_quietly(regressor(max_iter=2, warm_start=True), X, y)
    fitted, streamed = fit_quietly(model, 10 * X, y), regressor()
    assert_allclose(units(fitted).X_mean, 5.5 * X.mean(axis=0))
    streamed.partial_fit(X, y).partial_fit(10 * X, y)
    assert_allclose(units(streamed).X_statistics, units(fitted).X_statistics)
    once = units(fitted)
    assert units(fit_quietly(fitted, 10 * X, y)) is once


def test_data_that_are_taken_as_given_have_no_statistics(random):
    X, y = random.normal(size=(60, 3)), random.normal(size=60)
    model = regressor(standardize=False).partial_fit(X, y)
    before = units(model)
    assert units(model.partial_fit(9 * X, y)) is before


@pytest.mark.parametrize("form", FORMS)
def test_the_weights_stay_where_statistics_move(random, form):
    X, y = random.normal(size=(60, 3)), random.normal(size=60)
    model = regressor().partial_fit(form(X), y)
    before = model._state.network.matrices()
    model.set_params(learning_rate_init=1e-300).partial_fit(form(7 * X + 1), 2 * y)
    for old, new in zip(before, model._state.network.matrices(), strict=True):
        assert np.array_equal(old, new)


@pytest.mark.parametrize("far", [1e3, -1e4, 1e90])
@pytest.mark.parametrize("form", FORMS)
def test_an_outlier_counts_within_100_standard_deviations(random, form, far):
    X, y = random.normal(size=(200, 2)), random.normal(size=200)
    model = regressor().partial_fit(form(X), y)
    mean, std = units(model).X_mean[1], 1 / units(model).X_scale[1]
    other = np.array([[0.0, far]])
    model.partial_fit(form(other), y[:1])
    clipped = np.append(X[:, 1], mean + 100 * std * np.sign(far))
    assert_allclose(units(model).X_mean[1], clipped.mean())
    assert_allclose(1 / units(model).X_scale[1], clipped.std())


@pytest.mark.parametrize("form", FORMS)
def test_a_0_that_is_far_from_all_others_is_an_outlier_too(random, form):
    X, y = 1e6 + random.normal(size=(200, 2)), random.normal(size=200)
    model = regressor().partial_fit(form(X), y)
    mean, std = units(model).X_mean[0], 1 / units(model).X_scale[0]
    model.partial_fit(form(np.array([[0.0, 1e6]])), y[:1])
    clipped = np.append(X[:, 0], mean - 100 * std)
    assert_allclose(1 / units(model).X_scale[0], clipped.std(), rtol=1e-6)


@pytest.mark.parametrize("n", [1, 19])
def test_the_first_rows_count_in_full(random, n):
    X, y = random.normal(size=(n, 2)), random.normal(size=n)
    model = regressor().partial_fit(X, y).partial_fit([[1e4, 0]], [0])
    assert_allclose(units(model).X_mean[0], np.append(X[:, 0], 1e4).mean())


def test_a_column_that_did_not_vary_is_not_clipped(random):
    X, y = random.normal(size=(100, 2)), random.normal(size=100)
    X[:, 1] = 5
    model = regressor().partial_fit(X, y).partial_fit([[0, 1e6]], [0])
    assert_allclose(units(model).X_mean[1], (100 * 5 + 1e6) / 101)


def test_a_column_has_no_influence_before_it_varies(random):
    X, y = random.normal(size=(100, 2)), random.normal(size=100)
    X[:, 1] = 5
    model = regressor().partial_fit(X, y)
    other = X.copy()
    other[:, 1] = random.normal(size=100)
    assert np.array_equal(model.predict(other), model.predict(X))
    assert not model.coefs_[0][1].any()
    assert not np.signbit(model.coefs_[0][1]).any()
    model.partial_fit(other, y)
    assert model.coefs_[0][1].all()


def test_a_call_that_fails_does_not_count(random):
    X, y = random.normal(size=(100, 2)), random.normal(size=100)
    model = regressor().partial_fit(X, y)
    with refused(model, "X has the value"):
        model.partial_fit(np.vstack((X, [[1e200, 0]])), np.append(y, 0))
    model.set_params(learning_rate_init=1e9)
    with refused(model, "diverged"):
        model.partial_fit(X + 3, y)


def test_a_saved_model_goes_on_with_its_statistics(random):
    X, y = random.normal(size=(100, 2)), random.normal(size=100)
    model = regressor().partial_fit(X, y)
    other = clone(model)
    other.__setstate__(state(model))
    model.partial_fit(9 * X, y)
    other.partial_fit(9 * X, y)
    assert same_bits(model, other)
    assert np.array_equal(units(model).X_statistics, units(other).X_statistics)


def test_a_stream_may_begin_with_any_rows(random):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = regressor().partial_fit([[1.0, 2.0]], [3.0])
        assert model.predict([[9.0, 9.0]]) == [3.0]
        model.partial_fit([[1.0, 2.0]], [4.0])
        model.partial_fit([[0.0, 1e30]], [5.0])
    assert np.isfinite(model.predict([[9.0, -1e30]])).all()


# ------------------------------------------------------------------ the learning rate


def etas_of(monkeypatch):
    """The learning rate of every epoch from here on."""
    etas = []

    class Trainer(_kernel.Trainer):
        def epoch(self, weights, velocity, eta):
            etas.append(eta)
            return super().epoch(weights, velocity, eta)

    monkeypatch.setattr(_kernel, "Trainer", Trainer)
    return etas


def test_auto_falls_with_the_weight_of_earlier_data(random, monkeypatch):
    auto, etas = 0.3 / (1 + 30 / 4), etas_of(monkeypatch)
    X, y = random.normal(size=(3000, 2)), random.normal(size=3000)
    model = regressor()
    for part in (slice(0, 1500), slice(0, 1500), slice(1500, 3000)):
        model.partial_fit(X[part], y[part])
    model.partial_fit(X[:500], y[:500], np.full(500, 9.0))
    for _ in range(2):
        model.partial_fit(X, y, np.full(3000, 99.0))
    model.partial_fit(2 * X, y, np.full(3000, 99.0)).partial_fit(X, y)
    seen = np.array([0, 0, 1500, 3000, 7500, 7500])
    assert_allclose(etas[:6], auto * (1 + seen / 3000) ** -0.75)
    assert etas[-1] == 0.03 * auto


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate": "constant"},
        {"learning_rate": "adaptive"},
        {"learning_rate_init": 0.01},
        {"learning_rate": "constant", "standardize": False},
    ],
)
def test_nothing_else_falls_on_a_stream(random, monkeypatch, parameters):
    etas, model = etas_of(monkeypatch), regressor(**parameters)
    for _ in range(5):
        X, y = random.normal(size=(1000, 2)), random.normal(size=1000)
        model.partial_fit(X, y)
    assert len(set(etas)) == 1


def test_a_new_fit_begins_anew(random, monkeypatch):
    etas, model = etas_of(monkeypatch), regressor(max_iter=1, warm_start=True)
    X, y = random.normal(size=(1000, 2)), random.normal(size=1000)
    for _ in range(2):
        fit_quietly(model, X, y)
        X = X + 1
    model.partial_fit(X, y)
    fit_quietly(model.set_params(warm_start=False), X, y).partial_fit(X, y)
    first, warm, streamed, again, same = etas
    assert first == warm == again == same > streamed


def test_noise_on_a_stream_is_averaged_out(random):
    X = random.normal(size=(60_000, 5))
    y = X[:, 0] + 4 * random.normal(size=60_000)
    errors = []
    for parameters in ({}, {"learning_rate": "constant"}):
        model = regressor(**parameters)
        for part in np.split(np.arange(60_000), 120):
            model.partial_fit(X[part], y[part])
        errors.append(np.mean((model.predict(X) - X[:, 0]) ** 2))
    assert errors[0] < errors[1] / 3


def test_a_law_that_changes_late_is_learned(random):
    X = random.normal(size=(40_000, 3))
    model, y = regressor(), np.sin(X[:, 0]) + X[:, 1]
    for start in range(0, 40_000, 500):
        sign = 1 if start < 20_000 else -1
        part = slice(start, start + 500)
        model.partial_fit(X[part], sign * y[part])
    assert model.score(X, -y) > 0.9
