"""
Bagging: the mean of ten networks
=================================

A different seed or a different bootstrap sample gives a different network. The mean of
ten networks is better than any one of them, and their spread shows where the
predictions are uncertain.
"""

# %%
# Ten curves and their mean
# -------------------------
# There is a gap in the samples. ``BaggingRegressor`` fits ten networks, each with its
# own seed, on its own bootstrap sample (as many rows as there are, drawn with
# replacement). With ``learning_rate="linear"``, η decreases to 0, so the noise of the
# last samples that each network happened to see does not add to the differences.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import train_test_split

from sklearn_backprop import BackpropRegressor


def curve(x):
    """The true function."""
    return np.sin(2 * x) + 0.4 * x


rng = np.random.default_rng(0)
x = np.concatenate((rng.uniform(-3, -0.3, size=40), rng.uniform(1.5, 3, size=40)))
y = curve(x) + rng.normal(scale=0.2, size=x.size)

network = BackpropRegressor(10, learning_rate="linear", max_iter=1000)
bag = BaggingRegressor(network, n_estimators=10, random_state=0)
bag.fit(x[:, np.newaxis], y)

grid = np.linspace(-3, 3, 200)
X_grid = grid[:, np.newaxis]
curves = [network.predict(X_grid) for network in bag.estimators_]

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
axis.scatter(x, y, s=14, color="0.6", label="samples")
singles = axis.plot(grid, np.transpose(curves), color="C0", linewidth=1, alpha=0.6)
singles[0].set_label("ten networks")
axis.plot(grid, bag.predict(X_grid), color="C2", linewidth=3, label="their mean")
axis.plot(grid, curve(grid), "k:", label="true function")
axis.set(
    xlabel="input x",
    ylabel="target y and prediction ŷ",
    title="Ten networks and their mean",
)
axis.legend()
plt.show()

# %%
# Where there are samples, most of the ten curves lie close together. In the gap, they
# diverge. This is a warning not to trust the mean there, either.
#
# Better than its parts
# ---------------------
# For any target, the squared error of the mean is the mean squared error of the
# networks minus their spread, which is the mean of (ŷ − mean of the ŷ)². So averaging
# removes the part of the error that comes from disagreement. We check this on test
# data, for two bags. In one, every network has its own bootstrap sample. In the other,
# all networks learn from all rows and differ only in their seeds.

X, y = make_friedman1(n_samples=600, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
bag.set_params(estimator__max_iter=200)

figure, axis = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
names = ["bootstrap\nsamples", "all rows,\ndifferent seeds"]
print("Squared errors on the test set")
for place, bootstrap in enumerate([True, False]):
    bag.set_params(bootstrap=bootstrap).fit(X_train, y_train)
    singles = np.array([network.predict(X_test) for network in bag.estimators_])
    mean = bag.predict(X_test)
    of_each = np.mean((singles - y_test) ** 2, axis=1)
    of_mean = np.mean((mean - y_test) ** 2)
    spread = np.mean((singles - mean) ** 2)
    print(f"{of_each.mean():.3f} (each) − {spread:.3f} (spread) = {of_mean:.3f} (mean)")
    axis.plot(np.sqrt(of_each), np.full(10, place), "o", color="C0", alpha=0.6)
    axis.plot(np.sqrt(of_mean), place, "D", color="C2", markersize=10)
axis.axvline(1.0, color="k", linestyle=":")
axis.text(1.01, 0.5, "noise", va="center")
axis.set(xlabel="error (RMSE) on the test set", ylim=(1.5, -0.5))
axis.set_yticks([0, 1], names)
axis.set_title("Ten networks and their mean, on a test set")
plt.show()

# %%
# Dots are single networks, and the diamond is their mean. The noise of the targets
# alone causes an error of about 1. In both bags, the mean is better than every network
# in it. Bootstrap samples make the networks differ more, but each network is trained
# without about a third of the rows. Here, using all rows with ten seeds is better.
