"""
Categories: sparse one-hot data
===============================

One column of categories becomes hundreds of columns of 0 and 1, and nearly all values
are 0. In a sparse matrix, zeros cost nothing, and the model is the same.
"""

# %%
# The data
# --------
# The data have three columns of frequent and rare categories, like the towns in a list
# of addresses. Every category has an effect on the target, and those of the first two
# columns also interact. ``OneHotEncoder`` gives a sparse matrix in CSR format, which
# ``BackpropRegressor`` takes as it is.

from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import OneHotEncoder

from sklearn_backprop import BackpropRegressor


def make_categories(n_categories, rng, n_samples=5000):
    """Three columns of categories, and targets with a variance of about 4."""
    frequency = 1 / np.arange(1, n_categories + 1)
    C = rng.choice(n_categories, (n_samples, 3), p=frequency / frequency.sum())
    effects = rng.normal(size=(3, n_categories))[np.arange(3), C]
    y = effects.sum(axis=1) + np.tanh(2 * effects[:, 0]) * effects[:, 1]
    return C, y + rng.normal(scale=0.3, size=n_samples)


# %%
# Dense and sparse
# ----------------
# One-hot columns already have the same scale, so ``standardize=False`` leaves them 0
# and 1. (Division by their standard deviations would make those of rare categories very
# large. Each Δw_hj has x_j as a factor, so it would be a very large step.)
#
# Only the nonzero entries of a row x matter: in w_hᵀ x̃, and in Δw_hj, which is 0 where
# x_j is 0.

rng = np.random.default_rng(0)
model = BackpropRegressor(
    20, learning_rate="linear", max_iter=20, standardize=False, random_state=0
)
columns = []
seconds = {"dense": [], "sparse": []}
megabytes = {"dense": [], "sparse": []}
print("columns   largest difference in predictions    R² on test rows")
for n_categories in [30, 100, 300, 1000]:
    C, y = make_categories(n_categories, rng)
    X_sparse = OneHotEncoder().fit_transform(C)
    X_dense = X_sparse.toarray()
    columns.append(X_sparse.shape[1])

    y_hat = {}
    for name, X in {"dense": X_dense, "sparse": X_sparse}.items():
        times = repeat(
            lambda X=X, y=y: model.fit(X[:4000], y[:4000]), number=1, repeat=3
        )
        seconds[name].append(min(times))
        y_hat[name] = model.predict(X)
    parts = X_sparse.data, X_sparse.indices, X_sparse.indptr
    megabytes["sparse"].append(sum(part.nbytes for part in parts) / 1e6)
    megabytes["dense"].append(X_dense.nbytes / 1e6)
    difference = np.abs(y_hat["dense"] - y_hat["sparse"]).max()
    r2 = model.score(X_sparse[4000:], y[4000:])
    print(f"{columns[-1]:7}{difference:38.0e}{r2:19.2f}")

# %%
# Time and memory
# ---------------

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axes = plt.subplots(2, 1, figsize=(6.4, 5.8), sharex=True, layout="constrained")
for axis, costs in zip(axes, [seconds, megabytes], strict=True):
    axis.loglog(columns, costs["dense"], "s-", color="C2", linewidth=2, label="dense")
    axis.loglog(columns, costs["sparse"], "o-", color="C0", linewidth=2, label="sparse")
axes[0].set(ylabel="seconds to fit", title="The cost of one-hot data")
axes[1].set(ylabel="megabytes of X", xlabel="columns after one-hot encoding")
axes[1].set_xticks(columns, columns)
axes[1].minorticks_off()
axes[0].legend()
plt.show()

# %%
# However many columns there are, only three entries of a row are nonzero. The sparse
# matrix stays just as small, and training stays nearly as fast. The cost of the dense
# matrix grows with the number of columns. The table above shows that the two models
# agree up to rounding error. It also shows that more categories are harder to learn,
# because there are only a few samples of the rare ones.
