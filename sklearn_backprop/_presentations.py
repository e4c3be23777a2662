"""Which example is presented when.

Every random choice is a function of one seed, drawn once per fit, of its purpose, and
of the epoch. There is no generator to advance: an epoch that is interrupted or fails
leaves nothing to undo, and calls of partial_fit continue where the last one ended.
"""

import math
import zlib

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


def presentation_order(rows, seed, epoch):
    """The rows in a fresh random order, from the same starting order every epoch."""
    order = rows.copy()
    _kernel.shuffle(order, seed, epoch)
    return order


def hold_out(n_samples, fraction, seed):
    """Row numbers to train on and to validate on, both in ascending order.

    At least two rows are held out, for R² needs them.
    """
    n_held_out = max(2, math.ceil(fraction * n_samples))
    if n_held_out >= n_samples:
        raise ValueError(
            f"early_stopping=True holds out {n_held_out} samples "
            f"(validation_fraction={fraction}) and needs at least one more to train "
            f"on, but X has n_samples = {n_samples}. Expected more samples or a "
            "smaller validation_fraction."
        )
    rows = generator(seed, HOLD_OUT).permutation(n_samples).astype(np.intp)
    return np.sort(rows[n_held_out:]), np.sort(rows[:n_held_out])


def fingerprint(X, y):
    """A number that tells one call's data from another's: of y and the first row."""
    return zlib.crc32(X[0], zlib.crc32(y))
