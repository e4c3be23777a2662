"""The network as scikit-learn's MLPRegressor."""

from dataclasses import replace

import numpy as np
from sklearn.neural_network import MLPRegressor


def as_mlp(W, v):
    """An MLPRegressor that can predict, with weights W (d + 1, H) and v (K, H + 1).

    It has its own copies of the arrays.
    """
    mlp = MLPRegressor(
        hidden_layer_sizes=(W.shape[1],), activation="logistic", solver="sgd"
    )
    mlp.n_layers_, mlp.n_outputs_, mlp.out_activation_ = 3, len(v), "identity"
    mlp.coefs_ = [W[1:].copy(), v[:, 1:].T.copy()]
    mlp.intercepts_ = [W[0].copy(), v[:, 0].copy()]
    return mlp


def mlp_of_state(state):
    """An MLPRegressor in the units of the data, whose training can be continued.

    Raises
    ------
    ValueError
        If weights are too large for float64.
    """
    network = state.network
    network = replace(
        network, standardization=replace(network.standardization, dtype="float64")
    )
    W = np.vstack((network.intercepts()[0], network.coefs()[0]))
    v = np.column_stack((network.intercepts()[1], network.coefs()[1].T))
    if max(np.abs(W).max(), np.abs(v).max()) == np.finfo(np.float64).max:
        raise ValueError(
            "In the units of the data, the weights are beyond float64. Expected a "
            "model of X and y in other units: rescale them, and fit the model again."
        )
    mlp = as_mlp(W, v)
    mlp.n_iter_, mlp.t_ = state.n_iter, state.t
    mlp.loss_curve_ = state.losses.values()
    mlp.best_loss_ = min(mlp.loss_curve_, default=np.inf)
    mlp.loss_ = mlp.loss_curve_[-1] if mlp.loss_curve_ else np.inf
    mlp.validation_scores_ = mlp.best_validation_score_ = None
    mlp._no_improvement_count = 0
    mlp._random_state = np.random.RandomState(state.seed % 2**32)
    return mlp
