"""The units of the data and those of training, and the way from one to the other.

Training works on (value − mean) / std; where the data are taken as given, the means are
0 and the standard deviations 1. X_mean and X_scale = 1 / std have shape (d,), y_mean
and y_std (K,).
"""

import numpy as np
from scipy.sparse import issparse

from . import _kernel
from ._scoring import ordered_sum
from ._warning import warn

LARGEST_FLOAT32 = np.finfo(np.float32).max

# Targets are converted so many at a time, which takes little memory.
FEW_TARGETS = 100_000

# Standard deviations; one update for a target this far can undo what was learned.
FAR = 100

TRAINING_UNITS = "training units, which are (value - mean) / std where standardize=True"


def check_inputs(X, X_mean, X_scale, name):
    """Refuse X with values that are too large to train on.

    Raises
    ------
    ValueError
        If one exceeds `_kernel.LIMIT` in training units.
    """
    row = _kernel.first_beyond(X, X_mean, X_scale)
    if row < X.shape[0]:
        x = X[[row]].toarray()[0] if issparse(X) else X[row]
        with np.errstate(over="ignore"):
            column = np.abs((x - X_mean) * X_scale).argmax()
        raise _beyond(f"{row} of {name}, column {column},", _limit(X.dtype))


def to_targets(y, y_mean, y_std, dtype, name):
    """Targets of shape (n, K) in training units.

    Parameters
    ----------
    y : ndarray of shape (n, K)
        In the units of the data.
    y_mean, y_std : ndarray of shape (K,)
    dtype : dtype
        That of X and of the result.
    name : str
        What to call y in the message.

    Raises
    ------
    ValueError
        If one exceeds `_kernel.LIMIT` in training units, or what the dtype holds.
    """
    targets, n = np.empty(y.shape, dtype), len(y)
    with np.errstate(over="ignore"):
        for start in range(0, n, FEW_TARGETS):
            part = slice(start, start + FEW_TARGETS)
            targets[part] = (y[part] - y_mean) / y_std
    row, problem = _first_beyond(targets, _kernel.LIMIT[dtype]), _limit(dtype)
    if row == n and dtype == np.float32:
        row = _first_beyond(y, LARGEST_FLOAT32)
        problem = "what float32 holds, as X does"
    if row < n:
        raise _beyond(f"{row} of {name}", problem)
    return targets


def warn_of_outliers(targets):
    """Warn if one of (n, K) targets in training units is beyond ±`FAR`."""
    row = _first_beyond(targets, FAR)
    if row < len(targets):
        distance = np.abs(targets[row]).max()
        warn(
            f"Row {row} of y is {distance:.3g} standard deviations away from the mean "
            "of the first call. Training on it can undo what was learned. Leave such "
            "rows out, clip y, or begin with rows that are typical of all."
        )


def to_predictions(y_hat, y_mean, y_std):
    """The output of the network in the units of the data; y_hat may be overwritten."""
    y = y_hat.astype(np.float64, copy=False)
    y *= y_std  # in place, or it would be in memory three times
    y += y_mean
    return _finite(y, y_hat.dtype)


def to_coefs(W, v, X_scale, y_std):
    """w_hj and v_kh in the units of the data: [(d, H), (H, K)], read-only."""
    with np.errstate(over="ignore"):
        return [
            _read_only(W[1:] * X_scale[:, np.newaxis], W.dtype),
            _read_only(v[:, 1:].T * y_std, W.dtype),
        ]


def to_intercepts(W, v, X_mean, X_scale, y_mean, y_std):
    """w_h0 and v_k0 in the units of the data: [(H,), (K,)], read-only."""
    # A mean of 1e308 times a weight is beyond float64, and ∞ - ∞ would be NaN.
    mean = X_mean * X_scale
    exponent = max(0, np.frexp(mean)[1].max())
    shift = ordered_sum(np.ldexp(mean, -exponent)[:, np.newaxis] * W[1:])
    with np.errstate(over="ignore"):
        return [
            _read_only(W[0] - np.ldexp(shift, exponent), W.dtype),
            _read_only(v[:, 0] * y_std + y_mean, W.dtype),
        ]


def _limit(dtype):
    return f"±{_kernel.LIMIT[dtype]:g} in {TRAINING_UNITS}"


def _beyond(row, problem):
    return ValueError(
        f"Row {row} has a value beyond {problem}. Expected smaller values."
    )


def _first_beyond(values, limit):
    """The index of the first of n rows with a value beyond ±limit, or n."""
    if max(values.max(), -values.min()) <= limit:  # without an array of |values|
        return len(values)
    return int((np.abs(values) > limit).any(axis=1).argmax())


def _read_only(array, dtype):
    array = np.ascontiguousarray(_finite(array, dtype))
    array.flags.writeable = False
    return array


def _finite(array, dtype):
    """The array, in place, but the dtype's largest number for what is beyond it."""
    largest = np.finfo(dtype).max
    return np.clip(array, -largest, largest, out=array).astype(dtype, copy=False)
