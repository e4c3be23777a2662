"""The parameters of one call: read once, validated, and the same for all its epochs.

scikit-learn's `_fit_context` validates the attributes of an estimator, which may have
other values by the time that training reads them. Here what is validated is what is
used.
"""

from dataclasses import dataclass, fields
from numbers import Integral
from operator import is_not
from sys import float_info
from typing import Any, Literal, Self

import numpy as np
from sklearn import get_config
from sklearn.utils._param_validation import validate_parameter_constraints

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
            skip the validation of parameters, only numbers that would be too large,
            and sizes, are checked.
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
        _refuse_huge(values)
        for name in SIZES:
            if (name, values[name]) == ("batch_size", "all"):
                continue
            values[name] = int(values[name])
            if values[name] < 1:
                raise ValueError(f"{name}={values[name]}. Expected at least 1.")
        return cls(**values)

    def examples_per_batch(self, n: int) -> int:
        """The number of n examples that are in a batch."""
        return n if self.batch_size == "all" else min(self.batch_size, n)


def _refuse_huge(values):
    """Refuse integers beyond float64, which are real numbers to scikit-learn."""
    for name in ("learning_rate_init", "alpha", "tol"):
        if isinstance(values[name], Integral) and values[name] > float_info.max:
            raise ValueError(
                f"The {name!r} parameter must be at most {float_info.max:.2g}, as are "
                "floats."
            )
