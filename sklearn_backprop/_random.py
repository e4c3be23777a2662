"""Random numbers that depend on one seed and on what they are for.

The seed is drawn once for each model. Everything that is random in an epoch depends on
the seed and on the number of the epoch. There is no generator to advance, so an epoch
that fails or is interrupted leaves nothing to undo, and `partial_fit` continues where
the previous call ended.
"""

import numpy as np
from sklearn.utils import check_random_state

INITIAL_WEIGHTS = 0  # a purpose, for `generator`


def draw_seed(random_state):
    """A 32-bit seed from an int, a RandomState or None."""
    return int(check_random_state(random_state).randint(2**32, dtype=np.uint64))


def generator(seed, purpose):
    """Random numbers for one purpose, by RandomState, whose stream never changes."""
    return np.random.RandomState([seed, purpose])
