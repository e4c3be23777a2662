"""Arrays of other libraries, such as PyTorch: NumPy on the way in, and back again."""

import numpy as np
from sklearn import get_config

try:
    from sklearn.utils._array_api import get_namespace
except ImportError:  # it is private; if it is ever removed, predictions are NumPy's
    get_namespace = None


def as_numpy(data):
    """The data, converted to NumPy if they are an array of another library."""
    return np.asarray(data) if _is_foreign(data) else data


def as_given(array, given):
    """The array in the library of `given`, if scikit-learn's dispatch is enabled."""
    dispatches = get_namespace is not None and get_config()["array_api_dispatch"]
    if dispatches and _is_foreign(given):
        namespace, _ = get_namespace(given)
        return namespace.asarray(array)
    return array


def _is_foreign(data):
    return hasattr(data, "__dlpack__") and not isinstance(data, np.ndarray)
