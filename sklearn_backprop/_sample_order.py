"""The order in which samples are used.

Every epoch shuffles the same starting order. With shuffle=True, that order is by
content: rows are sorted by a hash of their values and the seed, so the order in which
they are given has no influence. A sample weight is a number of repeats, of which the
last may count in part.
"""

from dataclasses import dataclass

import numpy as np

from . import _kernel
from ._hold_out import (
    folds_by_content,
    folds_in_order,
    hold_out_by_content,
    hold_out_last,
)
from ._sums import ordered_sum


@dataclass(frozen=True, eq=False)
class SampleOrder:
    """The samples of an epoch in their starting order.

    Attributes
    ----------
    entries : ndarray of shape (n_entries,)
        Row numbers, as int64. With fractions, 2 · row stands for a full repeat of the
        row, and 2 · row + 1 for a repeat of which only the fraction of the row counts.
    fraction : ndarray of shape (n_samples,) or None
        How much the last repeat of each row counts; None if all count in full.
    """

    entries: np.ndarray
    fraction: np.ndarray | None

    def __len__(self):
        return len(self.entries)

    def rows(self):
        """The row of every entry."""
        return self.entries if self.fraction is None else self.entries >> 1

    def split(self, chosen):
        """The samples of the rows that are not chosen, and of those that are.

        Both keep the order of the samples.

        Parameters
        ----------
        chosen : ndarray of bool of shape (n_samples,)
        """
        is_chosen = chosen[self.rows()]
        return tuple(
            SampleOrder(self.entries[part], self.fraction)
            for part in (~is_chosen, is_chosen)
        )

    def among(self, used):
        """The same samples, with rows renumbered as if only the used rows existed.

        Parameters
        ----------
        used : ndarray
            The numbers of the used rows, ascending. All rows of the samples are among
            them.
        """
        places = np.searchsorted(used, self.rows())
        if self.fraction is None:
            return SampleOrder(places, None)
        return SampleOrder(2 * places + (self.entries & 1), self.fraction[used])

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
        Row numbers, chosen by content or, with shuffle=False, the last ones. None if
        nothing is held out.
    fold : ndarray of shape (n_samples,) or None
        The fold of every row, if "auto" searches and enough rows are distinct.
    fingerprint : int
        The fingerprint of all samples.
    """
    by_content = parameters.shuffle
    hashes = _kernel.hash_rows(_kernel.Samples(data.X, data.y), seed)
    content = fingerprint(hashes, data.weight)
    rows = held_out = fold = None
    if parameters.searches:
        assign = folds_by_content if by_content else folds_in_order
        fold = assign(hashes, data.weight)
    if hold_out:
        choose = hold_out_by_content if by_content else hold_out_last
        rows, held_out = choose(hashes, data.weight, parameters.validation_fraction)
    order = starting_order(hashes, data.weight, rows, by_content=by_content)
    return order, held_out, fold, content


def fingerprint(hashes, weight):
    """A number that identifies the data, whatever the order of the rows.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Hashes of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1.
    """
    if weight is None:
        return int(hashes.sum())  # modulo 2^64
    whole = np.floor(weight)
    part = weight - whole
    rest = np.where(part > 0, hashes ^ part.view(np.uint64), np.uint64(0))
    return int((hashes * whole.astype(np.uint64) + rest).sum())


def starting_order(hashes, weight, rows=None, *, by_content):
    """The samples of an epoch in their starting order.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Hashes of the rows, as uint64; overwritten, to save memory.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1.
    rows : ndarray of int64 or None
        The rows to train on, None for all; also overwritten.
    by_content : bool
        Whether to sort the entries by the values of their rows and by how much they
        count, instead of keeping the order of the rows.
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
            keys[in_part] ^= fraction[entries[in_part] >> 1].view(np.uint64)
        elif weight is not None or not all_rows:
            keys = hashes[entries]
        _kernel.sort_rows(keys, entries)
    return SampleOrder(entries, fraction)


def repeat_rows(rows, weight):
    """Each row repeated by its weight: the entries and fractions of a `SampleOrder`.

    Weights of 2 and 1 give the rows 0, 0, 1. If any weight is not an integer, entries
    are 2 · row, or 2 · row + 1 for a repeat that counts in part: weights of 2.5 and 1
    give 0, 0, 1, 2.

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
