"""Checks for values that scikit-learn would convert: text, dates, missing values."""

import datetime

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import assert_all_finite

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
        The name of the data in the message.

    Returns
    -------
    dtype : dtype
        The dtype of the numbers: float32 if all of them are float32, whatever their
        byte order or container, else float64.

    Raises
    ------
    ValueError
        If data has text, dates, times, missing values or numbers that are too large for
        float64, or is not a rectangular array.
    """
    if data is None:
        return _floating(None)
    if issparse(data):
        return _floating(data.dtype)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(
            f"Input {name} contains NaN: a masked value counts as missing."
        )
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(
            f"{name} cannot be read as an array: {error}. Expected rows of numbers, "
            "all of the same length."
        ) from error
    if array.ndim == 0 and name != "X":  # scikit-learn's own message for X is clear
        raise ValueError(
            f"{name} is a single value, {data!r}. Expected one value for each row of X."
        )
    is_frame = hasattr(data, "iloc") and array.ndim == 2
    if is_frame and array.shape[1] == 0:  # scikit-learn would fail to find a dtype
        raise ValueError(f"{name} has 0 feature(s). Expected at least 1.")
    if array.dtype.kind in "SUTMmV":
        raise _not_numeric(name, f"values of type {array.dtype}")
    if array.dtype.kind == "c":  # no later check finds complex numbers in lists
        raise ValueError(f"Complex data not supported: {name}. Expected real numbers.")
    if array.dtype.kind == "O":
        _check_objects(array, name, _names(data))
        if is_frame:  # pandas has types of its own
            return np.result_type(*map(_floating, data.dtypes))
    elif isinstance(getattr(data, "dtypes", None), list):  # a frame of polars
        _check_columns(data.dtypes, name)
    return _floating(array.dtype)


def _check_objects(array, name, names):
    for place, item in enumerate(array.flat):
        if item is None or type(item).__name__ == "NAType":
            column = _column(array, place, names)
            raise ValueError(
                f"Input {name} contains NaN: None or NA marks a missing value{column}."
            )
    for place, item in enumerate(array.flat):
        if isinstance(item, _NOT_NUMBERS):
            column = _column(array, place, names)
            raise _not_numeric(name, f"the {type(item).__name__} {item!r}{column}")
    try:
        with np.errstate(over="ignore"):  # large long doubles become infinite
            numbers = array.astype(np.float64)
    except (ArithmeticError, TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} cannot be converted to float64: {error}.") from error
    assert_all_finite(numbers, input_name=name)  # a later check would not name the data


def _names(data):
    """The names of the columns of a frame or table; empty if they are not text."""
    names = getattr(data, "column_names", getattr(data, "columns", ()))
    names = list(names) if hasattr(names, "__len__") else []
    return names if all(isinstance(name, str) for name in names) else []


def _column(array, place, names):
    """The column of an item, in words; empty if there is only one column."""
    if array.ndim != 2:
        return ""
    column = place % array.shape[1]
    return f" in column {names[column]!r}" if names[column:] else f" in column {column}"


def _check_columns(dtypes, name):
    """Refuse dates and times of polars, which would be converted next to numbers."""
    for dtype in dtypes:
        if dtype.is_temporal():
            raise _not_numeric(name, f"values of type {dtype}")


def _floating(dtype):
    """float32 if dtype is float32 of any byte order, else float64."""
    dtype = getattr(dtype, "subtype", dtype)  # for sparse columns of pandas
    single = dtype is not None and dtype.kind == "f" and dtype.itemsize == 4
    return np.dtype(np.float32 if single else np.float64)


def _not_numeric(name, found):
    return ValueError(
        f"{name} must be numeric, but it holds {found}. Convert or encode it first."
    )
