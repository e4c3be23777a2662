"""
Searching for H and η
=====================

How many hidden units, and what learning rate? ``GridSearchCV`` tries all pairs, and a
heat map shows where the good ones lie.
"""

# %%
# The search
# ----------
# The data are Friedman's: a sine of two features, a parabola, two straight lines, five
# features that mean nothing, and noise. One in four samples is kept for a test.
#
# ``learning_rate="linear"`` lets η fall to 0 within ``max_iter`` epochs. Every setting
# then gets the same number of updates, so that the scores show H and η alone. The
# scaling of the data is inside the estimator, and thus inside every fold.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_backprop import BackpropRegressor, LossCurveDisplay

X, y = make_friedman1(n_samples=400, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

sizes = [1, 2, 5, 10, 20, 50]
etas = [0.001, 0.003, 0.01, 0.03, 0.1, "auto"]
search = GridSearchCV(
    BackpropRegressor(learning_rate="linear", max_iter=200, random_state=0),
    {"hidden_layer_size": sizes, "learning_rate_init": etas},
)
search.fit(X_train, y_train)
print("best:", search.best_params_)
spread = search.cv_results_["std_test_score"][search.best_index_]
print(f"R² in cross-validation: {search.best_score_:.3f} ± {spread:.3f} (of the folds)")
print(f"R² on the test set:     {search.score(X_test, y_test):.3f}")

# %%
# The heat map
# ------------
# ``cv_results_`` lists the settings in the order of the grid, the last parameter
# changing fastest: a row for each H, a column for each η.

r2 = search.cv_results_["mean_test_score"].reshape(len(sizes), len(etas))

plt.style.use(["petroff10", {"font.size": 12}])
figure, axis = plt.subplots(figsize=(6.4, 5.4), layout="constrained")
image = axis.imshow(r2, cmap="viridis", aspect="auto")
for (row, column), score in np.ndenumerate(r2):
    color = "black" if image.norm(score) > 0.4 else "white"
    axis.text(column, row, f"{score:.2f}", ha="center", va="center", color=color)
row, column = np.unravel_index(r2.argmax(), r2.shape)
frame = plt.Rectangle(
    (column - 0.47, row - 0.47), 0.94, 0.94, fill=False, ec="C2", lw=4
)
axis.add_patch(frame)
axis.axvline(len(etas) - 1.5, color="white", linewidth=4, zorder=1)
axis.set(
    xticks=range(len(etas)),
    xticklabels=etas,
    yticks=range(len(sizes)),
    yticklabels=sizes,
    xlabel="learning rate η (learning_rate_init)",
    ylabel="hidden units H (hidden_layer_size)",
    title="Mean R² in 5-fold cross-validation",
)
plt.show()

# %%
# Brighter is better; the frame marks the best. On the left η is too small to arrive in
# 200 epochs. In the upper rows one or two units cannot bend enough. From 10 units and
# η = 0.03 on, the scores differ by about as much as those of the folds do (the ±
# above): which of these settings is the best, a search of this size cannot tell.
#
# "auto" is 0.3 / (1 + H / 4), smaller with more units, since with them ŷ moves further
# in each step. Its scores come within 0.01 of the best in every row, so that often a
# search over H alone will do.

# %%
# Loss curves
# -----------
# ``LossCurveDisplay`` shows what a score cannot: how training went. Here the best
# setting, and the same number of hidden units with smaller learning rates.

figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
for eta in [0.001, 0.01, "auto"]:
    model = clone(search.best_estimator_).set_params(learning_rate_init=eta)
    model.fit(X_train, y_train)
    LossCurveDisplay.from_estimator(model, ax=axis, name=f"η = {eta}")
plt.show()

# %%
# With η = 0.001 the loss levels off far above the others. It has not found a minimum:
# the steps shrink to 0 within 200 epochs, and together are too short to get there.
