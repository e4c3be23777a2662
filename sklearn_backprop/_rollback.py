"""Restore an estimator after a failed or interrupted call."""

import numpy as np


class Rollback:
    """Restore the attributes of an estimator when the guarded block raises.

    After an error they are those from before the block. After an interrupt
    (KeyboardInterrupt and its like) they are, too, until `keep` is called. The block
    may replace attributes, but must not change what they hold: a `State` cannot be
    changed.

    Parameters
    ----------
    estimator : object
        Whatever keeps its state in ``__dict__``.
    random_state : RandomState or anything else
        A RandomState is restored with the attributes from before the block, as if no
        number had been drawn.
    """

    def __init__(self, estimator, random_state):
        self.estimator = estimator
        self.random_state = random_state

    def __enter__(self):
        self.before, self.keeps = vars(self.estimator).copy(), False
        self.not_drawn = None
        if isinstance(self.random_state, np.random.RandomState):
            self.not_drawn = self.random_state.get_state(legacy=False)
        return self

    def keep(self):
        """Let an interrupt leave the attributes as they are, from now on."""
        self.keeps = True

    def __exit__(self, kind, error, traceback):
        if kind is None or (self.keeps and not issubclass(kind, Exception)):
            return
        self.estimator.__dict__ = self.before
        if self.not_drawn is not None:
            self.random_state.set_state(self.not_drawn)
