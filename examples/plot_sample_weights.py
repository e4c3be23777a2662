"""
Sample weights
==============

Some samples deserve more trust than others. For this estimator, a weight is a number of
repeats: how often the sample is used in every epoch.
"""

# %%
# A weight of 2 uses the sample twice
# -----------------------------------
# We train once with weights of 0, 1, 2 and 3, and once on rows that are repeated that
# many times.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_backprop import BackpropRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3))
y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
times = rng.integers(0, 4, size=200)

model = BackpropRegressor(10, learning_rate="linear", max_iter=50, random_state=0)
weighted = model.fit(X, y, sample_weight=times).predict(X)
repeated = model.fit(X.repeat(times, axis=0), y.repeat(times)).predict(X)
print("identical to the last bit:", weighted.tobytes() == repeated.tobytes())

# %%
# The models are the same to the last bit, although each epoch is shuffled. The shuffle
# starts from an order that depends on the contents of the rows, not on their positions.
#
# A weight does not have to be an integer. A sample with weight 2.5 is used three times
# in an epoch, twice with a full step and once with half the step.
#
# Measurements of unequal precision
# ---------------------------------
# Of 150 measurements, 30 are precise and 120 are rough, with ten times the noise. The
# usual weight is 1 / σ². Here it is scaled to a mean of 1, so the steps of an epoch add
# up to the same total as without weights.

grid = np.linspace(-3, 3, 200)[:, np.newaxis]
σ = np.repeat([0.1, 1.0], [30, 120])
weight = 1 / σ**2
weight /= weight.mean()
model.set_params(max_iter=500)


def curve(x):
    """The true function."""
    return np.sin(2 * x) + 0.4 * x


def measure_and_fit(rng):
    """The measurements, and the predictions of three models on the grid."""
    X = rng.uniform(-3, 3, size=(150, 1))
    y = curve(X[:, 0]) + rng.normal(scale=σ)
    return (X, y), {
        "equal weights": model.fit(X, y).predict(grid),
        "precise only": model.fit(X, y, sample_weight=5 * (σ < 1)).predict(grid),
        "weighted": model.fit(X, y, sample_weight=weight).predict(grid),
    }


(X, y), y_hat = measure_and_fit(np.random.default_rng(0))

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
axis.scatter(X, y, s=4 + 12 * weight, color="0.6", label="measurements")
axis.plot(grid, y_hat["equal weights"], color="C0", linewidth=2, label="equal weights")
axis.plot(grid, y_hat["weighted"], color="C2", linewidth=3, label="weighted")
axis.plot(grid, curve(grid), "k:", linewidth=2, label="true function")
axis.set(xlabel="input x", ylabel="target y and prediction ŷ")
axis.set_title("30 precise measurements, 120 rough ones")
figure.legend(loc="outside lower center", ncols=2)
plt.show()

# %%
# Large dots are the precise measurements. With weights, the network follows them. The
# rough measurements, which pull the other curve away from the true function, hardly
# count.
#
# Was that luck?
# --------------
# We repeat this with thirty new sets of measurements. How far is ŷ from the true
# function?

rng = np.random.default_rng(1)
rmse = {name: [] for name in y_hat}
for _ in range(30):
    for name, predicted in measure_and_fit(rng)[1].items():
        error = predicted - curve(grid[:, 0])
        rmse[name].append(np.sqrt(np.mean(error**2)))

figure, axis = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for place, (errors, color) in enumerate(
    zip(rmse.values(), ["C0", "0.4", "C2"], strict=True)
):
    axis.plot(errors, np.full(30, place), "o", color=color, alpha=0.4)
    axis.plot(np.mean(errors), place, "D", color=color, markersize=10)
axis.set_yticks(range(3), rmse)
axis.set_title("Thirty sets of measurements")
axis.set(xlabel="error (RMSE) from the true function", ylim=(2.5, -0.5))
plt.show()

# %%
# Each dot is a set of measurements, and each diamond is the mean of its row. Weights
# are best on average, but only a little better than the precise measurements alone
# (each used five times, for the same length of training). The precise measurements
# carry most of the information, and the weights reflect that.
