"""Pickles whose arrays were changed, and models whose arrays were replaced.

Each is rejected with a ValueError that names it, or does no harm. Nothing is read or
written beyond the memory of an array.
"""

import pickle
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from models import same_bits

from sklearn_backprop import BackpropRegressor
from sklearn_backprop._persistence import CURVES, NAMES

VALUES = [
    *(None, True, np.True_, object(), len, BackpropRegressor()),
    *(-1, 0, 1, 3, 7, 2**31, 2**63, 2**64, 10**30, np.int64(1)),
    *(0.0, -1.5, 1e308, np.inf, -np.inf, np.nan, np.float32(1), 1j),
    *("", "auto", "identity", b"identity"),
    *((), [], {}, set(), (1,), [1], [None], [np.nan], ["a"], {1: 2}),
    *(np.array(1.0), np.array([1, 2]), np.array([None]), np.zeros((0, 3))),
]
DTYPES = ["f2", "f4", "f8", "longdouble", "i4", "i8", "?", "c16", "O", "U8", "M8[s]"]


def wrong_arrays(array):
    """Other shapes, types and layouts, and one value that is not finite."""
    yield from (array[np.newaxis], array[..., np.newaxis], array.ravel()[:-1])
    yield from (array[:0], array.ravel()[0], np.repeat(array, 2, axis=-1))
    yield from (array[..., :-1], array[1:], array.tolist(), memoryview(array))
    if array.ndim == 2 and array.shape[0] != array.shape[1]:
        yield from (array.T, array.ravel(), array.reshape(array.T.shape))
    yield from (np.zeros(array.shape, t) for t in DTYPES if array.dtype != t)
    yield array.astype(array.dtype.newbyteorder())
    yield np.zeros(array.shape, [("value", array.dtype)])
    if array.dtype.kind != "f":
        return
    for i in range(array.size):
        for value in (np.nan, np.inf, -np.inf):
            copy = array.copy()
            copy.flat[i] = value
            yield copy
    yield np.ma.array(copy, mask=~np.isfinite(copy))
    copy = np.asfortranarray(copy)[..., ::-1]
    copy.flags.writeable = False
    yield copy


def changes(value):
    """What may become of an array."""
    yield from VALUES
    yield from wrong_arrays(value)


def tampered(state):
    """Hundreds of states in which one array is another, or something is missing."""
    for name, value in state.items():
        if name in NAMES:
            yield name, {key: kept for key, kept in state.items() if key != name}
        if isinstance(value, np.ndarray):
            for other in changes(value):
                yield name, {**state, name: other}


KINDS = {
    "plain": {},
    "momentum in float32": {"momentum": 0.5},
    "early stopping": {"early_stopping": True, "max_iter": 1000},
}
ALSO_NAMED_BY = {
    "_W": "_W|_v|_X_statistics|_velocity",
    "_v": "_v|_y_statistics|_velocity",
}


@pytest.mark.parametrize(
    "kind",
    [
        "early stopping",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in list(KINDS)[:2]),
    ],
)
def test_a_tampered_array_is_refused_or_does_no_harm(random, kind):
    X = random.normal(size=(40, 3)).astype("f4" if "float32" in kind else "f8")
    y = X[:, :2] ** 2
    model = BackpropRegressor(5, random_state=0, tol=1e-3, **KINDS[kind]).fit(X, y)
    model.set_params(early_stopping=False)
    fitted, y_pred = model.__getstate__(), model.predict(X)
    trained = pickle.loads(pickle.dumps(model)).partial_fit(X, y)

    refused = Counter()
    for name, state in tampered(fitted):
        loaded = BackpropRegressor()
        problem = refusal(loaded, state)
        if problem is not None:
            words = ALSO_NAMED_BY.get(name, name)
            assert re.match(f"This saved model is damaged: .*({words})", problem)
            refused[name] += 1
            continue
        # Of the right type, and as good as what was there; or another curve.
        assert isinstance(state[name], np.ndarray) or state[name] is None, name
        if name.endswith("_statistics") and np.isinf(np.array(state[name])).any():
            continue  # the standard deviation of a column that varies by rounding
        assert np.array_equal(loaded.predict(X), y_pred)
        loaded.partial_fit(X, y)
        assert name in CURVES or same_bits(loaded, trained)
        assert np.isfinite(loaded.predict(X)).all()
    assert refused.total() > 300
    assert not set(NAMES) - set(refused)


def refusal(model, state):
    """What the error says, if the model does not accept the state."""
    try:
        model.__setstate__(state)
    except ValueError as error:
        return str(error)


REPLACED = {
    "weights": [*(np.zeros(n) for n in (0, 3, 55, 57)), np.zeros(56, "f4")],
    "velocity": [np.zeros(3), np.zeros((56, 2))[:, 0], np.zeros(56, "f4")],
    "X_statistics": [
        *(np.ones(shape) for shape in ((6, 2), (6, 4), (6, 3, 3))),
        *(np.ones((6, 3), dtype) for dtype in ("f4", "i8", ">f8")),
        np.ones((3, 6)).T,
    ],
    "shape": [(3, 9, 1), (3, 5, 3), (2, 5, 2), (0, 5, 2), (3.0, 5, 2)],
}
REPLACED["weights"] += [np.zeros(56, t) for t in ("f2", "i8", "O", ">f8")]
REPLACED["shape"] += [(3, 2**62, 2), (2**62, 2**62, 4), (10**30, 5, 2)]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in REPLACED for value in REPLACED[name]]
)
def test_the_kernel_takes_no_array_of_another_size_or_type(random, name, value):
    X, y = random.normal(size=(40, 3)), random.normal(size=(40, 2))
    model = BackpropRegressor(5, momentum=0.5, random_state=0).partial_fit(X, y)
    network = model._state.network
    assert network.weights.shape == network.velocity.shape == (56,)
    if name == "X_statistics":
        units = replace(network.standardization, **{name: value})
        network = replace(network, standardization=units)
    else:
        network = replace(network, **{name: value})
    model._state = replaced = replace(model._state, network=network)
    calls = [lambda: model.partial_fit(X, y)]
    if name != "velocity":
        calls.append(lambda: model.predict(X))
    if name in ("weights", "shape"):
        calls += [lambda: model.coefs_, lambda: pickle.dumps(model)]
    for call in calls:
        with pytest.raises(ValueError, match=r"network|fitted model|broadcast|dtype"):
            call()
        assert model._state is replaced


@pytest.mark.parametrize("d", [2, 4, 400_000])
def test_the_kernel_reads_no_row_of_another_length(random, d):
    X, y = random.normal(size=(40, 3)), random.normal(size=40)
    model = BackpropRegressor(5, random_state=0).partial_fit(X, y)
    model.n_features_in_ = d
    other = np.zeros((40, d))
    for form in (np.asarray, scipy.sparse.csr_array):
        for call in (model.predict, lambda X: model.partial_fit(X, y)):
            with pytest.raises(ValueError, match=rf"{d}|\(3,\)"):
                call(form(other))
