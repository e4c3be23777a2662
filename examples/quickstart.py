"""The main job, start to end: choose and tune a regressor for real data.

Predicts how far diabetes progresses within a year from ten measurements of each of 442
patients, a data set that ships with scikit-learn. Prints three tables, of the defaults,
of a grid search and of the test, and draws quickstart.png. Run it with

    python examples/quickstart.py
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from sklearn_backprop import BackpropRegressor


def scaled(network):
    """Standardize X and y, which MLPRegressor needs and BackpropRegressor does not."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network), transformer=StandardScaler()
    )


def compare(models, X, y):
    """Print cross-validated R², error and fitting time of every model."""
    folds = RepeatedKFold(n_splits=5, n_repeats=2, random_state=0)
    print(f"{'':<30}{'R²':>14}{'RMSE':>14}{'fit':>12}")
    for name, model in models.items():
        results = cross_validate(
            model, X, y, cv=folds, scoring=["r2", "neg_root_mean_squared_error"]
        )
        r2 = results["test_r2"]
        rmse = -results["test_neg_root_mean_squared_error"]
        milliseconds = 1000 * np.median(results["fit_time"])
        print(
            f"{name:<30}{r2.mean():>7.3f} ± {r2.std():.2f}"
            f"{rmse.mean():>7.1f} ± {rmse.std():>4.1f}{milliseconds:>9.0f} ms"
        )


def draw(pipeline, X_test, y_test, path):
    """Draw the loss curve, and predicted against actual values."""
    model = pipeline[-1]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.plot(np.arange(1, model.n_iter_ + 1), model.loss_curve_)
    left.axhline(0.5, color="0.7", linestyle="--", zorder=0)
    left.text(model.n_iter_, 0.497, "predicting the mean", ha="right", va="top")
    left.set(xlabel="epoch", ylabel="mean error E, standardized", title="Training")

    y_pred = pipeline.predict(X_test)
    limits = [
        min(y_test.min(), y_pred.min()) - 10,
        max(y_test.max(), y_pred.max()) + 10,
    ]
    right.plot(limits, limits, color="0.7", linestyle="--", zorder=0)
    right.scatter(y_test, y_pred, s=18, alpha=0.7)
    right.set(
        xlim=limits,
        ylim=limits,
        aspect="equal",
        xlabel="actual progression",
        ylabel="predicted",
        title=f"Test set: R² = {pipeline.score(X_test, y_test):.2f}",
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def tune(X, y):
    """Search over H and α in a pipeline, print the scores and return the search."""
    # A pipeline holds what the data need before the network sees them: here a transform
    # that makes skewed measurements symmetric. Scaling is not among it.
    # With a number for max_iter no candidate begins a search of its own.
    model = BackpropRegressor(max_iter=40, random_state=0)
    pipeline = make_pipeline(PowerTransformer(), model)
    sizes, alphas = [2, 5, 10, 30, 100], [0, 0.001, 0.003, 0.01, 0.03]
    search = GridSearchCV(
        pipeline,
        {
            "backpropregressor__hidden_layer_size": sizes,
            "backpropregressor__alpha": alphas,
        },
        cv=RepeatedKFold(n_splits=5, n_repeats=2, random_state=0),
        n_jobs=2,
    )
    search.fit(X, y)

    # The settings are in the order of their names: alpha first, and H changes fastest.
    print(f"{'H':>6}  " + "".join(f"{f'α = {alpha}':>12}" for alpha in alphas))
    table = search.cv_results_["mean_test_score"].reshape(len(alphas), len(sizes)).T
    for size, row in zip(sizes, table, strict=True):
        print(f"{size:>6}  " + "".join(f"{score:>12.3f}" for score in row))
    return search


def main():
    """Compare, tune, test and draw."""
    # MLPRegressor's 200 epochs often end before its loss has converged.
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iter")
    start = time.perf_counter()
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=42
    )
    models = {
        "BackpropRegressor, raw data": BackpropRegressor(random_state=0),
        "MLPRegressor, standardized": scaled(MLPRegressor(random_state=0)),
        "HistGradientBoostingRegressor": HistGradientBoostingRegressor(random_state=0),
        "Ridge, standardized": make_pipeline(StandardScaler(), Ridge()),
    }

    print("1. Defaults, by cross-validation in the training data\n")
    compare(models, X_train, y_train)

    print("\n2. Grid search over H and α, 40 epochs: mean R² in cross-validation\n")
    search = tune(X_train, y_train)
    parameters = search.best_estimator_[-1].get_params()
    H, alpha = parameters["hidden_layer_size"], parameters["alpha"]

    print("\n3. R² on the test set\n")
    print(f"{f'BackpropRegressor, H = {H}, α = {alpha}':<40}", end="")
    print(f"{search.score(X_test, y_test):>7.3f}")
    for name, model in models.items():
        print(f"{name:<40}{model.fit(X_train, y_train).score(X_test, y_test):>7.3f}")

    draw(search.best_estimator_, X_test, y_test, "quickstart.png")
    seconds = time.perf_counter() - start
    print(f"\nquickstart.png drawn; {seconds:.0f} seconds in all")


if __name__ == "__main__":
    main()
