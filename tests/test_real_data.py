"""Multiple outputs, sparse rows and weights on real data, against other regressors.

The others get standardized targets and the best of several penalties.
"""

import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_linnerud
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, RepeatedKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from sklearn_backprop import BackpropRegressor

ALPHAS = (1e-4, 1e-2, 0.1, 1.0)
MARGIN = 0.02  # of R²


def peers(scale, several_outputs=False):
    """MLPRegressor and SGDRegressor with each penalty, on scaled X and y."""
    for alpha in ALPHAS:
        linear = SGDRegressor(alpha=alpha, random_state=0)
        if several_outputs:
            linear = MultiOutputRegressor(linear)
        for model in (MLPRegressor(alpha=alpha, random_state=0), linear):
            yield TransformedTargetRegressor(
                make_pipeline(scale, model), transformer=StandardScaler()
            )


def cross_validated_r2(model, X, y, cv, weight=None):
    """The mean over the folds of R², with weights in fit and score."""
    scores = []
    for train, test in cv.split(X):
        routed = {} if weight is None else weights_for(model, weight[train])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X[train], y[train], **routed)
        w = None if weight is None else weight[test]
        scores.append(r2_score(y[test], model.predict(X[test]), sample_weight=w))
    return np.mean(scores)


def weights_for(model, weight):
    """The keyword by which a model, or the last step of a peer, takes weights."""
    if isinstance(model, BackpropRegressor):
        return {"sample_weight": weight}
    name = model.regressor.steps[-1][0]
    return {f"{name}__sample_weight": weight}


def assert_as_good_as_peers(ours, theirs, *args):
    best = max(cross_validated_r2(model, *args) for model in theirs)
    assert cross_validated_r2(ours, *args) >= best - MARGIN


@pytest.mark.slow
def test_several_outputs_of_linnerud():
    X, y = load_linnerud(return_X_y=True)  # 20 rows, 3 outputs
    cv = RepeatedKFold(n_splits=5, n_repeats=4, random_state=0)
    ours = BackpropRegressor(10, alpha=0.1, max_iter=400, random_state=0)
    theirs = peers(StandardScaler(), several_outputs=True)
    assert_as_good_as_peers(ours, theirs, X, y, cv)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Bins whose width are too small")
def test_one_hot_rows_of_diabetes(diabetes):
    X, y = diabetes
    one_hot = KBinsDiscretizer(5, quantile_method="averaged_inverted_cdf")
    rows = one_hot.fit_transform(X).tocsr()
    assert rows.nnz < 0.25 * np.prod(rows.shape)
    cv = KFold(5, shuffle=True, random_state=0)
    ours = BackpropRegressor(10, alpha=0.03, max_iter=400, random_state=0)
    assert_as_good_as_peers(ours, peers("passthrough"), rows, y, cv)


def test_weighted_diabetes(diabetes):
    X, y = diabetes
    weight = 0.25 + 1.5 * (X[:, 0] > 50)  # the older count seven times as much
    cv = KFold(5, shuffle=True, random_state=0)
    ours = BackpropRegressor(10, alpha=0.01, max_iter=400, random_state=0)
    assert cross_validated_r2(ours, X, y, cv, weight) > 0.4
    mlp_takes_weights = "sample_weight" in MLPRegressor.fit.__code__.co_varnames
    theirs = [
        model
        for model in peers(StandardScaler())
        if mlp_takes_weights or not isinstance(model.regressor[-1], MLPRegressor)
    ]
    assert_as_good_as_peers(ours, theirs, X, y, cv, weight)


@pytest.mark.parametrize("K", [1, 3])
def test_a_penalty_helps_where_there_are_few_rows(K):
    X, y = load_linnerud(return_X_y=True)
    y = y[:, 0] if K == 1 else y
    cv = RepeatedKFold(n_splits=5, n_repeats=4, random_state=0)
    without, with_penalty = (
        cross_validated_r2(
            BackpropRegressor(10, alpha=a, max_iter=400, random_state=0), X, y, cv
        )
        for a in (0.0, 0.1)
    )
    assert with_penalty > without + 0.2
