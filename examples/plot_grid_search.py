"""
Searching for H and η
=====================

How many hidden units, and what learning rate? ``GridSearchCV`` tries all pairs, and a
heat map shows where the good ones are.
"""

# %%
# The search
# ----------
# The target is Friedman's function: a sine of two features, a parabola and two straight
# lines, plus noise. Five other features have no effect. One in four samples is held out
# for testing.
#
# ``learning_rate="linear"`` decreases η to 0 within ``max_iter`` epochs. Every setting
# gets the same number of updates, so the scores show only the effect of H and η. The
# data are scaled inside the estimator, and thus inside every fold.

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
print(f"R² in cross-validation: {search.best_score_:.3f} ± {spread:.3f} (over folds)")
print(f"R² on the test set:     {search.score(X_test, y_test):.3f}")

# %%
# The heat map
# ------------
# ``cv_results_`` lists the settings in the order of the grid, with the last parameter
# changing fastest. So there is a row for each H and a column for each η.

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
# Brighter is better, and the frame marks the best. On the left, η is too small to get
# there in 200 epochs. In the upper rows, one or two units are too few to fit the
# function. From 10 units and η = 0.03 on, the scores differ about as much as those of
# the folds (the ± above). A search of this size cannot tell which of these settings is
# best.
#
# "auto" is 0.3 / (1 + H / 4). It is smaller with more units, because each step then
# changes ŷ more. Its scores come within 0.01 of the best in every row, so a search over
# H alone is often enough.

# %%
# Loss curves
# -----------
# ``LossCurveDisplay`` shows how training went, which a score cannot. Here, it shows the
# best setting and smaller learning rates with the same number of hidden units.

figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
for eta in [0.001, 0.01, "auto"]:
    model = clone(search.best_estimator_).set_params(learning_rate_init=eta)
    model.fit(X_train, y_train)
    LossCurveDisplay.from_estimator(model, ax=axis, name=f"η = {eta}")
plt.show()

# %%
# With η = 0.001, the loss levels off far above the others. This is not a minimum: the
# steps shrink to 0 within 200 epochs, and together they are too short to reach one.
