"""What a fitted network's own outputs say about how the fit went."""

import numpy as np

from ._schedules import initial_step_size, stability_bound

SATURATED = 0.01  # a hidden output this close to 0 or 1
TOO_MANY = 0.9  # share of saturated outputs that calls for a warning
HARDLY_BETTER = 0.99  # squared error, as a share of that of predicting the mean


def divergence_message(epoch, eta, alpha, H, batch_size, momentum, standardized):
    """Say where training diverged, why, and what to change."""
    if eta * alpha >= 1:
        return (
            f"Training diverged in epoch {epoch}: an update takes {eta * alpha:.3g} "
            f"times the weights off them, which is the step size of {eta:g} times "
            f"alpha={alpha:g}. Expected less than 1. Decrease alpha or "
            "learning_rate_init."
        )
    auto = initial_step_size("auto", H, batch_size, momentum)
    at_half, at_one = (stability_bound(H, batch_size, momentum, z) for z in (0.5, 1))
    cure = "." if standardized else ". Or use standardize=True."
    if eta < at_one:
        return (
            f"Training diverged in epoch {epoch}, though with its step size of {eta:g} "
            f"the output layer is stable (up to {at_one:.2g}). Values of X or y that "
            "are far from all others do this. Expected smaller ones: leave them out, "
            f"clip them, or decrease learning_rate_init{cure}"
        )
    return (
        f"Training diverged in epoch {epoch} with a step size of {eta:g}. The output "
        f"layer is stable up to {at_half:.2g} while hidden outputs are about 1/2, and "
        f"up to {at_one:.2g} whatever they are (hidden_layer_size={H}, examples per "
        f"batch: {batch_size}, momentum={momentum:g}). "
        f"Decrease learning_rate_init; 'auto' is {auto:.2g}{cure}"
    )


def poor_fit_messages(v, z, y, weight):
    """A message, with the cure, for each way in which a fit went wrong.

    Parameters
    ----------
    v : ndarray of shape (K, H + 1)
        Output weights, the biases first.
    z : ndarray of shape (n, H)
        Hidden outputs for some of the training data.
    y : ndarray of shape (n, K)
        Their targets, in training units.
    weight : ndarray of shape (n,)
        Their weights.

    Returns
    -------
    messages : list of str
        Empty if nothing is wrong.
    """
    y = y.astype(np.float64)
    mean = np.average(y, axis=0, weights=weight)
    error = y - v[:, 0] - z @ v[:, 1:].T
    with np.errstate(over="ignore"):  # after one huge step
        squared_error = np.average(error**2, axis=0, weights=weight).sum()
    variance = np.average((y - mean) ** 2, axis=0, weights=weight).sum()
    saturated = np.mean(np.minimum(z, 1 - z) < SATURATED)

    messages = []
    # A constant y is not a poor fit, whatever rounding leaves of its error.
    if squared_error > HARDLY_BETTER * variance + 1e-6 * (mean**2).sum():
        messages.append(
            f"The fit is hardly better than predicting the mean, or worse: its squared "
            f"error is {squared_error:.3g} where the mean's is {variance:.3g}, in "
            "training units. If the loss fell too slowly, increase learning_rate_init "
            "or max_iter, or decrease batch_size, tol or alpha; if it was erratic, "
            "decrease learning_rate_init."
        )
    if saturated > TOO_MANY:
        messages.append(
            f"{saturated:.0%} of the hidden outputs are within {SATURATED} of 0 or 1, "
            "where the network hardly learns. Large values of X or y do this: use "
            "standardize=True, or decrease learning_rate_init."
        )
    return messages
