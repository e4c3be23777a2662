"""The backpropagation rule in plain NumPy, with one short function per equation.

This module is the specification of the package. It is written to be read alongside
K. Wagstaff, "ANN Backpropagation: Weight updates for hidden nodes" (2008), which
follows E. Alpaydin, *Introduction to Machine Learning*, section 11.7. The compiled
code is tested against it. It is slow on purpose: one sample at a time, nothing
fused, nothing reordered.

The network has d inputs, one hidden layer of H sigmoid units and one linear
output. Each layer also has a constant input of +1 that carries the bias:
x̃ = (1, x_1 … x_d) enters the hidden layer, and z̃ = (1, z_1 … z_H) enters the output.

=========  ==========  ==================================================
name       shape       meaning
=========  ==========  ==================================================
``x``      (d,)        one sample's features
``y``      scalar      its target
``W``      (H, d + 1)  hidden weights; row h is w_h, column 0 the bias w_h0
``v``      (H + 1,)    output weights; ``v[0]`` is the bias v_0
``z``      (H,)        outputs of the hidden units
``y_hat``  scalar      ŷ, the network's output
``eta``    scalar      η, the learning rate
=========  ==========  ==================================================

With K outputs, ``y`` and ``y_hat`` have shape (K,) and ``v`` has shape (K, H + 1), with
one row for each output. The functions are the same.

Examples
--------
One update of a network with two inputs and three hidden units:

>>> import numpy as np
>>> from sklearn_backprop import equations
>>> W, v = np.full((3, 3), 0.1), np.array([0.0, 0.5, -0.5, 1.0])
>>> x, y = np.array([1.0, -2.0]), 2.0
>>> before = equations.error(y, equations.predict(W, v, x))
>>> W, v = equations.update(W, v, x, y, eta=0.1)
>>> bool(equations.error(y, equations.predict(W, v, x)) < before)
True
"""

from __future__ import annotations  # short signatures in help()

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Output: TypeAlias = float | Array  # of one output, or (K,) of several
Pair: TypeAlias = tuple[Array, Array]  # W and v, or ΔW and Δv


def with_bias(values: Array) -> Array:
    """Prepend the constant input: (1, values)."""
    return np.concatenate(([1.0], values))


def sigmoid(a: Array) -> Array:
    """The logistic function, sigmoid(a) = 1 / (1 + exp(-a))."""
    with np.errstate(over="ignore"):  # exp(-a) = inf gives the right limit, 0
        return 1.0 / (1.0 + np.exp(-a))


def hidden(W: Array, x: Array) -> Array:
    """The outputs of the hidden units, z_h = sigmoid(w_hᵀ x̃)."""
    return sigmoid(W @ with_bias(x))


def output(v: Array, z: Array) -> Output:
    """The output of the network, ŷ = Σ_h v_h z_h + v_0."""
    return v @ with_bias(z)


def predict(W: Array, v: Array, x: Array) -> Output:
    """The output of the network, ŷ, for the features x."""
    return output(v, hidden(W, x))


def error(y: Output, y_hat: Output) -> float:
    """The error of one sample, E = ½ (y − ŷ)², summed over the outputs."""
    return 0.5 * np.sum((y - y_hat) ** 2)


def delta_v(eta: float, y: Output, y_hat: Output, z: Array) -> Array:
    """The deltas of the output, Δv_h = η (y − ŷ) z_h and Δv_0 = η (y − ŷ)."""
    return eta * np.multiply.outer(y - y_hat, with_bias(z))


def delta_W(
    eta: float, y: Output, y_hat: Output, v: Array, z: Array, x: Array
) -> Array:
    """The deltas of the hidden units, Δw_hj = η (y − ŷ) v_h z_h (1 − z_h) x_j.

    For the biases, Δw_h0, x_0 is 1.
    With K outputs, Σ_k (y_k − ŷ_k) v_kh takes the place of (y − ŷ) v_h.
    """
    return np.outer(eta * np.dot(y - y_hat, v[..., 1:]) * z * (1.0 - z), with_bias(x))


def deltas(W: Array, v: Array, x: Array, y: Output, eta: float) -> Pair:
    """The deltas ΔW and Δv of one sample, both from the weights before the update."""
    z = hidden(W, x)
    y_hat = output(v, z)
    return delta_W(eta, y, y_hat, v, z, x), delta_v(eta, y, y_hat, z)


def update(W: Array, v: Array, x: Array, y: Output, eta: float) -> Pair:
    """The weights after one sample."""
    ΔW, Δv = deltas(W, v, x, y, eta)
    return W + ΔW, v + Δv


def deltas_of_batch(
    W: Array, v: Array, X: Array, y: Array, eta: float, fraction: float | Array = 1.0
) -> Pair:
    """The deltas ΔW and Δv of a batch: all from the same weights, and summed.

    The error of a batch is the sum of the errors of its samples, so its deltas are
    sums, too. ``X`` has shape (b, d), and ``y`` has shape (b,) or (b, K).
    ``fraction``, of shape (b,) or a single number, multiplies η for each sample.
    """
    fractions = np.broadcast_to(fraction, len(X))
    pairs = [
        deltas(W, v, x_i, y_i, fraction_i * eta)
        for x_i, y_i, fraction_i in zip(X, y, fractions, strict=True)
    ]
    return (
        sum((ΔW for ΔW, _ in pairs), np.zeros_like(W)),
        sum((Δv for _, Δv in pairs), np.zeros_like(v)),
    )


def without_bias(weights: Array) -> Array:
    """The weights with the biases, which have no penalty, set to 0."""
    return np.concatenate((np.zeros_like(weights[..., :1]), weights[..., 1:]), axis=-1)


def with_decay(delta: Array, weights: Array, eta: float, alpha: float) -> Array:
    """The delta with an L2 penalty ½ α w² on weights, not on biases: Δw − η α w."""
    return delta - eta * alpha * without_bias(weights)


def with_momentum(delta: Array, last: float | Array, momentum: float) -> Array:
    """The delta with momentum μ, which adds the previous update: Δ_t + μ Δ_{t−1}."""
    return delta + momentum * last


def update_batch(
    W: Array,
    v: Array,
    X: Array,
    y: Array,
    eta: float,
    fraction: float | Array = 1.0,
    alpha: float = 0.0,
    momentum: float = 0.0,
    last: Pair | tuple[float, float] = (0.0, 0.0),
) -> tuple[Array, Array, Pair]:
    """The weights after a batch, and the pair (ΔW, Δv) that led to them.

    ``last`` is the pair (ΔW, Δv) of the previous update. A batch of one sample without
    penalty and momentum is the same as `update`.
    """
    ΔW, Δv = deltas_of_batch(W, v, X, y, eta, fraction)
    ΔW = with_momentum(with_decay(ΔW, W, eta, alpha), last[0], momentum)
    Δv = with_momentum(with_decay(Δv, v, eta, alpha), last[1], momentum)
    return W + ΔW, v + Δv, (ΔW, Δv)


def epoch(
    W: Array,
    v: Array,
    X: Array,
    y: Array,
    eta: float,
    batch_size: int = 1,
    fraction: float | Array = 1.0,
    alpha: float = 0.0,
    momentum: float = 0.0,
    last: Pair | tuple[float, float] = (0.0, 0.0),
) -> tuple[Array, Array, Pair | tuple[float, float]]:
    """The weights after one epoch, which uses the samples in the given order.

    Returns W, v and the last update, which is passed on to the next epoch.
    """
    fraction = np.broadcast_to(fraction, len(X))
    for start in range(0, len(X), batch_size):
        batch = slice(start, start + batch_size)
        W, v, last = update_batch(
            W, v, X[batch], y[batch], eta, fraction[batch], alpha, momentum, last
        )
    return W, v, last
