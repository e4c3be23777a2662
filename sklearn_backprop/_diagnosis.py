"""What there is to say about a fit that diverged, or that went wrong."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._learning_rate import initial_learning_rate, stability_bound
from ._warning import warn, warn_once

# Standard deviations; one update for a target this far can undo what was learned.
FAR = 100

# The diagnosis at the end of fit looks at about this many rows.
DIAGNOSED_ROWS = 200

SATURATED = 0.01  # a hidden output this close to 0 or 1
TOO_MANY = 0.9  # fraction of saturated outputs that calls for a warning
HARDLY_BETTER = 0.99  # squared error, as a fraction of that of predicting the mean


def divergence_message(epoch, eta, batch_size, parameters):
    """Say where training diverged, why, and what to change."""
    alpha, momentum = parameters.alpha, parameters.momentum
    H = parameters.hidden_layer_size
    if eta * alpha >= 1:
        return (
            f"Training diverged in epoch {epoch}: each update subtracts "
            f"{eta * alpha:.3g} times the weights, which is the learning rate of "
            f"{eta:g} times alpha={alpha:g}. Expected less than 1. Decrease alpha or "
            "learning_rate_init."
        )
    auto = initial_learning_rate("auto", H, batch_size, momentum)
    bound = stability_bound(H, batch_size, momentum)
    cure = "." if parameters.standardize else ". Or use standardize=True."
    if eta < bound:
        return (
            f"Training diverged in epoch {epoch}, although the output layer is stable "
            f"with its learning rate of {eta:g} (up to {bound:.2g}). The cause may be "
            "values of X or y that are far from all others. Remove or clip them, or "
            f"decrease learning_rate_init{cure}"
        )
    return (
        f"Training diverged in epoch {epoch} with a learning rate of {eta:g}. The "
        f"output layer is stable up to {bound:.2g} whatever the hidden outputs are "
        f"(hidden_layer_size={H}, samples per batch: {batch_size}, "
        f"momentum={momentum:g}), and up to more where they are small. Decrease "
        f"learning_rate_init; 'auto' is {auto:.2g}{cure}"
    )


def warn_of_outliers(estimator, data):
    """Warn once of a model if targets, in training units, are far from those before."""
    y = data.y if data.weight is None else data.y[data.weight > 0]
    if max(y.max(), -y.min()) > FAR:
        warn_once(
            estimator,
            f"y has values that are more than {FAR} standard deviations away from the "
            "mean of the first call. Training on them can undo what was learned. Leave "
            "such rows out, clip y, or begin with rows that are typical of all.",
        )


def warn_of_poor_fit(network, data, order):
    """Warn of each way in which a fit went wrong.

    Parameters
    ----------
    network : Network
    data : Data
        What it was trained on, with y in training units.
    order : SampleOrder
    """
    rows, weight = order.every(max(1, len(order) // DIAGNOSED_ROWS))
    X, y = data.X[rows], data.y[rows]
    for message in poor_fit_messages(
        y, network.output(X), network.hidden_outputs(X), weight
    ):
        warn(message, ConvergenceWarning)


def poor_fit_messages(y, y_hat, z, weight):
    """A message, with the cure, for each way in which a fit went wrong.

    Parameters
    ----------
    y, y_hat : ndarray of shape (n, K)
        Targets of some samples and the network's outputs, in training units.
    z : ndarray of shape (n, H)
        Their hidden outputs.
    weight : ndarray of shape (n,)
        Their weights.

    Returns
    -------
    messages : list of str
        Empty if nothing is wrong.
    """
    y = y.astype(np.float64)
    mean = np.average(y, axis=0, weights=weight)
    with np.errstate(over="ignore"):  # after one huge step
        squared_error = np.average((y - y_hat) ** 2, axis=0, weights=weight).sum()
    variance = np.average((y - mean) ** 2, axis=0, weights=weight).sum()
    saturated = np.mean(np.minimum(z, 1 - z) < SATURATED)

    messages = []
    # A constant y is not a poor fit, whatever rounding leaves of its error.
    if squared_error > HARDLY_BETTER * variance + 1e-6 * (mean**2).sum():
        messages.append(
            "The fit is hardly better than predicting the mean, or worse. If the loss "
            "decreased too slowly, increase learning_rate_init or max_iter, or "
            "decrease batch_size, tol or alpha. If it was erratic, decrease "
            "learning_rate_init."
        )
    if saturated > TOO_MANY:
        messages.append(
            f"More than {TOO_MANY:.0%} of the hidden outputs are within {SATURATED} of "
            "0 or 1. Such hidden units hardly learn. Large values of X or y may be the "
            "cause: use standardize=True, or decrease learning_rate_init."
        )
    return messages
