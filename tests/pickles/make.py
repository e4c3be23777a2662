"""Pickle models of every kind, with what they predict, for later versions to load.

Run once before a release, with the package installed and in another folder than its
source; commit the file that it writes beside this one.
"""

import pickle
from pathlib import Path

import numpy as np

from sklearn_backprop import BackpropRegressor, __version__

KINDS = {
    "plain": {},
    "momentum": {"momentum": 0.5, "alpha": 1e-4, "batch_size": 4},
    "float32": {},
    "outputs": {"momentum": 0.9},
    "validated": {"early_stopping": True, "learning_rate": "linear", "max_iter": 200},
}


def main():
    """Write VERSION.pickle: for every kind a model, data, and what is to come of it."""
    cases = {}
    for kind, parameters in KINDS.items():
        random = np.random.RandomState(0)
        X = 5 + 2 * random.normal(size=(40, 3))
        y = X @ random.normal(size=(3, 2)) if kind == "outputs" else X[:, 0] ** 2
        if kind == "float32":
            X = X.astype(np.float32)
        model = BackpropRegressor(7, tol=1e-2, random_state=0, **parameters)
        model.fit(X, y)
        y_pred = model.predict(X)
        saved = pickle.dumps(model, protocol=4)
        if not model.early_stopping:
            model.partial_fit(X, y)
        cases[kind] = saved, X, y, y_pred, model.predict(X)
    path = Path(__file__).with_name(f"{__version__}.pickle")
    path.write_bytes(pickle.dumps(cases, protocol=4))


if __name__ == "__main__":
    main()
