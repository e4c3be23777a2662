"""Parameters that are set during a call: it continues with the values it started with.

Callbacks schedule parameters, and threads share estimators. Half a call with one value
and half with another gives a model of neither. Where arrays depended on the value, the
kernel read memory that was freed or never written.
"""

import threading

import numpy as np
import pytest
import scipy.sparse
from models import fit_quietly, same_bits

from sklearn_backprop import BackpropRegressor, _callbacks, _kernel

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(60, 5)) * (RANDOM.uniform(size=(60, 5)) < 0.5)
Y = X[:, 0] + 0.3 * RANDOM.normal(size=60)
FORMS = [np.asarray, scipy.sparse.csr_array]

# Values that would change the model, the number of epochs or what is printed; and some
# that are none.
OTHERS = {
    "hidden_layer_size": [9, 0, None],
    "learning_rate": ["linear", "adaptive", "invscaling", "cosine"],
    "learning_rate_init": [1e-9, 1e9, "big"],
    "momentum": [0.0, 0.3, 0.9, 2, None],
    "alpha": [0.0, 0.1, 1e9, None],
    "batch_size": [1, 7, "all", 0, -1, None],
    "max_iter": [1, 10_000, 0, None],
    "tol": [0.0, 1e9, None],
    "n_iter_no_change": [1, 10_000, None],
    "standardize": [False, None],
    "shuffle": [False, None],
    "random_state": [1, "seed"],
    "early_stopping": [False, True, None],
    "validation_fraction": [0.5, 5],
    "warm_start": [True, None],
    "n_jobs": [2, "all"],
    "verbose": [True, None],
}
CHANGES = [(name, value) for name in OTHERS for value in OTHERS[name]]

BEGUN_WITH = {
    "plain": {},
    "with momentum": {"momentum": 0.5},
    "in batches": {"batch_size": 8, "alpha": 0.01, "shuffle": False},
    "early stopping": {"early_stopping": True, "learning_rate": "adaptive"},
}


def regressor(kind):
    parameters = {"learning_rate": "constant", "max_iter": 6, "n_iter_no_change": 3}
    return BackpropRegressor(4, random_state=0, **{**parameters, **BEGUN_WITH[kind]})


class Setter:
    """A callback that sets a parameter after two epochs."""

    def __init__(self, name, value):
        self.change, self.ended = {name: value}, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **data):
        pass

    def on_fit_task_end(self, estimator, context, **data):
        self.ended += 1
        if self.ended == 2:
            estimator.set_params(**self.change)


def set_by_thread(patch, model, name, value, epoch):
    """Another thread sets a parameter just before the kernel runs the given epoch."""
    begun = []

    class Training(_kernel.Trainer):
        def epoch(self, *arguments):
            begun.append(True)
            if len(begun) == epoch:
                thread = threading.Thread(target=model.set_params, kwargs={name: value})
                thread.start()
                thread.join()
            return super().epoch(*arguments)

    patch.setattr(_kernel, "Trainer", Training)


def assert_same_call(model, expected, name, value):
    same = same_bits(model, expected) and model.loss_curve_ == expected.loss_curve_
    assert same, (name, value)
    assert model.validation_scores_ == expected.validation_scores_, (name, value)
    assert model.get_params()[name] is value  # for the next call


def test_every_parameter_is_changed():
    assert OTHERS.keys() == BackpropRegressor().get_params().keys()


@pytest.mark.skipif(
    not hasattr(_callbacks.CallbackSupportMixin, "set_callbacks"),
    reason="this scikit-learn has no callbacks",
)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BEGUN_WITH)
def test_a_callback_sets_a_parameter_for_the_next_call(kind, form, capsys):
    expected = fit_quietly(regressor(kind), form(X), Y)
    for name, value in CHANGES:
        model = regressor(kind).set_callbacks(Setter(name, value))
        fit_quietly(model, form(X), Y)
        assert_same_call(model, expected, name, value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BEGUN_WITH)
def test_a_thread_sets_a_parameter_for_the_next_call(kind, form, capsys, monkeypatch):
    expected = fit_quietly(regressor(kind), form(X), Y)
    for name, value in CHANGES:
        model = regressor(kind)
        with monkeypatch.context() as during:
            set_by_thread(during, model, name, value, epoch=3)
            fit_quietly(model, form(X), Y)
        assert_same_call(model, expected, name, value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["plain", "with momentum", "in batches"])
def test_partial_fit_goes_on_with_what_it_began_with(kind, form, capsys, monkeypatch):
    expected = regressor(kind).partial_fit(form(X), Y).partial_fit(form(X), Y)
    for name, value in CHANGES:
        model = regressor(kind).partial_fit(form(X), Y)
        with monkeypatch.context() as during:
            set_by_thread(during, model, name, value, epoch=1)
            model.partial_fit(form(X), Y)
        assert_same_call(model, expected, name, value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "value"), [("momentum", 0.3), ("batch_size", 7)])
def test_the_next_call_takes_what_was_set(name, value, monkeypatch):
    model, expected = (regressor("plain") for _ in range(2))
    with monkeypatch.context() as during:
        set_by_thread(during, model, name, value, epoch=1)
        model.partial_fit(X, Y)
    model.partial_fit(X, Y)
    expected.partial_fit(X, Y).set_params(**{name: value}).partial_fit(X, Y)
    assert same_bits(model, expected)


@pytest.mark.parametrize(("name", "value"), [("momentum", 2), ("batch_size", 0)])
def test_the_next_call_refuses_what_was_set(name, value, monkeypatch):
    model = regressor("plain")
    with monkeypatch.context() as during:
        set_by_thread(during, model, name, value, epoch=1)
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        model.partial_fit(X, Y)
