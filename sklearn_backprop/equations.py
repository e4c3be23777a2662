"""The backpropagation rule in plain NumPy, one short function an equation.

This module is the specification of the package. It is written to be read beside
K. Wagstaff, "ANN Backpropagation: Weight updates for hidden nodes" (2008), which
follows E. Alpaydin, *Introduction to Machine Learning*, section 11.7, and the
compiled code is tested against it. It is slow on purpose: one example at a time,
nothing fused, nothing reordered.

The network has d inputs, one hidden layer of H sigmoid nodes and one linear
output. Two inputs are always +1 and carry the biases: x̃ = (1, x_1 … x_d) enters
the hidden layer and z̃ = (1, z_1 … z_H) enters the output.

=========  ==========  ==================================================
name       shape       meaning
=========  ==========  ==================================================
``x``      (d,)        one example's features
``y``      scalar      its target
``W``      (H, d + 1)  hidden weights; row h is w_h, column 0 the bias w_h0
``v``      (H + 1,)    output weights; ``v[0]`` is the bias v_0
``z``      (H,)        outputs of the hidden nodes
``y_hat``  scalar      ŷ, the network's output
``eta``    scalar      η, the step size
=========  ==========  ==================================================

Examples
--------
One update of a network with two inputs and three hidden nodes:

>>> import numpy as np
>>> from sklearn_backprop import equations
>>> W, v = np.full((3, 3), 0.1), np.array([0.0, 0.5, -0.5, 1.0])
>>> x, y = np.array([1.0, -2.0]), 2.0
>>> before = equations.error(y, equations.predict(W, v, x))
>>> W, v = equations.update(W, v, x, y, eta=0.1)
>>> bool(equations.error(y, equations.predict(W, v, x)) < before)
True
"""

import numpy as np


def with_bias(values):
    """Put the constant input in front: (1, values)."""
    return np.concatenate(([1.0], values))


def sigmoid(a):
    """sigmoid(a) = 1 / (1 + exp(-a))."""
    with np.errstate(over="ignore"):  # exp(-a) = inf gives the right limit, 0
        return 1.0 / (1.0 + np.exp(-a))


def hidden(W, x):
    """z_h = sigmoid(w_hᵀ x̃)."""
    return sigmoid(W @ with_bias(x))


def output(v, z):
    """ŷ = Σ_h v_h z_h + v_0."""
    return v @ with_bias(z)


def predict(W, v, x):
    """ŷ for the features x."""
    return output(v, hidden(W, x))


def error(y, y_hat):
    """E = ½ (y − ŷ)²."""
    return 0.5 * (y - y_hat) ** 2


def delta_v(eta, y, y_hat, z):
    """Δv_h = η (y − ŷ) z_h and Δv_0 = η (y − ŷ)."""
    return eta * (y - y_hat) * with_bias(z)


def delta_W(eta, y, y_hat, v, z, x):
    """Δw_hj = η (y − ŷ) v_h z_h (1 − z_h) x_j and Δw_h0 with x_0 = 1."""
    return np.outer(eta * (y - y_hat) * v[1:] * z * (1.0 - z), with_bias(x))


def deltas(W, v, x, y, eta):
    """ΔW and Δv of one example, both from the weights before the update."""
    z = hidden(W, x)
    y_hat = output(v, z)
    return delta_W(eta, y, y_hat, v, z, x), delta_v(eta, y, y_hat, z)


def update(W, v, x, y, eta):
    """The weights after one example."""
    ΔW, Δv = deltas(W, v, x, y, eta)
    return W + ΔW, v + Δv


def update_batch(W, v, X, y, eta):
    """The weights after a batch: deltas from the same weights, summed.

    The error of a set is the sum of the errors of its items, so its deltas are
    sums too. ``X`` has shape (b, d) and ``y`` shape (b,); b = 1 is `update`.
    """
    items = [deltas(W, v, x_i, y_i, eta) for x_i, y_i in zip(X, y, strict=True)]
    return W + sum(ΔW for ΔW, _ in items), v + sum(Δv for _, Δv in items)


def epoch(W, v, X, y, eta, batch_size=1):
    """The weights after one pass over the examples in the order given."""
    for start in range(0, len(X), batch_size):
        batch = slice(start, start + batch_size)
        W, v = update_batch(W, v, X[batch], y[batch], eta)
    return W, v
