"""The boundary of the kernel refuses what would lead it outside of an array."""

import numpy as np
import pytest
import scipy.sparse

from sklearn_backprop import _kernel

N, D, H, K = 20, 3, 5, 2
RANDOM = np.random.RandomState(0)
X, Y = RANDOM.normal(size=(N, D)), RANDOM.normal(size=(N, K))
ZEROS, ONES = np.zeros(D), np.ones(D)
ORDER = np.arange(N, dtype=np.int64)
WEIGHTS = _kernel.pack(RANDOM.normal(size=(D + 1, H)), RANDOM.normal(size=(K, H + 1)))


def training(X=X, y=Y, order=ORDER, share=None, **settings):
    shape = D, H, K
    return _kernel.Training(shape, X, y, ZEROS, ONES, order, share, **settings)


@pytest.mark.parametrize("batch_size", [0, -1, -(2**40)])
def test_a_batch_has_an_example(batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        training(batch_size=batch_size)


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_momentum_decides_whether_there_is_a_velocity(form):
    # not what is passed: memory and code for sparse rows depend on it
    velocity = np.full_like(WEIGHTS, 1e3)
    plain = training(form(X))
    weights, none, *_ = plain.epoch(WEIGHTS, velocity, 0.01)
    assert none is None
    assert np.array_equal(weights, plain.epoch(WEIGHTS, None, 0.01)[0])

    moving = training(form(X), momentum=0.5)
    first = moving.epoch(WEIGHTS, None, 0.01)
    same = moving.epoch(WEIGHTS, np.zeros_like(WEIGHTS), 0.01)
    assert all(map(np.array_equal, first, same))
    assert first[1].any()


def test_no_epoch_uses_the_velocity_of_the_one_before():
    # Each call has its own: one that is gone must not be written to.
    moving = training(momentum=0.5)
    _, velocity, *_ = moving.epoch(WEIGHTS, None, 0.01)
    before = velocity.copy()
    moving.epoch(WEIGHTS, None, 0.01)
    assert np.array_equal(velocity, before)


@pytest.mark.parametrize("dtype", [np.int32, np.uint64, np.uint8, np.float64, ">i8"])
def test_row_numbers_are_of_one_type(dtype):
    rows = ORDER.astype(dtype)
    calls = [
        lambda: training(order=rows),
        lambda: _kernel.moments(X, rows),
        lambda: _kernel.shuffle(rows, 0, 0),
        lambda: _kernel.sort_rows(np.zeros(N, np.uint64), rows),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="order"):
            call()


def test_arrays_of_rows_are_as_long_as_there_are_rows():
    keys = np.zeros(N, np.uint64)
    calls = [
        lambda: training(y=Y[:-1]),
        lambda: training(share=np.ones(N - 1)),
        lambda: _kernel.moments(X, ORDER, np.ones(N - 1)),
        lambda: _kernel.hash_rows(X, Y[:-1]),
        lambda: _kernel.sort_rows(keys[1:], ORDER.copy()),
        lambda: _kernel.sort_rows(keys, ORDER[1:].copy()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"Expected \d+ contiguous items"):
            call()


@pytest.mark.parametrize("field", ["indices", "indptr", "data"])
@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a.astype("i1")])
def test_arrays_of_csr_belong_together(field, change):
    rows = scipy.sparse.csr_array(X)
    setattr(rows, field, change(getattr(rows, field)))
    calls = [
        lambda: training(rows),
        lambda: _kernel.predict(WEIGHTS, (D, H, K), rows, ZEROS, ONES),
        lambda: _kernel.moments(rows, ORDER),
        lambda: _kernel.first_beyond(rows, ZEROS, ONES),
        lambda: _kernel.hash_rows(rows, Y),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="Expected"):
            call()


def test_the_last_row_of_csr_ends_within_the_entries():
    rows = scipy.sparse.csr_array(X)
    rows.indptr[-1] += 1
    with pytest.raises(ValueError, match=f"X has {N * D} of {N * D + 1} entries"):
        _kernel.hash_rows(rows, Y)
