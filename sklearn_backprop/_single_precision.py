"""Training in float32, where an epoch takes about two thirds of the time."""

from dataclasses import replace

import numpy as np
from scipy.sparse import issparse

from . import _kernel
from ._network import Network

LARGEST = 2**20  # bytes of X: more would take memory that the user may not have
CHUNK = 2**12  # values that are standardized at a time


def in_single_precision(start):
    """The same start with X in float32, if that is small and safe.

    Parameters
    ----------
    start : Start
        With dense X, which is standardized here, because the mean may be far from 0.

    Returns
    -------
    start : Start
        As given if X is sparse, large, in float32 already, or beyond its range.
    """
    X, y, network = start.data.X, start.data.y, start.state.network
    d = X.shape[1]
    is_small = 4 * d * len(start.order) <= LARGEST  # the same for repeated rows
    if issparse(X) or X.dtype == np.float32 or not is_small:
        return start
    old = network.standardization
    new = replace(old, X_mean=np.zeros(d), X_std=np.ones(d))
    X_new, length = np.empty(X.shape, np.float32), max(1, CHUNK // d)
    with np.errstate(over="ignore"):
        for first in range(0, len(X), length):
            rows = slice(first, first + length)
            X_new[rows] = (X[rows] - old.X_mean) * old.X_scale
        y_new = y.astype(np.float32)
    samples = _kernel.Samples(X_new, mean=new.X_mean, scale=new.X_scale)
    limit = _kernel.LIMIT[X_new.dtype]
    if _kernel.first_beyond(samples) < len(X) or np.abs(y_new).max() > limit:
        return start
    W, v = (matrix.astype(np.float32) for matrix in network.matrices())
    state = replace(start.state, network=Network.of(W, v, new))
    return replace(start, data=replace(start.data, X=X_new, y=y_new), state=state)
