"""Functions shared by the benchmarks that compare fits."""

import time
import warnings

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits


def standardized(model):
    """The model, given standardized X and y."""
    model = make_pipeline(StandardScaler(), model)
    return TransformedTargetRegressor(model, transformer=StandardScaler())


def fit_and_predict(model, X_train, y_train, X_test):
    """Predictions for the test rows, and CPU seconds to fit with one thread."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that did not converge
        start = time.process_time()
        model.fit(X_train, y_train)
        seconds = time.process_time() - start
    return model.predict(X_test), seconds
