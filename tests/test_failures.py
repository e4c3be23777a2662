"""Failed and interrupted calls: nothing learned is lost, nothing fails in silence."""

import contextlib
import re
import signal
import threading
import warnings

import numpy as np
import pytest
import scipy.sparse
from models import assert_unchanged, fit_quietly, refused, same_bits, state
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sklearn_backprop import BackpropRegressor, _kernel
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
        "X has dtype float32, but the fitted model was trained on float64",
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
        match=r"diverged in epoch 1 with a learning rate of 1e\+06.*up to 0\.67 while.*"
        r"up to 0\.22 whatever.*Decrease learning_rate_init; 'auto' is 0\.1\.",
    ):
        regressor(learning_rate_init=1e6).fit(*data)


def test_divergence_by_a_strong_penalty_names_it(data):
    with pytest.raises(ValueError, match=r"learning rate of 0\.1 times alpha=100\."):
        regressor(alpha=100.0, learning_rate_init=0.1).fit(*data)


@pytest.mark.filterwarnings("ignore:Row 7 of y is:UserWarning")
def test_divergence_by_a_far_row_does_not_blame_the_step(data):
    X, y = data
    model = trained(X, y)
    far = np.where(np.arange(150) == 7, 1e9, y)
    with refused(model, r"stable.* \(up to 0\.22\)\. The cause may be values of X"):
        model.partial_fit(X, far)


def test_the_bound_that_divergence_names_depends_on_the_batch(data):
    model = regressor(learning_rate_init=1e6, batch_size=10)
    with pytest.raises(ValueError, match=r"up to 0\.067 while.*samples per batch: 10"):
        model.fit(*data)


def test_weights_that_overflow_in_the_last_update_are_noticed(data):
    # The loss of a single batch is finite; only the weights after it are not.
    X, y = data
    model = regressor(batch_size="all", learning_rate_init=1e300, max_iter=1)
    with pytest.raises(ValueError, match="diverged in epoch 1"):
        model.fit(X.astype(np.float32), y)


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
    if any("decrease learning_rate_init" in str(w.message) for w in caught):
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
    with pytest.warns(ConvergenceWarning, match="hardly better than predicting"):
        model.fit(X, y)
    model.predict(X)


def test_a_fit_that_learns_nothing_says_so(data):
    # With so small a learning rate nothing improves: silence would look like success.
    with pytest.warns(ConvergenceWarning, match="increase learning_rate_init"):
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


def test_a_target_beyond_the_dtype_of_the_model_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match=r"row 0, .* the range of float32"):
        regressor().fit(X.astype(np.float32), y * 1e100)


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
    message = "Row 7 of y is 101 standard deviations away"
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


@contextlib.contextmanager
def interrupt_when(condition):
    """Send Ctrl-C from another thread once the condition holds, or not at all."""

    def wait():
        while not over.wait(1e-4):
            if condition():
                signal.raise_signal(signal.SIGINT)
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
