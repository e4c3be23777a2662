"""The boundary of the kernel rejects arguments that would lead outside an array."""

import contextlib
import threading

import numpy as np
import pytest
import scipy.sparse
from numpy.lib.stride_tricks import as_strided

from sklearn_backprop import _kernel

N, D, H, K = 20, 3, 5, 2
SHAPE = D, H, K
RANDOM = np.random.RandomState(0)
X, Y = RANDOM.normal(size=(N, D)), RANDOM.normal(size=(N, K))
GIVEN = {
    "X": X,
    "y": Y,
    "mean": np.zeros(D),
    "scale": np.ones(D),
    "order": np.arange(N),
}
WEIGHTS = _kernel.pack(RANDOM.normal(size=(D + 1, H)), RANDOM.normal(size=(K, H + 1)))


def samples(**changes):
    """Samples to train on, of which some arrays are others, or None."""
    return _kernel.Samples(**{**GIVEN, **changes})


def training(*, settings=None, **changes):
    return _kernel.Trainer(SHAPE, samples(**changes), **(settings or {}))


UNITS = {"mean", "scale"}
FUNCTIONS = {  # and what each needs beside X
    "Trainer": (lambda given: _kernel.Trainer(SHAPE, given), GIVEN.keys() - {"X"}),
    "predict": (lambda given: _kernel.predict(WEIGHTS, SHAPE, given), UNITS),
    "measure": (_kernel.measure, {"order"}),
    "first_beyond": (_kernel.first_beyond, UNITS),
    "hash_rows": (lambda given: _kernel.hash_rows(given, 0), {"y"}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_needs_some_arrays_and_no_others(name):
    function, needed = FUNCTIONS[name]
    for lacking in needed:
        given = samples(**dict.fromkeys(UNITS if lacking in UNITS else [lacking]))
        with pytest.raises(ValueError, match=f"The samples lack.* {lacking}"):
            function(given)
    function(samples(**dict.fromkeys(GIVEN.keys() - needed - {"X"})))
    for other in (None, X):
        with pytest.raises(TypeError, match="samples"):
            function(other)


@pytest.mark.parametrize("name", ["first_beyond", "hash_rows"])
def test_all_rows_are_used_where_the_order_has_no_say(name):
    # and never more of the order than there is
    function, _ = FUNCTIONS[name]
    short = samples(order=np.array([N - 1]), fraction=np.full(N, 0.5))
    assert np.array_equal(function(short), function(samples()))


@pytest.mark.parametrize(
    "form", [np.asarray, np.asfortranarray, scipy.sparse.csr_array]
)
@pytest.mark.parametrize("of_fractions", [False, True])
def test_predict_follows_the_order(form, of_fractions):
    rows = np.array([N - 1, 0, 2, 2, 1])
    chosen = {"order": rows}
    if of_fractions:
        chosen = {"order": 2 * rows + 1, "fraction": np.full(N, 0.5)}
    predict, _ = FUNCTIONS["predict"]
    everything = predict(samples(X=form(X)))
    assert np.array_equal(predict(samples(X=form(X), **chosen)), everything[rows])


def test_an_epoch_ends_when_another_thread_asks():
    stop = threading.Event()
    trainer = _kernel.Trainer(SHAPE, samples(), stop=stop)
    trainer.epoch(WEIGHTS, None, 0.01)
    stop.set()
    with pytest.raises(InterruptedError):
        trainer.epoch(WEIGHTS, None, 0.01)


@pytest.mark.parametrize("batch_size", [0, -1, -(2**40)])
def test_a_batch_has_a_sample(batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        training(settings={"batch_size": batch_size})


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_momentum_decides_whether_there_is_a_velocity(form):
    # not what is passed: memory and code for sparse rows depend on it
    velocity = np.full_like(WEIGHTS, 1e3)
    plain = training(X=form(X))
    weights, none, *_ = plain.epoch(WEIGHTS, velocity, 0.01)
    assert none is None
    assert np.array_equal(weights, plain.epoch(WEIGHTS, None, 0.01)[0])

    moving = training(X=form(X), settings={"momentum": 0.5})
    first = moving.epoch(WEIGHTS, None, 0.01)
    same = moving.epoch(WEIGHTS, np.zeros_like(WEIGHTS), 0.01)
    assert all(map(np.array_equal, first, same))
    assert first[1].any()


def test_no_epoch_uses_the_velocity_of_the_one_before():
    # Each call has its own: one that is gone must not be written to.
    moving = training(settings={"momentum": 0.5})
    _, velocity, *_ = moving.epoch(WEIGHTS, None, 0.01)
    before = velocity.copy()
    moving.epoch(WEIGHTS, None, 0.01)
    assert np.array_equal(velocity, before)


def test_a_shuffle_changes_no_samples():
    given = samples()
    shuffled, plain = (_kernel.Trainer(SHAPE, given) for _ in range(2))
    expected = plain.epoch(WEIGHTS, None, 0.01)[0]
    shuffled.shuffle(1, 2)
    assert not np.array_equal(shuffled.epoch(WEIGHTS, None, 0.01)[0], expected)
    assert np.array_equal(plain.epoch(WEIGHTS, None, 0.01)[0], expected)
    assert np.array_equal(GIVEN["order"], np.arange(N))


def test_samples_stay_as_they_were_made():
    # Pointers into what they hold are in use.
    given = samples()
    expected = _kernel.hash_rows(given, 0)
    given.__init__(X[:1].copy())
    assert np.array_equal(_kernel.hash_rows(given, 0), expected)


@pytest.mark.parametrize(
    "dtype", [np.int32, np.uint32, np.uint64, np.uint8, np.float64, ">i8"]
)
def test_row_numbers_are_of_one_type(dtype):
    rows = GIVEN["order"].astype(dtype)
    calls = [
        lambda: samples(order=rows),
        lambda: _kernel.shuffle(rows, 0, 0),
        lambda: _kernel.sort_rows(np.zeros(N, np.uint64), rows),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="order"):
            call()


def test_arrays_of_rows_are_as_long_as_there_are_rows():
    keys, order = np.zeros(N, np.uint64), GIVEN["order"]
    calls = [
        lambda: training(y=Y[:-1]),
        lambda: training(y=np.hstack((Y, Y))),
        lambda: samples(fraction=np.ones(N - 1)),
        lambda: _kernel.hash_rows(samples(y=Y[:-1]), 0),
        lambda: _kernel.sort_rows(keys[1:], order.copy()),
        lambda: _kernel.sort_rows(keys, order[1:].copy()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"Expected \d+ contiguous items"):
            call()


OF_NO_USE = [
    *(0, 1.5, "order", object(), len, [1.0] * N, [[1.0], [2.0, 3.0]], {}),
    *(np.float64(1), np.array(1.0), np.zeros(0), np.zeros(N + D), np.zeros((1, 2, 3))),
    *(np.zeros((N, D), object), np.zeros((N, D), "U99"), np.zeros((N, D), "V0")),
    *(np.zeros((N, D), ">f8"), np.zeros((N, D), np.longdouble)),
    *(np.zeros((N, D), int), memoryview(X), scipy.sparse.csc_array(X)),
]


@pytest.mark.parametrize("wrong", OF_NO_USE, ids=lambda wrong: type(wrong).__name__)
@pytest.mark.parametrize("name", ["X", "mean", "scale", "fraction"])
def test_arrays_of_no_use_are_refused(name, wrong):
    with pytest.raises(ValueError, match=name if name != "X" else "X|dtype"):
        samples(**{name: wrong})


@pytest.mark.parametrize("wrong", OF_NO_USE, ids=lambda wrong: type(wrong).__name__)
@pytest.mark.parametrize("name", ["Trainer", "hash_rows"])
def test_targets_of_no_use_are_refused(name, wrong):
    function, given = FUNCTIONS[name][0], samples(y=wrong)
    with pytest.raises(ValueError, match=r" y |inhomogeneous"):
        function(given)


def test_targets_have_the_type_that_their_use_takes():
    single = np.float32
    given = samples(X=X.astype(single), y=Y.astype(single))
    with pytest.raises(ValueError, match="dtype float64"):
        _kernel.hash_rows(given, 0)
    _kernel.Trainer(SHAPE, given)
    given = samples(X=X.astype(single))
    with pytest.raises(ValueError, match="dtype float32"):
        _kernel.Trainer(SHAPE, given)
    _kernel.hash_rows(given, 0)


@pytest.mark.parametrize("name", ["y", "mean", "scale", "order", "fraction"])
def test_arrays_are_contiguous(name):
    array = {**GIVEN, "fraction": np.ones(N)}[name]
    with pytest.raises(ValueError, match=r"Expected \d+ contiguous items"):
        training(**{name: np.repeat(array, 2, axis=0)[::2]})


def test_items_of_rows_are_aligned():
    odd = np.zeros(8 * N * D + 1, np.uint8)[1:].view(np.float64).reshape(N, D)
    apart = np.zeros(N * D, [("x", np.float64), ("rest", np.int32)])["x"].reshape(N, D)
    for array in (odd, apart, apart[::-1]):
        with pytest.raises(ValueError, match="aligned"):
            samples(X=array)


def test_rows_have_columns_and_need_not_be():
    for array in (np.zeros((N, 0)), scipy.sparse.csr_array((N, 0))):
        with pytest.raises(ValueError, match="shape"):
            _kernel.Samples(array)
    for form in (np.asarray, scipy.sparse.csr_array):
        none = samples(
            X=form(X[:0]), y=Y[:0], order=GIVEN["order"][:0], fraction=np.ones(0)
        )
        assert _kernel.predict(WEIGHTS, SHAPE, none).shape == (0, K)
        assert _kernel.hash_rows(none, 0).shape == (0,)
        assert _kernel.first_beyond(none) == 0
        weights, _, loss, finite = _kernel.Trainer(SHAPE, none).epoch(
            WEIGHTS, None, 0.1
        )
        assert np.array_equal(weights, WEIGHTS)
        assert (loss, finite) == (0, True)


def test_no_size_overflows():
    # 2^60 rows of 16 targets each are 0 targets, modulo 2^64
    X = as_strided(np.zeros(1, np.float32), (2**60, 1), (0, 0))
    given = _kernel.Samples(
        X, np.zeros((0, 16), np.float32), np.zeros(1), np.ones(1), GIVEN["order"]
    )
    with pytest.raises(ValueError, match=f"Expected {2**64} contiguous items"):
        _kernel.Trainer((1, H, 16), given)


@pytest.mark.parametrize("dtype", ["U99", "V0", "i8", object])
def test_weights_are_floating_point_numbers(dtype):
    # a tile holds none of the first and any number of the second
    with pytest.raises(ValueError, match="dtype"):
        _kernel.unpack(np.zeros(len(WEIGHTS), dtype), SHAPE)
    with pytest.raises(ValueError, match="dtype"):
        _kernel.pack(np.zeros((D + 1, H), dtype), np.zeros((K, H + 1), dtype))


@pytest.mark.parametrize("field", ["indices", "indptr", "data"])
@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a.astype("i1")])
def test_arrays_of_csr_belong_together(field, change):
    rows = scipy.sparse.csr_array(X)
    setattr(rows, field, change(getattr(rows, field)))
    with pytest.raises(ValueError, match="Expected"):
        samples(X=rows)


@pytest.mark.parametrize("end", [N * D + 1, -1])
def test_the_last_row_of_csr_ends_within_the_entries(end):
    rows = scipy.sparse.csr_array(X)
    rows.indptr[-1] = end
    with pytest.raises(ValueError, match=f"X has {N * D} of {end} entries"):
        samples(X=rows)


def test_a_trainer_is_made_once():
    # Another shape with the memory of the first would write beyond it.
    trainer = _kernel.Trainer(SHAPE, samples())
    weights, _, loss, _ = trainer.epoch(WEIGHTS, None, 0.01)
    for shape in (SHAPE, (SHAPE[0] + 3, *SHAPE[1:]), (SHAPE[0], SHAPE[1] + 40, 1)):
        with contextlib.suppress(TypeError, ValueError):
            trainer.__init__(shape, samples())
        again, _, loss_again, _ = trainer.epoch(WEIGHTS, None, 0.01)
        assert np.array_equal(again, weights)
        assert loss_again == loss
