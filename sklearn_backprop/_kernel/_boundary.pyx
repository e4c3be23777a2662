# cython: language_level=3, boundscheck=False, wraparound=False
# cython: initializedcheck=False, cdivision=True
"""The boundary between Python's arrays and the C kernel: types and chunks.

Nothing is validated here: arrays are C-contiguous and of one floating-point type
(real), orders hold row numbers of X, sizes agree. The GIL is released while the kernel
runs, and signals are seen to between chunks of about 10^8 operations, so that Ctrl-C
ends a long call within a fraction of a second.

Shapes: weights as packing.py lays them out, X (n, d), y (n,), mean and scale (d,).
A row in training units is (x - mean) * scale.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite
from libc.stdint cimport uint64_t

import os

import numpy as np

from .aligned import aligned_zeros


cdef extern from "kernel.h" nogil:
    const double LIMIT_F32
    const double LIMIT_F64

    ctypedef struct network_f32:
        Py_ssize_t d
        Py_ssize_t H
        Py_ssize_t size
        float *weights
        float *deltas
        float *workspace

    ctypedef struct network_f64:
        Py_ssize_t d
        Py_ssize_t H
        Py_ssize_t size
        double *weights
        double *deltas
        double *workspace

    ctypedef struct examples_f32:
        const float *X
        const float *y
        const double *mean
        const double *scale

    ctypedef struct examples_f64:
        const double *X
        const double *y
        const double *mean
        const double *scale

    ctypedef struct functions_f32:
        double (*train)(
            network_f32, examples_f32, const Py_ssize_t *order, Py_ssize_t start,
            Py_ssize_t stop, Py_ssize_t n, Py_ssize_t batch_size, float eta
        ) noexcept nogil
        void (*predict)(
            network_f32, examples_f32, Py_ssize_t start, Py_ssize_t stop,
            float *y_hat
        ) noexcept nogil
        void (*moments)(
            const float *X, const Py_ssize_t *order, Py_ssize_t n, Py_ssize_t d,
            double *mean, double *std
        ) noexcept nogil
        Py_ssize_t (*first_beyond)(
            examples_f32, Py_ssize_t n, Py_ssize_t d
        ) noexcept nogil

    ctypedef struct functions_f64:
        double (*train)(
            network_f64, examples_f64, const Py_ssize_t *order, Py_ssize_t start,
            Py_ssize_t stop, Py_ssize_t n, Py_ssize_t batch_size, double eta
        ) noexcept nogil
        void (*predict)(
            network_f64, examples_f64, Py_ssize_t start, Py_ssize_t stop,
            double *y_hat
        ) noexcept nogil
        void (*moments)(
            const double *X, const Py_ssize_t *order, Py_ssize_t n, Py_ssize_t d,
            double *mean, double *std
        ) noexcept nogil
        Py_ssize_t (*first_beyond)(
            examples_f64, Py_ssize_t n, Py_ssize_t d
        ) noexcept nogil

    ctypedef struct kernel:
        functions_f32 f32
        functions_f64 f64

    const int C_TILE_BYTES "TILE_BYTES"
    const Py_ssize_t BLOCK_LENGTH
    Py_ssize_t c_padded_nodes "padded_nodes"(Py_ssize_t H, Py_ssize_t itemsize)
    Py_ssize_t workspace_size(Py_ssize_t d, Py_ssize_t H, Py_ssize_t itemsize)
    const kernel *choose_kernel(const char *name)


cdef extern from "shuffle.h" nogil:
    void c_shuffle "shuffle"(
        Py_ssize_t *order, Py_ssize_t n, uint64_t seed, uint64_t epoch
    )


ctypedef fused real:
    float
    double


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

TILE_BYTES = C_TILE_BYTES

# What a row may hold in training units; see kernel.h.
LIMIT = {np.dtype(np.float32): LIMIT_F32, np.dtype(np.float64): LIMIT_F64}


def padded_nodes(Py_ssize_t H, Py_ssize_t itemsize):
    """H rounded up to whole tiles."""
    return c_padded_nodes(H, itemsize)


cdef Py_ssize_t chunk_length(Py_ssize_t d, Py_ssize_t H):
    """Examples in about 10^8 operations, in whole blocks.

    Four operations a weight and thirty a sigmoid.
    """
    return BLOCK_LENGTH * (
        1 + 100_000_000 // (BLOCK_LENGTH * max(H, 1) * (4 * d + 34))
    )


def train_epoch(
    real[::1] weights,
    Py_ssize_t H,
    const real[:, ::1] X,
    const real[::1] y,
    const double[::1] mean,
    const double[::1] scale,
    const Py_ssize_t[::1] order,
    Py_ssize_t batch_size,
    double eta,
):
    """Present the rows of X in the given order, updating the weights in place.

    Returns Σ E over the examples, each E from just before its own update. A sum that
    is not finite ends the epoch early: the weights are then lost.
    """
    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t d = X.shape[1]
    cdef Py_ssize_t size = weights.shape[0]
    cdef Py_ssize_t chunk = chunk_length(d, H)
    cdef Py_ssize_t start
    cdef Py_ssize_t stop
    cdef double loss = 0
    dtype = np.float32 if real is float else np.float64
    cdef real[::1] workspace = aligned_zeros(
        workspace_size(d, H, sizeof(real)), dtype
    )
    cdef real[::1] deltas = weights
    if batch_size > 1:
        deltas = aligned_zeros(weights.shape[0], dtype)

    for start in range(0, n, chunk):
        stop = min(start + chunk, n)
        with nogil:
            if real is float:
                loss += KERNEL.f32.train(
                    network_f32(
                        d, H, size, &weights[0], &deltas[0], &workspace[0]
                    ),
                    examples_f32(&X[0, 0], &y[0], &mean[0], &scale[0]),
                    &order[0], start, stop, n, batch_size, <float>eta,
                )
            else:
                loss += KERNEL.f64.train(
                    network_f64(
                        d, H, size, &weights[0], &deltas[0], &workspace[0]
                    ),
                    examples_f64(&X[0, 0], &y[0], &mean[0], &scale[0]),
                    &order[0], start, stop, n, batch_size, eta,
                )
        PyErr_CheckSignals()
        if not isfinite(loss):
            break
    return loss


def predict(
    real[::1] weights,
    Py_ssize_t H,
    const real[:, ::1] X,
    const double[::1] mean,
    const double[::1] scale,
):
    """The network's output in training units for every row of X, shape (n,)."""
    cdef Py_ssize_t n = X.shape[0]
    cdef Py_ssize_t d = X.shape[1]
    cdef Py_ssize_t size = weights.shape[0]
    cdef Py_ssize_t chunk = chunk_length(d, H)
    cdef Py_ssize_t start
    cdef Py_ssize_t stop
    dtype = np.float32 if real is float else np.float64
    cdef real[::1] workspace = aligned_zeros(
        workspace_size(d, H, sizeof(real)), dtype
    )
    y_hat = np.empty(n, dtype)
    cdef real[::1] out = y_hat

    for start in range(0, n, chunk):
        stop = min(start + chunk, n)
        with nogil:
            if real is float:
                KERNEL.f32.predict(
                    network_f32(d, H, size, &weights[0], NULL, &workspace[0]),
                    examples_f32(&X[0, 0], NULL, &mean[0], &scale[0]),
                    start, stop, &out[0],
                )
            else:
                KERNEL.f64.predict(
                    network_f64(d, H, size, &weights[0], NULL, &workspace[0]),
                    examples_f64(&X[0, 0], NULL, &mean[0], &scale[0]),
                    start, stop, &out[0],
                )
        PyErr_CheckSignals()
    return y_hat


def shuffle(Py_ssize_t[::1] order, uint64_t seed, uint64_t epoch):
    """Put order into a random order, in place, the same for the same seed and epoch."""
    with nogil:
        c_shuffle(&order[0], order.shape[0], seed, epoch)


def moments(const real[:, ::1] X, const Py_ssize_t[::1] order):
    """Mean and standard deviation of each column over the rows in order.

    Sums run in that order. A column without spread has a standard deviation of 1.
    """
    cdef Py_ssize_t n = order.shape[0]
    cdef Py_ssize_t d = X.shape[1]
    mean, std = np.empty(d), np.empty(d)
    cdef double[::1] c_mean = mean
    cdef double[::1] c_std = std

    with nogil:
        if real is float:
            KERNEL.f32.moments(&X[0, 0], &order[0], n, d, &c_mean[0], &c_std[0])
        else:
            KERNEL.f64.moments(&X[0, 0], &order[0], n, d, &c_mean[0], &c_std[0])
    return mean, std


def first_beyond(
    const real[:, ::1] X, const double[::1] mean, const double[::1] scale
):
    """The first row with a value beyond ±LIMIT in training units, or n."""
    cdef Py_ssize_t n = X.shape[0]
    cdef Py_ssize_t d = X.shape[1]
    cdef Py_ssize_t row

    with nogil:
        if real is float:
            row = KERNEL.f32.first_beyond(
                examples_f32(&X[0, 0], NULL, &mean[0], &scale[0]), n, d
            )
        else:
            row = KERNEL.f64.first_beyond(
                examples_f64(&X[0, 0], NULL, &mean[0], &scale[0]), n, d
            )
    return row
