"""scikit-learn's callbacks, where its version has them (from 1.9)."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing, where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is, where scikit-learn has no callbacks."""
        return method


class FitCallbacks:
    """What the callbacks of an estimator are told of one fit.

    Parameters
    ----------
    estimator : estimator
    max_subtasks : int
        The largest number of tasks that the fit consists of.
    """

    def __init__(self, estimator, max_subtasks):
        self.estimator = estimator
        self.context = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=max_subtasks)
            if getattr(estimator, "_skl_callbacks", None):
                self.context = context

    def begin(self, X, y, sample_weight):
        """Fit begins, on these data; return its task."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": weights}
        return Task(self.estimator, self.context, data)


class Task:
    """A part of a fit, which begins now.

    Parameters
    ----------
    estimator : estimator
    context : CallbackContext or None
        None if there are no callbacks.
    data : dict
        Of the fit.
    """

    def __init__(self, estimator, context, data):
        self.estimator, self.context, self.data = estimator, context, data
        if context is not None:
            context.call_on_fit_task_begin(estimator=estimator, **data)

    def subtask(self, name, max_subtasks=0):
        """Begin a part of this task; None is an unknown number of subtasks."""
        if self.context is None:
            return self
        context = self.context.subcontext(task_name=name, max_subtasks=max_subtasks)
        return Task(self.estimator, context, self.data)

    def end(self, *, is_fitted=True):
        """Say that the task has ended; return whether a callback wants to stop.

        Parameters
        ----------
        is_fitted : bool
            Whether the estimator can predict. A copy of it is a model by itself.
        """
        return self.context is not None and self.context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes={} if is_fitted else None,
            **self.data,
        )
