"""BackpropRegressor: parameters, validation and the epoch loop."""

import math
import operator
import warnings
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    assert_all_finite,
    check_is_fitted,
    validate_data,
)

from . import _kernel
from ._config import warn_without_fma
from ._diagnosis import divergence_message, poor_fit_messages
from ._initial_weights import initial_weights
from ._presentations import (
    INITIAL_WEIGHTS,
    draw_seed,
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
from ._scoring import ordered_sum, r_squared
from ._validation import as_kernel_input, check_numeric, first_beyond

# A first partial_fit on fewer rows than this standardises by poor statistics.
FEW_ROWS = 20

# A loss that shows divergence before it overflows; standardised, it begins at ½.
DIVERGED = 1e10

# The diagnosis at the end of fit looks at about this many rows.
DIAGNOSED_ROWS = 200

# Targets are standardised by so many at a time, which takes little memory.
FEW_TARGETS = 100_000

UNITS = "in training units, which are (value - mean) / std where standardize=True"


@dataclass(frozen=True)
class _Examples:
    """The data of one call, as the kernel takes them."""

    X: np.ndarray  # (n, d), units of the user
    y: np.ndarray  # (n,), training units
    mean: np.ndarray  # (d,)
    scale: np.ndarray  # (d,), one over the standard deviation
    order: np.ndarray  # the rows to train on, in the starting order of every epoch


def _can_fit_partially(estimator):
    if estimator.early_stopping:
        raise ValueError(
            "partial_fit is not available with early_stopping=True, for one epoch "
            "cannot stop early. Expected early_stopping=False."
        )
    return True


class BackpropRegressor(RegressorMixin, BaseEstimator):
    """One sigmoid hidden layer and a linear output, trained by online backpropagation.

    The network predicts ``ŷ = Σ_h v_h z_h + v_0`` with ``z_h = sigmoid(w_hᵀ x̃)``,
    where x̃ is x with a leading 1, and training minimises ``E = ½ (y − ŷ)²`` by the
    updates of [1]_, one example at a time::

        Δv_h  = η (y − ŷ) z_h                      Δv_0 = η (y − ŷ)
        Δw_hj = η (y − ŷ) v_h z_h (1 − z_h) x̃_j

    all computed from the weights before the update. `sklearn_backprop.equations` holds
    them in NumPy. Parameters and attributes are named as in
    :class:`~sklearn.neural_network.MLPRegressor` wherever they mean the same.

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
        η of the first epoch. "auto" is 0.3 / (b (1 + H / 4)), where b is the number of
        examples in a batch. The output layer is stable while η b (1 + Σ_h z_h²) < 2, so
        that this is at most 60 % of the step at which it becomes unstable, whatever
        `hidden_layer_size`, `batch_size` and the hidden outputs are.

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
        in the units of the data all the same. False applies the rule to the data as
        given.

    shuffle : bool, default=True
        Whether to present the examples in a fresh random order every epoch. Otherwise
        the order of the rows is the order of presentation.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, of the shuffling, and of the rows that
        `early_stopping` holds out. Pass an int for the same model in every call.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows, stop when R² on them
        stalls, and end with the weights of the epoch that had the highest. With
        ``learning_rate="linear"`` training does not stop, but the best weights are
        kept. Not available in `partial_fit`.

    validation_fraction : float, default=0.1
        Share of the rows that `early_stopping` holds out, between 0 and 1; at least two
        rows.

    warm_start : bool, default=False
        Whether `fit` goes on from the model of the call before, with `max_iter` more
        epochs, instead of starting anew. Standardisation keeps the first statistics.

    verbose : bool, default=False
        Whether to print a line of progress about ten times a `fit`, and in every
        `partial_fit`.

    Attributes
    ----------
    coefs_ : list of two ndarrays of shape (n_features, H) and (H, 1)
        The weights w_hj and v_h, in the units of the data; read-only.

    intercepts_ : list of two ndarrays of shape (H,) and (1,)
        The biases w_h0 and v_0, in the units of the data; read-only.

    loss_ : float
        Mean of E over the examples of the last epoch, each taken just before its own
        update, in training units: with ``standardize=True``, ½ is what predicting the
        mean gives.

    best_loss_ : float
        The lowest loss of an epoch.

    loss_curve_ : list of float
        The loss of every epoch.

    validation_scores_ : list of float or None
        R² on the held-out rows after every epoch of early stopping; None if there was
        none.

    best_validation_score_ : float or None
        The highest of them.

    n_iter_ : int
        Number of epochs that the model has seen.

    t_ : int
        Number of examples presented so far.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen during fit, if all were strings.

    n_layers_ : int
        3, counting input and output.

    n_outputs_ : int
        1.

    out_activation_ : str
        "identity".

    See Also
    --------
    sklearn.neural_network.MLPRegressor : Deeper networks, other activations, Adam.
    sklearn.linear_model.SGDRegressor : Linear models, one example at a time.

    Notes
    -----
    Data of float32 or float64 are used in place if they are C-contiguous, or 64 MB and
    more; float32 data give a float32 model. With ``shuffle=True`` the order of the rows
    has no influence on the model, except that `early_stopping` may hold out other
    copies of a row. The same data and seed give the same bits on every CPU with fused
    multiply-add.

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

    _parameter_constraints: dict = {  # noqa: RUF012 (scikit-learn's convention)
        "hidden_layer_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "linear", "invscaling", "adaptive"})],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
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
        hidden_layer_size=100,
        *,
        learning_rate="adaptive",
        learning_rate_init="auto",
        batch_size=1,
        max_iter=400,
        tol=1e-4,
        n_iter_no_change=10,
        standardize=True,
        shuffle=True,
        random_state=None,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        verbose=False,
    ):
        self.hidden_layer_size = hidden_layer_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Train the network for up to `max_iter` epochs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, dense and finite.
        y : array-like of shape (n_samples,)
            Target values.

        Returns
        -------
        self : BackpropRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or a parameter are not as described, or training diverges. The
            estimator is then as it was before the call.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` was reached before training stalled (except with
            ``learning_rate="linear"``), the model is hardly better than predicting the
            mean, or nearly all of its hidden nodes are saturated.
        """
        with Rollback(self) as rollback:
            X, y, resumed = self._validate(X, y, resume=self.warm_start)
            order, fingerprint = starting_order(X, y, by_content=self.shuffle)
            held_out = None
            if self.early_stopping:
                order, held_out = hold_out(order, self.validation_fraction, self._seed)
            if not resumed:
                self._initialise(X, y, order)
            examples = self._examples(X, y, order)
            self._note_data(fingerprint)
            stopped = self._train(examples, held_out, rollback)

        if not stopped and self.learning_rate != "linear":
            warnings.warn(
                f"max_iter={self.max_iter} epochs were over before training stalled. "
                "Increase max_iter, or use learning_rate='linear'.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self._warn_of_poor_fit(examples)
        return self

    @available_if(_can_fit_partially)
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y):
        """Train for exactly one epoch, going on from the model so far.

        k calls on the same data give, bit for bit, the model of ``fit`` with
        ``max_iter=k`` that did not stop early, unless ``learning_rate="linear"``: there
        is no last epoch here, so η is then constant.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, dense and finite.
        y : array-like of shape (n_samples,)
            Target values.

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
            calls use its mean and standard deviation.
        """
        with Rollback(self):
            self._validate_changed_params()
            X, y, resumed = self._validate(X, y, resume=True)
            order, fingerprint = starting_order(X, y, by_content=self.shuffle)
            if not resumed:
                self._initialise(X, y, order)
                if self.standardize and len(X) < FEW_ROWS:
                    warnings.warn(
                        f"The mean and standard deviation of the {len(X)} rows in the "
                        "first partial_fit standardise all later calls too. Begin with "
                        f"at least {FEW_ROWS} rows, or standardise X and y yourself "
                        "and set standardize=False.",
                        stacklevel=3,
                    )
            examples = self._examples(X, y, order)
            self._note_data(fingerprint)
            self._run_epoch(self._training(examples), progress=0)
            self._end_epoch()
        if self.verbose:
            self._report()
        return self

    def _validate_changed_params(self):
        """Validate what _fit_context leaves out of calls after the first.

        Every time would take as long as hundreds of updates.
        """
        params = tuple(getattr(self, name) for name in self._parameter_constraints)
        valid = getattr(self, "_valid_params", params[:0])
        if len(valid) != len(params) or any(map(operator.is_not, params, valid)):
            if not get_config()["skip_parameter_validation"]:
                self._validate_params()
            self._valid_params = params

    def _validate(self, X, y, *, resume):
        """The data as arrays, and whether training goes on from an earlier model."""
        resumed = resume and self.__sklearn_is_fitted__()
        warn_without_fma()
        check_numeric(X, "X")
        check_numeric(y, "y")
        given = y
        X, y = validate_data(
            self,
            X,
            given,
            dtype=[np.float64, np.float32],
            y_numeric=True,
            reset=not resumed,
        )
        X = as_kernel_input(X)
        if not isinstance(given, np.ndarray) or given.dtype.kind not in "fiub":
            assert_all_finite(y, input_name="y")  # only now are objects numbers
        y = np.ascontiguousarray(y, np.float64)
        if resumed:
            self._check_unchanged(X)
        else:
            self._seed = draw_seed(self.random_state)
        return X, y, resumed

    def _check_unchanged(self, X):
        if self.hidden_layer_size != self._W.shape[1]:
            raise ValueError(
                f"hidden_layer_size={self.hidden_layer_size}, but the model so far has "
                f"{self._W.shape[1]} hidden nodes. Training can only go on with the "
                "same number; fit with warm_start=False starts anew."
            )
        if self.standardize != self._standardized:
            raise ValueError(
                f"standardize={self.standardize}, but the model so far was trained "
                f"with standardize={self._standardized}; fit with warm_start=False "
                "starts anew."
            )
        if X.dtype != self._W.dtype:
            raise ValueError(
                f"X has dtype {X.dtype}, but the model so far was trained on "
                f"{self._W.dtype}. Convert X; fit with warm_start=False starts anew."
            )

    def _initialise(self, X, y, order):
        """Statistics of the training rows, initial weights and empty records."""
        d, H = X.shape[1], int(self.hidden_layer_size)
        self._standardized = bool(self.standardize)
        if self.standardize:
            self._X_mean, self._X_std = _kernel.moments(X, order)
            self._y_mean, self._y_std = _kernel.moments(y.reshape(-1, 1), order)
        else:
            self._X_mean, self._X_std = np.zeros(d), np.ones(d)
            self._y_mean, self._y_std = np.zeros(1), np.ones(1)

        random = generator(self._seed, INITIAL_WEIGHTS)
        self._W, self._v = initial_weights(d, H, random, X.dtype)
        self.n_layers_, self.n_outputs_, self.out_activation_ = 3, 1, "identity"
        self.n_iter_ = self.t_ = 0
        self.loss_curve_, self.best_loss_ = [], math.inf
        self.validation_scores_ = self.best_validation_score_ = None
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

    def _examples(self, X, y, order):
        """The data in training units, refused where those exceed what is safe."""
        scale = 1 / self._X_std
        limit, largest = _kernel.LIMIT[X.dtype], np.finfo(X.dtype).max
        targets = np.empty(len(y), X.dtype)
        with np.errstate(over="ignore"):
            for start in range(0, len(y), FEW_TARGETS):
                part = slice(start, start + FEW_TARGETS)
                targets[part] = (y[part] - self._y_mean) / self._y_std
        for row, array, problem in (
            (_kernel.first_beyond(X, self._X_mean, scale), "X", f"±{limit:g} {UNITS}"),
            (first_beyond(targets, limit), "y", f"±{limit:g} {UNITS}"),
            (first_beyond(y, largest), "y", f"what {X.dtype} holds"),
        ):
            if row < len(y):
                raise ValueError(
                    f"Row {row} of {array} has a value beyond {problem}. Expected "
                    "smaller values."
                )
        return _Examples(X, targets, self._X_mean, scale, order)

    def _batch_size(self, n):
        return n if self.batch_size == "all" else min(int(self.batch_size), n)

    def _training(self, examples):
        """The model so far in the kernel, ready for epochs on the examples."""
        return _kernel.Training(
            self._W,
            self._v,
            examples.X,
            examples.y,
            examples.mean,
            examples.scale,
            examples.order,
            self._batch_size(len(examples.order)),
        )

    def _train(self, examples, held_out, rollback):
        """Run epochs until training stalls or max_iter; return whether it stalled."""
        stop = False
        if self.early_stopping:
            X_val, y_val = examples.X[held_out], examples.y[held_out]
            if self.validation_scores_ is None:
                self.validation_scores_, self.best_validation_score_ = [], -math.inf
            best, self._score_to_beat = (self._W, self._v), -math.inf
            if self.n_iter_ > 0:  # a resumed model may be the best there will be
                self._score_to_beat = r_squared(y_val, self._network_output(X_val))

        training = self._training(examples)
        report_every = math.ceil(self.max_iter / 10)
        for epoch in range(self.max_iter):
            self._run_epoch(training, epoch / self.max_iter)
            score = None
            if self.early_stopping:
                score = r_squared(y_val, self._network_output(X_val))
                if score > self._score_to_beat:
                    best = self._W, self._v
            stop = self._end_epoch(score)
            rollback.keep()
            if self.verbose and (stop or (epoch + 1) % report_every == 0):
                self._report()
            if stop:
                break
        if self.early_stopping:
            self._W, self._v = best
        return stop

    def _run_epoch(self, training, progress):
        """Present every example once, and take over the weights."""
        n, H = training.n, self._W.shape[1]
        batch_size = self._batch_size(n)
        eta = step_size(
            self.learning_rate,
            initial_step_size(self.learning_rate_init, H, batch_size),
            epoch=self.n_iter_,
            progress=progress,
            reductions=self._reductions,
        )
        if self.shuffle:
            training.shuffle(self._seed, self.n_iter_)
        loss = training.epoch(eta) / n
        W, v, finite = training.weights()
        blown_up = self._standardized and loss > DIVERGED
        if blown_up or not (finite and math.isfinite(loss)):
            raise ValueError(
                divergence_message(
                    self.n_iter_ + 1, eta, H, batch_size, self._standardized
                )
            )
        self._W, self._v = W, v
        self.loss_ = loss
        self.n_iter_ += 1
        self.t_ += n

    def _end_epoch(self, score=None):
        """Record an epoch; return whether training has stalled for too long."""
        loss, to_beat = self.loss_, self._loss_to_beat
        if score is not None:
            loss, to_beat = -score, -self._score_to_beat
            self._score_to_beat = max(score, self._score_to_beat)
            self.validation_scores_.append(score)
            self.best_validation_score_ = max(score, self.best_validation_score_)
        self._stalled = stalled_epochs(self._stalled, loss, to_beat, self.tol)
        self._loss_to_beat = min(self.loss_, self._loss_to_beat)
        self.best_loss_ = min(self.loss_, self.best_loss_)
        self.loss_curve_.append(self.loss_)

        if self._stalled <= self.n_iter_no_change or self.learning_rate == "linear":
            return False
        self._stalled = 0
        if self.learning_rate == "adaptive" and self._reductions < MAX_REDUCTIONS:
            self._reductions += 1
            return False
        return True

    def _report(self):
        line = f"Epoch {self.n_iter_}: loss {self.loss_:.6g}"
        if self.early_stopping:
            line += f", validation R² {self.validation_scores_[-1]:.4f}"
        print(line)

    def _warn_of_poor_fit(self, examples):
        order = examples.order
        rows = order[:: max(1, len(order) // DIAGNOSED_ROWS)]
        x = (examples.X[rows] - examples.mean) * examples.scale
        for message in poor_fit_messages(self._W, self._v, x, examples.y[rows]):
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    # ---------------------------------------------------------------- prediction

    def predict(self, X):
        """Predict the target of every row of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Dense and finite.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
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
        check_numeric(X, "X")
        X = validate_data(self, X, dtype=self._W.dtype, reset=False)
        y_pred = self._network_output(X) * self._y_std + self._y_mean
        return y_pred.astype(self._W.dtype, copy=False)

    def _network_output(self, X):
        """ŷ in training units."""
        network = _kernel.Network(self._W, self._v)
        return network.predict(as_kernel_input(X), self._X_mean, 1 / self._X_std)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_W")

    @property
    def coefs_(self):
        """w_hj and v_h in the units of the data: [(n_features, H), (H, 1)]."""
        check_is_fitted(self)
        W = self._W[1:] / self._X_std[:, np.newaxis]
        v = self._v[1:, np.newaxis] * self._y_std
        return [self._read_only(W), self._read_only(v)]

    @property
    def intercepts_(self):
        """w_h0 and v_0 in the units of the data: [(H,), (1,)]."""
        check_is_fitted(self)
        shift = (self._X_mean / self._X_std)[:, np.newaxis] * self._W[1:]
        w_0 = self._W[0] - ordered_sum(shift)
        v_0 = self._v[:1] * self._y_std + self._y_mean
        return [self._read_only(w_0), self._read_only(v_0)]

    def _read_only(self, array):
        array = array.astype(self._W.dtype)
        array.flags.writeable = False
        return array
