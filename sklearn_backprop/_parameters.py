"""The parameters of one call: read once, validated, and fixed for all of its epochs.

scikit-learn's `_fit_context` validates the attributes of an estimator, but they may
have changed by the time that training reads them. Here the validated values are the
ones that are used.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from operator import is_not
from typing import Any, Literal, Self

import numpy as np
from sklearn import get_config
from sklearn.utils._param_validation import (
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from ._learning_rate import OF_FIXED_LENGTH, SCHEDULES, STREAM

# The values of "auto" when there is no search.
MAX_ITER = 400
ALPHA = 0.0

# In the form of scikit-learn's `_parameter_constraints`.
CONSTRAINTS: dict = {
    "hidden_layer_size": [Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES))],
    "learning_rate_init": [
        StrOptions({"auto"}),
        Interval(Real, 0, None, closed="neither"),
    ],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "alpha": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    "batch_size": [
        StrOptions({"all"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "standardize": ["boolean"],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "n_jobs": [
        Interval(Integral, 1, None, closed="left"),
        Interval(Integral, None, -1, closed="right"),
        None,
    ],
    "verbose": ["verbose"],
}

# Parameters that are sizes of arrays or loops, and the string that each also accepts.
SIZES = {"hidden_layer_size": None, "batch_size": "all", "max_iter": "auto"}


@dataclass(frozen=True)
class Parameters:
    """The parameters of an estimator as they were when a call began.

    If callbacks or other threads change them during the call, the new values apply to
    the next call.
    """

    hidden_layer_size: int
    learning_rate: str
    learning_rate_init: Literal["auto"] | float
    momentum: float
    alpha: Literal["auto"] | float
    batch_size: int | Literal["all"]
    max_iter: Literal["auto"] | int
    tol: float
    n_iter_no_change: float
    standardize: bool
    shuffle: bool
    random_state: int | np.random.RandomState | None
    early_stopping: bool
    validation_fraction: float
    warm_start: bool
    n_jobs: int | None
    verbose: bool | int

    @classmethod
    def of(cls, estimator: Any, valid: Self | None = None) -> Self:
        """Read the parameters of an estimator, and validate them.

        Parameters
        ----------
        estimator : BackpropRegressor
        valid : Parameters or None
            Parameters that were validated before. If all values are still the same
            objects, these are returned, because validation takes as long as hundreds of
            updates.

        Raises
        ------
        ValueError
            If a parameter is invalid. If scikit-learn is configured to skip the
            validation of parameters, only sizes are checked.
        """
        values: dict[str, Any] = {
            name: getattr(estimator, name) for name in cls.__match_args__
        }
        if valid and not any(map(is_not, values.values(), vars(valid).values())):
            return valid
        if not get_config()["skip_parameter_validation"]:
            validate_parameter_constraints(
                estimator._parameter_constraints,
                estimator.get_params(deep=False) | values,  # including subclasses'
                caller_name=type(estimator).__name__,
            )
        for name, word in SIZES.items():
            if word is not None and values[name] == word:
                continue
            values[name] = int(values[name])
            if values[name] < 1:
                raise ValueError(f"{name}={values[name]}. Expected at least 1.")
        return cls(**values)

    def batch_size_for(self, n: int) -> int:
        """The number of samples in a batch, of n samples in total."""
        return n if self.batch_size == "all" else min(self.batch_size, n)

    @property
    def searches(self) -> bool:
        """Whether "auto" means to search for the number of epochs."""
        return self.max_iter == "auto" and self.learning_rate in OF_FIXED_LENGTH

    def without_auto(self, alpha: float = ALPHA, **others: Any) -> Self:
        """The same parameters with numbers instead of "auto", without a search.

        Parameters
        ----------
        alpha : float
            The value of alpha to use for "auto".
        **others
            Other parameters to change.
        """
        numbers = {
            "max_iter": MAX_ITER if self.max_iter == "auto" else self.max_iter,
            "alpha": alpha if self.alpha == "auto" else self.alpha,
        }
        # takes half as long as `replace`, for partial_fit with one row
        return type(self)(**{**vars(self), **numbers, **others})

    def for_fit(self, before: Any) -> Self:
        """The parameters of a fit that continues from `before`, or starts anew if None.

        Raises
        ------
        ValueError
            If the fit continues but would have to search.
        """
        if before is None:
            return self if self.searches else self.without_auto()
        if self.searches:
            raise ValueError(
                "max_iter='auto' with warm_start=True cannot continue a fitted model: "
                "the search for the number of epochs always trains a new one. Expected "
                "an integer max_iter, or warm_start=False."
            )
        return self.without_auto(before.alpha)

    def for_partial_fit(self, before: Any) -> Self:
        """The parameters of `partial_fit`, which has no last epoch to reduce η for."""
        schedule = self.learning_rate
        return self.without_auto(
            ALPHA if before is None else before.alpha,
            learning_rate=STREAM if schedule in OF_FIXED_LENGTH else schedule,
        )
