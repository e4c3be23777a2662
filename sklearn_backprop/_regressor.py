"""BackpropRegressor: its parameters, methods and attributes."""

from __future__ import annotations  # short signatures in help()

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.neural_network import MLPRegressor
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._array_api import as_given
from ._callbacks import CallbackSupportMixin, FitCallbacks, with_callbacks
from ._data import read, read_validation, read_X
from ._diagnosis import OUTLIERS, warn_of_poor_fit
from ._mlp import mlp_of_state
from ._parameters import CONSTRAINTS, Parameters
from ._persistence import from_pickle, to_pickle
from ._rollback import Rollback
from ._search import can_search, search
from ._state import State
from ._training import Training, prepare
from ._typing import Matrix, keep_signature
from ._validation import Validation, check_arguments
from ._warning import warn_once


def _can_fit_partially(estimator):
    if estimator.early_stopping:
        raise ValueError(
            "partial_fit is not available with early_stopping=True, because it trains "
            "for one epoch. Expected early_stopping=False."
        )
    return True


class BackpropRegressor(RegressorMixin, CallbackSupportMixin, BaseEstimator):
    """One sigmoid hidden layer and a linear output, trained by online backpropagation.

    The network predicts ``ŷ = Σ_h v_h z_h + v_0`` with ``z_h = sigmoid(w_hᵀ x̃)``,
    where x̃ is x with a leading 1. Training minimizes ``E = ½ (y − ŷ)²`` by the updates
    of [1]_, one sample at a time::

        Δv_h  = η (y − ŷ) z_h                      Δv_0 = η (y − ŷ)
        Δw_hj = η (y − ŷ) v_h z_h (1 − z_h) x̃_j

    all computed from the weights before the update. With several outputs k, E is summed
    over the outputs, and Σ_k (y_k − ŷ_k) v_kh takes the place of (y − ŷ) v_h.
    `sklearn_backprop.equations` has these equations in NumPy. Parameters and attributes
    are named as in :class:`~sklearn.neural_network.MLPRegressor` wherever they mean the
    same thing.

    Parameters
    ----------
    hidden_layer_size : int, default=100
        Number of hidden units, H.

    learning_rate : {"adaptive", "constant", "invscaling", "linear"}, \
            default="linear"
        Schedule of the learning rate η over the epochs e = 0, 1, …

        - "linear": η (1 − e / max_iter). Training always runs `max_iter` epochs, and
          the noise that single samples put into the weights fades away by the last one.
          `partial_fit` has no last epoch, so it treats "linear" as "adaptive". On a
          stream it also reduces a `learning_rate_init` of "auto": it divides η by
          (1 + n / 3000)^¾, down to 3 % of η, where n is the total weight of the samples
          in earlier data.
        - "adaptive": η until the loss no longer improves, then η / 5, and so on.
          Training has converged when there is no improvement after the fifth reduction.
        - "constant": η. Training has converged when there is no improvement.
        - "invscaling": η / √(e + 1). Training has converged when there is no
          improvement.

        There is no improvement when the loss (or the validation score, with
        ``early_stopping=True``) has not improved by `tol` for more than
        `n_iter_no_change` epochs in a row. When the data differ from those of the
        previous call, this count and the reductions of "adaptive" start again at 0,
        while "invscaling" continues to count e. On a stream, where every call of
        `partial_fit` brings new data, "adaptive" is therefore the same as "constant".

    learning_rate_init : "auto" or float, default="auto"
        Learning rate η of the first epoch. "auto" is 0.3 (1 − μ) / (b (1 + H / 4)),
        where b is the number of samples in a batch and μ is the momentum. Without
        momentum, the output layer is stable while η b (1 + Σ_h z_h²) < 2. "auto" is
        therefore at most 60 % of the learning rate at which it becomes unstable,
        whatever `hidden_layer_size`, `batch_size` and the hidden outputs are.

    momentum : float, default=0.0
        Fraction μ of each update that is added to the next one:
        Δ_t = −η ∂E + μ Δ_{t−1}. At least 0 and below 1. Updates add up to 1 / (1 − μ)
        times their size, so η has to be smaller by that factor, which "auto" takes into
        account.

    alpha : "auto" or float, default="auto"
        Strength of the L2 penalty ½ α w² on every weight w_hj and v_kh, but not on the
        biases, in training units: each update also subtracts η α w from a weight w.
        "auto" is 0 (the plain rule) unless `max_iter` is searched for. The search also
        tries 0.003, and chooses it if it predicts better. When training continues,
        "auto" is the value that the model was trained with.

    batch_size : int or "all", default=1
        Number of samples whose deltas are computed from the same weights and then
        summed; "all" is batch gradient descent. Libraries that average instead of
        summing need η · b where this estimator needs η. A batch is never larger than
        the data, and the last batch of an epoch may be smaller than the others.

    max_iter : "auto" or int, default="auto"
        Maximum number of epochs in one call of `fit`. With "linear", "auto" searches
        for the number of epochs that predicts best on held-out parts of the training
        data, and then trains one network on all of the data. The search often takes
        longer than this training, and many times longer when there are few rows.
        Setting `max_iter` to `n_iter_` and `alpha` to `alpha_` gives the same model
        without the search. With ``early_stopping=True``, the validation score
        decides instead, and the best network of the search is kept. "auto" is 400 with
        other schedules, and also if nothing can be held out: if y is constant, if fewer
        than 6 samples are distinct, or, with ``shuffle=False``, if one sample has
        nearly all of the weight.

    tol : float, default=0.0001
        Smallest decrease of the loss that counts as an improvement; see
        `learning_rate`. The loss is in training units. With ``early_stopping=True``,
        the smallest increase of R² that counts.

    n_iter_no_change : int or np.inf, default=10
        Maximum number of epochs in a row without improvement. np.inf runs `max_iter`
        epochs.

    standardize : bool, default=True
        Whether to train on (x_j − mean_j) / std_j and (y − mean) / std, so that η and
        `tol` mean the same whatever the units of the data. The means and standard
        deviations are those of the training rows. When training continues with other
        data, in `partial_fit` or a warm start, they are updated to include these data;
        once they are based on samples with a total weight of 20, values more than 100
        standard deviations from the mean are clipped before they are included. A column
        with only two values is treated as if each of them were in at least a tenth of
        the rows. A column that is constant, up to rounding, has no influence. In any
        case, `coefs_`, `intercepts_` and predictions are in the units of the data.
        False applies the rule to the data as given.

    shuffle : bool, default=True
        Whether to use the samples in a new random order in every epoch. Otherwise they
        are used in the order of the rows.

    random_state : int, RandomState instance or None, default=None
        Seed for the initial weights, for shuffling, and for choosing the rows to hold
        out. Pass an int to get the same model from every call. A failed call leaves a
        RandomState as it was.

    early_stopping : bool, default=False
        Whether to validate after every epoch, on held-out rows (`validation_fraction`)
        or on the `X_val` passed to `fit`. Training stops when R² no longer improves,
        and the weights of the epoch with the highest R² are kept. With
        ``learning_rate="linear"``, training does not stop early, but the best weights
        are kept. Not available in `partial_fit`.

    validation_fraction : float, default=0.1
        Fraction of the rows, or of their weights, that `early_stopping` holds out,
        between 0 and 1. At least two distinct rows are held out. With ``shuffle=True``,
        rows are chosen by their content: all copies of a row stay together, copies that
        make up more than the fraction are trained on, and at most half of the distinct
        rows are held out. With ``shuffle=False``, the last rows are held out.

    warm_start : bool, default=False
        Whether `fit` continues to train the model of the previous call, for up to
        `max_iter` more epochs, instead of training a new one. To continue, `max_iter`
        has to be an integer.

    n_jobs : int or None, default=None
        Number of threads for the search that ``max_iter="auto"`` asks for. None means 1
        unless in a :func:`joblib.parallel_config` context, and -1 means all CPUs. Idle
        threads train what may be needed next. The number of threads does not change the
        model.

    verbose : bool, default=False
        Whether to print progress: about ten lines in each `fit`, a line for everything
        that a search tries, and a line in each `partial_fit`.

    Attributes
    ----------
    coefs_ : tuple of two ndarrays of shape (n_features, H) and (H, n_outputs)
        The weights w_hj and v_kh, in the units of the data. The arrays are read-only.
        Assign a new pair to continue training from other weights; this resets momentum
        and the convergence checks. Weights of a feature that has not varied are 0.

    intercepts_ : tuple of two ndarrays of shape (H,) and (n_outputs,)
        The biases w_h0 and v_k0, in the units of the data. A new pair can be assigned
        in the same way.

    loss_ : float
        Weighted mean of E over the samples of the last epoch. E is computed just before
        the update of each sample, in training units: with ``standardize=True``,
        predicting the mean gives ½ for every output. The L2 penalty is not included.
        Defined only after the first epoch.

    best_loss_ : float
        The lowest loss of any epoch.

    loss_curve_ : list of float
        The loss of every epoch.

    validation_epochs_ : list of int or None
        The epochs with early stopping, counted from 1; None if there were none.

    validation_scores_ : list of float or None
        R² on the validation data after each of these epochs; None if there were none.

    validation_loss_curve_ : list of float or None
        The weighted mean of E on the validation data after each of these epochs, in
        training units; None if there were none.

    best_validation_score_ : float or None
        The highest of `validation_scores_`; None if there are none.

    n_iter_ : int
        Number of epochs that the model was trained for.

    alpha_ : float
        The value of `alpha`, or the one that "auto" chose.

    search_results_ : dict or None
        What the search for ``max_iter="auto"`` tried, in the form of the `cv_results_`
        of :class:`~sklearn.model_selection.GridSearchCV`. The scores are negative mean
        losses on the held-out samples, in training units, or R² with early stopping. A
        score is NaN if the candidate was clearly beaten on an earlier fold. The chosen
        candidate has rank 1, even if another has a better mean over fewer folds. None
        without a search.

    t_ : int
        Number of samples that training has used, including repeats.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit. Defined only when `X` has feature names
        that are all strings.

    n_layers_ : int
        3, counting input and output.

    n_outputs_ : int
        K, the number of outputs.

    out_activation_ : str
        "identity".

    See Also
    --------
    sklearn.neural_network.MLPRegressor : Deeper networks, other activations, Adam.
    sklearn.linear_model.SGDRegressor : Linear models, one sample at a time.

    Notes
    -----
    Data in float32 or float64 are used without a copy if they are C-contiguous, or at
    least 64 MB in size. If X is float32, training is in float32. Sparse X is centered
    without being made dense (with momentum, a few rows at a time are made dense). With
    ``shuffle=True``, the order of the rows has no influence on the model. The same data
    and seed give the same model, bit for bit, on every CPU with fused multiply-add.

    The callbacks of scikit-learn (from version 1.9) are called in every epoch, and one
    that asks to stop ends the fit. In a search, they are called for everything that is
    tried, and one that asks to stop ends the search.

    References
    ----------
    .. [1] K. Wagstaff, "ANN Backpropagation: Weight updates for hidden nodes", 2008;
       after E. Alpaydin, "Introduction to Machine Learning", section 11.7.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_backprop import BackpropRegressor
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> model = BackpropRegressor(hidden_layer_size=5, random_state=0)
    >>> bool(cross_val_score(model, X, y).mean() > 0.4)
    True
    >>> model.fit(X, y).predict(X[:2]).shape
    (2,)
    """

    _state: State  # everything that was learned; not set before the first epoch
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    _parameter_constraints: dict = CONSTRAINTS

    # The HTML representation links to the documentation of the class and parameters.
    _doc_link_module = "sklearn_backprop"
    _doc_link_template = (
        "https://sklearn-backprop.readthedocs.io/en/stable/generated/"
        "sklearn_backprop.{estimator_name}.html"
    )

    def __init__(
        self,
        hidden_layer_size: int = 100,
        *,
        learning_rate: Literal[
            "adaptive", "constant", "invscaling", "linear"
        ] = "linear",
        learning_rate_init: Literal["auto"] | float = "auto",
        momentum: float = 0.0,
        alpha: Literal["auto"] | float = "auto",
        batch_size: int | Literal["all"] = 1,
        max_iter: Literal["auto"] | int = "auto",
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        standardize: bool = True,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.hidden_layer_size = hidden_layer_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.standardize = standardize
        self.shuffle = shuffle
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    # ------------------------------------------------------------------ training

    @keep_signature(with_callbacks)
    def fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for up to `max_iter` epochs, or for as many as "auto" chooses.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, all finite. Sparse data other than CSR are converted to CSR.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Number of times that each sample is repeated in an epoch: 2 uses the sample
            twice, 2.5 makes two full updates and one of half the size, and 0 leaves the
            sample out, although its X and y still have to be valid. From 0 to 10,000;
            None means 1 for every sample. If the mean of the positive weights is below
            0.1 or above 100, the weights are taken as relative, and divided by it.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Data to validate on, instead of held-out rows. In a `Pipeline`,
            ``transform_input=["X_val"]`` transforms them in the same way as `X`; this
            requires scikit-learn's metadata routing and
            ``set_fit_request(X_val=True, y_val=True)``. Without metadata routing, pass
            data that the earlier steps of the pipeline have already transformed.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Target values of `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the rows of `X_val` in the validation score.

        Returns
        -------
        self : BackpropRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or a parameter are not as described, if validation data are
            incomplete or passed without ``early_stopping=True``, if training diverges,
            or if a warm start would continue with ``max_iter="auto"``. The estimator is
            then left as it was before the call.

        Warns
        -----
        ConvergenceWarning
            If training did not converge in `max_iter` epochs, or stopped while the loss
            was still falling (never with ``learning_rate="linear"``); if the model is
            hardly better than predicting the mean; if nearly all hidden units are
            saturated; if a few values of y make up most of its variance; if the targets
            to validate on are all the same while those to train on are not; or if no
            epoch predicts the validation data better than their mean does.
        UserWarning
            If weights are taken as relative or, in a warm start, if a value of y is
            more than 100 standard deviations from the mean.
        DataConversionWarning
            If y has the shape (n_samples, 1).
        """
        parameters = Parameters.of(self)
        before = self._last_state() if parameters.warm_start else None
        parameters = parameters.for_fit(before)
        n_tasks = 2 if parameters.searches else parameters.max_iter
        callbacks = FitCallbacks(self, n_tasks)
        with Rollback(self, parameters.random_state) as rollback:
            check_arguments(parameters.early_stopping, X_val, y_val, sample_weight_val)
            given = read(self, X, y, sample_weight, reset=before is None, relative=True)
            hold_out = parameters.early_stopping and X_val is None
            start = prepare(given, before, parameters, hold_out=hold_out)
            if start.has_outliers:
                warn_once(self, OUTLIERS)
            validation = None
            if parameters.early_stopping:
                validation = self._validation(
                    start, given, X_val, y_val, sample_weight_val
                )

            self._state = start.state  # because callbacks may read it
            fit = callbacks.begin(X, y, sample_weight)
            state, found, searches = start.state, None, parameters.searches
            if searches and can_search(start):
                task = fit.subtask("search", None)
                found = search(start, parameters, validation, task)
                task.end(is_fitted=False)
                state = found.state
                parameters = replace(parameters, **found.candidate._asdict())
            parameters = parameters.without_auto()
            if found is not None and validation is not None:
                self._state, training, stopped = state, None, False
                best_score = found.score
                rollback.keep()
            else:
                task = fit.subtask("training", parameters.max_iter) if searches else fit
                training = Training(start, parameters, validation)
                stopped = self._train(training, state, task, rollback)
                best_score = training.best_score
                if searches:
                    task.end()
            fit.end()

            if validation is not None:
                validation.warn_if_poor(best_score, given=X_val is not None)
            warn_of_poor_fit(start, training, self._state, stopped)
        return self

    def _validation(self, start, given, X_val, y_val, sample_weight_val):
        """The samples that fit validates on: held out, or passed by the user."""
        if start.held_out is not None:
            validation = Validation.held_out(start.data, start.held_out)
        else:
            validation = Validation.given(
                read_validation(self, X_val, y_val, sample_weight_val, given),
                start.state.network.standardization,
            )
        validation.warn_if_constant(
            start.data, start.order, given=start.held_out is None
        )
        return validation

    def _train(self, training, state, task, rollback):
        """Run the epochs of fit, some of which may already be done in `state`.

        Returns
        -------
        stopped : bool
            Whether training ended before `max_iter`.
        """
        max_iter, validation = training.parameters.max_iter, training.validation
        report_every, n_done = -(-max_iter // 10), state.n_iter - training.begun_at
        self._state, stopped = state, False
        if n_done > 0:
            rollback.keep()
        for epoch in range(n_done + 1, max_iter + 1):
            task_of_epoch = task.subtask("epoch")
            self._state = state = training.epoch(state)
            rollback.keep()
            stopped = task_of_epoch.end() or state.convergence.converged
            if training.parameters.verbose and (stopped or epoch % report_every == 0):
                print(state.summary(validated=validation is not None))
            if stopped:
                break
        if validation is not None:
            self._state = replace(state, network=training.best_network)
        return stopped

    @keep_signature(available_if(_can_fit_partially))
    def partial_fit(
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for exactly one epoch, continuing with the model if it is fitted.

        k calls on the same data give the same model, bit for bit, as one call of `fit`
        with ``max_iter=k`` that does not stop early. The exception is
        ``learning_rate="linear"``, which is treated as "adaptive" here because there is
        no last epoch. On a stream, each call with other data updates the means and
        standard deviations for standardizing, and reduces a learning rate of "auto";
        see `standardize` and `learning_rate`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, all finite. Sparse data other than CSR are converted to CSR.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Number of times that each sample is repeated, as in `fit`.

        Returns
        -------
        self : BackpropRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or a parameter are not as described or do not match the fitted
            model, or if training diverges. The estimator is then left as it was before
            the call.
        AttributeError
            If ``early_stopping=True``.

        Warns
        -----
        UserWarning
            Once for each model, if a later value of y is more than 100 standard
            deviations from the mean so far, or if the mean of the positive weights is
            below 0.1 or above 100.
        DataConversionWarning
            Once for each model, if y has the shape (n_samples, 1).
        """
        known = getattr(self, "_valid_params", None)
        parameters = Parameters.of(self, known)
        _can_fit_partially(parameters)  # early_stopping may have changed meanwhile
        with Rollback(self, parameters.random_state):
            if (
                parameters is not known
                and not get_config()["skip_parameter_validation"]
            ):
                self._valid_params = parameters
            before = self._last_state()
            given = read(
                self, X, y, sample_weight, reset=before is None, relative=False
            )
            parameters = parameters.for_partial_fit(before)
            start = prepare(given, before, parameters)
            if start.has_outliers:
                warn_once(self, OUTLIERS)
            self._state = Training(start, parameters).epoch(start.state)
        if parameters.verbose:
            print(self._state.summary())
        return self

    # ---------------------------------------------------------------- prediction

    def predict(self, X: Matrix) -> NDArray[Any]:
        """Predict the target of every row of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data to predict for, all finite.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the units of the data; float32 if both X and y of the first
            call of `fit` or `partial_fit` were float32, and float64 otherwise. With
            ``array_api_dispatch=True`` in the configuration of scikit-learn, an array
            of the same library as X.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not as described, or if the number or the names of its features
            differ from those of the training data.
        """
        network = self._fitted().network
        y_pred = network.predict(read_X(self, X, network.dtype))
        return as_given(y_pred[:, 0] if y_pred.shape[1] == 1 else y_pred, X)

    def to_mlp(self) -> MLPRegressor:
        """Convert to a fitted `MLPRegressor` that predicts the same up to rounding.

        It has float64 weights in the units of the data, and the same `n_iter_`, `t_`
        and `loss_curve_`. Its `partial_fit` continues training with the settings of the
        `MLPRegressor`. Any tool that exports an `MLPRegressor` can export this model.

        Returns
        -------
        mlp : MLPRegressor
            With ``activation="logistic"`` and ``solver="sgd"``. Other parameters have
            their default values.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If weights in the units of the data are too large for float64.
        """
        state = self._fitted()
        mlp = mlp_of_state(state)
        mlp.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            mlp.feature_names_in_ = self.feature_names_in_
        return mlp

    # ---------------------------------------------------------------- attributes

    def _last_state(self) -> State | None:
        return vars(self).get("_state")

    def _fitted(self) -> State:
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # which raises
        return self._state

    @property
    def coefs_(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weights w_hj and v_kh in the units of the data: (n_features, H), (H, K)."""
        return self._fitted().network.coefs()

    @coefs_.setter
    def coefs_(self, values: Sequence[ArrayLike]) -> None:
        state = self._fitted()
        self._state = state.with_network(state.network.with_coefs(values))

    @property
    def intercepts_(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Biases w_h0 and v_k0 in the units of the data: (H,) and (K,)."""
        return self._fitted().network.intercepts()

    @intercepts_.setter
    def intercepts_(self, values: Sequence[ArrayLike]) -> None:
        state = self._fitted()
        self._state = state.with_network(state.network.with_intercepts(values))

    @property
    def loss_(self) -> float:
        """Weighted mean of E over the samples of the last epoch."""
        losses = self._fitted().losses
        if len(losses) == 0:
            raise AttributeError("loss_ is defined only after the first epoch.")
        return losses.last()

    @property
    def best_loss_(self) -> float:
        """The lowest loss of any epoch."""
        return min(self.loss_curve_, default=math.inf)

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of every epoch."""
        return self._fitted().losses.values()

    @property
    def validation_epochs_(self) -> list[int] | None:
        """The epochs with early stopping, counted from 1."""
        epochs = self._fitted().validation_epochs
        return None if epochs is None else epochs.values()

    @property
    def validation_scores_(self) -> list[float] | None:
        """R² on the validation data after every epoch of early stopping."""
        scores = self._fitted().validation_scores
        return None if scores is None else scores.values()

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Weighted mean of E on the validation data after each of these epochs."""
        losses = self._fitted().validation_losses
        return None if losses is None else losses.values()

    @property
    def best_validation_score_(self) -> float | None:
        """The highest of the validation scores."""
        scores = self.validation_scores_
        return None if scores is None else max(scores)

    @property
    def alpha_(self) -> float:
        """Strength of the L2 penalty in the last epoch."""
        return self._fitted().alpha

    @property
    def search_results_(self) -> dict[str, Any] | None:
        """What the search for `max_iter` tried, in the form of `cv_results_`."""
        return deepcopy(self._fitted().search_results)

    @property
    def n_iter_(self) -> int:
        """Number of epochs that the model was trained for."""
        return self._fitted().n_iter

    @property
    def t_(self) -> int:
        """Number of samples that training has used, including repeats."""
        return self._fitted().t

    @property
    def n_layers_(self) -> int:
        """3, counting input and output."""
        self._fitted()
        return 3

    @property
    def n_outputs_(self) -> int:
        """K, the number of outputs."""
        return self._fitted().network.shape[2]

    @property
    def out_activation_(self) -> str:
        """Always "identity"."""
        self._fitted()
        return "identity"

    # ---------------------------------------------------------------- conventions

    def __sklearn_is_fitted__(self) -> bool:
        return "_state" in vars(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        return to_pickle(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(from_pickle(state))
