"""Fits that ended too soon warn, and good fits do not."""

import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning

from sklearn_backprop import BackpropRegressor

STALLED = r"^BackpropRegressor: Training stopped too soon: the (loss|validation score) "
STALLED += r"had not improved by tol=0\.0001 for n_iter_no_change=10 .* still falling\."


def line(n):
    x = np.arange(float(n))
    return x[:, np.newaxis], x + 1


def sine(n, periods=2):
    t = np.linspace(0, 1, n)
    return t[:, np.newaxis], np.sin(2 * np.pi * periods * t)


def linear(n, noise, d=5):
    random = np.random.RandomState(n)
    X = random.normal(size=(n, d))
    return X, X.sum(axis=1) / d**0.5 + noise * random.normal(size=n)


def friedman(n):
    return make_friedman1(n, noise=1.0, random_state=0)


def regressor(**parameters):
    parameters = {"learning_rate": "adaptive", "random_state": 2, **parameters}
    return BackpropRegressor(**parameters)


def messages(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert {one.category for one in caught} <= {ConvergenceWarning}
    assert all(one.filename == __file__ for one in caught)
    return [str(one.message) for one in caught]


TOO_SOON = {
    "few rows": (line(10), {"random_state": 5}),
    "sine": (sine(126), {}),
    "sine, float32": ((sine(126)[0].astype(np.float32), sine(126)[1]), {}),
    "sine, H=1000": (sine(126), {"hidden_layer_size": 1000}),
    "sine, early stopping": (sine(126), {"early_stopping": True}),
    "sine, constant": (sine(100), {"learning_rate": "constant"}),
    "small eta": (friedman(300), {"learning_rate_init": 0.001}),
    "smaller eta": (line(20), {"learning_rate_init": 1e-4}),
    "batches": (friedman(300), {"batch_size": 16}),
    "one batch": (line(50), {"batch_size": "all"}),
    "invscaling": (sine(60, 1), {"learning_rate": "invscaling"}),
}


@pytest.mark.parametrize("case", TOO_SOON)
def test_a_fit_that_stalls_while_its_loss_falls_says_so(case):
    (X, y), parameters = TOO_SOON[case]
    model = regressor(**parameters)
    (message,) = messages(model, X, y)
    assert model.n_iter_ < 400
    assert re.search(STALLED, message)
    # and more epochs do help
    loss = model.loss_
    model.set_params(n_iter_no_change=100, tol=0.0, max_iter=model.n_iter_ + 250)
    messages(model, X, y)
    assert model.loss_ < 0.9 * loss


GOOD = {
    "linear": (linear(300, 0.5), {}),
    "linear, very noisy": (linear(300, 2.0), {}),
    "linear, exact": (linear(300, 0.0), {}),
    "linear, eta": (linear(500, 0.5), {"learning_rate_init": 0.01}),
    "linear, float32": (
        (linear(300, 0.5)[0].astype(np.float32), linear(300, 1)[1]),
        {},
    ),
    "linear, early stopping": (linear(500, 0.5), {"early_stopping": True}),
    "linear, constant": (linear(500, 0.5), {"learning_rate": "constant"}),
    "linear, not standardized": (linear(300, 0.5), {"standardize": False}),
    "friedman": (friedman(300), {}),
    "friedman, more rows": (friedman(1000), {}),
    "constant": ((linear(50, 0)[0], np.full(50, 3.0)), {}),
    "met": (sine(50, 0.5), {"n_iter_no_change": 30}),
    "two outputs": (
        (linear(300, 0)[0], np.c_[linear(300, 1)[1], linear(300, 1)[0]]),
        {},
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_fit_says_nothing(case):
    (X, y), parameters = GOOD[case]
    model = regressor(**parameters)
    assert messages(model, X, y) == []
    assert model.n_iter_ < 400


def test_diabetes_says_nothing(diabetes):
    assert messages(regressor(), *diabetes) == []


@pytest.mark.parametrize("name", ["concrete", "energy"])
def test_real_data_say_nothing(uci, name):
    X, y, _ = uci(name)
    assert messages(regressor(), X, y) == []


def test_the_units_of_y_do_not_matter():
    X, y = sine(126)
    (message,) = messages(regressor(), X, y)
    assert messages(regressor(), X, 1e6 * y + 1e7) == [message]


def test_linear_says_nothing_of_a_stall():
    model = regressor(learning_rate="linear", max_iter=30)
    assert messages(model, *line(10)) == []


def test_only_the_epochs_of_this_fit_count():
    X, y = linear(1000, 0.5)
    parameters = {"learning_rate": "constant", "n_iter_no_change": 100}
    model = regressor(max_iter=3, warm_start=True, **parameters)
    for _ in range(2):
        (message,) = messages(model, X, y)
    assert "hardly falling anymore" in message


CURES = {
    "rows": (
        line(10),
        {"random_state": 5},
        "increase n_iter_no_change, for example to 50, decrease tol, for example to "
        "1e-05, or use learning_rate='linear'",
    ),
    "eta": (
        friedman(300),
        {"learning_rate_init": 0.001},
        "learning_rate_init is far below 'auto'. Increase learning_rate_init, for "
        "example to 'auto'. Or increase n_iter_no_change, .* decrease tol",
    ),
    "batches": (
        friedman(300),
        {"batch_size": 16},
        "Decrease batch_size, for example to 1. Or increase n_iter_no_change",
    ),
    "max_iter": (
        friedman(300),
        {"max_iter": 5},
        "did not converge in max_iter=5 epochs. The loss was still falling. Increase "
        "max_iter, for example to 10. Use early_stopping=True",
    ),
    "max_iter, small eta": (
        friedman(300),
        {"max_iter": 20, "learning_rate_init": 1e-4},
        "far below 'auto'. Increase learning_rate_init, for example to 'auto'.$",
    ),
    "max_iter, noise floor": (
        linear(1000, 0.5),
        {"max_iter": 60, "learning_rate": "constant", "n_iter_no_change": 100},
        "hardly falling anymore.*. Use learning_rate='linear', or increase tol, for "
        "example to 0.001",
    ),
    "max_iter, overfitting": (
        linear(80, 1.0),
        {"max_iter": 100, "early_stopping": True, "n_iter_no_change": 100},
        "more epochs would only overfit. Decrease n_iter_no_change to stop sooner, or "
        "increase alpha, for example to 0.003",
    ),
    "max_iter, early stopping": (
        friedman(300),
        {"max_iter": 5, "early_stopping": True},
        "still falling. Increase max_iter, for example to 10.$",
    ),
}


@pytest.mark.parametrize("case", CURES)
def test_the_cure_fits_the_cause(case):
    (X, y), parameters, cure = CURES[case]
    found = messages(regressor(**parameters), X, y)
    assert len([one for one in found if re.search(cure, one)]) == 1
    assert sum("Increase max_iter" in one for one in found) == (
        "Increase max_iter" in cure
    )


def test_whoever_asks_for_all_epochs_gets_them_in_silence(random):
    X = random.normal(size=(50, 2))
    model = BackpropRegressor(
        3, learning_rate="adaptive", n_iter_no_change=np.inf, max_iter=7
    )
    assert model.fit(X, X[:, 0]).n_iter_ == 7
