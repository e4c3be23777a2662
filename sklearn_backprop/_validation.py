"""The samples that early stopping validates on, and scores on them."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._data import Data
from ._sums import ordered_sum
from ._warning import warn

# Upper limit for the size of scores and losses, far below overflow.
LARGEST = 1e300


@dataclass(frozen=True, eq=False)
class Validation:
    """Samples to validate on, with y in training units, and always with weights."""

    data: Data

    @classmethod
    def held_out(cls, data, rows):
        """Validate on some of the samples of a call."""
        weight = np.ones(len(data)) if data.weight is None else data.weight
        return cls(replace(data, weight=weight).take(rows))

    @classmethod
    def given(cls, data, standardization):
        """Validate on data that the user passed, in the units of the user."""
        data = standardization.to_training_units(data, "_val")
        if data.weight is None:
            return cls(replace(data, weight=np.ones(len(data))))
        exponent = np.frexp(data.weight.max())[1]
        weight = np.ldexp(data.weight, -exponent)  # to keep sums finite
        rows = np.flatnonzero(data.weight)  # a weight of 0 leaves a row out
        return cls(replace(data, weight=weight).take(rows))

    def scores(self, network):
        """R² and the mean of E over the samples."""
        y, y_hat, weight = self.data.y, network.output(self.data.X), self.data.weight
        return r_squared(y, y_hat, weight), mean_error(y, y_hat, weight)

    def warn_if_constant(self, data, order, *, given):
        """Warn if the targets are all the same but those to train on are not."""
        if not varies(self.data.y).any() and varies(data.y[order.rows()]).any():
            cure = (
                "Pass a y_val that varies" if given else "Increase validation_fraction"
            )
            warn(
                "Early stopping cannot tell which epoch is best: the targets to "
                f"validate on are all the same. {cure}.",
                ConvergenceWarning,
            )

    def warn_if_poor(self, score, *, given):
        """Warn if the best R² is no better than that of predicting the mean.

        Parameters
        ----------
        score : float
            The best R².
        given : bool
            Whether the user passed the samples; otherwise they were held out.
        """
        if score > 0 or not varies(self.data.y).any():
            return
        if given:
            what = "X_val and y_val"
            cause = (
                "The likely cause is that they are not in the units of X and y: a "
                "Pipeline or TransformedTargetRegressor does not transform them by "
                "itself. Transform them in the same way as X and y."
            )
        else:
            what = "the held-out samples"
            cause = (
                "They may be too few to tell one epoch from another. Use more samples, "
                "increase validation_fraction, or set early_stopping=False."
            )
        warn(
            "Early stopping found no epoch that predicts better than the mean: the "
            f"best R² on {what} is not above 0. {cause}",
            ConvergenceWarning,
        )


def check_arguments(early_stopping, X_val, y_val, sample_weight_val):
    """Refuse validation data that are incomplete or that would be ignored.

    Raises
    ------
    ValueError
        If X_val or y_val is missing, or early_stopping is False.
    """
    arguments = {
        "X_val": X_val,
        "y_val": y_val,
        "sample_weight_val": sample_weight_val,
    }
    given = [name for name, value in arguments.items() if value is not None]
    missing = [name for name in ("X_val", "y_val") if name not in given]
    if given and missing:
        raise ValueError(
            f"{' and '.join(given)} passed to fit without {missing[0]}. Expected both "
            "X_val and y_val, or neither."
        )
    if given and not early_stopping:
        raise ValueError(
            "X_val and y_val were passed to fit, but early_stopping=False. Expected "
            "early_stopping=True to validate on them."
        )


def varies(y):
    """Whether each column of y (n, K) varies by more than rounding errors.

    The threshold is the same as in `_kernel.measure`.
    """
    low, high = y.min(axis=0), y.max(axis=0)
    rounding = 4 * np.finfo(y.dtype).eps * np.maximum(np.abs(low), np.abs(high))
    return high / 2 - low / 2 > rounding / 2


def squared_error(y, y_hat):
    """(y − ŷ)² in float64, clipped so that the weighted sum does not overflow."""
    with np.errstate(over="ignore"):
        return np.minimum((y.astype(np.float64) - y_hat) ** 2, LARGEST / len(y))


def mean_error(y, y_hat, weight):
    """The weighted mean of E, summed over outputs; arguments as for `r_squared`."""
    weighted = weight[:, np.newaxis] * squared_error(y, y_hat)
    total = ordered_sum(ordered_sum(weighted))
    return float(0.5 * total / ordered_sum(weight))


def r_squared(y, y_hat, weight):
    """R², averaged over the outputs; sums run in the order of the rows on every CPU.

    A constant output scores 1 if it is predicted exactly, and 0 otherwise, as in
    `sklearn.metrics.r2_score`.

    Parameters
    ----------
    y, y_hat : ndarray of shape (n, K)
    weight : ndarray of shape (n,)
    """
    varying, y = varies(y), y.astype(np.float64)
    weight = weight[:, np.newaxis]
    mean = ordered_sum(weight * y) / ordered_sum(weight)
    residual = ordered_sum(weight * squared_error(y, y_hat))
    total = ordered_sum(weight * (y - mean) ** 2)
    scored = (total > 0) & varying
    with np.errstate(over="ignore"):
        ratio = np.minimum(residual / np.where(scored, total, 1), LARGEST)
    scores = np.where(scored, 1 - ratio, residual == 0)
    return float(ordered_sum(scores) / len(scores))
