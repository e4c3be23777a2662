"""
Defaults on ten data sets
=========================

A new regressor should first beat the standard ones. Here, ``BackpropRegressor`` with
its defaults is compared with four of scikit-learn's regressors, on ten data sets that
come with scikit-learn or that it generates.
"""

# %%
# Ten data sets
# -------------
# The first four are measurements of patients, wines, flowers and tumors, with one
# column predicted from all others. The other six are functions that are often used for
# comparisons, with noise.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_friedman1,
    make_friedman2,
    make_friedman3,
    make_regression,
    make_s_curve,
    make_swiss_roll,
)
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from sklearn_backprop import BackpropRegressor


def column(X, j):
    """Column j as the target, and all others as features."""
    return np.delete(X, j, axis=1), X[:, j]


n = 300
data_sets = {
    "diabetes": load_diabetes(return_X_y=True, scaled=False),
    "wine: color": column(load_wine().data, 9),
    "iris: petal width": column(load_iris().data, 3),
    "tumors: fractal dimension": column(load_breast_cancer().data, 9),
    "Friedman 1": make_friedman1(n, noise=1, random_state=0),
    "Friedman 2": make_friedman2(n, noise=125, random_state=0),
    "Friedman 3": make_friedman3(n, noise=0.1, random_state=0),
    "linear": make_regression(n, 20, n_informative=10, noise=60, random_state=0),
    "S curve": make_s_curve(n, noise=0.1, random_state=0),
    "Swiss roll": make_swiss_roll(n, noise=0.5, random_state=0),
}


# %%
# Five regressors
# ---------------
# All use their defaults. The perceptron, the support vector machine and the linear
# model get X and y standardized. ``BackpropRegressor`` and the trees get the data as
# they are.


def scaled(regressor):
    """Standardize X and y."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor), transformer=StandardScaler()
    )


models = {
    "BackpropRegressor": BackpropRegressor(random_state=0),
    "HistGradientBoostingRegressor": HistGradientBoostingRegressor(random_state=0),
    "SVR": scaled(SVR()),
    "MLPRegressor": scaled(MLPRegressor(random_state=0)),
    "RidgeCV": scaled(RidgeCV()),
}
warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iter")
folds = KFold(3, shuffle=True, random_state=0)
with threadpool_limits(1):  # for small data, more threads take longer
    scores = {
        name: [
            cross_val_score(model, X, y, cv=folds).mean() for X, y in data_sets.values()
        ]
        for name, model in models.items()
    }

# %%
# A dot for each score
# --------------------
# Higher is better: 1 is a perfect prediction, and 0 is no better than the mean of y.

order = np.argsort(np.max(list(scores.values()), axis=0))
names = np.array(list(data_sets))[order]

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(7.2, 5.6), layout="constrained")
for name, marker in zip(models, "o^DsP", strict=True):
    ours = name == "BackpropRegressor"
    axis.plot(
        np.array(scores[name])[order],
        names,
        marker,
        color="C2" if ours else "0.5",
        markersize=10 if ours else 7,
        markerfacecolor="C2" if ours else "none",
        label=name,
        zorder=3 if ours else 2,
    )
    print(f"{name:<30} mean R² = {np.mean(scores[name]):.3f}")
axis.grid(axis="y", color="0.9")
axis.set(xlabel="R² in three-fold cross-validation")
figure.legend(loc="outside lower center", ncols=2)
plt.show()

# %%
# No method is best everywhere, but here ``BackpropRegressor`` is never far from the
# best. Most of these data are smooth, which suits a network. The next example has data
# that are not. For 26 real tables with mixed columns, see :doc:`/guide/tables`.
