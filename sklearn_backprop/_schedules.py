"""Step sizes, and when an epoch counts as progress."""

import math

# c of the step size "auto", chosen by benchmarks/bench_defaults.py. Below ½ the output
# layer is stable even when every hidden output reaches 1.
AUTO_STEP = 0.3

REDUCTION = 5  # "adaptive" divides the step size by this,
MAX_REDUCTIONS = 5  # this many times, as MLPRegressor does from its default


def initial_step_size(learning_rate_init, hidden_layer_size, batch_size, momentum):
    """η of the first epoch: as given, or c (1 - μ) / (b (1 + H / 4)) for "auto".

    The output layer is stable while η b (1 + Σ_h z_h²) < 2; 1 + H / 4 is that sum with
    every z_h at ½. With momentum μ updates add up to 1 / (1 - μ) times their size.
    """
    if learning_rate_init == "auto":
        return AUTO_STEP * (1 - momentum) / (batch_size * (1 + hidden_layer_size / 4))
    return float(learning_rate_init)


def stability_bound(hidden_layer_size, batch_size, momentum, z):
    """The η at which the output layer becomes unstable when every z_h is z."""
    return 2 * (1 - momentum) / (batch_size * (1 + hidden_layer_size * z**2))


def step_size(schedule, initial, *, epoch, progress, reductions):
    """η of one epoch.

    Parameters
    ----------
    schedule : {"constant", "linear", "invscaling", "adaptive"}
        The parameter ``learning_rate``.
    initial : float
        η of the first epoch.
    epoch : int
        Epochs that the model has seen before.
    progress : float
        Share of this fit's epochs that are done; 0 where there is no last epoch.
    reductions : int
        How often training has stalled under "adaptive".
    """
    if schedule == "linear":
        return initial * (1 - progress)
    if schedule == "invscaling":
        return initial / math.sqrt(epoch + 1)
    if schedule == "adaptive":
        return initial / REDUCTION**reductions
    return initial


def stalled_epochs(stalled, loss, best_loss, tol):
    """How many epochs in a row have not improved the best loss by tol."""
    return stalled + 1 if loss > best_loss - tol else 0
