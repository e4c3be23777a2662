# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, cdivision=True, freethreading_compatible=True
"""The boundary between Python's arrays and the C kernel: types, memory and chunks.

Types and sizes are checked here once more, which takes hardly any time, because the
kernel reads whatever memory it is told to, and somebody may have replaced an attribute
of a model. Contents are not checked: values have to be finite, row numbers have to be
rows of X, and CSR must not have repeated entries. Row numbers and sparse indices are
private copies, which nobody else can write to during a call; see ../_sparse.py.
Arrays have one floating-point type (real), float32 or float64. X may have any strides,
or be CSR; everything else is C-contiguous. The GIL is released while the kernel runs.
Signals are handled between chunks of about 10^9 operations, so that Ctrl-C ends a long
call within a fraction of a second. Work that cannot be divided may take longer: a pass
over very many weights, a block of very long rows, a batch that fits into a block, or a
single row that stays sparse.

Threads share nothing here except constants and the data that they are given to read, so
that free-threaded Python needs no lock.

Shapes: X (n, d), y (n, K), mean and scale (d,), W (d + 1, H) with the biases first,
v (K, H + 1) with v_0 first. The weights are one array, as the kernel stores them, and
so is the velocity. Order and fraction say when a row is used and how much it counts;
see `sample_order` in samples.h.
"""

from cpython.buffer cimport PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport isfinite
from libc.stdint cimport int64_t, intptr_t, uint64_t
from libc.string cimport memcpy

from .kernel cimport (
    LIMIT_FLOAT32,
    LIMIT_FLOAT64,
    LONG_BLOCK,
    TILE_BYTES,
    batch_block,
    block_length,
    by_input_size,
    c_samples,
    c_sort_rows,
    c_statistics,
    choose_kernel,
    cpu_has_fma,
    fetch_values_at,
    functions,
    is_far,
    kernel,
    learning_rule,
    network,
    shuffle_rows,
    values_at,
    weights_size,
    workspace_size,
)

import os

import numpy as np


cdef extern from "Python.h" nogil:
    int PyErr_CheckSignals()  # without Cython's own check for an exception


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


cdef const kernel *named_kernel() except NULL:
    """The kernel that SKLEARN_BACKPROP_ISA names, or the fastest."""
    name = os.environ.get("SKLEARN_BACKPROP_ISA")
    if not name:
        return choose_kernel(NULL)
    encoded = name.encode()
    cdef const kernel *found = choose_kernel(encoded)
    if found is NULL:
        raise ImportError(
            f"SKLEARN_BACKPROP_ISA={name!r} is not available on this machine. Expected "
            "baseline, x86-64-v3 or x86-64-v4, if the compiler could build it and this "
            "CPU can run it."
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

# Number of operations between two checks for signals. In software, an operation takes
# about a hundred times as long. At its end, a chunk goes over all weights once more, so
# short chunks cost time.
CHUNK = 10**9 if CPU_HAS_FMA else 10**7

# The largest value of a row in training units; see samples.h.
LIMIT = {np.dtype(np.float32): LIMIT_FLOAT32, np.dtype(np.float64): LIMIT_FLOAT64}

FLOAT64, INT64, UINT64 = map(np.dtype, (np.float64, np.int64, np.uint64))

# More weights do not fit into any memory, and the sizes of arrays would overflow.
cdef double MOST_WEIGHTS = 2.0**48

cdef Py_ssize_t HUGE_PAGE = 1 << 21  # bytes


cdef int signaled() noexcept nogil:
    with gil:
        return PyErr_CheckSignals()


cdef int raise_if_signaled() except -1:
    return PyErr_CheckSignals()


cdef void *address(array) except? NULL:
    """The address of an array's items; valid only while the array is referenced."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(array, &buffer, PyBUF_STRIDED_RO)
    cdef void *start = buffer.buf
    PyBuffer_Release(&buffer)
    return start


cdef void *items(array, name, size, dtype) except? NULL:
    """The address of an array, checked to have this size and type, C-contiguous."""
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
    """A cache line, or a huge page, which NumPy requests for large arrays."""
    return TILE_BYTES if n_bytes < HUGE_PAGE else HUGE_PAGE


cdef object aligned_empty(Py_ssize_t size, dtype):
    """An uninitialized array for the kernel."""
    cdef Py_ssize_t itemsize = dtype.itemsize
    cdef Py_ssize_t boundary = alignment_of(size * itemsize)
    memory = np.empty(size + boundary // itemsize, dtype)
    cdef Py_ssize_t beyond = <intptr_t> address(memory) % boundary
    cdef Py_ssize_t start = (boundary - beyond) // itemsize
    return memory[start:start + size]


cdef object aligned_copy(array):
    copy = aligned_empty(array.size, array.dtype)
    memcpy(address(copy), address(array), array.nbytes)
    return copy


cdef object aligned(array):
    """The array, or an aligned copy if it comes from elsewhere, such as a pickle."""
    if <intptr_t> address(array) % TILE_BYTES == 0:
        return array
    return aligned_copy(array)


cdef const functions *functions_of(dtype) except NULL:
    if dtype not in LIMIT:
        raise ValueError(f"The dtype is {dtype}. Expected float32 or float64.")
    return KERNEL.float32 if dtype.itemsize == 4 else KERNEL.float64


cdef int64_t *row_numbers(rows, size) except? NULL:
    return <int64_t *> items(rows, "order", size, INT64)


cdef class Samples:
    """Rows, the data that belong to them, and the order in which they are used.

    It does not change once it is made, so that threads may share it. What a function
    needs must be given; everything else may be None.

    Parameters
    ----------
    X : ndarray or CSR of shape (n, d)
    y : ndarray of shape (n, K) or None
        With the dtype of X for training, and with float64 for hashing.
    mean, scale : ndarray of shape (d,) or None
        A row in training units is (x - mean) * scale.
    order : ndarray of int64 or None
        Row numbers, or with a fraction twice these; see `sample_order` in samples.h.
    fraction : ndarray of shape (n,) or None
        How much the last repeat of each row counts; None if all count in full.
    """

    cdef c_samples data  # without y, whose type depends on what it is for
    cdef object dtype  # of X
    cdef Py_ssize_t n
    cdef Py_ssize_t d
    cdef Py_ssize_t length  # of the order
    cdef dict arrays  # referenced as long as there are pointers into them

    # No __init__: it could be called again, and would replace arrays that are in use.
    def __cinit__(self, X, y=None, mean=None, scale=None, order=None, fraction=None):
        cdef c_samples *data = &self.data
        self.arrays = {
            "X": self.take(X),
            "y": y,
            "mean": mean,
            "scale": scale,
            "order": order,
            "fraction": fraction,
        }
        if mean is not None or scale is not None:
            data.mean = <const double *> items(mean, "mean", self.d, FLOAT64)
            data.scale = <const double *> items(scale, "scale", self.d, FLOAT64)
        if order is not None:
            self.length = np.size(order)
            data.order.entries = row_numbers(order, self.length)
        if fraction is not None:
            data.order.fraction = <const double *> items(
                fraction, "fraction", self.n, FLOAT64
            )

    cdef tuple take(self, X):
        """Store the shape of X and pointers into its arrays, and return the arrays."""
        cdef c_samples *data = &self.data
        arrays = (None,)
        if isinstance(X, np.ndarray):
            arrays = (X,)
        elif getattr(X, "format", None) == "csr":
            arrays = X.data, X.indices, X.indptr
        values = arrays[0]
        if not isinstance(values, np.ndarray) or not values.flags.aligned:
            raise ValueError(
                f"X is of type {type(X).__name__}. Expected an array or CSR, aligned "
                "in memory."
            )
        self.dtype = values.dtype
        functions_of(self.dtype)
        try:
            self.n, self.d = X.shape
        except (TypeError, ValueError, OverflowError):
            self.d = 0
        if self.n < 0 or self.d < 1:
            raise ValueError(f"X has the shape {X.shape}. Expected rows and columns.")
        data.X = address(values)
        if len(arrays) == 1:
            data.row_stride = X.strides[0] // X.itemsize
            data.column_stride = X.strides[1] // X.itemsize
            return arrays

        _, indices, indptr = arrays
        wide = getattr(indices, "itemsize", None) == 8
        index = np.dtype(np.int64 if wide else np.int32)
        items(values, "data", values.size, self.dtype)
        data.indices = items(indices, "indices", values.size, index)
        data.indptr = items(indptr, "indptr", <object> self.n + 1, index)
        data.wide_indices = wide
        n_entries = indptr[self.n]
        if not 0 <= n_entries <= values.size:
            raise ValueError(
                f"X has {values.size} of {n_entries} entries. Expected all of them."
            )
        return arrays

    cdef int require(self, names) except -1:
        """Refuse samples that lack what a function needs."""
        lacking = [name for name in names if self.arrays[name] is None]
        if lacking:
            raise ValueError(
                f"The samples lack {', '.join(lacking)}. Expected an array for each."
            )
        return 0

    cdef Py_ssize_t n_in_order(self) noexcept:
        """The length of the order, or the number of rows where there is none."""
        return self.n if self.data.order.entries is NULL else self.length

    cdef const void *targets(self, Py_ssize_t K, dtype) except? NULL:
        """The address of y, if it has K columns of this type."""
        return items(self.arrays["y"], "y", <object> self.n * K, dtype)


# The cost of a sample in operations: four per weight, thirty per sigmoid, and eight per
# output weight. Even a few hidden units fill a register. Other costs of a sample, and
# of fetching its values, are expressed as the number of operations that could be done
# in the same time.
cdef Py_ssize_t cost_of_sample(Py_ssize_t H, Py_ssize_t K) noexcept nogil:
    return max(H, 8) * (26 + 8 * K) + 2000


cdef Py_ssize_t cost_of_value(Py_ssize_t H) noexcept nogil:
    return 4 * max(H, 8) + 200


cpdef Py_ssize_t chunk_length(Py_ssize_t d, Py_ssize_t H, Py_ssize_t K=1):
    """The number of samples in about CHUNK operations, in whole LONG_BLOCKs."""
    cdef Py_ssize_t operations = CHUNK
    cdef Py_ssize_t each = cost_of_sample(H, K) + d * cost_of_value(H)
    return LONG_BLOCK * (1 + operations // (LONG_BLOCK * each))


# How samples are divided into chunks. The cost of a row that stays sparse depends on
# how many values it has; all other rows cost the same.
ctypedef struct chunks:
    Py_ssize_t length  # of each chunk; 0 where rows stay sparse
    double most, a_sample, a_value  # operations


cdef chunks chunks_of(
    const network *net, const c_samples *data, Py_ssize_t itemsize, bint stays_sparse
):
    cdef chunks cut
    cdef Py_ssize_t j, n_far = 0
    cdef bint large = block_length(net.d, net.H, itemsize) == LONG_BLOCK
    cut.length = 0 if stays_sparse else chunk_length(net.d, net.H, net.K)
    cut.most = CHUNK
    # Sparse rows do not share a pass over the weights, so a value costs more than in a
    # dense row, and most if the weights are not in a cache. A zero in a column that is
    # far from 0 costs the same, and the kernel has to look for such columns.
    cut.a_value = (12.0 if large else 4.0) * cost_of_value(net.H)
    cut.a_sample = cost_of_sample(net.H, net.K)
    if stays_sparse:
        for j in range(net.d):
            n_far += is_far(data, j)
    if n_far:
        cut.a_sample += n_far * cut.a_value + 100.0 * net.d
    return cut


cdef Py_ssize_t end_of_chunk(
    const chunks *cut, const c_samples *data, Py_ssize_t start, Py_ssize_t n
) noexcept nogil:
    """The end of the chunk that begins with entry `start` of n.

    The chunk ends with the row that reaches the limit, so that it exceeds the limit by
    at most one row.
    """
    cdef double cost = 0
    cdef Py_ssize_t i = start
    if cut.length:
        return start + min(cut.length, n - start)
    while i < n and cost <= cut.most:
        fetch_values_at(data, min(i + 16, n - 1))
        cost += cut.a_sample + cut.a_value * max(values_at(data, i), 0)
        i += 1
    return i


cdef list ends_of_chunks(const chunks *cut, const c_samples *data, Py_ssize_t n):
    """The ends of all chunks, for tests."""
    cdef Py_ssize_t stop = 0
    ends = []
    while stop < n:
        stop = end_of_chunk(cut, data, stop, n)
        ends.append(stop)
    return ends


cdef network network_of(shape) except *:
    """A network of this shape, whose sizes do not overflow; without memory."""
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
            "hidden units and outputs. Was an attribute of the model replaced?"
        )
    net.weights = net.velocity = net.deltas = net.workspace = net.by_input = NULL
    return net


cdef void *weights_of(const network *net, array, dtype, name="weights") except NULL:
    return items(
        array, name, weights_size(net.d, net.H, net.K, dtype.itemsize), dtype
    )


cdef int check_columns(Samples samples, const network *net) except -1:
    if samples.d != net.d:
        raise ValueError(
            f"X has {samples.d} features, but the network has {net.d}. Was an "
            "attribute of the model replaced?"
        )
    return 0


def pack(W, v):
    """Weights as the kernel stores them, as a new array."""
    shape = W.shape[0] - 1, W.shape[1], v.shape[0]
    cdef const functions *run = functions_of(W.dtype)
    cdef network net = network_of(shape)
    cdef void *hidden = items(W, "W", (net.d + 1) * net.H, W.dtype)
    cdef void *output = items(v, "v", net.K * (net.H + 1), W.dtype)
    weights = aligned_empty(weights_size(net.d, net.H, net.K, W.itemsize), W.dtype)
    net.weights = address(weights)
    run.pack(&net, hidden, output)
    return weights


def unpack(weights, shape):
    """W and v as new arrays; shape is d, H, K."""
    cdef const functions *run = functions_of(weights.dtype)
    cdef network net = network_of(shape)
    net.weights = weights_of(&net, weights, weights.dtype)
    W = np.empty((net.d + 1, net.H), weights.dtype)
    v = np.empty((net.K, net.H + 1), weights.dtype)
    run.unpack(&net, address(W), address(v))
    return W, v


def are_finite(weights, shape):
    """Whether weights are finite, and outputs for all X within `LIMIT` are, too.

    The shape is d, H, K.
    """
    cdef const functions *run = functions_of(weights.dtype)
    cdef network net = network_of(shape)
    weights = aligned(weights)
    net.weights = weights_of(&net, weights, weights.dtype)
    return run.are_finite(&net) != 0


def predict(weights, shape, Samples samples not None):
    """The outputs in training units, shape (n, K): for the order, or for all rows."""
    samples.require(("mean", "scale"))
    cdef network net = network_of(shape)
    cdef const functions *run = functions_of(samples.dtype)
    cdef c_samples data = samples.data
    cdef bint stays_sparse = data.indptr is not NULL
    cdef Py_ssize_t itemsize = samples.dtype.itemsize
    cdef Py_ssize_t start = 0, stop
    cdef Py_ssize_t n = samples.n_in_order()
    check_columns(samples, &net)
    cdef chunks cut = chunks_of(&net, &data, itemsize, stays_sparse)
    weights_of(&net, weights, samples.dtype)
    weights = aligned(weights)
    cdef Py_ssize_t length = batch_block(n, net.d, itemsize)
    if stays_sparse:
        length = block_length(net.d, net.H, itemsize)
    workspace = aligned_empty(
        workspace_size(net.d, net.H, net.K, itemsize, length), weights.dtype
    )
    net.weights = address(weights)
    net.workspace = address(workspace)
    if stays_sparse:
        by_input = aligned_empty(
            by_input_size(net.d, net.H, itemsize), weights.dtype
        )
        net.by_input = address(by_input)
        with nogil:
            run.open_sparse(&net, &data, net.weights)
    y_hat = np.empty((n, net.K), weights.dtype)
    cdef void *out = address(y_hat)

    while start < n:
        with nogil:
            stop = end_of_chunk(&cut, &data, start, n)
            run.predict(&net, &data, start, stop, out)
        raise_if_signaled()
        start = stop
    return y_hat


def chunks_to_predict(shape, Samples samples not None):
    """The ends of the chunks in `predict`, as a list, for tests."""
    samples.require(("mean", "scale"))
    cdef network net = network_of(shape)
    cdef c_samples data = samples.data
    check_columns(samples, &net)
    cdef bint stays_sparse = data.indptr is not NULL
    cdef chunks cut = chunks_of(&net, &data, samples.dtype.itemsize, stays_sparse)
    return ends_of_chunks(&cut, &data, samples.n_in_order())


cdef class Trainer:
    """A network's shape (d, H, K), the samples that it is trained on, and the rule.

    An epoch uses the samples in their order, or in the order that `shuffle` has made.
    Signals reach only the main thread. In another thread, `stop`, a threading.Event,
    ends an epoch with an InterruptedError.
    """

    cdef const functions *run
    cdef network net
    cdef learning_rule rule
    cdef c_samples data  # a copy, with its own order and with y
    cdef const int64_t *in_starting_order
    cdef object shuffled
    cdef object memory
    cdef object deltas
    cdef bint unfinished  # whether the last epoch was, so that deltas may not be 0
    cdef object dtype
    cdef readonly Py_ssize_t n
    cdef object stop
    cdef chunks cut
    cdef bint stays_sparse

    # No __init__, as in Samples: it would replace memory that is in use.
    def __cinit__(
        self,
        shape,
        Samples samples not None,
        *,
        Py_ssize_t batch_size=1,
        double alpha=0,
        double momentum=0,
        stop=None,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}. Expected at least 1.")
        samples.require(("y", "mean", "scale", "order"))
        self.net = network_of(shape)
        self.dtype = samples.dtype
        self.run = functions_of(self.dtype)
        check_columns(samples, &self.net)
        self.data = samples.data
        self.data.y = samples.targets(self.net.K, self.dtype)
        self.n = self.rule.n = samples.length
        self.in_starting_order = self.data.order.entries
        self.shuffled = np.empty(self.n, INT64)
        self.rule.batch_size = batch_size
        self.rule.alpha, self.rule.momentum = alpha, momentum
        self.stop = stop

        cdef Py_ssize_t d = self.net.d, H = self.net.H, K = self.net.K
        cdef Py_ssize_t itemsize = self.dtype.itemsize
        cdef Py_ssize_t length = block_length(d, H, itemsize)
        self.stays_sparse = self.data.indptr is not NULL and momentum == 0
        if batch_size > 1 and not self.stays_sparse:
            length = batch_block(batch_size, d, itemsize)
        workspace = aligned_empty(
            workspace_size(d, H, K, itemsize, length), self.dtype
        )
        self.net.workspace = address(workspace)
        by_input = None
        if batch_size > 1:
            self.deltas = aligned_empty(weights_size(d, H, K, itemsize), self.dtype)
            self.net.deltas = address(self.deltas)
            self.unfinished = True
        self.cut = chunks_of(&self.net, &self.data, itemsize, self.stays_sparse)
        if batch_size <= length:  # in whole batches; see `train` in kernel.h
            self.cut.length += batch_size - 1
            self.cut.length -= self.cut.length % batch_size
        if self.stays_sparse:
            by_input = aligned_empty(by_input_size(d, H, itemsize), self.dtype)
            self.net.by_input = address(by_input)
        self.memory = samples, workspace, by_input

    def shuffle(self, uint64_t seed, uint64_t epoch):
        """Shuffle the samples for the next epochs, by a seed and an epoch number."""
        cdef int64_t *rows = <int64_t *> address(self.shuffled)
        memcpy(rows, self.in_starting_order, self.n * sizeof(int64_t))
        with nogil:
            shuffle_rows(rows, self.n, seed, epoch, signaled)
        self.data.order.entries = rows

    def chunks(self):
        """The ends of the chunks of an epoch, as a list, for tests."""
        return ends_of_chunks(&self.cut, &self.data, self.n)

    def epoch(self, weights, velocity, double learning_rate):
        """Train once on each entry of the order.

        Takes and returns the weights and the velocity, which is the last update. The
        given arrays are not changed. No pointer into them outlives the call.

        Returns
        -------
        weights : ndarray
        velocity : ndarray or None
            None without momentum, whatever was given. With momentum, None stands for
            zeros.
        loss : float
            Σ E over the order, each E from just before the update of its sample. A sum
            that is not finite ends the epoch early: the weights are then useless.
        finite : bool
            Whether the loss is finite, and outputs for all X within `LIMIT` are, too.
        """
        cdef network net = self.net
        cdef learning_rule rule = self.rule
        cdef Py_ssize_t start = 0, stop
        cdef double loss = 0
        cdef bint finite
        weights_of(&net, weights, self.dtype)
        before = aligned(weights)
        cdef const void *start_from = address(before)
        weights = aligned_empty(weights.size, weights.dtype)
        net.weights = address(weights)
        if not self.stays_sparse:
            memcpy(net.weights, start_from, before.nbytes)
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
        rule.eta = learning_rate
        if self.unfinished and self.deltas is not None:
            self.deltas[:] = 0
        self.unfinished = True

        if self.stays_sparse:
            with nogil:
                self.run.open_sparse(&net, &self.data, start_from)
        while start < rule.n and isfinite(loss):
            with nogil:
                stop = end_of_chunk(&self.cut, &self.data, start, rule.n)
                loss = self.run.train(&net, &self.data, &rule, start, stop, loss)
            raise_if_signaled()
            if self.stop is not None and self.stop.is_set():
                raise InterruptedError("Training was stopped.")
            start = stop
        self.unfinished = start < rule.n
        with nogil:
            if self.stays_sparse:
                self.run.close_sparse(&net, &self.data)
            finite = isfinite(loss) and self.run.are_finite(&net)
        return weights, velocity, loss, finite


N_STATISTICS = 6  # rows of a table of statistics


cdef c_statistics statistics_of(table, Py_ssize_t d) except *:
    """Pointers to the rows of a table of statistics."""
    cdef double *at = <double *> items(table, "statistics", N_STATISTICS * d, FLOAT64)
    cdef c_statistics of
    of.mean, of.std, of.low = at, at + d, at + 2 * d
    of.high, of.two, of.scale = at + 3 * d, at + 4 * d, at + 5 * d
    return of


def measure(Samples samples not None, before=None, double weight_before=0):
    """Statistics of each column of X over the samples in their order.

    Sums run in this order.

    Parameters
    ----------
    samples : Samples
    before : ndarray of shape (N_STATISTICS, d) or None
        The statistics of earlier samples, which are included.
    weight_before : float
        The total weight of these samples.

    Returns
    -------
    statistics : ndarray of shape (N_STATISTICS, d)
        The rows are those of `statistics` in kernel.h.
    has_clipped : bool
        Whether a value was clipped because it was too far from the earlier ones.
    """
    samples.require(("order",))
    cdef Py_ssize_t n = samples.length, d = samples.d
    cdef const functions *run = functions_of(samples.dtype)
    cdef bint is_sparse = samples.data.indptr is not NULL
    table, room = np.empty((N_STATISTICS, d)), np.empty(6 * d) if is_sparse else None
    cdef c_statistics of = statistics_of(table, d)
    cdef c_statistics earlier = of if before is None else statistics_of(before, d)
    cdef double weight = 0 if before is None else weight_before
    cdef double *in_room = <double *> address(room) if is_sparse else NULL

    cdef int has_clipped
    with nogil:
        has_clipped = run.measure(
            &samples.data, n, d, &earlier, weight, &of, in_room, signaled
        )
    return table, has_clipped != 0


def first_beyond(Samples samples not None):
    """The first row of X with a value beyond ±LIMIT in training units, or n."""
    samples.require(("mean", "scale"))
    cdef Py_ssize_t row
    cdef const functions *run = functions_of(samples.dtype)

    with nogil:
        row = run.first_beyond(&samples.data, samples.n, samples.d, signaled)
    return row


def hash_rows(Samples samples not None, uint64_t seed):
    """A 64-bit hash of the values of each row of X and y, and of the seed.

    y is float64. With another seed, the same rows have other hashes, and another order.
    """
    samples.require(("y",))
    shape = np.shape(samples.arrays["y"])
    cdef Py_ssize_t n = samples.n, d = samples.d, K = shape[1] if len(shape) == 2 else 1
    cdef const functions *run = functions_of(samples.dtype)
    cdef const double *y = <const double *> samples.targets(K, FLOAT64)
    hashes = np.empty(n, np.uint64)
    cdef uint64_t *to = <uint64_t *> address(hashes)

    with nogil:
        run.hash_rows(&samples.data, y, n, d, K, seed, to, signaled)
    return hashes


def sort_rows(keys, rows):
    """Sort both by keys, in place."""
    cdef Py_ssize_t n = np.size(rows)
    cdef int64_t *to = row_numbers(rows, n)
    cdef uint64_t *by = <uint64_t *> items(keys, "keys", n, UINT64)

    with nogil:
        c_sort_rows(by, to, n, signaled)


def shuffle(rows, uint64_t seed, uint64_t epoch):
    """Shuffle rows in place; the same seed and epoch give the same order."""
    cdef Py_ssize_t n = np.size(rows)
    cdef int64_t *to = row_numbers(rows, n)

    with nogil:
        shuffle_rows(to, n, seed, epoch, signaled)
