"""Warnings that name the estimator and point to the user's own line of code."""

import sys
import warnings


def warn(message, category=UserWarning):
    """Warn at the nearest caller outside of this package and scikit-learn.

    The number of frames in between depends on scikit-learn's version and on the method.

    Parameters
    ----------
    message : str or Warning
        A str should not have numbers that change from call to call, because Python
        shows the same text from the same line only once.
    category : type
    """
    if isinstance(message, str):
        message = f"BackpropRegressor: {message}"
    frame, level = sys._getframe(1), 2
    while frame.f_back and _is_ours(frame.f_globals):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_once(estimator, message, category=UserWarning):
    """Warn only once for each model, however often partial_fit is called.

    Python, too, shows a repeated warning only once. But it forgets what it has shown
    whenever somebody changes its filters, as scikit-learn does in every call.
    """
    warned = vars(estimator).get("_warned", frozenset())
    if message not in warned:
        estimator._warned = warned | {message}
        warn(message, category)


def _is_ours(module):
    name = str(module.get("__name__"))  # code run by exec may have none
    return name.partition(".")[0] in (__name__.partition(".")[0], "sklearn")
