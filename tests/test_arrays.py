"""Every kind of array gives the same model as a plain array, bit for bit."""

import sys
from decimal import Decimal
from fractions import Fraction

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from models import fit_quietly, largest_difference, same_bits, weights_of

from sklearn_backprop import BackpropRegressor, _data

# Small whole numbers, which every type holds without rounding.
numbers = np.random.RandomState(0)
X = numbers.randint(0, 50, size=(60, 3)).astype(np.float64)
y = X[:, 0] - X[:, 1] + np.floor(X[:, 2] / 7)
weight = numbers.randint(1, 4, 60).astype(np.float64)


def regressor(**parameters):
    parameters = {"learning_rate": "linear", "max_iter": 4, **parameters}
    return BackpropRegressor(5, random_state=0, **parameters)


def assert_same_model(ours, plain=(X, y, weight), **parameters):
    """X, y and weights in some form give the plain ones' models and predictions."""
    kinds = ({}, {"early_stopping": True}, {"shuffle": False, "standardize": False})
    for kind in kinds:
        kind = {"learning_rate_init": 1e-4, **kind, **parameters}
        model = fit_quietly(regressor(**kind), *ours)
        expected = fit_quietly(regressor(**kind), *plain)
        assert same_bits(model, expected)
        assert np.array_equal(model.predict(ours[0]), expected.predict(plain[0]))
        if "early_stopping" not in kind:
            model.partial_fit(*ours)
            assert same_bits(model, expected.partial_fit(*plain))


# -------------------------------------------------------------------- NumPy's arrays


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    wider = np.repeat(np.repeat(array, 2, axis=0), 3, axis=-1)
    return wider[::2, ::3] if array.ndim == 2 else array.repeat(2)[::2]


def backwards(array):
    reverse = (slice(None, None, -1),) * array.ndim
    return array[reverse].copy()[reverse]


def unaligned(array):
    room = np.zeros(array.nbytes + 1, np.uint8)
    moved = room[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    assert not moved.flags.aligned
    return moved


def field(array):
    """A field of records, whose stride is no multiple of its size."""
    records = np.zeros(array.shape, [("value", array.dtype), ("other", np.int8)])
    records["value"] = array
    return records["value"]


LAYOUTS = {
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "negative strides": backwards,
    "unaligned": unaligned,
    "a field": field,
    "without a mask": np.ma.array,
}


@pytest.fixture(params=[_data.LARGEST_COPY, 0], ids=["copied", "in place"])
def either_way(request, monkeypatch):
    """Small arrays are copied; with this, they are also read where they are."""
    monkeypatch.setattr(_data, "LARGEST_COPY", request.param)


def test_only_small_arrays_are_copied():
    small, large = (np.zeros((8, n)).T for n in (1000, 2**20))
    taken = _data.as_kernel_input(large, "X")
    assert np.shares_memory(taken, large)
    assert taken.strides == large.strides
    assert _data.as_kernel_input(small, "X").flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_changes_no_bit(either_way, layout, dtype):
    form, plain = LAYOUTS[layout], X.astype(dtype)
    given = form(plain), form(y), form(weight)
    before = [array.tobytes() for array in given]
    assert_same_model(given, (plain, y, weight))
    assert [array.tobytes() for array in given] == before


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_zero_strides_change_no_bit(either_way, dtype):
    row = np.broadcast_to(X[0].astype(dtype), (60, 3))
    column = np.broadcast_to(X[:, :1].astype(dtype), (60, 3))
    one = np.broadcast_to(2.0, (60,))
    assert 0 in row.strides
    assert 0 in column.strides
    for given in ((row, y, one), (column, y, one), (column, one, one)):
        plain = tuple(np.ascontiguousarray(array) for array in given)
        assert_same_model(given, plain)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_joblibs_memory_maps_change_no_bit(either_way, tmp_path, dtype):
    def mapped(array, name):
        joblib.dump(array, tmp_path / name)
        array = joblib.load(tmp_path / name, mmap_mode="r")
        assert isinstance(array, np.memmap)
        return array

    plain = X.astype(dtype)
    names = iter("abcdef")
    for order in (np.ascontiguousarray, np.asfortranarray):
        given = [mapped(order(array), next(names)) for array in (plain, y, weight)]
        assert_same_model(given, (plain, y, weight))


# ----------------------------------------------------------------------------- types

WIDER = "float16 longdouble >f8 <f8 int8 uint8 >i2 uint16 int32 >i8 uint64 object"


@pytest.mark.parametrize("dtype", WIDER.split())
def test_numbers_of_any_type_give_the_model_of_float64(dtype):
    targets = y + 64  # none is negative
    given = [array.astype(dtype) for array in (X, targets, weight)]
    assert_same_model(given, (X, targets, weight))


def test_float32_of_any_byte_order_gives_the_model_of_float32():
    plain, targets = X.astype(np.float32), y.astype(np.float32)
    big_endian = X.astype(">f4"), y.astype(">f4")
    assert_same_model((*big_endian, weight), (plain, targets, weight))
    model = regressor().fit(*big_endian)
    assert model.predict(X.astype(">f4")).dtype == np.float32
    model.partial_fit(plain, y)  # the type is the same


def test_booleans_are_0_and_1():
    truth = X > 25
    assert_same_model(
        (truth, y > 0, weight > 1), (truth * 1.0, (y > 0) * 1.0, weight > 1)
    )


@pytest.mark.parametrize("number", [int, float, Fraction, Decimal, np.float32])
@pytest.mark.parametrize("container", [list, tuple])
def test_lists_of_numbers_are_arrays(container, number):
    rows = container(container(map(number, row)) for row in X.tolist())
    targets = container(map(number, y.tolist()))
    weights = container(map(number, weight.tolist()))
    plain = X, y
    if number is np.float32:
        plain = X.astype(number), y.astype(number)
    assert_same_model((rows, targets, weights), (*plain, weight))


class Wrapped:
    """What has nothing but `__array__`, as arrays of other libraries."""

    def __init__(self, array):
        self.array = array
        self.shape = array.shape

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        return self.array.astype(dtype or self.array.dtype)


def test_arrays_of_other_libraries_and_buffers():
    assert_same_model((Wrapped(X), Wrapped(y), Wrapped(weight)))
    assert_same_model(tuple(memoryview(array) for array in (X, y, weight)))


# ------------------------------------------------------------------------ data frames

NULLABLE = ["Float64", "Int64", "Int8", "UInt16"]
ARROW = ["double[pyarrow]", "int64[pyarrow]", "int8[pyarrow]"]


def with_arrow(types):
    return [pytest.param(name, marks=pytest.mark.extra) for name in types]


@pytest.mark.parametrize(
    "dtype", ["float64", "int16", "category", *NULLABLE, *with_arrow(ARROW)]
)
def test_pandas_of_any_type_gives_the_model_of_float64(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=list("abc"))  # plain, but for its names
    targets = y + 64  # none is negative
    given = [table.astype(dtype) for table in map(pd.Series, (targets, weight))]
    assert_same_model((frame.astype(dtype), *given), (frame, targets, weight))


@pytest.mark.parametrize(
    "dtype", ["float32", "Float32", *with_arrow(["float[pyarrow]"])]
)
def test_pandas_of_float32_gives_the_model_of_float32(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    plain = pd.DataFrame(X.astype(np.float32), columns=list("abc"))
    assert_same_model((plain.astype(dtype), y, weight), (plain, y, weight))
    model = regressor().fit(plain.astype(dtype), y.astype(np.float32))
    assert model.predict(plain).dtype == np.float32


@pytest.mark.filterwarnings("ignore:pandas.DataFrame with sparse columns")
def test_pandas_of_mixed_types_gives_the_model_of_float64():
    plain = pd.DataFrame(X, columns=list("abc"))
    for types in (
        {"a": "Float32", "b": "Int64", "c": "float64"},
        {"a": "Float64", "b": "int8", "c": "category"},
        {"a": "float64", "b": "object", "c": "UInt8"},
        {"a": pd.SparseDtype(float, 0.0), "b": "Int64", "c": "Float64"},
    ):
        assert_same_model((plain.astype(types), y, weight), (plain, y, weight))


@pytest.mark.parametrize(
    "dtype", [pl.Float64, pl.Float32, pl.Int32, pl.UInt8, pl.Decimal(scale=2)]
)
@pytest.mark.filterwarnings("ignore:X .* valid feature names")
def test_polars(dtype):
    frame = pl.DataFrame(X, schema=list("abc")).cast(dtype)
    plain = X.astype(np.float32) if dtype == pl.Float32 else X
    series = [pl.Series(array) for array in (y, weight)]
    assert_same_model((frame, *series), (plain, y, weight))


@pytest.mark.extra
def test_arrows_tables_and_arrays():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({name: X[:, j] for j, name in enumerate("abc")})
    assert_same_model((table, pa.array(y), pa.chunked_array([weight])))


# ------------------------------------------------------------------------ sparse rows

counts = np.where(numbers.random_sample((60, 3)) < 0.5, X, 0.0)
FORMATS = ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"]


def assert_close_to_dense(given, dense=counts):
    for parameters in ({}, {"standardize": False}, {"momentum": 0.5}):
        parameters = {"shuffle": False, "learning_rate_init": 1e-4, **parameters}
        model = fit_quietly(regressor(**parameters), given, y, weight)
        expected = fit_quietly(regressor(**parameters), dense, y, weight)
        assert largest_difference(model, *weights_of(expected)) <= 1e-11


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_formats_give_the_model_of_csr_and_of_dense(kind, name, index):
    make = getattr(scipy.sparse, f"{name}_{kind}")
    given = make(counts)
    for part in ("indices", "indptr", "row", "col", "offsets"):
        if isinstance(getattr(given, part, None), np.ndarray) and name != "coo":
            setattr(given, part, getattr(given, part).astype(index))
    if name == "coo":
        places = tuple(place.astype(index) for place in counts.nonzero())
        given = make((counts[counts != 0], places), shape=counts.shape)
    assert_same_model((given, y, weight), (scipy.sparse.csr_array(counts), y, weight))
    assert_close_to_dense(given)


def rows_with(index, dtype, *, unsorted=False, repeated=False, zeros=False):
    """The counts as CSR, written down in an odd way."""
    data, indices, indptr = [], [], [0]
    for row in counts:
        columns = np.flatnonzero((row != 0) | zeros)
        columns = columns[::-1] if unsorted else columns
        for j in columns:
            parts = [row[j] - 1, 0.75, 0.25] if repeated else [row[j]]
            data += parts
            indices += [j] * len(parts)
        indptr.append(len(data))
    arrays = np.array(data, dtype), np.array(indices, index), np.array(indptr, index)
    return scipy.sparse.csr_array(arrays, shape=counts.shape)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("unsorted", [False, True])
@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("zeros", [False, True])
def test_how_entries_are_written_down_changes_no_bit(
    index, dtype, unsorted, repeated, zeros
):
    given = rows_with(index, dtype, unsorted=unsorted, repeated=repeated, zeros=zeros)
    parts = given.data, given.indices, given.indptr
    before = [part.copy() for part in parts]
    for part in parts:
        part.flags.writeable = False
    assert_same_model((given, y, weight), (scipy.sparse.csr_array(counts), y, weight))
    assert_close_to_dense(given)
    after = given.data, given.indices, given.indptr
    assert all(map(np.array_equal, after, before))


@pytest.mark.parametrize(
    "dtype", ["float32", ">f4", ">f8", "longdouble", "int8", "bool"]
)
def test_sparse_entries_of_any_type(dtype):
    plain = scipy.sparse.csr_array(counts.astype("f4" if dtype[-1] in "24" else float))
    if dtype == "bool":
        plain = scipy.sparse.csr_array((counts != 0).astype(float))
    given = plain.copy()
    given.data = given.data.astype(dtype)
    assert_same_model((given, y, weight), (plain, y, weight))


def test_parts_of_sparse_rows_may_lie_anywhere(tmp_path):
    plain = scipy.sparse.csr_array(counts)
    joblib.dump(plain, tmp_path / "rows")
    mapped = joblib.load(tmp_path / "rows", mmap_mode="r")
    assert isinstance(mapped.data, np.memmap)
    odd = plain.copy()
    odd.data, odd.indices = unaligned(odd.data), unaligned(odd.indices)
    odd.indptr = unaligned(odd.indptr)
    wide = plain.copy()
    wide.data = strided(wide.data)
    wide.indices, wide.indptr = backwards(wide.indices), strided(wide.indptr)
    mixed = plain.copy()
    mixed.indices, mixed.indptr = mixed.indices.astype("i4"), mixed.indptr.astype("i8")
    for given in (mapped, odd, wide, mixed):
        assert_same_model((given, y, weight), (plain, y, weight))


def test_pandas_sparse_columns():
    frame = pd.DataFrame(counts, columns=list("abc"))
    given = frame.astype(pd.SparseDtype(float, 0.0))
    model = fit_quietly(regressor(shuffle=False), given, y)
    expected = fit_quietly(regressor(shuffle=False), frame, y)
    assert largest_difference(model, *weights_of(expected)) <= 1e-11


# -------------------------------------------------------------------------- huge data

HUGE = 2**31


@pytest.mark.slow
def test_more_elements_than_32_bits_count(random):
    # All rows are one row, which takes the memory of one: they are as many
    # repeats of it.
    n, d = 2**15 + 1, 2**16
    row = random.normal(size=(1, d)).astype(np.float32)
    rows = np.broadcast_to(row, (n, d))
    assert rows.size > HUGE
    counted = np.array([10_000, 10_000, 10_000, 2769])
    assert counted.sum() == n
    parameters = {"standardize": False, "random_state": 0, "learning_rate_init": 1e-7}
    model = BackpropRegressor(1, **parameters).partial_fit(rows, np.ones(n))
    expected = BackpropRegressor(1, **parameters)
    with pytest.warns(UserWarning, match="mean of the positive values"):
        expected.partial_fit(rows[:4], np.ones(4), counted)
    assert same_bits(model, expected)
    assert np.array_equal(model.predict(rows), np.repeat(expected.predict(row), n))


@pytest.mark.skipif(sys.platform == "win32", reason="files have no holes there")
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_further_apart_than_32_bits_reach(random, tmp_path, monkeypatch, order):
    # Of a file with holes, only what is touched takes room on the disk and in memory.
    monkeypatch.setattr(_data, "LARGEST_COPY", 0)
    length = HUGE // 7
    shape = (length, 8) if order == "C" else (8, length)
    huge = np.memmap(tmp_path / "huge", np.float32, "w+", shape=shape)
    rows = huge if order == "C" else huge.T
    apart = rows[:: length // 40][:40]
    last = (np.array(apart.strides) // 4 * [39, 7]).sum()
    assert last > HUGE
    few = random.normal(size=(40, 8)).astype(np.float32)
    apart[...] = few
    assert_same_model((apart, few[:, 0]), (few, few[:, 0]))
