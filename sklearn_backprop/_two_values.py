"""Columns of two values, such as flags and one-hot encoded categories."""

import numpy as np
from scipy.sparse import issparse

FIRST_ROWS = 100  # tell of most columns that they have more values
CHUNK = 2**19  # values that are compared at a time
SPARSE_ROWS = 10_000  # rows that are compared at a time


def half_distance(X, rows):
    """½ |a - b| for each column whose only values are a and b, 0 for the others.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, d)
    rows : ndarray
        The rows to look at.

    Returns
    -------
    distance : ndarray of float64 of shape (d,)
    """
    used = np.zeros(X.shape[0], bool)
    used[rows] = True
    rows = np.flatnonzero(used)
    distance = np.zeros(X.shape[1])
    if issparse(X):
        other, is_full, differs = _entries(X, rows)
        distance[:] = np.where(is_full | differs, 0, np.abs(other) / 2)
        columns = np.flatnonzero(is_full)
    else:
        columns = np.arange(len(distance))

    first = _values(X, rows[:1], columns)[0]
    second = np.full(len(columns), np.nan)
    start, length = 0, FIRST_ROWS
    while start < len(rows) and len(columns):
        values = _values(X, rows[start : start + length], columns)
        is_other = values != first
        largest = np.where(is_other, values, -np.inf).max(axis=0)
        is_new = np.isnan(second) & np.isfinite(largest)
        second[is_new] = largest[is_new]
        are_two = (~is_other | (values == second)).all(axis=0)
        columns, first, second = columns[are_two], first[are_two], second[are_two]
        start, length = start + length, max(1, CHUNK // max(1, len(columns)))
    distance[columns] = np.nan_to_num(np.abs(first / 2 - second / 2))
    return distance


def _values(X, rows, columns):
    values = X[rows][:, columns]
    return values.toarray() if issparse(X) else values


def _entries(X, rows):
    """Of each column of CSR an entry, whether it is full, and whether they differ."""
    d = X.shape[1]
    one, count, differs = np.zeros(d), np.zeros(d, np.int64), np.zeros(d, bool)
    for start in range(0, len(rows), SPARSE_ROWS):
        part = X[rows[start : start + SPARSE_ROWS]]
        columns, is_new = part.indices, count[part.indices] == 0
        one[columns[is_new]] = part.data[is_new]
        differs[columns[part.data != one[columns]]] = True
        count += np.bincount(columns, minlength=d)
    return one, count == len(rows), differs
