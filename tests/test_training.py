"""Epochs, schedules, stopping, warm starts and partial_fit."""

from dataclasses import replace

import numpy as np
import pytest
from models import fit_quietly as fit
from models import largest_difference, same_bits, weights_of
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from sklearn_backprop import BackpropRegressor, _kernel, equations
from sklearn_backprop._network import Network
from sklearn_backprop._random import draw_seed
from sklearn_backprop._sample_order import starting_order
from sklearn_backprop._validation import r_squared

CONTINUABLE = ["constant", "invscaling", "adaptive"]


@pytest.fixture
def data(random):
    X = random.normal(size=(120, 3))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * random.normal(size=120)


def regressor(**parameters):
    parameters = {"random_state": 0, "max_iter": 5, **parameters}
    return BackpropRegressor(12, **parameters)


# ------------------------------------------------------------------ repeatability


@pytest.mark.parametrize("seed", [0, np.random.RandomState(3)])
def test_the_same_seed_gives_the_same_bits(data, seed):
    state = seed.get_state() if hasattr(seed, "get_state") else None
    first = fit(regressor(random_state=seed), *data)
    if state is not None:
        seed.set_state(state)
    second = fit(regressor(random_state=seed), *data)
    assert same_bits(first, second)
    assert first.loss_curve_ == second.loss_curve_


def test_other_seeds_give_other_models(data):
    assert not same_bits(
        fit(regressor(random_state=0), *data), fit(regressor(random_state=1), *data)
    )


def test_a_random_state_instance_is_drawn_from_once_a_fit(data):
    random = np.random.RandomState(5)
    model = regressor(random_state=random)
    first = weights_of(fit(model, *data))
    second = weights_of(fit(model, *data))
    assert not np.array_equal(first[0], second[0])
    expected = np.random.RandomState(5)
    expected.randint(2**32, size=2, dtype=np.uint64)
    assert random.randint(2**32) == expected.randint(2**32)


def test_no_random_state_draws_from_numpys_global_one(data):
    np.random.seed(8)  # noqa: NPY002 (what random_state=None means in scikit-learn)
    first = fit(regressor(random_state=None), *data)
    np.random.seed(8)  # noqa: NPY002
    second = fit(regressor(random_state=None), *data)
    third = fit(regressor(random_state=None), *data)
    assert same_bits(first, second)
    assert not same_bits(second, third)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 8, "all"])
@pytest.mark.parametrize("learning_rate", CONTINUABLE)
def test_k_partial_fits_equal_one_fit(data, learning_rate, batch_size, shuffle):
    parameters = {
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "max_iter": 30,
        "tol": 1e-2,  # "adaptive" then reduces η several times
        "n_iter_no_change": 5 if learning_rate == "adaptive" else 30,
    }
    whole = fit(regressor(**parameters), *data)
    assert whole.n_iter_ == 30
    parts = regressor(**parameters)
    for _ in range(30):
        parts.partial_fit(*data)
    assert same_bits(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_
    assert (whole.n_iter_, whole.t_) == (parts.n_iter_, parts.t_)
    assert np.array_equal(whole.predict(data[0]), parts.predict(data[0]))


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("learning_rate", CONTINUABLE)
def test_a_warm_start_of_2_and_3_epochs_equals_5(data, learning_rate, batch_size):
    parameters = {"learning_rate": learning_rate, "batch_size": batch_size}
    whole = fit(regressor(max_iter=5, **parameters), *data)
    parts = fit(regressor(max_iter=2, warm_start=True, **parameters), *data)
    fit(parts.set_params(max_iter=3), *data)
    assert same_bits(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_
    assert (whole.n_iter_, whole.t_) == (parts.n_iter_, parts.t_) == (5, 600)


def test_partial_fit_goes_on_from_fit(data):
    model = fit(regressor(learning_rate="constant", max_iter=4), *data)
    model.partial_fit(*data)
    assert same_bits(model, fit(regressor(learning_rate="constant"), *data))


def test_fit_trains_a_new_model_without_warm_start(data):
    model = fit(regressor(), *data)
    fit(model, *data)
    assert same_bits(model, fit(regressor(), *data))
    assert model.n_iter_ == 5


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate": "linear"},
        {"batch_size": 8},
        {"batch_size": "all"},
        {"early_stopping": True},
        {"shuffle": False},
    ],
)
def test_the_layout_of_the_arrays_does_not_matter(data, parameters):
    X, y = data
    model = fit(regressor(**parameters), X, y)
    wide = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)
    for same in (np.asfortranarray(X), wide[::2, ::3], X.tolist()):
        assert same_bits(model, fit(regressor(**parameters), same, y))


def test_a_prediction_does_not_depend_on_the_other_rows(data):
    X, y = data
    model = fit(regressor(), X, y)
    together = model.predict(X)
    alone = [model.predict(X[i : i + 1])[0] for i in range(len(X))]
    assert np.array_equal(together, alone)


def test_fit_does_not_change_its_input(data):
    X, y = data
    X_before, y_before = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    fit(regressor(), X, y).predict(X)
    assert np.array_equal(X, X_before)
    assert np.array_equal(y, y_before)


# ---------------------------------------------------------------- order of samples


def test_every_epoch_has_another_order(data):
    # The update by a row depends on those before it, so two epochs in one order and two
    # in another order each give other weights.
    X, y = data
    hashes = _kernel.hash_rows(_kernel.Samples(X, y[:, np.newaxis]), draw_seed(0))
    start = starting_order(hashes, None, by_content=True).entries
    orders = []
    for epoch in range(5):
        orders.append(start.copy())
        _kernel.shuffle(orders[-1], 7, epoch)
    assert len({tuple(order) for order in [*orders, start]}) == 6
    assert all(sorted(order) == list(range(120)) for order in orders)

    parameters = {"learning_rate_init": 0.1, "standardize": False}
    model = regressor(**parameters).partial_fit(X, y)
    for epoch in (1, 2):
        order = start.copy()
        _kernel.shuffle(order, model._state.seed, epoch)
        W, v, _ = equations.epoch(*weights_of(model), X[order], y[order], 0.1)
        assert largest_difference(model.partial_fit(X, y), W, v) < 1e-12


def test_without_shuffle_the_rows_are_used_as_given(data):
    X, y = data
    parameters = {"learning_rate_init": 0.1, "standardize": False, "shuffle": False}
    model = regressor(**parameters).partial_fit(X, y)
    W, v, _ = equations.epoch(*weights_of(model), X, y, 0.1)
    assert largest_difference(model.partial_fit(X, y), W, v) < 1e-12


def test_every_row_is_used_once_in_a_shuffled_epoch(data):
    # A batch of all rows does not depend on their order, up to rounding: a row left
    # out or used twice would show.
    X, y = data
    parameters = {"batch_size": "all", "learning_rate": "constant"}
    shuffled = fit(regressor(**parameters), X, y)
    in_order = fit(regressor(shuffle=False, **parameters), X, y)
    assert largest_difference(shuffled, *weights_of(in_order)) < 1e-13


# --------------------------------------------------------- learning rate and batches


@pytest.mark.parametrize(
    ("learning_rate", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 3 / 4, 2 / 4, 1 / 4]),
        ("invscaling", [1, 1 / np.sqrt(2), 1 / np.sqrt(3), 1 / 2]),
    ],
)
def test_schedules_follow_their_formulas(data, learning_rate, factors):
    X, y = data
    model = regressor(
        learning_rate=learning_rate,
        learning_rate_init=0.05,
        max_iter=4,
        shuffle=False,
        standardize=False,
    )
    start = regressor(
        learning_rate_init=1e-300, shuffle=False, standardize=False, max_iter=1
    )
    W, v = weights_of(fit(start, X, y))  # the initial weights
    for factor in factors:
        W, v, _ = equations.epoch(W, v, X, y, 0.05 * factor)
    assert largest_difference(fit(model, X, y), W, v) < 1e-12


def test_adaptive_divides_the_learning_rate_by_five_without_improvement(data):
    X, y = data
    parameters = {
        "learning_rate_init": 0.05,
        "shuffle": False,
        "standardize": False,
        "tol": 10.0,  # no epoch is an improvement
        "n_iter_no_change": 1,
    }
    start = regressor(
        learning_rate_init=1e-300, shuffle=False, standardize=False, max_iter=1
    )
    W, v = weights_of(fit(start, X, y))
    # No improvement in epochs 1 and 2: more than n_iter_no_change after two, then five
    # reductions.
    # The first epoch is compared with infinity and so always counts as progress.
    for eta in [0.05] * 3 + [0.01] * 2 + [0.002] * 2:
        W, v, _ = equations.epoch(W, v, X, y, eta)
    model = regressor(learning_rate="adaptive", max_iter=7, **parameters)
    assert largest_difference(fit(model, X, y), W, v) < 1e-12

    fit(model.set_params(max_iter=1000), X, y)
    assert model.n_iter_ == 1 + 2 * 6  # no improvement after five reductions


def test_linear_is_constant_in_partial_fit(data):
    linear, constant = regressor(learning_rate="linear"), regressor()
    constant.set_params(learning_rate="constant")
    for _ in range(3):
        linear.partial_fit(*data)
        constant.partial_fit(*data)
    assert same_bits(linear, constant)


@pytest.mark.parametrize(("batch_size", "b"), [(1, 1), (8, 8), ("all", 120)])
def test_auto_learning_rate_is_c_over_b_1_plus_h_over_4(data, batch_size, b):
    # The docstring promises the formula and the constant.
    auto = regressor(batch_size=batch_size)
    given = regressor(batch_size=batch_size)
    given.set_params(learning_rate_init=0.3 / (b * (1 + 12 / 4)))
    assert same_bits(fit(auto, *data), fit(given, *data))


def test_batches_larger_than_the_data_are_cut_to_it(data):
    everything = fit(regressor(batch_size="all"), *data)
    assert same_bits(everything, fit(regressor(batch_size=10**9), *data))
    assert same_bits(everything, fit(regressor(batch_size=120), *data))


# ------------------------------------------------------------------------ stopping


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
def test_training_stops_without_improvement(data, learning_rate):
    model = regressor(learning_rate=learning_rate, max_iter=1000, n_iter_no_change=3)
    fit(model.set_params(tol=1e-3), *data)
    assert 3 < model.n_iter_ < 1000
    curve = np.array(model.loss_curve_)
    best_before = np.minimum.accumulate(curve)[:-1]
    poor = curve[1:] > best_before - 1e-3
    assert poor[-4:].all()
    # no earlier run of four epochs without improvement
    assert not any(poor[i : i + 4].all() for i in range(len(poor) - 4))


def test_linear_does_not_stop(data):
    model = regressor(learning_rate="linear", max_iter=60, tol=10.0).fit(*data)
    assert model.n_iter_ == 60


def test_a_stopped_model_can_go_on(data):
    model = regressor(learning_rate="constant", max_iter=1000, warm_start=True)
    fit(model, *data)
    epochs = model.n_iter_
    assert epochs < 1000
    fit(model, *data)
    assert model.n_iter_ >= epochs + 10


def test_a_fit_that_could_go_on_says_so(data):
    with pytest.warns(
        ConvergenceWarning, match="did not converge in max_iter=2 epochs"
    ):
        regressor(learning_rate="constant", max_iter=2).fit(*data)


def test_attributes_record_the_training(data):
    model = fit(regressor(), *data)
    assert model.n_iter_ == len(model.loss_curve_) == 5
    assert model.t_ == 5 * 120
    assert model.loss_ == model.loss_curve_[-1]
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert (model.n_layers_, model.n_outputs_) == (3, 1)
    assert model.out_activation_ == "identity"
    assert [coef.shape for coef in model.coefs_] == [(3, 12), (12, 1)]
    assert [intercept.shape for intercept in model.intercepts_] == [(12,), (1,)]


def test_best_loss_is_the_lowest(data):
    model = fit(regressor(learning_rate_init=0.3, learning_rate="constant"), *data)
    while model.loss_ == model.best_loss_:
        model.partial_fit(*data)
    assert model.best_loss_ == min(model.loss_curve_) < model.loss_


# ------------------------------------------------------------------ early stopping


def test_early_stopping_restores_the_best_weights(data):
    X, y = data
    model = regressor(
        early_stopping=True,
        learning_rate="constant",
        max_iter=500,
        n_iter_no_change=5,
        validation_fraction=0.3,
    )
    fit(model, X, y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ < 500
    assert model.best_validation_score_ == max(scores)
    assert model.t_ == model.n_iter_ * 84  # 36 rows are held out

    # Only the weights of the best epoch have its score on the held-out rows.
    best = int(np.argmax(scores)) + 1
    until_best = regressor(
        early_stopping=True,
        learning_rate="constant",
        max_iter=best,
        validation_fraction=0.3,
    )
    assert same_bits(model, fit(until_best, X, y))


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
@pytest.mark.parametrize(
    "y",
    [
        [[1.0], [2.0], [4.0]],
        [[3.0], [3.0], [3.0]],
        [[1e10], [1e10 + 1], [1e10 - 1]],
        [[1.0, 3.0], [2.0, 3.0], [-4.0, 3.0]],
    ],
)
def test_the_score_is_r2(y):
    y = np.array(y)
    change = np.array([[0.1], [0.0], [-0.2]])
    for weight in (np.ones(3), np.array([1.0, 0.5, 3.0])):
        for y_hat in (y, y + change, y * 0):
            expected = r2_score(y, y_hat, sample_weight=weight)
            assert_allclose(r_squared(y, y_hat, weight), expected)


def test_early_stopping_goes_with_linear(data):
    model = regressor(early_stopping=True, learning_rate="linear", max_iter=40)
    model.fit(*data)
    assert model.n_iter_ == len(model.validation_scores_) == 40
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_early_stopping_keeps_the_best_weights_over_a_warm_start(data):
    X, y = data
    model = regressor(early_stopping=True, warm_start=True, max_iter=1000)
    weights = weights_of(fit(model, X, y))
    best, epochs = model.best_validation_score_, model.n_iter_
    model.set_params(max_iter=1, learning_rate="constant", learning_rate_init=0.45)
    fit(model, X, y)
    assert len(model.validation_scores_) == model.n_iter_ == epochs + 1
    assert model.validation_scores_[-1] < best
    assert np.array_equal(weights_of(model)[0], weights[0])
    assert model.best_validation_score_ == best


def test_early_stopping_beats_the_model_that_it_starts_from(data):
    # Weights that are not those of the best score, as an interrupt leaves them: what
    # counts from then on is whether training improves them.
    X, y = data
    model = regressor(early_stopping=True, warm_start=True, max_iter=60)
    fit(model, X, y)
    W, v = weights_of(model)
    standardization = model._state.network.standardization
    worse = Network.of(np.zeros_like(W.T), np.zeros((1, len(v))), standardization)
    model._state = replace(model._state, network=worse)
    model.set_params(max_iter=3)
    fit(model, X, y)
    assert max(model.validation_scores_[-3:]) < model.best_validation_score_
    assert np.abs(model.coefs_[1]).max() > 0


def test_early_stopping_needs_rows_to_train_on(random):
    X, y = random.normal(size=(2, 1)), [1.0, 2.0]
    with pytest.raises(ValueError, match=r"early_stopping=True.*n_samples = 2"):
        regressor(early_stopping=True).fit(X, y)
    fit(regressor(early_stopping=True), random.normal(size=(3, 1)), [1, 2, 3])


# ------------------------------------------------------------------------- output


def test_verbose_prints_about_ten_lines(data, capsys):
    regressor(verbose=True, max_iter=200, learning_rate="linear").fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("Epoch 20: loss ")
    assert lines[-1].startswith("Epoch 200: loss ")

    regressor(
        verbose=True, max_iter=10, learning_rate="linear", early_stopping=True
    ).fit(*data)
    assert "validation R²" in capsys.readouterr().out


def test_verbose_prints_a_line_in_partial_fit(data, capsys):
    regressor(verbose=True).partial_fit(*data)
    assert capsys.readouterr().out.startswith("Epoch 1: loss ")


def test_verbose_prints_a_last_line_when_training_converges(data, capsys):
    model = regressor(verbose=True, max_iter=10**6, learning_rate="constant")
    fit(model, *data)
    assert capsys.readouterr().out.startswith(f"Epoch {model.n_iter_}: loss ")


def test_silent_by_default(data, capsys):
    fit(regressor(), *data)
    assert capsys.readouterr().out == ""


# ------------------------------------------------------------------------- streams


def test_adaptive_keeps_its_step_on_a_stream(data):
    # Losses of different rows say nothing about improvement, so η must not shrink.
    X, y = data
    schedules = "constant", "adaptive", "linear"
    constant, *others = models = [
        regressor(learning_rate=name, learning_rate_init=0.05) for name in schedules
    ]
    for model in models:
        model.partial_fit(X, y)
        for _ in range(3):
            for i in range(len(y)):
                model.partial_fit(X[i : i + 1], y[i : i + 1])
    assert all(same_bits(other, constant) for other in others)


def test_training_goes_on_with_other_data_after_a_converged_fit(data):
    # "adaptive" ends with a tiny step; other data must not have to live with it.
    X, y = data
    model = regressor(max_iter=1000).fit(X, y)
    for _ in range(100):
        model.partial_fit(X, -y)
    assert model.score(X, -y) > 0.5


def test_a_stream_is_learned_with_the_defaults(random):
    model = BackpropRegressor(random_state=0)
    for _ in range(200):
        X = 100 + 20 * random.normal(size=(50, 2))
        y = np.sin(X[:, 0] / 20) * 5 + X[:, 1]
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.98
    assert model.t_ == 200 * 50


def test_a_warm_start_on_other_data_forgets_epochs_without_improvement(data):
    X, y = data
    model = regressor(
        learning_rate="constant", tol=10.0, n_iter_no_change=10, warm_start=True
    )
    fit(model.set_params(max_iter=8), X, y)  # seven epochs without progress
    fit(model.set_params(max_iter=100), X, y[::-1])
    assert model.n_iter_ == 8 + 1 + 11
    fit(model, X + 1, y[::-1])
    assert model.n_iter_ == 20 + 1 + 11
