"""Models that are saved and loaded, and states that were damaged in between."""

import copy
import io
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from models import same_bits
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_backprop import BackpropRegressor, __version__
from sklearn_backprop._persistence import NAMES, VELOCITY, WEIGHTS

PICKLES = sorted((Path(__file__).parent / "pickles").glob("*.pickle"))
SKOPS_TYPE = "sklearn_backprop._regressor.BackpropRegressor"


def through_pickle(protocol):
    return lambda model: pickle.loads(pickle.dumps(model, protocol))


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def through_skops(model):
    io = pytest.importorskip("skops.io")
    saved = io.dumps(model)
    assert io.get_untrusted_types(data=saved) == [SKOPS_TYPE]
    return io.loads(saved, trusted=[SKOPS_TYPE])


WAYS = {
    **{f"pickle {p}": through_pickle(p) for p in range(2, pickle.HIGHEST_PROTOCOL + 1)},
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
    "skops": through_skops,
}

KINDS = {
    "plain": {},
    "momentum": {"momentum": 0.5, "alpha": 1e-4},
    "batches": {"batch_size": 5, "learning_rate": "invscaling"},
    "as given": {"standardize": False, "learning_rate_init": 1e-6},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("parameters", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_saved_model_predicts_and_trains_on_bit_for_bit(
    diabetes, way, parameters, dtype
):
    X, y = diabetes[0].astype(dtype), np.column_stack([diabetes[1], diabetes[1] ** 2])
    for H in (1, 9, 16):  # fewer than a register holds, more, and just as many
        model = BackpropRegressor(H, random_state=0, **parameters).partial_fit(X, y)
        back = way(model)
        assert back.get_params() == model.get_params()
        assert np.array_equal(back.predict(X), model.predict(X))
        for _ in range(2):
            assert same_bits(back.partial_fit(X, y), model.partial_fit(X, y))
        assert back.loss_curve_ == model.loss_curve_
        assert np.array_equal(back._state.network.weights, model._state.network.weights)
        if model.momentum:
            assert np.array_equal(
                back._state.network.velocity, model._state.network.velocity
            )


def test_a_model_that_was_not_fitted_comes_back_as_it_was():
    back = pickle.loads(pickle.dumps(BackpropRegressor(3, alpha=0.1)))
    assert back.get_params() == BackpropRegressor(3, alpha=0.1).get_params()
    with pytest.raises(NotFittedError):
        back.predict([[1.0]])


def test_saving_leaves_the_model_as_it_was(diabetes):
    model = BackpropRegressor(5, momentum=0.5, random_state=0).partial_fit(*diabetes)
    before = vars(model).copy()
    pickle.dumps(model)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


def test_joblib_with_memory_mapping(diabetes, tmp_path):
    X, y = diabetes
    model = BackpropRegressor(9, random_state=0).partial_fit(X, y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert np.array_equal(mapped.predict(X), model.predict(X))
    assert same_bits(mapped.partial_fit(X, y), model.partial_fit(X, y))


def test_a_pipeline_through_skops(diabetes):
    X, y = diabetes
    pipeline = make_pipeline(
        StandardScaler(),
        BackpropRegressor(5, learning_rate="linear", max_iter=5, random_state=0),
    ).fit(X, y)
    assert np.array_equal(through_skops(pipeline).predict(X), pipeline.predict(X))


@pytest.mark.parametrize("path", PICKLES, ids=lambda path: path.stem)
def test_pickles_of_released_versions_load(path):
    cases = pickle.loads(path.read_bytes())
    assert len(cases) >= 5
    for saved, X, y, y_pred, y_pred_after in cases.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            model = pickle.loads(saved)
        assert np.array_equal(model.predict(X), y_pred)
        if not model.early_stopping:
            model.partial_fit(X, y)
        assert np.array_equal(model.predict(X), y_pred_after)


def test_there_is_a_pickle_of_this_version():
    assert __version__ in [path.stem for path in PICKLES]


def test_another_version_is_warned_of(diabetes):
    model = BackpropRegressor(3, random_state=0).partial_fit(*diabetes)
    state = model.__getstate__()
    assert state["_sklearn_backprop_version"] == __version__
    for version in ("0.0.1", None):
        other = {**state, "_sklearn_backprop_version": version}
        if version is None:
            del other["_sklearn_backprop_version"]
        said = f"BackpropRegressor from version {version or 'unknown'} when using"
        with pytest.warns(InconsistentVersionWarning, match=said) as caught:
            BackpropRegressor().__setstate__(other)
        assert caught[0].filename == __file__


def broken_states(state):
    """States that do not belong to any model, and what a message says of each."""
    yield {"_W": state["_W"].astype(int)}, "_W is ndarray of int64"
    yield {"_W": None}, "_W is NoneType"
    for name in (*WEIGHTS, *VELOCITY, "_X_statistics", "_y_statistics"):
        array = state[name]
        nans = array.copy()
        nans.flat[-1] = np.nan
        others = "|_v" if name == "_W" else "|_velocity_v" if name == "_v" else ""
        yield {name: array[..., :-1]}, f"({name}{others})"
        yield {name: array[np.newaxis]}, name
        yield {name: nans}, f"{name} is not finite"
        if name != "_W":
            yield {name: array.astype(np.float16)}, f"{name} has .* float16"
            yield {name: array.tolist()}, f"{name} is list"


def test_a_damaged_state_is_refused_and_the_model_stays(diabetes):
    X, y = diabetes
    model = BackpropRegressor(3, momentum=0.5, random_state=0).partial_fit(X, y)
    state, before = model.__getstate__(), model.predict(X)
    cases = list(broken_states(state))
    assert len(cases) == 30
    for change, message in cases:
        with pytest.raises(ValueError, match=f"saved model is damaged: .*{message}"):
            model.__setstate__({**state, **change})
        assert np.array_equal(model.predict(X), before)
    for name in NAMES:
        with pytest.raises(ValueError, match="saved model is damaged"):
            model.__setstate__({k: v for k, v in state.items() if k != name})


def test_a_state_may_be_of_any_layout(diabetes):
    X, y = diabetes
    model = BackpropRegressor(9, random_state=0).partial_fit(X, y)
    state, other = model.__getstate__(), BackpropRegressor()
    state["_W"] = np.asfortranarray(state["_W"])
    for name in ("_v", "_X_statistics"):
        state[name] = np.repeat(state[name], 2, axis=-1)[..., ::2]
        state[name].flags.writeable = False
    other.__setstate__(state)
    assert np.array_equal(other.predict(X), model.predict(X))
    assert same_bits(other.partial_fit(X, y), model.partial_fit(X, y))
