"""Momentum, penalty, multiple outputs, weights, sparse rows against the equations."""

import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, largest_difference, same_bits, weights_of
from numpy.testing import assert_allclose
from sklearn import config_context

from sklearn_backprop import BackpropRegressor, equations

TOLERANCE = {np.float64: 1e-11, np.float32: 1e-4}


def sparse_data(random, n, d, K, dtype=np.float64, density=0.4):
    """Dense X with many zeros, and targets that X's dtype holds exactly."""
    X = random.normal(size=(n, d)) * (random.uniform(size=(n, d)) < density)
    y = random.normal(size=(n, K)).astype(dtype).astype(np.float64)
    return X.astype(dtype), y[:, 0] if K == 1 else y


def repeated(weight):
    """Rows, and fractions of an update, in the order in which weights repeat them."""
    rows, fractions = [], []
    for row, w in enumerate(weight):
        whole = int(w)
        rows += [row] * whole
        fractions += [1.0] * whole
        if w > whole:
            rows.append(row)
            fractions.append(w - whole)
    return np.array(rows), np.array(fractions)


def assert_follows_the_equations(H, X, y, weight, *, eta, batch_size, alpha, momentum):
    """Train the kernel and the equations for three epochs; X may be sparse."""
    model = BackpropRegressor(
        H,
        learning_rate="constant",
        learning_rate_init=eta,
        batch_size=batch_size,
        alpha=alpha,
        momentum=momentum,
        standardize=False,
        shuffle=False,
        random_state=0,
    )
    dense = X.toarray() if scipy.sparse.issparse(X) else X
    dense = dense.astype(np.float64)
    rows, fraction = repeated(np.ones(len(y)) if weight is None else weight)
    model.partial_fit(X, y, weight)  # moves the weights away from v = 0
    W, v = (part.astype(np.float64) for part in weights_of(model))
    last = 0.0, 0.0
    if momentum:
        velocity = model._state.network.velocity_matrices()
        last = velocity[0].T, velocity[1] if y.ndim == 2 else velocity[1][0]
    for _ in range(2):
        model.partial_fit(X, y, weight)
        b = len(rows) if batch_size == "all" else batch_size
        W, v, last = equations.epoch(
            W, v, dense[rows], y[rows], eta, b, fraction, alpha, momentum, last
        )
        assert largest_difference(model, W, v) <= TOLERANCE[X.dtype.type]
    expected = [equations.predict(W, v, x) for x in dense]
    assert_allclose(model.predict(X), expected, atol=10 * TOLERANCE[X.dtype.type])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [2, 5, 9, 12, 13, 63, 64, 65, 128, 140])
@pytest.mark.parametrize(
    ("H", "K", "alpha", "momentum"), [(3, 1, 0, 0), (20, 2, 1, 0), (47, 1, 1, 0.9)]
)
def test_batches_of_every_length_equal_the_equations(
    random, H, K, alpha, momentum, batch_size, dtype
):
    X = random.normal(size=(150, 6)).astype(dtype)
    y = random.normal(size=(150, K) if K > 1 else 150).astype(dtype)
    assert_follows_the_equations(
        H,
        X,
        y,
        None,
        eta=0.02 / batch_size,
        batch_size=batch_size,
        alpha=alpha,
        momentum=momentum,
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("alpha", [0, 1e-3])
@pytest.mark.parametrize("momentum", [0, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_every_combination_equals_the_equations(
    random, sparse, K, weighted, momentum, alpha, batch_size, dtype
):
    n, d, H = 37, 12, 19
    X, y = sparse_data(random, n, d, K, dtype)
    X = scipy.sparse.csr_array(X) if sparse else X
    weight = random.randint(0, 7, n) / 2 if weighted else None
    assert_follows_the_equations(
        H,
        X,
        y,
        weight,
        eta=0.01 / batch_size,
        batch_size=batch_size,
        alpha=alpha,
        momentum=momentum,
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 3, "all"])
@pytest.mark.parametrize(("alpha", "momentum"), [(0, 0.5), (2.0, 0), (0.5, 0.95)])
@pytest.mark.parametrize(
    "H",  # panels of which the last is begun, or which fill registers unevenly; and one
    [17, 40, *(pytest.param(H, marks=pytest.mark.slow) for H in (1, 8))],
)
def test_strong_variants_equal_the_equations_at_the_edges(
    random, H, alpha, momentum, batch_size, dtype
):
    for n, d, K, sparse in itertools.product((1, 4, 5, 9), (1, 6), (1, 2), (0, 1)):
        X, y = sparse_data(random, n, d, K, dtype)
        X = scipy.sparse.csr_array(X) if sparse else X
        b = n if batch_size == "all" else batch_size
        # Most of the time would go into scikit-learn's checks.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            assert_follows_the_equations(
                H,
                X,
                y,
                None,
                eta=0.02 / (b * (1 + H / 4)),
                batch_size=batch_size,
                alpha=alpha,
                momentum=momentum,
            )


@pytest.mark.parametrize(("alpha", "momentum"), [(0.1, 0), (0, 0.9), (0.1, 0.9)])
@pytest.mark.parametrize(
    ("dtype", "d", "H"), [(np.float64, 450, 603), (np.float32, 640, 901)]
)
def test_long_blocks_equal_the_equations(random, d, H, dtype, alpha, momentum):
    X, y = sparse_data(random, 21, d, 2, dtype)
    assert_follows_the_equations(
        H, X, y, None, eta=1e-7, batch_size=1, alpha=alpha, momentum=momentum
    )


@pytest.mark.parametrize("K", [2, 7, 8, 9, 33])
def test_any_number_of_outputs_equals_the_equations(random, K):
    X, y = sparse_data(random, 20, 4, K)
    assert_follows_the_equations(
        11, X, y, None, eta=0.005, batch_size=1, alpha=0, momentum=0
    )


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("alpha", [40.0, 99.0, 100.0, 150.0])
def test_sparse_weights_may_decay_as_fast_as_they_like(random, alpha, batch_size):
    # η α of 0.4 to 1.5 takes the scale factor of the weights through 0 and below.
    X, y = sparse_data(random, 200, 6, 1)
    X = scipy.sparse.csr_array(X)
    assert_follows_the_equations(
        9, X, y, None, eta=0.01, batch_size=batch_size, alpha=alpha, momentum=0
    )


def test_momentum_is_carried_from_epoch_to_epoch(random):
    X, y = sparse_data(random, 30, 4, 1)
    parameters = {"momentum": 0.9, "learning_rate_init": 1e-3, "random_state": 0}
    carried = BackpropRegressor(5, learning_rate="constant", max_iter=4, **parameters)
    fit_quietly(carried, X, y)
    stepwise = BackpropRegressor(5, **parameters)
    for _ in range(4):
        stepwise.partial_fit(X, y)
    assert same_bits(carried, stepwise)
    for _ in range(2):
        warm = BackpropRegressor(5, learning_rate="constant", **parameters)
        warm.set_params(warm_start=True, max_iter=2)
        fit_quietly(fit_quietly(warm, X, y), X, y)
    assert same_bits(carried, warm)
    # without momentum in between, the velocity begins again at 0
    at_rest = carried.set_params(momentum=0.0).partial_fit(X, y)
    assert at_rest._state.network.velocity is None
    at_rest.set_params(momentum=0.9).partial_fit(X, y)
    assert at_rest._state.network.velocity is not None


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, "all"])
@pytest.mark.parametrize("momentum", [0, 0.5])
def test_partial_fits_equal_a_fit_in_every_variant(
    random, momentum, batch_size, sparse, dtype
):
    X, y = sparse_data(random, 60, 5, 2, dtype)
    X = scipy.sparse.csr_array(X) if sparse else X
    weight = random.randint(0, 5, 60) / 2
    parameters = {
        "alpha": 1e-3,
        "momentum": momentum,
        "batch_size": batch_size,
        "learning_rate": "invscaling",
        "random_state": 0,
    }
    whole = BackpropRegressor(9, max_iter=4, **parameters)
    fit_quietly(whole, X, y, weight)
    stepwise = BackpropRegressor(9, **parameters)
    warm = BackpropRegressor(9, max_iter=2, warm_start=True, **parameters)
    for _ in range(4):
        stepwise.partial_fit(X, y, weight)
    for _ in range(2):
        fit_quietly(warm, X, y, weight)
    assert same_bits(whole, stepwise)
    assert same_bits(whole, warm)
    assert whole.loss_curve_ == stepwise.loss_curve_ == warm.loss_curve_
    assert whole.t_ == stepwise.t_ == warm.t_ == 4 * np.ceil(weight).sum()


def test_alpha_shrinks_weights_but_not_biases(diabetes):
    X, y = diabetes
    norms, models = [], []
    for alpha in (0.0, 0.01, 0.1):
        model = BackpropRegressor(10, alpha=alpha, max_iter=100, random_state=0)
        fit_quietly(model, X, y)
        W, v = model._state.network.matrices()
        norms.append((np.sum(W[1:] ** 2), np.sum(v[:, 1:] ** 2)))
        models.append(model)
    assert norms[0] > norms[1] > norms[2]
    strong = BackpropRegressor(10, alpha=5.0, max_iter=100, random_state=0)
    fit_quietly(strong, X, y)  # nothing but the bias is left
    assert_allclose(strong.predict(X), y.mean(), rtol=0.05)


@pytest.mark.parametrize("H", [1, 10, 300])
@pytest.mark.parametrize("momentum", [0.5, 0.9, 0.99])
def test_auto_learning_rate_allows_for_momentum(diabetes, momentum, H):
    X, y = diabetes
    parameters = {"momentum": momentum, "max_iter": 100, "random_state": 0}
    auto = fit_quietly(BackpropRegressor(H, **parameters), X, y)
    eta = 0.3 * (1 - momentum) / (1 + H / 4)
    given = BackpropRegressor(H, learning_rate_init=eta, **parameters)
    assert same_bits(auto, fit_quietly(given, X, y))
    assert auto.score(X, y) > 0.4


# --------------------------------------------------------------------- sparse rows


@pytest.fixture
def counts(random):
    """Counts as in a text, of which most are 0, and a target that they tell."""
    X = random.poisson(0.15, size=(300, 40)).astype(np.float64)
    X[:, 0] += 5  # one column is dense
    X[:, 1] = 0  # and one is empty
    return X, X[:, 2] - 2 * X[:, 3] + 0.1 * random.normal(size=300)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("alpha", [0, 0.01])
@pytest.mark.parametrize("momentum", [0, 0.5])
@pytest.mark.parametrize("K", [1, 2])
def test_sparse_and_dense_give_the_same_model(counts, batch_size, alpha, momentum, K):
    X, y = counts
    y = np.column_stack([y, -(y**2)])[:, :K]
    y = y[:, 0] if K == 1 else y
    parameters = {
        "batch_size": batch_size,
        "alpha": alpha,
        "momentum": momentum,
        "learning_rate": "linear",
        "max_iter": 10,
        "random_state": 0,
    }
    dense = fit_quietly(BackpropRegressor(9, **parameters), X, y)
    for format in ("csr", "csc", "coo"):
        rows = scipy.sparse.coo_array(X).asformat(format)
        sparse = fit_quietly(BackpropRegressor(9, **parameters), rows, y)
        assert largest_difference(sparse, *weights_of(dense)) <= 1e-11
        assert_allclose(sparse.predict(rows), dense.predict(X), atol=1e-10)
        assert_allclose(sparse.predict(X), dense.predict(X), atol=1e-10)
        assert_allclose(sparse.loss_curve_, dense.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("alpha", [0, 0.01])
def test_sparse_columns_far_from_0_lose_no_digits(random, counts, batch_size, alpha):
    # Years, an offset of 10⁹, and a column far from 0 in all rows but two.
    X, y = np.tile(counts[0], (4, 1)), np.tile(counts[1], 4)
    X[:, 5] = 2000 + random.randint(-10, 10, 1200)
    X[:, 6] = 1e9 + random.normal(size=1200)
    X[:, 7] = 7 + 0.01 * random.normal(size=1200)
    X[[17, 900], 7] = 0
    y = y + 0.1 * (X[:, 5] - 2000) + X[:, 6] - 1e9 + X[:, 7]
    parameters = {
        "batch_size": batch_size,
        "alpha": alpha,
        "learning_rate": "linear",
        "max_iter": 10,
        "random_state": 0,
    }
    rows = scipy.sparse.csr_array(X)
    dense = fit_quietly(BackpropRegressor(9, **parameters), X, y)
    sparse = fit_quietly(BackpropRegressor(9, **parameters), rows, y)
    units = sparse._state.network.standardization
    assert abs(units.X_mean[7] * units.X_scale[7]) > 16
    for method in (None, "partial_fit"):
        if method:
            X[:100, 5:7] = 0  # zeros that training has not seen there
            rows = scipy.sparse.csr_array(X)
            dense.partial_fit(X[50:80], y[50:80])
            sparse.partial_fit(rows[50:80], y[50:80])
        packed = (model._state.network.matrices() for model in (dense, sparse))
        for ours, theirs in zip(*packed, strict=True):
            assert_allclose(ours, theirs, atol=1e-11 * np.abs(theirs).max())
        assert_allclose(sparse.predict(rows), dense.predict(X), rtol=1e-9, atol=1e-9)


def test_sparse_predictions_do_not_depend_on_their_company(counts):
    X, y = counts
    rows = scipy.sparse.csr_matrix(X)
    model = fit_quietly(BackpropRegressor(9, max_iter=3, random_state=0), rows, y)
    together = model.predict(rows)
    alone = [model.predict(rows[i])[0] for i in range(30)]
    assert np.array_equal(together[:30], alone)


def test_every_form_of_sparse_rows_gives_the_same_bits(random, counts):
    X, y = counts
    reference = scipy.sparse.csr_array(X)
    model = BackpropRegressor(5, learning_rate="linear", max_iter=3, random_state=0)
    expected = fit_quietly(model, reference, y)

    wide = reference.copy()
    wide.indices, wide.indptr = (
        part.astype(np.int64) for part in (wide.indices, wide.indptr)
    )
    unsorted = reference.copy()
    for start, stop in itertools.pairwise(unsorted.indptr):
        p = start + random.permutation(stop - start)
        unsorted.data[start:stop] = unsorted.data[p]
        unsorted.indices[start:stop] = unsorted.indices[p]
    unsorted.has_sorted_indices = False
    rows, columns = reference.nonzero()
    halves = np.tile(reference.data / 2, 2)
    twice = scipy.sparse.coo_array(
        (halves, (np.tile(rows, 2), np.tile(columns, 2))), shape=X.shape
    )
    zeros = scipy.sparse.csr_array(
        (
            np.append(reference.data, 0.0),
            np.append(reference.indices, 39 if X[-1, 39] == 0 else 1),
            np.append(reference.indptr[:-1], reference.indptr[-1] + 1),
        ),
        shape=X.shape,
    )
    frozen = reference.copy()
    for part in (frozen.data, frozen.indices, frozen.indptr):
        part.flags.writeable = False
    for form in (wide, unsorted, twice, zeros, frozen):
        before = form.copy()
        other = BackpropRegressor(**model.get_params())
        assert same_bits(fit_quietly(other, form, y), expected)
        assert np.array_equal(other.predict(form), expected.predict(reference))
        assert np.array_equal(form.data, before.data)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_model_out_of_a_pickle_goes_on_with_sparse_rows(counts, dtype):
    # whose weights may lie at any address
    X, y = counts
    rows = scipy.sparse.csr_array(X.astype(dtype))
    for H in range(1, 20):
        model = BackpropRegressor(H, random_state=0).partial_fit(rows, y)
        copy = pickle.loads(pickle.dumps(model))
        network = model._state.network
        room = np.zeros(network.weights.nbytes + 64, np.uint8)
        start = -room.ctypes.data % 64 + network.weights.itemsize
        weights = room[start : start + network.weights.nbytes].view(dtype)
        weights[:] = network.weights
        assert weights.ctypes.data % 64
        copy._state = replace(copy._state, network=replace(network, weights=weights))
        assert np.array_equal(copy.predict(rows), model.predict(rows))
        assert same_bits(copy.partial_fit(rows, y), model.partial_fit(rows, y))


def test_float32_sparse_rows_give_a_float32_model(counts):
    X, y = (part.astype(np.float32) for part in counts)
    parameters = {"learning_rate": "linear", "max_iter": 5, "random_state": 0}
    rows = scipy.sparse.csr_array(X)
    sparse = BackpropRegressor(9, **parameters).fit(rows, y)
    dense = BackpropRegressor(9, **parameters).fit(X, y)
    assert sparse.predict(rows).dtype == sparse.coefs_[0].dtype == np.float32
    assert largest_difference(sparse, *weights_of(dense)) <= 1e-4


def test_wrong_indices_are_refused(counts):
    X, y = counts
    for part, value in (("indices", 40), ("indices", -1), ("indptr", 10**6)):
        rows = scipy.sparse.csr_matrix(X)
        getattr(rows, part)[5] = value
        with pytest.raises(ValueError, match=r"index|indices|indptr"):
            BackpropRegressor(5).fit(rows, y)


def test_values_of_sparse_rows_beyond_what_is_safe_are_refused(counts):
    X, y = counts
    model = BackpropRegressor(5, standardize=False)
    X[7, 4] = 1e101
    with pytest.raises(ValueError, match="in row 7, column 4, which is too large"):
        model.fit(scipy.sparse.csr_array(X), y)


# ----------------------------------------------------------------- several outputs


def test_shapes_of_several_outputs(random):
    X, y = sparse_data(random, 50, 4, 3)
    model = BackpropRegressor(7, learning_rate="linear", max_iter=30, random_state=0)
    model.fit(X, y)
    assert model.n_outputs_ == 3
    assert [part.shape for part in model.coefs_] == [(4, 7), (7, 3)]
    assert [part.shape for part in model.intercepts_] == [(7,), (3,)]
    assert model.predict(X).shape == (50, 3)
    z = equations.sigmoid(X @ model.coefs_[0] + model.intercepts_[0])
    by_hand = z @ model.coefs_[1] + model.intercepts_[1]
    assert_allclose(model.predict(X), by_hand, rtol=1e-10, atol=1e-12)


def test_outputs_in_different_units_do_not_disturb_each_other(diabetes):
    X, y = diabetes
    parameters = {"learning_rate": "linear", "max_iter": 20, "random_state": 0}
    parameters["shuffle"] = False  # or other units change the order of content
    Y = np.column_stack([y, y**2])
    model = BackpropRegressor(9, **parameters).fit(X, Y)
    scaled = BackpropRegressor(9, **parameters).fit(X, Y * [1e6, 1e-9] + [0, 5])
    assert_allclose(
        scaled.predict(X), model.predict(X) * [1e6, 1e-9] + [0, 5], rtol=1e-9
    )


def test_another_number_of_outputs_is_refused(random):
    X, y = sparse_data(random, 50, 4, 3)
    model = BackpropRegressor(7, random_state=0).partial_fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="y has 1 outputs, but the fitted model has 3"):
        model.partial_fit(X, y[:, 0])
    assert np.array_equal(model.predict(X), before)
