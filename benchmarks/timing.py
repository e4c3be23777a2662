"""Functions shared by the timing scripts: one thread, turns, and training data.

The speed of a machine varies, so the cases to compare take turns in one process, and a
ratio is the median of the ratios of the turns.
"""

import time
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits


@contextmanager
def one_quiet_thread():
    """NumPy and scikit-learn on one thread, without a warning that a fit was short."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def seconds(function, *args):
    """Time of one call."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def take_turns(tasks, turns):
    """Let every task run once in every turn.

    Parameters
    ----------
    tasks : dict of callables
        Each returns its seconds.
    turns : int
        How often, after one more turn that does not count.

    Returns
    -------
    times : dict of ndarrays of shape (turns,)
        The seconds of each task.
    """
    rounds = [[task() for task in tasks.values()] for _ in range(1 + turns)]
    return dict(zip(tasks, np.array(rounds[1:]).T, strict=True))


def make_data(n, d, dtype=np.float64):
    """Make n samples that a network can learn, already standardized."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, d), dtype=dtype)
    y = np.tanh(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * random.standard_normal(n)
    return X, ((y - y.mean()) / y.std()).astype(dtype)


def safe_step(d, H):
    """A learning rate η at which no rule or library here diverges on these data."""
    return 0.1 / (1 + H / 4) / (1 + d / 10)
