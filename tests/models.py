"""Helpers for fits, their state, and weights in the shapes of the equations."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_backprop import _kernel


def fit_quietly(model, X, y, *args, **kwargs):
    """Fit without the warnings that few epochs or odd settings bring."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, *args, **kwargs)


def weights_of(model):
    """W, shape (H, d + 1), and v, shape (H + 1,), or (K, H + 1) for several outputs."""
    W = np.column_stack((model.intercepts_[0], model.coefs_[0].T))
    v = np.column_stack((model.intercepts_[1], model.coefs_[1].T))
    return W, v[0] if model.n_outputs_ == 1 else v


def same_bits(model, other):
    """Whether two fitted estimators have identical weights."""
    pairs = zip(
        model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True
    )
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def largest_difference(model, W, v):
    """max |ΔW| over all weights, as a fraction of max(1, max |W|)."""
    W_model, v_model = weights_of(model)
    difference = max(np.abs(W_model - W).max(), np.abs(v_model - v).max())
    return difference / max(1, np.abs(W).max(), np.abs(v).max())


def statistics(X, rows=None, before=None, weight=0.0):
    """Statistics of some rows of X, or of all, after those `before`."""
    order = np.arange(X.shape[0]) if rows is None else np.asarray(rows)
    return _kernel.measure(_kernel.Samples(X, order=order), before, weight)[0]


def state(model):
    """Everything an estimator holds, as arrays and numbers."""
    return model.__getstate__()


def assert_unchanged(model, before):
    now = state(model)
    assert now.keys() == before.keys()
    for name, value in now.items():
        assert value is before[name] or np.array_equal(value, before[name]), name


@contextmanager
def refused(model, message):
    """The call ends in an error that says this, and the estimator is as it was."""
    before = state(model)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        yield caught
    assert_unchanged(model, before)
