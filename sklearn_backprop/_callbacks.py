"""Support for scikit-learn's callbacks, if its version has them (1.9 or later)."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Does nothing if scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method unchanged if scikit-learn has no callbacks."""
        return method


class FitCallbacks:
    """Calls the callbacks of an estimator during one fit.

    Parameters
    ----------
    estimator : estimator
    max_subtasks : int
        The maximum number of tasks in the fit.
    """

    def __init__(self, estimator, max_subtasks):
        self.estimator = estimator
        self.context = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=max_subtasks)
            if getattr(estimator, "_skl_callbacks", None):
                self.context = context

    def begin(self, X, y, sample_weight):
        """Report that fit begins on these data, and return its task."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": weights}
        return Task(self.estimator, self.context, data)


class Task:
    """A part of a fit; it begins when the object is made.

    Parameters
    ----------
    estimator : estimator
    context : CallbackContext or None
        None if there are no callbacks.
    data : dict
        The data of the fit.
    """

    def __init__(self, estimator, context, data):
        self.estimator, self.context, self.data = estimator, context, data
        if context is not None:
            context.call_on_fit_task_begin(estimator=estimator, **data)

    def subtask(self, name, max_subtasks=0):
        """Begin a part of this task; `max_subtasks` is None if it is not known."""
        if self.context is None:
            return self
        context = self.context.subcontext(task_name=name, max_subtasks=max_subtasks)
        return Task(self.estimator, context, self.data)

    def end(self, *, is_fitted=True):
        """Report that the task has ended, and return whether a callback asks to stop.

        Parameters
        ----------
        is_fitted : bool
            Whether the estimator can predict. A copy of it is then a fitted model.
        """
        return self.context is not None and self.context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes={} if is_fitted else None,
            **self.data,
        )
