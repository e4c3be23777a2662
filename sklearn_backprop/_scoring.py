"""The score that early stopping watches."""

import numpy as np


def r_squared(y, y_hat):
    """R², summed in the order of the rows whatever the CPU; shapes (n,).

    A constant y scores 1 if it is met exactly and 0 otherwise, as in
    `sklearn.metrics.r2_score`.
    """
    y, y_hat = y.astype(np.float64), y_hat.astype(np.float64)
    residual = _sum((y - y_hat) ** 2)
    total = _sum((y - _sum(y) / len(y)) ** 2)
    if total == 0:
        return float(residual == 0)
    return float(1 - residual / total)


def _sum(values):
    return np.cumsum(values)[-1]  # np.sum may add in another order on another CPU
