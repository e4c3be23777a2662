"""What a pickle of an estimator holds, and how it is checked when it comes back.

The order in which the kernel keeps weights is its own affair, and may change from one
version to the next. A pickle holds them as the matrices of the equations instead: W of
shape (d + 1, H) and v of shape (K, H + 1), in training units, biases first; and, with
momentum, the last update of each.
"""

import reprlib
from importlib.metadata import version

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from . import _kernel
from ._schedules import MAX_REDUCTIONS
from ._warning import warn

VERSION = version("sklearn-backprop")
DAMAGED = "This saved model is damaged"


def _one_of(*values):
    words = " or ".join(map(repr, values))
    return words, lambda value: any(
        type(value) is type(known) and value == known for known in values
    )


def _number(kind, least, most):
    words = f"{kind.__name__} from {least:g} to {most:g}"

    def is_meant(value):  # NaN is not
        return (
            isinstance(value, kind)
            and not isinstance(value, bool)
            and least <= value <= most
        )

    return words, is_meant


def _list_of(kind):
    words, is_meant = kind
    return (
        f"list, each item {words}",
        lambda value: isinstance(value, list) and all(map(is_meant, value)),
    )


def _or_none(kind):
    words, is_meant = kind
    return f"{words}; or None", lambda value: value is None or is_meant(value)


FLAG = _one_of(True, False)
COUNT = _number(int, 0, 2**63 - 1)
LOSS = _number(float, 0, np.finfo(np.float64).max)
UNBOUNDED_LOSS = _number(float, 0, np.inf)
R2 = _number(float, -np.inf, 1)

# What numbers and lists of a fitted model are: in words, and as a test.
EXPECTED = {
    "_seed": _number(int, 0, 2**32 - 1),
    "_standardized": FLAG,
    "_single_output": FLAG,
    "_fingerprint": _or_none(_number(int, 0, 2**64 - 1)),
    "_stalled": COUNT,
    "_reductions": _number(int, 0, MAX_REDUCTIONS),
    "_loss_to_beat": UNBOUNDED_LOSS,
    "n_layers_": _one_of(3),
    "out_activation_": _one_of("identity"),
    "n_iter_": COUNT,
    "t_": COUNT,
    "loss_": LOSS,
    "best_loss_": LOSS,
    "loss_curve_": _list_of(LOSS),
    "validation_scores_": _or_none(_list_of(R2)),
    "validation_loss_curve_": _or_none(_list_of(UNBOUNDED_LOSS)),
    "best_validation_score_": _or_none(R2),
}

# Either all of these are None, or none is.
OF_VALIDATION = [name for name in EXPECTED if "validation" in name]


def to_pickle(state):
    """An estimator's attributes, in a form that does not depend on the kernel."""
    state = {**state, "_sklearn_backprop_version": VERSION}
    state.pop("_valid_params", None)  # compared by identity, which does not survive
    if "_weights" in state:
        shape, velocity = state["_shape"], state.pop("_velocity")
        state["_W"], state["_v"] = _kernel.unpack(state.pop("_weights"), shape)
        if velocity is not None:
            state["_last_ΔW"], state["_last_Δv"] = _kernel.unpack(velocity, shape)
    return state


def from_pickle(state, parameters):
    """An estimator's attributes, out of what `to_pickle` made of them.

    Parameters
    ----------
    state : dict
    parameters : list of str
        The names of the estimator's parameters. Their values are checked by `fit` and
        `partial_fit`, as those of every estimator.

    Raises
    ------
    ValueError
        If something is missing, is not as it has to be, or does not belong to the rest.

    Warns
    -----
    InconsistentVersionWarning
        If another version of this package made the state.
    """
    _require(isinstance(state, dict), "the state", state, "dict")
    state = dict(state)
    saved_by = state.pop("_sklearn_backprop_version", "unknown")
    _require(isinstance(saved_by, str), "_sklearn_backprop_version", saved_by, "str")
    if saved_by != VERSION:
        warn(
            InconsistentVersionWarning(
                estimator_name="BackpropRegressor",
                current_sklearn_version=VERSION,
                original_sklearn_version=saved_by,
            )
        )
    state.pop("_valid_params", None)  # as in to_pickle
    _require_all(parameters, state)
    if not state.keys() & {*EXPECTED, "_shape", "_W", "_weights"}:  # not fitted
        return state

    _require_all(["_shape", *EXPECTED], state)
    d, _, K = shape = _network_shape(state["_shape"])
    for name, (words, is_meant) in EXPECTED.items():
        _require(is_meant(state[name]), name, state[name], words)
    for name, size in (("n_features_in_", d), ("n_outputs_", K)):
        value = state.get(name)
        same = type(value) is int and value == size
        _require(same, name, value, f"{size}, as in _shape")
    single = state["_single_output"]
    _require(K == 1 or not single, "_single_output", single, f"False with {K} outputs")
    given = [name for name in OF_VALIDATION if state[name] is not None]
    if len(given) not in (0, len(OF_VALIDATION)):
        raise ValueError(f"{DAMAGED}: of {OF_VALIDATION} only {given} are not None.")
    if "feature_names_in_" in state:
        names = state["feature_names_in_"]
        _require(_are_names(names, d), "feature_names_in_", names, f"array of {d} str")
    state.update(_take_arrays(state, shape))
    return state


def _take_arrays(state, shape):
    """Statistics and weights as the estimator keeps them; these replace the saved."""
    d, H, K = shape
    dtype = getattr(state.get("_W"), "dtype", None)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{DAMAGED}: weights of {dtype}. Expected float32 or float64.")
    arrays = {
        name: _array(state.get(name), name, (size,), np.float64)
        for name, size in (
            ("_X_mean", d),
            ("_X_scale", d),
            ("_y_mean", K),
            ("_y_std", K),
        )
    }
    for name in ("_X_scale", "_y_std"):
        _require((arrays[name] > 0).all(), name, arrays[name], "positive values")

    def pack(name_of_W, name_of_v):
        W = _array(state.pop(name_of_W, None), name_of_W, (d + 1, H), dtype)
        v = _array(state.pop(name_of_v, None), name_of_v, (K, H + 1), dtype)
        return _kernel.pack(W, v)

    has_velocity = "_last_ΔW" in state or "_last_Δv" in state
    arrays["_weights"], arrays["_velocity"] = pack("_W", "_v"), None
    if has_velocity:
        # Nodes that only fill up a register have a bias, but it does not move.
        arrays["_velocity"] = pack("_last_ΔW", "_last_Δv") - _kernel.pack(
            np.zeros((d + 1, H), dtype), np.zeros((K, H + 1), dtype)
        )
    return arrays


def _require_all(names, state):
    missing = [name for name in names if name not in state]
    if missing:
        raise ValueError(f"{DAMAGED}: {', '.join(missing)} missing.")


def _require(condition, name, value, expected):
    if not condition:
        raise ValueError(
            f"{DAMAGED}: {name} is {reprlib.repr(value)}. Expected {expected}."
        )


def _are_names(names, d):
    return (
        isinstance(names, np.ndarray)
        and names.shape == (d,)
        and all(isinstance(name, str) for name in names)
    )


def _network_shape(shape):
    """d, H, K, which are as they have to be."""
    integers = isinstance(shape, tuple) and all(type(size) is int for size in shape)
    if not integers or len(shape) != 3 or min(shape) < 1:
        raise ValueError(
            f"{DAMAGED}: _shape is {shape!r}. Expected the numbers of features, hidden "
            "nodes and outputs."
        )
    return shape


def _array(value, name, shape, dtype):
    """A copy of the array, which is as it has to be."""
    if not isinstance(value, np.ndarray):
        found = f"is {type(value).__name__}"
    elif value.shape != shape or value.dtype != dtype:
        found = f"has shape {value.shape} and dtype {value.dtype}"
    else:
        value = np.array(value, order="C")  # of a masked array all values
        if np.isfinite(value).all():
            return value
        found = "is not finite"
    raise ValueError(
        f"{DAMAGED}: {name} {found}. Expected a finite array of shape "
        f"{shape} and dtype {np.dtype(dtype)}."
    )
