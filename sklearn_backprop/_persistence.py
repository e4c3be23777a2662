"""What a pickle of an estimator contains, and how it is checked when it is loaded.

A pickle contains plain arrays and numbers, so that no type has to be trusted except the
estimator. The kernel may store weights in another order in a later version, so a pickle
has the matrices of the equations, in training units and with biases first. Arrays are
checked when they are loaded, because compiled code reads them.
"""

from dataclasses import fields
from importlib.metadata import version

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from ._kernel import N_STATISTICS
from ._network import Network
from ._standardization import STD, Standardization
from ._state import Convergence, Curve, State
from ._warning import warn

VERSION = version("sklearn-backprop")
DAMAGED = "This saved model is damaged"

WEIGHTS = ("_W", "_v")
VELOCITY = ("_velocity_W", "_velocity_v")
CURVES = (
    "_losses",
    "_validation_epochs",
    "_validation_scores",
    "_validation_losses",
)
TYPES = {"_validation_epochs": np.int64}  # other arrays are float64
NAMES = (
    *("_seed", "_t", "_alpha", "_search_results", *WEIGHTS, *VELOCITY, *CURVES),
    *(f"_{field.name}" for field in fields(Standardization)),
    *(f"_{field.name}" for field in fields(Convergence)),
)


def to_pickle(attributes):
    """An estimator's attributes, with its state as plain arrays and numbers."""
    attributes = {**attributes, "_sklearn_backprop_version": VERSION}
    for name in ("_valid_params", "_warned"):  # belong to calls, not to the model
        attributes.pop(name, None)
    state = attributes.pop("_state", None)
    if state is None:
        return attributes
    network, velocity = state.network, state.network.velocity_matrices()
    curves = (state.losses, *state.validation_curves())
    return {
        **attributes,
        "_seed": state.seed,
        "_t": state.t,
        "_alpha": state.alpha,
        "_search_results": state.search_results,
        **dict(zip(WEIGHTS, network.matrices(), strict=True)),
        **dict(zip(VELOCITY, velocity or (None, None), strict=True)),
        **dict(zip(CURVES, map(_array_of, curves), strict=True)),
        **_fields_of(network.standardization),
        **_fields_of(state.convergence),
    }


def from_pickle(attributes):
    """An estimator's attributes, restored from what `to_pickle` returned.

    Raises
    ------
    ValueError
        If something is missing, or if an array is invalid.

    Warns
    -----
    InconsistentVersionWarning
        If another version of this package made the pickle.
    """
    attributes = dict(attributes)
    saved_by = attributes.pop("_sklearn_backprop_version", "unknown")
    if saved_by != VERSION:
        warn(
            InconsistentVersionWarning(
                estimator_name="BackpropRegressor",
                current_sklearn_version=VERSION,
                original_sklearn_version=saved_by,
            )
        )
    saved = {name: attributes.pop(name) for name in NAMES if name in attributes}
    if not saved:  # not fitted
        return attributes
    missing = [name for name in NAMES if name not in saved]
    if missing:
        raise ValueError(f"{DAMAGED}: it lacks {', '.join(missing)}.")
    return {**attributes, "_state": _state_of(saved)}


def _array_of(curve):
    return None if curve is None else np.array(curve.values())


def _fields_of(part):
    return {f"_{field.name}": getattr(part, field.name) for field in fields(part)}


def _part_of(saved, kind):
    return kind(**{field.name: saved[f"_{field.name}"] for field in fields(kind)})


def _state_of(saved):
    """The state, with its own copies of the arrays, which are checked."""
    W, v = saved["_W"], saved["_v"]
    dtype = getattr(W, "dtype", None)
    if dtype not in (np.float32, np.float64) or W.ndim != 2:
        raise ValueError(
            f"{DAMAGED}: _W is {type(W).__name__} of {dtype}. Expected a matrix of "
            "float32 or float64."
        )
    (rows, H), K = W.shape, len(v) if np.ndim(v) else 0
    shapes = {"_W": (rows, H), "_v": (K, H + 1)}
    if any(saved[name] is not None for name in VELOCITY):
        shapes |= {"_velocity_W": (rows, H), "_velocity_v": (K, H + 1)}
    tables = {"_X_statistics": rows - 1, "_y_statistics": K}
    given = [name for name in CURVES if name == "_losses" or saved[name] is not None]
    curves = {name: np.size(saved[name]) for name in given}
    arrays = {
        **{name: _array(saved, name, shape, dtype) for name, shape in shapes.items()},
        **{
            name: _array(saved, name, (size,), TYPES.get(name, np.float64))
            for name, size in curves.items()
        },
        **{
            name: _array(saved, name, (N_STATISTICS, size), np.float64)
            for name, size in tables.items()
        },
    }
    standardization = _part_of({**saved, **arrays}, Standardization)
    velocity = tuple(arrays[name] for name in VELOCITY if name in arrays)
    network = Network.of(arrays["_W"], arrays["_v"], standardization, velocity or None)
    return State(
        network,
        saved["_seed"],
        saved["_t"],
        *(Curve(arrays[name].tolist()) if name in arrays else None for name in CURVES),
        _part_of(saved, Convergence),
        saved["_alpha"],
        saved["_search_results"],
    )


def _array(saved, name, shape, dtype):
    """A copy of an array that is checked."""
    value = saved[name]
    if not isinstance(value, np.ndarray):
        found = f"is {type(value).__name__}"
    elif value.shape != shape or value.dtype != dtype:
        found = f"has shape {value.shape} and dtype {value.dtype}"
    else:
        value = np.array(value, order="C")  # includes the masked values of an array
        finite = np.isfinite(value)
        if name.endswith("_statistics"):  # std is infinite for spread by rounding alone
            finite[STD] = value[STD] >= 0
        if finite.all():
            return value
        found = "is not finite"
    raise ValueError(
        f"{DAMAGED}: {name} {found}. Expected a finite array of shape "
        f"{shape} and dtype {np.dtype(dtype)}."
    )
