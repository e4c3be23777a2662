"""What a pickle of an estimator holds, and how it is checked when it comes back.

The order in which the kernel keeps weights is its own affair, and may change from one
version to the next. A pickle holds them as the matrices of the equations instead: W of
shape (d + 1, H) and v of shape (K, H + 1), in training units, biases first; and, with
momentum, the last update of each.
"""

from importlib.metadata import version

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from . import _kernel
from ._warning import warn

VERSION = version("sklearn-backprop")
DAMAGED = "This saved model is damaged"


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


def from_pickle(state):
    """An estimator's attributes, out of what `to_pickle` made of them.

    Raises
    ------
    ValueError
        If weights and statistics are missing or do not belong together.

    Warns
    -----
    InconsistentVersionWarning
        If another version of this package made the state.
    """
    state = dict(state)
    saved_by = state.pop("_sklearn_backprop_version", "unknown")
    if saved_by != VERSION:
        warn(
            InconsistentVersionWarning(
                estimator_name="BackpropRegressor",
                current_sklearn_version=VERSION,
                original_sklearn_version=saved_by,
            )
        )
    if "_shape" not in state:  # not fitted
        return state

    d, H, K = shape = _network_shape(state["_shape"])
    dtype = getattr(state.get("_W"), "dtype", None)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{DAMAGED}: weights of {dtype}. Expected float32 or float64.")
    sizes = {"_X_mean": d, "_X_scale": d, "_y_mean": K, "_y_std": K}
    for name, size in sizes.items():
        state[name] = _array(state.get(name), name, (size,), np.float64)

    def pack(name_of_W, name_of_v):
        W = _array(state.pop(name_of_W, None), name_of_W, (d + 1, H), dtype)
        v = _array(state.pop(name_of_v, None), name_of_v, (K, H + 1), dtype)
        return _kernel.pack(W, v)

    state["_shape"], state["_velocity"] = shape, None
    state["_weights"] = pack("_W", "_v")
    if "_last_ΔW" in state:
        state["_velocity"] = pack("_last_ΔW", "_last_Δv")
        # Nodes that only fill up a register have a bias, but it does not move.
        state["_velocity"] -= _kernel.pack(
            np.zeros((d + 1, H), dtype), np.zeros((K, H + 1), dtype)
        )
    return state


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
    elif not np.isfinite(value).all():
        found = "is not finite"
    else:
        return np.array(value, order="C")
    raise ValueError(
        f"{DAMAGED}: {name} {found}. Expected a finite array of shape "
        f"{shape} and dtype {np.dtype(dtype)}."
    )
