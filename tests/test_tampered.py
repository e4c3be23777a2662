"""States that were changed on the way, and attributes that somebody replaced by hand.

Each is refused with a ValueError that names it, or does no harm; nothing is read or
written beyond the memory of an array.
"""

import pickle
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from oracle import same_bits

from sklearn_backprop import BackpropRegressor

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
    """What may become of an attribute."""
    yield from VALUES
    if isinstance(value, np.ndarray) and value.dtype == object:
        yield from (value[:-1], value[:, np.newaxis], [*value], np.arange(len(value)))
    elif isinstance(value, np.ndarray):
        yield from wrong_arrays(value)
    elif isinstance(value, list):
        yield from (tuple(value), np.array(value))
        yield from ([*value[:-1], item] for item in VALUES)
    elif isinstance(value, tuple):
        for i in range(len(value)):
            yield value[:i] + value[i + 1 :]
            yield from ((*value[:i], item, *value[i + 1 :]) for item in VALUES)


def tampered(state):
    """Thousands of states in which one attribute is another or is missing."""
    for name, value in state.items():
        yield name, {key: kept for key, kept in state.items() if key != name}
        for other in changes(value):
            yield name, {**state, name: other}
    for value in VALUES:
        yield "_valid_params", {**state, "_valid_params": value}


KINDS = {
    "plain": {},
    "momentum in float32": {"momentum": 0.5},
    "early stopping": {"early_stopping": True, "max_iter": 1000},
}
OPTIONAL = {"feature_names_in_", "_sklearn_backprop_version", "_score_to_beat"}
OPTIONAL |= {"_valid_params"}
OF_THE_NEXT_EPOCH = {"_seed", "n_iter_", "_fingerprint", "_stalled", "_reductions"}
ALSO_NAMED_BY = {"_shape": "_shape|_W", "_W": "_W|_v|weights of"}


@pytest.mark.parametrize(
    "kind",
    [
        "early stopping",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in list(KINDS)[:2]),
    ],
)
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.InconsistentVersionWarning",
    "ignore:X has feature names",
)
def test_a_tampered_state_is_refused_or_does_no_harm(random, kind):
    X = random.normal(size=(40, 3)).astype("f4" if "float32" in kind else "f8")
    X, y = pd.DataFrame(X, columns=["a", "b", "c"]), X[:, :2] ** 2
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
        assert name in OPTIONAL or name in state
        if name in model.get_params():
            check_parameter(loaded, name, X, y, y_pred)
            continue
        # Of the right type, and as good as what was there.
        assert name in OPTIONAL or isinstance(state[name], type(fitted[name]) | None)
        assert np.array_equal(loaded.predict(X), y_pred)
        loaded.partial_fit(X, y)
        assert name in OF_THE_NEXT_EPOCH or same_bits(loaded, trained)
        assert np.isfinite(loaded.predict(X)).all()
    assert refused.total() > 1500
    assert not set(fitted) - set(refused) - OPTIONAL


def refusal(model, state):
    """What the error says, if the model does not accept the state."""
    try:
        model.__setstate__(state)
    except ValueError as error:
        return str(error)


def check_parameter(loaded, name, X, y, y_pred):
    """As with set_params, predict has no use for it and training checks it."""
    assert np.array_equal(loaded.predict(X), y_pred)
    before = vars(loaded).copy()
    try:
        loaded.partial_fit(X, y)
    except ValueError:
        assert vars(loaded).keys() == before.keys()
        assert all(vars(loaded)[key] is value for key, value in before.items())
    except AttributeError:
        assert name == "early_stopping"


REPLACED = {
    "_weights": [*(np.zeros(n) for n in (0, 3, 55, 57)), np.zeros(56, "f4")],
    "_velocity": [np.zeros(3), np.zeros((56, 2))[:, 0], np.zeros(56, "f4")],
    "_X_mean": [np.zeros(2), np.zeros(4), np.zeros(3, "f4"), np.zeros((3, 2))[:, 0]],
    "_X_scale": [np.ones(2), np.ones(4), np.ones(3, int), np.broadcast_to(1.0, 3), [1]],
    "_shape": [(3, 9, 1), (3, 5, 3), (2, 5, 2), (0, 5, 2), (3.0, 5, 2)],
}
REPLACED["_weights"] += [np.zeros(56, t) for t in ("f2", "i8", "O", ">f8")]
REPLACED["_shape"] += [(3, 2**62, 2), (2**62, 2**62, 4), (10**30, 5, 2)]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in REPLACED for value in REPLACED[name]]
)
def test_the_kernel_takes_no_attribute_of_another_size_or_type(random, name, value):
    X, y = random.normal(size=(40, 3)), random.normal(size=(40, 2))
    model = BackpropRegressor(5, momentum=0.5, random_state=0).partial_fit(X, y)
    assert model._weights.shape == model._velocity.shape == (56,)
    setattr(model, name, value)
    calls = [lambda: model.partial_fit(X, y)]
    if name != "_velocity":
        calls.append(lambda: model.predict(X))
    if name in ("_weights", "_shape"):
        calls += [lambda: model.coefs_, lambda: pickle.dumps(model)]
    for call in calls:
        with pytest.raises(ValueError, match=r"network|model so far|broadcast|dtype"):
            call()
        assert getattr(model, name) is value


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
