"""The main job, start to end: choose and tune a regressor for real data.

Predicts how far diabetes progresses within a year from ten measurements of each of 442
patients, a data set that ships with scikit-learn. Prints two tables and draws
quickstart.png. Run it with

    python examples/quickstart.py
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor


def scaled(network):
    """Standardise X and y, which MLPRegressor needs and BackpropRegressor does not."""
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


def draw(model, X_test, y_test, path):
    """Draw the loss curve, and predicted against actual values."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.plot(np.arange(1, model.n_iter_ + 1), model.loss_curve_)
    left.set(xlabel="epoch", ylabel="mean error E, training units", title="Training")

    y_pred = model.predict(X_test)
    limits = [
        min(y_test.min(), y_pred.min()) - 10,
        max(y_test.max(), y_pred.max()) + 10,
    ]
    right.plot(limits, limits, color="0.7", zorder=0)
    right.scatter(y_test, y_pred, s=18, alpha=0.7)
    right.set(
        xlim=limits,
        ylim=limits,
        aspect="equal",
        xlabel="actual progression",
        ylabel="predicted",
        title=f"Test set: R² = {model.score(X_test, y_test):.2f}",
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Compare, tune, test and draw."""
    # MLPRegressor's 200 epochs often end before its loss has settled.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    start = time.perf_counter()
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=42
    )

    print("Defaults, by cross-validation in the training data\n")
    compare(
        {
            "BackpropRegressor, raw data": BackpropRegressor(random_state=0),
            "MLPRegressor, standardised": scaled(MLPRegressor(random_state=0)),
            "HistGradientBoostingRegressor": HistGradientBoostingRegressor(
                random_state=0
            ),
            "Ridge, standardised": make_pipeline(StandardScaler(), Ridge()),
        },
        X_train,
        y_train,
    )

    pipeline = make_pipeline(StandardScaler(), BackpropRegressor(random_state=0))
    search = GridSearchCV(
        pipeline,
        {
            "backpropregressor__hidden_layer_size": [2, 5, 10, 30, 100],
            "backpropregressor__learning_rate_init": [0.003, 0.01, 0.03, "auto"],
        },
        cv=RepeatedKFold(n_splits=5, n_repeats=2, random_state=1),
        n_jobs=2,
    ).fit(X_train, y_train)

    print("\nGrid search over H and η: mean R² in cross-validation\n")
    table = search.cv_results_["mean_test_score"].reshape(5, 4)
    etas = search.param_grid["backpropregressor__learning_rate_init"]
    print(f"{'H':>6}  " + "".join(f"{f'η = {eta}':>12}" for eta in etas))
    for size, row in zip(
        search.param_grid["backpropregressor__hidden_layer_size"], table, strict=True
    ):
        print(f"{size:>6}  " + "".join(f"{score:>12.3f}" for score in row))

    best = search.best_params_
    print(
        f"\nBest: H = {best['backpropregressor__hidden_layer_size']}, "
        f"η = {best['backpropregressor__learning_rate_init']}; "
        f"R² on the test set {search.score(X_test, y_test):.3f}"
    )
    scaler, network = search.best_estimator_
    draw(network, scaler.transform(X_test), y_test, "quickstart.png")
    seconds = time.perf_counter() - start
    print(f"quickstart.png drawn; {seconds:.0f} seconds in all")


if __name__ == "__main__":
    main()
