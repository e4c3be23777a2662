"""sample_weight is a number of repeats."""

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, largest_difference, refused, same_bits, weights_of
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor, _kernel
from sklearn_backprop._sample_order import fingerprint, starting_order


@pytest.fixture
def data(random):
    X = random.normal(size=(150, 4))
    y = X[:, 0] + np.abs(X[:, 1]) + 0.1 * random.normal(size=150)
    return X, y, random.randint(0, 5, 150)


def regressor(**parameters):
    return BackpropRegressor(
        **{
            "hidden_layer_size": 7,
            "learning_rate": "linear",
            "max_iter": 15,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, "all"])
@pytest.mark.parametrize("sparse", [False, True])
def test_weights_equal_repeated_rows(data, sparse, batch_size, shuffle, early_stopping):
    X, y, weight = data
    parameters = {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "early_stopping": early_stopping,
        "alpha": 1e-3,
        "momentum": 0.5,
    }
    many, y_many = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    if sparse:
        X, many = scipy.sparse.csr_array(X), scipy.sparse.csr_array(many)
    weighted = fit_quietly(regressor(**parameters), X, y, weight)
    repeated = fit_quietly(regressor(**parameters), many, y_many)
    assert largest_difference(weighted, *weights_of(repeated)) <= 1e-11
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-11)
    assert weighted.t_ == repeated.t_
    if early_stopping:
        for curve in ("validation_scores_", "validation_loss_curve_"):
            ours, theirs = getattr(weighted, curve), getattr(repeated, curve)
            assert_allclose(ours, theirs, rtol=1e-11)
    weighted.set_params(early_stopping=False).partial_fit(X, y, weight)
    repeated.set_params(early_stopping=False).partial_fit(many, y_many)
    assert largest_difference(weighted, *weights_of(repeated)) <= 1e-11


def test_a_weight_of_one_and_none_are_the_same(data):
    X, y, _ = data
    plain = fit_quietly(regressor(), X, y)
    for weight in (np.ones(150), [1] * 150, 1.0, np.ones(150, np.float32)):
        assert same_bits(fit_quietly(regressor(), X, y, weight), plain)


def test_rows_of_weight_zero_are_absent(data):
    X, y, weight = data
    kept = weight > 0
    far = X.copy()
    far[~kept] *= 1e6  # would change the statistics
    for early_stopping in (False, True):
        model = regressor(early_stopping=early_stopping)
        without = fit_quietly(
            regressor(early_stopping=early_stopping), X[kept], y[kept], weight[kept]
        )
        assert same_bits(fit_quietly(model, far, y, weight), without)


def test_statistics_are_those_of_the_repeats(random):
    X = random.normal(size=(60, 3)) * [1, 1e-5, 1e7] + [0, 1, 1e9]
    X[:, 2] *= random.randint(0, 2, 60)
    weight = random.uniform(0, 4, 60)
    for rows in (X, scipy.sparse.csr_array(X)):
        model = fit_quietly(regressor(max_iter=1), rows, X[:, 0], weight)
        mean = np.average(X, axis=0, weights=weight)
        std = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
        assert_allclose(
            model._state.network.standardization.X_mean, mean, rtol=1e-12, atol=1e-15
        )
        assert_allclose(
            1 / model._state.network.standardization.X_scale, std, rtol=1e-9
        )


def test_weights_may_all_be_tiny(data):
    X, y, _ = data
    with pytest.warns(UserWarning, match="mean of the positive values in sample_w"):
        model = regressor().partial_fit(X, y, np.full(150, 1e-300))
    assert_allclose(model.loss_, 0.5, rtol=1e-3)  # there is hardly an update
    assert_allclose(
        model._state.network.standardization.X_mean, X.mean(axis=0), rtol=1e-10
    )


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_the_order_of_weighted_rows_does_not_matter(random, data, form, early_stopping):
    X, y, weight = data
    X[100:] = X[:50]  # copies with weights of their own
    y[100:] = y[:50]
    weight = weight / 2 + random.uniform(0, 0.5, 150)
    p = random.permutation(150)
    parameters = {"early_stopping": early_stopping, "learning_rate": "adaptive"}
    model = fit_quietly(regressor(**parameters), form(X), y, weight)
    permuted = fit_quietly(regressor(**parameters), form(X[p]), y[p], weight[p])
    assert same_bits(model, permuted)
    assert model.loss_curve_ == permuted.loss_curve_
    assert model.validation_scores_ == permuted.validation_scores_


def test_repeats_are_whole_and_one_in_part():
    hashes = np.array([30, 10, 20, 10], np.uint64)
    weight = np.array([2.5, 1.0, 0.25, 0.75])
    given = starting_order(hashes.copy(), weight, by_content=False)
    rows, fractions = given.every(1)
    assert list(rows) == [0, 0, 0, 1, 2, 3]
    assert list(fractions) == [1, 1, 0.5, 1, 0.25, 0.75]
    sorted_rows, sorted_fractions = starting_order(
        hashes.copy(), weight, by_content=True
    ).every(1)
    assert sorted(zip(sorted_rows, sorted_fractions, strict=True)) == sorted(
        zip(rows, fractions, strict=True)
    )
    assert given.total_weight() == weight.sum()


def test_other_weights_are_other_data(data):
    X, y, weight = data
    hashes = _kernel.hash_rows(_kernel.Samples(X, y[:, np.newaxis]), 0)
    p = np.arange(150)[::-1]
    weights = [None, weight + 1.0, weight + 1.5, weight + 1.25]
    seen = {fingerprint(hashes, w) for w in weights}
    assert len(seen) == 4
    permuted = {fingerprint(hashes[p], w if w is None else w[p]) for w in weights}
    assert permuted == seen
    repeated = np.repeat(hashes, weight + 1)
    assert fingerprint(repeated, None) == fingerprint(hashes, weight + 1.0)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.r_[np.ones(149), -0.5], "sample_weight has the negative value -0.5 in row"),
        (np.r_[np.ones(149), np.nan], "sample_weight contains NaN"),
        (np.r_[np.ones(149), np.inf], "sample_weight contains infinity"),
        (np.zeros(150), "zero|sample_weight is 0 in every row"),
        (np.r_[np.ones(149), 10_001], "value 10001 in row 149.*10000"),
        (np.ones(149), "sample_weight.shape == .149,., expected .150,."),
        (np.ones((150, 2)), "must be 1D array or scalar"),
        (["1"] * 150, "sample_weight must be numeric"),
        (-1, "negative"),
        (np.inf, "sample_weight has the value inf in row 0. Expected finite"),
        (np.nan, "sample_weight has the value nan in row 0. Expected finite"),
    ],
)
def test_bad_weights_are_refused(data, weight, message):
    X, y, _ = data
    for model in (regressor(), regressor().partial_fit(X, y)):
        for method in (model.fit, model.partial_fit):
            with refused(model, message):
                method(X, y, weight)


@pytest.mark.parametrize("factor", [0.02, 120])
def test_unusual_weights_are_questioned(data, factor):
    X, y, _ = data
    with pytest.warns(UserWarning, match="mean of the positive values") as warnings:
        regressor(max_iter=60).fit(X[:30], y[:30], np.full(30, factor))
    assert warnings[0].filename == __file__


@pytest.mark.parametrize("factor", [1e-300, 1e-5, 0.05, 1e5, 1e300])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_of_an_unusual_mean_are_relative_in_fit(
    random, factor, form, early_stopping
):
    X, n = random.normal(size=(150, 3)), 150
    y = X[:, 0] + np.sin(3 * X[:, 1])
    weight = random.randint(0, 4, n).astype(float)
    weight *= np.count_nonzero(weight) / weight.sum()  # so that their mean is 1
    p = random.permutation(n)
    model, scaled, permuted = (
        regressor(early_stopping=early_stopping) for _ in range(3)
    )
    fit_quietly(model, form(X), y, weight)
    for other, rows in ((scaled, np.arange(n)), (permuted, p)):
        with pytest.warns(UserWarning, match="^BackpropRegressor: The mean of the pos"):
            fit_quietly(other, form(X)[rows], y[rows], factor * weight[rows])
    assert same_bits(scaled, permuted)
    assert_allclose(scaled.loss_curve_, model.loss_curve_, rtol=1e-9)
    assert scaled.t_ == model.t_


@pytest.mark.parametrize("value", [1e-3, 1 / 150, 1e5, 12345.678])
def test_equal_weights_of_an_unusual_size_are_none(data, value):
    X, y, _ = data
    model = fit_quietly(regressor(), X, y)
    with pytest.warns(UserWarning, match="relative"):
        weighted = fit_quietly(regressor(), X, y, np.full(150, value))
    assert same_bits(model, weighted)


def test_relative_weights_have_the_same_limit(data):
    X, y, _ = data
    weight = np.full(20_000, 1e-9)
    weight[3] = 1.0
    X, y = np.resize(X, (20_000, 3)), np.resize(y, 20_000)
    with refused(regressor(), "value 1 in row 3, 19999.* times the mean.* 10000"):
        regressor().fit(X, y, weight)


@pytest.mark.parametrize("factor", [1e-3, 150])
def test_weights_are_repeats_in_partial_fit(data, factor):
    X, y, weight = data
    model, repeated = regressor(), regressor()
    with pytest.warns(UserWarning, match="Divide all weights of the stream"):
        model.partial_fit(X, y, factor * (weight + 1))
    for _ in range(2):
        model.partial_fit(X, y, factor * (weight + 1))  # which says it no more
    if factor == 150:
        rows = np.repeat(np.arange(150), factor * (weight + 1).astype(int))
        for _ in range(3):
            repeated.partial_fit(X[rows], y[rows])
        assert same_bits(model, repeated)


def test_rows_of_weight_0_are_not_counted_as_seen(data):
    X, y, _ = data
    weight = (np.arange(150) < 19).astype(float)
    assert regressor().partial_fit(X, y, weight).t_ == 19
    weight[20] = 0.5
    assert regressor().partial_fit(X, y, weight).t_ == 20


def test_weights_are_left_as_they_are(data):
    X, y, weight = data
    weight = weight.astype(np.float64)
    before = weight.copy()
    weight.flags.writeable = False
    fit_quietly(regressor(), X, y, weight)
    assert np.array_equal(weight, before)


def test_weights_are_routed_through_a_pipeline_and_a_search(diabetes):
    X, y = diabetes
    weight = 0.5 + (X[:, 1] > 1.5)
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=True),
            BackpropRegressor(5, max_iter=100, random_state=0).set_fit_request(
                sample_weight=True
            ),
        )
        scoring = get_scorer("r2").set_score_request(sample_weight=True)
        grid = {"backpropregressor__hidden_layer_size": [3, 6]}
        search = GridSearchCV(pipeline, grid, scoring=scoring)
        search.fit(X, y, sample_weight=weight)
        scores = cross_validate(
            pipeline,
            X,
            y,
            scoring=scoring,
            params={"sample_weight": weight},
            error_score="raise",
        )
    H = search.best_params_["backpropregressor__hidden_layer_size"]
    by_hand = BackpropRegressor(H, max_iter=100, random_state=0).fit(
        StandardScaler().fit(X, sample_weight=weight).transform(X), y, weight
    )
    assert same_bits(search.best_estimator_[-1], by_hand)
    assert scores["test_score"].mean() > 0.4
