"""Choose and tune a regressor for a table, from start to finish.

Predicts the range of an electric car on one charge, from numeric columns in their own
units and two text columns. The table is made up, with 3 % noise. Prints three tables,
for the defaults, a grid search and the test set, and saves a plot as quickstart.png.
Run it with

    python examples/quickstart.py
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_backprop import BackpropRegressor, LossCurveDisplay


def make_trips(n):
    """Make a table of n trips, and the range of each car in kilometers."""
    random = np.random.default_rng(0)
    trips = pd.DataFrame(
        {
            "speed_kmh": random.uniform(30, 130, n).round(),
            "wind_kmh": random.normal(0, 15, n).round(),
            "outside_celsius": random.normal(12, 10, n).round(1),
            "load_kg": random.uniform(70, 500, n).round(),
            "battery_kwh": random.choice([40, 58, 77, 100], n),
            "tires": random.choice(["summer", "winter", "all-season"], n),
            "road": random.choice(["dry", "wet", "snow"], n, p=[0.6, 0.3, 0.1]),
        }
    )
    rolling = trips["tires"].map(
        {"summer": 0.009, "winter": 0.0115, "all-season": 0.01}
    )
    rolling *= trips["road"].map({"dry": 1.0, "wet": 1.25, "snow": 1.8})
    air = (trips["speed_kmh"] + trips["wind_kmh"]).clip(lower=0) ** 2
    cold = (18 - trips["outside_celsius"]).clip(lower=0)
    kwh_per_km = (
        0.00303 * (1800 + trips["load_kg"]) * rolling
        + 4.9e-6 * air
        + 0.06 * cold / trips["speed_kmh"]
    )
    usable_kwh = trips["battery_kwh"] * (1 - 0.006 * (cold - 3).clip(lower=0))
    return trips, usable_kwh / kwh_per_km * np.exp(random.normal(0, 0.03, n))


def encoded(*steps):
    """A pipeline that turns text columns into columns of 0 and 1."""
    is_text = make_column_selector(dtype_exclude="number")
    encode = make_column_transformer(
        (OneHotEncoder(), is_text), remainder="passthrough"
    )
    return make_pipeline(encode, *steps)


def scaled(model):
    """The same, but with X and y standardized; BackpropRegressor does not need this."""
    return TransformedTargetRegressor(
        encoded(StandardScaler(), model), transformer=StandardScaler()
    )


def compare(models, X, y):
    """Print the cross-validated R², error and fit time of every model."""
    print(f"{'':<32}{'R²':>14}{'RMSE':>10}{'fit':>12}")
    for name, model in models.items():
        results = cross_validate(
            model, X, y, scoring=["r2", "neg_root_mean_squared_error"]
        )
        r2 = results["test_r2"]
        rmse = -results["test_neg_root_mean_squared_error"].mean()
        milliseconds = 1000 * np.median(results["fit_time"])
        print(
            f"{name:<32}{r2.mean():>7.3f} ± {r2.std():.3f}{rmse:>7.1f} km"
            f"{milliseconds:>9.0f} ms"
        )


def tune(X, y):
    """Search over α and the number of epochs, print the scores, return the search."""
    # With an integer max_iter, no candidate starts its own search.
    lengths, alphas = [400, 1600], [0, 0.0003, 0.001]
    search = GridSearchCV(
        encoded(BackpropRegressor(20, random_state=0)),
        {
            "backpropregressor__alpha": alphas,
            "backpropregressor__max_iter": lengths,
        },
        n_jobs=2,
    )
    search.fit(X, y)

    # The settings are sorted by name, so alpha comes first.
    print(f"{'':>12}" + "".join(f"{f'{length} epochs':>14}" for length in lengths))
    table = search.cv_results_["mean_test_score"].reshape(len(alphas), len(lengths))
    for alpha, row in zip(alphas, table, strict=True):
        print(f"{f'α = {alpha}':>12}" + "".join(f"{score:>14.3f}" for score in row))
    return search


def draw(pipeline, X_train, X_test, y_train, y_test, path):
    """Plot the losses during training, and predicted against actual values."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    encode, network = pipeline[:-1], clone(pipeline[-1])
    network.set_params(early_stopping=True).fit(encode.transform(X_train), y_train)
    display = LossCurveDisplay.from_estimator(network, ax=left, linewidth=1)
    display.validation_line_.set(color="C1", linestyle="-")
    left.set(title="Loss by epoch", yscale="log")
    left.legend()

    y_pred = pipeline.predict(X_test)
    limits = [0, 1.05 * max(y_test.max(), y_pred.max())]
    right.plot(limits, limits, color="0.7", linestyle="--", zorder=0)
    right.scatter(y_test, y_pred, s=18, alpha=0.7)
    right.set(
        xlim=limits,
        ylim=limits,
        aspect="equal",
        xlabel="actual range in km",
        ylabel="predicted range in km",
        title=f"Test set: R² = {pipeline.score(X_test, y_test):.3f}",
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Compare, tune, test and plot."""
    # MLPRegressor's 200 epochs often end before its loss has converged.
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iter")
    start = time.perf_counter()
    X, y = make_trips(500)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    models = {
        "BackpropRegressor": encoded(BackpropRegressor(random_state=0)),
        "MLPRegressor, scaled": scaled(MLPRegressor(random_state=0)),
        "HistGradientBoostingRegressor": encoded(
            HistGradientBoostingRegressor(random_state=0)
        ),
        "RidgeCV, scaled": scaled(RidgeCV()),
    }

    print("1. Defaults: cross-validation on the training data\n")
    compare(models, X_train, y_train)

    print("\n2. Grid search with 20 hidden units: mean R² in cross-validation\n")
    search = tune(X_train, y_train)

    print("\n3. R² on the test set\n")
    print(f"{'BackpropRegressor, tuned':<32}{search.score(X_test, y_test):>7.3f}")
    for name, model in models.items():
        print(f"{name:<32}{model.fit(X_train, y_train).score(X_test, y_test):>7.3f}")

    best = search.best_estimator_
    draw(best, X_train, X_test, y_train, y_test, "quickstart.png")
    seconds = time.perf_counter() - start
    print(f"\nSaved quickstart.png. This took {seconds:.0f} seconds in total.")
    print("Next: docs/guide/start.rst, and docs/guide/choosing.rst for other searches.")


if __name__ == "__main__":
    main()
