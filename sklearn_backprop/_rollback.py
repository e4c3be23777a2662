"""Restore an estimator after a failed or interrupted call."""


class Rollback:
    """Restore the attributes of an estimator when the guarded block raises.

    After an error they are those from before the block. After an interrupt
    (KeyboardInterrupt and its like) they are those of the last `keep`. The block may
    replace attributes, but must not change what they hold.

    Parameters
    ----------
    estimator : object
        Whatever keeps its state in ``__dict__``.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def __enter__(self):
        self.before = self.kept = vars(self.estimator).copy()
        return self

    def keep(self):
        """Let an interrupt from here on leave the present attributes."""
        self.kept = vars(self.estimator).copy()

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            failed = issubclass(kind, Exception)
            self.estimator.__dict__ = self.before if failed else self.kept
