"""The cases of bench_reliability.py: what any regressor should get right.

A case is a function of an estimator's class. It returns nothing, or a figure to show;
it raises AssertionError if a promise is broken. It runs in a process of its own.
"""

import copy
import hashlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO

import joblib
import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor

from sklearn_backprop import BackpropRegressor

ESTIMATORS = {c.__name__: c for c in (BackpropRegressor, MLPRegressor, SGDRegressor)}
LONG = 8  # seconds of a fit that is interrupted
ROWS = 20_000_000  # of one call that is interrupted


def make(kind, **parameters):
    """An estimator with its defaults but for those given."""
    return kind(random_state=0, **parameters)


def with_step(kind, eta):
    """An estimator with a constant step size."""
    if kind is SGDRegressor:
        return make(kind, learning_rate="constant", eta0=eta)
    solver = {"solver": "sgd"} if kind is MLPRegressor else {}
    return make(kind, learning_rate="constant", learning_rate_init=eta, **solver)


def data(n=500, d=5):
    """Standardised X and y that a network, and partly a linear model, can learn."""
    random = np.random.RandomState(0)
    X = random.normal(size=(n, d))
    y = X[:, 0] + np.sin(2 * X[:, 1]) + 0.1 * random.normal(size=n)
    return X, (y - y.mean()) / y.std()


# ------------------------------------------------------------------------- 1 scale


def as_good_as_standardised(change, kind):
    """R² within 0.01 of the same estimator on standardised data."""
    X, y = data()
    expected = make(kind).fit(X, y).score(X, y)
    X, y = change(X, y)
    score = make(kind).fit(X, y).score(X, y)
    assert score > expected - 0.01, f"R² {score:.3g}, standardised {expected:.3f}"


def finite_or_refused(change, kind):
    """A finite model of extreme values, or a ValueError."""
    X, y = data()
    X = change(X)
    try:
        predicted = make(kind).fit(X, y).predict(X)
    except ValueError:
        return
    assert np.isfinite(predicted).all(), "predicts values that are not finite"


HALF = np.array([1, 1e6, 1, 1e6, 1])
SCALE = {
    "X × 10⁴": lambda X, y: (X * 1e4, y),
    "X × 10⁶": lambda X, y: (X * 1e6, y),
    "X × 10⁻⁶": lambda X, y: (X * 1e-6, y),
    "X + 10⁹": lambda X, y: (X + 1e9, y),
    "some columns × 10⁶": lambda X, y: (X * HALF, y),
    "y × 10⁶": lambda X, y: (X, y * 1e6),
    "y × 10⁻⁶": lambda X, y: (X, y * 1e-6),
    "y + 10⁹": lambda X, y: (X, y + 1e9),
}
LARGEST = np.finfo(np.float32).max
EXTREME = {
    "10¹⁵⁰": lambda X: X * 1e150,
    "10³⁰⁰": lambda X: X * 1e300,
    "10⁻³¹⁰": lambda X: X * 1e-310,
    "the largest float32": lambda X: (X / np.abs(X).max() * LARGEST).astype("f4"),
}


# --------------------------------------------------------------------- 2 bad input


def with_value(array, value, dtype=None):
    """A copy with one other value in the middle."""
    array = array.astype(dtype or array.dtype)
    array.flat[array.size // 2] = value
    return array


def bad_data():
    """Calls that are to fail: a method, X, y and other arguments."""
    X, y = data(30, 3)
    strings = np.full(X.shape, "a")
    dates = np.zeros(X.shape, "M8[s]")
    bad_X = {
        "NaN in X": with_value(X, np.nan),
        "∞ in X": with_value(X, np.inf),
        "-∞ in X": with_value(X, -np.inf),
        "pd.NA in X": pd.DataFrame(with_value(X, pd.NA, object)),
        "None in X": with_value(X, None, object),
        "X of strings": strings,
        "X of dates": dates,
        "X of complex": X + 1j,
        "X a np.matrix": np.asmatrix(X),
        "X of one axis": X[:, 0],
        "X of three axes": X[np.newaxis],
        "X without rows": X[:0],
        "X without columns": X[:, :0],
        "X a number": 1.0,
        "X None": None,
        "X a dict": {"a": 1},
        "X beyond float64": with_value(X, 10**400, object),
    }
    bad_y = {
        "NaN in y": with_value(y, np.nan),
        "∞ in y": with_value(y, np.inf),
        "None in y": with_value(y, None, object),
        "y of strings": np.full(30, "a"),
        "y of dates": dates[:, 0],
        "y of complex": y + 1j,
        "y shorter": y[:-1],
        "y longer": np.append(y, 0),
        "y of three axes": y[:, None, None],
        "y a number": 1.0,
        "y None": None,
    }
    weights = {
        "a negative weight": with_value(np.ones(30), -1),
        "NaN in weights": with_value(np.ones(30), np.nan),
        "∞ in weights": with_value(np.ones(30), np.inf),
        "weights shorter": np.ones(29),
        "weights of two axes": np.ones((30, 2)),
        "weights of strings": np.full(30, "a"),
        "weights of 0": np.zeros(30),
    }
    columns = pd.DataFrame(X, columns=["c", "b", "a"])
    for name, X_bad in bad_X.items():
        yield f"fit: {name}", "fit", (X_bad, y)
        yield f"predict: {name}", "predict", (X_bad,)
    for name, y_bad in bad_y.items():
        yield f"fit: {name}", "fit", (X, y_bad)
    for name, weight in weights.items():
        yield f"fit: {name}", "fit", (X, y, weight)
    for name, X_bad in {"more": np.ones((30, 4)), "fewer": X[:, :2]}.items():
        yield f"partial_fit: {name} columns", "partial_fit", (X_bad, y)
        yield f"predict: {name} columns", "predict", (X_bad,)
    yield "partial_fit: NaN in X", "partial_fit", (bad_X["NaN in X"], y)
    yield "partial_fit: other names", "partial_fit", (columns, y)
    yield "partial_fit: more outputs", "partial_fit", (X, np.column_stack((y, y)))
    yield "predict: other names", "predict", (columns,)


BAD_PARAMETERS = {
    "alpha": [-1, "a", np.nan],
    "max_iter": [0, -1, 2.5, "a"],
    "tol": [-1, "a"],
    "learning_rate": ["a", 1],
    "shuffle": ["a"],
    "random_state": ["a", -1],
    "early_stopping": ["a"],
    "validation_fraction": [1, -1, "a"],
    "n_iter_no_change": [0, 2.5],
    "warm_start": ["a"],
}


def refused(method, arguments, kind, **parameters):
    """A ValueError or TypeError, and a model that predicts what it did before."""
    X, y = data(30, 3)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    named = isinstance(arguments[0], pd.DataFrame) and "a" in arguments[0]
    X = frame if named else X
    model = make(kind).fit(X, y)
    before = model.predict(X)
    model.set_params(**parameters)
    try:
        getattr(model, method)(*arguments)
    except (ValueError, TypeError):
        pass
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    else:
        raise AssertionError("is accepted")
    try:
        kept = np.array_equal(model.predict(X), before)
    except Exception:
        kept = False
    assert kept, "the earlier model is lost"


def bad_input_cases():
    """All kinds of bad input."""
    cases = {name: partial(refused, *call) for name, *call in bad_data()}
    for name, values in BAD_PARAMETERS.items():
        for value in values:
            case = partial(refused, "fit", data(30, 3), **{name: value})
            cases[f"{name}={value!r}"] = case
    return cases


# ------------------------------------------------------------------------ 3 arrays


def unaligned(array):
    """The array at an odd address."""
    moved = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    moved[:] = array.ravel()
    return moved.reshape(array.shape)


def memory_mapped(array):
    """The array in a file, read-only."""
    with tempfile.TemporaryDirectory() as folder:  # an open file outlives its name
        joblib.dump(array, f"{folder}/array")
        return joblib.load(f"{folder}/array", mmap_mode="r")


def read_only(array):
    """The array, not to be written."""
    array.flags.writeable = False
    return array


def reordered(X):
    """The rows with their entries in another order, and each in two parts."""
    odd = scipy.sparse.csr_matrix(X)
    parts = np.repeat(odd.data[::-1] / 2, 2), np.repeat(odd.indices[::-1], 2)
    indptr = 2 * (odd.nnz - odd.indptr[::-1])
    return scipy.sparse.csr_matrix((*parts, indptr), odd.shape)[::-1]


def wide_indices(X):
    """The rows with indices of 64 bits."""
    X = X.copy()
    X.indices, X.indptr = X.indices.astype("i8"), X.indptr.astype("i8")
    return X


def same_as_plain(form, plain, kind):
    """The predictions of the same numbers in a plain array, bit for bit."""
    X, y = plain(np.rint(10 * data()[0])), data()[1]
    expected = make(kind).fit(X, y).predict(X)
    other = form(X.copy())
    assert np.array_equal(make(kind).fit(other, y).predict(other), expected)


def mapped_model_trains_on(kind):
    """A model from a memory map that must not be written predicts and trains on."""
    X, y = data()
    model = make(kind).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(model, f"{folder}/model")
        mapped = joblib.load(f"{folder}/model", mmap_mode="r")
    assert np.array_equal(mapped.predict(X), model.predict(X))
    mapped = mapped.partial_fit(X, y)
    assert np.array_equal(mapped.predict(X), model.partial_fit(X, y).predict(X))


FORMS = {
    "read-only": read_only,
    "memory map": memory_mapped,
    "Fortran order": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "negative strides": lambda X: X[::-1].copy()[::-1],
    "unaligned": unaligned,
    "big-endian": lambda X: X.astype(">f8"),
    "float16": lambda X: X.astype("f2"),
    "long double": lambda X: X.astype("g"),
    "integers": lambda X: X.astype(int),
    "lists": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
    "pandas": pd.DataFrame,
    "pandas, nullable": lambda X: pd.DataFrame(X).astype("Float64"),
}
SPARSE = {
    "CSC": scipy.sparse.csc_matrix,
    "COO": scipy.sparse.coo_matrix,
    "CSR, 64-bit indices": wide_indices,
    "CSR, unsorted and repeated entries": reordered,
}
ARRAYS = {
    **{name: partial(same_as_plain, form, np.asarray) for name, form in FORMS.items()},
    **{
        name: partial(same_as_plain, form, scipy.sparse.csr_matrix)
        for name, form in SPARSE.items()
    },
    "a model in a memory map": mapped_model_trains_on,
}

# -------------------------------------------------------------------- 4 interrupts


def interrupt(call, seconds):
    """Send Ctrl-C during the call: how long it went on, and whether it raised."""
    sent = []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, send)
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        raised = True
    else:
        raised = False
    end = time.perf_counter()
    assert sent, "was over before it was interrupted"
    return end - sent[0], raised


def long_fit(kind, n, d=5):
    """An estimator whose fit takes about LONG seconds, and its data."""
    X, y = data(n, d)
    model, epochs, took = make(kind, tol=0.0, n_iter_no_change=10**9), 1, 0
    while took < LONG / 8:
        epochs *= 2
        start = time.perf_counter()
        clone(model).set_params(max_iter=epochs).fit(X, y)
        took = time.perf_counter() - start
    return model.set_params(max_iter=int(epochs * LONG / took)), X, y


def ends_at_once(call, seconds):
    """Whether Ctrl-C ends the call within 0.1 s; how long it takes."""
    took, _ = interrupt(call, seconds)
    assert took < 0.1, f"{1000 * took:.0f} ms"
    return f"{1000 * took:.0f} ms"


def fit_ends_at_once(kind):
    """One fit of many epochs."""
    model, X, y = long_fit(kind, 100_000, 20)
    return ends_at_once(partial(model.fit, X, y), LONG / 4)


def one_call_ends_at_once(kind):
    """One partial_fit over ROWS rows, at three fifths of its time."""
    X, y = np.broadcast_to([1.0, 2.0], (ROWS, 2)), np.ones(ROWS)
    model = with_step(kind, 1e-6)
    start = time.perf_counter()
    clone(model).partial_fit(X, y)
    whole = time.perf_counter() - start
    return ends_at_once(partial(model.partial_fit, X, y), 0.6 * whole)


def interrupt_propagates(kind):
    """KeyboardInterrupt comes out of fit."""
    model, X, y = long_fit(kind, 10_000)
    _, raised = interrupt(partial(model.fit, X, y), LONG / 4)
    assert raised, "KeyboardInterrupt is swallowed"


def interrupted_model_is_usable(kind):
    """The model of the epochs so far predicts and trains on."""
    model, X, y = long_fit(kind, 10_000)
    took, _ = interrupt(partial(model.fit, X, y), LONG / 4)
    assert took < LONG / 4, "the fit went on to its end"
    assert model.partial_fit(X, y).score(X, y) > 0.5


def grid_search_stops(kind):
    """A search in whose first fit Ctrl-C comes does not rank its candidates."""
    model, X, y = long_fit(kind, 10_000)
    candidates = {"max_iter": [model.max_iter, 2]}
    split = [(np.arange(9000), np.arange(9000, 10_000))]
    search = GridSearchCV(model, candidates, cv=split, refit=False)
    interrupt(partial(search.fit, X, y), LONG / 4)
    assert not hasattr(search, "best_params_"), "it ranks what was cut short"


# -------------------------------------------------------------------- 5 divergence


def never_silent(eta, kind):
    """A model better than the mean, an error, or a warning."""
    X, y = data()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            score = with_step(kind, eta).fit(X, y).score(X, y)
        except ValueError:
            return
    told = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    assert score > 0 or told, f"R² {score:.3g} without a word"
    assert np.isfinite(score), "not finite"


def search_survives(kind):
    """GridSearchCV picks the good step."""
    X, y = data()
    name = "eta0" if kind is SGDRegressor else "learning_rate_init"
    search = GridSearchCV(with_step(kind, 0.01), {name: [0.01, 1e300]})
    assert search.fit(X, y).best_params_[name] == 0.01


def poison_is_refused(where, row, kind):
    """partial_fit raises, and leaves the model bit for bit."""
    X, y = data()
    model = make(kind).partial_fit(X, y)
    before = model.predict(X)
    bad = {"X": X.copy(), "y": y.copy()}
    bad[where][row] = 1e200
    try:
        model.partial_fit(bad["X"], bad["y"])
    except ValueError:
        assert np.array_equal(model.predict(X), before), "the model has changed"
    else:
        raise AssertionError("is accepted")


# -------------------------------------------------------------------------- 6 bits

HASH = """
import sys, warnings
sys.path.insert(0, {folder!r})
warnings.simplefilter("ignore")
from reliability_cases import ESTIMATORS, hash_of
print(hash_of(ESTIMATORS[{name!r}]))
"""


def hash_of(kind, rows=slice(None)):
    """Hash of what a model predicts."""
    X, y = data(2000, 30)
    model = make(kind, max_iter=20).fit(X[rows], y[rows])
    return hashlib.sha256(model.predict(X).tobytes()).hexdigest()


def same_bits(environments, kind):
    """The hash is one in every environment."""
    program = HASH.format(folder=os.path.dirname(__file__), name=kind.__name__)
    hashes = {
        subprocess.run(
            [sys.executable, "-P", "-c", program],  # not the source folder
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        ).stdout
        for environment in environments
    }
    assert len(hashes) == 1, f"{len(hashes)} results"


def same_bits_permuted(kind):
    """The hash does not depend on the order of the rows."""
    assert hash_of(kind) == hash_of(kind, np.random.RandomState(0).permutation(2000))


BLAS = [{"OPENBLAS_CORETYPE": name} for name in ("Prescott", "Nehalem", "Haswell")]
umath = (np._core if hasattr(np, "_core") else np.core)._multiarray_umath
NUMPY_FEATURES = " ".join(
    name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]
)
NUMPY = [{}, {"NPY_DISABLE_CPU_FEATURES": NUMPY_FEATURES}]
THREADS = [{"OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n} for n in "12"]


# ------------------------------------------------------------------- 7 concurrency


def threads_speed_up(kind):
    """Clones in eight threads: the bits of one after the other, in less time."""
    X, y = data(20_000, 20)
    models = [make(kind, max_iter=10).set_params(tol=0.0) for _ in range(8)]

    def fit(model):
        return clone(model).fit(X, y).predict(X[:100])

    fit(models[0])
    start = time.perf_counter()
    alone = list(map(fit, models))
    middle = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fit, models))
    ratio = (middle - start) / (time.perf_counter() - middle)
    assert np.array_equal(alone, together), "other bits"
    n_cores = len(os.sched_getaffinity(0))
    figure = f"{ratio:.2f} times as fast on {n_cores} cores"
    assert ratio > 0.75 * min(n_cores, 8), figure
    return figure


# ------------------------------------------------------------------------ 8 memory


def peak_beyond(call):
    """Bytes at the peak of the call, beyond those before."""

    def read(field):
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field))

    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak begins anew
    before = read("VmRSS")
    call()
    return 1024 * (read("VmHWM") - before)


def takes_little_memory(method, order, dtype, share, kind):
    """Fit one epoch, or predict, on 10⁶ rows of 50 columns."""
    X = np.empty((1_000_000, 50), dtype, order=order)
    random = np.random.default_rng(0)
    for part in np.split(X, 100):  # views, that are filled
        part[:] = random.standard_normal(part.shape, dtype)
    y = X[:, 0].astype(dtype)
    model = make(kind, max_iter=1).fit(X[:1000], y[:1000])
    call = partial(model.fit, X, y) if method == "fit" else partial(model.predict, X)
    ratio = peak_beyond(call) / X.nbytes
    assert ratio < share, f"{100 * ratio:.1f} %"
    return f"{100 * ratio:.1f} %"


# ------------------------------------------------------------------ 10 persistence


def through_joblib(model):
    """Dump and load."""
    buffer = BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def comes_back(way, kind):
    """The same predictions, and the same bits after training on."""
    X, y = data()
    model = make(kind).fit(X, y)
    back = way(model)
    assert np.array_equal(back.predict(X), model.predict(X))
    again = back.partial_fit(X, y).predict(X)
    assert np.array_equal(again, model.partial_fit(X, y).predict(X))


def used(model, method, X, y):
    """What a model predicts, after partial_fit if that is the method."""
    return (model.partial_fit(X, y) if method == "partial_fit" else model).predict(X)


def damage_is_noticed(method, damage, kind):
    """A ValueError for every array of a saved model whose damage does harm."""
    X, y = data()
    model, accepted = make(kind).fit(X, y), []
    state = model.__getstate__()
    expected = used(copy.deepcopy(model), method, X, y)
    for name, value in state.items():
        listed = isinstance(value, list) and isinstance(value[0], np.ndarray)
        if not listed and not isinstance(value, np.ndarray):
            continue
        other = [damage(value[0]), *value[1:]] if listed else damage(value)
        loaded = kind()
        try:
            loaded.__setstate__(copy.deepcopy({**state, name: other}))
            harmless = np.array_equal(used(loaded, method, X, y), expected)
        except ValueError:
            continue
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}") from error
        if not harmless:
            accepted.append(name)
    assert not accepted, f"accepts {', '.join(accepted)}"


DAMAGE = {
    "cut short": lambda array: array.ravel()[:-1].copy(),
    "NaN": lambda array: np.full_like(array, np.nan, float),
    "integers": lambda array: array.astype(int),
}
WAYS = {
    **{
        f"pickle {p}": lambda m, p=p: pickle.loads(pickle.dumps(m, p))
        for p in range(2, 6)
    },
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
}

CASES = {
    "1 scale": {
        **{name: partial(as_good_as_standardised, f) for name, f in SCALE.items()},
        **{
            f"X at {name}": partial(finite_or_refused, x) for name, x in EXTREME.items()
        },
    },
    "2 bad input": bad_input_cases(),
    "3 arrays": ARRAYS,
    "4 interrupts": {
        "fit ends within 0.1 s": fit_ends_at_once,
        f"one call over {ROWS:.0e} rows does": one_call_ends_at_once,
        "KeyboardInterrupt propagates": interrupt_propagates,
        "the model is usable": interrupted_model_is_usable,
        "a grid search stops": grid_search_stops,
    },
    "5 divergence": {
        **{f"η = {eta:g}": partial(never_silent, eta) for eta in (10, 1e3, 1e6, 1e300)},
        "a grid search survives": search_survives,
        **{
            f"10²⁰⁰ in {where}, row {row}": partial(poison_is_refused, where, row)
            for where in "Xy"
            for row in (0, 250, 499)
        },
    },
    "6 the same bits": {
        "with other BLAS kernels": partial(same_bits, BLAS),
        "with other NumPy kernels": partial(same_bits, NUMPY),
        "with 1 and 2 threads": partial(same_bits, THREADS),
        "with permuted rows": same_bits_permuted,
    },
    "7 concurrency": {"eight threads": threads_speed_up},
    "8 memory": {
        "fit": partial(takes_little_memory, "fit", "C", "f8", 0.1),
        "fit, columns": partial(takes_little_memory, "fit", "F", "f8", 0.1),
        "fit, float32": partial(takes_little_memory, "fit", "C", "f4", 0.1),
        "predict": partial(takes_little_memory, "predict", "C", "f8", 0.05),
    },
    "10 persistence": {
        **{name: partial(comes_back, way) for name, way in WAYS.items()},
        **{
            f"arrays of {name}: {method}": partial(damage_is_noticed, method, damage)
            for name, damage in DAMAGE.items()
            for method in ("predict", "partial_fit")
        },
    },
}
