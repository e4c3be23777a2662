"""The same bits on another kind of CPU: the aarch64 kernel, run in an emulator.

The compiler and the emulator are Debian's packages gcc-aarch64-linux-gnu and qemu-user.
"""

import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hashes import FITS, data_of
from models import fit_quietly
from scipy.sparse import issparse

from sklearn_backprop import BackpropRegressor
from sklearn_backprop._network import initial_weights
from sklearn_backprop._parameters import Parameters
from sklearn_backprop._random import INITIAL_WEIGHTS, draw_seed, generator

KERNEL = Path(__file__).parents[1] / "sklearn_backprop" / "_kernel"
SOURCES = [
    Path(__file__).parent / "foreign" / "fit.c",
    *(KERNEL / name for name in ("dispatch.c", "order.c")),
]
EPOCHS, ETA = 5, 1e-3

# Those fits of the table that need nothing but the kernel.
OF_DATA = {"n", "d", "K", "dtype", "sparse"}
OF_THE_RULE = {"batch_size", "alpha", "momentum"}
NAMES = [name for name in FITS if FITS[name].keys() <= OF_DATA | OF_THE_RULE | {"H"}]


@pytest.fixture(scope="module")
def run_on_aarch64(tmp_path_factory):
    """Run the fit of the bytes given, and return those that come out."""
    compiler, emulator = map(shutil.which, ("aarch64-linux-gnu-gcc", "qemu-aarch64"))
    if not compiler or not emulator:
        pytest.skip("no compiler or no emulator for aarch64")
    folder = tmp_path_factory.mktemp("aarch64")
    build = (KERNEL / "meson.build").read_text(encoding="utf-8")
    options = re.search(r"^exact = \[(.*)\]", build, re.MULTILINE)[1]
    compile_c = [
        *(compiler, "-std=c11", "-O3", f"-I{KERNEL}"),
        *re.findall("'(.+?)'", options),
    ]
    objects = []
    for bits in ("32", "64"):
        objects.append(folder / f"float{bits}.o")
        defined = f"-DREAL_BITS={bits}", f"-DFUNCTIONS=kernel_baseline_float{bits}"
        subprocess.run(
            [*compile_c, *defined, "-c", "-o", objects[-1], KERNEL / "kernel.c"],
            check=True,
        )
    program = folder / "fit"
    subprocess.run(
        [*compile_c, "-static", "-o", program, *SOURCES, *objects, "-lm"], check=True
    )

    def run(given):
        done = subprocess.run(
            [emulator, program], input=given, capture_output=True, check=True
        )
        return done.stdout

    return run


def test_most_fits_of_the_table_are_run():
    assert len(NAMES) >= 24
    assert any("sparse, penalty" in name for name in NAMES)


@pytest.mark.foreign
@pytest.mark.parametrize("name", NAMES)
def test_a_fit_on_aarch64_has_the_bits_of_one_here(run_on_aarch64, name):
    settings = FITS[name]
    X, y, _ = data_of(**{k: value for k, value in settings.items() if k in OF_DATA})
    rule = {k: value for k, value in settings.items() if k in OF_THE_RULE}
    model = BackpropRegressor(
        settings.get("H", 25),
        learning_rate="constant",
        learning_rate_init=ETA,
        max_iter=EPOCHS,
        random_state=0,
        **rule,
    )
    fit_quietly(model, X, y)
    W, v = model._state.network.matrices()
    y_hat = model._state.network.output(X)
    expected = (W, v, y_hat, np.array(model.loss_curve_))
    came = run_on_aarch64(as_input(model, X, y))
    assert came == b"".join(array.tobytes() for array in expected)


def as_input(model, X, y):
    """What fit.c reads, to fit as the model was."""
    (d, H, K), n, seed = (
        model._state.network.shape,
        len(y),
        draw_seed(model.random_state),
    )
    sparse, b = issparse(X), Parameters.of(model).batch_size_for(n)
    numbers = (
        *(X.dtype.itemsize, n, d, H, K, b, EPOCHS, seed),
        *(X.nnz if sparse else -1, model.learning_rate_init),
        *(float(model.alpha_), float(model.momentum)),
    )
    arrays = [X]
    if sparse:
        arrays = [X.data, X.indptr.astype(np.int64), X.indices.astype(np.int64)]
    random = generator(seed, INITIAL_WEIGHTS)
    arrays += [y, *initial_weights((d, H, K), random, X.dtype)]
    arrays[-3] = arrays[-3].astype(np.float64)
    return struct.pack("<9q3d", *numbers) + b"".join(map(np.ndarray.tobytes, arrays))
