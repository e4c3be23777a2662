"""Candidates of a search: how they are trained, and their errors."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ._single_precision import in_single_precision
from ._training import DivergenceError, Training
from ._validation import mean_error

FOLDS = ((300, 5), (1000, 2))  # the number of folds up to a total weight; above it, 1


class Candidate(NamedTuple):
    """Values that "auto" may stand for."""

    max_iter: int
    alpha: float


class Trials:
    """Candidates that are trained on some of the samples and scored on the others.

    Parameters
    ----------
    start : Start
    parameters : Parameters
    validation : Validation or None
        Samples to score all candidates by. Otherwise folds are held out.

    Attributes
    ----------
    weights : list of float
        The weight of the samples in each of the folds.
    trained : dict
        The state and the validation score of each candidate that was trained on all
        samples: after all epochs with validation, else after those that were done.
    divergence : dict
        The exception for each candidate and fold where training diverged.
    """

    def __init__(self, start, parameters, validation):
        self.parameters, self.validation = parameters, validation
        self.start, self.trained, self.divergence = start, {}, {}
        if validation is not None:
            self.folds, self.weights = [None], [1.0]
            return
        total = start.order.total_weight()
        n_folds = next((k for most, k in FOLDS if total <= most), 1)
        self.start_for_folds = start = in_single_precision(start)
        numbers = np.unique(start.fold[start.fold >= 0])[:n_folds]
        self.folds = [start.order.split(start.fold == k) for k in numbers]
        self.weights = [held_out.total_weight() for _, held_out in self.folds]

    def error(self, candidate, fold, stop=None):
        """The error of a candidate on the samples of a fold; infinite if it diverges.

        It is the weighted sum of E in training units or, with validation, 1 - R² on the
        validation data. `stop`, a threading.Event, ends the training.
        """
        try:
            if self.validation is None:
                return self._error_on_fold(candidate, fold, stop)
            return self._error_in_validation(candidate, stop)
        except DivergenceError as error:
            self.divergence[candidate, fold] = error
            return math.inf

    def train_ahead(self, candidate, stop):
        """Train a candidate on all samples, because it may win, until it is stopped."""
        state, training = self.start.state, self._training(candidate, self.start, stop)
        for _ in range(candidate.max_iter):
            state = training.epoch(state)
            self.trained[candidate] = state, -math.inf

    def describe(self, error, fold):
        """An error in words, to print."""
        if self.validation is not None:
            return f"validation R² {1 - error:.4f}"
        return f"held-out loss {error / self.weights[fold]:.6g}"

    def _error_on_fold(self, candidate, fold, stop):
        order, held_out = self.folds[fold]
        start = replace(self.start_for_folds, order=order)
        network = self._training(candidate, start, stop).last_network(start.state)
        rows, weight = held_out.every(1)
        y_hat = network.output(start.data.X, held_out)
        return self.weights[fold] * mean_error(start.data.y[rows], y_hat, weight)

    def _error_in_validation(self, candidate, stop):
        state, training = self.start.state, self._training(candidate, self.start, stop)
        for _ in range(candidate.max_iter):
            state = training.epoch(state)
        state = replace(state, network=training.best_network)
        self.trained[candidate] = state, training.best_score
        return 1 - training.best_score

    def _training(self, candidate, start, stop):
        parameters = replace(self.parameters, **candidate._asdict())
        return Training(start, parameters, self.validation, stop)
