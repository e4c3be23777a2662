"""
How "auto" chooses the length of training
=========================================

With its defaults, `BackpropRegressor` searches for the number of epochs and the L2
penalty that predict best on held-out parts of the training data. Two data sets that
follow the same function show why no fixed choice works for both.
"""

# %%
# One function, with low and high noise
# -------------------------------------
# These are 150 points on a wave, first with almost no noise, then with so much that the
# data are mostly noise.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_backprop import BackpropRegressor

rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, size=150)
true = np.sin(2.5 * x) + 0.3 * x
targets = {
    "Low noise": true + rng.normal(scale=0.05, size=x.size),
    "High noise": true + rng.normal(scale=1.5, size=x.size),
}

# %%
# What the search tried
# ---------------------
# ``search_results_`` has the same format as ``cv_results_`` of a grid search. A score
# is the mean of −E over held-out rows, in standardized units.

X = x[:, np.newaxis]
models = {
    name: BackpropRegressor(random_state=0).fit(X, y) for name, y in targets.items()
}
for name, model in models.items():
    print(f"{name}: {model.n_iter_} epochs, α = {model.alpha_}")
    columns = ["param_max_iter", "param_alpha", "mean_test_score"]
    print(pd.DataFrame(model.search_results_)[columns].round(3).to_string(index=False))

# %%
# The choice
# ----------
# The plot shows the errors of the candidates, with a ring around the chosen one. More
# epochs are tried only as long as they help.

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), layout="constrained")
for (name, model), axis in zip(models.items(), axes, strict=True):
    results = pd.DataFrame(model.search_results_)
    for alpha, candidates in results.groupby("param_alpha"):
        candidates = candidates.sort_values("param_max_iter")
        error = -candidates["mean_test_score"]
        axis.plot(candidates["param_max_iter"], error, "o-", label=f"α = {alpha:g}")
    chosen = results.loc[results["rank_test_score"].idxmin()]
    axis.plot(
        chosen["param_max_iter"],
        -chosen["mean_test_score"],
        "o",
        markersize=16,
        markerfacecolor="none",
        markeredgecolor="black",
    )
    axis.set(title=name, xscale="log", xlabel="number of epochs")
    axis.legend()
axes[0].set_ylabel("error on held-out rows")
plt.show()

# %%
# The network
# -----------
# The network was then trained on all points. The dashed line is the true function.

grid = np.linspace(-3, 3, 300)
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), layout="constrained")
for (name, model), axis in zip(models.items(), axes, strict=True):
    axis.scatter(x, targets[name], s=12, color="0.6", label="samples")
    axis.plot(grid, np.sin(2.5 * grid) + 0.3 * grid, "k--", label="true function")
    axis.plot(grid, model.predict(grid[:, np.newaxis]), label="network")
    axis.set(title=name, xlabel="input x")
axes[0].set_ylabel("target y and prediction ŷ")
axes[0].legend()
plt.show()
