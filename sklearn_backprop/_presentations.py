"""Which example is presented when.

Every epoch is a shuffle of one starting order. Where the order of the rows shall not
matter, that order is of their content: rows are sorted by a hash of their values.

Every random choice is a function of one seed, drawn once per fit, of its purpose, and
of the epoch. There is no generator to advance: an epoch that is interrupted or fails
leaves nothing to undo, and calls of partial_fit continue where the last one ended.
"""

import math

import numpy as np
from sklearn.utils import check_random_state

from . import _kernel

INITIAL_WEIGHTS, HOLD_OUT = range(2)


def draw_seed(random_state):
    """A 32-bit seed from an int, a RandomState or None."""
    return int(check_random_state(random_state).randint(2**32, dtype=np.uint64))


def generator(seed, purpose):
    """The random numbers of one purpose; the stream of RandomState never changes."""
    return np.random.RandomState([seed, purpose])


def starting_order(X, y, by_content):
    """The row of every presentation, and a number that tells other data from these.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
        float64.
    by_content : bool
        Whether to sort the rows by their values instead of leaving them as given.

    Returns
    -------
    order : ndarray of shape (n,)
        Row numbers, of 32 bits if those suffice.
    fingerprint : int
        The same for the same rows in any order.
    """
    n = len(X)
    hashes = _kernel.hash_rows(X, y)
    fingerprint = int(hashes.sum())  # modulo 2^64
    order = np.arange(n, dtype=_kernel.NARROW if n < 2**32 else _kernel.WIDE)
    if by_content:
        _kernel.sort_rows(hashes, order)
    return order, fingerprint


def hold_out(order, fraction, seed):
    """The part of order to train on and the part to validate on.

    At least two rows are held out, for R² needs them.
    """
    n_samples = len(order)
    n_held_out = max(2, math.ceil(fraction * n_samples))
    if n_held_out >= n_samples:
        raise ValueError(
            f"early_stopping=True holds out {n_held_out} samples "
            f"(validation_fraction={fraction}) and needs at least one more to train "
            f"on, but X has n_samples = {n_samples}. Expected more samples or a "
            "smaller validation_fraction."
        )
    places = generator(seed, HOLD_OUT).permutation(n_samples)
    return order[np.sort(places[n_held_out:])], order[np.sort(places[:n_held_out])]
