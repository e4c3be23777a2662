"""Checks of data that scikit-learn leaves out."""

import datetime
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    column_or_1d,
)

from ._sparse import canonical
from ._warning import warn

# Presentations of a row; more make an epoch take for ever.
MOST_PRESENTATIONS = 10_000

# The mean weight outside of which rows are hardly ever, or very often, presented.
USUAL_MEAN_WEIGHT = (0.1, 100)

# Bytes of X; what is larger is read where it is.
LARGEST_COPY = 64 * 2**20

_NOT_NUMBERS = (
    str,
    bytes,
    bytearray,
    memoryview,
    complex,
    np.ndarray,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
)


def check_numeric(data, name):
    """Refuse text, dates and times, which check_array would turn into numbers.

    Parameters
    ----------
    data : array-like, dataframe, series or None
        What the user passed. Sparse X comes from `with_checked_indices`; None is left
        to `validate_data`.
    name : str
        What to call it in the message.

    Returns
    -------
    dtype : dtype
        Of the numbers: float32 if all are, whatever their byte order or the container,
        else float64.

    Raises
    ------
    ValueError
        If data holds text, dates, times, gaps or numbers beyond float64, or is no
        rectangular array.
    """
    if data is None:
        return _floating(None)
    if issparse(data):
        return _floating(data.dtype)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(f"Input {name} contains NaN: a masked value is a gap.")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(
            f"{name} cannot be read as an array: {error}. Expected rows of numbers, "
            "all of one length."
        ) from error
    if array.ndim == 0 and name != "X":  # whose own check is as clear
        raise ValueError(
            f"{name} is a single value, {data!r}. Expected one for every row of X."
        )
    is_frame = hasattr(data, "iloc") and array.ndim == 2
    if is_frame and array.shape[1] == 0:  # where scikit-learn looks for their type
        raise ValueError(f"{name} has 0 feature(s). Expected at least 1.")
    if array.dtype.kind in "SUTMmV":
        raise _not_numeric(name, f"values of type {array.dtype}")
    if array.dtype.kind == "c":  # in lists, no check after this finds them
        raise ValueError(f"Complex data not supported: {name}. Expected real numbers.")
    if array.dtype.kind == "O":
        _check_objects(array, name, _names(data))
        if is_frame:  # types of pandas' own
            return np.result_type(*map(_floating, data.dtypes))
    elif isinstance(getattr(data, "dtypes", None), list):  # of polars
        _check_columns(data.dtypes, name)
    return _floating(array.dtype)


def _check_objects(array, name, names):
    for place, item in enumerate(array.flat):
        if item is None or type(item).__name__ == "NAType":
            column = _column(array, place, names)
            raise ValueError(
                f"Input {name} contains NaN: None or NA marks a gap{column}."
            )
    for place, item in enumerate(array.flat):
        if isinstance(item, _NOT_NUMBERS):
            column = _column(array, place, names)
            raise _not_numeric(name, f"the {type(item).__name__} {item!r}{column}")
    try:
        with np.errstate(over="ignore"):  # of long doubles, which become infinite
            numbers = array.astype(np.float64)
    except (ArithmeticError, TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} holds no float64: {error}.") from error
    assert_all_finite(numbers, input_name=name)  # of objects, no later check names them


def _names(data):
    """The names of the columns of a frame or table; none if they are no text."""
    names = getattr(data, "column_names", getattr(data, "columns", ()))
    names = list(names) if hasattr(names, "__len__") else []
    return names if all(isinstance(name, str) for name in names) else []


def _column(array, place, names):
    """Words for the column of an item, if there are several."""
    if array.ndim != 2:
        return ""
    column = place % array.shape[1]
    return f" in column {names[column]!r}" if names[column:] else f" in column {column}"


def _check_columns(dtypes, name):
    """Refuse polars' dates and times, which beside numbers become some."""
    for dtype in dtypes:
        if dtype.is_temporal():
            raise _not_numeric(name, f"values of type {dtype}")


def _floating(dtype):
    """float32 for that of any byte order, else float64."""
    dtype = getattr(dtype, "subtype", dtype)  # of pandas' sparse columns
    single = dtype is not None and dtype.kind == "f" and dtype.itemsize == 4
    return np.dtype(np.float32 if single else np.float64)


def _not_numeric(name, found):
    return ValueError(
        f"{name} must be numeric, but it holds {found}. Convert or encode it first."
    )


def check_validation_arguments(early_stopping, X_val, y_val, sample_weight_val):
    """Refuse validation data that are incomplete or would not be used.

    Raises
    ------
    ValueError
        If X_val or y_val is missing, or early_stopping is False.
    """
    arguments = {
        "X_val": X_val,
        "y_val": y_val,
        "sample_weight_val": sample_weight_val,
    }
    given = [name for name, value in arguments.items() if value is not None]
    missing = [name for name in ("X_val", "y_val") if name not in given]
    if given and missing:
        raise ValueError(
            f"{' and '.join(given)} passed to fit without {missing[0]}. Expected both "
            "X_val and y_val, or neither."
        )
    if given and not early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit, but early_stopping=False. Expected "
            "early_stopping=True to validate on them."
        )


def check_weights(weight, X, name):
    """One weight for each row, as float64, or None if there are none.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are 0.
    """
    if weight is None:
        return None
    check_numeric([weight] if isinstance(weight, Real) else weight, name)
    # a copy: one number is counted and used at several places
    weight = _check_sample_weight(weight, X, dtype=np.float64, copy=True)
    valid = (weight >= 0) & np.isfinite(weight)  # one number for all is not checked
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


def check_presentations(sample_weight, X):
    """Weights as numbers of presentations, or None if each is 1.

    Raises
    ------
    ValueError
        As `check_weights`, or if a weight is too large.

    Warns
    -----
    UserWarning
        If the mean weight is far from 1.
    """
    weight = check_weights(sample_weight, X, "sample_weight")
    if weight is None or (weight == 1).all():
        return None
    if weight.max() > MOST_PRESENTATIONS:
        row = int(weight.argmax())
        raise ValueError(
            f"sample_weight has the value {weight[row]:g} in row {row}. A weight is a "
            f"number of presentations, and more than {MOST_PRESENTATIONS} are not "
            "accepted. Expected smaller values: divide all by their mean."
        )
    mean = weight.mean()
    if not USUAL_MEAN_WEIGHT[0] <= mean <= USUAL_MEAN_WEIGHT[1]:
        warn(
            f"The mean of sample_weight is {mean:.3g}. A weight is a number of "
            "presentations: training will be as long, or as short, as on that many "
            "copies of each row. Divide the weights by their mean to rescale it to 1."
        )
    return weight


def check_targets(y):
    """Targets as float64, shape (n, K), and whether they were one column.

    Parameters
    ----------
    y : ndarray
        What `validate_data` returned.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    single = y.ndim == 1
    return np.require(y.reshape(len(y), -1), np.float64, "CA"), single


def as_kernel_input(X, name):
    """X with rows of neighboring values, or as it is if a copy would be large.

    The kernel reads any strides, but columns that are apart more slowly. Sparse X has
    each column once in a row, in ascending order, and no zeros, which rounding would
    tell from those that are not stored. What is returned is another object than X,
    whose shape and strides nobody else can change.

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
    return np.require(X, requirements="CA")
