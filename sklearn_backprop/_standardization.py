"""The units of the data, the units of training, and conversions between them."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from . import _kernel
from ._data import Data
from ._sums import ordered_sum

# Number of targets to convert at a time, to save memory.
CHUNK = 100_000

# Rows of a table of statistics; see kernel.h.
MEAN, STD, LOW, HIGH, SCALE = 0, 1, 2, 3, 5


@dataclass(frozen=True, eq=False)
class Standardization:
    """(value − mean) / std, column by column.

    Attributes
    ----------
    X_statistics : ndarray of shape (_kernel.N_STATISTICS, d)
        Statistics of the samples so far. Columns that do not vary become 0, whatever
        their values. For a column with only two values, the scale is that of a standard
        deviation of at least 0.3 times their distance.
    y_statistics : ndarray of shape (_kernel.N_STATISTICS, K)
        The same for y. A standard deviation of 0 means that a column is constant; it is
        then divided by 1. An infinite standard deviation means that a column varies
        only by rounding; it then becomes 0.
    applied : bool
        False if the data are used as given: means are 0 and standard deviations are 1.
    dtype : {"float32", "float64"}
        The dtype of everything that is in the units of the data: predictions, `coefs_`
        and `intercepts_`.
    """

    X_statistics: np.ndarray
    y_statistics: np.ndarray
    applied: bool
    dtype: str

    @classmethod
    def measure(cls, data, order):
        """Statistics of data in the units of the user, over the samples in order."""
        X, y, _ = _measure(data, order)
        return cls(X, y, True, str(data.dtype))

    @classmethod
    def identity(cls, data):
        """Statistics that leave the data as they are."""
        d, K = data.X.shape[1], data.y.shape[1]
        return cls(as_given(d), as_given(K), False, str(data.dtype))

    def merged(self, data, order, weight):
        """Statistics that include these data; unchanged if nothing is standardized.

        Parameters
        ----------
        data : Data
            In the units of the user.
        order : SampleOrder
        weight : float
            Total weight of the samples that are already in the statistics.

        Returns
        -------
        standardization : Standardization
        has_outliers : bool
            Whether a value of y is far from the earlier ones.
        """
        if not self.applied:
            return self, False
        before = self.X_statistics, self.y_statistics
        X, y, has_outliers = _measure(data, order, before, weight)
        return Standardization(X, y, True, self.dtype), has_outliers

    @property
    def X_mean(self):
        """0 for columns that do not vary, like their scale; shape (d,).

        Their x - mean could overflow, and infinity times 0 is NaN.
        """
        return np.where(self.X_scale > 0, self.X_statistics[MEAN], 0)

    @property
    def X_scale(self):
        """1 / std, or 0 for columns that do not vary, shape (d,)."""
        return self.X_statistics[SCALE]

    @property
    def y_mean(self):
        """Shape (K,)."""
        return self.y_statistics[MEAN]

    @property
    def y_unit(self):
        """The size of 1 training unit in the units of y, shape (K,)."""
        varies = self.y_statistics[SCALE] > 0
        return np.where(varies, self.y_statistics[STD], 1)

    @property
    def y_divisor(self):
        """The number that y minus its mean is divided by, shape (K,)."""
        std = self.y_statistics[STD]
        return std + (std == 0)

    @property
    def y_range(self):
        """The lowest and the highest y in training units, shape (2, K)."""
        with np.errstate(over="ignore"):
            return (self.y_statistics[[LOW, HIGH]] - self.y_mean) / self.y_divisor

    def to_training_units(self, data, suffix=""):
        """Data with y in training units; X is checked and left unchanged.

        Parameters
        ----------
        data : Data
            In the units of the user.
        suffix : {"", "_val"}
            Suffix of the names X and y in messages.

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
            y *= self.y_unit  # in place, to avoid two more copies in memory
            y += self.y_mean
        return _finite(y, self.dtype)

    def to_coefs(self, W, v):
        """w_hj and v_kh in the units of the data: (d, H) and (H, K), read-only."""
        with np.errstate(over="ignore"):
            w = W[1:] * self.X_scale[:, np.newaxis] + 0.0  # -0 becomes 0
            return (
                _read_only(w, self.dtype),
                _read_only(v[:, 1:].T * self.y_unit, self.dtype),
            )

    def to_intercepts(self, W, v):
        """w_h0 and v_k0 in the units of the data: (H,) and (K,), read-only."""
        with np.errstate(over="ignore"):
            return (
                _read_only(W[0] - self._shift(W), self.dtype),
                _read_only(v[:, 0] * self.y_unit + self.y_mean, self.dtype),
            )

    def from_coefs(self, coefs, W, v):
        """W and v with these coefs and the same intercepts as before.

        Columns that do not vary keep their weights, for the case that they vary later.
        """
        w_new, v_new = coefs
        varies = self.X_scale > 0
        W_old, W, v = W, W.astype(np.float64), v.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            W[1:][varies] = w_new[varies] / self.X_scale[varies, np.newaxis]
            W[0] += self._shift(W) - self._shift(W_old)
            v[:, 1:] = (v_new / self.y_unit).T
        return W, v

    def from_intercepts(self, intercepts, W, v):
        """W and v with these intercepts and the same coefs as before."""
        W, v = W.astype(np.float64), v.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            W[0] = intercepts[0] + self._shift(W)
            v[:, 0] = (intercepts[1] - self.y_mean) / self.y_unit
        return W, v

    def _shift(self, W):
        """Σ_j w_hj mean_j / std_j, shape (H,)."""
        # A mean of 1e308 times a weight overflows, and ∞ - ∞ would be NaN.
        mean = self.X_mean * self.X_scale
        exponent = max(0, np.frexp(mean)[1].max())
        shift = ordered_sum(np.ldexp(mean, -exponent)[:, np.newaxis] * W[1:])
        return np.ldexp(shift, exponent)

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
        targets, limit = np.empty(y.shape, dtype), _kernel.LIMIT[dtype]
        # What is divided by infinity has to be finite.
        mean = np.where(np.isinf(self.y_divisor), 0, self.y_mean)
        with np.errstate(over="ignore"):
            for start in range(0, len(y), CHUNK):
                part = slice(start, start + CHUNK)
                targets[part] = (y[part] - mean) / self.y_divisor
                size = np.abs(targets[part])
                if size.max() > limit:
                    row, column = np.argwhere(size > limit)[0]
                    row += start
                    value = y[row, column]
                    raise _beyond_limit(name, value, f"row {row}", dtype)
        return targets


def as_given(n_columns):
    """The statistics of columns that are not standardized."""
    table = np.zeros((_kernel.N_STATISTICS, n_columns))
    table[[STD, SCALE]] = 1
    return table


def _measure(data, order, before=(None, None), weight=0.0):
    """Statistics of X and y, including those `before`, and whether y has outliers."""
    targets = data.y.astype(data.dtype, copy=False)
    entries, fraction = order.entries, order.fraction
    X = _kernel.Samples(data.X, order=entries, fraction=fraction)
    y = _kernel.Samples(targets, order=entries, fraction=fraction)
    X_before, y_before = before
    X_statistics, _ = _kernel.measure(X, X_before, weight)
    return X_statistics, *_kernel.measure(y, y_before, weight)


def _beyond_limit(name, value, place, dtype):
    return ValueError(
        f"{name} has the value {value:.3g} in {place}, which is too large to train on. "
        f"Expected values within ±{_kernel.LIMIT[dtype]:g} in training units, which "
        "are (value - mean) / std where standardize=True."
    )


def _read_only(array, dtype):
    array = np.ascontiguousarray(_finite(array, dtype))
    array.flags.writeable = False
    return array


def _finite(array, dtype):
    """The array, clipped in place to the range of the dtype, and converted to it."""
    largest = np.finfo(dtype).max
    return np.clip(array, -largest, largest, out=array).astype(dtype, copy=False)
