"""What "auto" chooses: the number of epochs and the penalty that predict best.

Candidates are trained on some of the samples and scored by their error on the others.
The penalty is chosen at one length. Then longer lengths are tried for as long as they
are worthwhile, or shorter ones if the first longer length is not.

Decisions depend only on errors, never on which result is available first, so that the
number of threads has no influence. Idle threads train what may be needed next.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from scipy.sparse import issparse

from ._state import State
from ._threads import Threads
from ._trials import Candidate, Trials
from ._validation import varies

# Chosen by benchmarks/bench_tables.py.
# Numbers of epochs, each with the maximum number of operations in an epoch for which it
# may be tried: small data get many epochs.
LENGTHS = {10: math.inf, 40: 5e10, 160: 6e9, 640: 2e7, 2560: 2.5e6, 10240: 7e5}
FIRST_LENGTH = 40  # the length at which the penalty is chosen
ALPHAS = (0.0, 0.003)
BEATEN = 1.05  # with more than this times the least error, no other fold is tried

# The next length is tried if the error at a length is at most WORTHWHILE times the
# error at the previous one; from MANY epochs on, at most WORTH_MANY times. If the data
# are so small that all lengths may be tried, the search begins with MANY.
WORTHWHILE = 0.97
WORTH_MANY, MANY = 0.9, 640

SAMPLE = 16  # the cost of a sample, in inputs of a hidden unit
ENTRY = 4  # the cost of an entry of a sparse row, likewise


class Found(NamedTuple):
    """The result of a search.

    Attributes
    ----------
    candidate : Candidate
        The best candidate.
    state : State
        With validation, the state of the best candidate. Otherwise the state to
        continue from: the initial one, or one after some or all of the epochs.
    score : float
        The validation score.
    """

    candidate: Candidate
    state: State
    score: float


class StopSearch(Exception):  # noqa: N818
    """A callback asked to stop the search."""


def can_search(start):
    """Whether there are enough distinct samples and y varies."""
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
    trials = Trials(start, parameters, validation)
    with Threads(effective_n_jobs(parameters.n_jobs)) as threads:
        contest = Contest(trials, threads, task, parameters.verbose)
        best = contest.best(lengths, alphas)
    errors = contest.errors[best]
    if math.inf in errors:
        raise trials.divergence[best, errors.index(math.inf)]
    state, score = trials.trained.get(best, (start.state, -math.inf))
    return Found(best, replace(state, search_results=contest.results(best)), score)


def lengths_for(start, H):
    """The numbers of epochs that do not take too long for the data, ascending."""
    X, rows = start.data.X, start.order.rows()
    n, d = len(rows), X.shape[1]
    inputs = ENTRY * int(np.diff(X.indptr)[rows].sum()) if issparse(X) else n * d
    operations = (inputs + n * SAMPLE) * H
    return [length for length, most in LENGTHS.items() if operations <= most]


class Contest:
    """Finds the best candidate, and records the errors of all.

    Parameters
    ----------
    trials : Trials
    threads : Threads
    task : Task
    verbose : bool or int

    Attributes
    ----------
    errors : dict
        For each candidate, its error on each of the folds that it was tried on.
    """

    def __init__(self, trials, threads, task, verbose):
        self.trials, self.threads, self.task = trials, threads, task
        self.verbose, self.errors, self.leader = verbose, {}, None

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
        longer_lengths = [length for length in lengths if length > first]
        shorter_lengths = [length for length in reversed(lengths) if length < first]
        try:
            best = self._winner([Candidate(first, alpha) for alpha in alphas])
            falls_fast = False
            for length in longer_lengths:
                longer = Candidate(length, best.alpha)
                favorite = longer if falls_fast else best
                if self._winner([best, longer], favorite) == best:
                    break
                ratio = self._ratio(longer, best)
                best = longer
                limit = WORTHWHILE if length < MANY else WORTH_MANY
                if ratio > limit:
                    break
                falls_fast = ratio <= WORTH_MANY
            if best.max_iter == first:
                for length in shorter_lengths:
                    shorter = Candidate(length, best.alpha)
                    if self._winner([best, shorter], best) == best:
                        break
                    best = shorter
        except StopSearch:
            return self.leader or self._least(self.errors, 1)
        return best

    def _winner(self, candidates, favorite=None):
        """The one with the least error; of equal ones, fewer epochs or a larger alpha.

        Candidates that are clearly beaten on some of the folds are not tried on others.

        Parameters
        ----------
        candidates : list of Candidate
            New candidates come last.
        favorite : Candidate or None
            The candidate that is likely to win, to be trained ahead.
        """
        n_folds = len(self.trials.folds)
        for fold in range(n_folds):
            new = [c for c in candidates if len(self.errors.get(c, ())) == fold]
            later = [(self.trials.error, c, fold + 1) for c in new]
            if fold + 1 == n_folds:
                later = []
            ahead = [*self._training(favorite), *later, *self._training(candidates[-1])]
            self._try(new, fold, ahead)
            self.leader = self._least(candidates, fold + 1)
            limit = BEATEN * self._error(self.leader, fold + 1)
            candidates = [c for c in candidates if self._error(c, fold + 1) <= limit]
            if len(candidates) == 1:
                break
        return self.leader

    def _training(self, candidate):
        """The call that trains it ahead, unless each epoch has to be reported."""
        seen = self.verbose or self.task.context is not None
        if candidate is None or seen or self.trials.validation is not None:
            return []
        return [(self.trials.train_ahead, candidate)]

    def _error(self, candidate, n_folds):
        return math.fsum(self.errors[candidate][:n_folds])  # same in every Python

    def _least(self, candidates, n_folds):
        return min(
            candidates, key=lambda c: (self._error(c, n_folds), c.max_iter, -c.alpha)
        )

    def _try(self, candidates, fold, ahead):
        tasks = [self.task.subtask("candidate") for _ in candidates]
        errors = self.threads.results(
            [(self.trials.error, candidate, fold) for candidate in candidates], ahead
        )
        for candidate, error in zip(candidates, errors, strict=True):
            self.errors.setdefault(candidate, []).append(error)
            if self.verbose:
                print(
                    f"max_iter={candidate.max_iter}, alpha={candidate.alpha:g}: "
                    f"{self.trials.describe(error, fold)}"
                )
        if any([task.end(is_fitted=False) for task in tasks]):
            raise StopSearch

    def _ratio(self, candidate, other):
        """The ratio of their errors on the folds that both were tried on."""
        n_folds = min(len(self.errors[candidate]), len(self.errors[other]))
        return self._error(candidate, n_folds) / self._error(other, n_folds)

    def results(self, best):
        """What was tried, in the form of `cv_results_`; the best has rank 1."""
        candidates, weights = list(self.errors), self.trials.weights
        scores = np.full((len(candidates), len(weights)), np.nan)
        for row, candidate in zip(scores, candidates, strict=True):
            errors = self.errors[candidate]
            row[: len(errors)] = -np.divide(errors, weights[: len(errors)])
        with np.errstate(invalid="ignore"):  # candidates that diverged are infinite
            std = np.nanstd(scores, axis=1)
        mean = np.array(
            [
                -math.fsum(errors) / math.fsum(weights[: len(errors)])
                for errors in self.errors.values()
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
