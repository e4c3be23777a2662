# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, cdivision=True
"""The boundary between Python's arrays and the C kernel: types, memory and chunks.

Nothing is validated here: arrays are of one floating-point type (real), float32 or
float64, row numbers are those of X, sizes agree. X may have any strides; everything
else is C-contiguous. The GIL is released while the kernel runs, and signals are seen
to between chunks of about 10^8 operations, so that Ctrl-C ends a long call within a
fraction of a second.

Shapes: X (n, d), y (n,), mean and scale (d,), W (d + 1, H) with the biases first,
v (H + 1,) with v_0 first. A row in training units is (x - mean) * scale.
"""

from cpython.buffer cimport PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport isfinite
from libc.stdint cimport intptr_t, uint32_t, uint64_t
from libc.string cimport memcpy

import os

import numpy as np


cdef extern from "Python.h" nogil:
    int PyErr_CheckSignals()  # without Cython's own look at the exception


cdef extern from *:
    """
    #if defined(__clang__)
    #define C_COMPILER __VERSION__
    #elif defined(__GNUC__)
    #define C_COMPILER "GCC " __VERSION__
    #else
    #define C_COMPILER "unknown"
    #endif
    """
    const char *C_COMPILER


cdef extern from "kernel.h" nogil:
    const Py_ssize_t TILE_BYTES
    const Py_ssize_t LONG_BLOCK
    const double LIMIT_F32
    const double LIMIT_F64

    ctypedef struct network:
        Py_ssize_t d
        Py_ssize_t H
        void *weights
        void *deltas
        void *workspace

    ctypedef struct row_order:
        const uint32_t *narrow
        const uint64_t *wide

    ctypedef struct examples:
        const void *X
        Py_ssize_t row_stride
        Py_ssize_t column_stride
        const void *y
        const double *mean
        const double *scale
        row_order order

    ctypedef int (*interrupted)() noexcept nogil

    ctypedef struct functions:
        double (*train)(
            const network *, const examples *, Py_ssize_t start, Py_ssize_t stop,
            Py_ssize_t n, Py_ssize_t batch_size, double eta
        ) noexcept nogil
        void (*predict)(
            const network *, const examples *, Py_ssize_t start, Py_ssize_t stop,
            void *y_hat
        ) noexcept nogil
        int (*moments)(
            const examples *, Py_ssize_t n, Py_ssize_t d, double *mean, double *std,
            interrupted
        ) except -1 nogil
        Py_ssize_t (*first_beyond)(
            const examples *, Py_ssize_t n, Py_ssize_t d, interrupted
        ) except -1 nogil
        int (*hash_rows)(
            const examples *, const double *y, Py_ssize_t n, Py_ssize_t d,
            uint64_t *hashes, interrupted
        ) except -1 nogil
        void (*pack)(const network *, const void *W, const void *v) noexcept nogil
        int (*unpack)(const network *, void *W, void *v) noexcept nogil

    ctypedef struct kernel:
        const char *name
        functions f32
        functions f64

    Py_ssize_t padded(Py_ssize_t items, Py_ssize_t itemsize)
    Py_ssize_t weights_size(Py_ssize_t d, Py_ssize_t H, Py_ssize_t itemsize)
    Py_ssize_t workspace_size(Py_ssize_t d, Py_ssize_t H, Py_ssize_t itemsize)
    const kernel *choose_kernel(const char *name)
    bint cpu_has_fma()


cdef extern from "order.h" nogil:
    int sort_rows_narrow(
        uint64_t *keys, uint32_t *rows, Py_ssize_t n, interrupted
    ) except -1
    int sort_rows_wide(
        uint64_t *keys, uint64_t *rows, Py_ssize_t n, interrupted
    ) except -1
    int shuffle_narrow(
        uint32_t *rows, Py_ssize_t n, uint64_t seed, uint64_t epoch, interrupted
    ) except -1
    int shuffle_wide(
        uint64_t *rows, Py_ssize_t n, uint64_t seed, uint64_t epoch, interrupted
    ) except -1


cdef const kernel *named_kernel() except NULL:
    """The kernel that SKLEARN_BACKPROP_ISA names, or the fastest."""
    name = os.environ.get("SKLEARN_BACKPROP_ISA")
    if not name:
        return choose_kernel(NULL)
    encoded = name.encode()
    cdef const kernel *found = choose_kernel(encoded)
    if found is NULL:
        raise ImportError(
            f"SKLEARN_BACKPROP_ISA={name!r} is not to be had here. Expected baseline, "
            "x86-64-v3 or x86-64-v4, built by this compiler and run by this CPU."
        )
    return found


cdef const kernel *KERNEL = named_kernel()

INSTRUCTION_SET = KERNEL.name.decode()
INSTRUCTION_SETS = tuple(
    name
    for name in ("x86-64-v4", "x86-64-v3", "baseline")
    if choose_kernel(name.encode()) is not NULL
)
COMPILER = C_COMPILER.decode()
CPU_HAS_FMA = cpu_has_fma()

# What a row may hold in training units; see kernel.h.
LIMIT = {np.dtype(np.float32): LIMIT_F32, np.dtype(np.float64): LIMIT_F64}

# Row numbers of this type take half the memory, and serve below 2^32 rows.
NARROW = np.dtype(np.uint32)
WIDE = np.dtype(np.uint64)


cdef Py_ssize_t HUGE_PAGE = 1 << 21  # bytes


cdef int signalled() noexcept nogil:
    with gil:
        return PyErr_CheckSignals()


cdef int raise_if_signalled() except -1:
    return PyErr_CheckSignals()


cdef void *address(array) except? NULL:
    """Where the items of an array are; only for as long as the array is held."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(array, &buffer, PyBUF_STRIDED_RO)
    cdef void *start = buffer.buf
    PyBuffer_Release(&buffer)
    return start


cdef object aligned_zeros(Py_ssize_t n_bytes):
    """An array of zero bytes that starts on a cache line.

    A large one starts on a huge page, for NumPy asks the system to use those.
    """
    cdef Py_ssize_t alignment = TILE_BYTES if n_bytes < HUGE_PAGE else HUGE_PAGE
    memory = np.zeros(n_bytes + alignment, np.uint8)
    cdef Py_ssize_t start = alignment - <intptr_t> address(memory) % alignment
    return memory[start:]


cdef const functions *functions_of(dtype) except NULL:
    return &KERNEL.f32 if dtype.itemsize == 4 else &KERNEL.f64


cdef examples examples_of(X, y, mean, scale, order) except *:
    """Pointers into the arrays, which the caller holds; all but X may be None."""
    cdef examples data
    data.X = address(X)
    data.row_stride = X.strides[0] // X.itemsize
    data.column_stride = X.strides[1] // X.itemsize
    data.y = address(y) if y is not None else NULL
    data.mean = <const double *> address(mean) if mean is not None else NULL
    data.scale = <const double *> address(scale) if scale is not None else NULL
    data.order.narrow = NULL
    data.order.wide = NULL
    if order is not None:
        if order.dtype == NARROW:
            data.order.narrow = <const uint32_t *> address(order)
        else:
            data.order.wide = <const uint64_t *> address(order)
    return data


cpdef Py_ssize_t chunk_length(Py_ssize_t d, Py_ssize_t H):
    """Examples in about 10^8 operations, in whole blocks.

    Four operations a weight and thirty a sigmoid.
    """
    return LONG_BLOCK * (1 + 100_000_000 // (LONG_BLOCK * max(H, 1) * (4 * d + 34)))


cdef class Network:
    """Weights as the kernel keeps them, with room to compute in."""

    cdef const functions *run
    cdef network net
    cdef object dtype
    cdef object memory

    def __init__(self, W, v, bint batches=False):
        cdef Py_ssize_t d = W.shape[0] - 1, H = W.shape[1]
        self.dtype = W.dtype
        self.run = functions_of(W.dtype)
        cdef Py_ssize_t itemsize = W.itemsize
        cdef Py_ssize_t size = padded(weights_size(d, H, itemsize), itemsize)
        cdef Py_ssize_t deltas = size if batches else 0
        self.memory = aligned_zeros(
            itemsize * (size + deltas + workspace_size(d, H, itemsize))
        )
        cdef char *start = <char *> address(self.memory)
        self.net.d, self.net.H = d, H
        self.net.weights = start
        self.net.deltas = start + itemsize * size
        self.net.workspace = start + itemsize * (size + deltas)
        self.run.pack(&self.net, address(W), address(v))

    def weights(self):
        """W, v as new arrays, and whether all of them are finite."""
        W = np.empty((self.net.d + 1, self.net.H), self.dtype)
        v = np.empty(self.net.H + 1, self.dtype)
        cdef bint finite = self.run.unpack(&self.net, address(W), address(v))
        return W, v, finite

    def predict(self, X, mean, scale):
        """The network's output in training units for every row of X, shape (n,)."""
        cdef Py_ssize_t n = X.shape[0], start, stop
        cdef Py_ssize_t chunk = chunk_length(self.net.d, self.net.H)
        cdef examples data = examples_of(X, None, mean, scale, None)
        y_hat = np.empty(n, self.dtype)
        cdef void *out = address(y_hat)

        for start in range(0, n, chunk):
            stop = min(start + chunk, n)
            with nogil:
                self.run.predict(&self.net, &data, start, stop, out)
            raise_if_signalled()
        return y_hat


cdef class Training(Network):
    """A network and the examples that it is trained on, epoch by epoch.

    `order` holds the row of every presentation, in the starting order of each epoch.
    """

    cdef examples data
    cdef object arrays
    cdef object order
    cdef object shuffled
    cdef readonly Py_ssize_t n
    cdef Py_ssize_t batch_size

    def __init__(self, W, v, X, y, mean, scale, order, Py_ssize_t batch_size):
        super().__init__(W, v, batch_size > 1)
        self.n = len(order)
        self.batch_size = batch_size
        self.order, self.shuffled = order, np.empty_like(order)
        self.arrays = X, y, mean, scale
        self.data = examples_of(X, y, mean, scale, order)

    def shuffle(self, seed, epoch):
        """Put the next epochs into a random order that seed and epoch decide."""
        cdef void *rows = address(self.shuffled)
        memcpy(rows, address(self.order), self.n * self.order.itemsize)
        shuffle(self.shuffled, seed, epoch)
        if self.data.order.narrow is not NULL:
            self.data.order.narrow = <uint32_t *> rows
        else:
            self.data.order.wide = <uint64_t *> rows

    def epoch(self, double eta):
        """Present every example once, and update the weights in place.

        Returns Σ E over the examples, each E from just before its own update. A sum
        that is not finite ends the epoch early: the weights are then lost.
        """
        cdef Py_ssize_t chunk = chunk_length(self.net.d, self.net.H), start, stop
        cdef double loss = 0

        for start in range(0, self.n, chunk):
            stop = min(start + chunk, self.n)
            with nogil:
                loss += self.run.train(
                    &self.net, &self.data, start, stop, self.n, self.batch_size, eta
                )
            raise_if_signalled()
            if not isfinite(loss):
                break
        return loss


def moments(X, order):
    """Mean and standard deviation of each column over the rows in order.

    Sums run in that order. A column without spread has a standard deviation of 1.
    """
    cdef Py_ssize_t n = len(order), d = X.shape[1]
    cdef const functions *run = functions_of(X.dtype)
    cdef examples data = examples_of(X, None, None, None, order)
    mean, std = np.empty(d), np.empty(d)
    cdef double *to_mean = <double *> address(mean)
    cdef double *to_std = <double *> address(std)

    with nogil:
        run.moments(&data, n, d, to_mean, to_std, signalled)
    return mean, std


def first_beyond(X, mean, scale):
    """The first row with a value beyond ±LIMIT in training units, or n."""
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], row
    cdef const functions *run = functions_of(X.dtype)
    cdef examples data = examples_of(X, None, mean, scale, None)

    with nogil:
        row = run.first_beyond(&data, n, d, signalled)
    return row


def hash_rows(X, y):
    """64 bits for each row that depend on its values in X and y alone; y is float64."""
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1]
    cdef const functions *run = functions_of(X.dtype)
    cdef examples data = examples_of(X, None, None, None, None)
    cdef const double *targets = <const double *> address(y)
    hashes = np.empty(n, np.uint64)
    cdef uint64_t *to = <uint64_t *> address(hashes)

    with nogil:
        run.hash_rows(&data, targets, n, d, to, signalled)
    return hashes


def sort_rows(keys, rows):
    """Sort both by keys, in place."""
    cdef Py_ssize_t n = len(keys)
    cdef bint narrow = rows.dtype == NARROW
    cdef void *to = address(rows)
    cdef uint64_t *by = <uint64_t *> address(keys)

    with nogil:
        if narrow:
            sort_rows_narrow(by, <uint32_t *> to, n, signalled)
        else:
            sort_rows_wide(by, <uint64_t *> to, n, signalled)


def shuffle(rows, uint64_t seed, uint64_t epoch):
    """Put rows into a random order, in place, the same for the same seed and epoch."""
    cdef Py_ssize_t n = len(rows)
    cdef bint narrow = rows.dtype == NARROW
    cdef void *to = address(rows)

    with nogil:
        if narrow:
            shuffle_narrow(<uint32_t *> to, n, seed, epoch, signalled)
        else:
            shuffle_wide(<uint64_t *> to, n, seed, epoch, signalled)
