"""Warnings that point at the user's own line."""

import sys
import warnings


def warn(message, category=UserWarning):
    """Warn at the nearest caller outside of this package and scikit-learn.

    How many frames lie between depends on scikit-learn's version and on the method.
    """
    frame, level = sys._getframe(1), 2
    ours = __name__.partition(".")[0], "sklearn"
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in ours:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
