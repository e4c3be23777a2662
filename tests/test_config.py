"""Information for bug reports, and a warning for CPUs without fused multiply-add."""

import pytest

import sklearn_backprop
from sklearn_backprop import BackpropRegressor, _config, _kernel


def test_show_config_names_what_a_bug_report_needs(capsys):
    assert sklearn_backprop.show_config() is None
    printed = capsys.readouterr().out
    lines = dict(line.split(": ", 1) for line in printed.splitlines())
    assert lines["sklearn_backprop"] == sklearn_backprop.__version__
    assert lines["instruction set"].split()[0] in _kernel.INSTRUCTION_SETS
    for name in ("compiler", "Python", "scikit-learn", "NumPy", "SciPy", "platform"):
        assert lines[name]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_first_fit_without_fused_multiply_add_warns(diabetes, monkeypatch, method):
    X, y = diabetes
    model = BackpropRegressor(2, learning_rate="linear", max_iter=50)
    monkeypatch.setattr(_kernel, "CPU_HAS_FMA", False)
    _config.warn_without_fma.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="no fused multiply-add,") as warnings:
            getattr(model, method)(X, y)
        assert warnings[0].filename == __file__
        getattr(model, method)(X, y)  # another warning would be an error
    finally:
        _config.warn_without_fma.cache_clear()
