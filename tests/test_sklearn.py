"""scikit-learn's own checks, and its tools on real data."""

import re
import warnings

import numpy as np
import pytest
import sklearn
from models import same_bits
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.fixes import parse_version

import sklearn_backprop
from sklearn_backprop import BackpropRegressor

# of scikit-learn 1.7.0; 1.9 has one more
FEWEST_CHECKS = 60

INSTANCES = [
    {},
    {"hidden_layer_size": 5, "random_state": 0, "max_iter": 200},
    {"momentum": 0.5, "alpha": 1e-3, "batch_size": 8, "max_iter": 200},
    {
        "early_stopping": True,
        "learning_rate": "linear",
        "validation_fraction": 0.3,
        "max_iter": 50,
    },
    {"standardize": False, "learning_rate_init": 0.005, "max_iter": 200},
]
# These change one or two of the same parameters.
MORE_INSTANCES = [
    {"learning_rate": "constant", "max_iter": 100},
    {"learning_rate": "linear", "max_iter": 100},
    {"learning_rate": "invscaling", "learning_rate_init": 0.02},
    {"momentum": 0.9, "max_iter": 200},
    {"alpha": 1e-3, "n_jobs": 2},
    {"batch_size": 8, "max_iter": 200},
    {"batch_size": "all", "max_iter": 1000},
    {"early_stopping": True, "max_iter": 300},
    {"warm_start": False, "tol": 1e-3, "n_iter_no_change": 5, "max_iter": 500},
]


# A skipped check is a SkipTestWarning, and warnings are errors here.
@pytest.mark.filterwarnings("ignore:BackpropRegressor. The first partial_fit has fewer")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "parameters",
    [*INSTANCES, *(pytest.param(p, marks=pytest.mark.slow) for p in MORE_INSTANCES)],
    ids=str,
)
def test_scikit_learn_accepts_the_estimator(parameters):
    results = check_estimator(BackpropRegressor(**parameters), on_fail="raise")
    assert len(results) >= FEWEST_CHECKS
    assert {result["status"] for result in results} == {"passed"}


def test_no_tag_turns_checks_off():
    tags = get_tags(BackpropRegressor())
    assert tags.estimator_type == "regressor"
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test
    assert not tags.regressor_tags.poor_score
    assert not tags.input_tags.allow_nan
    assert tags.target_tags.required
    assert tags.target_tags.multi_output
    assert tags.input_tags.sparse


# -------------------------------------------------------------------- on real data


def regressor(**parameters):
    return BackpropRegressor(10, **{"max_iter": 100, "random_state": 0, **parameters})


def test_pipeline(diabetes):
    X, y = diabetes
    model = make_pipeline(StandardScaler(), regressor())
    assert cross_val_score(model, X, y, error_score="raise").mean() > 0.4


def test_transformed_target_regressor(diabetes):
    X, y = diabetes
    model = TransformedTargetRegressor(
        regressor(), func=np.sqrt, inverse_func=np.square
    )
    assert cross_val_score(model, X, y, error_score="raise").mean() > 0.35


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_grid_search_gives_the_same_with_two_jobs(diabetes):
    X, y = diabetes
    grid = {
        "backpropregressor__hidden_layer_size": [2, 10],
        "backpropregressor__learning_rate_init": ["auto", 0.01],
    }
    pipeline = make_pipeline(StandardScaler(), regressor(max_iter=30))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the worker processes' start
        two = GridSearchCV(pipeline, grid, n_jobs=2, error_score="raise").fit(X, y)
        one = GridSearchCV(pipeline, grid, error_score="raise").fit(X, y)
    assert two.best_score_ > 0.4
    for key in one.cv_results_:
        if "score" in key and "time" not in key:
            assert np.array_equal(one.cv_results_[key], two.cv_results_[key])
    assert same_bits(one.best_estimator_[-1], two.best_estimator_[-1])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_search_over_the_number_of_epochs(diabetes):
    X, y = diabetes
    search = HalvingGridSearchCV(
        regressor(learning_rate="linear"),
        {"learning_rate_init": [1e-4, 1e-3, 1e-2]},
        resource="max_iter",
        min_resources="exhaust",
        max_resources=90,
        random_state=0,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["max_iter"] == 90
    assert search.best_estimator_.n_iter_ == 90
    assert search.best_score_ > 0.4


def test_cross_validate_with_several_scores(diabetes):
    X, y = diabetes
    results = cross_validate(
        regressor(),
        X,
        y,
        scoring=["r2", "neg_root_mean_squared_error"],
        return_estimator=True,
        error_score="raise",
    )
    assert results["test_r2"].mean() > 0.38
    assert (results["test_neg_root_mean_squared_error"] > -70).all()
    assert len({model.t_ for model in results["estimator"]}) > 1


def test_bagging_is_at_least_as_good_as_one(diabetes):
    X, y = diabetes
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    bag = BaggingRegressor(
        BackpropRegressor(10, max_iter=100), n_estimators=10, random_state=0
    )
    bag.fit(X_train, y_train)
    members = [model.score(X_test, y_test) for model in bag.estimators_]
    assert bag.score(X_test, y_test) > np.mean(members)
    assert not same_bits(bag.estimators_[0], bag.estimators_[1])


def test_stacking(diabetes):
    X, y = diabetes
    stack = StackingRegressor([("network", regressor()), ("linear", Ridge())])
    assert cross_val_score(stack, X, y, error_score="raise").mean() > 0.4


def test_clone_is_unfitted_and_equal(diabetes):
    X, y = diabetes
    model = regressor().fit(X, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "n_iter_")
    assert same_bits(copy.fit(X, y), model)


def test_it_beats_a_linear_model_where_the_target_is_not_linear(uci):
    X, y, _ = uci("yacht")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = cross_val_score(BackpropRegressor(random_state=0), X, y).mean()
    assert ours > cross_val_score(Ridge(), X, y).mean() + 0.2


def test_public_names():
    assert set(sklearn_backprop.__all__) == {
        "BackpropRegressor",
        "LossCurveDisplay",
        "__version__",
        "equations",
        "show_config",
    }
    assert repr(BackpropRegressor(3)) == "BackpropRegressor(hidden_layer_size=3)"


def test_the_html_representation_shows_the_documentation():
    model = BackpropRegressor(3)
    html = model._repr_html_()
    page = "generated/sklearn_backprop.BackpropRegressor.html"
    assert re.search(rf'href="https://[\w./-]+/{page}"', html)
    if parse_version(sklearn.__version__) >= parse_version("1.8"):
        for name in model.get_params():
            assert re.search(rf"param-doc-description[^>]*>\s*{name}: ", html), name
