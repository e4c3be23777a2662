"""Which sample is used when, and which samples are held out.

Every epoch is a shuffle of one starting order. With shuffle=True that order is by
content: rows are sorted by a hash of their values and the seed, so the order in which
they are given has no influence. A sample weight is a number of repeats, of which the
last may count in part.
"""

from dataclasses import dataclass

import numpy as np

from . import _kernel
from ._sums import ordered_sum

ALMOST_1 = 1 - 1e-12  # for fractions such as 0.07, which times 100 is more than 7

WEIGHT_UNITS = 2**20  # to a weight of 1, where the weights of copies are added up


@dataclass(frozen=True, eq=False)
class SampleOrder:
    """The samples of an epoch in their starting order.

    Attributes
    ----------
    entries : ndarray of shape (n_entries,)
        Row numbers, as int64. With fractions, 2 · row is a full repeat of the row, and
        2 · row + 1 one of which only its fraction counts.
    fraction : ndarray of shape (n_samples,) or None
        How much of its last repeat counts, for every row; None if all count in full.
    """

    entries: np.ndarray
    fraction: np.ndarray | None

    def __len__(self):
        return len(self.entries)

    def rows(self):
        """The row of every entry."""
        return self.entries if self.fraction is None else self.entries >> 1

    def every(self, step):
        """Rows and weights of every step-th entry."""
        entries = self.entries[::step]
        if self.fraction is None:
            return entries, np.ones(len(entries))
        rows = entries >> 1
        return rows, np.where(entries & 1, self.fraction[rows], 1.0)

    def total_weight(self):
        """The sum of the weights."""
        if self.fraction is None:
            return len(self.entries)
        return float(ordered_sum(self.every(1)[1]))


def sample_order(data, seed, parameters, *, hold_out):
    """The order of the samples to train on, and which are held out.

    Parameters
    ----------
    data : Data
        y in the units of the user.
    seed : int
    parameters : Parameters
    hold_out : bool
        Whether to hold out `validation_fraction` of the samples.

    Returns
    -------
    order : SampleOrder
    held_out : ndarray or None
        Row numbers: some by their content or, with shuffle=False, the last. None
        without a hold-out.
    fingerprint : int
        Of all samples.
    """
    hashes = _kernel.hash_rows(_kernel.Samples(data.X, data.y), seed)
    content = fingerprint(hashes, data.weight)
    rows = held_out = None
    if hold_out:
        choose = hold_out_by_content if parameters.shuffle else hold_out_last
        rows, held_out = choose(hashes, data.weight, parameters.validation_fraction)
    order = starting_order(hashes, data.weight, rows, by_content=parameters.shuffle)
    return order, held_out, content


def fingerprint(hashes, weight):
    """A number that tells other data from these; the same for any order of the rows.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Of the content of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1.
    """
    if weight is None:
        return int(hashes.sum())  # modulo 2^64
    whole = np.floor(weight)
    part = weight - whole
    rest = np.where(part > 0, hashes ^ _bits(part), np.uint64(0))
    return int((hashes * whole.astype(np.uint64) + rest).sum())


def starting_order(hashes, weight, rows=None, *, by_content):
    """The samples of an epoch in their starting order.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Of the content of the rows, as uint64; overwritten, to save memory.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1.
    rows : ndarray of int64 or None
        The rows to train on, None for all; overwritten, too.
    by_content : bool
        Whether to sort the entries by the values of their rows, and by how much of them
        counts, instead of leaving the rows as they are.
    """
    all_rows = rows is None
    rows = np.arange(len(hashes), dtype=np.int64) if all_rows else rows
    if weight is None:
        entries, fraction = rows, None
    else:
        entries, fraction = repeat_rows(rows, weight)
    if by_content:
        keys = hashes
        if fraction is not None:
            keys = hashes[entries >> 1]
            in_part = entries & 1 == 1
            keys[in_part] ^= _bits(fraction[entries[in_part] >> 1])
        elif weight is not None or not all_rows:
            keys = hashes[entries]
        _kernel.sort_rows(keys, entries)
    return SampleOrder(entries, fraction)


def repeat_rows(rows, weight):
    """Every row as often as its weight says: entries and fractions of a `SampleOrder`.

    Weights of 2 and 1 give the rows 0, 0, 1. Where a weight is not whole, as 2.5 and 1,
    entries are 2 · row, or 2 · row + 1 for a repeat that counts in part: 0, 0, 1, 2.

    Parameters
    ----------
    rows : ndarray
        Row numbers.
    weight : ndarray of shape (n_samples,)
    """
    whole = np.floor(weight[rows]).astype(np.int64)
    part = weight[rows] > whole
    if not part.any():
        return np.repeat(rows, whole).astype(np.int64, copy=False), None
    count = whole + part
    entries = np.repeat(2 * rows, count).astype(np.int64, copy=False)
    entries[(np.cumsum(count) - 1)[part]] += 1
    return entries, weight - np.floor(weight)


def _bits(numbers):
    return numbers.view(np.uint64)


def hold_out_by_content(hashes, weight, fraction):
    """The rows to train on, and those to hold out, which are ordered by content.

    All copies of a row fall on one side. Contents are taken in the order of their
    hashes, which is random but does not depend on what else there is. One that does not
    fit into the fraction is skipped.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Of the content of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1. Rows of weight 0 are left out of both.
    fraction : float
        Fraction of the total weight to hold out; at least two contents, for R² needs
        them, and at most half of all.
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
    if weight is not None:  # copies may differ in it, and sums are in this order
        _kernel.sort_rows(keys[held_out] ^ _bits(weight[validation]), validation)
    return np.sort(rows[~held_out]), validation


def hold_out_last(hashes, weight, fraction):
    """The rows to train on, and the last rows, which are held out.

    Arguments are those of `hold_out_by_content`. Neighbors that are copies stay
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
    """Where neighbors of one key start, and their weights in whole numbers.

    Sums of whole numbers are the same in any order.
    """
    starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    if weight is None:
        return starts, np.diff(starts, append=len(rows))
    units = np.rint(weight[rows] * WEIGHT_UNITS).astype(np.int64)
    return starts, np.add.reduceat(units, starts)


def _that_fit(weights, fraction):
    """Indices of the first groups that make up a fraction of the weight, rounded up."""
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
