"""What "auto" chooses: the number of epochs and the penalty that predict best.

Candidates are trained on some of the samples and scored by their error on the others.
The penalty is chosen at one length. Then longer ones are tried for as long as they are
worth it, or shorter ones if the first longer one is not.

The candidates of a round are trained side by side, and nothing is decided before all
are ready, so that the number of threads has no influence.
"""

import math
import threading
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy.sparse import issparse

from ._single_precision import in_single_precision
from ._state import State
from ._training import DivergenceError, Training
from ._validation import mean_error, varies

# Chosen by benchmarks/bench_tables.py.
# Numbers of epochs, and for how many operations in an epoch each may be tried: few
# samples get many epochs.
LENGTHS = {10: math.inf, 40: 5e10, 160: 6e9, 640: 2e7, 2560: 2.5e6, 10240: 7e5}
FIRST_LENGTH = 40  # at which the penalty is chosen
ALPHAS = (0.0, 0.003)
FOLDS = ((300, 5), (1000, 2))  # up to that weight so many, above it one
BEATEN = 1.05  # times the least error: not tried on another fold

# The next length is tried, too, if a length had at most so many times the error of the
# one before; from MANY epochs on, less is asked for. Where samples are so few that all
# lengths may be tried, the search begins with MANY.
WORTHWHILE = 0.97
WORTH_MANY, MANY = 0.9, 640

SAMPLE = 16  # what a sample costs, in inputs of a hidden unit
ENTRY = 4  # what an entry of a sparse row costs


class Candidate(NamedTuple):
    """What "auto" may stand for."""

    max_iter: int
    alpha: float


class Found(NamedTuple):
    """What a search has found.

    Attributes
    ----------
    candidate : Candidate
        The best.
    state : State
        With validation, that of the best candidate. Otherwise the one to start from.
    score : float
        The validation score.
    """

    candidate: Candidate
    state: State
    score: float


class StopSearch(Exception):  # noqa: N818
    """A callback has asked to stop."""


def can_search(start):
    """Whether there are enough distinct samples, with a y that varies."""
    return start.fold is not None and varies(start.data.y[start.order.rows()]).any()


def search(start, parameters, validation, task):
    """Find the number of epochs and the penalty that predict best.

    Parameters
    ----------
    start : Start
    parameters : Parameters
    validation : Validation or None
        Samples to score all candidates by. Otherwise folds are held out.
    task : Task
        The search, for callbacks.

    Returns
    -------
    found : Found

    Raises
    ------
    ValueError
        If the training of every candidate diverges.
    """
    lengths = lengths_for(start, parameters.hidden_layer_size)
    alphas = ALPHAS if parameters.alpha == "auto" else (parameters.alpha,)
    n_jobs = effective_n_jobs(parameters.n_jobs)  # "sharedmem" forgets a configuration
    stop = threading.Event()
    try:
        with Parallel(n_jobs, require="sharedmem") as parallel:
            trials = Trials(start, parameters, validation, stop)
            contest = Contest(trials, parallel, task, parameters.verbose)
            best = contest.best(lengths, alphas)
    except BaseException:
        stop.set()  # signals reach the main thread alone
        raise
    if best in trials.divergence:
        raise trials.divergence[best]
    state, score = trials.trained.get(best, (start.state, -math.inf))
    return Found(best, replace(state, search_results=contest.results(best)), score)


def lengths_for(start, H):
    """The numbers of epochs that are not too long for the data, ascending."""
    X, rows = start.data.X, start.order.rows()
    n, d = len(rows), X.shape[1]
    inputs = ENTRY * int(np.diff(X.indptr)[rows].sum()) if issparse(X) else n * d
    operations = (inputs + n * SAMPLE) * H
    return [length for length, most in LENGTHS.items() if operations <= most]


class Trials:
    """Candidates that are trained on some of the samples and scored on the others.

    Parameters
    ----------
    start, parameters, validation
        As for `search`.
    stop : threading.Event
        Ends all training.

    Attributes
    ----------
    weights : list of float
        The weight of the samples in each of the folds.
    trained : dict
        With validation, the state and the score of each candidate.
    divergence : dict
        The error of each candidate that diverged.
    """

    def __init__(self, start, parameters, validation, stop):
        self.parameters, self.validation, self.stop = parameters, validation, stop
        self.trained, self.divergence = {}, {}
        if validation is not None:
            self.start, self.folds, self.weights = start, [None], [1.0]
            return
        total = start.order.total_weight()
        n_folds = next((k for most, k in FOLDS if total <= most), 1)
        self.start = start = in_single_precision(start)
        numbers = np.unique(start.fold[start.fold >= 0])[:n_folds]
        self.folds = [start.order.split(start.fold == k) for k in numbers]
        self.weights = [held_out.total_weight() for _, held_out in self.folds]

    def error(self, candidate, fold):
        """The error of a candidate on the samples of a fold; infinite if it diverges.

        It is the weighted sum of E in training units, or 1 - R² on what is to be
        validated on.
        """
        try:
            if self.validation is None:
                return self._error_on_fold(candidate, fold)
            return self._error_in_validation(candidate)
        except DivergenceError as error:
            self.divergence[candidate] = error
            return math.inf

    def describe(self, error, fold):
        """What an error says, to print."""
        if self.validation is not None:
            return f"validation R² {1 - error:.4f}"
        return f"held-out loss {error / self.weights[fold]:.6g}"

    def _error_on_fold(self, candidate, fold):
        order, held_out = self.folds[fold]
        network = self._train(candidate, replace(self.start, order=order))[1].network
        rows, weight = held_out.every(1)
        y_hat = network.output(self.start.data.X, held_out)
        return self.weights[fold] * mean_error(self.start.data.y[rows], y_hat, weight)

    def _error_in_validation(self, candidate):
        training, state = self._train(candidate, self.start)
        state = replace(state, network=training.best_network)
        self.trained[candidate] = state, training.best_score
        return 1 - training.best_score

    def _train(self, candidate, start):
        parameters = replace(self.parameters, **candidate._asdict())
        training = Training(start, parameters, self.validation, self.stop)
        state = start.state
        for _ in range(candidate.max_iter):
            state = training.epoch(state)
        return training, state


class Contest:
    """Which candidate wins, and what is known of the others.

    Parameters
    ----------
    trials : Trials
    parallel : Parallel
    task : Task
    verbose : bool or int

    Attributes
    ----------
    sums : dict
        For each candidate its error on each of the folds that it was tried on.
    """

    def __init__(self, trials, parallel, task, verbose):
        self.trials, self.parallel, self.task = trials, parallel, task
        self.verbose, self.sums, self.leader = verbose, {}, None

    def best(self, lengths, alphas):
        """The best candidate.

        Parameters
        ----------
        lengths : list of int
            The numbers of epochs to choose from, ascending.
        alphas : tuple of float
        """
        few = lengths[-1] == max(LENGTHS)
        first = MANY if few else min(FIRST_LENGTH, lengths[-1])
        try:
            best = self._winner([Candidate(first, alpha) for alpha in alphas])
            for length in lengths[lengths.index(first) + 1 :]:
                longer = Candidate(length, best.alpha)
                if self._winner([best, longer]) == best:
                    break
                ratio = self._ratio(longer, best)
                best = longer
                limit = WORTHWHILE if length < MANY else WORTH_MANY
                if ratio > limit:
                    break
            if best.max_iter == first:
                for length in reversed(lengths[: lengths.index(first)]):
                    shorter = Candidate(length, best.alpha)
                    if self._winner([best, shorter]) == best:
                        break
                    best = shorter
        except StopSearch:
            return self.leader or self._least(self.sums, 1)
        return best

    def _winner(self, candidates):
        """The one with the least error; with fewer epochs, or a larger alpha, of two.

        Candidates that are clearly beaten on some of the folds are not tried on others.
        """
        for fold in range(len(self.trials.folds)):
            self._try(
                [c for c in candidates if len(self.sums.get(c, ())) == fold], fold
            )
            self.leader = self._least(candidates, fold + 1)
            limit = BEATEN * self._error(self.leader, fold + 1)
            candidates = [c for c in candidates if self._error(c, fold + 1) <= limit]
            if len(candidates) == 1:
                break
        return self.leader

    def _error(self, candidate, n_folds):
        return math.fsum(self.sums[candidate][:n_folds])  # the same in every Python

    def _least(self, candidates, n_folds):
        return min(
            candidates, key=lambda c: (self._error(c, n_folds), c.max_iter, -c.alpha)
        )

    def _try(self, candidates, fold):
        tasks = [self.task.subtask("candidate") for _ in candidates]
        errors = self.parallel(
            delayed(self.trials.error)(candidate, fold) for candidate in candidates
        )
        for candidate, error in zip(candidates, errors, strict=True):
            self.sums.setdefault(candidate, []).append(error)
            if self.verbose:
                print(
                    f"max_iter={candidate.max_iter}, alpha={candidate.alpha:g}: "
                    f"{self.trials.describe(error, fold)}"
                )
        if any([task.end(is_fitted=False) for task in tasks]):
            raise StopSearch

    def _ratio(self, candidate, other):
        """Of their errors on the folds that both were tried on."""
        n_folds = min(len(self.sums[candidate]), len(self.sums[other]))
        return self._error(candidate, n_folds) / self._error(other, n_folds)

    def results(self, best):
        """All that was tried, in the form of `cv_results_`; the best has rank 1."""
        candidates, weights = list(self.sums), self.trials.weights
        scores = np.full((len(candidates), len(weights)), np.nan)
        for row, candidate in zip(scores, candidates, strict=True):
            errors = self.sums[candidate]
            row[: len(errors)] = -np.divide(errors, weights[: len(errors)])
        with np.errstate(invalid="ignore"):  # of candidates that diverged
            std = np.nanstd(scores, axis=1)
        mean = np.array(
            [
                -math.fsum(errors) / math.fsum(weights[: len(errors)])
                for errors in self.sums.values()
            ]
        )
        if self.trials.validation is not None:
            scores, mean = 1 + scores, 1 + mean  # R²
        order = sorted(
            range(len(candidates)), key=lambda i: (candidates[i] != best, -mean[i])
        )
        return {
            "params": [candidate._asdict() for candidate in candidates],
            "param_max_iter": np.array([c.max_iter for c in candidates]),
            "param_alpha": np.array([c.alpha for c in candidates]),
            **{f"split{k}_test_score": scores[:, k] for k in range(len(weights))},
            "mean_test_score": mean,
            "std_test_score": std,
            "rank_test_score": np.argsort(order) + 1,
        }
