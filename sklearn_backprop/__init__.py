"""Exact online backpropagation as a scikit-learn regressor.

`BackpropRegressor` is the estimator, `LossCurveDisplay` plots its loss curves, and
`equations` has the rule that it follows in plain NumPy.
"""

from importlib.metadata import version

from . import equations
from ._config import show_config
from ._display import LossCurveDisplay
from ._regressor import BackpropRegressor

__version__ = version("sklearn-backprop")
__all__ = [
    "BackpropRegressor",
    "LossCurveDisplay",
    "__version__",
    "equations",
    "show_config",
]
