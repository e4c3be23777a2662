"""The guide's code for MLflow, Darts, ONNX, Spark, Ray and Optuna runs as written.

`nox -s frameworks` installs them, because they are too large for an extra. Spark needs
Java.
"""

import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV

from sklearn_backprop import BackpropRegressor

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the frameworks

GUIDE = Path(__file__).parents[1] / "docs" / "guide"


def blocks(page, title):
    """The blocks of code of a section."""
    text = (GUIDE / page).read_text(encoding="utf-8")
    sections = re.split(r"^(\S.*)\n-+\n", text, flags=re.MULTILINE)
    section = sections[sections.index(title) + 1]
    found = re.findall(
        r"^\.\. code-block:: python\n\n((?:   .*\n|\n)*)", section, re.MULTILINE
    )
    return [textwrap.dedent(block) for block in found]


def run(block, **names):
    """Run a block with these names, and return all that there are then."""
    exec(compile(block, "guide", "exec"), names)
    return names


@pytest.fixture
def data():
    return make_friedman1(120, noise=1.0, random_state=0)


@pytest.fixture
def model(data):
    return BackpropRegressor(5, max_iter=20, random_state=0).fit(*data)


def test_mlflow_loads_what_it_logs(model, data, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("guide", artifact_location=tmp_path.as_uri())
    mlflow.set_experiment("guide")
    (block,) = blocks("deployment.rst", "MLflow")
    with mlflow.start_run():
        run(block, mlflow=mlflow, model=model)
    logged = mlflow.search_logged_models(output_format="list")
    assert len(logged) == 2
    for one in logged:
        loaded = mlflow.sklearn.load_model(one.model_uri)
        assert np.array_equal(loaded.predict(data[0]), model.predict(data[0]))


def test_darts_loads_what_it_saves(tmp_path):
    darts = pytest.importorskip("darts")
    from darts.models import SKLearnModel

    series = darts.TimeSeries.from_values(np.sin(np.arange(200) / 5))
    network = BackpropRegressor(5, max_iter=20, random_state=0)
    forecaster = SKLearnModel(lags=24, model=network).fit(series)
    forecaster.save(tmp_path / "model.pkl")
    (block,) = blocks("deployment.rst", "Darts")
    run(block, BackpropRegressor=BackpropRegressor)
    loaded = SKLearnModel.load(tmp_path / "model.pkl")
    assert loaded.predict(5) == forecaster.predict(5)


def test_onnx_runtime_predicts_the_same(model, data):
    pytest.importorskip("onnxruntime")
    (block,) = blocks("deployment.rst", "ONNX")
    y_pred = run(block, model=model, X=data[0])["y_pred"]
    np.testing.assert_allclose(y_pred[:, 0], model.predict(data[0]), rtol=1e-10)


def test_spark_and_ray_give_the_bits_of_one_job(data, monkeypatch):
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # the installed package for its workers
    pytest.importorskip("ray")
    sql = pytest.importorskip("pyspark.sql")
    from pyspark.sql.functions import pandas_udf, struct

    X, y = data
    model = BackpropRegressor(5, max_iter=20, random_state=0)
    grid = {"learning_rate_init": [0.01, 0.03]}
    alone = GridSearchCV(model, grid).fit(X, y)
    *search_blocks, predict_block = blocks("scale_out.rst", "Spark and Ray")
    assert len(search_blocks) == 2
    names = {"GridSearchCV": GridSearchCV, "model": model, "grid": grid}
    for block in search_blocks:
        search = run(block, X=X, y=y, **names)["search"]
        assert search.best_params_ == alone.best_params_
        assert np.array_equal(search.predict(X), alone.predict(X))

    columns = [f"x{j}" for j in range(X.shape[1])]
    spark = sql.SparkSession.builder.master("local[2]").getOrCreate()
    frame = spark.createDataFrame(pd.DataFrame(X, columns=columns))
    names = {"pd": pd, "struct": struct, "pandas_udf": pandas_udf, "names": columns}
    predictions = run(predict_block, model=alone, frame=frame, **names)["predictions"]
    y_pred = [row["y_pred"] for row in predictions.collect()]
    spark.stop()
    assert np.array_equal(y_pred, alone.predict(X))


def test_optuna_prunes_whole_fits():
    optuna = pytest.importorskip("optuna")
    X, y = make_friedman1(200, noise=2.0, random_state=0)
    (block,) = blocks("scale_out.rst", "Pruning")
    names = {"optuna": optuna, "BackpropRegressor": BackpropRegressor}
    data = {"X": X[:150], "y": y[:150], "X_val": X[150:], "y_val": y[150:]}
    study = run(block, **names, **data)["study"]
    assert len(study.trials) == 40
    states = {trial.state for trial in study.trials}
    assert optuna.trial.TrialState.PRUNED in states
    assert study.best_value > 0.4
