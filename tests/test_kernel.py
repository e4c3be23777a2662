"""The compiled kernel against the equations, through the estimator and on its own."""

import signal
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from models import largest_difference, weights_of
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.neural_network import MLPRegressor

from sklearn_backprop import BackpropRegressor, _kernel, equations
from sklearn_backprop._kernel import _boundary

TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5}


def data_set(random, n, d, dtype=np.float64):
    return random.normal(size=(n, d)).astype(dtype), random.normal(size=n)


def in_order(n):
    return np.arange(n, dtype=np.int64)


def training(H, X, y, *, order=None, **settings):
    """The kernel ready to train H hidden units on data in training units."""
    d = X.shape[1]
    order = in_order(len(y)) if order is None else order
    y = y.astype(X.dtype).reshape(len(y), -1)
    shape = d, H, y.shape[1]
    samples = _kernel.Samples(X, y, np.zeros(d), np.ones(d), order)
    return _kernel.Trainer(shape, samples, **settings)


def as_given(X):
    """Samples to predict, in training units."""
    return _kernel.Samples(X, mean=np.zeros(X.shape[1]), scale=np.ones(X.shape[1]))


def mean_and_std(X, order):
    """Mean and standard deviation of each column."""
    return _kernel.measure(_kernel.Samples(X, order=order))[0][:2]


def epoch(W, v, X, y, eta, **settings):
    """W, shape (d + 1, H), and v, shape (H + 1,), after an epoch of the kernel."""
    (d, H), weights = (W.shape[0] - 1, W.shape[1]), _kernel.pack(W, v[np.newaxis])
    trained = training(H, X, y, **settings)
    weights, _, _, finite = trained.epoch(weights, None, eta)
    W, v = _kernel.unpack(weights, (d, H, 1))
    return W, v[0], finite


def outputs(W, v, X):
    """The kernel's predictions on data in training units, for one output."""
    d, H = W.shape[0] - 1, W.shape[1]
    weights = _kernel.pack(W, v[np.newaxis])
    return _kernel.predict(weights, (d, H, 1), as_given(X))[:, 0]


def model_of_the_rule(H, **parameters):
    """An estimator that applies the rule to the data as given, in their order."""
    return BackpropRegressor(
        H,
        learning_rate="constant",
        standardize=False,
        shuffle=False,
        random_state=0,
        **parameters,
    )


def assert_follows_the_equations(model, X, y, eta, batch_size, epochs=3):
    # The first epoch moves the weights away from v = 0; then both continue from there.
    model.set_params(learning_rate_init=eta, batch_size=batch_size)
    model.partial_fit(X, y)
    W, v = (part.astype(np.float64) for part in weights_of(model))
    for _ in range(epochs):
        model.partial_fit(X, y)
        W, v, _ = equations.epoch(
            W, v, X, y, eta, len(X) if batch_size == "all" else batch_size
        )
        assert largest_difference(model, W, v) <= TOLERANCE[X.dtype.type]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 3, "all"])
@pytest.mark.parametrize(
    "seed",
    [*range(10), *(pytest.param(s, marks=pytest.mark.slow) for s in range(10, 25))],
)
def test_weights_equal_the_equations_on_random_shapes(seed, batch_size, dtype):
    random = np.random.RandomState(seed)
    n, d, H = random.randint([1, 1, 1], [101, 201, 301])
    X, y = data_set(random, n, d, dtype)
    b = {1: 1, 3: 3, "all": n}[batch_size]
    eta = 0.2 / (b * (1 + H) * (1 + d))
    assert_follows_the_equations(model_of_the_rule(H), X, y, eta, batch_size)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("H", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64])
@pytest.mark.parametrize("d", [1, 2, 16])
def test_weights_equal_the_equations_at_the_edges_of_a_tile(random, d, H, dtype):
    X, y = data_set(random, 12, d, dtype)
    for batch_size in (1, 5):
        eta = 0.5 / (batch_size * (1 + H))
        assert_follows_the_equations(model_of_the_rule(H), X, y, eta, batch_size)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 8, "all"])
@pytest.mark.parametrize("n", range(1, 11))
def test_weights_equal_the_equations_at_the_ends_of_a_block(random, n, batch_size):
    X, y = data_set(random, n, 5)
    assert_follows_the_equations(model_of_the_rule(10), X, y, 0.01, batch_size)


@pytest.mark.parametrize("batch_size", [1, 3, "all"])
@pytest.mark.parametrize(
    ("dtype", "d", "H"), [(np.float64, 450, 603), (np.float32, 640, 901)]
)
def test_weights_equal_the_equations_in_long_blocks(random, d, H, dtype, batch_size):
    # W is larger than 2 MB, so that blocks are of eight samples; 21 leave five over.
    X, y = data_set(random, 21, d, dtype)
    eta = 0.2 / (21 * (1 + H) * (1 + d))
    model = model_of_the_rule(H)
    assert_follows_the_equations(model, X, y, eta, batch_size, epochs=1)
    expected = [equations.predict(*weights_of(model), x) for x in X.astype(np.float64)]
    assert_allclose(model.predict(X), expected, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("rows", [[0], [1, 2], [0, 1, 2, 3], [2, 5, 6]])
def test_products_of_rows_may_overflow(random, rows):
    # The rule stays finite with values of 1e200, whose product is beyond all numbers:
    # their hidden units are saturated.
    X, y = data_set(random, 9, 3)
    X[rows] *= 1e200
    W, v = random.normal(size=(4, 6)), random.normal(size=7)
    W_new, v_new, finite = epoch(W, v, X, y, 0.05)
    assert finite
    W_oracle, v_oracle, _ = equations.epoch(W.T, v, X, y, 0.05)
    assert_allclose(W_new, W_oracle.T, rtol=1e-12, atol=1e-12)
    assert_allclose(v_new, v_oracle, rtol=1e-12, atol=1e-12)


def test_every_single_update_equals_the_equations(random):
    X, y = data_set(random, 40, 6)
    model = model_of_the_rule(9, learning_rate_init=0.1).partial_fit(X, y)
    for x_i, y_i in zip(X, y, strict=True):
        W, v = equations.update(*weights_of(model), x_i, y_i, eta=0.1)
        model.partial_fit([x_i], [y_i])
        assert largest_difference(model, W, v) <= 1e-14


def test_a_wrong_rule_would_be_noticed(random):
    # Δw from the updated v, the classic mistake, is far outside the tolerance.
    X, y = data_set(random, 10, 3)
    model = model_of_the_rule(5, learning_rate_init=0.1).partial_fit(X, y)
    W, v = weights_of(model)
    for x_i, y_i in zip(X, y, strict=True):
        z = equations.hidden(W, x_i)
        y_hat = equations.output(v, z)
        v = v + equations.delta_v(0.1, y_i, y_hat, z)
        W = W + equations.delta_W(0.1, y_i, y_hat, v, z, x_i)
    model.partial_fit(X, y)
    assert largest_difference(model, W, v) > 1e-6


def test_follows_the_same_path_as_mlp_regressor(random):
    X, y = data_set(random, 50, 5)
    ours = model_of_the_rule(8, learning_rate_init=0.05).partial_fit(X, y)
    theirs = MLPRegressor(
        hidden_layer_sizes=8,
        activation="logistic",
        solver="sgd",
        batch_size=1,
        momentum=0,
        nesterovs_momentum=False,
        alpha=0,
        learning_rate_init=0.05,
        shuffle=False,
    ).partial_fit(X, y)
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        other[...] = mine  # in place: its optimizer holds on to these arrays
    for _ in range(5):
        ours.partial_fit(X, y)
        theirs.partial_fit(X, y)
        for mine, other in zip(
            ours.coefs_ + ours.intercepts_,
            theirs.coefs_ + theirs.intercepts_,
            strict=True,
        ):
            assert_allclose(mine, other, rtol=0, atol=1e-10)


def test_loss_is_the_mean_error_before_each_update(random):
    X, y = data_set(random, 30, 4)
    model = model_of_the_rule(7, learning_rate_init=0.1).partial_fit(X, y)
    W, v = weights_of(model)
    errors = []
    for x_i, y_i in zip(X, y, strict=True):
        errors.append(equations.error(y_i, equations.predict(W, v, x_i)))
        W, v = equations.update(W, v, x_i, y_i, eta=0.1)
    model.partial_fit(X, y)
    assert_allclose(model.loss_, np.mean(errors), rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_equal_the_equations(random, dtype):
    X, y = data_set(random, 60, 7, dtype)
    model = model_of_the_rule(33, learning_rate_init=0.1).partial_fit(X, y)
    W, v = weights_of(model)
    expected = [equations.predict(W, v, x) for x in X.astype(np.float64)]
    assert_allclose(model.predict(X), expected, atol=TOLERANCE[dtype])


def sigmoids(a):
    """The kernel's sigmoid of each a: the output of a network with w_1 = v_1 = 1."""
    W, v = np.array([[0], [1]], a.dtype), np.array([0, 1], a.dtype)
    return outputs(W, v, a.reshape(-1, 1))


@pytest.mark.parametrize(
    ("dtype", "lowest"), [(np.float64, -745.0), (np.float32, -103.0)]
)
def test_sigmoid_is_accurate_over_its_whole_range(random, dtype, lowest):
    a = random.uniform(lowest, -lowest, 200_000).astype(dtype)
    a = np.concatenate((a, a / 20, a / 100, a / 1e5))
    expected = expit(a.astype(np.longdouble))
    error = np.abs(sigmoids(a) - expected)
    tiny = np.finfo(dtype).tiny
    normal = expected >= tiny
    assert (error / np.spacing(expected.astype(dtype)))[normal].max() <= 2
    assert error[~normal].max() <= np.finfo(dtype).smallest_subnormal
    assert (~normal).any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sigmoid_is_exact_at_zero_and_infinity(dtype):
    zeros = np.zeros((1, 1), dtype)
    for a, expected in [
        (-np.inf, 0),
        (-1e30, 0),
        (-0.0, 0.5),
        (0, 0.5),
        (1e30, 1),
        (np.inf, 1),
    ]:
        # as a bias, for predict clips what it finds in X
        W, v = np.array([[a], [0]], dtype), np.array([0, 1], dtype)
        assert outputs(W, v, zeros) == expected


def neighbors(centers, count):
    """For every center the floating-point numbers around it, in ascending order."""
    bits = np.int64 if centers.dtype == np.float64 else np.int32
    steps = np.arange(-count, count + 1, dtype=bits)
    numbers = (np.abs(centers).view(bits)[:, np.newaxis] + steps).view(centers.dtype)
    return np.sort(np.sign(centers)[:, np.newaxis] * numbers)


@pytest.mark.parametrize(
    ("dtype", "lowest", "highest"), [(np.float64, -746, 41), (np.float32, -104, 21)]
)
def test_sigmoid_never_falls(random, dtype, lowest, highest):
    # Where exp is pieced together, at the multiples of ln 2 / 8, at random, near 0,
    # and from end to end.
    seams = np.log(2) / 8 * np.arange(round(11.6 * lowest), round(11.6 * highest))
    anywhere = random.uniform(-40, 10, 2000)
    close = random.uniform(-2, 2, 2000)
    small = 10.0 ** random.uniform(-30, 0, 500) * random.choice([-1, 1], 500)
    centers = np.concatenate((seams[seams != 0], anywhere, close, small)).astype(dtype)
    runs = [
        *neighbors(centers, 50),
        np.linspace(lowest, highest, 500_000, dtype=dtype),
    ]
    for run in runs:
        assert (np.diff(sigmoids(run)) >= 0).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("H", [1, 16, 17, 100])
def test_units_that_pad_a_panel_never_learn(random, dtype, H):
    # Weights that come out of the panels and go in again have fresh padding.
    X, y = data_set(random, 50, 6, dtype)
    weights = _kernel.pack(np.zeros((7, H), dtype), np.ones((1, H + 1), dtype))
    trained, *_ = training(H, X, y).epoch(weights, None, 0.01)
    assert not np.array_equal(trained, weights)
    assert np.array_equal(_kernel.pack(*_kernel.unpack(trained, (6, H, 1))), trained)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("K", [1, 3, 20])
@pytest.mark.parametrize("H", [1, 16, 17, 100])
def test_packing_and_back_gives_the_same_weights(random, H, K, dtype):
    W, v = random.normal(size=(6, H)), random.normal(size=(K, H + 1))
    W, v = W.astype(dtype), v.astype(dtype)
    weights = _kernel.pack(W, v)
    assert weights.ctypes.data % 64 == 0
    W_back, v_back = _kernel.unpack(weights, (5, H, K))
    assert np.array_equal(W_back, W)
    assert np.array_equal(v_back, v)


@pytest.mark.parametrize("H", [1, 16, 17, 100])
def test_an_epoch_says_whether_all_weights_are_finite(random, H):
    X, y = data_set(random, 3, 5)
    W, v = random.normal(size=(6, H)), random.normal(size=H + 1)
    X[:, -1] = 0  # so that the last input's weights have no influence
    assert epoch(W, v, X, y, 0.01)[2]
    W[-1, -1] = np.inf
    assert not epoch(W, v, X, y, 0.01)[2]


def test_an_epoch_leaves_what_it_was_given(random):
    X, y = data_set(random, 20, 5)
    weights = _kernel.pack(random.normal(size=(6, 9)), random.normal(size=(1, 10)))
    before = weights.copy()
    trained, *_ = training(9, X, y).epoch(weights, None, 0.1)
    assert np.array_equal(weights, before)
    assert not np.array_equal(trained, before)


def test_weights_at_any_address_predict_and_train_alike(random):
    # as those that come out of a pickle or a memory map
    X, y = data_set(random, 20, 5)
    weights = _kernel.pack(random.normal(size=(6, 9)), random.normal(size=(1, 10)))
    room = np.empty(len(weights) + 1)
    moved = room[1:] if room.ctypes.data % 64 == 0 else room[:-1]
    moved[:] = weights
    assert moved.ctypes.data % 64
    for result in (
        lambda weights: _kernel.predict(weights, (5, 9, 1), as_given(X)),
        lambda weights: training(9, X, y).epoch(weights, None, 0.1)[0],
    ):
        assert np.array_equal(result(moved), result(weights))


@pytest.mark.parametrize("d", [9, 700])  # the latter with W of more than 2 MB
@pytest.mark.parametrize("batch_size", [1, 7, 64, 65, 500])
@pytest.mark.parametrize("momentum", [0, 0.9])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_chunks_change_no_bit(random, monkeypatch, form, momentum, batch_size, d):
    H, n, K = 400, 100, 2
    X, y = form(random.normal(size=(n, d))), random.normal(size=(n, K))
    start = _kernel.pack(random.normal(size=(d + 1, H)) / 20, np.zeros((K, H + 1)))
    samples = _kernel.Samples(X, y, np.zeros(d), np.ones(d), in_order(n))
    results = []
    for operations in (_boundary.CHUNK, 1):
        monkeypatch.setattr(_boundary, "CHUNK", operations)
        chunk = _kernel.chunk_length(d, H, K)
        assert chunk > n if operations > 1 else chunk == 8
        trained = _kernel.Trainer(
            (d, H, K),
            samples,
            batch_size=min(batch_size, n),
            alpha=0.01,
            momentum=momentum,
        )
        velocity = np.zeros_like(start) if momentum else None
        results.append(trained.epoch(start, velocity, 1e-5))
    (weights, _, loss, _), again = results
    assert np.array_equal(weights, again[0])
    assert loss == again[2]
    assert not np.array_equal(weights, start)


def test_statistics_are_those_of_numpy(random):
    X = random.normal(size=(500, 40)) * np.logspace(-6, 6, 40) + 5
    mean, std = mean_and_std(X, in_order(500))
    assert_allclose(mean, X.mean(axis=0), rtol=1e-12)
    assert_allclose(std, X.std(axis=0), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_statistics_neither_overflow_nor_underflow(random, scale):
    X = random.normal(size=(500, 3))
    mean, std = mean_and_std(X * scale, in_order(500))
    assert_allclose(mean / scale, X.mean(axis=0), rtol=1e-12)
    assert_allclose(std / scale, X.std(axis=0), rtol=1e-12)


def test_statistics_of_skewed_columns_do_not_overflow():
    X = np.full((1000, 2), -1.7e308)
    X[7] = 1.7e308
    for form in (X, scipy.sparse.csr_array(X)):
        mean, std = mean_and_std(form, in_order(1000))
        assert_allclose(mean / 1.7e308, [-0.998] * 2)
        assert_allclose(std / 1.7e308, [2 * np.sqrt(0.001 * 0.999)] * 2)


def test_statistics_of_extreme_columns_are_finite():
    largest = np.finfo(np.float64).max
    X = np.array([[-largest, 3.3, 5e-324, 0], [largest, 3.3, 0, -0.0]])
    mean, std = mean_and_std(X, in_order(2))
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert std[0] > 0
    assert (mean[1], std[1]) == (3.3, 0)  # no spread: the value itself
    assert not std[2:].any()  # none, or one whose inverse is beyond float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_rounding_is_no_spread_and_little_more_is(dtype, form):
    # 1 and the next numbers above; the same about a mean that is negative
    steps = 1 + np.arange(10) * np.finfo(dtype).eps
    X = np.array([np.ones(10), steps], dtype) * np.array([1, -1] * 5, dtype)
    mean, std = mean_and_std(form(X), in_order(2))
    assert std[0] == 0
    assert np.array_equal(np.isinf(std), (np.arange(10) <= 4) & (np.arange(10) > 0))
    assert_allclose(std[5:], np.arange(5, 10) * np.finfo(dtype).eps / 2, rtol=0.05)
    assert np.array_equal(mean[:5], np.minimum(*X)[:5])


def test_statistics_use_the_given_rows_only(random):
    X = random.normal(size=(20, 3))
    rows = np.array([4, 4, 7, 19], np.int64)
    mean, std = mean_and_std(X, rows)
    assert_allclose(mean, X[rows].mean(axis=0))
    assert_allclose(std, X[rows].std(axis=0))


def test_shuffle_is_a_uniform_permutation():
    counts = np.zeros((6, 6))
    for epoch in range(6000):
        order = in_order(6)
        _kernel.shuffle(order, 123, epoch)
        assert np.array_equal(np.sort(order), in_order(6))
        counts[np.arange(6), order] += 1
    # each of the 36 counts is binomial with mean 1000 and deviation 29
    assert np.abs(counts - 1000).max() < 150


def test_shuffle_depends_on_seed_and_epoch():
    orders = []
    for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        order = in_order(50)
        _kernel.shuffle(order, seed, epoch)
        orders.append(tuple(order))
    assert len(set(orders)) == 4


@pytest.mark.serial
def test_other_threads_run_while_the_kernel_does(random):
    # The switch interval is too long to let another thread run, so a thread that
    # always yields runs about once between two calls of the kernel, and more often only
    # if the kernel gives up the GIL: here thousands of times.
    X, y = data_set(random, 2000, 20)
    network = training(200, X, y)
    weights = _kernel.pack(np.zeros((21, 200)), np.zeros((1, 201)))
    begun, ended, calls = [], [], 300

    def train():
        begun.append(True)
        for _ in range(calls):
            network.epoch(weights, None, 1e-3)
        ended.append(True)

    interval, ticks = sys.getswitchinterval(), 0
    sys.setswitchinterval(60)
    try:
        thread = threading.Thread(target=train)
        thread.start()
        while not ended:
            ticks += bool(begun)
            time.sleep(0)
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert ticks > 2 * calls


@pytest.mark.parametrize("batch_size", [8, 40, 70])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_an_epoch_that_did_not_end_leaves_nothing_to_the_next(
    random, monkeypatch, form, batch_size
):
    X, y = form(random.normal(size=(60, 5))), random.normal(size=(60, 1))
    start = _kernel.pack(random.normal(size=(6, 9)), np.zeros((1, 10)))
    samples = _kernel.Samples(X, y, np.zeros(5), np.ones(5), in_order(60))
    stop = threading.Event()
    trained = _kernel.Trainer((5, 9, 1), samples, batch_size=batch_size, stop=stop)
    expected = trained.epoch(start, None, 0.01)[0]
    monkeypatch.setattr(_boundary, "CHUNK", 1)
    trained = _kernel.Trainer((5, 9, 1), samples, batch_size=batch_size, stop=stop)
    stop.set()
    with pytest.raises(InterruptedError):
        trained.epoch(start, None, 0.01)
    stop.clear()
    assert np.array_equal(trained.epoch(start, None, 0.01)[0], expected)


@pytest.mark.parametrize("d", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("H", [1, 100, 3000])
def test_examples_between_two_looks_at_signals_are_bounded(d, H):
    # About 10^9 operations at most, unless a single block of samples needs more.
    chunk = _kernel.chunk_length(d, H)
    assert chunk % 8 == 0  # whole blocks, or chunks would change the bits
    assert chunk == 8 or (chunk - 8) * H * (4 * d + 30) <= 1e9
    # Where hidden units are few, fetching rows takes the time: 16 ns a value in
    # columns that are apart.
    assert chunk == 8 or (chunk <= 500_000 and (chunk - 8) * d <= 5_000_000)


LONG = 2000
UNEVEN = {  # values of each of 3000 rows
    "long first": np.r_[np.full(20, LONG), np.ones(2980)],
    "long last": np.r_[np.ones(2980), np.full(20, LONG)],
    "one long": np.r_[np.zeros(1500), LONG, np.zeros(1499)],
    "by turns": np.tile([LONG, *[0] * 99], 30),
    "anyhow": np.random.RandomState(0).pareto(1, 3000).clip(0, LONG),
    "even": np.full(3000, 2),
}


def uneven_rows(random, counts, dtype=np.float64):
    """CSR with so many values in each row, in neighboring columns."""
    counts, d = counts.astype(np.int64), LONG
    indptr = np.r_[0, np.cumsum(counts)]
    columns = [random.randint(d - count + 1) + np.arange(count) for count in counts]
    values = random.normal(size=indptr[-1]).astype(dtype)
    parts = (values, np.concatenate(columns), indptr)
    return scipy.sparse.csr_array(parts, (len(counts), d))


def uneven_order(kind, n, random):
    """Entries of an order of n rows, their rows, and the fraction of each row."""
    if kind == "in order":
        return in_order(n), in_order(n), None
    if kind == "shuffled":
        rows = random.permutation(n)
        return rows, rows, None
    if kind == "repeated":
        rows = np.repeat(random.permutation(n)[: n // 2], 3)
        return rows, rows, None
    entries = random.randint(0, 2 * n, n)
    return entries, entries >> 1, np.full(n, 0.5)


def chunk_sizes(ends, n, values):
    """Rows of each chunk, and values of each of its rows."""
    starts = [0, *ends[:-1]]
    assert ends[-1] == n
    assert (np.diff([0, *ends]) > 0).all()
    return [values[start:stop] for start, stop in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("kind", ["in order", "shuffled", "repeated", "fractions"])
@pytest.mark.parametrize("name", UNEVEN)
def test_operations_between_two_looks_are_bounded_on_sparse_rows(
    random, monkeypatch, name, kind, index
):
    # All rows of a chunk but its last are within the bound, where a value takes some
    # eight times as long as in a dense row; and no chunk is much shorter.
    H, bound = 50, 10**7
    monkeypatch.setattr(_boundary, "CHUNK", bound)
    X = uneven_rows(random, UNEVEN[name])
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    (n, d), counts = X.shape, np.diff(X.indptr)
    entries, rows, fraction = uneven_order(kind, n, random)
    zeros, ones, y = np.zeros(d), np.ones(d), np.zeros((n, 1))
    samples = _kernel.Samples(X, y, zeros, ones, entries, fraction)
    in_training = counts[rows]
    for batch_size in (1, 7, len(rows)):
        trained = _kernel.Trainer((d, H, 1), samples, batch_size=batch_size)
        to_predict = _boundary.chunks_to_predict((d, H, 1), samples)
        for ends in (trained.chunks(), to_predict):
            chunks = chunk_sizes(ends, len(rows), in_training)
            assert len(chunks) > 1
            for chunk in chunks:
                assert (30 * chunk[:-1].sum() + 30 * (len(chunk) - 1)) * H <= bound
            for chunk in chunks[:-1]:
                assert (30 * chunk.sum() + 30 * len(chunk)) * H > bound / 10
    if fraction is None:  # a shuffled epoch is cut where its own rows are long
        entries = entries.copy()
        _kernel.shuffle(entries, 3, 4)
        expected = _kernel.Samples(X, y, zeros, ones, entries)
        trained.shuffle(3, 4)
        assert trained.chunks() == _kernel.Trainer((d, H, 1), expected).chunks()


def test_zeros_that_the_kernel_writes_out_count_as_operations(random, monkeypatch):
    # In columns far from 0 a zero is an entry, however few values the rows have.
    H, d, n = 50, 400, 1000
    monkeypatch.setattr(_boundary, "CHUNK", 10**7)
    X, y, ones = scipy.sparse.csr_array((n, d)), np.zeros((n, 1)), np.ones(d)
    longest = {}
    for far in (0, d // 2):
        mean = np.where(np.arange(d) < far, -99.0, 1)
        samples = _kernel.Samples(X, y, mean, ones, in_order(n))
        for ends in (
            _kernel.Trainer((d, H, 1), samples).chunks(),
            _boundary.chunks_to_predict((d, H, 1), samples),
        ):
            longest[far] = max(np.diff([0, *ends]))
            assert (longest[far] - 1) * (4 * far + 30) * H <= 10**7
    assert longest[0] > 10 * longest[d // 2]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 7, 400])
@pytest.mark.parametrize("name", UNEVEN)
def test_chunks_of_uneven_rows_change_no_bit(
    random, monkeypatch, name, batch_size, dtype
):
    n, d, H, K = 400, LONG, 20, 2
    X = uneven_rows(random, random.permutation(UNEVEN[name])[:n], dtype=dtype)
    y = random.normal(size=(n, K)).astype(dtype)
    fraction = random.uniform(size=n)
    mean, scale = random.normal(size=d), random.uniform(size=d)
    mean[:2] = 99 / scale[:2]
    start = _kernel.pack(
        (random.normal(size=(d + 1, H)) / 20).astype(dtype), np.zeros((K, H + 1), dtype)
    )
    samples = _kernel.Samples(X, y, mean, scale, random.randint(0, 2 * n, n), fraction)
    results = []
    for operations in (_boundary.CHUNK, 10**6, 1):
        monkeypatch.setattr(_boundary, "CHUNK", operations)
        trained = _kernel.Trainer((d, H, K), samples, batch_size=batch_size, alpha=0.01)
        few = operations >= 10**7
        for ends in (
            trained.chunks(),
            _boundary.chunks_to_predict((d, H, K), samples),
        ):
            assert (len(ends) == 1) == few
        weights, _, loss, _ = trained.epoch(start, None, 1e-5)
        predictions = _kernel.predict(weights, (d, H, K), samples)
        results.append([weights, np.float64(loss), predictions])
    for others in results[1:]:
        assert all(map(np.array_equal, results[0], others))
    assert not np.array_equal(results[0][0], start)


@pytest.mark.parametrize("name", UNEVEN)
def test_sparse_rows_with_momentum_are_cut_as_dense_ones_are(random, name):
    # All of them are made dense; whole blocks, or chunks would change the bits.
    X = uneven_rows(random, UNEVEN[name])
    n, d = X.shape
    y, shape = np.zeros(n), (d, 5000, 1)
    chunks = training(shape[1], X, y, momentum=0.5).chunks()
    assert chunks == training(shape[1], X.toarray(), y, momentum=0.5).chunks()
    assert chunks[:-1] == [*range(chunks[0], n, chunks[0])]
    assert chunks[0] == _kernel.chunk_length(d, 5000)
    assert len(chunks) > 1


@pytest.fixture
def seen():
    """Signals that Python has seen, one a millisecond where it looks for them."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("Windows has no signals from a timer")
    signals = []
    previous = signal.signal(signal.SIGALRM, lambda *_: signals.append(1))
    signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
    yield signals
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def repeated(n, d):
    """n rows that take the memory of one."""
    return np.broadcast_to(np.arange(1.0, d + 1), (n, d))


@pytest.mark.serial
def test_training_and_prediction_look_for_signals(seen):
    # One call that takes many chunks.
    d, H, n = 50, 500, 200_000
    X, weights = (
        repeated(n, d),
        _kernel.pack(np.zeros((d + 1, H)), np.zeros((1, H + 1))),
    )
    trained = training(H, X, np.zeros(n))
    for call in (
        lambda: trained.epoch(weights, None, 1e-6),
        lambda: _kernel.predict(weights, (d, H, 1), as_given(X)),
    ):
        before = len(seen)
        call()
        assert len(seen) - before >= 5


@pytest.mark.serial
def test_training_on_sparse_rows_with_momentum_looks_for_signals(seen):
    # It makes them dense, a few at a time.
    d, H = 2000, 20
    n = 8 * _kernel.chunk_length(d, H)
    X = scipy.sparse.csr_array((np.ones(n), np.arange(n) % d, np.arange(n + 1)), (n, d))
    trained = training(H, X, np.zeros(n), momentum=0.5)
    weights = _kernel.pack(np.zeros((d + 1, H)), np.zeros((1, H + 1)))
    before = len(seen)
    trained.epoch(weights, np.zeros_like(weights), 1e-6)
    assert len(seen) - before >= 5


@pytest.mark.serial
@pytest.mark.parametrize(
    "work",
    [
        lambda n: partial(_kernel.sort_rows, mixed(n), in_order(n)),
        lambda n: partial(_kernel.shuffle, in_order(n), 0, 0),
        lambda n: partial(
            _kernel.hash_rows, _kernel.Samples(repeated(n, 10), np.zeros((n, 1))), 0
        ),
        lambda n: partial(mean_and_std, repeated(n, 10), in_order(n)),
        lambda n: partial(_kernel.first_beyond, as_given(repeated(n, 20))),
    ],
    ids=["sort", "shuffle", "hash", "measure", "first_beyond"],
)
def test_long_preparations_look_for_signals(seen, work):
    # After a call that does not, at most one signal is seen: the last of those missed.
    call = work(8_000_000)
    before = len(seen)
    call()
    assert len(seen) - before >= 3


def mixed(n):
    """n distinct keys in no order."""
    return np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
