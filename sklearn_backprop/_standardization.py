"""The units of the data and those of training, and the way from one to the other."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import issparse

from . import _kernel
from ._data import Data
from ._sums import ordered_sum
from ._two_values import half_distance

# Targets are converted so many at a time, which takes little memory.
CHUNK = 100_000

# The standard deviation of 0 and 1 where one of them is in a tenth of the samples. A
# column of two values counts as if neither was rarer. Chosen by bench_tables.py.
RARE = 0.3


@dataclass(frozen=True, eq=False)
class Standardization:
    """(value − mean) / std, column by column.

    Attributes
    ----------
    X_mean, X_std : ndarray of shape (d,)
        A standard deviation of 0 says that a column is constant: it is divided by 1. An
        infinite one, that it varies by rounding alone: it becomes 0. That of a column
        of two values is at least `RARE` times their distance.
    y_mean, y_std : ndarray of shape (K,)
        Likewise.
    applied : bool
        False where the data are taken as given: means are 0, standard deviations 1.
    dtype : {"float32", "float64"}
        Of what is in the units of the data: predictions, `coefs_` and `intercepts_`.
    """

    X_mean: np.ndarray
    X_std: np.ndarray
    y_mean: np.ndarray
    y_std: np.ndarray
    applied: bool
    dtype: str

    @classmethod
    def measure(cls, data, order):
        """Statistics of data in the units of the user, over the samples in order."""
        moments = (
            _kernel.moments(
                _kernel.Samples(values, order=order.entries, fraction=order.fraction)
            )
            for values in (data.X, data.y.astype(data.dtype, copy=False))
        )
        (X_mean, X_std), (y_mean, y_std) = moments
        # Or a flag of 1 in 500 rows would be 22 standard deviations where it is set.
        least = 2 * RARE * half_distance(data.X, order.rows())
        X_std = np.where(X_std > 0, np.maximum(X_std, least), X_std)
        return cls(X_mean, X_std, y_mean, y_std, True, str(data.dtype))

    @classmethod
    def identity(cls, data):
        """Leave the data as they are."""
        d, K = data.X.shape[1], data.y.shape[1]
        zeros_and_ones = np.zeros(d), np.ones(d), np.zeros(K), np.ones(K)
        return cls(*zeros_and_ones, False, str(data.dtype))

    @cached_property
    def X_scale(self):
        """1 / std, shape (d,)."""
        return 1 / _divisor(self.X_std)

    @cached_property
    def y_unit(self):
        """What 1 in training units is in those of y, shape (K,)."""
        return np.where(np.isinf(self.y_std), 1, _divisor(self.y_std))

    @cached_property
    def y_divisor(self):
        """What y less its mean is divided by, shape (K,)."""
        return np.where(np.isinf(self.y_std), np.inf, self.y_unit)

    def to_training_units(self, data, suffix=""):
        """Data whose y is in training units; X is checked and stays as it is.

        Parameters
        ----------
        data : Data
            In the units of the user.
        suffix : {"", "_val"}
            Of the names of X and y in messages.

        Raises
        ------
        ValueError
            If a value exceeds `_kernel.LIMIT` in training units.
        """
        self._check_X(data.X, f"X{suffix}")
        targets = self._targets(data.y, data.X.dtype, f"y{suffix}")
        return Data(data.X, targets, data.weight, data.dtype)

    def to_predictions(self, y_hat):
        """The output of the network in the units of the data; may overwrite y_hat."""
        y = y_hat.astype(np.float64, copy=False)
        with np.errstate(over="ignore"):
            y *= self.y_unit  # in place, or it would be in memory three times
            y += self.y_mean
        return _finite(y, self.dtype)

    def to_coefs(self, W, v):
        """w_hj and v_kh in the units of the data: [(d, H), (H, K)], read-only."""
        with np.errstate(over="ignore"):
            return [
                _read_only(W[1:] * self.X_scale[:, np.newaxis], self.dtype),
                _read_only(v[:, 1:].T * self.y_unit, self.dtype),
            ]

    def to_intercepts(self, W, v):
        """w_h0 and v_k0 in the units of the data: [(H,), (K,)], read-only."""
        # A mean of 1e308 times a weight is beyond float64, and ∞ - ∞ would be NaN.
        mean = self.X_mean * self.X_scale
        exponent = max(0, np.frexp(mean)[1].max())
        shift = ordered_sum(np.ldexp(mean, -exponent)[:, np.newaxis] * W[1:])
        with np.errstate(over="ignore"):
            return [
                _read_only(W[0] - np.ldexp(shift, exponent), self.dtype),
                _read_only(v[:, 0] * self.y_unit + self.y_mean, self.dtype),
            ]

    def _check_X(self, X, name):
        row = _kernel.first_beyond(
            _kernel.Samples(X, mean=self.X_mean, scale=self.X_scale)
        )
        if row < X.shape[0]:
            x = X[[row]].toarray()[0] if issparse(X) else X[row]
            with np.errstate(over="ignore"):
                column = np.abs((x - self.X_mean) * self.X_scale).argmax()
            place = f"row {row}, column {column}"
            raise _beyond_limit(name, x[column], place, X.dtype)

    def _targets(self, y, dtype, name):
        targets, n = np.empty(y.shape, dtype), len(y)
        with np.errstate(over="ignore"):
            for start in range(0, n, CHUNK):
                part = slice(start, start + CHUNK)
                targets[part] = (y[part] - self.y_mean) / self.y_divisor
        row = _first_beyond(targets, _kernel.LIMIT[dtype])
        if row < n:
            value = y[row, np.abs(targets[row]).argmax()]
            raise _beyond_limit(name, value, f"row {row}", dtype)
        return targets


def _divisor(std):
    return np.where(std == 0, 1, std)


def _beyond_limit(name, value, place, dtype):
    return ValueError(
        f"{name} has the value {value:.3g} in {place}, which is too large to train on. "
        f"Expected values within ±{_kernel.LIMIT[dtype]:g} in training units, which "
        "are (value - mean) / std where standardize=True."
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
