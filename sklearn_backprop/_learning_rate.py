"""The learning rate η of every epoch.

To add a schedule, name it in `SCHEDULES`, put its formula into `learning_rate`, add it
to the docstring of `BackpropRegressor` and to its signature, for type checkers, and
describe it in docs/guide/choosing.rst. `Convergence.after` counts the reductions of
"adaptive".

Only + − × ÷ and the square root are used: they give the same bits on every machine.
"""

import math

SCHEDULES = ("adaptive", "constant", "invscaling", "linear")

# Schedules that depend on where training ends: it always runs for max_iter epochs.
OF_FIXED_LENGTH = ("linear",)

# partial_fit has no last epoch, so it replaces them with this schedule. On the same
# data it is "adaptive"; on a stream, it also reduces "auto".
STREAM = "stream"
ADAPTIVE = ("adaptive", STREAM)

# c of learning_rate_init="auto", chosen by benchmarks/bench_defaults.py. Below ½ the
# output layer is stable even when every hidden output reaches 1.
AUTO_FACTOR = 0.3

# "auto" on a stream, chosen by benchmarks/bench_stream.py: after samples with a total
# weight of n, it is divided by (1 + n / SLOW_DOWN)^¾, down to the fraction LEAST.
SLOW_DOWN, LEAST = 3000.0, 0.03

REDUCTION = 5.0  # "adaptive" divides the learning rate by this,
MAX_REDUCTIONS = 5  # this many times, as MLPRegressor does from its default


def learning_rate(parameters, initial, *, epoch, progress, convergence):
    """η of one epoch, by the schedule in the parameter `learning_rate`.

    Parameters
    ----------
    parameters : Parameters
    initial : float
        η of the first epoch.
    epoch : int
        Number of epochs that the model has been trained for.
    progress : float
        Fraction of the epochs of this fit that are done; 0 if there is no last epoch.
    convergence : Convergence
        The number of reductions of "adaptive", and the weight of earlier data.
    """
    if parameters.learning_rate == "linear":
        return initial * (1 - progress)
    if parameters.learning_rate == "invscaling":
        return initial / math.sqrt(epoch + 1)
    if parameters.learning_rate in ADAPTIVE:
        initial /= REDUCTION**convergence.reductions
    if parameters.learning_rate == STREAM and parameters.learning_rate_init == "auto":
        slower = math.sqrt(1 + convergence.earlier / SLOW_DOWN)
        initial *= max(LEAST, 1 / (slower * math.sqrt(slower)))
    return initial


def initial_learning_rate(learning_rate_init, hidden_layer_size, batch_size, momentum):
    """η of the first epoch: as given, or c (1 - μ) / (b (1 + H / 4)) for "auto".

    The output layer is stable while η b (1 + Σ_h z_h²) < 2. If every z_h is ½, the term
    in parentheses is 1 + H / 4. With momentum μ, updates add up to 1 / (1 - μ) times
    their size.
    """
    if learning_rate_init == "auto":
        return AUTO_FACTOR * (1 - momentum) / (batch_size * (1 + hidden_layer_size / 4))
    return float(learning_rate_init)


def stability_bound(hidden_layer_size, batch_size, momentum):
    """The η up to which the output layer is stable, whatever the hidden outputs are.

    It is stable while η b (1 + Σ_h z_h²) < 2 (1 - μ), and every z_h is at most 1.
    """
    return 2 * (1 - momentum) / (batch_size * (1 + hidden_layer_size))
