"""The display of training and validation losses."""

import pickle
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from models import fit_quietly
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from sklearn_backprop import BackpropRegressor, LossCurveDisplay


@pytest.fixture(autouse=True)
def figures():
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    plt.close("all")
    matplotlib.use(before)


@pytest.fixture
def validated(diabetes):
    model = BackpropRegressor(5, early_stopping=True, max_iter=20, random_state=0)
    return fit_quietly(model, *diabetes)


def drawn(line):
    return [list(values) for values in line.get_data()]


def test_training_and_validation_loss_of_every_epoch(validated):
    display = LossCurveDisplay.from_estimator(validated)
    epochs = list(range(1, validated.n_iter_ + 1))
    assert drawn(display.line_) == [epochs, validated.loss_curve_]
    assert drawn(display.validation_line_) == [epochs, validated.validation_loss_curve_]
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.ax_.get_ylabel() == "Loss (mean of E)"
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [
        "BackpropRegressor, training",
        "BackpropRegressor, validation",
    ]


def test_without_validation_there_is_one_curve(diabetes):
    model = BackpropRegressor(5, random_state=0).partial_fit(*diabetes)
    display = LossCurveDisplay.from_estimator(model, name="one epoch")
    assert drawn(display.line_) == [[1], model.loss_curve_]
    assert display.validation_line_ is None
    assert len(display.ax_.lines) == 1
    assert display.line_.get_label() == "one epoch, training"


def test_validation_that_began_later_is_drawn_at_its_epochs(diabetes):
    model = BackpropRegressor(5, max_iter=3, warm_start=True, random_state=0)
    fit_quietly(model, *diabetes)
    fit_quietly(model.set_params(early_stopping=True), *diabetes)
    display = LossCurveDisplay.from_estimator(model)
    assert drawn(display.line_)[0] == [1, 2, 3, 4, 5, 6]
    assert drawn(display.validation_line_)[0] == [4, 5, 6]


def test_validation_is_drawn_at_its_epochs_whatever_came_between(diabetes):
    model = BackpropRegressor(
        5, max_iter=3, early_stopping=True, warm_start=True, random_state=0
    )
    fit_quietly(model, *diabetes)
    model.set_params(early_stopping=False)
    for _ in range(2):
        model.partial_fit(*diabetes)
    fit_quietly(model, *diabetes)
    assert model.validation_epochs_ == [1, 2, 3]
    fit_quietly(model.set_params(early_stopping=True), *diabetes)
    expected = [1, 2, 3, 9, 10, 11]
    for given in (model, pickle.loads(pickle.dumps(model))):
        assert given.validation_epochs_ == expected
        display = LossCurveDisplay.from_estimator(given)
        assert drawn(display.line_)[0] == [*range(1, 12)]
        assert drawn(display.validation_line_)[0] == expected
    alone = LossCurveDisplay(
        loss_curve=[3, 2, 1], validation_loss_curve=[2.5, 2], validation_epochs=[1, 3]
    ).plot()
    assert drawn(alone.validation_line_) == [[1, 3], [2.5, 2]]


def test_several_models_on_the_same_axes_in_the_style_asked_for(validated):
    _, ax = plt.subplots()
    style = {"linewidth": 3, "color": "tab:red"}
    display = LossCurveDisplay.from_estimator(validated, ax=ax, **style)
    again = display.plot(ax, name="again")
    assert again is display
    assert display.ax_ is ax
    assert len(ax.lines) == 4
    first, second, third, fourth = ax.lines
    assert first.get_linewidth() == second.get_linewidth() == 3
    assert first.get_color() == second.get_color() == "tab:red"
    assert third.get_color() == fourth.get_color() != "tab:red"
    assert third.get_linestyle() != fourth.get_linestyle()
    assert third.get_label() == "again, training"


def test_arrays_without_an_estimator():
    display = LossCurveDisplay(loss_curve=np.array([0.5, 0.3])).plot()
    assert drawn(display.line_) == [[1, 2], [0.5, 0.3]]
    assert display.line_.get_label() == "training"
    late = LossCurveDisplay(loss_curve=[3, 2, 1], validation_loss_curve=[2.5, 2]).plot()
    assert drawn(late.validation_line_) == [[2, 3], [2.5, 2]]


def test_a_pipeline_and_another_network(diabetes):
    X, y = diabetes
    model = BackpropRegressor(5, learning_rate="linear", max_iter=9, random_state=0)
    pipeline = make_pipeline(PowerTransformer(), model).fit(X, y)
    display = LossCurveDisplay.from_estimator(pipeline)
    assert drawn(display.line_)[1] == pipeline[-1].loss_curve_
    other = fit_quietly(MLPRegressor(max_iter=3, random_state=0), X, y)
    display = LossCurveDisplay.from_estimator(other)
    assert drawn(display.line_)[1] == other.loss_curve_
    assert display.line_.get_label() == "MLPRegressor, training"


def test_estimators_without_a_curve_are_refused(diabetes):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(BackpropRegressor())
    with pytest.raises(TypeError, match="Ridge has no loss_curve_"):
        LossCurveDisplay.from_estimator(Ridge().fit(*diabetes))
    assert not plt.get_fignums()


def test_without_matplotlib_a_clear_error():
    code = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "from sklearn_backprop import BackpropRegressor, LossCurveDisplay\n"
        "calls = [\n"
        "    lambda: LossCurveDisplay.from_estimator(BackpropRegressor()),\n"
        "    LossCurveDisplay(loss_curve=[1.0]).plot,\n"
        "]\n"
        "for call in calls:\n"
        "    try:\n"
        "        call()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    lines = result.stdout.splitlines()
    assert lines[0].startswith("LossCurveDisplay.from_estimator requires matplotlib")
    assert lines[1].startswith("LossCurveDisplay.plot requires matplotlib")
