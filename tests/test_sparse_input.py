"""Sparse data whose arrays are inconsistent, or change during a call.

SciPy checks for neither: its compiled code and the kernel would read and write wherever
such arrays point. Every field of every format is rejected by name, in every method that
takes X, before anything is changed.
"""

import threading
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, refused, same_bits
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklearn_backprop import BackpropRegressor, _data, _kernel, _sparse
from sklearn_backprop._data import Data, read, sparse_if_faster
from sklearn_backprop._parameters import Parameters
from sklearn_backprop._training import prepare

RANDOM = np.random.RandomState(0)
N, D = 12, 4
DENSE = RANDOM.normal(size=(N, D)) * (RANDOM.uniform(size=(N, D)) < 0.6)
Y = DENSE[:, 0] + RANDOM.normal(size=N)
LARGEST = np.iinfo(np.int32).max


def regressor(**parameters):
    parameters = {"max_iter": 3, "learning_rate": "linear", **parameters}
    return BackpropRegressor(3, random_state=0, **parameters)


def make(name, kind, values=DENSE):
    X = getattr(scipy.sparse, f"{name}_{kind}")(values)
    return X if name != "bsr" else X.tobsr((2, 2))


def replace(field, change):
    """Put change(array) in the place of an array of X."""

    def put(X):
        array = change(getattr(X, field))
        if hasattr(X, "coords") and field != "data":  # whose rows are set as copies
            row, col = X.coords
            X.coords = (array, col) if field == "row" else (row, array)
        else:
            setattr(X, field, array)

    return put


def with_item(place, value):
    """Replace one item, in a type that holds it."""

    def change(array):
        kind = np.int32 if abs(value) <= LARGEST else np.int64
        array = np.array(array, kind)
        array[place] = value
        return array

    return change


OF_INDICES = {
    "negative": with_item(1, -1),
    "far below": with_item(1, -LARGEST - 1),
    "at the end": with_item(-1, 100),
    "far above": with_item(1, LARGEST),
    "beyond 32 bits": with_item(1, 2**40),
    "unsigned": lambda a: np.array(a, np.uint64) - 1,
    "short": lambda a: a[:-1],
    "empty": lambda a: a[:0],
    "fractions": lambda a: a + 0.5,
    "two axes": lambda a: np.stack((a, a)),
    "no axis": lambda a: a[0],
    "none": lambda a: None,
    "text": lambda a: a.astype(str),
    "objects": lambda a: a.astype(object),
}
OF_INDPTR = {
    "begins later": with_item(0, 1),
    "begins earlier": with_item(0, -1),
    "ends later": with_item(-1, 10_000),
    "ends at the largest": with_item(-1, LARGEST),
    "falls": with_item(1, 10_000),
    "is negative": with_item(1, -5),
    # 32-bit differences of these wrap to what looks like a rise
    "wraps": lambda a: np.resize(np.array([0, LARGEST, -LARGEST], np.int32), len(a)),
    "large, and no entries": lambda a: np.array(
        [0, *[100_000] * (len(a) - 2), 0], np.int32
    ),
    "long": lambda a: np.append(a, a[-1]),
    **{
        name: OF_INDICES[name]
        for name in ("short", "empty", "fractions", "two axes", "none", "text")
    },
}
OF_DATA = {
    "short": lambda a: a[:-1],
    "empty": lambda a: a[:0],
    "one axis more": lambda a: a[..., np.newaxis],
    "no axis": lambda a: a.flat[0],
    "none": lambda a: None,
    "text": lambda a: a.astype(str),
    "objects": lambda a: a.astype(object),
    "dates": lambda a: a.astype(int).astype("M8[s]"),
}
OF_SHAPE = {
    "one axis": (N,),
    "three axes": (N, D, 1),
    "none": None,
    "negative": (-N, D),
    "fractions": (N + 0.0, D + 0.0),
}
COMPRESSED = {
    **{f"indices {name}": replace("indices", f) for name, f in OF_INDICES.items()},
    **{f"indptr {name}": replace("indptr", f) for name, f in OF_INDPTR.items()},
    **{f"data {name}": replace("data", f) for name, f in OF_DATA.items()},
    "indices and data short": lambda X: (
        setattr(X, "indices", X.indices[:2]),
        setattr(X, "data", X.data[:2]),
    ),
    "a larger shape": lambda X: setattr(X, "_shape", (N + 2, D + 2)),
    "fewer columns": lambda X: setattr(X, "_shape", (N, D - 2)),
}
OF_LISTS = {
    "ragged rows": lambda X: X.rows[5].append(1),
    "ragged data": lambda X: X.data[5].append(1.0),
    "negative": lambda X: X.rows[0].__setitem__(0, -1),
    "far above": lambda X: X.rows[0].__setitem__(0, D),
    "beyond 64 bits": lambda X: X.rows[0].__setitem__(0, 2**70),
    "fractions": lambda X: X.rows[0].__setitem__(0, 0.5),
    "no list": lambda X: X.rows.__setitem__(0, None),
    "text": lambda X: X.data[0].__setitem__(0, "1.5"),
    "nested": lambda X: X.data[0].__setitem__(0, [1.0, 2.0]),
    "gap": lambda X: X.data[0].__setitem__(0, None),
    "fewer rows": lambda X: (
        setattr(X, "rows", X.rows[1:]),
        setattr(X, "data", X.data[1:]),
    ),
}


def with_key(key, value=1.0):
    return lambda X: dict.__setitem__(getattr(X, "_dict", X), key, value)


MALFORMED = {
    "csr": COMPRESSED,
    "csc": COMPRESSED,
    "bsr": {
        **COMPRESSED,
        "data of other blocks": replace("data", lambda a: np.ones((len(a), 5, 2))),
        "data without blocks": replace("data", lambda a: a[:, 0, 0]),
        "data of empty blocks": replace("data", lambda a: a[:, :0]),
    },
    "coo": {
        **{
            f"{field} {name}": replace(field, OF_INDICES[name])
            for field in ("row", "col")
            for name in OF_INDICES
        },
        **{f"data {name}": replace("data", f) for name, f in OF_DATA.items()},
        "fewer rows": lambda X: setattr(X, "_shape", (N - 2, D)),
    },
    "dia": {
        "offsets short": replace("offsets", lambda a: a[1:]),
        "offsets fractions": replace("offsets", lambda a: a + 0.5),
        "offsets none": replace("offsets", lambda a: None),
        "offsets twice": replace("offsets", lambda a: np.zeros_like(a)),
        "data short": replace("data", lambda a: a[1:]),
        "data of one axis": replace("data", lambda a: a[0]),
        "data none": replace("data", lambda a: None),
        "data text": replace("data", lambda a: a.astype(str)),
    },
    "lil": OF_LISTS,
    "dok": {
        "negative": with_key((-1, 0)),
        "far above": with_key((0, D)),
        "far below": with_key((N, 0)),
        "beyond 64 bits": with_key((2**70, 0)),
        "one axis": with_key((1,)),
        "no axis": with_key(1),
        "three axes": with_key((0, 0, 0)),
        "fractions": with_key((0.5, 0)),
        "text": with_key((0, 0), "1.5"),
        "nested": with_key((0, 0), [1.0, 2.0]),
        "gap": with_key((0, 0), None),
    },
}
for cases in MALFORMED.values():
    for case, shape in OF_SHAPE.items():
        cases[f"shape {case}"] = lambda X, shape=shape: setattr(X, "_shape", shape)
CASES = [(format, case) for format in MALFORMED for case in MALFORMED[format]]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_malformed_sparse_data_are_refused(name, case, kind):
    bad = make(name, kind)
    MALFORMED[name][case](bad)
    fitted = fit_quietly(regressor(), DENSE, Y)
    calls = [
        (fitted, partial(fitted.fit, bad, Y)),
        (fitted, partial(fitted.partial_fit, bad, Y)),
        (fitted, partial(fitted.predict, bad)),
    ]
    for method in ("fit", "partial_fit"):
        first = regressor()
        calls.append((first, partial(getattr(first, method), bad, Y)))
    stopping = fit_quietly(regressor(early_stopping=True), DENSE, Y)
    with refused(stopping, "X_val"):
        stopping.fit(DENSE, Y, X_val=bad, y_val=Y)
    for model, call in calls:
        with refused(model, r"\bX\b"):
            call()


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("name", MALFORMED)
def test_what_scipy_makes_of_the_same_values_is_accepted(name, kind):
    X = make(name, kind)
    expected = fit_quietly(regressor(), scipy.sparse.csr_array(DENSE), Y)
    model = fit_quietly(regressor(), X, Y)
    assert same_bits(model, expected)
    assert np.array_equal(model.predict(X), expected.predict(make("csr", "array")))


def test_a_matrix_without_entries_is_accepted():
    for name in MALFORMED:
        X = make(name, "array", np.zeros((N, D)))
        model = fit_quietly(regressor(), X, Y)
        assert np.array_equal(model.predict(X), model.predict(np.zeros((N, D))))


def test_room_for_more_entries_and_far_diagonals_do_not_count():
    csr, dia = make("csr", "array"), make("dia", "array")
    csr.indices = np.append(csr.indices, [-7, 2**30])
    csr.data = np.append(csr.data, [np.nan, 1.0])
    dia.offsets = np.append(dia.offsets, [D, -N, LARGEST, -LARGEST - 1])
    dia.data = np.vstack((dia.data, np.full((4, dia.data.shape[1]), 3.0)))
    expected = fit_quietly(regressor(), make("csr", "array"), Y)
    for X in (csr, dia):
        assert same_bits(fit_quietly(regressor(), X, Y), expected)


FIELDS = {
    "csr": ("indices", "indptr"),
    "csc": ("indices", "indptr"),
    "bsr": ("indices", "indptr"),
    "coo": ("row", "col"),
    "dia": ("offsets",),
}


@pytest.mark.parametrize("value", [-1, LARGEST])
@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "X_val"])
def test_places_written_after_the_check_lead_nowhere(monkeypatch, method, name, value):
    # As by another thread, at the worst moment.
    checked, X = _data.with_checked_indices, make(name, "array")
    good = X.copy()
    written = []

    def check_and_write(given, called):
        result = checked(given, called)
        if given is X:
            for field in FIELDS[name]:
                getattr(X, field)[...] = value
                written.append(field)
        return result

    def outcome(X):
        model = fit_quietly(regressor(), DENSE, Y)
        if method == "predict":
            return model.predict(X)
        if method == "X_val":
            model.set_params(early_stopping=True)
            return fit_quietly(model, DENSE, Y, X_val=X, y_val=Y).validation_scores_
        train = partial(fit_quietly, model) if method == "fit" else model.partial_fit
        return train(X, Y).predict(DENSE)

    expected = outcome(good)
    monkeypatch.setattr(_data, "with_checked_indices", check_and_write)
    assert np.array_equal(outcome(X), expected)
    assert written == list(FIELDS[name])


@pytest.mark.parametrize("field", ["_integers", "_values"])
@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_shape_set_between_two_checks_is_not_that_of_the_call(
    monkeypatch, method, name, field
):
    checked, X = getattr(_sparse, field), make(name, "array")

    def check_and_reshape(*arguments):
        result = checked(*arguments)
        X._shape = (N, 2)
        return result

    model = fit_quietly(regressor(), make("csr", "array"), Y)
    expected = model.predict(make("csr", "array"))
    monkeypatch.setattr(_sparse, field, check_and_reshape)
    if method == "predict":
        assert np.array_equal(model.predict(X), expected)
    else:
        assert same_bits(fit_quietly(regressor(), X, Y), model)
    assert X.shape == (N, 2)


@pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
@pytest.mark.parametrize("name", FIELDS)
def test_a_thread_that_writes_all_along_does_no_harm(name):
    X = make(name, "array", np.tile(DENSE, (50, 1)))
    y, fields = np.tile(Y, 50), [getattr(X, field) for field in FIELDS[name]]
    good, over = [field.copy() for field in fields], threading.Event()

    def write():
        while not over.is_set():
            for field, values in zip(fields, good, strict=True):
                field[...] = values
                field[len(field) // 2 :] = LARGEST
                field[...] = values

    model = fit_quietly(regressor(), X, y)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(30):
            for call in (partial(model.partial_fit, X, y), partial(model.predict, X)):
                try:
                    call()
                except ValueError as error:
                    message = str(error)
                    assert message.startswith("X is not a valid")
    finally:
        over.set()
        thread.join()
    assert np.isfinite(model.predict(DENSE)).all()


@pytest.mark.parametrize("momentum", [0, 0.5])
def test_a_shape_set_during_training_is_not_that_of_the_call(monkeypatch, momentum):
    # X is read where it is: an array in another shape, of the same memory.
    X = np.ascontiguousarray(np.tile(DENSE, (10, 1)))
    y = np.tile(Y, 10)
    expected = fit_quietly(regressor(momentum=momentum), X.copy(), y)

    class Training(_kernel.Trainer):
        def epoch(self, *arguments):
            X.resize((2, 10 * N * D // 2), refcheck=False)
            return super().epoch(*arguments)

    monkeypatch.setattr(_kernel, "Trainer", Training)
    assert same_bits(fit_quietly(regressor(momentum=momentum), X, y), expected)
    assert X.shape == (2, 10 * N * D // 2)


# ------------------------------------------------------- dense data of mostly zeros


def mostly_zeros(random, n=1200, d=20, fraction=0.2):
    X = random.normal(size=(n, d)) * (random.uniform(size=(n, d)) < fraction)
    return X, X[:, 0] - X[:, 1] ** 2 + 0.1 * random.normal(size=n)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dense_data_of_mostly_zeros_are_trained_on_as_sparse_rows(random, dtype):
    X, y = mostly_zeros(random)
    X = X.astype(dtype)
    model = BackpropRegressor(20, max_iter=3, random_state=0)
    dense = clone(model).fit(X, y)
    sparse = clone(model).fit(scipy.sparse.csr_array(X), y)
    assert_allclose(dense.predict(X), sparse.predict(X), rtol=0, atol=1e-4)
    given = read(clone(model), X, y, None, reset=True, relative=True)
    start = prepare(given, None, Parameters.of(model))
    assert scipy.sparse.issparse(start.data.X)
    assert np.array_equal(start.data.X.toarray(), X)


@pytest.mark.parametrize(
    ("data", "H"),
    [
        ({"fraction": 0.4}, 20),
        ({"d": 15, "n": 2000}, 20),
        ({"n": 700}, 20),
        ({}, 15),
    ],
)
def test_other_dense_data_stay_dense(random, data, H):
    X, y = mostly_zeros(random, **data)
    given = Data(X, y[:, np.newaxis], None, X.dtype)
    assert sparse_if_faster(given, H) is given


def test_rows_of_weight_0_do_not_make_data_dense(random):
    # and a weight counts as repeats do
    X, y = mostly_zeros(random, n=1500)
    model = BackpropRegressor(20, max_iter=3, random_state=0)
    alone = clone(model).fit(X, y)
    rest = random.normal(size=(4000, 20))
    weight = np.append(np.ones(1500), np.zeros(4000))
    among_others = clone(model).fit(
        np.vstack((X, rest)), np.append(y, rest[:, 0]), weight
    )
    assert same_bits(alone, among_others)

    X, y = X[:900], y[:900]
    for count in (np.where(np.count_nonzero(X, axis=1) > 3, 9, 1), np.full(900, 2)):
        weighted = clone(model).fit(X, y, count)
        repeated = clone(model).fit(np.repeat(X, count, 0), np.repeat(y, count))
        assert same_bits(weighted, repeated)
