"""The parameters of one call: read once, validated, and the same for all its epochs.

scikit-learn's `_fit_context` validates the attributes of an estimator, which may have
other values by the time that training reads them. Here what is validated is what is
used.
"""

from dataclasses import dataclass, fields
from numbers import Integral, Real
from operator import is_not
from typing import Any, Literal, Self

import numpy as np
from sklearn import get_config
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from ._learning_rate import SCHEDULES

# In the form of scikit-learn's `_parameter_constraints`.
CONSTRAINTS: dict = {
    "hidden_layer_size": [Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES))],
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

# Parameters that are sizes of arrays or loops.
SIZES = ("hidden_layer_size", "batch_size", "max_iter")


@dataclass(frozen=True)
class Parameters:
    """The parameters of an estimator as they were when a call began.

    Callbacks and other threads may set others during the call. The next call takes
    these.
    """

    hidden_layer_size: int
    learning_rate: str
    learning_rate_init: Literal["auto"] | float
    momentum: float
    alpha: float
    batch_size: int | Literal["all"]
    max_iter: int
    tol: float
    n_iter_no_change: int
    standardize: bool
    shuffle: bool
    random_state: int | np.random.RandomState | None
    early_stopping: bool
    validation_fraction: float
    warm_start: bool
    verbose: bool | int

    @classmethod
    def of(cls, estimator: Any, valid: Self | None = None) -> Self:
        """Read the parameters of an estimator, and validate them.

        Parameters
        ----------
        estimator : BackpropRegressor
        valid : Parameters or None
            Parameters that were validated before. If all values are the same objects,
            they are returned: validation takes as long as hundreds of updates.

        Raises
        ------
        ValueError
            If a parameter is not as it has to be. Where scikit-learn is configured to
            skip the validation of parameters, only sizes are checked.
        """
        values = {field.name: getattr(estimator, field.name) for field in fields(cls)}
        if valid and not any(map(is_not, values.values(), vars(valid).values())):
            return valid
        if not get_config()["skip_parameter_validation"]:
            validate_parameter_constraints(
                estimator._parameter_constraints,
                estimator.get_params(deep=False) | values,  # those of subclasses, too
                caller_name=type(estimator).__name__,
            )
        for name in SIZES:
            if (name, values[name]) == ("batch_size", "all"):
                continue
            values[name] = int(values[name])
            if values[name] < 1:
                raise ValueError(f"{name}={values[name]}. Expected at least 1.")
        return cls(**values)

    def batch_size_for(self, n: int) -> int:
        """The number of samples in a batch, where there are n."""
        return n if self.batch_size == "all" else min(self.batch_size, n)
