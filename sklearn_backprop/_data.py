"""The data of a call, checked and converted to the arrays that all else works on."""

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn import config_context, get_config
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    validate_data,
)

from ._array_api import as_numpy
from ._numbers import check_numeric
from ._sparse import canonical, with_checked_indices
from ._warning import warn_once

# A row may be repeated at most this many times, so that an epoch ends.
MAX_WEIGHT = 10_000

# A mean weight outside of this range makes an epoch very short or very long.
USUAL_MEAN_WEIGHT = (0.1, 100)

# In bytes. A larger X is used without a copy.
LARGEST_COPY = 64 * 2**20

# Dense X is trained on as sparse rows where that was measured to be faster: if there
# are at least WIDE features and hidden units, if at most a fraction of MOSTLY_ZEROS of
# the values are nonzero, and if there are so many values that the time for the copy is
# negligible.
WIDE, MOSTLY_ZEROS, WORTH_A_COPY = 16, 0.25, 2**14


@dataclass(frozen=True, eq=False)
class Data:
    """Samples.

    Attributes
    ----------
    X : {ndarray, CSR} of shape (n, d), float32 or float64
        In the units of the user. The kernel standardizes rows as it reads them.
    y : ndarray of shape (n, K)
        Either in the units of the user, as float64, or in training units, with the
        dtype of X: see `Standardization.to_training_units`.
    weight : ndarray of shape (n,) or None
        As float64; None if all weights are 1.
    dtype : dtype
        The dtype of the predictions of a model that is trained on these data: float32
        if both X and y are float32, else float64.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    dtype: np.dtype

    def __len__(self):
        return len(self.y)

    def take(self, rows):
        """Some of the samples."""
        weight = None if self.weight is None else self.weight[rows]
        return Data(self.X[rows], self.y[rows], weight, self.dtype)


def read(estimator, X, y, sample_weight, *, reset, relative):
    """The samples to train on.

    Parameters
    ----------
    estimator : BackpropRegressor
        The number and names of the features are stored on it, or compared with those
        that it has.
    X : {array-like, sparse matrix} of shape (n, d)
    y : array-like of shape (n,) or (n, K)
    sample_weight : array-like of shape (n,) or None
    reset : bool
        Whether these are the first data of a model.
    relative : bool
        Whether weights with an unusual mean are scaled to a mean of 1.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid; the message names it.

    Warns
    -----
    UserWarning
        If the mean weight is far from 1.
    """
    if reset:
        estimator._warned = frozenset()
    X, y, dtype = _read_arrays(estimator, X, y, None, reset=reset)
    return Data(
        X, y, _read_sample_weight(estimator, sample_weight, X, relative=relative), dtype
    )


def read_validation(estimator, X_val, y_val, sample_weight_val, like):
    """The samples to validate on, with the dtype and number of outputs of `like`.

    Parameters
    ----------
    estimator : BackpropRegressor
    X_val, y_val, sample_weight_val
        As passed to `fit`.
    like : Data
        The samples to train on.

    Raises
    ------
    ValueError, TypeError
        As in `read`, or if the number of outputs differs from that of `like`.
    """
    try:
        X, y, _ = _read_arrays(estimator, X_val, y_val, like.X.dtype, suffix="_val")
        weight = _weights(sample_weight_val, X, "sample_weight_val")
    except (TypeError, ValueError) as error:  # whose message may call them X and y
        raise type(error)(f"In the validation data: {error}") from error
    if y.shape[1] != like.y.shape[1]:
        raise ValueError(
            f"y_val has {y.shape[1]} outputs, but y has {like.y.shape[1]}. "
            "Expected the same number."
        )
    return Data(X, y, weight, like.dtype)


def sparse_if_faster(data, H):
    """The same samples, with X as CSR if it is dense but has mostly zeros.

    Only samples of positive weight are considered, and each is counted as often as it
    is repeated.

    Parameters
    ----------
    data : Data
    H : int
        Number of hidden units.
    """
    X, weight = data.X, data.weight
    n, d = X.shape
    if issparse(X) or min(d, H) < WIDE:
        return data
    n_values = d * (n if weight is None else math.fsum(weight))
    if not WORTH_A_COPY <= n_values <= LARGEST_COPY / X.itemsize:
        return data
    not_zero = np.count_nonzero(X, axis=1)
    n_not_zero = not_zero.sum() if weight is None else math.fsum(not_zero * weight)
    if n_not_zero > MOSTLY_ZEROS * n_values:
        return data
    if weight is not None:  # rows of weight 0 may have many nonzero values
        X = np.where(weight[:, np.newaxis] > 0, X, 0)
    return replace(data, X=csr_array(X))


def read_X(estimator, X, dtype):
    """X of the samples to predict, with this dtype."""
    X = with_checked_indices(as_numpy(X), "X")
    # What is finite may be too large for float32.
    narrows = check_numeric(X, "X").itemsize > dtype.itemsize
    with (
        np.errstate(over="ignore", invalid="ignore"),  # sums may overflow
        config_context(assume_finite=False) if narrows else nullcontext(),
    ):
        X = validate_data(estimator, X, accept_sparse="csr", dtype=dtype, reset=False)
        return as_kernel_input(X, "X")


def _read_arrays(estimator, X, y, dtype, *, reset=False, suffix=""):
    """X as the kernel reads it, y of shape (n, K), and the dtype of predictions.

    X is converted to `dtype`; if that is None, to float32 or float64, as its own dtype.
    """
    name_of_X, name_of_y = f"X{suffix}", f"y{suffix}"
    if issparse(y):
        raise ValueError(
            f"{name_of_y} is sparse. Expected a dense array: use {name_of_y}.toarray()."
        )
    X, y = with_checked_indices(as_numpy(X), name_of_X), as_numpy(y)
    given = y
    checks_finite = nullcontext()
    if get_config()["assume_finite"]:  # a single NaN would destroy the model
        checks_finite = config_context(assume_finite=False)
    with (
        np.errstate(over="ignore", invalid="ignore"),  # sums may overflow
        checks_finite,
    ):
        dtype_of_X = check_numeric(X, name_of_X)
        dtype_of_y = check_numeric(y, name_of_y)
        X, y = validate_data(
            estimator,
            X,
            given,
            accept_sparse="csr",
            dtype=dtype_of_X if dtype is None else dtype,
            multi_output=True,
            y_numeric=True,
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            warn_once(
                estimator,
                f"A column-vector {name_of_y} was passed. Expected the shape "
                f"(n_samples,), for example {name_of_y}.ravel().",
                DataConversionWarning,
            )
        y = _packed(y.reshape(len(y), -1).astype(np.float64, copy=False))
        known = getattr(given, "dtype", None) in (np.float64, np.float32)
        if not known:  # objects and long doubles have become float64 only now
            assert_all_finite(y, input_name=name_of_y)
        X = as_kernel_input(X, name_of_X)
        return X, y, max(X.dtype, dtype_of_y)  # float64 is the larger


def as_kernel_input(X, name):
    """X as a C-contiguous array or as canonical CSR; unchanged if a copy is too large.

    The kernel reads any strides, but it is slower if the values of a row are not
    contiguous. Sparse X has each column once in a row, in ascending order. It has no
    stored zeros, because rounding would distinguish them from those that are not
    stored. A new object is returned, so that nobody else can change its shape or
    strides.

    Raises
    ------
    ValueError
        If entries of sparse X add up to infinity.
    """
    if issparse(X):
        return canonical(X, name)
    X = X[...]
    if X.nbytes >= LARGEST_COPY and X.flags.aligned:
        return X
    return _packed(X)


def _packed(array):
    """The array, C-contiguous and aligned; for one row `np.require` takes longer."""
    array = np.ascontiguousarray(array)
    return array if array.flags.aligned else array.copy()


def _weights(weight, X, name):
    """One weight for each row, as float64, or None if there are none.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are 0.
    """
    if weight is None:
        return None
    weight = as_numpy(weight)
    check_numeric([weight] if isinstance(weight, Real) else weight, name)
    # A copy, because weights are read in several places that have to agree.
    weight = _check_sample_weight(weight, X, dtype=np.float64, copy=True)
    valid = (weight >= 0) & np.isfinite(weight)  # scikit-learn does not check a scalar
    if not valid.all():
        row = int(valid.argmin())
        kind = "negative value" if weight[row] < 0 else "value"
        raise ValueError(
            f"{name} has the {kind} {weight[row]:g} in row {row}. Expected finite "
            "values of at least 0."
        )
    if not weight.any():
        raise ValueError(
            f"{name} is 0 in every row. Expected at least one positive value."
        )
    return weight


def _read_sample_weight(estimator, sample_weight, X, *, relative):
    """Weights that can be numbers of repeats, or None if each is 1.

    Raises
    ------
    ValueError
        As `_weights`, or if a weight is too large.

    Warns
    -----
    UserWarning
        If the mean of the positive weights is far from 1. They are then scaled to a
        mean of 1 if they are relative.
    """
    weight = _weights(sample_weight, X, "sample_weight")
    if weight is None or (weight == 1).all():
        return None
    scaled = _with_mean_1(weight)
    least, most = USUAL_MEAN_WEIGHT
    unusual = not least <= weight.max() / scaled.max() <= most
    repeats = scaled if unusual and relative else weight
    if repeats.max() > MAX_WEIGHT:
        row = int(repeats.argmax())
        is_scaled = f", {repeats[row]:g} times the mean" if repeats is scaled else ""
        raise ValueError(
            f"sample_weight has the value {weight[row]:g} in row {row}{is_scaled}. A "
            "weight is the number of times that a sample is repeated. Expected at most "
            f"{MAX_WEIGHT}. Clip the weights, or divide them by their mean."
        )
    if unusual:
        what_follows = (
            "These weights were taken as relative, and divided by their mean. To avoid "
            "this warning, pass weights with a mean of 1."
            if relative
            else "Divide all weights of the stream by their common mean."
        )
        warn_once(
            estimator,
            "The mean of the positive values in sample_weight is not between "
            f"{least:g} and {most:g}. A weight is the number of times that a sample is "
            f"repeated. {what_follows}",
        )
    return None if (repeats == 1).all() else repeats


def _with_mean_1(weight):
    """Weights divided by the mean of the positive ones, rounded to multiples of 2⁻⁴⁰.

    That removes rounding errors. The sum is exact, so that the order of the rows does
    not matter.
    """
    weight = weight / weight.max()
    scaled = weight / (math.fsum(weight) / np.count_nonzero(weight))
    return np.ldexp(np.rint(np.ldexp(scaled, 40)), -40)
