"""Any calls on any data: a sound model, or a clear error that changes nothing.

Every call has a required outcome. SOUND data give a usual model. BAD data are rejected.
With ODD data, which are finite but of any size, either is fine. Runs are short by
default; see `fuzz.py` for long ones.
"""

import copy
import pickle
import re
from unittest import mock

import numpy as np
import pytest
import scipy.sparse
from any_data import ANY, BAD, DOUBLE, ODD, SEEDS, SINGLE, SOUND, arrays, weights
from fuzz import LONG, fuzz
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from models import assert_unchanged, state
from sklearn import config_context
from test_input import INVALID

from sklearn_backprop import BackpropRegressor, _data

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{message}")
    for message in (
        ":sklearn.exceptions.ConvergenceWarning",
        ":sklearn.exceptions.DataConversionWarning",
        "BackpropRegressor: ",
        "X has feature names",
        "X does not have valid feature names",
    )
]

KINDS = st.sampled_from([SOUND] * 5 + [ODD] * 3 + [BAD] * 2)
RARELY = st.sampled_from([False] * 9 + [True])

# ------------------------------------------------------------------------- parameters

# With these training always succeeds,
TAME = {
    "learning_rate": st.sampled_from(["constant", "linear", "invscaling", "adaptive"]),
    "momentum": st.sampled_from([0, 0.5, 0.9]),
    "alpha": st.sampled_from([0, 1e-4]),
    "batch_size": st.one_of(st.just("all"), st.integers(1, 40)),
    "max_iter": st.integers(1, 8),
    "tol": st.floats(0, 1e300),
    "n_iter_no_change": st.integers(1, 3),
    "shuffle": st.booleans(),
    "random_state": st.one_of(SEEDS, st.none(), SEEDS.map(np.random.RandomState)),
    "early_stopping": st.sampled_from([False, False, False, True]),
    "validation_fraction": st.floats(0, 1, exclude_min=True, exclude_max=True),
    "warm_start": st.booleans(),
    "verbose": st.sampled_from([False, True, 3]),
}
# but goes on only if these stay;
LASTING = {
    "hidden_layer_size": st.one_of(
        st.integers(1, 20), st.sampled_from([70, np.int8(9)])
    ),
    "standardize": st.booleans(),
}
# and these are all that are valid.
VALID = {
    **TAME,
    **LASTING,
    "learning_rate_init": st.one_of(
        st.sampled_from(["auto", 1e-3, np.float32(0.1), 1, 10.0]),
        st.floats(1e-300, 1e300),
    ),
    "momentum": st.floats(0, 1, exclude_max=True),
    "alpha": st.one_of(st.just(0), st.floats(0, 1), st.floats(0, 1e300)),
}

# ------------------------------------------------------------------------------ calls

# What an error has to speak of.
SUBJECTS = (
    r"\b(X|y|X_val|y_val|sample_weight\w*|samples?|features?|array|ind(ex|ices))\b"
)
SUBJECTS += r"|parameter|diverged|the fitted model|partial_fit"


def content(given):
    """What must not change of what is passed: the memory behind it, and how it lies."""
    if scipy.sparse.issparse(given):
        places = ("row", "col") if given.format == "coo" else ("indices", "indptr")
        parts = (getattr(given, name) for name in ("data", *places))
        return given.shape, *map(content, parts)
    if isinstance(given, np.ndarray):
        whole = given if given.base is None else given.base
        return whole.tobytes(), given.tobytes(), str(given.flags), given.strides
    if hasattr(given, "iloc"):  # pickles hold what pandas remembers of conversions, too
        return repr(given.to_dict()), str(given.dtypes)
    return pickle.dumps(given)


class AnyCalls(RuleBasedStateMachine):
    @initialize(case=st.data(), tame=st.booleans())
    def start(self, case, tame):
        self.parameters = TAME if tame else VALID
        self.steady = tame  # whether all that the model was trained on is usual
        self.model = BackpropRegressor(max_iter=5)
        self.change(case.draw, self.parameters | LASTING)

    def change(self, draw, parameters):
        self.model.set_params(**draw(st.fixed_dictionaries({}, optional=parameters)))

    @property
    def fitted(self):
        return hasattr(self.model, "n_iter_")

    @rule(case=st.data())
    def set_params(self, case):
        self.change(case.draw, self.parameters)

    def call(self, draw, method, given, kind, keywords=None, skip=False, errors=()):
        """The result of a call, or None if it was refused and so changed nothing."""
        model, keywords, assume_finite = self.model, keywords or {}, draw(RARELY)
        # Copied, for arrays must not change either; of parameters only the user draws.
        shared = {id(model.random_state): model.random_state}
        before = copy.deepcopy(state(model), shared)
        predictions = self.predictions() if self.fitted else None
        passed = [*given, *keywords.values()]
        contents = [content(array) for array in passed]
        in_place = draw(st.sampled_from([0, _data.LARGEST_COPY]))
        try:
            with (
                config_context(
                    assume_finite=assume_finite, skip_parameter_validation=skip
                ),
                mock.patch.object(_data, "LARGEST_COPY", in_place),
            ):
                result = getattr(model, method)(*given, **keywords)
        except (ValueError, TypeError, *errors) as error:
            if kind == SOUND:
                raise
            assert skip or re.search(SUBJECTS, str(error))  # noqa: PT017
            assert_unchanged(model, before)
            assert not self.fitted or np.array_equal(self.predictions(), predictions)
            result = None
        else:
            assert kind < BAD or (method == "predict" and assume_finite)
        assert [content(array) for array in passed] == contents
        return result

    def predictions(self):
        """Of 0, and of the largest numbers in all directions."""
        d, dtype = self.model.n_features_in_, self.model._state.network.dtype
        signs = np.random.RandomState(0).choice([-1, 0, 1], (5, d))
        signs[0] = 0
        return self.model.predict((signs * np.finfo(dtype).max).astype(dtype))

    def train(self, draw, method):
        model, kind, n = self.model, draw(KINDS), draw(st.integers(1, 30))
        resumed = self.fitted and (model.warm_start or method == "partial_fit")
        d, K, types = draw(st.integers(1, 6)), draw(st.integers(1, 3)), ANY
        if resumed:
            d, K = model.n_features_in_, model.n_outputs_
            types = SINGLE if model._state.network.dtype == np.float32 else DOUBLE
        validates = method == "fit" and model.early_stopping and draw(st.booleans())
        weighted, weighted_val = draw(st.booleans()), validates and draw(st.booleans())

        spoilt = ["X", "y", "length", "no rows", "no columns"]
        spoilt += ["weight", "weights"] * weighted + ["X_val", "y_val"] * validates
        spoilt += ["weight_val"] * weighted_val + ["columns"] * resumed
        spoilt = draw(st.sampled_from(spoilt)) if kind == BAD else None

        def kind_of(part):
            if kind == ODD:
                return draw(st.sampled_from([SOUND, ODD]))
            return BAD if part == spoilt else SOUND

        def X_of(part, n):
            columns = 0 if spoilt == "no columns" else d + (spoilt == "columns")
            return arrays(draw, (n, columns), kind_of(part), types, may_be_sparse=True)

        def y_of(part, n):
            shape = (n,) if K == 1 and draw(st.booleans()) else (n, K)
            return arrays(draw, shape, kind_of(part), ANY)

        given, keywords = [X_of("X", 0 if spoilt == "no rows" else n)], {}
        given.append(y_of("y", n + (spoilt == "length")))
        if weighted:
            m = n + (spoilt == "weights")
            given.append(weights(draw, m, kind_of("weight")))
        if validates:
            n_val = draw(st.integers(1, 9))
            keywords = {"X_val": X_of("X_val", n_val), "y_val": y_of("y_val", n_val)}
        if weighted_val:
            weight = weights(draw, n_val, kind_of("weight_val"))
            keywords["sample_weight_val"] = weight

        if self.parameters is not TAME or (resumed and not self.steady):
            kind = max(kind, ODD)
        if model.early_stopping and not validates:  # there may be too few rows
            kind = max(kind, ODD)
        skip, valid = draw(RARELY), model.get_params()
        if draw(RARELY):
            name = draw(st.sampled_from(sorted(INVALID)))
            model.set_params(**{name: draw(st.sampled_from(INVALID[name]))})
            kind = max(kind, ODD if skip else BAD)
        errors = (ArithmeticError,) if skip else ()
        if method == "partial_fit" and model.early_stopping:
            kind, errors = BAD, (AttributeError,)
        if self.call(draw, method, given, kind, keywords, skip, errors) is model:
            self.steady = kind == SOUND
        model.set_params(**valid)

    @rule(case=st.data())
    def fit(self, case):
        self.train(case.draw, "fit")

    @rule(case=st.data())
    def partial_fit(self, case):
        self.train(case.draw, "partial_fit")

    @precondition(lambda self: self.fitted)
    @rule(case=st.data())
    def predict(self, case):
        draw, model = case.draw, self.model
        kind, shape = draw(KINDS), (draw(st.integers(1, 30)), model.n_features_in_)
        X = arrays(draw, shape, kind, ANY, may_be_sparse=True)
        y_pred = self.call(draw, "predict", [X], kind)
        if y_pred is not None:
            assert y_pred.shape in {shape[:1], (shape[0], model.n_outputs_)}
            assert y_pred.dtype == model.coefs_[0].dtype
            assert kind == BAD or np.isfinite(y_pred).all()

    @precondition(lambda self: self.fitted and self.steady)
    @rule(case=st.data())
    def score(self, case):
        draw, model, n = case.draw, self.model, case.draw(st.integers(2, 30))
        X = arrays(draw, (n, model.n_features_in_), SOUND, ANY, may_be_sparse=True)
        y = arrays(draw, (n, model.n_outputs_), SOUND, ANY)
        assert -np.inf < self.call(draw, "score", [X, y], SOUND) <= 1

    @precondition(lambda self: self.fitted)
    @rule()
    def restore(self):
        before = self.predictions()
        self.model = pickle.loads(pickle.dumps(self.model))
        assert np.array_equal(self.predictions(), before)

    @precondition(lambda self: self.fitted)
    @invariant()
    def the_model_is_sound(self):
        model = self.model
        d, K, H = model.n_features_in_, model.n_outputs_, model.coefs_[0].shape[1]
        weights = *model.coefs_, *model.intercepts_
        assert [array.shape for array in weights] == [(d, H), (H, K), (H,), (K,)]
        for array in (*weights, self.predictions()):
            assert np.isfinite(array).all()
            assert array.dtype == weights[0].dtype
        losses, scores = model.loss_curve_, model.validation_scores_
        assert np.isfinite(losses).all()
        assert len(losses) == model.n_iter_ <= model.t_
        assert (model.loss_, model.best_loss_) == (losses[-1], min(losses))
        if scores is not None:
            assert np.isfinite((scores, model.validation_loss_curve_)).all()
            assert len(scores) <= model.n_iter_
            assert model.best_validation_score_ == max(scores)


TestAnyCalls = pytest.mark.slow(AnyCalls.TestCase)
TestAnyCalls.settings = settings(
    fuzz, max_examples=int(LONG or 500), stateful_step_count=6
)
