"""scikit-learn's callbacks; see also `sklearn.callback`, from version 1.9."""

import copy

import numpy as np
import pandas as pd
import pytest
from models import fit_quietly, same_bits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor, _search

callback = pytest.importorskip("sklearn.callback")


@pytest.fixture
def data(random):
    X = random.normal(size=(60, 3))
    return X, X[:, 0] + 0.1 * random.normal(size=60)


def regressor(**parameters):
    return BackpropRegressor(
        **{
            "hidden_layer_size": 4,
            "learning_rate": "linear",
            "max_iter": 6,
            "random_state": 0,
            **parameters,
        }
    )


class Recorder:
    """Note what is told, and stop after some epochs."""

    def __init__(self, stop_after=None, fail_after=None):
        self.stop_after, self.fail_after = stop_after, fail_after
        self.told, self.fitted = [], []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.told.append(("begin", context.task_name))
        self.data = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.told.append(("end", context.task_name))
        self.fitted.append(fitted_estimator)
        if len(self.fitted) == self.fail_after:
            raise RuntimeError("the callback failed")
        return len(self.fitted) == self.stop_after


def test_callbacks_hear_of_every_epoch(data):
    X, y = data
    recorder = Recorder()
    model = fit_quietly(regressor().set_callbacks(recorder), X, y, np.full(60, 2.0))
    epochs = [("begin", "epoch"), ("end", "epoch")] * 6
    of_fit = [("begin", "fit"), *epochs, ("end", "fit")]
    assert recorder.told == ["setup", *of_fit, "teardown"]
    assert np.array_equal(recorder.data[0], X)
    assert np.array_equal(recorder.data[1], y)
    assert (recorder.data[2]["sample_weight"] == 2).all()
    assert same_bits(model, fit_quietly(regressor(), X, y, np.full(60, 2.0)))


def test_what_a_callback_is_given_is_the_model_of_that_epoch(data):
    X, y = data
    recorder = Recorder()
    regressor(learning_rate="constant").set_callbacks(recorder)
    model = regressor(learning_rate="constant").set_callbacks(recorder)
    fit_quietly(model, X, y)
    for epochs, snapshot in enumerate(recorder.fitted[:-1], 1):
        alone = regressor(learning_rate="constant", max_iter=epochs)
        fit_quietly(alone, X, y)
        assert same_bits(snapshot, alone)
        assert snapshot.n_iter_ == epochs
        assert snapshot.loss_curve_ == alone.loss_curve_
        assert np.array_equal(snapshot.predict(X), alone.predict(X))


@pytest.mark.parametrize("refit", [False, True])
def test_before_the_first_epoch_there_is_the_model_that_training_starts_from(
    data, refit
):
    X, y = data
    seen = []

    class Looker(Recorder):
        def on_fit_task_begin(self, estimator, context, **_):
            if context.task_name == "fit":
                copied = copy.copy(estimator)
                seen.append((estimator.n_iter_, copied.loss_curve_, copied.best_loss_))
                assert not hasattr(copied, "loss_")
                assert np.array_equal(copied.predict(X), np.full(60, y.mean()))
                copied.partial_fit(X, y)

    model = regressor()
    if refit:
        model.fit(np.column_stack((X, X)), y)
    fit_quietly(model.set_callbacks(Looker()), X, y)
    assert seen == [(0, [], np.inf)]
    assert same_bits(model, fit_quietly(regressor(), X, y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_can_stop_the_fit(data, early_stopping):
    X, y = data
    recorder = Recorder(stop_after=3)
    model = regressor(learning_rate="constant", early_stopping=early_stopping)
    fit_quietly(model.set_callbacks(recorder), X, y)
    assert model.n_iter_ == 3
    alone = regressor(
        learning_rate="constant", early_stopping=early_stopping, max_iter=3
    )
    assert same_bits(model, fit_quietly(alone, X, y))
    assert recorder.told[-1] == "teardown"


def test_a_callback_that_fails_leaves_the_model_before(data):
    X, y = data
    model = regressor().fit(X, y)
    before = model.predict(X)
    recorder = Recorder(fail_after=2)
    with pytest.raises(RuntimeError, match="the callback failed"):
        model.set_callbacks(recorder).fit(X, 2 * y)
    assert recorder.told[-1] == "teardown"
    assert np.array_equal(model.predict(X), before)
    assert not hasattr(model, "_callback_fit_ctx")


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame])
def test_scoring_monitor_scores_every_epoch(data, form):
    X, y = form(data[0]), data[1]
    if form is pd.DataFrame:  # whose names are asked for in every call
        X.columns = list("abc")
    monitor = callback.ScoringMonitor(scoring="r2")
    model = regressor(learning_rate="constant").set_callbacks(monitor)
    fit_quietly(model, X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 6
    assert rows[-1]["r2"] == model.score(X, y)
    assert rows[0]["r2"] < rows[-1]["r2"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_work_inside_a_search_over_a_pipeline(data, capsys, n_jobs):
    pytest.importorskip("rich")
    X, y = data
    pipeline = make_pipeline(StandardScaler(), regressor(max_iter=40))
    search = GridSearchCV(
        pipeline, {"backpropregressor__tol": [1e-3, 1e-4]}, n_jobs=n_jobs, cv=3
    )
    monitor = callback.ScoringMonitor(scoring="r2")
    search.set_callbacks(callback.ProgressBar(), monitor)
    pipeline[-1].set_callbacks(Recorder())
    search.fit(X, y)
    assert "GridSearchCV" in capsys.readouterr().out
    assert search.best_score_ > 0.5


def test_progress_bar_works_alone(data, capsys):
    pytest.importorskip("rich")
    model = regressor(max_iter=40).set_callbacks(callback.ProgressBar())
    model.fit(*data)
    assert "BackpropRegressor" in capsys.readouterr().out


def test_nothing_is_copied_where_no_callback_is_set(data, monkeypatch):
    # Contexts and copies of the estimator are made for callbacks alone.
    def refuse(*args, **kwargs):
        raise AssertionError("made without a callback")

    monkeypatch.setattr(callback.CallbackContext, "subcontext", refuse)
    monkeypatch.setattr(callback.CallbackContext, "_call_hooks", refuse)
    fit_quietly(regressor(), *data)


# ------------------------------------------------------------------------- a search


def test_callbacks_hear_of_the_search_and_of_the_training(data):
    recorder = Recorder()
    model = regressor(max_iter="auto").set_callbacks(recorder).fit(*data)
    told = iter(recorder.told)
    assert [next(told) for _ in range(3)] == [
        "setup",
        ("begin", "fit"),
        ("begin", "search"),
    ]
    rest = list(told)
    end = rest.index(("end", "search"))
    names = {name for _, name in rest[:end]}
    assert names == {"candidate"}
    splits = [model.search_results_[f"split{k}_test_score"] for k in range(5)]
    assert rest[:end].count(("begin", "candidate")) == np.isfinite(splits).sum()
    assert rest[:end].count(("end", "candidate")) == np.isfinite(splits).sum()
    epochs = [("begin", "epoch"), ("end", "epoch")] * model.n_iter_
    training = [("begin", "training"), *epochs, ("end", "training")]
    assert rest[end + 1 :] == [*training, ("end", "fit"), "teardown"]
    assert not any(recorder.fitted[: rest[:end].count(("end", "candidate")) + 1])
    assert same_bits(model, regressor(max_iter="auto").fit(*data))


def test_a_callback_can_stop_the_search(data):
    recorder = Recorder(stop_after=1)
    model = regressor(max_iter="auto").set_callbacks(recorder).fit(*data)
    assert len(model.search_results_["params"]) == len(_search.ALPHAS)
    told = regressor(max_iter=model.n_iter_, alpha=model.alpha_).fit(*data)
    assert same_bits(model, told)


def test_callbacks_of_scikit_learn_go_through_a_search(data, capsys):
    pytest.importorskip("rich")
    X, y = data
    monitor = callback.ScoringMonitor(scoring="r2")
    model = regressor(max_iter="auto", n_jobs=2)
    model.set_callbacks(callback.ProgressBar(), monitor).fit(X, y)
    assert "BackpropRegressor" in capsys.readouterr().out
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == model.n_iter_
    assert rows[-1]["r2"] == model.score(X, y)


def test_with_early_stopping_the_search_is_the_training(data):
    recorder = Recorder()
    model = regressor(max_iter="auto", early_stopping=True).set_callbacks(recorder)
    fit_quietly(model, *data)
    assert ("begin", "training") not in recorder.told
    assert recorder.told[-2:] == [("end", "fit"), "teardown"]
    assert recorder.fitted[-1] is not None
