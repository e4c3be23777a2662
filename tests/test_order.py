"""The order in which samples are used: hash, sort and shuffle."""

import itertools
import threading

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, same_bits

from sklearn_backprop import BackpropRegressor, _kernel
from sklearn_backprop._data import as_kernel_input


def row_numbers(n):
    return np.arange(n, dtype=np.int64)


@pytest.fixture
def rows(random):
    X = random.normal(size=(500, 7))
    return X, X[:, 0] + np.abs(X[:, 1]) + 0.1 * random.normal(size=500)


def hashes_of(X, y, seed=0):
    return _kernel.hash_rows(_kernel.Samples(X, y.reshape(len(y), -1)), seed)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_hash_of_a_row_is_of_its_values_alone(random, rows, dtype):
    X, y = rows[0].astype(dtype), rows[1]
    hashes = hashes_of(X, y)
    assert len(set(hashes)) == 500
    p = random.permutation(500)
    assert np.array_equal(hashes_of(X[p], y[p]), hashes[p])
    for layout in (np.asfortranarray(X), np.repeat(X, 3, axis=1)[:, ::3], X[:, :]):
        assert np.array_equal(hashes_of(layout, y), hashes)
    for i, j in [(0, 0), (3, 6), (499, 2)]:
        changed = X.copy()
        changed[i, j] = np.nextafter(changed[i, j], dtype(9))
        assert list(np.flatnonzero(hashes_of(changed, y) != hashes)) == [i]
    y_changed = y.copy()
    y_changed[7] += 1e-9
    assert list(np.flatnonzero(hashes_of(X, y_changed) != hashes)) == [7]


def test_the_hash_tells_places_apart_and_no_zeros():
    X = np.array([[1.0, 2, 0], [2, 1, 0], [0, 1, 2], [1, 2, -0.0], [1, 2, 3]])
    hashes = hashes_of(X, np.zeros(5))
    assert hashes[0] == hashes[3]
    assert len(set(hashes)) == 4
    y = np.array([0.0, 0, 0, -0.0, 0])
    assert np.array_equal(hashes_of(X, y), hashes)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**63, 2**64 - 1])
def test_equal_rows_have_one_hash_whatever_their_form(random, seed):
    values = random.normal(size=(300, 6)).astype(np.float32)
    values[random.uniform(size=values.shape) < 0.4] = 0
    values[:3] = 0
    X, y = values.astype(np.float64), random.normal(size=(300, 2)).round()
    hashes = hashes_of(X, y, seed)
    assert len(set(hashes)) == len(np.unique(np.hstack((X, y)), axis=0))
    negative = X.copy()
    negative[negative == 0] = -0.0
    stored = scipy.sparse.csr_array(np.where(X == 0, 1, X))
    stored.data[X.ravel() == 0] = 0
    forms = (values, np.asfortranarray(values), np.asfortranarray(X), X[:, :])
    sparse = map(scipy.sparse.csr_array, (X, values, negative))
    for form in (*forms, negative, stored, *sparse):
        assert np.array_equal(hashes_of(form, y, seed), hashes)


def test_another_seed_gives_another_order(random):
    # Uncorrelated: of 1,000 ranks the correlation has a standard deviation of 0.03.
    X = random.normal(size=(1000, 3))
    seeds = [0, 1, 2, 3, 2**31, 2**32 - 1, 2**63]
    hashes = [hashes_of(X, np.zeros(1000), seed) for seed in seeds]
    assert len(set(np.concatenate(hashes))) == 1000 * len(seeds)
    ranks = [np.argsort(np.argsort(of_seed)) for of_seed in hashes]
    correlations = np.corrcoef(ranks) - np.eye(len(seeds))
    assert np.abs(correlations).max() < 0.15
    # Nor is one order the other, shifted: neighbors in one are none in the other.
    for first, second in itertools.combinations(hashes, 2):
        steps = np.diff(np.argsort(np.argsort(second))[np.argsort(first)])
        assert np.mean(np.abs(steps) == 1) < 0.02


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_rows_of_zeros_hash_as_any_other(random, form):
    # Beside 99 others they come to any place: each tenth of the places has 20 of 200
    # seeds on average, with a standard deviation of 4.
    X = np.vstack((np.zeros(4), random.normal(size=(99, 4))))
    X, y = form(X), np.zeros(100)
    hashes = np.array([hashes_of(X, y, seed) for seed in range(200)])
    assert hashes.all()
    assert len(set(hashes[:, 0])) == 200
    ranks = (hashes[:, :1] > hashes).sum(axis=1)
    tenths = np.bincount(ranks // 10, minlength=10)
    assert 3 <= tenths.min() <= tenths.max() <= 45


@pytest.mark.parametrize("n", [1, 2, 24, 25, 100, 5000, 100_000])
@pytest.mark.parametrize("distinct", [1, 2, 50, None])
def test_rows_are_sorted_with_their_keys(random, n, distinct):
    keys = random.randint(0, 2**63, n, dtype=np.uint64) * 2 + 1
    if distinct is not None:
        keys = keys[random.randint(0, min(n, distinct), n)]
    sorted_keys, rows = keys.copy(), row_numbers(n)
    _kernel.sort_rows(sorted_keys, rows)
    assert np.array_equal(sorted_keys, np.sort(keys))
    assert np.array_equal(keys[rows], sorted_keys)
    assert np.array_equal(np.sort(rows), row_numbers(n))


@pytest.mark.parametrize("n", [25, 400, 100_000])
@pytest.mark.parametrize("distinct", [1, 2])
def test_sorting_needs_little_stack(random, n, distinct):
    # as a thread may have; copies of a row have one key
    keys = np.array([3, 2**63], np.uint64)[random.randint(0, distinct, n)]
    previous = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=_kernel.sort_rows, args=(keys, row_numbers(n)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(previous)
    assert (np.diff(keys.astype(float)) >= 0).all()


def test_keys_that_differ_in_their_last_bits_are_sorted(random):
    keys = random.permutation(1000).astype(np.uint64)
    rows = row_numbers(1000)
    kept = keys.copy()
    _kernel.sort_rows(keys, rows)
    assert np.array_equal(keys, np.arange(1000))
    assert np.array_equal(kept[rows], keys)


@pytest.mark.parametrize("batch_size", [1, 3, "all"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_order_of_the_rows_does_not_matter(random, rows, dtype, batch_size):
    X, y = rows[0].astype(dtype), rows[1]
    X[50:100], y[50:100] = X[:50], y[:50]  # duplicates
    model, permuted = (
        BackpropRegressor(
            9,
            batch_size=batch_size,
            learning_rate="linear",
            max_iter=5,
            random_state=0,
        )
        for _ in range(2)
    )
    fit_quietly(model, X, y)
    p = random.permutation(500)
    fit_quietly(permuted, X[p], y[p])
    assert same_bits(model, permuted)
    assert model.loss_curve_ == permuted.loss_curve_
    assert same_bits(model.partial_fit(X[p], y[p]), permuted.partial_fit(X, y))


def test_without_shuffle_the_order_of_the_rows_matters(rows):
    X, y = rows
    parameters = {"learning_rate": "linear", "max_iter": 1, "random_state": 0}
    forward, backward = (
        BackpropRegressor(5, shuffle=False, **parameters) for _ in range(2)
    )
    forward.fit(X, y)
    backward.fit(X[::-1], y[::-1])
    assert not same_bits(forward, backward)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_large_data_are_read_where_they_are(
    random, rows, monkeypatch, dtype, early_stopping
):
    # Whatever the layout in memory, the model is the same to the bit.
    X, y = rows[0].astype(dtype), rows[1]
    taken = []

    def take(X, name):
        taken.append(as_kernel_input(X, name))
        return taken[-1]

    monkeypatch.setattr("sklearn_backprop._data.LARGEST_COPY", 0)
    monkeypatch.setattr("sklearn_backprop._data.as_kernel_input", take)
    parameters = {"learning_rate": "linear", "max_iter": 3, "random_state": 0}
    reference = BackpropRegressor(9, early_stopping=early_stopping, **parameters)
    reference.fit(X, y)
    wider = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)
    for layout in (
        np.asfortranarray(X),
        wider[::2, ::3],
        X[::-1, ::-1].copy()[::-1, ::-1],
    ):
        model = BackpropRegressor(9, early_stopping=early_stopping, **parameters)
        assert same_bits(model.fit(layout, y), reference)
        assert np.array_equal(model.predict(layout), reference.predict(X))
        assert [np.shares_memory(X, layout) for X in taken[-3:-1]] == [True, True]
    beyond = np.asfortranarray(X)
    beyond[3, 4] = np.finfo(dtype).max
    with pytest.raises(ValueError, match="in row 3, column 4"):
        reference.set_params(standardize=False).fit(beyond, y)
