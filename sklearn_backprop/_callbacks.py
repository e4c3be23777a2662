"""scikit-learn's callbacks, where its version has them (from 1.9)."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing, where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is, where scikit-learn has no callbacks."""
        return method


class EpochCallbacks:
    """Tell an estimator's callbacks of fit and of each of its epochs.

    Parameters
    ----------
    estimator : estimator
    max_iter : int
        The largest number of epochs.
    """

    def __init__(self, estimator, max_iter):
        self.estimator = estimator
        self.any = bool(getattr(estimator, "_skl_callbacks", None))
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=max_iter)

    def begin(self, X, y, sample_weight):
        """Fit begins, on these data."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.data = {"X": X, "y": y, "metadata": weights}
        if self.any:
            self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def begin_epoch(self):
        """Say that an epoch begins."""
        if self.any:
            self.epoch = self.context.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self):
        """Say that an epoch has ended; return whether a callback wants to stop."""
        return self.any and self._end(self.epoch)

    def end(self):
        """Fit ends."""
        if self.any:
            self._end(self.context)

    def _end(self, context):
        # {}: a copy of the estimator is a model by itself.
        return context.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes={}, **self.data
        )
