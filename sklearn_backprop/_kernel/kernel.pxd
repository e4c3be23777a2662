# cython: language_level=3
"""The part of the C kernel that the boundary calls; the headers document it."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from "kernel.h" nogil:
    const Py_ssize_t TILE_BYTES
    const Py_ssize_t LONG_BLOCK
    const double LIMIT_FLOAT32
    const double LIMIT_FLOAT64

    ctypedef struct c_statistics "statistics":
        double *mean
        double *std
        double *low
        double *high
        double *two
        double *scale

    ctypedef struct network:
        Py_ssize_t d
        Py_ssize_t H
        Py_ssize_t K
        void *weights
        void *velocity
        void *deltas
        void *workspace
        void *by_input

    ctypedef struct learning_rule:
        double eta
        double alpha
        double momentum
        Py_ssize_t batch_size
        Py_ssize_t n

    ctypedef struct sample_order:
        const int64_t *entries
        const double *fraction

    ctypedef struct c_samples "samples":
        const void *X
        Py_ssize_t row_stride
        Py_ssize_t column_stride
        const void *indptr
        const void *indices
        int wide_indices
        const void *y
        const double *mean
        const double *scale
        sample_order order

    ctypedef int (*interrupted)() noexcept nogil

    ctypedef struct functions:
        double (*train)(
            const network *, const c_samples *, const learning_rule *,
            Py_ssize_t start, Py_ssize_t stop, double loss
        ) noexcept nogil
        void (*predict)(
            const network *, const c_samples *, Py_ssize_t start, Py_ssize_t stop,
            void *y_hat
        ) noexcept nogil
        void (*open_sparse)(
            const network *, const c_samples *, const void *weights
        ) noexcept nogil
        void (*close_sparse)(const network *, const c_samples *) noexcept nogil
        int (*measure)(
            const c_samples *, Py_ssize_t n, Py_ssize_t d, const c_statistics *before,
            double weight_before, const c_statistics *to, double *room, interrupted
        ) except -1 nogil
        Py_ssize_t (*first_beyond)(
            const c_samples *, Py_ssize_t n, Py_ssize_t d, interrupted
        ) except -1 nogil
        int (*hash_rows)(
            const c_samples *, const double *y, Py_ssize_t n, Py_ssize_t d,
            Py_ssize_t K, uint64_t seed, uint64_t *hashes, interrupted
        ) except -1 nogil
        void (*pack)(const network *, const void *W, const void *v) noexcept nogil
        void (*unpack)(const network *, void *W, void *v) noexcept nogil
        int (*are_finite)(const network *) noexcept nogil

    ctypedef struct kernel:
        const char *name
        const functions *float32
        const functions *float64

    Py_ssize_t weights_size(
        Py_ssize_t d, Py_ssize_t H, Py_ssize_t K, Py_ssize_t itemsize
    )
    Py_ssize_t block_length(Py_ssize_t d, Py_ssize_t H, Py_ssize_t itemsize)
    Py_ssize_t batch_block(Py_ssize_t samples, Py_ssize_t d, Py_ssize_t itemsize)
    Py_ssize_t workspace_size(
        Py_ssize_t d, Py_ssize_t H, Py_ssize_t K, Py_ssize_t itemsize, Py_ssize_t length
    )
    Py_ssize_t by_input_size(Py_ssize_t d, Py_ssize_t H, Py_ssize_t itemsize)
    Py_ssize_t values_at(const c_samples *, Py_ssize_t i)
    void fetch_values_at(const c_samples *, Py_ssize_t i)
    bint is_far(const c_samples *, Py_ssize_t j)
    const kernel *choose_kernel(const char *name)
    bint cpu_has_fma()


cdef extern from "order.h" nogil:
    int c_sort_rows "sort_rows"(
        uint64_t *keys, int64_t *rows, Py_ssize_t n, interrupted
    ) except -1
    int shuffle_rows(
        int64_t *rows, Py_ssize_t n, uint64_t seed, uint64_t epoch, interrupted
    ) except -1
