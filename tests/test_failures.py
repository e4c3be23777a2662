"""Failed and interrupted calls lose nothing, and no failure is silent."""

import contextlib
import re
import signal
import threading
import time
import warnings

import numpy as np
import pytest
import scipy.sparse
from models import assert_unchanged, fit_quietly, refused, same_bits, state
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import GridSearchCV

from sklearn_backprop import BackpropRegressor, _kernel, _search
from sklearn_backprop._kernel import _boundary
from sklearn_backprop._state import Convergence


@pytest.fixture(autouse=True)
def ctrl_c():
    # Shells make what they run in the background deaf to it.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def data(random):
    X = random.normal(size=(150, 3))
    return X, X[:, 0] + np.sin(3 * X[:, 1])


def regressor(**parameters):
    parameters = {"learning_rate": "constant", "random_state": 0, **parameters}
    return BackpropRegressor(8, **parameters)


def trained(X, y):
    model = regressor()
    for _ in range(3):
        model.partial_fit(X, y)
    return model


POISONED = {
    "diverging step": (
        "Training diverged in epoch 1",
        lambda m, X, y: m.set_params(learning_rate_init=1e6).fit(X, y),
    ),
    "diverging epoch": (
        "Training diverged in epoch 4",
        lambda m, X, y: m.set_params(learning_rate_init=1e6).partial_fit(X, y),
    ),
    "huge X": (
        r"X has the value 1e\+200 in row 150, column 1,",
        lambda m, X, y: m.partial_fit(np.vstack((X, [[1, 1e200, 1]])), [*y, 1]),
    ),
    "huge y": (
        r"y has the value 1e\+200 in row 7,",
        lambda m, X, y: m.partial_fit(X, np.where(np.arange(150) == 7, 1e200, y)),
    ),
    "NaN in X": (
        "Input X contains NaN",
        lambda m, X, y: m.fit(np.where(X > 2, np.nan, X), y),
    ),
    "infinite y": (
        "Input y contains infinity",
        lambda m, X, y: m.fit(X, np.where(y > 1, np.inf, y)),
    ),
    "fewer features": (
        "expecting 3 features",
        lambda m, X, y: m.partial_fit(X[:, :2], y),
    ),
    "refit on text": ("X must be numeric", lambda m, X, y: m.fit([["a"]] * 150, y)),
    "another dtype": (
        "X has dtype float32, but the fitted model was trained on X of float64",
        lambda m, X, y: m.partial_fit(X.astype(np.float32), y),
    ),
    "other standardization": (
        "standardize=False, but the fitted model",
        lambda m, X, y: m.set_params(standardize=False).partial_fit(X, y),
    ),
    "another H": (
        "hidden_layer_size=9, but the fitted model has 8",
        lambda m, X, y: m.set_params(hidden_layer_size=9).partial_fit(X, y),
    ),
}


@pytest.mark.parametrize("case", POISONED)
def test_a_failed_call_changes_nothing_and_training_goes_on(data, case):
    X, y = data
    message, call = POISONED[case]
    model = trained(X, y)
    parameters, before = model.get_params(), state(model)
    with pytest.raises(ValueError, match=message):
        call(model, X, y)
    model.set_params(**parameters)
    assert_unchanged(model, before)
    assert same_bits(model.partial_fit(X, y), trained(X, y).partial_fit(X, y))


def test_an_interrupt_at_the_end_of_an_epoch_leaves_the_last_whole_one(
    data, monkeypatch
):
    # It arrives after the curve has grown and before the epoch counts as done.
    X, y = data
    for model in (trained(X, y), regressor(early_stopping=True)):
        epochs = getattr(model, "n_iter_", 0)
        curve = getattr(model, "loss_curve_", [])
        calls, after = [], Convergence.after

        def interrupt(*arguments, calls=calls, after=after):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return after(*arguments)

        monkeypatch.setattr(Convergence, "after", interrupt)
        train = model.fit if model.early_stopping else model.partial_fit
        call_three_times(train, X, y, until=KeyboardInterrupt)
        monkeypatch.undo()
        assert len(model.loss_curve_) == model.n_iter_ == epochs + 2
        assert model.loss_curve_[:epochs] == curve
        if model.early_stopping:
            assert len(model.validation_scores_) == 2
        model.set_params(early_stopping=False).partial_fit(X, y)
        assert len(model.loss_curve_) == model.n_iter_ == epochs + 3
        assert model.loss_curve_[-1] == model.loss_


def call_three_times(function, X, y, until):
    """Call until it raises, which it has to do by the third time."""
    try:
        for _ in range(3):
            function(X, y)
    except until:
        return
    pytest.fail("was not interrupted")


def test_partial_fit_is_not_there_with_early_stopping(data):
    model = regressor(early_stopping=True)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as caught:
        model.partial_fit(*data)
    assert "because it trains for one epoch" in str(caught.value.__cause__)


def test_a_failed_first_fit_leaves_an_unfitted_estimator(data):
    X, y = data
    model = regressor(learning_rate_init=1e6)
    before = state(model)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, y)
    assert_unchanged(model, before)


def test_divergence_names_epoch_step_and_bound(data):
    with pytest.raises(
        ValueError,
        match=r"diverged in epoch 1\. The likely cause is the learning rate of 1e\+06:"
        r".*up to 0\.22 .*Decrease learning_rate_init, .* 'auto', which is 0\.1 here\.",
    ):
        regressor(learning_rate_init=1e6).fit(*data)


def test_divergence_by_a_strong_penalty_names_it(data):
    with pytest.raises(
        ValueError,
        match=r"learning rate of 0\.1 times alpha=100\. .* Decrease alpha, .* to 1, or",
    ):
        regressor(alpha=100.0, learning_rate_init=0.1).fit(*data)


@pytest.mark.filterwarnings("ignore:BackpropRegressor. y has values:UserWarning")
def test_divergence_by_a_far_row_does_not_blame_the_step(data):
    X, y = data
    model = trained(X, y)
    far = np.where(np.arange(150) == 7, 1e9, y)
    with refused(model, r"stable.* \(up to 0\.22\)\. The likely cause is values of X"):
        model.partial_fit(X, far)


def test_the_bound_that_divergence_names_depends_on_the_batch(data):
    model = regressor(learning_rate_init=1e6, batch_size=10)
    with pytest.raises(ValueError, match=r"up to 0\.022 \(.*samples per batch: 10"):
        model.fit(*data)


def test_weights_that_overflow_in_the_last_update_are_noticed(data):
    # The loss of a single batch is finite; only the weights after it are not.
    X, y = data
    model = regressor(batch_size="all", learning_rate_init=1e300, max_iter=1)
    with pytest.raises(ValueError, match="diverged in epoch 1"):
        model.fit(X.astype(np.float32), y)


def random_state_after(call, X, y, parameters, form):
    """A RandomState that a model was given, after it was fitted and a call failed."""
    random_state = np.random.RandomState(3)
    model = regressor(random_state=random_state, max_iter=5)
    fit_quietly(model, X, y)
    before = random_state.get_state()
    model.set_params(**parameters)
    with contextlib.suppress(ValueError, KeyboardInterrupt):
        call(model, form(X), y)
        pytest.fail("did not fail")
    return before, random_state.get_state()


FAILING = {
    "too few rows": ({"early_stopping": True}, lambda m, X, y: m.fit(X[:2], y[:2])),
    "divergence": ({"learning_rate_init": 1e6}, lambda m, X, y: m.fit(X, y)),
    "NaN": ({}, lambda m, X, y: m.fit(X, y * np.nan)),
    "huge": ({"standardize": False}, lambda m, X, y: m.fit(X, y * 1e200)),
}


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("case", FAILING)
def test_a_failed_fit_leaves_the_random_state_as_it_was(data, case, form):
    parameters, call = FAILING[case]
    before, after = random_state_after(call, *data, parameters, form)
    np.testing.assert_equal(after, before)


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_interrupted_fit_has_drawn_if_it_leaves_an_epoch(data, monkeypatch, epoch):
    def call(model, X, y):
        interrupt_in_epoch(monkeypatch, epoch)
        model.fit(X, y)

    before, after = random_state_after(call, *data, {}, np.asarray)
    assert (before[2] == after[2]) == (epoch == 1)


WARNED = {
    "max_iter": lambda m, X, y: m.fit(X, y),
    "poor": lambda m, X, y: m.set_params(learning_rate_init=1e-9).fit(X, y),
    "saturated": lambda m, X, y: m.set_params(
        standardize=False, learning_rate_init=1e-9
    ).fit(1e9 * X, y),
    "relative weights": lambda m, X, y: m.fit(X, y, np.full(len(y), 1e5)),
    "weights": lambda m, X, y: m.partial_fit(X, y, np.full(len(y), 1e3)),
    "outliers": lambda m, X, y: m.partial_fit(X, y).partial_fit(X, y * 1e5),
    "held out": lambda m, X, y: m.set_params(early_stopping=True).fit(
        X, np.random.RandomState(len(y)).normal(size=len(y))
    ),
    "X_val": lambda m, X, y: m.set_params(early_stopping=True).fit(
        X, y, X_val=X, y_val=y - 1e3
    ),
    "constant": lambda m, X, y: m.set_params(early_stopping=True).fit(
        X, y, X_val=X[:9], y_val=np.ones(9)
    ),
}


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("case", WARNED)
def test_warnings_name_the_estimator_and_repeat_word_for_word(data, case, form):
    X, y = data
    texts = set()
    for rows, size in ((slice(0, 150), 1.0), (slice(10, 140), 1.7)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            WARNED[case](regressor(max_iter=2), form(X[rows] * size), y[rows] * size)
        texts |= {str(one.message) for one in caught}
        assert caught
        assert all(one.filename == __file__ for one in caught)
    assert all(text.startswith("BackpropRegressor: ") for text in texts)
    assert len({re.sub(r"[\d.]", "", text) for text in texts}) == len(texts)


@pytest.mark.parametrize("case", ["outliers", "weights"])
def test_a_stream_is_warned_once(data, case):
    X, y = data
    model = regressor().partial_fit(X, y)
    weight = np.full(1, 1e3) if case == "weights" else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for i in range(50):
            model.partial_fit(X[[i]], y[[i]] + 1e4 * (case == "outliers"), weight)
    assert len(caught) == 1


def test_a_new_model_is_warned_again(data):
    X, y = data
    model = regressor().partial_fit(X, y)
    for _ in range(2):
        with pytest.warns(UserWarning, match="more than 100 standard deviations"):
            model.partial_fit(X[:5], 1e5 * y[:5])
        fit_quietly(model, X, y)


def test_a_stream_of_column_vectors_is_warned_once(data):
    X, y = data
    model = regressor()
    with pytest.warns(DataConversionWarning, match="^BackpropRegressor: A column-vec"):
        model.partial_fit(X, y[:, np.newaxis])
    model.partial_fit(X, y[:, np.newaxis])


def test_rows_of_weight_0_are_no_outliers(data):
    X, y = data
    model = regressor().partial_fit(X, y)
    model.partial_fit(X[:3], [0, 1e5, 0], [1, 0, 1])


@pytest.mark.parametrize("name", [3, "", "__main__", "missing"])
def test_code_without_a_module_name_is_warned(data, name):
    # as exec runs it with names of its own
    model = regressor(max_iter=2)
    names = {"model": model, "X": data[0], "y": data[1], "__name__": name}
    if name == "missing":
        del names["__name__"]
    with pytest.warns(ConvergenceWarning, match="BackpropRegressor: Training did not"):
        exec("model.fit(X, y)", names)
    assert model.n_iter_ == 2


def outcome(model, X, y):
    """How a fit with a large step ends: never in a bad model and silence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X, y)
        except ValueError as error:
            assert re.search("diverged .* Decrease", str(error))  # noqa: PT017
            assert not hasattr(model, "n_iter_")
            return "error"
    assert np.isfinite(model.predict(X)).all()
    if any("ecrease learning_rate_init" in str(w.message) for w in caught):
        assert {w.category for w in caught} == {ConvergenceWarning}
        return "warning"
    assert model.score(X, y) > 0
    return "good"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("standardize", [True, False])
def test_large_steps_never_fail_in_silence(data, standardize, dtype):
    # Short fits too: they end before a number overflows.
    X, y = data[0].astype(dtype), data[1]
    parameters = {"standardize": standardize, "learning_rate": "linear"}
    outcomes = {
        eta: {
            outcome(
                regressor(
                    learning_rate_init=eta,
                    batch_size=batch_size,
                    max_iter=max_iter,
                    **parameters,
                ),
                X,
                y,
            )
            for batch_size in (1, 8, "all")
            for max_iter in (1, 2, 50)
        }
        for eta in (0.05, 0.3, 1.0, 3.0, 10.0, 1e3, 1e6, 1e300)
    }
    assert "good" in outcomes[0.05]
    for eta in (3.0, 10.0, 1e3, 1e6):
        assert outcomes[eta] == {"error", "warning"}
    assert outcomes[1e300] <= {"error", "warning"}


def test_a_grid_search_survives_divergence(data):
    search = GridSearchCV(
        regressor(max_iter=20),
        {"learning_rate_init": [1e300, 1e6, 0.05, 1e3, 10.0]},
        error_score=np.nan,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(*data)
    assert search.best_params_ == {"learning_rate_init": 0.05}
    assert search.best_score_ > 0.5


@pytest.mark.parametrize("row", [0, 1, 74, 148, 149])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("value", [1e200, -1e200])
def test_a_poisoned_row_anywhere_leaves_the_model_as_it_was(data, value, form, row):
    X, y = data
    model = trained(form(X), y)
    poisoned = X.copy()
    poisoned[row, row % 3] = value
    with refused(model, f"X has the value .*e.200 in row {row}, column [012], which"):
        model.partial_fit(form(poisoned), y)
    with refused(model, f"y has the value .*e.200 in row {row}, which"):
        model.partial_fit(form(X), np.where(np.arange(150) == row, value, y))
    expected = trained(form(X), y).partial_fit(form(X), y)
    assert same_bits(model.partial_fit(form(X), y), expected)


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize(
    ("array", "value", "dtype", "limit"),
    [
        ("X", 1e101, np.float64, "1e\\+100"),
        ("X", 1e19, np.float32, "1e\\+18"),
        ("y", -1e101, np.float64, "1e\\+100"),
        ("y", 1e19, np.float32, "1e\\+18"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_row(
    data, array, value, dtype, limit, column
):
    X, y = (values.copy() for values in data)
    model = regressor(standardize=False)
    if array == "X":
        X[17, column] = value
        place = f"row 17, column {column},"
    else:
        y[17] = value
        place = "row 17,"
    message = f"^{array} has the value .* in {place} .* within ±{limit}"
    with pytest.raises(ValueError, match=message):
        model.fit(X.astype(dtype), y)
    assert not hasattr(model, "n_iter_")


def test_predictions_far_from_the_data_are_finite(data):
    X, y = data
    model = trained(X, y)
    far = np.array([[1e300, -1e300, 1e300], [-1e308, 1e308, 1e-320]])
    assert np.isfinite(model.predict(far)).all()
    raw = regressor(standardize=False).partial_fit(X, y)
    assert np.isfinite(raw.predict(1.7e308 * np.array([[1, -1, 1], [1, 1, -1]]))).all()
    single = regressor().partial_fit(X.astype(np.float32), y)
    assert np.isfinite(single.predict(np.float32([[3e38, -3e38, 1e-45]]))).all()


def test_a_fit_worse_than_the_mean_says_so(random):
    X = random.normal(size=(100, 2))
    y = 1e3 + random.normal(size=100)
    model = regressor(standardize=False, learning_rate="linear", max_iter=2)
    model.set_params(learning_rate_init=1e-4)
    with pytest.warns(ConvergenceWarning, match="did not learn: .* hardly better than"):
        model.fit(X, y)
    model.predict(X)


def test_a_fit_that_learns_nothing_says_so(data):
    # With so small a learning rate nothing improves: silence would look like success.
    with pytest.warns(
        ConvergenceWarning, match="did not learn: .* increase learning_r"
    ):
        regressor(learning_rate="adaptive", learning_rate_init=1e-9).fit(*data)


def test_divergence_is_seen_before_it_overflows(data):
    # With η a little above the bound the loss grows without overflowing.
    X, y = data
    for eta in np.linspace(0.3, 3, 10):
        model = regressor(learning_rate_init=eta, max_iter=2, batch_size=4)
        try:
            fit_quietly(model, X, y)
        except ValueError as error:
            assert "diverged" in str(error)  # noqa: PT017 (either outcome will do)
        else:
            assert max(model.loss_curve_) < 1e10


def test_targets_beyond_the_dtype_of_X_are_learned(data):
    X, y = data[0].astype(np.float32), data[1]
    model = regressor(max_iter=20, shuffle=False)
    y_pred = fit_quietly(model, X, y * 1e100).predict(X) * 1e-100
    assert_allclose(y_pred, fit_quietly(model, X, y).predict(X), rtol=1e-6)


def test_saturated_hidden_units_are_reported(random):
    X = 1e6 * random.normal(size=(100, 2))
    model = regressor(standardize=False, learning_rate="linear", max_iter=50)
    with pytest.warns(ConvergenceWarning, match="hidden outputs are within 0.01"):
        model.fit(X, random.normal(size=100))


def test_a_warning_made_an_error_loses_nothing(data):
    # Warnings are errors here: such a fit fails, and its model is not kept.
    X, y = data
    model = trained(X, y)
    before = state(model)
    for parameters in ({"max_iter": 1}, {"learning_rate_init": 1e-9}):
        model.set_params(**{**regressor().get_params(), **parameters})
        with pytest.raises(ConvergenceWarning):
            model.fit(X, y**2)
        model.set_params(**regressor().get_params())
        assert_unchanged(model, before)


def test_a_good_fit_says_nothing(data):
    regressor(learning_rate="adaptive").fit(*data)  # warnings are errors here


def test_a_good_fit_far_from_0_says_nothing(data):
    X, y = data
    regressor(learning_rate="adaptive").fit(X + 1e14, y - 1e10)


# ---------------------------------------------------------------------- interrupts


def interrupt_in_epoch(monkeypatch, epoch):
    """Make Ctrl-C arrive just before the kernel runs the given epoch."""
    calls = []

    class Training(_kernel.Trainer):
        def epoch(self, weights, velocity, eta):
            calls.append(eta)
            if len(calls) == epoch:
                signal.raise_signal(signal.SIGINT)
            return super().epoch(weights, velocity, eta)

    monkeypatch.setattr(_kernel, "Trainer", Training)


def test_an_interrupted_fit_leaves_the_last_whole_epoch(data, monkeypatch):
    model = regressor()
    interrupt_in_epoch(monkeypatch, epoch=4)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data)
    monkeypatch.undo()
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert same_bits(model, trained(*data))
    assert same_bits(model.partial_fit(*data), trained(*data).partial_fit(*data))


def test_an_interrupted_first_epoch_leaves_everything_as_it_was(data, monkeypatch):
    model, fresh = trained(*data), regressor()
    before, unfitted = state(model), state(fresh)
    for method in ("fit", "partial_fit"):
        interrupt_in_epoch(monkeypatch, epoch=1)
        with pytest.raises(KeyboardInterrupt):
            getattr(model, method)(*data)
        monkeypatch.undo()
        assert_unchanged(model, before)
        interrupt_in_epoch(monkeypatch, epoch=1)
        with pytest.raises(KeyboardInterrupt):
            getattr(fresh, method)(*data)
        monkeypatch.undo()
        assert_unchanged(fresh, unfitted)


def test_an_interrupt_ends_a_grid_search(data, monkeypatch):
    interrupt_in_epoch(monkeypatch, epoch=7)
    search = GridSearchCV(clone(regressor()), {"tol": [1e-3, 1e-4]})
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)
    assert not hasattr(search, "best_estimator_")


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_an_outlier_on_a_stream_is_warned_of_before_it_is_learned(data, n_outputs):
    X, y = data[0], np.repeat(data[1][:, np.newaxis], n_outputs, axis=1)
    far = y[:10].copy()
    far[7, -1] = y.mean() - 101 * y.std()
    message = "BackpropRegressor: y has values that are more than 100 standard dev"
    model = regressor().partial_fit(X, y.squeeze())
    before = state(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=message):
            model.partial_fit(X[:10], far.squeeze())
    assert_unchanged(model, before)
    with pytest.warns(UserWarning, match=message):
        model.partial_fit(X[:10], far.squeeze())
    assert model.n_iter_ == 2
    # What is usual depends on the data; where they are taken as given, on the user.
    far[7, -1] = y.mean() - 99 * y.std()
    model.partial_fit(X[:10], far.squeeze())
    as_given = regressor(standardize=False, learning_rate_init=1e-6)
    as_given.partial_fit(X, y.squeeze()).partial_fit(X[:10], 1e3 * far.squeeze())


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_fit_with_a_far_target_is_warned(data, n_outputs):
    X, y = data[0], np.repeat(data[1][:, np.newaxis], n_outputs, axis=1)

    def is_warned(y, weight=None):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            regressor(max_iter=3).fit(X, y.squeeze(), weight)
        return any(
            "A few values of y are so far from" in str(w.message) for w in caught
        )

    for size, far_row in ((500, 7), (-1e6, 8), (1e12, -1)):
        far = y.copy()
        far[far_row, -1] += size * y.std()
        assert is_warned(far)
        assert not is_warned(far, np.arange(len(X)) != far_row % len(X))
    for n_codes in (1, 3, 7):
        coded = y.copy()
        coded[3 : 3 + n_codes, -1] = -999
        assert is_warned(coded)
    far = y.copy()
    far[7] += 30 * y.std()
    assert not is_warned(far)
    assert not is_warned(np.exp(2 * y))
    random = np.random.default_rng(0)
    events = 0.001 * random.normal(size=y.shape)
    events[::10] += 1 + random.random(events[::10].shape)
    assert not is_warned(events)
    # What is learned is no mistake.
    x = random.uniform(-3, 3, size=(1000, 1))
    for learned in (np.exp(3 * x), np.maximum(x - 2.7, 0) + 1e-4 * x, 1e3 * (x > 2.8)):
        learned = np.ravel(learned) + 1e-4 * random.normal(size=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            BackpropRegressor(20, max_iter=300, random_state=0).fit(x, learned)
    assert not is_warned(np.where(np.arange(len(X)) == 7, 1e9, 0.0))  # no spread


@contextlib.contextmanager
def interrupt_when(condition):
    """Send Ctrl-C from another thread once the condition holds, or not at all."""

    def send():
        if hasattr(signal, "pthread_kill"):  # as a terminal does, it ends a wait
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)

    def wait():
        while not over.wait(1e-4):
            if condition():
                send()
                break

    over = threading.Event()
    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.serial
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_ends_a_search_and_its_threads(data, monkeypatch, n_jobs):
    # Each candidate would take minutes. What was learned before stays.
    monkeypatch.setattr(_search, "LENGTHS", {10**7: np.inf, 10**8: 0})
    monkeypatch.setattr(_search, "FIRST_LENGTH", 10**7)
    parameters = {"learning_rate": "linear", "n_jobs": n_jobs}
    model = regressor(max_iter=3, **parameters).fit(*data)
    before = state(model)
    model.set_params(max_iter="auto")
    n_threads, started = threading.active_count(), threading.Event()

    class Training(_kernel.Trainer):
        def epoch(self, *arguments):
            started.set()
            return super().epoch(*arguments)

    monkeypatch.setattr(_kernel, "Trainer", Training)
    with pytest.raises(KeyboardInterrupt), interrupt_when(started.is_set):
        model.fit(data[0], 2 * data[1])
    before["max_iter"] = "auto"
    assert_unchanged(model, before)
    for _ in range(500):
        if threading.active_count() == n_threads:
            break
        time.sleep(0.01)
    assert threading.active_count() == n_threads


@pytest.mark.serial
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_ends_a_long_fit_between_two_epochs(data, form, early_stopping):
    X, y = form(data[0]), data[1]
    parameters = {"learning_rate": "linear", "early_stopping": early_stopping}
    model = regressor(max_iter=100_000, **parameters)
    # Once the fourth epoch has trained, at most it is undone.
    with (
        pytest.raises(KeyboardInterrupt),
        interrupt_when(lambda: getattr(model, "n_iter_", 0) >= 4),
    ):
        model.fit(X, y)
    epochs = model.n_iter_
    assert 3 <= epochs == len(model.loss_curve_) < model.max_iter
    assert model.t_ % epochs == 0
    assert np.isfinite(model.predict(X)).all()
    # The same epochs in a fit that nobody ends; "linear" depends on the last epoch.
    same = regressor(max_iter=100_000, **parameters)
    with (
        pytest.raises(KeyboardInterrupt),
        interrupt_when(lambda: getattr(same, "n_iter_", 0) >= epochs + 3),
    ):
        same.fit(X, y)
    assert same.loss_curve_[:epochs] == model.loss_curve_


@pytest.mark.serial
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer")
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_ctrl_c_is_heard_all_along_one_call_over_many_rows(data, form, monkeypatch):
    # Signals come again and again; a call that listens but at its end hears one.
    n = 1_000_000
    model = regressor().partial_fit(form(data[0]), data[1])
    X = np.broadcast_to([1.0, 0, 2], (n, 3))
    X = form(X) if form is not np.asarray else X
    y, before, heard = np.ones(n), state(model), []

    class Training(_kernel.Trainer):
        def epoch(self, *arguments):
            signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
            try:
                return super().epoch(*arguments)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def hear(*_):
        heard.append(True)
        if len(heard) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(_kernel, "Trainer", Training)
    monkeypatch.setattr(_boundary, "CHUNK", _boundary.CHUNK // 100)  # 300 of them
    previous = signal.signal(signal.SIGALRM, hear)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X, y)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert len(heard) >= 3  # one more may be on its way when the timer ends
    assert_unchanged(model, before)
