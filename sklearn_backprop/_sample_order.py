"""Which sample is used when, and which samples are held out.

Every epoch is a shuffle of one starting order. With shuffle=True that order is by
content: rows are sorted by a hash of their values and the seed, so the order in which
they are given has no influence. A sample weight is a number of repeats, of which the last may count in
part.
"""

from dataclasses import dataclass

import numpy as np

from . import _kernel
from ._random import HOLD_OUT, generator
from ._sums import ordered_sum

WEIGHT_UNITS = 2**20  # to a weight of 1, where the weights of copies are added up


@dataclass(frozen=True)
class SampleOrder:
    """The samples of an epoch in their starting order.

    Attributes
    ----------
    entries : ndarray of shape (n_entries,)
        Row numbers, as int64; with fractions twice that, plus 1 where only the fraction
        of the row counts.
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
        Row numbers, ordered by content; None without a hold-out.
    fingerprint : int
        Of all samples.
    """
    hashes = _kernel.hash_rows(_kernel.Samples(data.X, data.y), seed)
    content = fingerprint(hashes, data.weight)
    rows = held_out = None
    if hold_out:
        rows, held_out = hold_out_rows(
            hashes, data.weight, parameters.validation_fraction, seed
        )
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
    rows : ndarray or None
        The rows to train on, None for all.
    by_content : bool
        Whether to sort the entries by the values of their rows, and by how much of them
        counts, instead of leaving the rows as they are.
    """
    all_rows = rows is None
    rows = np.arange(len(hashes), dtype=np.int64) if all_rows else rows
    if weight is None:
        entries, fraction = rows.astype(np.int64), None
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


def hold_out_rows(hashes, weight, fraction, seed):
    """The rows to train on, and those to hold out, which are ordered by content.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Of the content of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1. Rows of weight 0 are left out of both.
    fraction : float
        Fraction of the total weight to hold out; at least two rows that differ, for R²
        needs them. All copies of a row fall on one side.
    seed : int
    """
    rows = np.arange(len(hashes)) if weight is None else np.flatnonzero(weight)
    rows = rows.astype(np.int64, copy=False)
    keys = hashes[rows]
    _kernel.sort_rows(keys, rows)
    starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    sizes = np.diff(starts, append=len(rows))
    if weight is None:
        weights = sizes
    else:  # whole numbers, whose sum is the same on every CPU
        weights = np.rint(weight[rows] * WEIGHT_UNITS).astype(np.int64)
        weights = np.add.reduceat(weights, starts)

    # Which contents come first hardly depends on what else there is.
    odd = 2 * int(generator(seed, HOLD_OUT).randint(2**63, dtype=np.uint64)) + 1
    places = np.arange(len(starts), dtype=np.int64)
    _kernel.sort_rows(keys[starts] * np.uint64(odd), places)
    reached = np.cumsum(weights[places])
    n_held_out = max(2, 1 + int(np.searchsorted(reached, fraction * reached[-1])))
    if n_held_out >= len(starts):
        raise ValueError(
            f"early_stopping=True holds out {n_held_out} distinct samples "
            f"(validation_fraction={fraction}) and needs at least one more to train "
            f"on, but X has n_samples = {len(rows)}, of which {len(starts)} are "
            "distinct. Expected more samples or a smaller validation_fraction."
        )
    held_out = np.zeros(len(starts), bool)
    held_out[places[:n_held_out]] = True
    held_out = np.repeat(held_out, sizes)
    validation = rows[held_out]
    if weight is not None:  # copies may differ in it, and sums are in this order
        _kernel.sort_rows(keys[held_out] ^ _bits(weight[validation]), validation)
    return np.sort(rows[~held_out]), validation
