"""Fits of every kind, and a hash of each result. Run it to print the table.

    python tests/hashes.py > tests/hashes.json

The data are computed from integers by + − × ÷, so they are the same on every machine.
Rewrite the table only if a change is meant to change models.
"""

import hashlib
import json
import math
import warnings
from contextlib import nullcontext
from inspect import signature
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import scipy.sparse

from sklearn_backprop import BackpropRegressor, _search

TABLE = Path(__file__).with_suffix(".json")

# Parameters of the estimator, and of `data_of`.
VARIANTS = {
    "one at a time": {},
    "one feature, one hidden unit": {"d": 1, "H": 1},
    "many rows": {"n": 3000, "d": 3, "H": 5},
    "more than 2 MB of weights": {"n": 21, "d": 640, "H": 901},
    "data as given": {"standardize": False, "learning_rate_init": 1e-3},
    "data in order": {"shuffle": False},
    "adaptive": {"tol": 0.1, "n_iter_no_change": 1, "max_iter": 30},
    "invscaling": {"learning_rate": "invscaling"},
    "linear": {"learning_rate": "linear"},
    "batches": {"batch_size": 3},
    "all": {"batch_size": "all"},
    "auto": {"learning_rate": "linear", "max_iter": "auto"},
    "auto, weights": {
        "learning_rate": "linear",
        "max_iter": "auto",
        "n": 200,
        "weighted": True,
    },
    "penalty": {"alpha": 1e-3},
    "momentum": {"momentum": 0.5},
    "momentum, penalty, batches": {"momentum": 0.9, "alpha": 1e-3, "batch_size": 7},
    "early stopping": {"early_stopping": True},
    "outputs": {"K": 3},
    "outputs, batches": {"K": 17, "batch_size": 5},
    "weights": {"weighted": True},
    "weights, early stopping": {"weighted": True, "early_stopping": True},
    "sparse": {"sparse": True},
    "sparse, penalty, outputs": {"sparse": True, "alpha": 1e-3, "K": 2},
    "sparse, momentum": {"sparse": True, "momentum": 0.5},
    "sparse, batches, weights": {"sparse": True, "batch_size": 4, "weighted": True},
    "sparse as given": {"sparse": True, "standardize": False},
    "stream": {"stream": True, "learning_rate": "linear"},
    "stream, sparse, weights": {"stream": True, "sparse": True, "weighted": True},
}
FITS = {
    f"{variant} ({dtype})": {"dtype": dtype, **parameters}
    for variant, parameters in VARIANTS.items()
    for dtype in ("float64", "float32")
}


def data_of(n=60, d=13, K=1, dtype="float64", sparse=False, weighted=False):
    """X, y and weights for a fit."""
    random = np.random.RandomState(n + d + K)
    X = (20 * random.random_sample((n, d)) - 7).astype(dtype)
    y = (
        np.abs(X[:, :1])
        + X[:, -1:] * np.arange(1, K + 1)
        + random.random_sample((n, 1))
    )
    X = scipy.sparse.csr_array(X * (X > 6)) if sparse else X
    weight = random.randint(1, 6, n) / 2 if weighted else None
    return X, y[:, 0] if K == 1 else y, weight


def hash_of(name, permuted=False):
    """64 bits, in hexadecimal, of a fitted model, its losses and its predictions."""
    parameters = {"H": 25, "max_iter": 7, "random_state": 0}
    parameters |= {"learning_rate": "adaptive", **FITS[name]}
    of_data = signature(data_of).parameters.keys() & parameters.keys()
    stream = parameters.pop("stream", False)
    X, y, weight = data_of(**{key: parameters.pop(key) for key in of_data})
    rows = np.arange(X.shape[0])
    if permuted:
        np.random.RandomState(1).shuffle(rows)
    model = BackpropRegressor(parameters.pop("H"), **parameters)
    few = {10: math.inf, 40: math.inf, 160: 0}  # or "auto" takes long
    searches = model.max_iter == "auto"
    pieces = [rows[(rows >= i) & (rows < j)] for i, j in pairwise((0, 1, 25, 60))]
    with patch.object(_search, "LENGTHS", few) if searches else nullcontext():
        for part in pieces if stream else [rows]:
            learn = model.partial_fit if stream else model.fit
            learn(X[part], y[part], None if weight is None else weight[part])
    results = [*model.coefs_, *model.intercepts_, model.predict(2 * X)]
    results += [model.loss_curve_, model.validation_scores_ or []]
    content = b"".join(np.asarray(result).tobytes() for result in results)
    return hashlib.sha256(content).hexdigest()[:16]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of few epochs
    print(json.dumps({name: hash_of(name) for name in FITS}, indent=2))
