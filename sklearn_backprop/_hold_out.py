"""Which samples are held out, to validate on or to choose parameters with.

Rows with the same values have the same hash and are held out together. With
shuffle=True, the choice depends only on the hashes; with shuffle=False, it depends on
the order of the rows.
"""

import numpy as np

from . import _kernel

ALMOST_1 = 1 - 1e-12  # for fractions such as 0.07: in floats, 0.07 × 100 is above 7

WEIGHT_UNITS = 2**20  # units in a weight of 1, to add up weights as integers

N_FOLDS = 5
FEWEST_ROWS = 6  # the minimum number of distinct rows to make folds from


def folds_by_content(hashes, weight):
    """The fold of every row, -1 for a weight of 0; None if there are too few rows.

    Distinct rows are dealt to the folds in turn, in the order of their hashes, so that
    neither copies nor weights change the fold of another row.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Hashes of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1.

    Returns
    -------
    fold : ndarray of int8 of shape (n_samples,), or None
    """
    rows = _rows_of_positive_weight(hashes, weight)
    keys = hashes[rows]
    _kernel.sort_rows(keys, rows)
    is_new = np.append(True, keys[1:] != keys[:-1])
    del keys  # they may take much memory
    number = np.cumsum(is_new)
    n_distinct = int(number[-1])
    number %= N_FOLDS
    return _folds(hashes, rows, n_distinct, number)


def folds_in_order(hashes, weight):
    """The same, with folds that are blocks of adjacent rows, of about equal weight.

    Adjacent rows that are copies stay together. The last block is fold 0.
    """
    rows = _rows_of_positive_weight(hashes, weight)
    keys = hashes[rows]
    starts, weights = _groups(keys, rows, weight)
    before = np.cumsum(weights) - weights
    block = np.repeat(
        before * N_FOLDS // weights.sum(), np.diff(starts, append=len(rows))
    )
    return _folds(hashes, rows, len(np.unique(keys)), N_FOLDS - 1 - block)


def _folds(hashes, rows, n_distinct, fold_of_rows):
    if n_distinct < FEWEST_ROWS or (fold_of_rows == fold_of_rows[0]).all():
        return None
    fold = np.full(len(hashes), -1, np.int8)
    fold[rows] = fold_of_rows
    return fold


def hold_out_by_content(hashes, weight, fraction):
    """The rows to train on, and those to hold out, which are ordered by content.

    All copies of a row are on the same side. Distinct rows are chosen in the order of
    their hashes, which is random but does not depend on the other rows. A row that does
    not fit into the fraction is skipped.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Hashes of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1. Rows of weight 0 are left out of both.
    fraction : float
        Fraction of the total weight to hold out. At least two distinct rows are held
        out, because R² needs them, and at most half of all distinct rows.
    """
    rows = _rows_of_positive_weight(hashes, weight)
    keys = hashes[rows]
    _kernel.sort_rows(keys, rows)
    starts, weights = _groups(keys, rows, weight)
    chosen = np.zeros(len(starts), bool)
    chosen[_that_fit(weights, fraction)] = True
    if chosen.all():
        raise _too_few(len(starts), len(rows), fraction)
    held_out = np.repeat(chosen, np.diff(starts, append=len(rows)))
    validation = rows[held_out]
    if weight is not None:  # weights of copies may differ, and sums follow this order
        _kernel.sort_rows(
            keys[held_out] ^ weight[validation].view(np.uint64), validation
        )
    return np.sort(rows[~held_out]), validation


def hold_out_last(hashes, weight, fraction):
    """The rows to train on, and the last rows, which are held out.

    The arguments are those of `hold_out_by_content`. Adjacent rows that are copies stay
    together.
    """
    rows = _rows_of_positive_weight(hashes, weight)
    keys = hashes[rows]
    starts, weights = _groups(keys, rows, weight)
    from_the_end = np.cumsum(weights[::-1])
    wanted = fraction * from_the_end[-1] * ALMOST_1
    n_groups = max(2, int(np.searchsorted(from_the_end, wanted)) + 1)
    if n_groups >= len(starts):
        n_distinct = len(np.unique(keys))
        raise _too_few(n_distinct, len(rows), fraction)
    first = starts[-n_groups]
    return rows[:first], rows[first:]


def _rows_of_positive_weight(hashes, weight):
    rows = np.arange(len(hashes)) if weight is None else np.flatnonzero(weight)
    return rows.astype(np.int64, copy=False)


def _groups(keys, rows, weight):
    """Where groups of adjacent equal keys start, and their weights as integers.

    Sums of integers are the same in any order.
    """
    starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    if weight is None:
        return starts, np.diff(starts, append=len(rows))
    units = np.rint(weight[rows] * WEIGHT_UNITS).astype(np.int64)
    return starts, np.add.reduceat(units, starts)


def _that_fit(weights, fraction):
    """Indices of the first groups that make up the fraction of the weight, or more."""
    total, n_groups = weights.sum(), len(weights)
    wanted = fraction * total * ALMOST_1
    limit, most = wanted + total / n_groups, max(2, n_groups // 2)
    candidates, chosen, n_chosen, reached = np.arange(n_groups), [], 0, 0
    while reached < wanted and n_chosen < most:
        candidates = candidates[weights[candidates] < limit - reached]
        if len(candidates) == 0:
            break
        sums = reached + np.cumsum(weights[candidates])
        n_fitting = np.searchsorted(sums, limit)
        n_wanted = np.searchsorted(sums, wanted) + 1
        n = min(n_fitting, n_wanted, most - n_chosen)
        chosen.append(candidates[:n])
        candidates, n_chosen, reached = candidates[n:], n_chosen + n, sums[n - 1]
    chosen = np.concatenate(chosen) if chosen else candidates[:0]
    if len(chosen) < 2:
        lightest = np.argsort(weights, kind="stable")
        others = lightest[~np.isin(lightest, chosen)]
        chosen = np.append(chosen, others)[:2]
    return chosen


def _too_few(n_distinct, n_samples, fraction):
    return ValueError(
        f"early_stopping=True holds out validation_fraction={fraction:g} of the "
        "samples, and at least 2 distinct ones, which leaves none to train on: "
        f"n_samples = {n_samples}, of which {n_distinct} are distinct. Expected more "
        "samples or a smaller validation_fraction."
    )
