"""Restore an estimator after a failed or interrupted call."""

import numpy as np


class Rollback:
    """Restore the attributes of an estimator if the guarded block raises.

    After an error, the attributes are as they were before the block. The same holds
    after an interrupt (KeyboardInterrupt and the like), unless `keep` has been called.
    The block may replace attributes, but must not modify the objects that they refer
    to; a `State` is immutable.

    Parameters
    ----------
    estimator : object
        Any object that has its state in ``__dict__``.
    random_state : RandomState or anything else
        A RandomState is restored together with the attributes, as if no number had
        been drawn.
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
        """From now on, leave the attributes as they are after an interrupt."""
        self.keeps = True

    def __exit__(self, kind, error, traceback):
        if kind is None or (self.keeps and not issubclass(kind, Exception)):
            return
        self.estimator.__dict__ = self.before
        if self.not_drawn is not None:
            self.random_state.set_state(self.not_drawn)
