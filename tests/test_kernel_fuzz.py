"""The C entry points on random shapes, types, strides and orders, against NumPy.

Short by default (see `fuzz.py`). `nox -s sanitize` runs it with the kernel compiled for
AddressSanitizer.
"""

import numpy as np
import scipy.sparse
from fuzz import fuzz
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_backprop import _kernel, equations
from sklearn_backprop._kernel import _boundary

TOLERANCE = {np.float64: 1e-10, np.float32: 1e-3}
REALS = st.sampled_from([np.float64, np.float32])
SIZES = st.integers(1, 40)
UNSCALED = st.just(1.0)
SEEDS = st.integers(0, 2**32 - 1).map(np.random.RandomState)
SMALL = st.tuples(SIZES, st.integers(1, 70), st.integers(1, 4))
LARGE = st.tuples(st.integers(900, 950), st.integers(600, 620), st.integers(1, 3))
# A W of more than 2 MB takes other loops, and is drawn now and then.
SHAPES = st.integers(1, 30).flatmap(lambda draw: LARGE if draw == 17 else SMALL)


@st.composite
def forms(draw, values, random):
    """The values as an array of any strides, amid NaN; or as CSR, zeros left in."""
    n, d = values.shape
    if draw(st.booleans()):
        X = scipy.sparse.csr_array(values)
        X.data[random.uniform(size=X.nnz) < 0.1] = 0
        index = draw(st.sampled_from([np.int32, np.int64]))
        X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
        return X
    steps = st.sampled_from([-3, -1, 1, 2])
    step, column_step = draw(steps), draw(steps)
    room = np.full(
        (n * abs(step), d * abs(column_step)),
        np.nan,
        values.dtype,
        order=draw(st.sampled_from("CF")),
    )
    X = room[::step, ::column_step]
    X[...] = values
    if draw(st.sampled_from([False] * 5 + [True])):  # one row, or one value, repeated
        column = X[:1] if draw(st.booleans()) else X[:1, :1]
        return np.broadcast_to(column, (n, d))
    return X


def dense(X):
    return (X.toarray() if scipy.sparse.issparse(X) else X).astype(np.float64)


@st.composite
def data(draw, *, d=None, n=SIZES, scales=UNSCALED):
    """X in a random form, and the random numbers for what goes with it."""
    random, n = draw(SEEDS), draw(n)
    d = draw(SIZES) if d is None else d
    values = random.normal(size=(n, d)) * (random.uniform(size=(n, d)) < 0.5)
    values *= draw(scales)
    return draw(forms(values.astype(draw(REALS)), random)), random


@st.composite
def orders(draw, n, random):
    """An order as the kernel takes it; and as rows, and how much of each counts."""
    m = draw(st.integers(1, 40))
    rows, fraction, number = random.randint(n, size=m), None, np.ones(m)
    entries = rows.copy()
    if draw(st.booleans()):
        fraction, in_part = random.uniform(0.1, 1, n), random.randint(2, size=m)
        entries = 2 * rows + in_part
        number = np.where(in_part, fraction[rows], 1)
    return entries.astype(np.int64), fraction, rows, number


@st.composite
def units(draw, d, random):
    """mean and scale; some columns are many standard deviations from 0."""
    if draw(st.booleans()):
        return np.zeros(d), np.ones(d)
    scale = random.uniform(0.5, 2, d)
    mean = random.normal(size=d) / scale
    if draw(st.booleans()):
        far = random.randint(d)
        mean[far], scale[far] = 20.0, 1.0
    return mean, scale


def network(shape, random, dtype):
    d, H, K = shape
    W = random.normal(size=(d + 1, H)) / np.sqrt(d)
    v = random.normal(size=(K, H + 1)) / np.sqrt(H)
    return W.astype(dtype), v.astype(dtype)


def assert_close(values, expected, dtype):
    atol = TOLERANCE[dtype.type] * max(1, np.abs(expected).max())
    assert_allclose(values, expected, rtol=0, atol=atol)


@fuzz
@given(st.data())
def test_training_equals_the_equations(case):
    draw = case.draw
    shape = d, H, K = draw(SHAPES)
    X, random = draw(data(d=d, n=st.integers(1, 20)))
    n, dtype = X.shape[0], X.dtype
    W, v = network(shape, random, dtype)
    y = random.normal(size=(n, K)).astype(dtype)
    mean, scale = draw(units(d, random))
    order, fraction, rows, number = draw(orders(n, random))
    batch_size = min(draw(st.sampled_from([1, 1, 2, 3, 8, 40, 70])), len(order))
    alpha = draw(st.sampled_from([0.0, 0.01, 2.0]))
    momentum = draw(st.sampled_from([0.0, 0.5, 0.95]))
    eta = 0.1 * (1 - momentum) / (batch_size * (1 + H / 4) * (1 + d / 20))
    samples = _kernel.Samples(X, y, mean, scale, order, fraction)
    trained = _kernel.Trainer(
        shape,
        samples,
        batch_size=batch_size,
        alpha=alpha,
        momentum=momentum,
    )
    weights = _kernel.pack(W, v)
    before, velocity = weights.copy(), np.zeros_like(weights) if momentum else None
    weights, velocity, loss, finite = trained.epoch(weights, velocity, eta)
    assert finite
    units_of_training = (dense(X) - mean) * scale
    W_oracle, v_oracle, _ = equations.epoch(
        W.T.astype(np.float64),
        v.astype(np.float64),
        units_of_training[rows],
        y[rows].astype(np.float64),
        eta,
        batch_size,
        number,
        alpha,
        momentum,
    )
    W_new, v_new = _kernel.unpack(weights, shape)
    assert_close(W_new, W_oracle.T, dtype)
    assert_close(v_new, v_oracle, dtype)
    # what it is given stays, and chunks of one or eight samples change no bit
    assert np.array_equal(before, _kernel.pack(W, v))
    try:
        chunk, _boundary.CHUNK = _boundary.CHUNK, 1
        again = _kernel.Trainer(
            shape,
            samples,
            batch_size=batch_size,
            alpha=alpha,
            momentum=momentum,
        ).epoch(before, np.zeros_like(before) if momentum else None, eta)
    finally:
        _boundary.CHUNK = chunk
    assert np.array_equal(again[0], weights)
    assert again[2] == loss


@fuzz
@given(st.data())
def test_predictions_equal_the_equations(case):
    draw = case.draw
    shape = d, _, _ = draw(SHAPES)
    X, random = draw(data(d=d))
    W, v = network(shape, random, X.dtype)
    mean, scale = draw(units(d, random))
    samples = _kernel.Samples(X, mean=mean, scale=scale)
    y_hat = _kernel.predict(_kernel.pack(W, v), shape, samples)
    W, v = W.T.astype(np.float64), v.astype(np.float64)
    expected = [equations.predict(W, v, x) for x in (dense(X) - mean) * scale]
    assert_close(y_hat, np.array(expected), X.dtype)


@fuzz
@given(st.data())
def test_any_finite_numbers_are_survived(case):
    # Training tells whether it diverged; predictions are finite whatever X holds.
    draw = case.draw
    shape = d, H, K = draw(SHAPES)
    X, random = draw(data(d=d))
    n, dtype = X.shape[0], X.dtype
    values = X.data if scipy.sparse.issparse(X) else np.array(X)
    width = 8 * dtype.itemsize
    extreme = st.floats(allow_nan=False, allow_infinity=False, width=width)
    places = random.uniform(size=values.shape) < 0.3
    values[places] = random.choice(draw(st.lists(extreme, min_size=1)), places.sum())
    X = X if scipy.sparse.issparse(X) else values
    W, v = network(shape, random, dtype)
    weights, y = _kernel.pack(W, v), random.normal(size=(n, K)).astype(dtype)
    samples = _kernel.Samples(
        X, y, np.zeros(d), np.ones(d), *draw(orders(n, random))[:2]
    )
    assert np.isfinite(_kernel.predict(weights, shape, samples)).all()
    limit = _kernel.LIMIT[dtype]
    expected = np.flatnonzero((np.abs(dense(X)) > limit).any(axis=1))
    first = _kernel.first_beyond(samples)
    assert first == (expected[0] if len(expected) else n)
    assume(first == n)
    trained = _kernel.Trainer(shape, samples)
    weights, _, loss, finite = trained.epoch(weights, None, draw(st.floats(0, 1e300)))
    W, v = _kernel.unpack(weights, shape)
    with np.errstate(over="ignore"):  # the largest that rows within the limit can make
        reach = dtype.type(limit) * dtype.type(d + 1) * W, dtype.type(2 * (H + 1)) * v
    assert finite == all(np.isfinite(part).all() for part in (*reach, loss))


@fuzz
@given(SHAPES, SEEDS, REALS)
def test_packing_and_back_gives_the_same_weights(shape, random, dtype):
    W, v = network(shape, random, dtype)
    W_back, v_back = _kernel.unpack(_kernel.pack(W, v), shape)
    assert np.array_equal(W_back, W)
    assert np.array_equal(v_back, v)


@fuzz
@given(data(scales=st.sampled_from([1e-30, 1.0, 1e30])), st.data())
def test_statistics_are_those_of_numpy(given, case):
    X, random = given
    order, fraction, rows, number = case.draw(orders(X.shape[0], random))
    samples = _kernel.Samples(X, order=order, fraction=fraction)
    mean, std = _kernel.measure(samples)[0][:2]
    values = dense(X)[rows]
    expected = np.average(values, axis=0, weights=number)
    scale = max(np.abs(values).max(), np.finfo(float).tiny)
    assert_allclose(mean / scale, expected / scale, rtol=0, atol=1e-13)
    spread = np.average((values - expected) ** 2, axis=0, weights=number) ** 0.5
    low, high = values.min(axis=0), values.max(axis=0)
    varies = high - low > 4 * np.finfo(X.dtype).eps * np.maximum(abs(low), abs(high))
    assert_allclose(std[varies] / scale, spread[varies] / scale, rtol=0, atol=1e-13)
    assert (std[~varies] == 0).all()


@fuzz
@given(data(), st.data())
def test_hashes_are_of_the_content_alone(given, case):
    X, random = given
    y = random.normal(size=(X.shape[0], case.draw(st.integers(1, 4))))
    seed = case.draw(st.integers(0, 2**64 - 1))
    hashes = _kernel.hash_rows(_kernel.Samples(X, y), seed)
    values = dense(X)
    assert np.array_equal(hashes, _kernel.hash_rows(_kernel.Samples(values, y), seed))
    content = np.hstack((values, y)) + 0.0  # without the sign of a zero
    assert len(set(hashes)) == len(np.unique(content, axis=0))


@fuzz
@given(st.integers(0, 3000), SEEDS, st.data())
def test_keys_are_sorted_and_rows_go_with_them(n, random, case):
    # Few bits, low or high, make many equal keys, and others that hardly differ.
    bits, shift = case.draw(st.integers(0, 63)), case.draw(st.integers(0, 63))
    keys = random.randint(2**bits, size=n, dtype=np.uint64) << np.uint64(shift)
    sorted_keys, rows = keys.copy(), np.arange(n, dtype=np.int64)
    _kernel.sort_rows(sorted_keys, rows)
    assert np.array_equal(sorted_keys, np.sort(keys))
    assert np.array_equal(keys[rows], sorted_keys)
    assert np.array_equal(np.sort(rows), np.arange(n))


@fuzz
@given(st.integers(0, 3000), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_shuffle_is_a_permutation(n, seed, epoch):
    rows = np.arange(n, dtype=np.int64)
    _kernel.shuffle(rows, seed, epoch)
    assert np.array_equal(np.sort(rows), np.arange(n))
