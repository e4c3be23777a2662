"""max_iter="auto" and alpha="auto": what is chosen, and what has no effect on it."""

import pickle
import threading
import time
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse
from joblib import parallel_config
from models import assert_unchanged, fit_quietly, refused, same_bits, state
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
)

from sklearn_backprop import BackpropRegressor, _kernel, _search
from sklearn_backprop._callbacks import Task
from sklearn_backprop._search import Contest, lengths_for
from sklearn_backprop._threads import Threads
from sklearn_backprop._training import DivergenceError

LENGTHS = [10, 40, 160, 640]
ALL_LENGTHS = _search.LENGTHS


@pytest.fixture(scope="module", autouse=True)
def short():
    """Let no search go on for long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_search, "LENGTHS", dict.fromkeys(LENGTHS, np.inf) | {2560: 0})
        yield


@pytest.fixture
def data(random):
    X = random.normal(size=(150, 3))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * random.normal(size=150)


def regressor(H=5, **parameters):
    return BackpropRegressor(H, **{"random_state": 0, **parameters})


def count_updates(monkeypatch):
    """Numbers of samples in the epochs that are trained from here on."""
    counts = []

    class Trainer(_kernel.Trainer):
        def epoch(self, *arguments):
            counts.append(self.n)
            return super().epoch(*arguments)

    monkeypatch.setattr(_kernel, "Trainer", Trainer)
    return counts


def same_results(model, other):
    ours, theirs = model.search_results_, other.search_results_
    assert ours.keys() == theirs.keys()
    assert ours["params"] == theirs["params"]
    return all(
        np.array_equal(ours[key], theirs[key], equal_nan=True)
        for key in ours
        if key != "params"
    )


# ------------------------------------------------------------- what "auto" stands for

KINDS = {
    "plain": {},
    "float32": {"dtype": np.float32},
    "sparse": {"form": scipy.sparse.csr_array},
    "outputs": {"K": 2},
    "column": {"K": 0},
    "weights": {"weighted": True},
    "in order": {"shuffle": False},
    "in order, weights": {"shuffle": False, "weighted": True},
    "batches": {"batch_size": 8, "momentum": 0.5},
    "as given": {"standardize": False},
    "alpha": {"alpha": 0.02},
    "early stopping": {"early_stopping": True},
    "early stopping, in order": {"early_stopping": True, "shuffle": False},
    "few": {"n": 6},
}


def fits_of(kind, data):
    """A model that has searched, and one that was told what it found."""
    parameters = dict(KINDS[kind])
    n, K = parameters.pop("n", 150), parameters.pop("K", 1)
    X, y = data[0][:n].astype(parameters.pop("dtype", np.float64)), data[1][:n]
    X = parameters.pop("form", np.asarray)(X)
    weight = np.arange(n) % 4 / 2 + 0.5 if parameters.pop("weighted", False) else None
    if K != 1:
        y = np.column_stack((y, y**2))[:, : max(1, K)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a column y, and of a poor fit
        model = regressor(**parameters).fit(X, y, weight)
        found = {"max_iter": model.n_iter_, "alpha": model.alpha_}
        told = regressor(**{**parameters, **found}).fit(X, y, weight)
    return model, told


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_that_of_a_fit_with_what_was_found(data, kind):
    model, told = fits_of(kind, data)
    assert same_bits(model, told)
    assert model.n_iter_ in LENGTHS
    assert model.alpha_ in ([0.02] if kind == "alpha" else _search.ALPHAS)
    assert (model.t_, model.loss_curve_) == (told.t_, told.loss_curve_)
    assert model.validation_scores_ == told.validation_scores_
    assert told.search_results_ is None
    best = model.search_results_["rank_test_score"].argmin()
    found = {"max_iter": model.n_iter_, "alpha": model.alpha_}
    assert model.search_results_["params"][best] == found


def test_samples_to_validate_on_decide(data):
    X, y = data
    validation = {"X_val": X[100:], "y_val": y[100:]}
    model = regressor(early_stopping=True).fit(X[:100], y[:100], **validation)
    told = regressor(
        early_stopping=True, max_iter=model.n_iter_, alpha=model.alpha_
    ).fit(X[:100], y[:100], **validation)
    assert same_bits(model, told)
    best = model.search_results_["mean_test_score"].max()
    assert model.best_validation_score_ == pytest.approx(best, abs=1e-12)
    assert model.score(X[100:], y[100:]) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_integer_is_not_searched_for(data, monkeypatch, early_stopping):
    counts = count_updates(monkeypatch)
    model = regressor(max_iter=7, early_stopping=early_stopping).fit(*data)
    assert len(counts) == 7
    assert (model.n_iter_, model.alpha_, model.search_results_) == (7, 0, None)


def test_the_best_network_of_early_stopping_is_not_trained_again(data, monkeypatch):
    counts = count_updates(monkeypatch)
    model = regressor(early_stopping=True).fit(*data)
    assert len(counts) == model.search_results_["param_max_iter"].sum()
    assert set(counts) == {135}


@pytest.mark.parametrize("schedule", ["adaptive", "constant", "invscaling"])
def test_other_schedules_do_not_search(data, monkeypatch, schedule):
    counts = count_updates(monkeypatch)
    parameters = {"learning_rate": schedule, "n_iter_no_change": np.inf}
    model = fit_quietly(regressor(**parameters), *data)
    assert len(counts) == model.n_iter_ == 400
    assert (model.alpha_, model.search_results_) == (0, None)


def test_too_little_data_is_not_searched_in(data):
    X, y = data
    copies = np.arange(150) % 5
    for given in ((X[copies], y[copies]), (X, np.full(150, 3.0)), (X[:1], y[:1])):
        model = fit_quietly(regressor(2), *given)
        assert (model.n_iter_, model.alpha_, model.search_results_) == (400, 0, None)


@pytest.mark.parametrize("n", range(2, 11))
def test_few_rows_are_learned(n, random):
    X = random.normal(size=(n, 2))
    for given in (X, random.normal(size=(n, 2000))):
        model = fit_quietly(regressor(), given, X[:, 0])
        assert model.score(given, X[:, 0]) > 0.3
        assert (model.search_results_ is None) == (n < 6)


def test_noise_is_not_learned(random):
    X = random.normal(size=(400, 10))
    y = X[:, 0] + np.sqrt(3) * random.normal(size=400)
    ours = cross_val_score(BackpropRegressor(random_state=0), X, y).mean()
    assert ours > cross_val_score(RidgeCV(), X, y).mean() - 0.05
    plain = BackpropRegressor(max_iter=640, random_state=0)
    assert ours > cross_val_score(plain, X, y).mean() + 0.2


def test_clean_data_are_learned_for_long():
    X = np.linspace(0, 1, 126)[:, np.newaxis]
    y = np.sin(4 * np.pi * X[:, 0])
    model = BackpropRegressor(random_state=0).fit(X, y)
    assert model.n_iter_ == 640
    assert model.score(X, y) > 0.98


# ------------------------------------------------------------------ what has no say


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_threads_changes_no_bit(data, kind, monkeypatch):
    one, _ = fits_of(kind, data)
    monkeypatch.setitem(KINDS, kind, {**KINDS[kind], "n_jobs": 2})
    two, _ = fits_of(kind, data)
    assert same_bits(one, two)
    assert same_results(one, two)


def threads_of(monkeypatch):
    """The threads that epochs run in from here on."""
    threads = set()

    class Trainer(_kernel.Trainer):
        def epoch(self, *arguments):
            threads.add(threading.get_ident())
            return super().epoch(*arguments)

    monkeypatch.setattr(_kernel, "Trainer", Trainer)
    return threads


def test_a_surrounding_configuration_sets_the_threads(data, monkeypatch):
    threads = threads_of(monkeypatch)
    alone = regressor().fit(*data)
    assert threads == {threading.get_ident()}
    with parallel_config(n_jobs=2):
        model = regressor().fit(*data)
    assert len(threads) > 1
    assert same_bits(model, alone)


def test_a_winner_that_was_trained_ahead_is_not_trained_again(data, monkeypatch):
    def error(self, candidate, fold, stop=None):
        if candidate.max_iter == 160:  # loses, after the one of 40 epochs is trained
            trained_ahead.wait(60)
            return 2.0
        return 1.0 + candidate.alpha + 40 / candidate.max_iter

    def train_ahead(self, candidate, stop):
        trains_ahead(self, candidate, stop)
        if candidate == (40, 0.0):
            trained_ahead.set()

    trained_ahead = threading.Event()
    trains_ahead = _search.Trials.train_ahead
    monkeypatch.setattr(_search.Trials, "error", error)
    monkeypatch.setattr(_search.Trials, "train_ahead", train_ahead)
    threads = threads_of(monkeypatch)
    two = regressor(n_jobs=2).fit(*data)
    assert (two.n_iter_, two.alpha_) == (40, 0.0)
    assert threading.get_ident() not in threads
    trained_ahead.set()
    assert same_bits(two, regressor(n_jobs=1).fit(*data))


def test_a_candidate_that_is_tried_ahead_may_diverge(data, monkeypatch):
    def error_on_fold(self, candidate, fold, stop):
        if fold == 1:  # nobody asks for it: one is clearly better on the first
            raise DivergenceError("Training diverged")
        return 1.0 + candidate.alpha * 1000 + abs(candidate.max_iter - 40)

    monkeypatch.setattr(_search.Trials, "_error_on_fold", error_on_fold)
    model = regressor(n_jobs=2).fit(*data)
    assert (model.n_iter_, model.alpha_) == (40, 0.0)
    assert np.isnan(model.search_results_["split1_test_score"]).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_leaves_the_filters_of_warnings_alone(data, n_jobs):
    # which belong to the process
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as seen:
        warnings.resetwarnings()
        thread = threading.Thread(target=regressor(n_jobs=n_jobs).fit, args=data)
        thread.start()
        time.sleep(0.01)
    thread.join()
    assert warnings.filters == before
    assert not seen


@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_are_repeats(data, random, early_stopping):
    X, y = data
    count = random.randint(0, 4, len(y))
    model = regressor(early_stopping=early_stopping)
    weighted = clone(model).fit(X, y, count)
    repeated = clone(model).fit(np.repeat(X, count, axis=0), np.repeat(y, count))
    assert same_bits(weighted, repeated)
    assert weighted.search_results_["params"] == repeated.search_results_["params"]


def test_blocks_of_weights_are_repeats(data, random):
    X, y = data
    count = random.randint(0, 4, len(y))
    model = regressor(shuffle=False)
    weighted = clone(model).fit(X, y, count)
    repeated = clone(model).fit(np.repeat(X, count, axis=0), np.repeat(y, count))
    assert same_bits(weighted, repeated)
    assert same_results(weighted, repeated)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_order_of_the_rows_does_not_matter(data, random, weighted):
    X, y = data
    weight = random.uniform(0.2, 3, len(y)) if weighted else None
    p = random.permutation(len(y))
    model = regressor().fit(X, y, weight)
    permuted = regressor().fit(X[p], y[p], None if weight is None else weight[p])
    assert same_bits(model, permuted)
    assert same_results(model, permuted)


def test_columns_far_from_0_are_searched_with_as_others_are(data):
    # in single precision their values would all be the same
    X, y = data
    model = regressor(shuffle=False).fit(X, y)
    far = regressor(shuffle=False).fit(X + 2.0**30, y)
    assert far.search_results_["params"] == model.search_results_["params"]
    near = model.search_results_["mean_test_score"]
    np.testing.assert_allclose(far.search_results_["mean_test_score"], near, rtol=1e-3)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("far", [1e9, -1e60])
def test_rows_of_weight_0_have_no_say(data, far, shuffle):
    X, y = data
    rest, weight = X.copy(), np.arange(150) % 3 / 2
    rest[weight == 0] = far
    model = regressor(shuffle=shuffle).fit(rest, y, weight)
    used = weight > 0
    alone = regressor(shuffle=shuffle).fit(X[used], y[used], weight[used])
    assert same_bits(model, alone)
    assert same_results(model, alone)


@pytest.mark.parametrize("unit", [1e-50, 1e13])
def test_values_of_any_size_are_searched_with(data, unit):
    # where they are not standardized, single precision would not do
    X, y = data[0], data[1] * unit
    model = fit_quietly(regressor(standardize=False), X, y)
    told = regressor(standardize=False, max_iter=model.n_iter_, alpha=model.alpha_)
    assert same_bits(model, fit_quietly(told, X, y))
    assert not (model.search_results_["mean_test_score"] == 0).any()
    with np.errstate(all="raise"):
        fit_quietly(regressor(), X, y)


# --------------------------------------------------------------- calls after a search


def test_training_goes_on_with_the_alpha_that_was_found(data, monkeypatch):
    X, y = data
    monkeypatch.setattr(_search, "ALPHAS", (0.003,))
    model = regressor().fit(X, y)
    told = regressor(max_iter=model.n_iter_, alpha=0.003).fit(X, y)
    for step in (
        lambda m: m.partial_fit(X, y),
        lambda m: fit_quietly(m.set_params(max_iter=3, warm_start=True), X, y),
    ):
        step(model), step(told)
        assert same_bits(model, told)
        assert model.alpha_ == 0.003
    assert model.set_params(alpha=0.5).partial_fit(X, y).alpha_ == 0.5
    assert regressor().partial_fit(X, y).alpha_ == 0


def test_a_warm_start_that_goes_on_needs_an_integer(data):
    model = regressor(warm_start=True).fit(*data)
    with refused(model, "max_iter='auto' with warm_start=True cannot.* integer"):
        model.fit(*data)
    fit_quietly(model.set_params(learning_rate="adaptive"), *data)


def test_a_saved_model_keeps_what_was_found(data):
    model = regressor().fit(*data)
    loaded = pickle.loads(pickle.dumps(model))
    assert same_results(model, loaded)
    assert (loaded.alpha_, loaded.n_iter_) == (model.alpha_, model.n_iter_)
    again = clone(loaded).fit(*data)
    assert same_bits(model, again)


def test_auto_is_a_value_to_search_over(data):
    X, y = data
    grid = {"max_iter": [2, "auto"], "alpha": [0.0, "auto"]}
    search = GridSearchCV(regressor(), grid, cv=3, n_jobs=2).fit(X, y)
    assert search.best_params_["max_iter"] == "auto"
    halving = HalvingGridSearchCV(
        regressor(),
        {"hidden_layer_size": [2, 5, 10]},
        resource="max_iter",
        min_resources=5,
        max_resources=50,
        cv=3,
        random_state=0,
    ).fit(X, y)
    assert halving.best_estimator_.max_iter == 15


# ---------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_in_which_all_diverges_is_refused(data, n_jobs):
    model = regressor(n_jobs=n_jobs).fit(*data)
    model.set_params(learning_rate_init=100.0)
    with refused(model, "diverged"):
        model.fit(*data)


@pytest.mark.parametrize("alpha", ["auto", 0.003])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_by_large_steps_does_not_blame_alpha(data, early_stopping, alpha):
    model = regressor(learning_rate_init=1e6, early_stopping=early_stopping)
    model.set_params(alpha=alpha)
    with refused(model, r"learning rate of 1e\+06: .* example to 'auto'") as caught:
        model.fit(*data)
    assert "alpha" not in str(caught.value)


def test_candidates_that_diverge_lose(data, monkeypatch):
    monkeypatch.setattr(_search, "ALPHAS", (0.0, 50.0))
    model = regressor(learning_rate_init=0.05).fit(*data)
    assert model.alpha_ == 0
    scores = model.search_results_["mean_test_score"]
    assert np.isneginf(scores[model.search_results_["param_alpha"] == 50]).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_during_the_search_leaves_the_model_before(
    data, monkeypatch, n_jobs
):
    model = regressor(n_jobs=n_jobs).fit(*data)
    before = state(model)

    def interrupted(self, candidates, *others):
        if candidates[0].max_iter > 40:
            raise KeyboardInterrupt
        return tried(self, candidates, *others)

    tried = Contest._try
    monkeypatch.setattr(Contest, "_try", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(data[0], 2 * data[1])
    assert_unchanged(model, before)


# ------------------------------------------------------------------ how it is decided


class FakeTrials:
    """Errors by a formula; candidates on folds are noted as they are tried."""

    validation = None

    def __init__(self, error, n_folds=1):
        self.formula, self.folds, self.tried = error, [None] * n_folds, []
        self.weights = np.ones(n_folds)

    def error(self, candidate, fold, stop):
        self.tried.append((*candidate, fold))
        return self.formula(*candidate, fold)

    def train_ahead(self, candidate, stop):
        """Nothing."""


def best_of(trials, alphas=(0.0, 0.003), n_jobs=1):
    with Threads(n_jobs) as threads:
        contest = Contest(trials, threads, Task(None, None, {}), verbose=False)
        return contest.best(LENGTHS, alphas), contest


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("alpha", [0.0, 0.003])
@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_the_least_error_is_found(length, alpha, n_jobs):
    def error(max_iter, a, fold):
        return 1 + abs(np.log(max_iter / length)) + (a != alpha)

    best, contest = best_of(FakeTrials(error, n_folds=3), n_jobs=n_jobs)
    assert best == (length, alpha)
    results = contest.results(best)
    assert results["params"][results["rank_test_score"].argmin()] == best._asdict()
    assert sorted(results["rank_test_score"]) == [*range(1, len(contest.errors) + 1)]


def test_of_equal_candidates_the_shorter_and_then_the_more_penalized_wins():
    assert best_of(FakeTrials(lambda *_: 1.0))[0] == (10, 0.003)
    assert best_of(FakeTrials(lambda *_: np.inf))[0] == (10, 0.003)


def test_a_candidate_that_diverges_on_any_fold_has_diverged(data, monkeypatch):
    def diverges(self, candidate, fold, stop):
        if fold == 1:
            raise DivergenceError("Training diverged")
        return 1.0

    monkeypatch.setattr(_search.Trials, "_error_on_fold", diverges)
    with refused(regressor(), "diverged"):
        regressor().fit(*data)


def test_a_search_that_is_stopped_returns_the_leader():
    def error(max_iter, alpha, fold):
        return {40: [1.0, 1.5], 160: [0.99, 1.6]}[max_iter][fold] + (alpha > 0) / 10

    trials = FakeTrials(error, n_folds=2)
    task = Task(None, None, {})
    task.subtask = lambda name: task
    contest = Contest(trials, Threads(1), task, verbose=False)
    for n_tried, length in ((2, 40), (3, 40), (4, 160), (5, 160)):
        trials.tried, contest.errors, contest.leader = [], {}, None
        task.end = lambda n=n_tried, **_: len(trials.tried) >= n
        assert contest.best(LENGTHS, (0.0, 0.003)) == (length, 0.0)
        assert len(trials.tried) <= 5


def test_what_is_clearly_beaten_is_not_tried_on_other_folds():
    def error(max_iter, alpha, fold):
        return [1.0, 1.04][alpha > 0] if max_iter == 40 else 2

    trials = FakeTrials(error, n_folds=2)
    best, contest = best_of(trials, (0.0, 0.003))
    assert best == (40, 0.0)
    assert trials.tried == [
        (40, 0.0, 0),
        (40, 0.003, 0),
        (40, 0.0, 1),
        (40, 0.003, 1),
        (160, 0.0, 0),
        (10, 0.0, 0),
    ]
    results = contest.results(best)
    assert np.isnan(results["split1_test_score"][2:]).all()
    assert results["mean_test_score"].tolist() == [-1, -1.04, -2, -2]


@pytest.mark.parametrize(
    ("exponent", "lengths", "longest"),
    [
        (0.5, [*LENGTHS, 2560], 2560),
        (0.05, [*LENGTHS, 2560], 640),
        (0.01, [*LENGTHS, 2560], 160),
        (0.5, [*LENGTHS, 2560, 10240], 10240),
        (0.01, [*LENGTHS, 2560, 10240], 2560),
        (0.01, [10], 10),
    ],
)
def test_longer_ones_have_to_be_worth_it(monkeypatch, exponent, lengths, longest):
    # with few samples, for which all lengths are allowed, the search begins with many
    monkeypatch.setattr(_search, "LENGTHS", {10240: 0})
    contest = Contest(
        FakeTrials(lambda max_iter, *_: max_iter**-exponent),
        Threads(1),
        Task(None, None, {}),
        verbose=False,
    )
    assert contest.best(lengths, (0.0,)) == (longest, 0.0)


def test_few_rows_get_many_epochs(monkeypatch):
    monkeypatch.setattr(_search, "LENGTHS", ALL_LENGTHS)

    class Start:
        def __init__(self, n, d):
            self.data = self
            self.X = np.broadcast_to(np.float64(0), (n, d))
            self.order = self

        def rows(self):
            return np.arange(self.X.shape[0])

    longest = [
        max(lengths_for(Start(n, d), H))
        for n, d, H in (
            (100, 5, 10),
            (5000, 20, 100),
            (10**6, 10, 100),
            (10**7, 10, 100),
            (10**7, 3000, 1000),
        )
    ]
    assert longest == sorted(longest, reverse=True)
    assert longest[0] == 10240
    assert longest[-1] == LENGTHS[0]


def test_what_is_tried_is_printed(data, capsys):
    model = regressor(verbose=True).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    tried = [line for line in lines if line.startswith("max_iter=")]
    splits = [
        score
        for key, scores in model.search_results_.items()
        if key.startswith("split")
        for score in scores
    ]
    assert len(tried) == np.isfinite(splits).sum()
    assert lines[-1].startswith(f"Epoch {model.n_iter_}: ")


def test_a_search_takes_little_memory(random, monkeypatch):
    # Eight bytes a row for the folds, and one for their numbers, beside those of a fit.
    monkeypatch.setattr(_search, "LENGTHS", {10: np.inf, 40: 0})
    n = 40_000
    X = random.normal(size=(n, 8))
    peaks = {}
    for max_iter in (10, "auto"):
        model = regressor(2, max_iter=max_iter)
        tracemalloc.start()
        fit_quietly(model, X, X[:, 0])
        peaks[max_iter] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks["auto"] < peaks[10] + 12 * n + 10**5
