"""Messages about a fit that diverged or that did not turn out well."""

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

FAR = 100  # interquartile ranges
FEW = 0.05  # of the samples
LARGE_SHARE = 0.5  # of the variance
LEARNED = 0.25  # a loss; 0.5 is that of predicting the mean
BY_HEART = 3  # so few samples are no rule, even if they are learned
FAR_TARGETS = (
    "A few values of y are so far from the others that they make up most of the "
    "variance of y. Training may fit these values and little else. If they are errors, "
    "or codes for missing values, leave out their rows. If not, predict a function of "
    "y that has no such values, for example with TransformedTargetRegressor and "
    "QuantileTransformer."
)

# The diagnosis at the end of fit looks at about this many rows.
DIAGNOSED_ROWS = 200

SATURATED = 0.01  # a hidden output this close to 0 or 1
TOO_MANY = 0.9  # fraction of saturated outputs that calls for a warning
HARDLY_BETTER = 0.99  # squared error relative to that of predicting the mean
NEARLY_EXACT = 0.01  # the same; below it, more epochs are not recommended

# A loss is falling if 1000 updates by single samples at "auto" reduce it by more than
# this fraction. Six in seven of the fits that became three times better with more
# patience exceeded it; eleven in twelve good fits to at least 200 rows did not.
FALLING = 0.025
LONGEST_STRETCH = 50  # the maximum number of epochs that are examined
FAR_BELOW = 0.2  # a learning rate below this fraction of "auto"


def divergence_message(epoch, eta, batch_size, parameters):
    """Say where training diverged, the likely cause, and what to change."""
    alpha, momentum = parameters.alpha, parameters.momentum
    H = parameters.hidden_layer_size
    auto = initial_learning_rate("auto", H, batch_size, momentum)
    bound = stability_bound(H, batch_size, momentum)
    if eta * alpha >= 1 and eta < bound:
        return (
            f"Training diverged in epoch {epoch}. The L2 penalty is too strong: each "
            f"update subtracts {eta * alpha:.3g} times the weights, which is the "
            f"learning rate of {eta:g} times alpha={alpha:g}. Expected less than 1. "
            f"Decrease alpha, for example to {0.1 / eta:.3g}, or decrease "
            "learning_rate_init."
        )
    cure = "." if parameters.standardize else ", or use standardize=True."
    if eta < bound:
        return (
            f"Training diverged in epoch {epoch}, although the output layer is stable "
            f"with a learning rate of {eta:g} (up to {bound:.2g}). The likely cause is "
            "values of X or y that are far from all others. Remove or clip them, or "
            f"decrease learning_rate_init, for example to {0.1 * eta:.3g}{cure}"
        )
    return (
        f"Training diverged in epoch {epoch}. The likely cause is the learning rate of "
        f"{eta:g}: the output layer is certain to be stable only up to {bound:.2g} "
        f"(hidden_layer_size={H}, samples per batch: {batch_size}, "
        f"momentum={momentum:g}). Decrease learning_rate_init, for example to 'auto', "
        f"which is {auto:.2g} here{cure}"
    )


def max_iter_message(training, state):
    """Say that a fit did not converge in `max_iter` epochs, why, and what helps.

    Parameters
    ----------
    training : Training
    state : State
        After the last epoch.
    """
    parameters = training.parameters
    max_iter, alpha, tol = parameters.max_iter, parameters.alpha, parameters.tol
    if _best_was_long_ago(training, state):
        cure = (
            "The validation score was highest in the first half of them, so more "
            "epochs would only overfit. Decrease n_iter_no_change to stop sooner, or "
            f"increase alpha, for example to {3 * alpha or 0.003:g}."
        )
    elif _is_far_below_auto(training):
        cure = (
            "The loss falls slowly because learning_rate_init is far below 'auto'. "
            "Increase learning_rate_init, for example to 'auto'."
        )
    elif not _is_falling(training, state):
        cure = (
            "The loss was hardly falling anymore, so more epochs would not help much. "
            "Use learning_rate='linear', or increase tol, for example to "
            f"{10 * tol or 1e-4:g}."
        )
    else:
        cure = (
            "The loss was still falling. Increase max_iter, for example to "
            f"{2 * max_iter}."
        )
        if training.validation is None:
            cure += " Use early_stopping=True to see when more epochs overfit."
    return f"Training did not converge in max_iter={max_iter} epochs. {cure}"


def stall_message(training, state):
    """Say that a fit converged while its loss was falling; None if it did not.

    Parameters
    ----------
    training : Training
    state : State
        After the last epoch.
    """
    if not (state.convergence.converged and _is_falling(training, state)):
        return None
    what = "loss" if training.validation is None else "validation score"
    tol, patience = training.parameters.tol, training.parameters.n_iter_no_change
    if _is_far_below_auto(training):
        cause = (
            "The likely cause is that learning_rate_init is far below 'auto'. Increase "
            "learning_rate_init, for example to 'auto'. Or"
        )
    elif training.batch_size > 1:
        cause = (
            "The likely cause is that large batches make few updates in an epoch. "
            "Decrease batch_size, for example to 1. Or"
        )
    else:
        cause = (
            "Each epoch may have improved the loss by less than tol, or noise may have "
            "hidden the improvement. To learn more,"
        )
    decrease_tol = f"decrease tol, for example to {tol / 10:g}, " if tol else ""
    return (
        f"Training stopped too soon: the {what} had not improved by tol={tol:g} for "
        f"n_iter_no_change={patience} epochs, but the training loss was still falling. "
        f"{cause} increase n_iter_no_change, for example to {5 * patience}, "
        f"{decrease_tol}or use learning_rate='linear'."
    )


def _is_falling(training, state):
    """Whether the loss of the last epochs is falling, given how large updates are.

    Noise hides a fall from one epoch to the next, and if η is small or rows are few,
    the loss falls by less than tol in every epoch. So the two halves of a stretch are
    compared, and the fall is measured relative to the size and number of the updates.
    With "adaptive", the last stretch has the least noise, because its η is the
    smallest.
    """
    parameters = training.parameters
    losses = state.losses.values()[training.begun_at :]
    stretches = 1 if parameters.learning_rate == "adaptive" else 2
    n = stretches * (parameters.n_iter_no_change + 1)
    losses = losses[-int(min(n, LONGEST_STRETCH, len(losses))) :]
    half = len(losses) // 2
    if half == 0:
        return True  # one epoch cannot show the opposite
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
    """Whether the best validation score is in the first half of this fit."""
    if training.validation is None:
        return False
    scores = state.validation_scores.values()
    scores = scores[len(scores) - (state.n_iter - training.begun_at) :]
    return np.argmax(scores) < len(scores) // 2


def warn_of_poor_fit(start, training, state, stopped):
    """Warn about everything that went wrong in a fit.

    Parameters
    ----------
    start : Start
    training : Training or None
        None if the network was trained by a search.
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
    standardization = network.standardization
    if standardization.applied and has_far_targets(
        start, y, standardization.y_range, is_learned=_loss(state) < LEARNED
    ):
        warn(FAR_TARGETS, ConvergenceWarning)
    for message in poor_fit_messages(
        y,
        network.output(X),
        network.hidden_outputs(X),
        weight,
        standardization.applied,
        stalled,
    ):
        warn(message, ConvergenceWarning)


def _loss(state):
    """The mean of E on held-out samples if there was a search, else in training."""
    results = state.search_results
    if results is None:
        return state.losses.values()[-1]
    score = results["mean_test_score"][np.argmin(results["rank_test_score"])]
    return -score if state.validation_scores is None else (1 - score) / 2


def has_far_targets(start, some, extremes, *, is_learned):
    """Whether a few targets are so far away that the others hardly matter.

    Parameters
    ----------
    start : Start
    some : ndarray of shape (n, K)
        Some of the targets, in training units, in which their variance is 1.
    extremes : ndarray of shape (2, K)
        The lowest and the highest of all targets.
    is_learned : bool
        Whether targets are predicted well, so that far ones may be rare events.
    """
    for k, (lowest, highest) in enumerate(extremes.T):
        values = sorted(some[:, k].tolist())
        first, third = values[len(values) // 4], values[3 * len(values) // 4]
        low, high = first - FAR * (third - first), third + FAR * (third - first)
        if low == high or (low <= lowest and highest <= high):
            continue
        rows, weight = start.order.every(1)
        y = start.data.y[rows, k].astype(np.float64)
        far = (y < low) | (y > high)
        if is_learned and np.count_nonzero(far) > BY_HEART:
            continue
        weight = far * weight / weight.sum()
        if weight.sum() <= FEW and (weight * y**2).sum() > LARGE_SHARE:
            return True
    return False


def poor_fit_messages(y, y_hat, z, weight, standardized, stalled=None):
    """Messages about everything that went wrong in a fit, and what to try.

    Parameters
    ----------
    y, y_hat : ndarray of shape (n, K)
        Targets of some samples and the network's outputs, in training units.
    z : ndarray of shape (n, H)
        Hidden outputs for these samples.
    weight : ndarray of shape (n,)
        Weights of these samples.
    standardized : bool
        Whether the data are standardized.
    stalled : str or None
        The message to use if there is more to learn.

    Returns
    -------
    messages : list of str
        Empty if nothing is wrong.
    """
    y = y.astype(np.float64)
    mean = np.average(y, axis=0, weights=weight)
    with np.errstate(over="ignore"):  # after a huge update
        squared_error = np.average((y - y_hat) ** 2, axis=0, weights=weight).sum()
    variance = np.average((y - mean) ** 2, axis=0, weights=weight).sum()
    saturated = np.mean(np.minimum(z, 1 - z) < SATURATED)

    messages = []
    # A constant y is not a poor fit, even if rounding leaves a small error.
    rounding = 1e-6 * (mean**2).sum()
    if saturated > TOO_MANY:
        cause = (
            "The likely cause is large values of X or y. Use standardize=True, or "
            "decrease learning_rate_init, for example to a tenth."
        )
        if standardized:
            cause = (
                "The likely cause is a learning rate that is too large, or values of X "
                "that are far from all others. Decrease learning_rate_init, for "
                "example to 'auto', or clip such values."
            )
        messages.append(
            "Nearly all hidden units are saturated, so that they hardly learn: more "
            f"than {TOO_MANY:.0%} of the hidden outputs are within {SATURATED} of 0 or "
            f"1. {cause}"
        )
    elif squared_error > HARDLY_BETTER * variance + rounding:
        messages.append(
            "The model did not learn: its predictions are hardly better than the mean "
            "of y, or worse. If loss_curve_ falls slowly, increase learning_rate_init "
            "or max_iter, for example tenfold, or decrease batch_size, tol or alpha. "
            "If loss_curve_ is erratic, decrease learning_rate_init, for example to a "
            "tenth."
        )
    elif stalled and squared_error > NEARLY_EXACT * variance + rounding:
        messages.append(stalled)
    return messages
