"""Data for random tests, in all the forms that users pass.

SOUND data are ordinary numbers. ODD data are finite, but of any size. BAD data contain
one value that is not finite.
"""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse
from hypothesis import strategies as st
from test_arrays import LAYOUTS

SOUND, ODD, BAD = range(3)
SEEDS = st.integers(0, 2**32 - 1)

SINGLE = ["float32", ">f4"]
WHOLE = ["int8", "uint8", ">i2", "uint16", "int32", ">i8", "int64", "uint64"]
DOUBLE = ["float64", "float64", ">f8", "float16", "longdouble", *WHOLE, "bool"]
ANY = SINGLE + DOUBLE
EXTREME = st.floats(allow_nan=False, allow_infinity=False)
GAPS = [np.nan, np.inf, -np.inf]
TODAY = datetime.date(2020, 1, 1)
NO_NUMBERS = [None, pd.NA, "1", b"1", 1j, TODAY, np.datetime64(TODAY)]
NAMES = list("abcdefgh")


def usual(random, shape, dtype):
    """Numbers around 0, or from 0 on, that differ by ¼ or more."""
    values = np.rint(4 * random.normal(size=shape))
    values = np.abs(values) if dtype.kind == "u" else values
    return (values / 4 if dtype.kind == "f" else values).astype(dtype)


def finite(draw, random, shape, dtype):
    """Numbers of any size that the type has."""
    if dtype.kind in "iu":
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        values = random.randint(least, most, shape, dtype.newbyteorder("="))
    elif dtype.kind == "b":
        values = np.full(shape, draw(st.booleans()))
    else:
        size = np.longdouble(10) ** draw(st.integers(-320, 306))
        values = usual(random, shape, np.dtype(np.longdouble)) * size
        places = random.uniform(size=shape) < draw(st.sampled_from([0, 0.1, 0.9]))
        extreme = draw(st.lists(EXTREME, min_size=1, max_size=4))
        values[places] = random.choice(extreme, places.sum())
        values = np.clip(values, np.finfo(dtype).min, np.finfo(dtype).max)
    return values.astype(dtype)


def sparse(draw, values, random, kind):
    """CSR, CSC or COO; entries in any order, some of them 0, and some twice."""
    places = np.flatnonzero((values != 0) | (random.uniform(size=values.shape) < 0.1))
    places = np.append(places, places[random.uniform(size=len(places)) < 0.3])
    places = random.permutation(places) if draw(st.booleans()) else np.sort(places)
    index = draw(st.sampled_from([np.int32, np.int64]))
    rows, columns = (part.astype(index) for part in np.divmod(places, values.shape[1]))
    entries = values.ravel()[places].astype(values.dtype.newbyteorder("="))
    name = draw(st.sampled_from(["csr", "csc", "coo"]))
    make = getattr(scipy.sparse, f"{name}_{draw(st.sampled_from(['array', 'matrix']))}")
    if name == "coo":
        X = make((entries, (rows, columns)), shape=values.shape)
        return misplaced(draw, X, X.row) if kind == BAD else X
    lines, others = (rows, columns) if name == "csr" else (columns, rows)
    by_line = np.argsort(lines, kind="stable")
    starts = np.arange(values.shape[name == "csc"] + 1)
    starts = np.searchsorted(lines[by_line], starts).astype(index)
    X = make((entries[by_line], others[by_line], starts), shape=values.shape)
    return misplaced(draw, X, X.indices) if kind == BAD else X


def misplaced(draw, X, places):
    """Now and then with an entry outside of the shape."""
    if draw(st.booleans()):
        places[draw(st.integers(0, X.nnz - 1))] = draw(
            st.sampled_from([-1, 30, 31, 2**30])
        )
    return X


def form_of(draw, values, kind):
    """The values, as any of the things that hold arrays."""
    names, table, dtype = NAMES[: values.shape[-1]], values.ndim == 2, values.dtype
    forms = {
        "array": lambda: values,
        "list": lambda: [list(row) for row in values] if table else list(values),
        "pandas": lambda: (
            pd.DataFrame(values, None, names) if table else pd.Series(values)
        ),
    }
    if dtype.isnative and dtype.kind != "O" and dtype not in ("float16", "longdouble"):
        forms["polars"] = lambda: (
            pl.DataFrame(values, names) if table else pl.Series(values)
        )
    if dtype not in SINGLE:
        forms["objects"] = lambda: values.astype(object)
    if dtype.kind != "O":
        forms |= {name: lambda name=name: LAYOUTS[name](values) for name in LAYOUTS}
    if dtype.itemsize == 1 or not values.size:
        forms.pop("unaligned", None)
    if kind < BAD:
        forms["repeated"] = lambda: np.broadcast_to(values[:1], values.shape)
    return forms[draw(st.sampled_from(sorted(forms)))]()


def arrays(draw, shape, kind, types, *, may_be_sparse=False):
    """Something of this shape; if it is BAD, one value is no finite number."""
    random = np.random.RandomState(draw(SEEDS))
    dtype = np.dtype(draw(st.sampled_from(types)))
    if kind == ODD:
        values = finite(draw, random, shape, dtype)
    else:
        values = usual(random, shape, dtype)
    is_sparse = may_be_sparse and dtype != np.float16 and draw(st.integers(0, 2)) == 0
    if is_sparse:
        values[random.uniform(size=shape) < 0.5] = 0
    if kind == BAD:
        bad = draw(st.sampled_from(GAPS if is_sparse else GAPS + NO_NUMBERS))
        if not isinstance(bad, float):
            values = values.astype(object)
        elif dtype.kind != "f":
            values = values.astype(np.float64)
        values.flat[random.randint(values.size)] = bad
    if is_sparse:
        return sparse(draw, values, random, kind)
    return form_of(draw, values, kind)


def weights(draw, n, kind):
    """Numbers of repeats; if they are BAD, one is negative or not finite."""
    random = np.random.RandomState(draw(SEEDS))
    if kind == ODD:
        least = draw(st.sampled_from([-310, -5, 3]))
        return form_of(draw, 10 ** random.uniform(least, 4, n), kind)
    values, one = random.choice([0, 0.5, 1, 2, 2.75], n), random.randint(n)
    bad = [-1, -1e-300, *GAPS]
    values[one] = draw(st.sampled_from(bad)) if kind == BAD else 1
    return form_of(draw, values, BAD)  # all different
