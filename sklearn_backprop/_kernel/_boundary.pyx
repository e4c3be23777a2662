# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, cdivision=True, freethreading_compatible=True
"""The boundary between Python's arrays and the C kernel: types, memory and chunks.

Types and sizes are checked here, once more and in no time, because the kernel reads
whatever memory it is told to, and somebody may have replaced an attribute of a model.
Contents are not: values are finite, row numbers are those of X, CSR has no repeated
entries. Row numbers and sparse indices are private copies, which nobody else can write
to during a call; see ../_sparse.py.
Arrays are of one floating-point type (real), float32 or float64. X may have any
strides, or be CSR; everything else is C-contiguous. The GIL is released while the
kernel runs, and signals are seen to between chunks of about 10^9 operations, so that
Ctrl-C ends a long call within a fraction of a second.

Nothing here is shared by threads but constants and what they are given to read, so that
free-threaded Python may do without a lock.

Shapes: X (n, d), y (n, K), mean and scale (d,), W (d + 1, H) with the biases first,
v (K, H + 1) with v_0 first; weights, and velocity, are one array each, as the kernel
keeps them. A row in training units is (x - mean) * scale. Order and share say which row
is presented when, and how much of it; see `presentations` in kernel.h.
"""

from cpython.buffer cimport PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport isfinite
from libc.stdint cimport int64_t, intptr_t, uint64_t
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
        Py_ssize_t K
        void *weights
        void *velocity
        void *deltas
        void *workspace
        void *rows

    ctypedef struct rule:
        double eta
        double alpha
        double momentum
        Py_ssize_t batch_size
        Py_ssize_t n

    ctypedef struct presentations:
        const int64_t *entries
        const double *share

    ctypedef struct examples:
        const void *X
        Py_ssize_t row_stride
        Py_ssize_t column_stride
        const void *indptr
        const void *indices
        int wide_indices
        const void *y
        const double *mean
        const double *scale
        presentations order

    ctypedef int (*interrupted)() noexcept nogil

    ctypedef struct functions:
        double (*train)(
            const network *, const examples *, const rule *,
            Py_ssize_t start, Py_ssize_t stop
        ) noexcept nogil
        void (*predict)(
            const network *, const examples *, Py_ssize_t start, Py_ssize_t stop,
            void *y_hat
        ) noexcept nogil
        void (*open_rows)(
            const network *, const examples *, const void *weights
        ) noexcept nogil
        void (*close_rows)(const network *, const examples *) noexcept nogil
        int (*moments)(
            const examples *, Py_ssize_t n, Py_ssize_t d, double *mean, double *std,
            double *room, interrupted
        ) except -1 nogil
        Py_ssize_t (*first_beyond)(
            const examples *, Py_ssize_t n, Py_ssize_t d, interrupted
        ) except -1 nogil
        int (*hash_rows)(
            const examples *, const double *y, Py_ssize_t n, Py_ssize_t d,
            Py_ssize_t K, uint64_t *hashes, interrupted
        ) except -1 nogil
        void (*pack)(const network *, const void *W, const void *v) noexcept nogil
        void (*unpack)(const network *, void *W, void *v) noexcept nogil
        int (*finite)(const network *) noexcept nogil

    ctypedef struct kernel:
        const char *name
        functions f32
        functions f64

    Py_ssize_t weights_size(
        Py_ssize_t d, Py_ssize_t H, Py_ssize_t K, Py_ssize_t itemsize
    )
    Py_ssize_t workspace_size(
        Py_ssize_t d, Py_ssize_t H, Py_ssize_t K, Py_ssize_t itemsize
    )
    Py_ssize_t rows_size(Py_ssize_t d, Py_ssize_t H, Py_ssize_t itemsize)
    const kernel *choose_kernel(const char *name)
    bint cpu_has_fma()


cdef extern from "order.h" nogil:
    int c_sort_rows "sort_rows"(
        uint64_t *keys, int64_t *rows, Py_ssize_t n, interrupted
    ) except -1
    int shuffle_rows(
        int64_t *rows, Py_ssize_t n, uint64_t seed, uint64_t epoch, interrupted
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

# Operations between two looks at signals; in software each takes a hundred times as
# long. At its end a chunk goes over all weights once more: short ones cost time.
CHUNK = 10**9 if CPU_HAS_FMA else 10**7

# What a row may hold in training units; see kernel.h.
LIMIT = {np.dtype(np.float32): LIMIT_F32, np.dtype(np.float64): LIMIT_F64}

FLOAT64, INT64, UINT64 = map(np.dtype, (np.float64, np.int64, np.uint64))

# More of them fit into no memory, and the sizes of arrays would overflow.
cdef double MOST_WEIGHTS = 2.0**48

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


cdef void *items(array, name, Py_ssize_t size, dtype) except? NULL:
    """The address of an array that is of this size and type, and C-contiguous."""
    if not isinstance(array, np.ndarray):
        found = type(array).__name__
    elif array.dtype != dtype or array.size != size or not array.flags.c_contiguous:
        found = (
            f"of shape {array.shape}, strides {array.strides} and dtype {array.dtype}"
        )
    else:
        return address(array)
    raise ValueError(
        f"The array of {name} is {found}. Expected {size} contiguous items of "
        f"dtype {dtype}."
    )


cdef Py_ssize_t alignment_of(Py_ssize_t n_bytes):
    """A cache line, or a huge page, for which NumPy asks where an array is large."""
    return TILE_BYTES if n_bytes < HUGE_PAGE else HUGE_PAGE


cdef object aligned_empty(Py_ssize_t size, dtype):
    """An uninitialised array for the kernel."""
    cdef Py_ssize_t n_bytes = size * dtype.itemsize, boundary = alignment_of(n_bytes)
    memory = np.empty(n_bytes + boundary, np.uint8)
    cdef Py_ssize_t start = boundary - <intptr_t> address(memory) % boundary
    return memory[start:start + n_bytes].view(dtype)


cdef object aligned_copy(array):
    copy = aligned_empty(array.size, array.dtype)
    memcpy(address(copy), address(array), array.nbytes)
    return copy


cdef object aligned(array):
    """The array, or a copy if it came from elsewhere, as out of a pickle."""
    if <intptr_t> address(array) % TILE_BYTES == 0:
        return array
    return aligned_copy(array)


cdef const functions *functions_of(dtype) except NULL:
    if dtype not in LIMIT:
        raise ValueError(f"The network is of {dtype}. Expected float32 or float64.")
    return &KERNEL.f32 if dtype.itemsize == 4 else &KERNEL.f64


cdef int64_t *row_numbers(rows) except? NULL:
    return <int64_t *> items(rows, "order", rows.size, INT64)


cdef class Examples:
    """Data, and pointers into them; all but X may be None."""

    cdef examples data
    cdef object arrays  # held, for as long as there are pointers into them

    def __init__(self, X, y=None, mean=None, scale=None, order=None, share=None):
        cdef examples *data = &self.data
        cdef Py_ssize_t n = X.shape[0], d = X.shape[1]
        if isinstance(X, np.ndarray):
            self.arrays = X, y, mean, scale, order, share
            data.row_stride = X.strides[0] // X.itemsize
            data.column_stride = X.strides[1] // X.itemsize
            data.indptr = data.indices = NULL
        else:
            values, indices, indptr = X.data, X.indices, X.indptr
            self.arrays = values, y, mean, scale, order, share, indices, indptr
            wide = indices.itemsize == 8
            index = np.int64 if wide else np.int32
            data.row_stride = data.column_stride = 0
            data.indptr = items(indptr, "indptr", n + 1, index)
            data.indices = items(indices, "indices", values.size, index)
            if indptr[n] > values.size:
                raise ValueError(f"X has {values.size} of {indptr[n]} entries.")
            data.wide_indices = wide
        data.X = address(self.arrays[0])
        data.y = address(y) if y is not None else NULL
        data.mean = data.scale = data.order.share = NULL
        if mean is not None:
            data.mean = <const double *> items(mean, "mean", d, FLOAT64)
            data.scale = <const double *> items(scale, "scale", d, FLOAT64)
        if share is not None:
            data.order.share = <const double *> items(share, "share", n, FLOAT64)
        self.set_order(order)

    cdef set_order(self, order):
        self.data.order.entries = row_numbers(order) if order is not None else NULL


cpdef Py_ssize_t chunk_length(Py_ssize_t d, Py_ssize_t H, Py_ssize_t K=1):
    """Examples in about CHUNK operations, in whole blocks.

    Four operations a weight, thirty a sigmoid, and eight an output weight; few nodes
    fill a register all the same. What an example, and the fetching of its values, costs
    besides is given as the operations that could be done in the time.
    """
    cdef Py_ssize_t operations = CHUNK, an_example = 2000, a_value = 200
    cdef Py_ssize_t each = max(H, 8) * (4 * d + 26 + 8 * K) + an_example + a_value * d
    return LONG_BLOCK * (1 + operations // (LONG_BLOCK * each))


cdef Py_ssize_t chunk_of(shape, X, bint in_rows):
    """The length of a chunk on X.

    Rows that stay sparse cost as much as they have entries, each some eight times as
    much as a value of a dense row.
    """
    d, H, K = shape
    if in_rows:
        d = min(d, 8 * X.nnz // X.shape[0])
    return chunk_length(d, H, K)


cdef network network_of(shape) except *:
    """A network of this shape, of which no size overflows; without its memory."""
    cdef network net
    try:
        net.d, net.H, net.K = shape
    except (TypeError, ValueError, OverflowError):
        net.d = net.H = net.K = 0
    if (
        min(net.d, net.H, net.K) < 1
        or net.H * (<double> net.d + net.K + 1) > MOST_WEIGHTS
    ):
        raise ValueError(
            f"The shape of the network is {shape!r}. Expected the numbers of features, "
            "hidden nodes and outputs. Was an attribute of the model replaced?"
        )
    net.weights = net.velocity = net.deltas = net.workspace = net.rows = NULL
    return net


cdef void *weights_of(const network *net, array, dtype, name="weights") except NULL:
    return items(
        array, name, weights_size(net.d, net.H, net.K, dtype.itemsize), dtype
    )


cdef int check_columns(X, const network *net) except -1:
    if X.shape[1] != net.d:
        raise ValueError(
            f"X has {X.shape[1]} features, but the network has {net.d}. Was an "
            "attribute of the model replaced?"
        )
    return 0


def pack(W, v):
    """Weights as the kernel keeps them, a new array."""
    shape = W.shape[0] - 1, W.shape[1], v.shape[0]
    cdef network net = network_of(shape)
    cdef void *hidden = items(W, "W", (net.d + 1) * net.H, W.dtype)
    cdef void *output = items(v, "v", net.K * (net.H + 1), W.dtype)
    weights = aligned_empty(weights_size(net.d, net.H, net.K, W.itemsize), W.dtype)
    net.weights = address(weights)
    functions_of(W.dtype).pack(&net, hidden, output)
    return weights


def unpack(weights, shape):
    """W and v as new arrays; shape is d, H, K."""
    cdef network net = network_of(shape)
    net.weights = weights_of(&net, weights, weights.dtype)
    W = np.empty((net.d + 1, net.H), weights.dtype)
    v = np.empty((net.K, net.H + 1), weights.dtype)
    functions_of(weights.dtype).unpack(&net, address(W), address(v))
    return W, v


def predict(weights, shape, X, mean, scale):
    """The outputs in training units for every row of X, shape (n, K)."""
    cdef network net = network_of(shape)
    cdef const functions *run = functions_of(X.dtype)
    cdef bint in_rows = not isinstance(X, np.ndarray)
    cdef Py_ssize_t n = X.shape[0], chunk = chunk_of(shape, X, in_rows)
    cdef Py_ssize_t start, stop
    cdef Examples given = Examples(X, mean=mean, scale=scale)
    cdef Py_ssize_t itemsize = X.dtype.itemsize
    check_columns(X, &net)
    weights_of(&net, weights, X.dtype)
    weights = aligned(weights)
    workspace = aligned_empty(
        workspace_size(net.d, net.H, net.K, itemsize), weights.dtype
    )
    net.weights = address(weights)
    net.workspace = address(workspace)
    if in_rows:
        rows = aligned_empty(rows_size(net.d, net.H, itemsize), weights.dtype)
        net.rows = address(rows)
        with nogil:
            run.open_rows(&net, &given.data, net.weights)
    y_hat = np.empty((n, net.K), weights.dtype)
    cdef void *out = address(y_hat)

    for start in range(0, n, chunk):
        stop = min(start + chunk, n)
        with nogil:
            run.predict(&net, &given.data, start, stop, out)
        raise_if_signalled()
    return y_hat


cdef class Training:
    """A network's shape (d, H, K), the examples that it is trained on, and the rule.

    `order` holds the presentations of an epoch in their starting order.
    """

    cdef const functions *run
    cdef network net
    cdef rule rule
    cdef Examples given
    cdef object order
    cdef object shuffled
    cdef object memory
    cdef object dtype
    cdef readonly Py_ssize_t n
    cdef Py_ssize_t chunk
    cdef bint in_rows

    def __init__(
        self,
        shape,
        X,
        y,
        mean,
        scale,
        order,
        share=None,
        *,
        Py_ssize_t batch_size=1,
        double alpha=0,
        double momentum=0,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}. Expected at least 1.")
        self.net = network_of(shape)
        self.run = functions_of(X.dtype)
        self.dtype = X.dtype
        check_columns(X, &self.net)
        items(y, "y", X.shape[0] * self.net.K, X.dtype)
        self.given = Examples(X, y, mean, scale, order, share)
        self.order, self.shuffled = order, np.empty_like(order)
        self.n = len(order)
        self.rule.n, self.rule.batch_size = self.n, batch_size
        self.rule.alpha, self.rule.momentum = alpha, momentum

        d, H, K = shape
        workspace = aligned_empty(workspace_size(d, H, K, X.dtype.itemsize), X.dtype)
        self.net.workspace = address(workspace)
        deltas = rows = None
        if batch_size > 1:
            deltas = aligned_empty(weights_size(d, H, K, X.dtype.itemsize), X.dtype)
            deltas[:] = 0
            self.net.deltas = address(deltas)
        self.in_rows = self.given.data.indptr is not NULL and momentum == 0
        self.chunk = chunk_of(shape, X, self.in_rows)
        if self.in_rows:
            rows = aligned_empty(rows_size(d, H, X.dtype.itemsize), X.dtype)
            self.net.rows = address(rows)
        self.memory = workspace, deltas, rows

    def shuffle(self, seed, epoch):
        """Put the next epochs into a random order that seed and epoch decide."""
        memcpy(address(self.shuffled), address(self.order), self.order.nbytes)
        shuffle(self.shuffled, seed, epoch)
        self.given.set_order(self.shuffled)

    def epoch(self, weights, velocity, double eta):
        """Present every example once.

        Takes and returns weights and velocity, the last update: what is given is left
        as it is. No pointer into either outlives the call.

        Returns
        -------
        weights : ndarray
        velocity : ndarray or None
            None without momentum, whatever was given; with it, None is taken as zeros.
        loss : float
            Σ E over the presentations, each E from just before its own update. A sum
            that is not finite ends the epoch early: the weights are then of no use.
        finite : bool
            Whether loss is, and outputs for all X within `LIMIT` are.
        """
        cdef network net = self.net
        cdef rule rule = self.rule
        cdef Py_ssize_t start, stop
        cdef double loss = 0
        cdef bint finite
        weights_of(&net, weights, self.dtype)
        before = aligned(weights)
        weights = aligned_empty(weights.size, weights.dtype)
        net.weights = address(weights)
        if not self.in_rows:
            memcpy(net.weights, address(before), before.nbytes)
        if rule.momentum == 0:
            velocity = None
        elif velocity is None:
            velocity = aligned_empty(weights.size, weights.dtype)
            velocity[:] = 0
        else:
            weights_of(&net, velocity, self.dtype, "velocity")
            velocity = aligned_copy(velocity)
        if velocity is not None:
            net.velocity = address(velocity)
        rule.eta = eta

        cdef const void *start_from = address(before)
        if self.in_rows:
            with nogil:
                self.run.open_rows(&net, &self.given.data, start_from)
        for start in range(0, rule.n, self.chunk):
            stop = min(start + self.chunk, rule.n)
            with nogil:
                loss += self.run.train(&net, &self.given.data, &rule, start, stop)
            raise_if_signalled()
            if not isfinite(loss):
                break
        with nogil:
            if self.in_rows:
                self.run.close_rows(&net, &self.given.data)
            finite = isfinite(loss) and self.run.finite(&net)
        return weights, velocity, loss, finite


def moments(X, order, share=None):
    """Mean and standard deviation of each column over the presentations in order.

    Sums run in that order. A column without spread has a standard deviation of 0; what
    rounding makes of one number is no spread.
    """
    cdef Py_ssize_t n = len(order), d = X.shape[1]
    cdef const functions *run = functions_of(X.dtype)
    cdef Examples given = Examples(X, order=order, share=share)
    mean, std = np.empty(d), np.empty(d)
    room = np.empty(0 if isinstance(X, np.ndarray) else 6 * d)
    cdef double *to_mean = <double *> address(mean)
    cdef double *to_std = <double *> address(std)
    cdef double *in_room = <double *> address(room)

    with nogil:
        run.moments(&given.data, n, d, to_mean, to_std, in_room, signalled)
    return mean, std


def first_beyond(X, mean, scale):
    """The first row with a value beyond ±LIMIT in training units, or n."""
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], row
    cdef const functions *run = functions_of(X.dtype)
    cdef Examples given = Examples(X, mean=mean, scale=scale)

    with nogil:
        row = run.first_beyond(&given.data, n, d, signalled)
    return row


def hash_rows(X, y):
    """64 bits for each row that depend on its values in X and y alone; y is float64."""
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], K = y.shape[1]
    cdef const functions *run = functions_of(X.dtype)
    cdef Examples given = Examples(X)
    cdef const double *targets = <const double *> items(y, "y", n * K, FLOAT64)
    hashes = np.empty(n, np.uint64)
    cdef uint64_t *to = <uint64_t *> address(hashes)

    with nogil:
        run.hash_rows(&given.data, targets, n, d, K, to, signalled)
    return hashes


def sort_rows(keys, rows):
    """Sort both by keys, in place."""
    cdef Py_ssize_t n = len(keys)
    cdef int64_t *to = row_numbers(rows)
    cdef uint64_t *by = <uint64_t *> items(keys, "keys", len(rows), UINT64)

    with nogil:
        c_sort_rows(by, to, n, signalled)


def shuffle(rows, uint64_t seed, uint64_t epoch):
    """Put rows into a random order, in place, the same for the same seed and epoch."""
    cdef Py_ssize_t n = len(rows)
    cdef int64_t *to = row_numbers(rows)

    with nogil:
        shuffle_rows(to, n, seed, epoch, signalled)
