"""The examples in the documentation run as written."""

import doctest
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from models import fit_quietly

import sklearn_backprop
from sklearn_backprop import (
    BackpropRegressor,
    _config,
    _display,
    _regressor,
    equations,
)

ROOT = Path(__file__).parents[1]
GUIDE = [ROOT / "docs" / "index.rst", *sorted((ROOT / "docs" / "guide").glob("*.rst"))]


@pytest.mark.parametrize("module", [_config, _display, _regressor, equations])
def test_docstring_examples_run(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


def test_the_readme_examples_print_what_they_say(capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 1
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
        said = re.findall(r"print\(.*\)\s+# (.*)$", block, re.MULTILINE)
        assert len(said) == block.count("print(")
        printed = capsys.readouterr().out.splitlines()
        for line, expected in zip(printed, said, strict=True):
            assert line.startswith(expected.removesuffix("...")), line


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_the_examples_of_the_guide_run(page):
    matplotlib.use("Agg")
    assert doctest.testfile(str(page), module_relative=False).failed == 0
    plt.close("all")


def test_the_guide_has_examples():
    text = "".join(page.read_text(encoding="utf-8") for page in GUIDE)
    assert text.count("\n>>> ") > 60


def test_every_parameter_and_attribute_is_documented(diabetes):
    docstring = inspect.getdoc(BackpropRegressor)
    model = fit_quietly(BackpropRegressor(2, max_iter=2, random_state=0), *diabetes)
    names = set(model.get_params()) | {"coefs_", "intercepts_", "feature_names_in_"}
    names |= {name for name in vars(model) if not name.startswith("_")}
    properties = inspect.getmembers(
        BackpropRegressor, lambda member: isinstance(member, property)
    )
    names |= {name for name, _ in properties if re.fullmatch(r"[a-z]\w*_", name)}
    assert names > {"loss_", "alpha_", "n_features_in_"}
    for name in names:
        assert re.search(rf"^{name} : ", docstring, re.MULTILINE), name


def test_documented_defaults_are_the_defaults():
    documented = dict(
        re.findall(
            r"^(\w+) : [^\n]*(?:\n +)?default=(\S+)$",
            inspect.getdoc(BackpropRegressor),
            re.MULTILINE,
        )
    )
    assert documented.keys() == BackpropRegressor().get_params().keys()
    for name, value in BackpropRegressor().get_params().items():
        assert documented[name] == (
            f'"{value}"' if isinstance(value, str) else f"{value}"
        )


def test_the_version_is_the_one_of_the_build():
    assert sklearn_backprop.__version__ == importlib.metadata.version(
        "sklearn-backprop"
    )
    build = (ROOT / "meson.build").read_text(encoding="utf-8")
    assert f"version: '{sklearn_backprop.__version__}'" in build
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]


def test_runtime_dependencies_are_the_three_that_were_decided():
    required = {
        re.match(r"[\w-]+", line)[0]
        for line in importlib.metadata.requires("sklearn-backprop")
        if "extra ==" not in line
    }
    assert required == {"scikit-learn", "numpy", "scipy"}


def test_import_needs_nothing_but_the_dependencies():
    code = (
        "import sys, sklearn_backprop\n"
        "extra = {'polars', 'matplotlib', 'pytest'} & set(sys.modules)\n"
        "assert not extra, extra\n"
    )
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", code], check=True)


def test_python_in_the_source_folder_says_what_is_wrong():
    # Not with an editable install, whose source folder works.
    if Path(sklearn_backprop.__file__).is_relative_to(ROOT / "sklearn_backprop"):
        pytest.skip("the source folder is what is installed")
    result = subprocess.run(
        [sys.executable, "-c", "import sklearn_backprop"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Start Python in another folder" in result.stderr


def test_the_tests_that_keep_promises_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## What is promised")[2].partition("\n## ")[0]
    names = re.findall(r"`(\S*(?:test_|\.ci/)[^`\s]*)`", table)
    assert len(names) > 30
    for name in names:
        file, _, test = name.partition("::")
        path = ROOT / file if "/" in file else ROOT / "tests" / file
        assert path.exists(), name
        assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), name


def test_the_sessions_that_contributing_names_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    checks = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    names = re.findall(r"nox -s (\w+)", text.replace("nox -s NAME", ""))
    table = text.partition("| Level |")[2].partition("\n\n")[0]
    for cell in re.findall(r"\(((?:`\w+`(?:, )?)+)\)", table):
        names += re.findall(r"\w+", cell)
    assert len(names) > 10
    for name in names:
        assert f"def {name}(session):" in checks, name


def test_the_benchmarks_that_the_documentation_names_are_run():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDE]
    pages += (ROOT / "sklearn_backprop").rglob("*.md")
    checks = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    run = set(re.findall(r"^    \"(bench_\w+\.py)", checks, re.MULTILINE))
    named = {
        name
        for page in pages
        for name in re.findall(r"bench_\w+\.py", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert named <= run
    assert run == {path.name for path in (ROOT / "benchmarks").glob("bench_*.py")}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_gate_runs_the_commands_that_are_documented(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    commands = [
        line
        for line in "".join(blocks).splitlines()
        if (".venv" in line or ".ci/" in line) and line != "bash .ci/run"
    ]
    assert commands
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in commands:
        # Of the tests of `check`, which the gate has run before, it runs a few.
        few = "( -- .*)?" if command.endswith("nox -s check") else ""
        assert re.search(rf"^run '{re.escape(command)}{few}'$", gate, re.MULTILINE)
