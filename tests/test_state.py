"""The state that training passes on: what it shares, and what it does not change."""

import copy
import threading

import numpy as np
import pytest
from models import same_bits

from sklearn_backprop import BackpropRegressor
from sklearn_backprop._parameters import Parameters
from sklearn_backprop._state import Convergence, Curve


def test_a_curve_never_changes():
    curves = [Curve([3.0])]
    for value in (2.0, 1.0):
        curves.append(curves[-1].plus(value))
    other = curves[0].plus(5.0)  # as after an epoch that was undone
    assert [curve.values() for curve in curves] == [[3], [3, 2], [3, 2, 1]]
    assert other.values() == [3, 5]
    assert other.plus(6.0).values() == [3, 5, 6]
    assert curves[1].plus(7.0).values() == [3, 2, 7]
    assert [curve.last() for curve in curves] == [3, 2, 1]
    assert [len(curve) for curve in (Curve(), *curves)] == [0, 1, 2, 3]
    curves[2].values().clear()
    assert curves[2].values() == [3, 2, 1]


def test_curves_that_begin_together_share_nothing():
    empty = Curve()  # as candidates in several threads do
    curves = [empty.plus(float(value)) for value in range(3)]
    assert empty._values == []
    assert [curve.plus(9.0).values() for curve in curves] == [[0, 9], [1, 9], [2, 9]]
    assert len({id(curve._values) for curve in curves}) == 3


@pytest.mark.parametrize(
    ("schedule", "converges_after"),
    [("constant", 3), ("invscaling", 3), ("adaptive", 18), ("linear", None)],
)
def test_convergence_is_no_improvement_for_too_long(schedule, converges_after):
    parameters = Parameters.of(
        BackpropRegressor(learning_rate=schedule, n_iter_no_change=2)
    )
    convergence, reductions = Convergence(fingerprint=7, weight=9.0), []
    while len(reductions) < 40 and not convergence.converged:
        convergence = convergence.after(0.5, False, parameters)
        reductions.append(convergence.reductions)
    assert len(reductions) == (converges_after or 40)
    assert max(reductions) == (5 if schedule == "adaptive" else 0)
    assert convergence.lowest_loss == 0.5
    better = convergence.after(0.4, True, parameters)
    assert (better.lowest_loss, better.no_improvement) == (0.4, 0)
    assert not better.converged
    assert better.fingerprint == 7


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_model_is_a_model_by_itself(diabetes, copied):
    X, y = diabetes
    model = BackpropRegressor(5, random_state=0).partial_fit(X, y)
    twin = copied(model)
    curve = model.loss_curve_
    twin.partial_fit(X, y)
    assert model.loss_curve_ == curve
    assert twin.loss_curve_[:1] == curve
    assert same_bits(model.partial_fit(X, y), twin)
    assert model.loss_curve_ == twin.loss_curve_


def test_lists_that_a_user_changes_are_not_those_of_the_model(diabetes):
    X, y = diabetes
    model = BackpropRegressor(5, early_stopping=True, random_state=0, max_iter=900)
    model.fit(X, y)
    for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
        values = getattr(model, name)
        values.append(0.0)
        assert getattr(model, name) == values[:-1]


def test_attributes_can_be_read_while_another_thread_trains(diabetes):
    # All that was learned is replaced at once: there is no half of an epoch to see.
    X, y = diabetes
    model = BackpropRegressor(5, random_state=0, max_iter=300, learning_rate="linear")
    model.fit(X, y)
    ended, seen = threading.Event(), []

    def read():
        while not ended.is_set():
            state = model._state
            seen.append((len(state.losses.values()), state.n_iter, state.t))

    thread = threading.Thread(target=read)
    thread.start()
    model.fit(X, y)
    ended.set()
    thread.join()
    assert seen
    assert all(n == epochs and t == n * len(y) for n, epochs, t in seen)
    assert np.isfinite(model.predict(X)).all()
