"""
Progress of a search
====================

A long search should show how far along it is, and how its candidates are doing. With
scikit-learn 1.9 or newer, callbacks do both.
"""

# %%
# A progress bar
# --------------
# ``ProgressBar`` is a callback of the search. It shows how many of the fits are done
# and, without ``max_propagation_depth=0``, the epochs of each fit as well. It needs the
# package ``rich``. In a terminal, the bars move.

import matplotlib.pyplot as plt
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_backprop import BackpropRegressor

X, y = make_friedman1(n_samples=400, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# A score for every epoch
# -----------------------
# A callback of the regressor gets the model after every epoch, in every fit of the
# search. ``ScoringMonitor`` computes its R² on the data of that fit. For an R² on
# held-out rows, use ``early_stopping=True`` and ``validation_scores_``.

monitor = ScoringMonitor(scoring="r2")
model = BackpropRegressor(max_iter=60, alpha=0, random_state=0)
model.set_callbacks(monitor)
sizes = [1, 3, 10, 30]
search = GridSearchCV(model, {"hidden_layer_size": sizes}, cv=3)
search.set_callbacks(ProgressBar(max_propagation_depth=0))
search.fit(X_train, y_train)
print(f"best: {search.best_params_}, R² on the test set: ", end="")
print(f"{search.score(X_test, y_test):.2f}")

# %%
# What the monitor recorded
# -------------------------
# The log is a data frame with a row for each epoch. The tasks of the search are its
# fits, in the order of the candidates and, for each candidate, of the folds.

log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"].copy()
of_search = epochs["parent_task_id_path"].map(lambda path: path[:2] == (0, 0))
epochs = epochs[of_search]
fits = epochs["parent_task_id_path"].map(lambda path: path[-1])

plt.style.use(["petroff10", {"font.size": 12}])
plt.rc("axes.spines", top=False, right=False)
figure, axis = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
for number, size in enumerate(sizes):
    for fold in range(3):
        scores = epochs.loc[fits == 3 * number + fold, "r2"]
        label = f"{size} hidden unit{'s' if size > 1 else ''}" if fold == 0 else None
        axis.plot(range(1, len(scores) + 1), scores, color=f"C{number}", label=label)
axis.set(xlabel="epoch", ylabel="R² on the training data", title="Twelve fits")
axis.set_ylim(0.4, 1)
axis.legend(loc="lower right")
plt.show()

# %%
# The learning rate decreases to 0 in these 60 epochs, so the curves flatten out. One
# and three units are too few for this function, and 30 are no better than 10.
