"""Which example is presented when.

Every epoch is a shuffle of one starting order. Where the order of the rows shall not
matter, that order is of their content: rows are sorted by a hash of their values. A
weight is a number of presentations, of which the last may count in part.

Every random choice is a function of one seed, drawn once per fit, of its purpose, and
of the epoch. There is no generator to advance: an epoch that is interrupted or fails
leaves nothing to undo, and calls of partial_fit continue where the last one ended.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from . import _kernel
from ._scoring import ordered_sum

INITIAL_WEIGHTS, HOLD_OUT = range(2)

WEIGHT_UNITS = 2**20  # to a weight of 1, where the weights of copies are added up


def draw_seed(random_state):
    """A 32-bit seed from an int, a RandomState or None."""
    return int(check_random_state(random_state).randint(2**32, dtype=np.uint64))


def generator(seed, purpose):
    """The random numbers of one purpose; the stream of RandomState never changes."""
    return np.random.RandomState([seed, purpose])


@dataclass(frozen=True)
class Presentations:
    """The presentations of an epoch in their starting order.

    Attributes
    ----------
    order : ndarray of shape (n_presentations,)
        Row numbers; with shares twice that, plus 1 where only the row's share of a
        presentation counts. Of 32 bits if those suffice.
    share : ndarray of shape (n_samples,) or None
        How much of its last presentation counts, for every row; None if all count in
        full.
    """

    order: np.ndarray
    share: np.ndarray | None

    def __len__(self):
        return len(self.order)

    def every(self, step):
        """Rows and weights of every step-th presentation."""
        entries = self.order[::step]
        if self.share is None:
            return entries, np.ones(len(entries))
        rows = entries >> 1
        return rows, np.where(entries & 1, self.share[rows], 1.0)

    def total(self):
        """The sum of the weights."""
        if self.share is None:
            return len(self.order)
        return float(ordered_sum(self.every(1)[1]))


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
    """The presentations of the rows in their starting order.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Of the content of the rows, as uint64; used up, to save memory.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1.
    rows : ndarray or None
        The rows to present, None for all.
    by_content : bool
        Whether to sort the presentations by the values of their rows, and by how much
        of them counts, instead of leaving the rows as they are.
    """
    n_samples, share = len(hashes), None
    if weight is None and rows is None:
        entries, keys = np.arange(n_samples, dtype=_number_type(n_samples)), hashes
    else:
        rows = np.arange(n_samples) if rows is None else rows
        weight = np.ones(n_samples) if weight is None else weight
        whole = np.floor(weight[rows]).astype(np.intp)
        part = weight[rows] - whole
        if part.any():
            share = weight - np.floor(weight)
            entries = _entries_with_shares(rows, whole, part > 0)
            entries = entries.astype(_number_type(2 * n_samples))
            keys = hashes[entries >> 1]
            in_part = entries & 1 == 1
            keys[in_part] ^= _bits(share[entries[in_part] >> 1])
        else:
            entries = np.repeat(rows, whole).astype(_number_type(n_samples))
            keys = hashes[entries]
    if by_content:
        _kernel.sort_rows(keys, entries)
    return Presentations(entries, share)


def _number_type(n_numbers):
    return _kernel.NARROW if n_numbers < 2**32 else _kernel.WIDE


def _entries_with_shares(rows, whole, has_part):
    count = whole + has_part
    entries = np.repeat(2 * rows, count)
    entries[(np.cumsum(count) - 1)[has_part]] += 1
    return entries


def _bits(numbers):
    return numbers.view(np.uint64)


def hold_out(hashes, weight, fraction, seed):
    """The rows to train on, and those to validate on, which are ordered by content.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,)
        Of the content of the rows, as uint64.
    weight : ndarray of shape (n_samples,) or None
        None if all are 1. Rows of weight 0 are left out of both.
    fraction : float
        Share of the total weight to validate on; at least two rows that differ, for R²
        needs them. All copies of a row fall on one side.
    seed : int
    """
    rows = np.arange(len(hashes)) if weight is None else np.flatnonzero(weight)
    rows = rows.astype(_number_type(2 * len(hashes)))  # as with shares
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
    places = np.arange(len(starts), dtype=rows.dtype)
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
