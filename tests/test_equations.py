"""The specification itself: gradients, one update by hand, batches."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from scipy.special import expit

from sklearn_backprop import equations


def network(random, d=4, H=3):
    return random.normal(size=(H, d + 1)), random.normal(size=H + 1)


def test_deltas_are_minus_eta_times_the_gradient(random):
    # E as a function of all weights, differentiated numerically.
    d, H, eta = 4, 3, 0.3
    for _ in range(20):
        W, v = network(random, d, H)
        x, y = random.normal(size=d), random.normal()

        def error_of(weights, x=x, y=y):
            W, v = weights[: H * (d + 1)].reshape(H, d + 1), weights[H * (d + 1) :]
            return equations.error(y, equations.predict(W, v, x))

        weights = np.concatenate((W.ravel(), v))
        step = 1e-6
        gradient = np.array(
            [
                (error_of(weights + shift) - error_of(weights - shift)) / (2 * step)
                for shift in step * np.eye(len(weights))
            ]
        )
        ΔW, Δv = equations.deltas(W, v, x, y, eta)
        deltas = np.concatenate((ΔW.ravel(), Δv))
        assert_allclose(deltas, -eta * gradient, rtol=1e-6, atol=1e-8)
        forward = approx_fprime(weights, error_of)
        assert_allclose(deltas, -eta * forward, rtol=1e-4, atol=1e-5)


def test_one_update_by_hand():
    # Two inputs, one hidden unit, η = ½:
    #   w = (w_0, w_1, w_2) = (1, 2, -1), v = (v_0, v_1) = (½, 4), x = (1, 3), y = 3
    #   wᵀx̃ = 1 + 2·1 - 1·3 = 0              z = sigmoid(0) = ½
    #   ŷ = 4·½ + ½ = 2½                      y - ŷ = ½, E = ⅛
    #   Δv_1 = ½·½·½ = ⅛                      Δv_0 = ½·½ = ¼
    #   Δw_0 = ½·½·4·½·(1 - ½) = ¼            Δw_1 = ¼·1 = ¼, Δw_2 = ¼·3 = ¾
    # With the updated v_1 = 4⅛ in place of 4, Δw_0 would be 33/128.
    W, v = np.array([[1.0, 2.0, -1.0]]), np.array([0.5, 4.0])
    x, y, eta = np.array([1.0, 3.0]), 3.0, 0.5

    assert equations.hidden(W, x) == [0.5]
    assert equations.predict(W, v, x) == 2.5
    assert equations.error(y, 2.5) == 0.125
    W_new, v_new = equations.update(W, v, x, y, eta)
    assert np.array_equal(v_new, [0.75, 4.125])
    assert np.array_equal(W_new, [[1.25, 2.25, -0.25]])


def test_sigmoid_is_the_logistic_function_everywhere():
    a = np.array([-np.inf, -1000, -745, -30, -1, 0, 1, 30, 1000, np.inf])
    assert_allclose(equations.sigmoid(a), expit(a), rtol=1e-14)


def test_a_batch_of_one_is_an_update(random):
    W, v = network(random)
    x, y = random.normal(size=4), 1.0
    batch = equations.update_batch(W, v, x[np.newaxis], [y], eta=0.1)
    single = equations.update(W, v, x, y, eta=0.1)
    assert np.array_equal(batch[0], single[0])
    assert np.array_equal(batch[1], single[1])


def test_a_batch_sums_deltas_of_the_same_weights(random):
    W, v = network(random)
    X, y = random.normal(size=(5, 4)), random.normal(size=5)
    items = [equations.deltas(W, v, *item, eta=0.1) for item in zip(X, y, strict=True)]
    W_new, v_new, _ = equations.update_batch(W, v, X, y, eta=0.1)
    assert_allclose(W_new - W, np.sum([ΔW for ΔW, _ in items], axis=0), atol=1e-14)
    assert_allclose(v_new - v, np.sum([Δv for _, Δv in items], axis=0), atol=1e-14)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 7])
def test_an_epoch_goes_through_the_batches_in_order(random, batch_size):
    W, v = network(random)
    X, y = random.normal(size=(7, 4)), random.normal(size=7)
    expected = W, v
    for start in range(0, 7, batch_size):
        stop = start + batch_size
        *expected, _ = equations.update_batch(
            *expected, X[start:stop], y[start:stop], 0.1
        )
    result = equations.epoch(W, v, X, y, eta=0.1, batch_size=batch_size)
    assert np.array_equal(result[0], expected[0])
    assert np.array_equal(result[1], expected[1])
