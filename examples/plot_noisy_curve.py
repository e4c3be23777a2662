"""
A noisy curve, epoch by epoch
=============================

How does a sum of sigmoids become a curve? With one input, five hidden units and some
noisy points, we can watch every part of the network while it learns.
"""

# %%
# The data
# --------
# The targets follow a smooth curve, with noise added to each.

import copy

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit as sigmoid

from sklearn_backprop import BackpropRegressor

rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, size=150)
y = np.sin(2 * x) + 0.4 * x + rng.normal(scale=0.25, size=x.size)

# %%
# The parts of the network
# ------------------------
# A fitted model is the documented network. With one input, the output of hidden unit h
# is z_h = sigmoid(w_h1 x + w_h0), and the prediction is ŷ = Σ_h v_h z_h + v_0. The
# weights w and v are in ``coefs_``, and the biases w_h0 and v_0 are in ``intercepts_``,
# in the units of the data.


def hidden_outputs(model, x):
    """z_h for every x, of shape (x.size, H)."""
    return sigmoid(x[:, np.newaxis] @ model.coefs_[0] + model.intercepts_[0])


# %%
# Three stages
# ------------
# A call to ``partial_fit`` is exactly one epoch: every sample is used once, and the
# weights change after each. We keep a copy after 1, 30 and 1000 epochs. η is constant,
# so no unit stops learning before the others.

H = 5
model = BackpropRegressor(
    H, learning_rate="constant", learning_rate_init=0.05, random_state=0
)
X = x[:, np.newaxis]
stages = {}
for epoch in range(1, 1001):
    model.partial_fit(X, y)
    if epoch in (1, 30, 1000):
        stages[epoch] = copy.copy(model)

grid = np.linspace(x.min(), x.max(), 200)
plt.style.use(["petroff10", {"font.size": 12}])
figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
axis.scatter(x, y, s=14, color="0.7", label="samples")
for epochs, stage in stages.items():
    label = f"{epochs} epoch{'s' if epochs > 1 else ''}"
    axis.plot(grid, stage.predict(grid[:, np.newaxis]), linewidth=2.5, label=label)
axis.set(xlabel="input x", ylabel="target y and prediction ŷ")
axis.set_title("The fit after 1, 30 and 1000 epochs")
axis.legend()
plt.show()

# %%
# The parts of each stage
# -----------------------
# We build ŷ from its parts. The top row shows the output of each hidden unit. The
# bottom row shows its contribution, the output times v_h. The contributions and v_0 add
# up to the ŷ above.

figure, axes = plt.subplots(
    2, 3, figsize=(7.2, 5.4), sharex=True, sharey="row", layout="constrained"
)
for (epochs, stage), (z_axis, vz_axis) in zip(stages.items(), axes.T, strict=True):
    z, (v_0,) = hidden_outputs(stage, grid), stage.intercepts_[1]
    vz = stage.coefs_[1][:, 0] * z
    y_hat = vz.sum(axis=1) + v_0
    np.testing.assert_allclose(y_hat, stage.predict(grid[:, np.newaxis]))

    lines = z_axis.plot(grid, z)
    vz_axis.plot(grid, vz)
    bias = vz_axis.axhline(v_0, color="black", linestyle=":")
    z_axis.set_title(f"{epochs} epoch{'s' if epochs > 1 else ''}")
    vz_axis.set(xlabel="input x", xticks=[-2, 0, 2])

axes[0, 0].set_ylabel("hidden output $z_h$")
axes[1, 0].set_ylabel("contribution $v_h z_h$")
labels = [f"h = {h}" for h in range(1, H + 1)]
figure.legend([*lines, bias], [*labels, "$v_0$"], loc="outside lower center", ncols=6)
plt.show()

# %%
# After one epoch, unit 1 alone makes a step. After 30, units 3 and 4 bend the curve on
# either side of it. Units 2 and 5 are still flat, close to 0 and 1, where the factor
# z_h (1 − z_h) makes every Δw_hj small. They learn slowly, but they do learn. After
# 1000 epochs, they have become active and bend the two ends of the curve.
