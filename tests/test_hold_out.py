"""Rows that early stopping holds out: which, how many, and what they do not affect."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, same_bits
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from sklearn_backprop import BackpropRegressor
from sklearn_backprop._data import Data
from sklearn_backprop._hold_out import (
    folds_by_content,
    folds_in_order,
    hold_out_by_content,
    hold_out_last,
)
from sklearn_backprop._parameters import Parameters
from sklearn_backprop._random import draw_seed
from sklearn_backprop._sample_order import sample_order

FORMS = [np.asarray, scipy.sparse.csr_array]


def regressor(**parameters):
    parameters = {"early_stopping": True, "max_iter": 2, "random_state": 0} | parameters
    return BackpropRegressor(3, **parameters)


def chosen_rows(X, y, weight=None, **parameters):
    """Rows to train on, in an epoch's order, and rows that are held out."""
    parameters = Parameters.of(regressor(**parameters))
    data = Data(X, y[:, np.newaxis], weight, X.dtype)
    seed = draw_seed(parameters.random_state)
    order, held_out, _, _ = sample_order(data, seed, parameters, hold_out=True)
    return order.rows(), held_out


@pytest.fixture
def data(random):
    X = random.normal(size=(120, 3))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * random.normal(size=120)


@pytest.mark.parametrize("shuffle", [True, False])
def test_early_stopping_scores_rows_that_it_did_not_train_on(data, shuffle):
    # Training, statistics included, is what it is without the rows held out.
    X, y = data
    parameters = {"shuffle": shuffle, "max_iter": 400}
    rows, held_out = chosen_rows(X, y, validation_fraction=0.2, **parameters)
    rows = np.sort(rows)
    model = fit_quietly(regressor(validation_fraction=0.2, **parameters), X, y)
    assert sorted([*rows, *held_out]) == list(range(len(y)))
    assert len(held_out) == 24
    X_val, y_val = X[held_out], y[held_out]
    alone = regressor(**parameters)
    fit_quietly(alone, X[rows], y[rows], X_val=X_val, y_val=y_val)
    assert same_bits(model, alone)
    assert model.validation_scores_ == alone.validation_scores_
    best = r2_score(y_val, model.predict(X_val))
    assert_allclose(best, model.best_validation_score_, rtol=1e-10)


def test_rows_are_held_out_by_their_content(random):
    # Copies fall on one side, whatever the order and the weights are.
    hashes = random.randint(2**63, size=200, dtype=np.uint64)
    hashes[100:] = hashes[random.randint(0, 100, 100)]
    rows, held_out = hold_out_by_content(hashes, None, 0.3)
    assert not set(hashes[rows]) & set(hashes[held_out])
    assert 58 <= len(held_out) <= 62
    assert (np.diff(rows) > 0).all()

    p = random.permutation(200)
    permuted = p[hold_out_by_content(hashes[p], None, 0.3)[1]]
    assert set(permuted) == set(held_out)
    assert (hashes[permuted] == hashes[held_out]).all()
    contents, count = np.unique(hashes, return_counts=True)
    weighted = hold_out_by_content(contents, count.astype(float), 0.3)[1]
    assert set(contents[weighted]) == set(hashes[held_out])


@pytest.mark.parametrize("form", FORMS)
def test_every_row_is_held_out_as_often(data, form):
    # a row of zeros, too, whose values add nothing to a hash
    X, y = data[0].copy(), data[1].copy()
    X[:5], y[:5] = 0, 0
    counts = np.zeros(len(y))
    for seed in range(500):
        counts[chosen_rows(form(X), y, random_state=seed)[1]] += 1
    assert counts[0] == counts[4]
    assert 15 < counts.min() <= counts.max() < 90  # binomial: 50, with a deviation of 7


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("p", [0.05, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_copies_do_not_overshoot_the_fraction(random, form, p, value):
    for seed in range(20):
        X, n = random.normal(size=(1000, 3)), int(1000 * p)
        y = X[:, 0].copy()
        X[:n], y[:n] = value, value
        rows, held_out = chosen_rows(form(X), y, random_state=seed)
        assert len(rows) + len(held_out) == 1000
        assert 2 <= len(held_out) < 130
        assert len(set(rows) - set(range(n))) >= (1000 - n) // 2
        assert p <= 0.1 or not set(held_out) & set(range(n))


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.9])
def test_groups_that_do_not_fit_are_skipped(random, fraction):
    for _ in range(50):
        sizes = np.ceil(random.lognormal(1, 1.5, size=60)).astype(int)
        hashes = np.repeat(random.randint(2**63, size=60, dtype=np.uint64), sizes)
        rows, held_out = hold_out_by_content(hashes, None, fraction)
        most = fraction * len(hashes) + sizes.mean()
        contents = set(hashes[held_out])
        assert not contents & set(hashes[rows])
        assert len(held_out) < most or len(contents) == 2
        assert 2 <= len(contents) <= 30
        lightest = np.unique(hashes[rows], return_counts=True)[1].min()
        enough = len(held_out) >= fraction * len(hashes)
        assert enough or len(contents) == 30 or len(held_out) + lightest >= most


def test_light_contents_are_not_preferred(random):
    # Half of the contents are heavy, and as often held out.
    weight = np.where(np.arange(1000) % 2, 1.0, 1e-3)
    heavy = []
    for _ in range(50):
        hashes = random.randint(2**63, size=1000, dtype=np.uint64)
        _, held_out = hold_out_by_content(hashes, weight, 0.1)
        assert 50 <= weight[held_out].sum() < 51
        heavy.append((weight[held_out] == 1).mean())
    assert 0.45 < np.mean(heavy) < 0.55


@pytest.mark.parametrize("hold_out", [hold_out_by_content, hold_out_last])
def test_fractions_are_not_rounded_up_for_rounding(random, hold_out):
    for n, fraction, expected in ((100, 0.07, 7), (100, 0.55, 50), (50, 0.14, 7)):
        hashes = random.randint(2**63, size=n, dtype=np.uint64)
        expected = 55 if hold_out is hold_out_last and n * fraction > 50 else expected
        assert len(hold_out(hashes, None, fraction)[1]) == expected


def test_few_distinct_rows_can_be_held_out(random):
    hashes = np.array([5, 5, 5, 5, 3, 9], np.uint64)
    rows, held_out = hold_out_by_content(hashes, None, 0.1)
    assert set(held_out) == {4, 5}
    assert list(rows) == [0, 1, 2, 3]
    for hold_out in (hold_out_by_content, hold_out_last):
        with pytest.raises(ValueError, match="n_samples = 5, of which 2 are distinct"):
            hold_out(hashes[:5], None, 0.1)


def test_without_shuffle_the_last_rows_are_held_out(data):
    X, y = data
    rows, held_out = chosen_rows(X, y, shuffle=False)
    assert list(rows) == list(range(108))
    assert list(held_out) == list(range(108, 120))
    weight = np.ones(120)
    weight[-10:] = 0  # absent
    weight[-20] = 5
    rows, held_out = chosen_rows(X, y, weight, shuffle=False)
    assert sorted({*rows}) == list(range(100))
    assert list(held_out) == list(range(100, 110))


def test_copies_at_the_edge_of_the_last_rows_are_held_out_together(random):
    hashes = np.array([1, 2, 3, 4, 4, 4, 5, 2, 6, 6], np.uint64)
    rows, held_out = hold_out_last(hashes, None, 0.5)
    assert list(held_out) == [3, 4, 5, 6, 7, 8, 9]
    assert list(rows) == [0, 1, 2]
    weight = np.array([1, 1, 1, 3, 1, 1, 2.0])
    _, weighted = hold_out_last(hashes[[0, 1, 2, 3, 6, 7, 8]], weight, 0.5)
    assert list(weighted) == [3, 4, 5, 6]


def test_a_model_of_the_first_rows_does_not_know_the_last(random):
    time = np.arange(300.0)[:, np.newaxis]
    y = np.where(time[:, 0] < 270, 0.0, 1.0) + 1e-3 * np.sin(time[:, 0])
    model = fit_quietly(regressor(shuffle=False), time, y)
    assert abs(model._state.network.standardization.y_mean[0]) < 1e-3


@pytest.mark.parametrize("change", ["one more", "one less"])
@pytest.mark.parametrize("form", FORMS)
def test_rows_of_zeros_count_in_the_fingerprint(data, form, change):
    X, y = data[0].copy(), data[1].copy()
    X[:40], y[:40] = 0, 0
    model = BackpropRegressor(3, random_state=0).partial_fit(form(X), y)
    before = model._state.convergence.fingerprint
    rows = np.r_[0, 0:120] if change == "one more" else np.r_[1:120]
    model.partial_fit(form(X[rows]), y[rows])
    assert model._state.convergence.fingerprint != before


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_held_out_scores_not_above_0_are_said(random, form, shuffle):
    said = 0
    for seed in range(30):
        X = random.normal(size=(12, 3))
        y = X @ [1, 2, -1.0] + 0.1 * random.normal(size=12)
        model = regressor(random_state=seed, max_iter=100, shuffle=shuffle)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(form(X), y)
        messages = [
            str(one.message) for one in caught if one.category is ConvergenceWarning
        ]
        poor = model.best_validation_score_ <= 0
        assert poor == any("held-out samples is not above 0" in m for m in messages)
        said += poor
    assert said


# ------------------------------------------------------------------------------ folds


def test_contents_are_dealt_to_folds(random):
    hashes = random.randint(2**63, size=203, dtype=np.uint64)
    hashes[150:] = hashes[random.randint(0, 150, 53)]
    fold = folds_by_content(hashes, None)
    contents, first = np.unique(hashes, return_index=True)
    assert sorted(np.bincount(fold[first])) == [30] * 5
    for content in contents:
        assert len(set(fold[hashes == content])) == 1

    p = random.permutation(203)
    assert np.array_equal(folds_by_content(hashes[p], None), fold[p])
    weight = random.randint(0, 3, 203).astype(float)
    weight[first] = 1
    weighted = folds_by_content(hashes, weight)
    assert np.array_equal(weighted[weight > 0], fold[weight > 0])
    assert (weighted[weight == 0] == -1).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_folds_in_order_are_blocks(random, weighted):
    hashes = np.repeat(random.randint(2**63, size=100, dtype=np.uint64), 3)
    weight = np.arange(300) // 3 % 3 / 2 if weighted else None
    fold = folds_in_order(hashes, weight)
    used = np.ones(300, bool) if weight is None else weight > 0
    assert (fold[~used] == -1).all()
    assert (np.diff(fold[used]) <= 0).all()
    assert (fold[::3] == fold[2::3]).all()
    sizes = np.bincount(fold[used], weights=None if weight is None else weight[used])
    assert len(sizes) == 5
    assert np.ptp(sizes) <= 6


@pytest.mark.parametrize("assign", [folds_by_content, folds_in_order])
def test_too_few_contents_make_no_folds(assign):
    hashes = np.array([7, 7, 1, 4, 9, 3, 8, 8], np.uint64)
    assert assign(hashes, None) is not None
    weight = np.ones(8)
    weight[3] = 0
    assert assign(hashes, weight) is None
    assert assign(hashes[:6], None) is None


def test_one_block_that_holds_nearly_all_makes_no_folds():
    hashes = np.arange(8, dtype=np.uint64)
    weight = np.append(np.ones(7), 1000.0)
    assert folds_in_order(hashes, weight) is None
    assert folds_in_order(hashes, weight[::-1]) is not None
