/* The compiled kernel: the documented updates, one example at a time, and predict.
 *
 * A contract for the boundary (_boundary.pyx) and for every C file of this folder.
 * The rule itself is stated in ../equations.py; this kernel computes the same numbers
 * up to rounding. It validates nothing, allocates nothing, and calls nothing of Python.
 *
 * Weights and deltas are one array each, laid out as packing.py says: hidden weights in
 * panels of TILE nodes, W[panel][j][lane] with j = 0 the bias, then v_h by node, then
 * v_0. A node that pads H up to whole panels has a bias so low that its output is 0: it
 * never learns.
 *
 * The bits of a result do not depend on the instruction set: only + - × ÷ and fma, in
 * an order that the source fixes.
 */

#ifndef SKLEARN_BACKPROP_KERNEL_H
#define SKLEARN_BACKPROP_KERNEL_H

#include <stddef.h>

/* bytes of hidden nodes that are computed together, and examples in a block */
#define TILE_BYTES 64
#define BLOCK_LENGTH 4

/* Values of X in training units: training refuses what lies beyond, predict clips it, so
 * that products and sums stay finite. */
#define LIMIT_F32 1e18
#define LIMIT_F64 1e100

/* One set of types and functions for float (f32) and one for double (f64). */
#define DECLARE_KERNEL(REAL, SUFFIX)                                                    \
    typedef struct {                                                                    \
        ptrdiff_t d, H, size;                                                           \
        REAL *weights;        /* INOUT (size,) */                                       \
        REAL *deltas;         /* INOUT (size,), 0 at the start of a batch; the */       \
                              /* weights themselves for batches of one example */       \
        REAL *workspace;      /* (workspace_size,) */                                   \
    } network_##SUFFIX;                                                                 \
                                                                                        \
    typedef struct {                                                                    \
        const REAL *X;        /* IN (n, d), C order, units of the user */               \
        const REAL *y;        /* IN (n,), training units */                             \
        const double *mean;   /* IN (d,)  training units are (x - mean) × scale */      \
        const double *scale;  /* IN (d,) */                                             \
    } examples_##SUFFIX;                                                                \
                                                                                        \
    typedef struct {                                                                    \
        /* Present the examples order[start:stop] of an epoch of n; a batch ends */     \
        /* with every batch_size-th example of the epoch and with its last.      */     \
        /* Returns Σ E, each E from just before its example's own update.        */     \
        double (*train)(network_##SUFFIX, examples_##SUFFIX, const ptrdiff_t *order,    \
                        ptrdiff_t start, ptrdiff_t stop, ptrdiff_t n,                   \
                        ptrdiff_t batch_size, REAL eta);                                \
        /* y_hat[i] = ŷ in training units for rows start ≤ i < stop */                  \
        void (*predict)(network_##SUFFIX, examples_##SUFFIX, ptrdiff_t start,           \
                        ptrdiff_t stop, REAL *y_hat);                                   \
        /* mean and standard deviation of each of d columns over n rows in order */     \
        void (*moments)(const REAL *X, const ptrdiff_t *order, ptrdiff_t n,             \
                        ptrdiff_t d, double *mean, double *std);                        \
        /* first row < n with a value beyond ±LIMIT in training units, or n */          \
        ptrdiff_t (*first_beyond)(examples_##SUFFIX, ptrdiff_t n, ptrdiff_t d);         \
    } functions_##SUFFIX;

DECLARE_KERNEL(float, f32)
DECLARE_KERNEL(double, f64)

typedef struct {
    functions_f32 f32;
    functions_f64 f64;
} kernel;

static inline ptrdiff_t padded_nodes(ptrdiff_t H, ptrdiff_t itemsize)
{
    const ptrdiff_t tile = TILE_BYTES / itemsize;
    return (H + tile - 1) / tile * tile;
}

static inline ptrdiff_t workspace_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    return 2 * BLOCK_LENGTH * (d + 1 + padded_nodes(H, itemsize));
}

/* the kernel of that name, "baseline", "x86-64-v3" or "x86-64-v4", or NULL if it was not
 * built or the CPU does not run it; without a name the fastest that it runs */
const kernel *choose_kernel(const char *name);

#endif
