"""
A comparison with other regressors
==================================

No regressor is best on all data. ``BackpropRegressor`` and five regressors from
scikit-learn are compared on three kinds of data, and each kind has a different winner.
"""

# %%
# Three kinds of data
# -------------------
# - *Nearly linear*: the progression of diabetes in 442 patients, from ten measurements,
#   with a lot of noise.
# - *Smooth curves*: Friedman's function of five of the ten features.
# - *Steps*: jumps at thresholds of skewed features, as in many tables of business data.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_validate
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from sklearn_backprop import BackpropRegressor


def make_steps(n_samples, rng):
    """Targets that jump where one feature, or two at once, exceed a threshold."""
    X = rng.exponential(size=(n_samples, 8))
    y = 3.0 * (X[:, 0] > 1) - 2.0 * (X[:, 3] > 1.5)
    y += 2.0 * (X[:, 1] > 0.5) * (X[:, 2] > 0.7)
    return X, y + rng.normal(scale=0.5, size=n_samples)


data = {
    "nearly linear": load_diabetes(return_X_y=True, scaled=False),
    "smooth curves": make_friedman1(n_samples=500, noise=1.0, random_state=0),
    "steps": make_steps(500, np.random.default_rng(0)),
}

# %%
# Six regressors
# --------------
# All use their defaults, except where they need something else to do well. Most need X
# scaled, and the multi-layer perceptron and the support vector machine also need y
# scaled. The perceptron does not converge within its default 200 epochs, so it gets
# more, with early stopping on a validation set. ``BackpropRegressor`` and the trees
# take the data as they are. ``BackpropRegressor`` uses held-out parts of the training
# data to choose how long to train.


def scaled(regressor):
    """Standardize X and y."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor), transformer=StandardScaler()
    )


models = {
    "Backprop": BackpropRegressor(random_state=0),
    "MLP": scaled(MLPRegressor(early_stopping=True, max_iter=2000, random_state=0)),
    "Trees": HistGradientBoostingRegressor(random_state=0),
    "SVR": scaled(SVR()),
    "Ridge": make_pipeline(StandardScaler(), Ridge()),
    "k-NN": make_pipeline(StandardScaler(), KNeighborsRegressor()),
}

# %%
# Five folds
# ----------
# All run on one thread, so that their times can be compared.

folds = KFold(5, shuffle=True, random_state=0)
with threadpool_limits(1):
    results = {
        kind: [cross_validate(model, X, y, cv=folds) for model in models.values()]
        for kind, (X, y) in data.items()
    }

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axes = plt.subplots(1, 3, figsize=(7.2, 3.6), sharey=True, layout="constrained")
places = np.arange(len(models))
colors = ["C0"] + ["0.4"] * (len(models) - 1)
for axis, (kind, of_models) in zip(axes, results.items(), strict=True):
    for place, color, result in zip(places, colors, of_models, strict=True):
        r2 = result["test_score"]
        axis.plot(r2, np.full(r2.size, place), ".", color=color, alpha=0.5)
        axis.plot(r2.mean(), place, "D", color=color, markersize=8)
    axis.set(title=kind)
axes[1].set_xlabel("R² on test rows")
axes[0].set_yticks(places, models)
axes[0].set_ylim(len(models) - 0.5, -0.5)
plt.show()

# %%
# Diamonds are means, and small dots are the five folds. Further right is better.
#
# - *Nearly linear*: the folds differ more than the regressors. In such a case, use the
#   simplest: ``Ridge``.
# - *Smooth curves* suit a sum of sigmoids.
# - *Steps* suit trees. A sigmoid can be as steep as a step, but has to learn to be.
#
# Time
# ----
# This is the median time of a fit. ``BackpropRegressor`` spends most of it on the
# search for the number of epochs. With an integer ``max_iter``, there is no search.

seconds = [
    [result["fit_time"] for result in of_models] for of_models in results.values()
]
figure, axis = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
axis.scatter(np.median(seconds, axis=(0, 2)), places, s=80, marker="s", c=colors)
axis.set(xlabel="seconds per fit, logarithmic", xscale="log")
axis.set_yticks(places, models)
axis.set_ylim(len(models) - 0.5, -0.5)
plt.show()

# %%
# Defaults are only the start of a comparison: all six can be tuned.
