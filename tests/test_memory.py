"""Failed allocations, and memory that is freed.

The kernel allocates nothing itself: all of its arrays are NumPy's. So an allocator for
NumPy that fails on demand reaches every allocation.
"""

import ctypes
import gc
import itertools
import pickle
import statistics
import sys
from contextlib import contextmanager
from ctypes import PYFUNCTYPE, c_size_t, c_void_p
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from models import assert_unchanged, fit_quietly, state

from sklearn_backprop import BackpropRegressor, _kernel

# in NumPy 1 it has another name
multiarray = (np._core if hasattr(np, "_core") else np.core)._multiarray_umath


class Handler(ctypes.Structure):
    """PyDataMem_Handler of NumPy's C API."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", c_void_p),
        ("malloc", PYFUNCTYPE(c_void_p, c_void_p, c_size_t)),
        ("calloc", PYFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)),
        ("realloc", PYFUNCTYPE(c_void_p, c_void_p, c_void_p, c_size_t)),
        ("free", c_void_p),
    )


def capsule_pointer(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return get(capsule, name)


class Allocations:
    """What NumPy's allocator is asked for while `watched`; one of them may fail.

    Memory is that of NumPy's own allocator, which also frees it: Python must not run
    while an exception that is on its way frees arrays.
    """

    def __init__(self):
        pointer = capsule_pointer(multiarray._ARRAY_API, None)
        api = ctypes.cast(pointer, ctypes.POINTER(c_void_p))
        self._set = PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(api[304])
        self._usual = PYFUNCTYPE(ctypes.py_object)(api[305])()
        usual = Handler.from_address(capsule_pointer(self._usual, b"mem_handler"))
        self._handler = Handler(
            b"failing",
            1,
            usual.context,
            *(self._counted(getattr(usual, name)) for name in ("malloc", "calloc")),
            self._counted(usual.realloc),
            usual.free,
        )
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, (c_void_p, c_void_p, c_void_p)
        self._name = ctypes.create_string_buffer(b"mem_handler")
        self._capsule = new(
            ctypes.addressof(self._handler), ctypes.addressof(self._name), None
        )

    def _counted(self, allocate):
        def count(*arguments):
            self.seen += 1
            return None if self.seen == self.failing else allocate(*arguments)

        return type(allocate)(count)

    @contextmanager
    def watched(self, failing=None):
        """Count from 1, and fail at this number."""
        self.seen, self.failing = 0, failing
        self._set(self._capsule)
        try:
            yield
        finally:
            self._set(self._usual)


@pytest.fixture(scope="module")
def allocations():
    return Allocations()


def regressor(**parameters):
    parameters = {"random_state": 0, "max_iter": 2, **parameters}
    return BackpropRegressor(8, **parameters)


RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(60, 4)) * (RANDOM.uniform(size=(60, 4)) < 0.5)
Y = X[:, 0] + RANDOM.normal(size=60)
WEIGHT = np.resize([0.5, 1.0, 2.0], 60)


def trained(**parameters):
    return fit_quietly(regressor(**parameters), X, Y)


# A model, and a call on it
CALLS = {
    "fit": (trained, lambda m: m.fit(X, Y)),
    "first fit": (regressor, lambda m: m.fit(X, Y)),
    "sparse fit": (trained, lambda m: m.fit(scipy.sparse.csr_array(X), Y)),
    "float32 columns": (trained, lambda m: m.fit(np.asfortranarray(X, np.float32), Y)),
    "weights": (trained, lambda m: m.fit(X, Y, WEIGHT)),
    "batches": (
        lambda: trained(batch_size=8, momentum=0.5, alpha=0.01),
        lambda m: m.fit(X, np.column_stack((Y, -Y))),
    ),
    "early stopping": (
        lambda: trained(early_stopping=True),
        lambda m: m.fit(X, Y, WEIGHT),
    ),
    "warm start": (lambda: trained(warm_start=True), lambda m: m.fit(X, Y)),
    "first partial_fit": (regressor, lambda m: m.partial_fit(X, Y)),
    "partial_fit": (trained, lambda m: m.partial_fit(X, Y)),
    "sparse partial_fit": (
        lambda: trained(batch_size=8),
        lambda m: m.partial_fit(scipy.sparse.csr_array(X), Y),
    ),
    "partial_fit with momentum": (
        lambda: trained(momentum=0.5),
        lambda m: m.partial_fit(X, Y),
    ),
    "predict": (trained, lambda m: m.predict(X)),
    "sparse predict": (trained, lambda m: m.predict(scipy.sparse.csr_array(X))),
    "coefs_": (trained, lambda m: m.coefs_),
    "intercepts_": (trained, lambda m: m.intercepts_),
    "pickle and back": (
        lambda: trained(momentum=0.5),
        lambda m: pickle.loads(pickle.dumps(m)),
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CALLS)
def test_every_array_that_cannot_be_had_is_a_memory_error(allocations, case):
    make, call = CALLS[case]
    model, expected, other = make(), make(), make()
    call(expected)
    with allocations.watched():
        call(other)
    before, count = state(model), allocations.seen
    assert count >= 2
    for number in range(1, count + 1):
        with pytest.raises(MemoryError), allocations.watched(failing=number):
            call(model)
        assert_unchanged(model, before)
    call(model)
    assert_unchanged(model, state(expected))


def kernel_calls():
    """Calls of every entry point of the kernel."""
    shape, W, v = (4, 8, 1), np.ones((5, 8)), np.ones((1, 9))
    weights, zeros, ones = _kernel.pack(W, v), np.zeros(4), np.ones(4)
    order, fraction = np.arange(60, dtype=np.int64), np.full(60, 0.5)
    y = Y.reshape(-1, 1)
    for form in (X, scipy.sparse.csr_array(X)):
        standardized = _kernel.Samples(form, mean=zeros, scale=ones)
        ordered = _kernel.Samples(form, order=order, fraction=fraction)

        def train(form=form):
            samples = _kernel.Samples(form, y, zeros, ones, order, fraction)
            training = _kernel.Trainer(shape, samples, batch_size=8)
            training.shuffle(0, 0)
            training.epoch(weights, None, 0.01)

        yield train
        yield partial(_kernel.predict, weights, shape, standardized)
        yield partial(_kernel.measure, ordered)
        yield partial(_kernel.first_beyond, standardized)
        yield partial(_kernel.hash_rows, _kernel.Samples(form, y), 0)
    yield partial(_kernel.pack, W, v)
    yield partial(_kernel.unpack, weights, shape)
    yield partial(_kernel.sort_rows, np.arange(60, dtype=np.uint64), order)


@pytest.mark.serial  # other threads of the process could not have the object either
@pytest.mark.parametrize("call", [*kernel_calls()])
def test_every_object_that_cannot_be_had_is_a_memory_error(call):
    # Not arrays but Python's objects around them: all that the boundary makes.
    testcapi = pytest.importorskip("_testcapi")
    call()
    gc.collect()
    gc.disable()  # or what others have it call would miss the object
    try:
        for number in range(1000):
            try:
                testcapi.set_nomemory(number, number + 1)
                call()
            except MemoryError:
                continue
            finally:
                testcapi.remove_mem_hooks()
            break
    finally:
        gc.enable()
    assert 1 <= number < 999


# A type remembers where it found attributes, and so keeps strings of their names.
forget_attributes = (
    sys._clear_internal_caches if sys.version_info >= (3, 13) else sys._clear_type_cache
)


def objects_left_by(call, times=20):
    """Python objects, and so arrays, that a row of so many calls leaves behind.

    It is the median of three rows, for there are other caches, which come and go.
    """
    if sys.getallocatedblocks() == 0:
        pytest.skip("Python counts nothing with PYTHONMALLOC=malloc")
    counts = []
    gc.freeze()  # what is there already need not be looked through each time
    try:
        for _ in range(4):  # the first row fills caches
            for _ in range(times):
                call()
            forget_attributes()
            gc.collect()
            counts.append(sys.getallocatedblocks())
    finally:
        gc.unfreeze()
    return statistics.median(np.diff(counts))


FEW = 5  # where 20 calls would leave 20 at least


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CALLS)
def test_calls_leave_nothing_behind(case):
    make, call = CALLS[case]
    model = make().set_params(max_iter=1)

    before = vars(model).copy()

    def call_and_go_back():
        call(model)
        vars(model).clear()  # curves grow with every epoch
        vars(model).update(before)

    assert objects_left_by(call_and_go_back) < FEW


def test_an_object_a_call_would_be_noticed():
    kept = []
    assert objects_left_by(lambda: kept.append(object())) >= 20


@pytest.mark.parametrize(
    ("parameters", "call"),
    [
        ({"learning_rate_init": 1e9}, lambda m: m.fit(X, Y)),
        ({}, lambda m: m.fit(X * np.nan, Y)),
        ({}, lambda m: m.partial_fit(X * 1e200, Y)),
        ({}, lambda m: m.predict(X[:, :2])),
    ],
    ids=["diverging", "NaN", "huge", "features"],
)
def test_failing_calls_leave_nothing_behind(parameters, call):
    model = trained().set_params(**parameters)

    def fail():
        with pytest.raises(ValueError):  # noqa: PT011 (test_failures.py has messages)
            call(model)

    assert objects_left_by(fail) < FEW


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fits_without_memory_leave_nothing_behind(allocations):
    model, numbers = trained(), itertools.cycle(range(1, 100))

    def fail():
        with pytest.raises(MemoryError), allocations.watched(failing=next(numbers)):
            model.fit(X, Y)

    assert objects_left_by(fail, times=99) < FEW
