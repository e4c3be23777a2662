"""BackpropRegressor: parameters, validation and the epoch loop."""

from __future__ import annotations  # short signatures in help()

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.special import expit
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    assert_all_finite,
    check_is_fitted,
    validate_data,
)

from . import _kernel
from ._callbacks import CallbackSupportMixin, EpochCallbacks, with_callbacks
from ._config import warn_without_fma
from ._diagnosis import divergence_message, poor_fit_messages
from ._initial_weights import initial_weights
from ._parameters import Parameters
from ._persistence import from_pickle, to_pickle
from ._presentations import (
    INITIAL_WEIGHTS,
    Presentations,
    draw_seed,
    fingerprint,
    generator,
    hold_out,
    starting_order,
)
from ._rollback import Rollback
from ._schedules import (
    MAX_REDUCTIONS,
    initial_step_size,
    stalled_epochs,
    step_size,
)
from ._scoring import ValidationSet
from ._sparse import with_checked_indices
from ._typing import Matrix, keep_signature
from ._units import (
    check_inputs,
    to_coefs,
    to_intercepts,
    to_predictions,
    to_targets,
    warn_of_outliers,
)
from ._validation import (
    as_kernel_input,
    check_numeric,
    check_presentations,
    check_targets,
    check_validation_arguments,
    check_weights,
)
from ._warning import warn

# A first partial_fit on fewer rows than this standardises by poor statistics.
FEW_ROWS = 20

# A loss that shows divergence before it overflows; standardised, it begins at ½.
DIVERGED = 1e10

# The diagnosis at the end of fit looks at about this many rows.
DIAGNOSED_ROWS = 200


@dataclass(frozen=True)
class _Data:
    """What a call was given, validated."""

    X: object  # (n, d) ndarray or CSR, units of the user
    y: np.ndarray  # (n, K), float64, units of the user
    weight: np.ndarray | None  # (n,), None if all are 1
    single: bool  # whether y was one column without a second axis


@dataclass(frozen=True)
class _Examples:
    """The data of one call, as the kernel takes them."""

    X: object  # (n, d) ndarray or CSR, units of the user
    y: np.ndarray  # (n, K), training units
    order: Presentations


def _can_fit_partially(estimator):
    if estimator.early_stopping:
        raise ValueError(
            "partial_fit is not available with early_stopping=True, for one epoch "
            "cannot stop early. Expected early_stopping=False."
        )
    return True


class BackpropRegressor(RegressorMixin, CallbackSupportMixin, BaseEstimator):
    """One sigmoid hidden layer and a linear output, trained by online backpropagation.

    The network predicts ``ŷ = Σ_h v_h z_h + v_0`` with ``z_h = sigmoid(w_hᵀ x̃)``,
    where x̃ is x with a leading 1, and training minimises ``E = ½ (y − ŷ)²`` by the
    updates of [1]_, one example at a time::

        Δv_h  = η (y − ŷ) z_h                      Δv_0 = η (y − ŷ)
        Δw_hj = η (y − ŷ) v_h z_h (1 − z_h) x̃_j

    all computed from the weights before the update. With several outputs k, E is the
    sum of theirs, and Σ_k (y_k − ŷ_k) v_kh takes the place of (y − ŷ) v_h.
    `sklearn_backprop.equations` holds them in NumPy. Parameters and attributes are
    named as in :class:`~sklearn.neural_network.MLPRegressor` wherever they mean the
    same.

    Parameters
    ----------
    hidden_layer_size : int, default=100
        H, the number of hidden nodes.

    learning_rate : {"adaptive", "constant", "invscaling", "linear"}, \
            default="adaptive"
        How the step size η changes from one epoch e = 0, 1, … to the next.

        - "adaptive": η until training stalls, then η / 5, and so on; training ends when
          it stalls after the fifth reduction.
        - "constant": η; training ends when it stalls.
        - "invscaling": η / √(e + 1); training ends when it stalls.
        - "linear": η (1 − e / max_iter). Training always runs `max_iter` epochs, so the
          noise that single examples put into the weights dies away just in time: the
          most accurate schedule once `max_iter` is tuned. `partial_fit` knows no last
          epoch, so there η is constant.

        Training stalls when the loss (with ``early_stopping=True`` the validation
        score) has not improved by `tol` for more than `n_iter_no_change` epochs in a
        row. Data other than those of the call before begin with η and no stall: on a
        stream, where every `partial_fit` brings other data, "adaptive" is "constant".

    learning_rate_init : "auto" or float, default="auto"
        η of the first epoch. "auto" is 0.3 (1 − μ) / (b (1 + H / 4)), where b is the
        number of examples in a batch and μ the momentum. Without momentum the output
        layer is stable while η b (1 + Σ_h z_h²) < 2, so that this is at most 60 % of
        the step at which it becomes unstable, whatever `hidden_layer_size`,
        `batch_size` and the hidden outputs are.

    momentum : float, default=0.0
        μ, the part of every update that the next one repeats: Δ_t = −η ∂E + μ Δ_{t−1}.
        At least 0 and below 1. Updates add up to 1 / (1 − μ) times their size, so that
        η has to be that much smaller than without; "auto" is.

    alpha : float, default=0.0
        Strength of the penalty ½ α w² on every weight w_hj and v_kh but the biases, in
        training units: an update also makes a weight smaller by η α w.

    batch_size : int or "all", default=1
        Number of examples whose deltas are computed from the same weights and then
        summed; "all" is batch gradient descent. Libraries that average instead of
        summing need η · b where this estimator needs η. Batches larger than the data
        are cut to it, and the last batch of an epoch may be smaller.

    max_iter : int, default=400
        Largest number of epochs of one call of `fit`.

    tol : float, default=0.0001
        Improvement that counts as progress; see `learning_rate`. In training units of
        the loss, or in R² with ``early_stopping=True``.

    n_iter_no_change : int, default=10
        Number of epochs without progress that training outlasts.

    standardize : bool, default=True
        Whether to train on (x_j − mean_j) / std_j and (y − mean) / std, with the
        statistics of the training rows of the first call, so that η and `tol` mean the
        same whatever the units of the data. `coefs_`, `intercepts_` and predictions are
        in the units of the data all the same. A column that is constant, but for
        rounding, has no influence. False applies the rule to the data as given.

    shuffle : bool, default=True
        Whether to present the examples in a fresh random order every epoch. Otherwise
        the order of the rows is the order of presentation.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of the shuffling, and of the rows that
        `early_stopping` holds out. Pass an int for the same model in every call.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows, or take the `X_val` of
        `fit`, stop when R² on them stalls, and end with the weights of the epoch that
        had the highest. With ``learning_rate="linear"`` training does not stop, but the
        best weights are kept. Not available in `partial_fit`.

    validation_fraction : float, default=0.1
        Share of the rows, or of their weights, that `early_stopping` holds out, between
        0 and 1; at least two rows that differ. All copies of a row stay together.

    warm_start : bool, default=False
        Whether `fit` goes on from the model of the call before, with `max_iter` more
        epochs, instead of starting anew. Standardisation keeps the first statistics.

    verbose : bool, default=False
        Whether to print a line of progress about ten times a `fit`, and in every
        `partial_fit`.

    Attributes
    ----------
    coefs_ : list of two ndarrays of shape (n_features, H) and (H, n_outputs)
        The weights w_hj and v_kh, in the units of the data; read-only.

    intercepts_ : list of two ndarrays of shape (H,) and (n_outputs,)
        The biases w_h0 and v_k0, in the units of the data; read-only.

    loss_ : float
        Weighted mean of E over the examples of the last epoch, each taken just before
        its own update, in training units: with ``standardize=True``, ½ for every output
        is what predicting the mean gives. A penalty is not part of it.

    best_loss_ : float
        The lowest loss of an epoch.

    loss_curve_ : list of float
        The loss of every epoch.

    validation_scores_ : list of float or None
        R² on the held-out rows after every epoch of early stopping; None if there was
        none.

    validation_loss_curve_ : list of float or None
        The weighted mean of E over the held-out rows after every such epoch, in
        training units.

    best_validation_score_ : float or None
        The highest of the scores.

    n_iter_ : int
        Number of epochs that the model has seen.

    t_ : int
        Number of presentations so far.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all were strings.

    n_layers_ : int
        3, counting input and output.

    n_outputs_ : int
        K, the number of outputs.

    out_activation_ : str
        "identity".

    See Also
    --------
    sklearn.neural_network.MLPRegressor : Deeper networks, other activations, Adam.
    sklearn.linear_model.SGDRegressor : Linear models, one example at a time.

    Notes
    -----
    Data of float32 or float64 are used in place if they are C-contiguous, or 64 MB and
    more; float32 data give a float32 model. Sparse X is centred without being made
    dense (with momentum, a few rows at a time are). With ``shuffle=True`` the order of
    the rows has no influence on the model. The same data and seed give the same bits on
    every CPU with fused multiply-add.

    scikit-learn's callbacks (from its version 1.9) hear of every epoch; one that asks
    to stop ends the fit.

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

    # fitted attributes
    loss_: float
    best_loss_: float
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_layers_: int
    n_outputs_: int
    out_activation_: str

    _parameter_constraints: dict = {  # noqa: RUF012 (scikit-learn's convention)
        "hidden_layer_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "linear", "invscaling", "adaptive"})],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"all"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "standardize": ["boolean"],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_layer_size: int = 100,
        *,
        learning_rate: Literal[
            "adaptive", "constant", "invscaling", "linear"
        ] = "adaptive",
        learning_rate_init: Literal["auto"] | float = "auto",
        momentum: float = 0.0,
        alpha: float = 0.0,
        batch_size: int | Literal["all"] = 1,
        max_iter: int = 400,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        standardize: bool = True,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
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
        """Train the network for up to `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, finite. Sparse data other than CSR are converted to CSR.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Number of times that each example is presented in an epoch: 2 is the example
            twice, 2.5 two full steps and one of half the size, and 0 is absence, though
            X and y have to be valid there, too. From 0 to 10,000; None is 1 for all.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Data to validate on, in place of rows that are held out. In a `Pipeline`,
            ``transform_input=["X_val"]`` transforms them as `X`, where scikit-learn's
            metadata routing is enabled and ``set_fit_request(X_val=True, y_val=True)``
            asks for them; without, they have to be what the earlier steps return.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their target values.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in the validation score.

        Returns
        -------
        self : BackpropRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or a parameter are not as described, validation data are given
            in part or without ``early_stopping=True``, or training diverges. The
            estimator is then as it was before the call.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` was reached before training stalled (except with
            ``learning_rate="linear"``), the model is hardly better than predicting the
            mean, or nearly all of its hidden nodes are saturated. If the targets to
            validate on are all the same while others are not, or no epoch predicts
            those in `y_val` better than their mean does.
        UserWarning
            If the mean of `sample_weight` is below 0.1 or above 100. In a warm start,
            if a value of y is 100 standard deviations and more from the mean.
        """
        parameters = Parameters.of(self)
        callbacks = EpochCallbacks(self, parameters.max_iter)
        with Rollback(self) as rollback:
            check_validation_arguments(
                parameters.early_stopping, X_val, y_val, sample_weight_val
            )
            data, resumed = self._validate(
                X, y, sample_weight, parameters, resume=parameters.warm_start
            )
            holds_out = parameters.early_stopping and X_val is None
            order, held_out, seen = self._order(data, parameters, holds_out=holds_out)
            if not resumed:
                self._initialise(data, order, parameters)
            examples = self._examples(data, order, resumed)
            if X_val is not None:
                validation = self._given_validation_set(X_val, y_val, sample_weight_val)
            else:
                validation = self._held_out_set(data, examples, held_out)
            if validation is not None and validation.tells_nothing_of(examples):
                warn(
                    "The targets to validate on are all the same, so that R² cannot "
                    "tell one epoch from another. Expected a y_val that varies, or a "
                    "larger validation_fraction.",
                    ConvergenceWarning,
                )
            self._note_data(seen)
            callbacks.begin(X, y, sample_weight)
            stopped = self._train(examples, validation, parameters, rollback, callbacks)
            callbacks.end()
            if X_val is not None and self._score_to_beat <= 0:
                warn(
                    f"The best R² on X_val and y_val is {self._score_to_beat:.3g}: no "
                    "epoch predicts them better than their mean does. Expected data in "
                    "the units of X and y. A Pipeline or TransformedTargetRegressor "
                    "does not transform them by itself.",
                    ConvergenceWarning,
                )
            if not stopped and parameters.learning_rate != "linear":
                warn(
                    f"max_iter={parameters.max_iter} epochs were over before training "
                    "stalled. Increase max_iter, or use learning_rate='linear'.",
                    ConvergenceWarning,
                )
            for message in self._poor_fit(examples):
                warn(message, ConvergenceWarning)
        return self

    @keep_signature(available_if(_can_fit_partially))
    def partial_fit(
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for exactly one epoch, going on from the model so far.

        k calls on the same data give, bit for bit, the model of ``fit`` with
        ``max_iter=k`` that did not stop early, unless ``learning_rate="linear"``: there
        is no last epoch here, so η is then constant.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, finite. Sparse data other than CSR are converted to CSR.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Number of presentations of each example, as in `fit`.

        Returns
        -------
        self : BackpropRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or a parameter are not as described or do not match the model so
            far, or training diverges. The estimator is then as it was before the call.
        AttributeError
            If ``early_stopping=True``.

        Warns
        -----
        UserWarning
            If ``standardize=True`` and the first call has fewer than 20 rows: all later
            calls use its mean and standard deviation; if in one of those a value of y
            is 100 standard deviations and more from the mean. If the mean of
            `sample_weight` is below 0.1 or above 100.
        """
        with Rollback(self):
            parameters = Parameters.of(self, getattr(self, "_valid_params", None))
            _can_fit_partially(parameters)  # it may have changed since the call began
            if not get_config()["skip_parameter_validation"]:
                self._valid_params = parameters
            data, resumed = self._validate(X, y, sample_weight, parameters, resume=True)
            order, _, seen = self._order(data, parameters, holds_out=False)
            if not resumed:
                self._initialise(data, order, parameters)
                if parameters.standardize and data.X.shape[0] < FEW_ROWS:
                    warn(
                        f"The mean and standard deviation of the {data.X.shape[0]} "
                        "rows in the first partial_fit standardise all later calls "
                        f"too. Begin with at least {FEW_ROWS} rows, or standardise X "
                        "and y yourself and set standardize=False."
                    )
            examples = self._examples(data, order, resumed)
            self._note_data(seen)
            training = self._training(examples, parameters)
            self._run_epoch(training, order.total(), parameters, progress=0)
            self._end_epoch(parameters)
        if parameters.verbose:
            self._report()
        return self

    def _validate(self, X, y, sample_weight, parameters, *, resume):
        """The data as arrays, and whether training goes on from an earlier model."""
        resumed = resume and self.__sklearn_is_fitted__()
        warn_without_fma()
        X, y, single = self._as_arrays(X, y, reset=not resumed)
        data = _Data(X, y, check_presentations(sample_weight, X), single)
        if resumed:
            self._check_unchanged(data, parameters)
        else:
            self._seed = draw_seed(parameters.random_state)
        return data, resumed

    def _as_arrays(self, X, y, *, reset, dtype=None, names="Xy"):
        """X for the kernel, y as float64 of shape (n, K), and whether it was 1-D."""
        if issparse(y):
            raise ValueError(
                f"{names[1]} is sparse. Expected a dense array: use "
                f"{names[1]}.toarray()."
            )
        X, given = with_checked_indices(X, names[0]), y
        found = check_numeric(X, names[0])
        check_numeric(y, names[1])
        with (
            np.errstate(over="ignore", invalid="ignore"),  # in sums of what is finite
            config_context(assume_finite=False),  # or one NaN would cost the model
        ):
            X, y = validate_data(
                self,
                X,
                given,
                accept_sparse="csr",
                dtype=found if dtype is None else dtype,
                multi_output=True,
                y_numeric=True,
                reset=reset,
            )
            y, single = check_targets(y)
            known = getattr(given, "dtype", None) in (np.float64, np.float32)
            if not known:  # only now are objects numbers, and long doubles of 64 bits
                assert_all_finite(y, input_name=names[1])
            return as_kernel_input(X, names[0]), y, single

    def _check_unchanged(self, data, parameters):
        _, H, K = self._shape
        if parameters.hidden_layer_size != H:
            raise ValueError(
                f"hidden_layer_size={parameters.hidden_layer_size}, but the model so "
                f"far has {H} hidden nodes. Training can only go on with the same "
                "number; fit with warm_start=False starts anew."
            )
        if data.y.shape[1] != K:
            raise ValueError(
                f"y has {data.y.shape[1]} outputs, but the model so far has {K}. "
                "Training can only go on with the same number; fit with "
                "warm_start=False starts anew."
            )
        if parameters.standardize != self._standardized:
            raise ValueError(
                f"standardize={parameters.standardize}, but the model so far was "
                f"trained with standardize={self._standardized}; fit with "
                "warm_start=False starts anew."
            )
        if data.X.dtype != self._weights.dtype:
            raise ValueError(
                f"X has dtype {data.X.dtype}, but the model so far was trained on "
                f"{self._weights.dtype}. Convert X to that; fit with warm_start=False "
                "starts anew."
            )

    def _order(self, data, parameters, *, holds_out):
        """The presentations, the rows to validate on or None, and a fingerprint."""
        hashes, rows, held_out = _kernel.hash_rows(data.X, data.y), None, None
        seen = fingerprint(hashes, data.weight)
        if holds_out:
            rows, held_out = hold_out(
                hashes, data.weight, parameters.validation_fraction, self._seed
            )
        order = starting_order(hashes, data.weight, rows, by_content=parameters.shuffle)
        return order, held_out, seen

    def _initialise(self, data, order, parameters):
        """Statistics of the presentations, initial weights and empty records."""
        X, y = data.X, data.y
        d, H, K = X.shape[1], parameters.hidden_layer_size, y.shape[1]
        self._standardized = bool(parameters.standardize)
        if self._standardized:
            self._X_mean, X_std = _kernel.moments(X, order.order, order.share)
            self._y_mean, y_std = _kernel.moments(y, order.order, order.share)
        else:
            self._X_mean, X_std = np.zeros(d), np.ones(d)
            self._y_mean, y_std = np.zeros(K), np.ones(K)
        constant = X_std == 0
        self._X_scale = 1 / np.where(constant, 1, X_std)
        self._y_std = np.where(y_std == 0, 1, y_std)

        self._shape = d, H, K
        random = generator(self._seed, INITIAL_WEIGHTS)
        W, v = initial_weights(d, H, K, random, X.dtype)
        W[1:][constant] = 0  # or the first other value would have a random influence
        self._weights = _kernel.pack(W, v)
        self._velocity = None
        self._single_output = data.single
        self.n_layers_, self.n_outputs_, self.out_activation_ = 3, K, "identity"
        self.n_iter_ = self.t_ = 0
        self.loss_curve_, self.best_loss_ = [], math.inf
        self.validation_scores_ = self.best_validation_score_ = None
        self.validation_loss_curve_ = None
        self._fingerprint = None
        self._stalled = self._reductions = 0

    def _note_data(self, fingerprint):
        """On other data than before, begin anew to watch for stalls.

        Losses on different data cannot be compared, and a step size that was reduced
        for the old data would leave the new unlearned.
        """
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            self._stalled = self._reductions = 0
            self._loss_to_beat = math.inf

    def _examples(self, data, order, resumed):
        """The data in training units, refused where those exceed what is safe."""
        check_inputs(data.X, self._X_mean, self._X_scale, "X")
        y = self._targets(data.y, data.X.dtype, "y")
        if resumed and self._standardized:  # by other rows, from which it may be far
            warn_of_outliers(y)
        return _Examples(data.X, y, order)

    def _targets(self, y, dtype, name):
        return to_targets(y, self._y_mean, self._y_std, dtype, name)

    def _held_out_set(self, data, examples, rows):
        """Rows of the training data to validate on, or None without any."""
        if rows is None:
            return None
        weight = np.ones(len(rows)) if data.weight is None else data.weight[rows]
        return ValidationSet(examples.X[rows], examples.y[rows], weight)

    def _given_validation_set(self, X_val, y_val, sample_weight_val):
        dtype = self._weights.dtype
        try:
            X, y, _ = self._as_arrays(
                X_val, y_val, reset=False, dtype=dtype, names=("X_val", "y_val")
            )
            weight = check_weights(sample_weight_val, X, "sample_weight_val")
        except (TypeError, ValueError) as error:  # which may speak of X and y
            raise type(error)(f"In the data to validate on: {error}") from error
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y_val has {y.shape[1]} outputs, but y has {self.n_outputs_}. "
                "Expected the same number."
            )
        check_inputs(X, self._X_mean, self._X_scale, "X_val")
        y = self._targets(y, dtype, "y_val")
        if weight is None:
            return ValidationSet(X, y, np.ones(len(y)))
        rows = np.flatnonzero(weight)  # a weight of 0 is absence
        weight = np.ldexp(weight, -np.frexp(weight.max())[1])  # so that sums are finite
        return ValidationSet(X[rows], y[rows], weight[rows])

    def _training(self, examples, parameters):
        """The kernel, ready for epochs on the examples."""
        return _kernel.Training(
            self._shape,
            examples.X,
            examples.y,
            self._X_mean,
            self._X_scale,
            examples.order.order,
            examples.order.share,
            batch_size=parameters.examples_per_batch(len(examples.order)),
            alpha=parameters.alpha,
            momentum=parameters.momentum,
        )

    def _train(self, examples, validation, parameters, rollback, callbacks):
        """Run epochs until training stalls or max_iter; return whether it stalled."""
        stop = False
        if validation is not None:
            if self.validation_scores_ is None:
                self.validation_scores_, self.validation_loss_curve_ = [], []
                self.best_validation_score_ = -math.inf
            best, self._score_to_beat = (self._weights, self._velocity), -math.inf
            if self.n_iter_ > 0:  # a resumed model may be the best there will be
                y_hat = self._network_output(validation.X)
                self._score_to_beat = validation.score(y_hat)

        training = self._training(examples, parameters)
        total, max_iter = examples.order.total(), parameters.max_iter
        report_every = -(-max_iter // 10)
        for epoch in range(max_iter):
            callbacks.begin_epoch()
            self._run_epoch(training, total, parameters, epoch / max_iter)
            score = None
            if validation is not None:
                y_hat = self._network_output(validation.X)
                score = validation.score(y_hat)
                self.validation_loss_curve_.append(validation.loss(y_hat))
                if score > self._score_to_beat:
                    best = self._weights, self._velocity
            stop = self._end_epoch(parameters, score)
            rollback.keep()
            stop = callbacks.end_epoch() or stop
            if parameters.verbose and (stop or (epoch + 1) % report_every == 0):
                self._report(score)
            if stop:
                break
        if validation is not None:
            self._weights, self._velocity = best
        return stop

    def _run_epoch(self, training, total, parameters, progress):
        """Present every example, and take over the weights.

        Parameters
        ----------
        training : _kernel.Training
        total : float
            The sum of the weights of all presentations.
        parameters : Parameters
        progress : float
            Share of the epochs of this call that are done.
        """
        n, H = training.n, self._shape[1]
        batch_size = parameters.examples_per_batch(n)
        eta = step_size(
            parameters.learning_rate,
            initial_step_size(
                parameters.learning_rate_init, H, batch_size, parameters.momentum
            ),
            epoch=self.n_iter_,
            progress=progress,
            reductions=self._reductions,
        )
        if parameters.shuffle:
            training.shuffle(self._seed, self.n_iter_)
        weights, velocity, loss, finite = training.epoch(
            self._weights, self._velocity, eta
        )
        loss /= total
        blown_up = self._standardized and loss > DIVERGED
        if blown_up or not finite:
            raise ValueError(
                divergence_message(
                    self.n_iter_ + 1,
                    eta,
                    parameters.alpha,
                    H,
                    batch_size,
                    parameters.momentum,
                    self._standardized,
                )
            )
        self._weights, self._velocity = weights, velocity
        self.loss_ = loss
        self.n_iter_ += 1
        self.t_ += n

    def _end_epoch(self, parameters, score=None):
        """Record an epoch; return whether training has stalled for too long."""
        loss, to_beat = self.loss_, self._loss_to_beat
        if score is not None:
            loss, to_beat = -score, -self._score_to_beat
            self._score_to_beat = max(score, self._score_to_beat)
            self.validation_scores_.append(score)
            self.best_validation_score_ = max(score, self.best_validation_score_)
        self._stalled = stalled_epochs(self._stalled, loss, to_beat, parameters.tol)
        self._loss_to_beat = min(self.loss_, self._loss_to_beat)
        self.best_loss_ = min(self.loss_, self.best_loss_)
        self.loss_curve_.append(self.loss_)

        schedule = parameters.learning_rate
        if self._stalled <= parameters.n_iter_no_change or schedule == "linear":
            return False
        self._stalled = 0
        if schedule == "adaptive" and self._reductions < MAX_REDUCTIONS:
            self._reductions += 1
            return False
        return True

    def _report(self, score=None):
        line = f"Epoch {self.n_iter_}: loss {self.loss_:.6g}"
        if score is not None:
            line += f", validation R² {score:.4f}"
        print(line)

    def _poor_fit(self, examples):
        """What there is to say about a fit that went wrong."""
        order = examples.order
        rows, weight = order.every(max(1, len(order) // DIAGNOSED_ROWS))
        W, v = _kernel.unpack(self._weights, self._shape)
        X, scale = examples.X[rows], self._X_scale
        if issparse(X):  # scaled before a product, which might overflow
            a = W[0] + X.multiply(scale) @ W[1:] - (self._X_mean * scale) @ W[1:]
        else:  # first the mean, which may be far from 0
            a = W[0] + ((X - self._X_mean) * scale) @ W[1:]
        return poor_fit_messages(v, expit(a), examples.y[rows], weight)

    # ---------------------------------------------------------------- prediction

    def predict(self, X: Matrix) -> NDArray[Any]:
        """Predict the target of every row of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Finite.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the data and the dtype of the training data.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not as described, or differs from the training data in the number
            or the names of its features.
        """
        check_is_fitted(self)
        X, dtype = with_checked_indices(X, "X"), self._weights.dtype
        check_numeric(X, "X")
        with np.errstate(over="ignore", invalid="ignore"):  # in sums of what is finite
            X = validate_data(self, X, accept_sparse="csr", dtype=dtype, reset=False)
            y_hat = self._network_output(as_kernel_input(X, "X"))
            y_pred = to_predictions(y_hat, self._y_mean, self._y_std)
        return y_pred[:, 0] if self._single_output else y_pred

    def _network_output(self, X):
        """ŷ in training units, shape (n, K)."""
        return _kernel.predict(
            self._weights, self._shape, X, self._X_mean, self._X_scale
        )

    def __getstate__(self) -> dict[str, Any]:
        return to_pickle(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(from_pickle(state, self._get_param_names()))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_weights")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """w_hj and v_kh in the units of the data: [(n_features, H), (H, K)]."""
        check_is_fitted(self)
        W, v = _kernel.unpack(self._weights, self._shape)
        return to_coefs(W, v, self._X_scale, self._y_std)

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """w_h0 and v_k0 in the units of the data: [(H,), (K,)]."""
        check_is_fitted(self)
        W, v = _kernel.unpack(self._weights, self._shape)
        return to_intercepts(
            W, v, self._X_mean, self._X_scale, self._y_mean, self._y_std
        )
