"""What a fitted network's own outputs say about how the fit went."""

import numpy as np
from scipy.special import expit

SATURATED = 0.01  # a hidden output this close to 0 or 1
TOLERANCE = 0.01  # by how much of mean(y²) the squared error may exceed var(y)
TOO_MANY = 0.9  # share of saturated outputs that calls for a warning


def poor_fit_messages(W, v, x, y):
    """A message, with the cure, for each way in which a fit went wrong.

    Parameters
    ----------
    W : ndarray of shape (d + 1, H)
        Hidden weights, the biases first.
    v : ndarray of shape (H + 1,)
        Output weights, the bias first.
    x : ndarray of shape (n, d)
        Some of the training data, in training units.
    y : ndarray of shape (n,)
        Their targets, in training units.

    Returns
    -------
    messages : list of str
        Empty if nothing is wrong.
    """
    z = expit(W[0] + x @ W[1:])
    y = y.astype(np.float64)
    squared_error = np.mean((y - v[0] - z @ v[1:]) ** 2)
    saturated = np.mean(np.minimum(z, 1 - z) < SATURATED)

    messages = []
    # The tolerance forgives the noise of the last epoch, also where y hardly varies.
    if squared_error > np.var(y) + TOLERANCE * np.mean(y**2):
        messages.append(
            f"The fit is worse than predicting the mean: its squared error is "
            f"{squared_error:.3g} where the mean's is {np.var(y):.3g}, in training "
            "units. Decrease learning_rate_init, increase max_iter, or use "
            "standardize=True."
        )
    if saturated > TOO_MANY:
        messages.append(
            f"{saturated:.0%} of the hidden outputs are within {SATURATED} of 0 or 1, "
            "where the network hardly learns. Use standardize=True or decrease "
            "learning_rate_init."
        )
    return messages
