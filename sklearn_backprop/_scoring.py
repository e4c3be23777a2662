"""What early stopping watches, and sums that are the same on every CPU."""

from dataclasses import dataclass

import numpy as np

# What scores and losses have as their largest size, far from overflow.
LARGEST = 1e300


def ordered_sum(values):
    """Sum over the first axis, in order; NumPy and BLAS may choose another."""
    return np.cumsum(values, axis=0)[-1]


def squared_error(y, y_hat):
    """(y − ŷ)² in float64, none so large that their weighted sum would overflow."""
    with np.errstate(over="ignore"):
        return np.minimum((y.astype(np.float64) - y_hat) ** 2, LARGEST / len(y))


def r_squared(y, y_hat, weight):
    """R², the mean over the outputs, summed in the order of the rows whatever the CPU.

    An output that is constant scores 1 if it is met exactly and 0 otherwise, as in
    `sklearn.metrics.r2_score`.

    Parameters
    ----------
    y, y_hat : ndarray of shape (n, K)
    weight : ndarray of shape (n,)
    """
    y = y.astype(np.float64)
    weight = weight[:, np.newaxis]
    mean = ordered_sum(weight * y) / ordered_sum(weight)
    residual = ordered_sum(weight * squared_error(y, y_hat))
    total = ordered_sum(weight * (y - mean) ** 2)
    # Rounding may give a constant a total.
    varies = (total > 0) & (y != y[0]).any(axis=0)
    with np.errstate(over="ignore"):
        ratio = np.minimum(residual / np.where(varies, total, 1), LARGEST)
    scores = np.where(varies, 1 - ratio, residual == 0)
    return float(ordered_sum(scores) / len(scores))


@dataclass(frozen=True)
class ValidationSet:
    """Rows that early stopping validates on: X (n, d), y (n, K) in training units."""

    X: object
    y: np.ndarray
    weight: np.ndarray

    def score(self, y_hat):
        """R² of the network's output."""
        return r_squared(self.y, y_hat, self.weight)

    def tells_nothing_of(self, examples):
        """Whether its targets are constant, and those that are trained on are not."""
        if (self.y != self.y[0]).any():
            return False
        rows, _ = examples.order.every(1)
        y = examples.y[rows]
        return (y != y[0]).any()

    def loss(self, y_hat):
        """The mean of E over the rows."""
        weighted = self.weight[:, np.newaxis] * squared_error(self.y, y_hat)
        total = ordered_sum(ordered_sum(weighted))
        return float(0.5 * total / ordered_sum(self.weight))
