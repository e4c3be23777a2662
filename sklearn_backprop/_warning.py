"""Warnings that name the estimator and point at the user's own line."""

import sys
import warnings


def warn(message, category=UserWarning):
    """Warn at the nearest caller outside of this package and scikit-learn.

    How many frames lie between depends on scikit-learn's version and on the method.

    Parameters
    ----------
    message : str or Warning
        A str without numbers that change from call to call: Python shows the same
        text from the same line once.
    category : type
    """
    if isinstance(message, str):
        message = f"BackpropRegressor: {message}"
    frame, level = sys._getframe(1), 2
    while frame.f_back and _is_ours(frame.f_globals):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_once(estimator, message, category=UserWarning):
    """Warn once of a model, however many calls of partial_fit give reason to.

    Python shows a repeated warning once, too, but forgets what it has shown whenever
    somebody changes its filters, as scikit-learn does in every call.
    """
    warned = vars(estimator).get("_warned", frozenset())
    if message not in warned:
        estimator._warned = warned | {message}
        warn(message, category)


def _is_ours(module):
    name = str(module.get("__name__"))  # code run by exec may have none
    return name.partition(".")[0] in (__name__.partition(".")[0], "sklearn")
