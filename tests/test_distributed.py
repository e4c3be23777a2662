"""dask distributes what it can, without changing a bit, on real clusters."""

import os
import re
import sys
import textwrap
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from sklearn_backprop import BackpropRegressor

pytestmark = [pytest.mark.extra, pytest.mark.serial]

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "scale_out.rst"
MB = 2**20


def start_workers(n_workers):
    """Worker processes on this machine, without the web page to watch them."""
    distributed = pytest.importorskip("distributed")
    return distributed.Client(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
    )


def score_and_process(model, X, y):
    return {"r2": r2_score(y, model.predict(X)), "process": os.getpid()}


def test_a_grid_search_on_two_workers_gives_the_bits_of_one_job(diabetes):
    X, y = diabetes

    def search(n_jobs=None):
        return GridSearchCV(
            BackpropRegressor(learning_rate="linear", max_iter=30, random_state=0),
            {"hidden_layer_size": [2, 10], "learning_rate_init": [0.01, "auto"]},
            scoring=score_and_process,
            refit="r2",
            n_jobs=n_jobs,
        )

    alone = search(n_jobs=1).fit(X, y)
    with start_workers(2) as client:
        workers = set(client.run(os.getpid).values())
        with joblib.parallel_config("dask"):
            spread = search().fit(X, y)

    assert len(workers) == 2
    for i in range(5):
        assert set(spread.cv_results_[f"split{i}_test_process"]) <= workers
        np.testing.assert_array_equal(
            spread.cv_results_[f"split{i}_test_r2"],
            alone.cv_results_[f"split{i}_test_r2"],
        )
    assert spread.best_params_ == alone.best_params_
    np.testing.assert_array_equal(spread.predict(X), alone.predict(X))


def limit_memory(n_bytes):
    """Let this process allocate n_bytes more than its libraries take."""
    import resource

    import dask_ml.wrappers  # noqa: F401 (loaded before, not under, the limit)
    import psutil

    limit = psutil.Process().memory_info().data + n_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def compute_whole(X):
    return X.compute(scheduler="synchronous").nbytes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces the limit")
def test_incremental_trains_on_more_than_a_worker_may_allocate():
    da = pytest.importorskip("dask.array")
    wrappers = pytest.importorskip("dask_ml.wrappers")
    # Blocks of random numbers, drawn when, and as often as, they are asked for.
    n_blocks, n_rows, limit = 40, 100_000, 64 * MB
    X = da.random.default_rng(0).random((n_blocks * n_rows, 10), chunks=(n_rows, 10))
    y = da.sin(5 * X[:, 0]) + X[:, 1] * X[:, 2]
    assert X.nbytes > 4 * limit

    model = BackpropRegressor(10, random_state=0)
    with start_workers(1) as client:
        client.run(limit_memory, limit)
        trained = wrappers.Incremental(model, shuffle_blocks=False).fit(X, y)
        with pytest.raises(MemoryError):
            client.submit(compute_whole, X).result()
    assert compute_whole(X) == X.nbytes  # which only the limit prevents

    for i in range(n_blocks):
        model.partial_fit(X.blocks[i].compute(), y.blocks[i].compute())
    learned = trained.estimator_
    assert learned.t_ == model.t_ == len(X)
    assert learned.loss_curve_ == model.loss_curve_
    weights = learned.coefs_ + learned.intercepts_
    for actual, expected in zip(weights, model.coefs_ + model.intercepts_, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_scores_and_searches_of_dask_ml_work(random):
    da = pytest.importorskip("dask.array")
    wrappers = pytest.importorskip("dask_ml.wrappers")
    from dask_ml.model_selection import HyperbandSearchCV

    X = random.uniform(size=(600, 3))
    y = np.sin(5 * X[:, 0]) + X[:, 1]
    blocks = da.from_array(X, chunks=(200, 3)), da.from_array(y, chunks=200)
    model = BackpropRegressor(10, random_state=0)
    with start_workers(1):
        learned = wrappers.Incremental(model, shuffle_blocks=False).fit(*blocks)
        score = learned.score(*blocks)
        assert abs(score - learned.estimator_.score(X, y)) < 1e-9
        grid = {"hidden_layer_size": [3, 10], "learning_rate_init": [0.01, 0.03]}
        search = HyperbandSearchCV(model, grid, max_iter=4, random_state=0)
        search.fit(*blocks)
    assert search.best_params_.keys() == grid.keys()
    assert np.isfinite(search.best_score_)


@pytest.mark.filterwarnings(  # of another cluster's web page, on the same machine
    "ignore:Port 8787 is already in use"
)
def test_the_guide_on_scaling_out_prints_what_it_says(
    random, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("dask_ml.wrappers")
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    X = random.standard_normal((2000, 4))
    columns = [*X.T, np.sin(X[:, 0]) + X[:, 1]]
    table = pa.table(columns, names=["a", "b", "c", "d", "y"])
    pq.write_table(table, "train.parquet", row_group_size=500)

    names = {}
    # What follows needs frameworks that are too large for an extra: frameworks.py.
    guide, _, _ = GUIDE.read_text(encoding="utf-8").partition("\nSpark and Ray\n")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)*)", guide, re.M)
    assert len(blocks) == 5
    for block in map(textwrap.dedent, blocks):
        exec(compile(block, GUIDE.name, "exec"), names)
        said = re.findall(r"^print\(.*\)\n# (.*)$", block, re.MULTILINE)
        assert len(said) == block.count("print(")
        assert capsys.readouterr().out.splitlines() == said
        if "X.npy" in block:  # how well the models of the file have learned
            assert names["model"].score(X, columns[-1]) > 0.9
