"""Threads and processes: any number of them gives the same bits as one."""

import os
import pickle
import subprocess
import sys
import sysconfig
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, same_bits
from sklearn.base import clone

from sklearn_backprop import BackpropRegressor, _kernel
from sklearn_backprop._kernel import _boundary

THREADS = 8

KINDS = {
    "plain": {},
    "batches with momentum": {"batch_size": 5, "momentum": 0.5, "alpha": 1e-3},
    "early stopping": {"early_stopping": True},
    "sparse": {},
}


def data_of(kind, random):
    X = random.normal(size=(400, 20))
    y = np.column_stack([X[:, 0] ** 2, X[:, 1] * X[:, 2]])
    return scipy.sparse.csr_array(X * (X > 1)) if kind == "sparse" else X, y


def at_once(function, arguments):
    """function of each argument, all begun together, each in a thread of its own."""
    gate = threading.Barrier(len(arguments))

    def run(argument):
        gate.wait()
        return function(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


@pytest.mark.parametrize("kind", KINDS)
def test_clones_fitted_by_eight_threads_equal_those_of_one(random, kind):
    X, y = data_of(kind, random)
    model = BackpropRegressor(30, learning_rate="linear", max_iter=20, **KINDS[kind])
    seeds = range(THREADS)
    alone = [clone(model).set_params(random_state=s).fit(X, y) for s in seeds]
    together = at_once(
        lambda s: clone(model).set_params(random_state=s).fit(X, y), seeds
    )
    assert all(map(same_bits, together, alone))
    assert [m.loss_curve_ for m in together] == [m.loss_curve_ for m in alone]
    assert not same_bits(*alone[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_share_a_model_predict_as_one_does(random, kind):
    X, y = data_of(kind, random)
    model = fit_quietly(BackpropRegressor(30, max_iter=5, **KINDS[kind]), X, y)
    before, y_pred = vars(model).copy(), model.predict(X)

    def use(i):
        results = [model.predict(X[: 40 * (i + 1)]) for _ in range(20)]
        return results, model.coefs_, pickle.loads(pickle.dumps(model)).predict(X)

    for i, (results, coefs, copied) in enumerate(at_once(use, range(THREADS))):
        assert all(np.array_equal(result, y_pred[: len(result)]) for result in results)
        assert len(results[0]) == 40 * (i + 1)
        assert all(map(np.array_equal, coefs, model.coefs_))
        assert np.array_equal(copied, y_pred)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


def test_one_thread_predicts_while_another_trains_a_copy(random):
    X, y = data_of("plain", random)
    model = BackpropRegressor(30, random_state=0).partial_fit(X, y)
    y_pred, expected = model.predict(X), clone(model)
    for _ in range(20):
        expected.partial_fit(X, y)

    def use(trains):
        if not trains:
            return [model.predict(X) for _ in range(50)]
        copy = clone(model)
        for _ in range(20):
            copy.partial_fit(X, y)
        return copy

    trained, results = at_once(use, [True, False])
    assert same_bits(trained, expected)
    assert all(np.array_equal(result, y_pred) for result in results)


@pytest.mark.serial
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_predicts_and_trains_on(random):
    X, y = data_of("plain", random)
    model = BackpropRegressor(30, random_state=0)
    for _ in range(5):  # also in threads, whose locks a fork might leave closed
        at_once(lambda m: m.partial_fit(X, y), [model, clone(model)])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # only what _exit ends is not run twice
        try:
            os.close(reader)
            y_pred = model.predict(X)
            saved = pickle.dumps((y_pred, model.partial_fit(X, y)))
            with os.fdopen(writer, "wb") as file:
                file.write(saved)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        saved = file.read()
    assert os.waitpid(child, 0)[1] == 0
    y_pred, trained_on = pickle.loads(saved)
    assert np.array_equal(y_pred, model.predict(X))
    assert same_bits(trained_on, model.partial_fit(X, y))


def test_threads_train_on_the_same_samples(random):
    # Each Trainer shuffles an order of its own.
    X, y = data_of("plain", random)
    samples = _kernel.Samples(X, y, np.zeros(20), np.ones(20), np.arange(400))
    start = _kernel.pack(random.normal(size=(21, 30)), random.normal(size=(2, 31)))

    def train(seed):
        weights, training = start, _kernel.Trainer((20, 30, 2), samples)
        for epoch in range(20):
            training.shuffle(seed, epoch)
            weights, *_ = training.epoch(weights, None, 1e-3)
        return weights

    alone = [train(seed) for seed in range(THREADS)]
    assert all(map(np.array_equal, at_once(train, range(THREADS)), alone))
    assert not np.array_equal(*alone[:2])


def calls_of_the_kernel():
    """One call each of a whole chunk: Python hears nothing from begin to end."""
    d, H = 20, 200
    n = _kernel.chunk_length(d, H)
    X, y = np.broadcast_to(np.ones(d), (n, d)), np.zeros((n, 1))
    order, zeros, ones = np.arange(n, dtype=np.int64), np.zeros(d), np.ones(d)
    weights = _kernel.pack(np.zeros((d + 1, H)), np.zeros((1, H + 1)))
    samples = _kernel.Samples(X, y, zeros, ones, order)
    training = _kernel.Trainer((d, H, 1), samples)
    return {
        "train": lambda: training.epoch(weights, None, 1e-3),
        "predict": lambda: _kernel.predict(weights, (d, H, 1), samples),
    }


@pytest.mark.serial
@pytest.mark.parametrize("name", ["train", "predict"])
def test_another_thread_runs_during_one_call_of_the_kernel(name, monkeypatch):
    # The switch interval is too long for any other reason to let it run; what it
    # counts between the call's begin and end, it counts during the call.
    monkeypatch.setattr(_boundary, "CHUNK", 10 * _boundary.CHUNK)
    call, ticks, begun, ended = calls_of_the_kernel()[name], [], [], []

    def work():
        begun.append(True)
        call()
        ended.append(True)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        while not ended:
            if begun:
                ticks.append(1)
            time.sleep(0)
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(ticks) > 10


if sysconfig.get_config_var("Py_GIL_DISABLED"):

    def test_free_threaded_python_stays_so():
        # At the import of an extension that does not declare itself it warns, and
        # takes the GIL again.
        program = (
            "import sys, sklearn_backprop._kernel._boundary; "
            "sys.exit(sys._is_gil_enabled())"
        )
        subprocess.run([sys.executable, "-I", "-W", "error", "-c", program], check=True)
