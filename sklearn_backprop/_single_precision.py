"""Training in float32, where an epoch takes about two thirds of the time."""

from dataclasses import replace

import numpy as np
from scipy.sparse import issparse

from ._network import Network
from ._standardization import as_given

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
        Of the samples of positive weight. As given if X is sparse, large, in float32
        already, or not to be standardized, so that it may have any values.
    """
    X, weight, network = start.data.X, start.data.weight, start.state.network
    d, old = X.shape[1], network.standardization
    is_small = 4 * d * len(start.order) <= LARGEST  # the same for repeated rows
    if issparse(X) or X.dtype == np.float32 or not (is_small and old.applied):
        return start
    new = replace(old, X_statistics=as_given(d))
    used = np.unique(start.order.rows())
    X_new, length = np.empty((len(used), d), np.float32), max(1, CHUNK // d)
    with np.errstate(all="ignore"):
        for first in range(0, len(used), length):
            rows = slice(first, first + length)
            X_new[rows] = (X[used[rows]] - old.X_mean) * old.X_scale
        y_new = start.data.y[used].astype(np.float32)
        W, v = (matrix.astype(np.float32) for matrix in network.matrices())
    weight = None if weight is None else weight[used]
    return replace(
        start,
        data=replace(start.data, X=X_new, y=y_new, weight=weight),
        order=start.order.among(used),
        fold=start.fold[used],
        state=replace(start.state, network=Network.of(W, v, new)),
    )
