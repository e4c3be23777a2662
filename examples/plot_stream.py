"""
A stream that drifts
====================

Rows keep coming, and at some point they follow a different function. A model that was
fitted once does not adapt. A model that keeps learning with ``partial_fit`` does. The
learning rate η sets how fast it forgets, and how much that costs while nothing changes.
"""

# %%
# The stream
# ----------
# Rows come in chunks of 20. Halfway through, the function changes: a wave is shifted,
# and a product of two features changes sign.

from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np

from sklearn_backprop import BackpropRegressor

n, drift, chunk, noise = 20_000, 10_000, 20, 0.3
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(n, 5))
after = np.arange(n) >= drift
y = np.sin(3 * X[:, 0] + 2 * after) + (1 - 2 * after) * X[:, 1] * X[:, 2] + X[:, 3]
y += rng.normal(scale=noise, size=n)

# %%
# Predict, then learn
# -------------------
# All models start as the same network, fitted to the first 2000 rows. From there, every
# chunk is predicted first, which gives the error on unseen data. Only then does the
# model learn from it, with one call to ``partial_fit`` and one update for each row.
# After that, the chunk can be discarded. Here, η is a number and stays the same from
# call to call. "auto" would decrease.

begin = 2000
start = BackpropRegressor(20, max_iter=200, random_state=0)
start.fit(X[:begin], y[:begin])


def progressive_error(model, learn):
    """(y − ŷ)² of every row after the first ones, predicted before learning from it."""
    squared = []
    for first in range(begin, n, chunk):
        rows = slice(first, first + chunk)
        squared.extend((y[rows] - model.predict(X[rows])) ** 2)
        if learn:
            model.partial_fit(X[rows], y[rows])
    return np.array(squared)


once = progressive_error(start, learn=False)
etas = [0.001, 0.003, 0.01, 0.03, 0.1]
going_on = {}
for eta in etas:
    model = deepcopy(start).set_params(learning_rate_init=eta)
    going_on[eta] = progressive_error(model, learn=True)

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
window = 500
ends = np.arange(begin, n, window) + window
lines = [("fitted once", once, "0.5")]
lines += [(f"η = {eta}", going_on[eta], f"C{i}") for i, eta in enumerate(etas[::2])]
for label, squared, color in lines:
    rmse = np.sqrt(squared.reshape(-1, window).mean(axis=1))
    axis.plot(ends, rmse, color=color, linewidth=2, label=label)
axis.axvline(drift, color="k", linewidth=1)
axis.text(drift - 200, 1.3, "the function changes", ha="right")
axis.axhline(noise, color="k", linestyle=":")
axis.set(xlabel="row of the stream", xticks=range(0, n + 1, 5000), ylim=(0, None))
axis.set(ylabel=f"error (RMSE) over {window} rows", title="Error along the stream")
axis.legend(loc="center left")
plt.show()

# %%
# The dotted line is the noise, which no model can predict. Until the function changes,
# the fitted network is close to it, so there is nothing to gain. With a small η, the
# curves lie on top of each other. With a large η, every noisy sample pulls the weights
# away. After the change, the network that does not learn never recovers. The larger η
# is, the sooner the error decreases. In the end, η = 0.01 is steadier and does better
# than η = 0.1.
#
# How large should η be?
# ----------------------

quiet = [np.sqrt(going_on[eta][: drift - begin].mean()) for eta in etas]
changed = [np.sqrt(going_on[eta][drift - begin :].mean()) for eta in etas]

figure, axis = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
axis.semilogx(etas, quiet, "o-", color="C0", linewidth=2, label="before the change")
axis.semilogx(etas, changed, "s-", color="C2", linewidth=2, label="after the change")
axis.axhline(noise, color="k", linestyle=":")
axis.set(xlabel="learning rate η", ylabel="error (RMSE)", ylim=(0, None))
axis.set_xticks(etas, etas)
axis.set_title("Error by learning rate")
axis.legend()
plt.show()
# %%
# Before the change, the smallest η is best. After it, larger ones are better, up to a
# point. In between is a learning rate that is good for both. On your own stream, try
# several on its first part, as here. Each curve takes one epoch.
