"""Checks of data that scikit-learn leaves out."""

import datetime

import numpy as np

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
        What the user passed; None and sparse data are left to `validate_data`.
    name : str
        What to call it in the message.

    Raises
    ------
    ValueError
        If data holds text, dates, times or gaps, or is no rectangular array.
    """
    if data is None or hasattr(data, "tocsr"):
        return
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(
            f"{name} cannot be read as an array: {error}. Expected rows of numbers, "
            "all of one length."
        ) from error
    if array.dtype.kind in "SUTMmV":
        found = f"values of type {array.dtype}"
    elif array.dtype.kind == "O":
        if any(item is None or type(item).__name__ == "NAType" for item in array.flat):
            raise ValueError(f"Input {name} contains NaN: None or NA marks a gap.")
        odd_items = (item for item in array.flat if isinstance(item, _NOT_NUMBERS))
        odd = next(odd_items, None)
        if odd is None:
            return
        found = f"the {type(odd).__name__} {odd!r}"
    else:
        return
    raise ValueError(
        f"{name} must be numeric, but it holds {found}. Convert or encode it first."
    )


def as_kernel_input(X):
    """X with rows of neighbouring values, or X itself if a copy would be large.

    The kernel reads any strides, but columns that are apart more slowly.
    """
    in_place = X.nbytes >= LARGEST_COPY and X.flags.aligned
    if in_place and all(stride % X.itemsize == 0 for stride in X.strides):
        return X
    return np.ascontiguousarray(X)


def first_beyond(values, limit):
    """The index of the first of n values beyond ±limit, or n."""
    if max(values.max(), -values.min()) <= limit:  # without an array of |values|
        return len(values)
    return int((np.abs(values) > limit).argmax())
