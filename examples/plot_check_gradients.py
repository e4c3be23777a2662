"""
Checking the gradients
======================

Does each update really follow the negative gradient of E? Two checks answer this. The
first compares the equations with finite differences of E, and the second compares the
compiled updates with the equations.
"""

# %%
# The equations against finite differences
# ----------------------------------------
# Every Δ is −η times the derivative of E with respect to its weight. With η = 1, it is
# minus the gradient. The derivative can also be found without calculus, from the
# central difference (E(w + ε) − E(w − ε)) / 2ε, one weight w at a time.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_backprop import BackpropRegressor, equations

d, H = 4, 6
rng = np.random.default_rng(0)
W, v = rng.normal(size=(H, d + 1)), rng.normal(size=H + 1)
x, y = rng.normal(size=d), 2.0


def central_differences(function, weights, ε):
    """The derivative of function with respect to weights, in their shape."""
    derivatives = np.empty_like(weights)
    for index in np.ndindex(weights.shape):
        step = np.zeros_like(weights)
        step[index] = ε
        rise = function(weights + step) - function(weights - step)
        derivatives[index] = rise / (2 * ε)
    return derivatives


def largest_error(Δ, function, weights, ε):
    """The largest |Δ + derivative|, relative to the largest |Δ|."""
    differences = central_differences(function, weights, ε)
    return np.abs(Δ + differences).max() / np.abs(Δ).max()


def error(W, v):
    """E of the sample (x, y)."""
    return equations.error(y, equations.predict(W, v, x))


ΔW, Δv = equations.deltas(W, v, x, y, eta=1.0)
steps = np.logspace(-12, 0, 49)
hidden_errors = [largest_error(ΔW, lambda W: error(W, v), W, ε) for ε in steps]
output_errors = [largest_error(Δv, lambda v: error(W, v), v, ε) for ε in steps]

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
for name, errors, color in [("ΔW", hidden_errors, "C0"), ("Δv", output_errors, "C2")]:
    axis.loglog(steps, errors, color=color, linewidth=2)
    axis.text(2 * steps[-1], errors[-1], name, color=color, va="center")
axis.annotate("rounding ∝ 1/ε", (2e-10, 1e-4))
axis.annotate("truncation ∝ ε²", (5e-4, 1e-6), ha="right")
axis.set(xlabel="step ε", ylabel="largest relative difference")
axis.set_title("The equations against finite differences of E")
plt.show()

# %%
# The curve of ΔW has the V shape of a correct gradient. On the right, the truncation
# error is a multiple of ε², because E is not a parabola in w. On the left, the rounding
# error is a multiple of 1/ε. Where they meet, ten digits agree. With a wrong formula,
# the curve would level off far above. In v, E *is* a parabola, so the central
# difference is exact up to rounding.
#
# The compiled updates against the equations
# ------------------------------------------
# With ``standardize=False`` and ``shuffle=False``, the estimator uses the rows as
# given, in their order. We read the weights after one epoch, run the next epoch both
# ways, and compare every weight. To see that the check can fail, a third way makes the
# classic mistake: it updates v first and computes ΔW from the new v.

X = rng.normal(size=(100, d))
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
η = 0.05


def weights_of(model):
    """W and v, in the form that the equations use."""
    (w, v), (w_0, v_0) = model.coefs_, model.intercepts_
    return np.column_stack((w_0, w.T)), np.append(v_0, v)


def epoch_with_mistake(W, v):
    """An epoch in which ΔW is computed from the updated v."""
    for x, y in zip(X, Y, strict=True):
        z = equations.hidden(W, x)
        y_hat = equations.output(v, z)
        v = v + equations.delta_v(η, y, y_hat, z)
        W = W + equations.delta_W(η, y, y_hat, v, z, x)
    return W, v


model = BackpropRegressor(
    H, learning_rate_init=η, standardize=False, shuffle=False, random_state=0
)
start = weights_of(model.partial_fit(X, Y))
compiled = np.concatenate(weights_of(model.partial_fit(X, Y)), axis=None)
by_equations = np.concatenate(equations.epoch(*start, X, Y, η)[:2], axis=None)
by_mistake = np.concatenate(epoch_with_mistake(*start), axis=None)
print(f"largest weight:     {np.abs(by_equations).max():.2f}")
print(f"largest difference: {np.abs(compiled - by_equations).max():.0e}")

figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for other, label, style in [
    (by_mistake, "with the classic mistake", "C2x"),
    (by_equations, "with the equations", "C0o"),
]:
    # A difference of 0 has no logarithm, so it is drawn at 10⁻¹⁸.
    axis.semilogy(np.maximum(np.abs(compiled - other), 1e-18), style, label=label)
axis.axvline(W.size - 0.5, color="0.7", zorder=0)
axis.set(xlabel="weight: first W, then v", ylabel="difference after one epoch")
axis.legend(loc="center left")
axis.set_title("Compiled updates compared with two others")
plt.show()

# %%
# Every dot is one of the 37 weights. The compiled updates and the equations agree up to
# rounding in the last digits of a float64 (dots at 10⁻¹⁸ agree in all digits), while
# the mistake shows in every weight. The tests of the package make the same comparison
# with momentum, L2 penalty, batches, weighted samples and multiple outputs.
