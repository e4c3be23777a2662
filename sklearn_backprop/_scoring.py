"""The score that early stopping watches, and sums that are the same on every CPU."""

import numpy as np


def ordered_sum(values):
    """Sum over the first axis, in order; NumPy and BLAS may choose another."""
    return np.cumsum(values, axis=0)[-1]


def r_squared(y, y_hat):
    """R², summed in the order of the rows whatever the CPU; shapes (n,).

    A constant y scores 1 if it is met exactly and 0 otherwise, as in
    `sklearn.metrics.r2_score`.
    """
    y, y_hat = y.astype(np.float64), y_hat.astype(np.float64)
    residual = ordered_sum((y - y_hat) ** 2)
    total = ordered_sum((y - ordered_sum(y) / len(y)) ** 2)
    if total == 0:
        return float(residual == 0)
    return float(1 - residual / total)
