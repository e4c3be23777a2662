"""Sparse data, made safe for compiled code, which reads wherever indices point.

SciPy checks a matrix when it is created, but not later: by now its arrays may have any
content, and another thread may write to them during a call. So every index array is
copied, and the copy is checked, before SciPy's compiled code or the kernel reads it.
The shape is read once. Copying indices takes little time compared to training. Values
are not copied if that can be avoided: unlike indices, they are not used as addresses.
"""

from itertools import chain
from operator import index

import numpy as np
from scipy import sparse
from sklearn.utils.validation import assert_all_finite

ERRORS = (
    *(ArithmeticError, AttributeError, LookupError),
    *(RuntimeError, TypeError, ValueError),
)


class _NotNumericError(Exception):
    """The values have a type that is not numeric."""


def with_checked_indices(X, name):
    """Sparse X with the same values, and with checked copies of its indices.

    Parameters
    ----------
    X : {array-like, sparse matrix}
        Sparse X may have any format.
    name : str
        The name of X in the message.

    Returns
    -------
    X : {array-like, sparse array}
        CSR, CSC, BSR, COO or DIA, with numbers as values. If X is not sparse, it is
        returned unchanged.

    Raises
    ------
    ValueError
        If sparse X does not have two axes, if its values are not numbers, if an entry
        is outside of its shape, or if its arrays do not match each other.
    """
    if not sparse.issparse(X):
        return X
    try:
        shape = tuple(map(index, X.shape))
        if len(shape) == 2:
            return _COPIES[X.format](X, shape)
    except _NotNumericError as error:
        raise ValueError(
            f"{name} must be numeric, but it holds {error}. Convert or encode it first."
        ) from error
    except ERRORS as error:
        raise ValueError(f"{name} is not a valid sparse array: {error}") from error
    raise ValueError(f"Expected 2D input, but {name} has the shape {shape}.")


def canonical(X, name):
    """CSR with each column once in a row, in ascending order, and without zeros.

    Parameters
    ----------
    X : CSR
        Its indices are checked and private; its values may be shared with the user.
    name : str

    Raises
    ------
    ValueError
        If entries add up to infinity.
    """
    data = np.require(X.data, requirements="CA")
    X = sparse.csr_array((data, X.indices, X.indptr), shape=X.shape)
    if not X.has_canonical_format or np.count_nonzero(data) < X.nnz:
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
        assert_all_finite(X.data, input_name=name)
    return X


def _copy_csr(X, shape):
    return sparse.csr_array(_lines(X, *shape), shape=shape)


def _copy_csc(X, shape):
    return sparse.csc_array(_lines(X, *shape[::-1]), shape=shape)


def _copy_bsr(X, shape):
    data = _values(X.data)
    block = data.shape[1:]
    if len(block) != 2 or 0 in block or any(np.mod(shape, block)):
        raise ValueError(
            f"it has blocks of shape {block}. Expected blocks that fill {shape}."
        )
    lines = _lines(X, *np.floor_divide(shape, block), data)
    return sparse.bsr_array(lines, shape=shape)


def _copy_coo(X, shape):
    return _coo(_values(X.data), X.row, X.col, shape)


def _copy_dia(X, shape):
    offsets, data = _integers(X.offsets, "offsets"), _values(X.data)
    if len(set(offsets)) < len(offsets):
        raise ValueError("an offset occurs twice. Expected distinct offsets.")
    if data.ndim != 2 or len(data) != len(offsets):
        raise ValueError(
            f"it has data of shape {data.shape} for {len(offsets)} offsets. Expected "
            "one row of values for each offset."
        )
    inside = (offsets > -shape[0]) & (offsets < shape[1])
    return sparse.dia_array((data[inside], offsets[inside]), shape=shape)


def _copy_lil(X, shape):
    lengths = [*map(len, X.rows)]
    if lengths != [*map(len, X.data)] or len(lengths) != shape[0]:
        raise ValueError(
            "it has rows whose data and indices differ in length. Expected one index "
            "for every value."
        )
    columns, values = ([*chain.from_iterable(lists)] for lists in (X.rows, X.data))
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return _coo_of_lists(values, rows, columns, X.dtype, shape)


def _copy_dok(X, shape):
    items = [*X.items()]
    places = np.array([place for place, _ in items]).reshape(len(items), 2)
    values = [value for _, value in items]
    return _coo_of_lists(values, places[:, 0], places[:, 1], X.dtype, shape)


_COPIES = {
    "csr": _copy_csr,
    "csc": _copy_csc,
    "bsr": _copy_bsr,
    "coo": _copy_coo,
    "dia": _copy_dia,
    "lil": _copy_lil,
    "dok": _copy_dok,
}


def _lines(X, n_lines, n_places, blocks=None):
    """Data, indices and indptr of CSR or BSR by rows, or of CSC by columns."""
    indptr = _integers(X.indptr, "indptr")
    if len(indptr) != n_lines + 1:
        raise ValueError(
            f"indptr has {len(indptr)} items. Expected {n_lines + 1}, from the shape."
        )
    if indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():  # differences might wrap
        raise ValueError("indptr must begin with 0 and never decrease.")
    n_entries = int(indptr[-1])  # the arrays may be longer
    data = _values(X.data) if blocks is None else blocks
    if data.ndim != (1 if blocks is None else 3) or len(data) < n_entries:
        raise ValueError(
            f"it has data of shape {data.shape}. Expected {n_entries} entries, the "
            "number given by indptr."
        )
    indices = _indices(X.indices[:n_entries], "indices", n_places, n_entries)
    return data[:n_entries], indices, indptr


def _coo(data, rows, columns, shape):
    if data.ndim != 1:
        raise ValueError(f"it has data of shape {data.shape}. Expected one axis.")
    rows = _indices(rows, "row indices", shape[0], len(data))
    columns = _indices(columns, "column indices", shape[1], len(data))
    return sparse.coo_array((data, (rows, columns)), shape)


def _coo_of_lists(values, rows, columns, dtype, shape):
    if not values:
        return sparse.coo_array(shape, dtype=dtype)
    return _coo(_values(np.array(values)).astype(dtype), rows, columns, shape)


def _indices(indices, what, size, n_entries):
    """A copy of the indices: one for each entry, all at least 0 and less than size."""
    indices = _integers(indices, what)
    if len(indices) != n_entries:
        raise ValueError(
            f"it has {len(indices)} {what}. Expected {n_entries}, one for each entry."
        )
    for extreme in (indices.min(initial=0), indices.max(initial=0)):
        if n_entries and not 0 <= extreme < size:
            raise ValueError(
                f"its {what} include {extreme}. Expected at least 0 and less than "
                f"{size}."
            )
    return indices


def _integers(array, what):
    """A copy of an index array, with 32 or 64 bits."""
    array = np.asarray(array)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"its {what} have the shape {array.shape} and the type {array.dtype}. "
            "Expected integers along one axis."
        )
    narrow = array.dtype.kind == "i" and array.itemsize <= 4
    return array.astype(np.int32 if narrow else np.int64)


def _values(data):
    """A view of the values, or a copy if SciPy does not support their type."""
    data = np.asarray(data)[...]  # a view, whose shape nobody else can change
    if data.dtype.kind not in "biufc":  # conversion would turn them into numbers
        raise _NotNumericError(f"values of type {data.dtype}")
    kind = np.float64 if data.dtype == np.float16 else data.dtype.newbyteorder("=")
    return data.astype(kind, copy=False)
