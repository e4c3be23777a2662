"""Docstrings keep to numpydoc, as those of scikit-learn have to."""

import inspect

import pytest
from numpydoc.validate import validate

from sklearn_backprop import BackpropRegressor, LossCurveDisplay, equations

# scikit-learn's exceptions: text on the line of the quotes, named return values, and
# for all but classes no examples and no references to others.
IGNORED = {"GL01", "GL02", "RT02"}
NOT_OF_CLASSES = {"ES01", "EX01", "SA01"}
# The docstring of their module has one table of names and shapes for all of them.
NOT_OF_EQUATIONS = {"PR01", "RT01"}

CLASSES = [BackpropRegressor, LossCurveDisplay]
NAMES = {f"sklearn_backprop.{cls.__name__}": IGNORED for cls in CLASSES}
for cls in CLASSES:
    for name in vars(cls):
        if not name.startswith("_"):
            NAMES[f"sklearn_backprop.{cls.__name__}.{name}"] = IGNORED | NOT_OF_CLASSES
for name in ("show_config", "onnx.register_converter"):
    NAMES[f"sklearn_backprop.{name}"] = IGNORED | NOT_OF_CLASSES
for name, function in inspect.getmembers(equations, inspect.isfunction):
    if function.__module__ == equations.__name__:
        ignored = IGNORED | NOT_OF_CLASSES | NOT_OF_EQUATIONS
        NAMES[f"sklearn_backprop.equations.{name}"] = ignored


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_is_as_numpydoc_has_it(name):
    errors = [
        error for error in validate(name)["errors"] if error[0] not in NAMES[name]
    ]
    assert errors == []
