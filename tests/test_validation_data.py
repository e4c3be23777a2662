"""Validation data passed to fit."""

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, refused, same_bits, weights_of
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor


@pytest.fixture
def data(random):
    X = random.normal(size=(120, 3)) * [1, 5, 1] + [0, 3, 0]
    y = 4 * np.sin(X[:, 0]) + X[:, 1] + 0.5 * random.normal(size=120)
    return X[:80], y[:80], X[80:], y[80:]


def regressor(**parameters):
    return BackpropRegressor(
        **{
            "hidden_layer_size": 6,
            "early_stopping": True,
            "max_iter": 60,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.mark.parametrize("learning_rate", ["adaptive", "constant", "linear"])
def test_scores_and_losses_are_those_of_the_given_data(random, data, learning_rate):
    X, y, X_val, y_val = data
    weight = random.uniform(0, 3, 40)
    model = regressor(learning_rate=learning_rate)
    fit_quietly(model, X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    assert len(model.validation_scores_) == model.n_iter_
    assert len(model.validation_loss_curve_) == model.n_iter_

    # The best weights are kept, those of the last epoch or not.
    y_hat = model.predict(X_val)
    score = r2_score(y_val, y_hat, sample_weight=weight)
    assert_allclose(model.best_validation_score_, score, rtol=1e-10)
    assert model.best_validation_score_ == max(model.validation_scores_)
    best = np.argmax(model.validation_scores_)
    error = mean_squared_error(y_val, y_hat, sample_weight=weight)
    in_training_units = error / (2 * y.var())
    assert_allclose(model.validation_loss_curve_[best], in_training_units, rtol=1e-10)


def test_the_best_weights_are_those_of_their_epoch(data):
    X, y, X_val, y_val = data
    model = regressor(learning_rate="constant", learning_rate_init=0.4)
    fit_quietly(model, X, y, X_val=X_val, y_val=y_val)
    best = 1 + int(np.argmax(model.validation_scores_))
    assert best < model.n_iter_
    alone = regressor(early_stopping=False, learning_rate="constant")
    alone.set_params(learning_rate_init=0.4)
    for _ in range(best):
        alone.partial_fit(X, y)
    assert np.array_equal(weights_of(model)[0], weights_of(alone)[0])


def test_given_data_leave_all_rows_to_train_on(data):
    X, y, X_val, y_val = data
    model = regressor(learning_rate="linear", max_iter=5)
    fit_quietly(model, X, y, X_val=X_val, y_val=y_val)
    plain = regressor(learning_rate="linear", max_iter=5, early_stopping=False)
    fit_quietly(plain, X, y)
    assert model.loss_curve_ == plain.loss_curve_


def test_weights_of_given_data_may_have_any_scale(data):
    X, y, X_val, y_val = data
    scores = [
        fit_quietly(
            regressor(max_iter=5),
            X,
            y,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=np.full(40, scale),
        ).validation_scores_
        for scale in (2.0**-30, 1.0, 2.0**30)
    ]
    assert scores[0] == scores[1] == scores[2]


def test_given_data_may_be_sparse_and_of_another_type(data):
    X, y, X_val, y_val = data

    def regressor_in_order():
        return regressor(shuffle=False)  # or rounding changes the order of content

    model = fit_quietly(regressor_in_order(), X, y, X_val=X_val, y_val=y_val)
    for form in (scipy.sparse.csr_array, scipy.sparse.csc_matrix):
        other = fit_quietly(
            regressor_in_order(), X, y, X_val=form(X_val), y_val=list(y_val)
        )
        assert_allclose(other.validation_scores_, model.validation_scores_, rtol=1e-9)
    single = fit_quietly(
        regressor_in_order(), X.astype(np.float32), y, X_val=X_val, y_val=y_val
    )
    assert single._state.network.dtype == np.float32
    n = min(single.n_iter_, model.n_iter_, 5)
    assert_allclose(
        single.validation_scores_[:n], model.validation_scores_[:n], rtol=1e-3
    )


def test_several_outputs_are_validated_together(data):
    X, y, X_val, y_val = data
    Y, Y_val = (np.column_stack([part, part**2]) for part in (y, y_val))
    model = fit_quietly(regressor(), X, Y, X_val=X_val, y_val=Y_val)
    assert_allclose(model.best_validation_score_, r2_score(Y_val, model.predict(X_val)))


def test_data_that_do_not_fit_are_refused(data):
    X, y, X_val, y_val = data
    for keywords, message in (
        ({"X_val": X_val}, "X_val passed to fit without y_val"),
        ({"y_val": y_val}, "y_val passed to fit without X_val"),
        ({"sample_weight_val": [1.0]}, "sample_weight_val passed to fit without X_val"),
        ({"X_val": X_val, "y_val": y_val[:-1]}, "inconsistent numbers"),
        ({"X_val": X_val[:, :2], "y_val": y_val}, "2 features"),
        ({"X_val": X_val, "y_val": np.c_[y_val, y_val]}, "y_val has 2 outputs"),
        ({"X_val": X_val * np.nan, "y_val": y_val}, "NaN"),
        ({"X_val": [["a"] * 3], "y_val": [1]}, "X_val must be numeric"),
        (
            {"X_val": X_val, "y_val": y_val, "sample_weight_val": -np.ones(40)},
            "sample_weight_val has the negative value -1 in row 0",
        ),
    ):
        model = regressor()
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, **keywords)
        assert not vars(model).keys() - model.get_params().keys()
    with pytest.raises(ValueError, match="early_stopping=False"):
        regressor(early_stopping=False).fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_data_in_other_units_are_warned_of(data):
    X, y, X_val, y_val = data
    message = r"best R² on X_val and y_val is not above 0.*in the units of X and y"
    for other in ({"X_val": X_val, "y_val": y_val + 100}, {"X_val": X, "y_val": -y}):
        with pytest.warns(ConvergenceWarning, match=message):
            regressor().fit(X, y, **other)
    scaled = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    with pytest.warns(ConvergenceWarning, match=message):
        scaled.fit(X, 1e3 * y, X_val=X_val, y_val=1e3 * y_val)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_val", [1, 7, 10, 40])
def test_targets_that_tell_nothing_are_warned_of(data, n_val):
    # Rounding must not make a spread of a mean that is not quite the constant.
    X, y, _, _ = data
    model = regressor(max_iter=3)
    with pytest.warns(ConvergenceWarning, match="to validate on are all the same"):
        model.fit(X, y, X_val=X[:n_val], y_val=np.full(n_val, 0.1))
    assert model.validation_scores_ == [0.0, 0.0, 0.0]
    rare = np.where(np.arange(len(y)) == 3, 1.0, 0.1)
    with pytest.warns(ConvergenceWarning, match="to validate on are all the same"):
        model.fit(X, rare)
    fit_quietly(model, X, np.full(len(y), 0.1))  # met exactly
    assert model.best_validation_score_ == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_of_weight_0_are_absent_from_the_validation(data):
    X, y, X_val, y_val = data
    weight = np.ones(40)
    weight[[3, 7]] = 0
    model, same = regressor(), regressor()
    fit_quietly(model, X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    there = weight > 0
    fit_quietly(same, X, y, X_val=X_val[there], y_val=y_val[there])
    assert model.validation_scores_ == same.validation_scores_
    given = {"y_val": np.where(there, 0.1, 5), "sample_weight_val": weight}
    model.set_params(max_iter=3)
    with pytest.warns(ConvergenceWarning, match="to validate on are all the same"):
        model.fit(X, y, X_val=X_val, **given)


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_targets_that_vary_only_where_weights_are_0_are_all_the_same(data, weight):
    X = data[0]
    odd = np.arange(len(X)) == 3
    model = regressor(max_iter=3, learning_rate="linear")  # warnings are errors
    model.fit(X, np.where(odd, 1.0, 0.1), sample_weight=np.where(odd, 0.0, weight))
    assert model.best_validation_score_ == 1


def test_errors_in_the_data_to_validate_on_say_so(data):
    X, y, _, _ = data
    for X_val, y_val, weight in (
        (X * np.nan, y, None),
        (X, y * np.nan, None),
        (X[:, :-1], y, None),
        (X, y, [1.0]),
    ):
        with refused(model := regressor(), "^In the validation data: "):
            model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)


def test_a_pipeline_transforms_the_given_data(data):
    X, y, X_val, y_val = data
    with config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [
                ("scale", StandardScaler()),
                ("net", regressor().set_fit_request(X_val=True, y_val=True)),
            ],
            transform_input=["X_val"],
        )
        fit_quietly(pipeline, X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    by_hand = regressor()
    fit_quietly(
        by_hand, scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    assert same_bits(pipeline[-1], by_hand)
    assert pipeline[-1].validation_scores_ == by_hand.validation_scores_
