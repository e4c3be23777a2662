"""What there is to say about a fit that diverged, or that went wrong."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ._learning_rate import (
    OF_FIXED_LENGTH,
    initial_learning_rate,
    learning_rate,
    stability_bound,
)
from ._warning import warn

OUTLIERS = (
    "y has values that are more than 100 standard deviations away from the mean so "
    "far. Training on them can undo what was learned. Leave such rows out, or clip y."
)

# The diagnosis at the end of fit looks at about this many rows.
DIAGNOSED_ROWS = 200

SATURATED = 0.01  # a hidden output this close to 0 or 1
TOO_MANY = 0.9  # fraction of saturated outputs that calls for a warning
HARDLY_BETTER = 0.99  # squared error, as a fraction of that of predicting the mean
NEARLY_EXACT = 0.01  # the same; below it no more epochs are asked for

# A loss is falling if 1000 updates by single samples at "auto" take away more than
# this fraction of it. Of fits that patience made three times better, six in seven lost
# more; of good fits to 200 rows and more, eleven in twelve lost less.
FALLING = 0.025
LONGEST_STRETCH = 50  # number of epochs that are looked at
FAR_BELOW = 0.2  # a learning rate, as a fraction of "auto"


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


def max_iter_message(training, state):
    """Say that a fit reached `max_iter`, and what helps.

    Parameters
    ----------
    training : Training
    state : State
        After the last epoch.
    """
    if _best_was_long_ago(training, state):
        cure = (
            "The validation score was highest long before, so more epochs overfit: "
            "decrease n_iter_no_change to stop sooner, or increase alpha."
        )
    elif _is_far_below_auto(training):
        cure = (
            "The loss falls slowly because learning_rate_init is far below 'auto': "
            "increase it."
        )
    elif not _is_falling(training, state):
        cure = (
            "The loss hardly fell any more, so more epochs would not help much: use "
            "learning_rate='linear', or increase tol."
        )
    elif training.validation is None:
        cure = (
            "The loss was still falling: increase max_iter. early_stopping=True tells "
            "when more epochs overfit."
        )
    else:
        cure = "The loss was still falling: increase max_iter."
    max_iter = training.parameters.max_iter
    return f"Training reached max_iter={max_iter} before converging. {cure}"


def stall_message(training, state):
    """Say that a fit converged although its loss was falling; None if it was not.

    Parameters
    ----------
    training : Training
    state : State
        After the last epoch.
    """
    if not (state.convergence.converged and _is_falling(training, state)):
        return None
    what = "loss" if training.validation is None else "validation score"
    cure = "increase n_iter_no_change, decrease tol, or use learning_rate='linear'"
    if _is_far_below_auto(training):
        cure = (
            "increase learning_rate_init, which is far below 'auto', or increase "
            "n_iter_no_change and decrease tol"
        )
    elif training.batch_size > 1:
        cure = f"decrease batch_size, {cure}"
    return (
        f"Training ended because the {what} had not improved by tol for "
        "n_iter_no_change epochs, but the training loss was still falling. To learn "
        f"more, {cure}."
    )


def _is_falling(training, state):
    """Whether the loss of the newest epochs falls, given how little they move.

    Noise hides a fall from one epoch to the next, and every epoch falls by less than
    tol where η is small or rows are few. So two halves of a stretch are compared, and
    the fall is related to the size and number of the updates. The last stretch of
    "adaptive" has the least noise: its η is the smallest.
    """
    parameters = training.parameters
    losses = state.losses.values()[training.begun_at :]
    stretches = 1 if parameters.learning_rate == "adaptive" else 2
    n = stretches * (parameters.n_iter_no_change + 1)
    losses = losses[-int(min(n, LONGEST_STRETCH, len(losses))) :]
    half = len(losses) // 2
    if half == 0:
        return True  # as far as one epoch can tell
    early, late = np.mean(losses[:half]), np.mean(losses[-half:])
    eta = learning_rate(
        parameters,
        training.initial_learning_rate,
        epoch=state.n_iter - 1,
        progress=0,
        convergence=state.convergence,
    )
    updates = training.total_weight * eta / _auto(parameters, batch_size=1)
    return early - late > FALLING / 1000 * updates * (len(losses) - half) * late


def _is_far_below_auto(training):
    auto = _auto(training.parameters, training.batch_size)
    return training.initial_learning_rate < FAR_BELOW * auto


def _auto(parameters, batch_size):
    H, momentum = parameters.hidden_layer_size, parameters.momentum
    return initial_learning_rate("auto", H, batch_size, momentum)


def _best_was_long_ago(training, state):
    """Whether the best of the scores is in the first half of this fit."""
    if training.validation is None:
        return False
    scores = state.validation_scores.values()
    scores = scores[len(scores) - (state.n_iter - training.begun_at) :]
    return np.argmax(scores) < len(scores) // 2


def warn_of_poor_fit(start, training, state, stopped):
    """Warn of each way in which a fit went wrong.

    Parameters
    ----------
    start : Start
    training : Training or None
        None if the network is one that a search trained.
    state : State
        After the last epoch.
    stopped : bool
        Whether training ended before `max_iter`.
    """
    stalled = None
    if training and training.parameters.learning_rate not in OF_FIXED_LENGTH:
        if not stopped and training.parameters.n_iter_no_change < np.inf:
            warn(max_iter_message(training, state), ConvergenceWarning)
        stalled = stall_message(training, state)
    data, order, network = start.data, start.order, state.network
    rows, weight = order.every(max(1, len(order) // DIAGNOSED_ROWS))
    X, y = data.X[rows], data.y[rows]
    for message in poor_fit_messages(
        y, network.output(X), network.hidden_outputs(X), weight, stalled
    ):
        warn(message, ConvergenceWarning)


def poor_fit_messages(y, y_hat, z, weight, stalled=None):
    """A message, with the cure, for each way in which a fit went wrong.

    Parameters
    ----------
    y, y_hat : ndarray of shape (n, K)
        Targets of some samples and the network's outputs, in training units.
    z : ndarray of shape (n, H)
        Their hidden outputs.
    weight : ndarray of shape (n,)
        Their weights.
    stalled : str or None
        What to say if there is more to learn.

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
    rounding = 1e-6 * (mean**2).sum()
    if squared_error > HARDLY_BETTER * variance + rounding:
        messages.append(
            "The fit is hardly better than predicting the mean, or worse. If the loss "
            "decreased too slowly, increase learning_rate_init or max_iter, or "
            "decrease batch_size, tol or alpha. If it was erratic, decrease "
            "learning_rate_init."
        )
    elif stalled and squared_error > NEARLY_EXACT * variance + rounding:
        messages.append(stalled)
    if saturated > TOO_MANY:
        messages.append(
            f"More than {TOO_MANY:.0%} of the hidden outputs are within {SATURATED} of "
            "0 or 1. Such hidden units hardly learn. Large values of X or y may be the "
            "cause: use standardize=True, or decrease learning_rate_init."
        )
    return messages
