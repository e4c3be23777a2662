"""Training: its starting point and its epochs."""

import math
from dataclasses import dataclass

import numpy as np

from . import _kernel
from ._config import warn_without_fma
from ._data import Data, sparse_if_faster
from ._diagnosis import divergence_message
from ._learning_rate import initial_learning_rate, learning_rate
from ._network import Network
from ._random import draw_seed
from ._sample_order import SampleOrder, sample_order
from ._standardization import Standardization
from ._state import Curve, State

# A loss above this counts as divergence, even before it overflows. It starts at ½ if y
# is standardized.
DIVERGED = 1e10


class DivergenceError(ValueError):
    """Training diverged: the loss is too large or not finite."""


@dataclass(frozen=True, eq=False)
class Start:
    """The starting point of training on the data of a call.

    Attributes
    ----------
    data : Data
        With y in training units.
    order : SampleOrder
    state : State
    held_out : ndarray or None
        Rows to validate on.
    fold : ndarray or None
        The fold of every row, for a search; see `sample_order`.
    has_outliers : bool
        Whether a value of y is far from those of earlier calls.
    """

    data: Data
    order: SampleOrder
    state: State
    held_out: np.ndarray | None
    fold: np.ndarray | None
    has_outliers: bool


def prepare(data, before, parameters, *, hold_out=False):
    """The starting point of training on the data of a call.

    Parameters
    ----------
    data : Data
        In the units of the user.
    before : State or None
        The model to continue training; None to start a new one.
    parameters : Parameters
    hold_out : bool
        Whether to hold out samples to validate on.

    Returns
    -------
    start : Start

    Raises
    ------
    ValueError
        If the data or the parameters do not match the model, or if values are too
        large.
    """
    if before is not None:
        before.check_continues(data, parameters)
    seed = draw_seed(parameters.random_state) if before is None else before.seed
    order, held_out, fold, fingerprint = sample_order(
        data, seed, parameters, hold_out=hold_out
    )
    if before is None:
        network = _first_network(data, order, seed, parameters)
        state, has_outliers = State.initial(network, seed, fingerprint, order), False
    else:
        state, has_outliers = before.for_data(data, order, fingerprint)
    data = state.network.standardization.to_training_units(data)
    if parameters.momentum == 0:  # with momentum, sparse rows are not faster
        data = sparse_if_faster(data, parameters.hidden_layer_size)
    return Start(data, order, state, held_out, fold, has_outliers)


def _first_network(data, order, seed, parameters):
    if parameters.standardize:
        standardization = Standardization.measure(data, order)
    else:
        standardization = Standardization.identity(data)
    H = parameters.hidden_layer_size
    return Network.initial(H, standardization, seed, data.X.dtype)


class Training:
    """Epochs on the data of one call.

    Parameters
    ----------
    start : Start
    parameters : Parameters
    validation : Validation or None
        Samples that decide when training stops and which epoch is the best.
    stop : threading.Event or None
        Another thread sets it to end an epoch early.

    Attributes
    ----------
    best_network : Network or None
        The network with the highest validation score; None without validation.
    best_score : float
        The score of this network; -inf if there is none.
    """

    def __init__(self, start, parameters, validation=None, stop=None):
        warn_without_fma()
        data, order, network = start.data, start.order, start.state.network
        standardization = network.standardization
        self.parameters, self.validation = parameters, validation
        self.begun_at = start.state.n_iter
        self.batch_size = parameters.batch_size_for(len(order))
        self.total_weight = order.total_weight()
        self.diverged = DIVERGED if standardization.applied else math.inf
        self.initial_learning_rate = initial_learning_rate(
            parameters.learning_rate_init,
            parameters.hidden_layer_size,
            self.batch_size,
            parameters.momentum,
        )
        self.kernel = _kernel.Trainer(
            network.shape,
            _kernel.Samples(
                data.X,
                data.y,
                standardization.X_mean,
                standardization.X_scale,
                order.entries,
                order.fraction,
            ),
            batch_size=self.batch_size,
            alpha=parameters.alpha,
            momentum=parameters.momentum,
            stop=stop,
        )
        self.best_network, self.best_score = None, -math.inf
        if validation is not None:
            self.best_network = network
            if self.begun_at > 0:  # a warm start, which may not improve the score
                self.best_score, _ = validation.scores(network)

    def epoch(self, state):
        """The state after one more epoch.

        1. The schedule gives the learning rate.
        2. If shuffle=True, the samples are put into a new order.
        3. The kernel trains a copy of the weights on all samples, sample by sample or
           batch by batch, as in `equations.epoch`.
        4. If the loss is too large, the call ends: training diverged.
        5. The new network is scored on the validation data, and the best one is kept.
        6. The new state has the network, the loss, and whether training has converged.

        Parameters
        ----------
        state : State
            The initial state, or the one that the previous epoch returned.

        Raises
        ------
        DivergenceError
            If training diverges.
        """
        parameters, network, n_iter = self.parameters, state.network, state.n_iter
        weights, velocity, loss = self._update(
            network.weights, network.velocity, state.seed, n_iter, state.convergence
        )
        network = Network(weights, velocity, network.shape, network.standardization)
        improved = loss <= state.convergence.lowest_loss - parameters.tol
        validated = state.validation_curves()
        if self.validation is not None:
            score, validation_loss = self.validation.scores(network)
            values = (n_iter + 1, score, validation_loss)
            validated = [
                (curve or Curve()).plus(value)
                for curve, value in zip(validated, values, strict=True)
            ]
            improved = -score <= -self.best_score - parameters.tol  # as of a loss
            if score > self.best_score:
                self.best_score, self.best_network = score, network
        return State(
            network,
            state.seed,
            state.t + self.kernel.n,
            state.losses.plus(loss),
            *validated,
            state.convergence.after(loss, improved, parameters),
            parameters.alpha,
            state.search_results,
        )

    def last_network(self, state):
        """The network after all epochs, for a schedule of fixed length.

        It is the same as with `epoch`, but there are no states in between, which take
        a good part of the time if there are few samples.

        Parameters
        ----------
        state : State
            The initial state.

        Raises
        ------
        DivergenceError
            If training diverges.
        """
        network, convergence = state.network, state.convergence
        weights, velocity = network.weights, network.velocity
        for n_iter in range(self.begun_at, self.begun_at + self.parameters.max_iter):
            weights, velocity, _ = self._update(
                weights, velocity, state.seed, n_iter, convergence
            )
        return Network(weights, velocity, network.shape, network.standardization)

    def _update(self, weights, velocity, seed, n_iter, convergence):
        """Weights, velocity and loss after one more epoch: steps 1 to 4."""
        parameters = self.parameters
        eta = learning_rate(
            parameters,
            self.initial_learning_rate,
            epoch=n_iter,
            progress=(n_iter - self.begun_at) / parameters.max_iter,
            convergence=convergence,
        )
        if parameters.shuffle:
            self.kernel.shuffle(seed, n_iter)
        weights, velocity, loss, finite = self.kernel.epoch(weights, velocity, eta)
        loss /= self.total_weight
        if not finite or loss > self.diverged:
            raise DivergenceError(
                divergence_message(n_iter + 1, eta, self.batch_size, parameters)
            )
        return weights, velocity, loss
