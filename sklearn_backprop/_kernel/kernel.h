/* The compiled kernel: the documented updates, one example at a time, and predict.
 *
 * A contract for the boundary (_boundary.pyx) and for every C file of this folder.
 * The rule itself is stated in ../equations.py; this kernel computes the same numbers
 * up to rounding. It validates nothing, allocates nothing, and calls nothing of Python.
 *
 * Weights and deltas are one array each: hidden weights in panels of TILE nodes,
 * W[panel][j][lane] with j = 0 the bias, then v_h by node, then v_0. A node that pads H
 * up to whole panels has a bias so low that its output is 0: it never learns.
 *
 * The bits of a result do not depend on the instruction set: only + - × ÷ and fma, in
 * an order that the source fixes.
 */

#ifndef SKLEARN_BACKPROP_KERNEL_H
#define SKLEARN_BACKPROP_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* bytes of hidden nodes in a tile: a cache line, and the widest register */
#define TILE_BYTES 64

/* Examples in a block, and in one where W is larger than LARGE_BYTES: memory is then
 * the limit, and W is read and written half as often. A chunk of an epoch is a multiple
 * of LONG_BLOCK, so that blocks do not depend on how an epoch is cut. */
#ifndef BLOCK
#define BLOCK 4
#endif
#ifndef LONG_BLOCK
#define LONG_BLOCK 8
#endif
#ifndef LARGE_BYTES
#define LARGE_BYTES (1 << 21)
#endif

/* Values of X in training units: training refuses what lies beyond, predict clips it, so
 * that products and sums stay finite. */
#define LIMIT_F32 1e18
#define LIMIT_F64 1e100

/* "real" is float or double, as the functions to which these are passed. */
typedef struct {
    ptrdiff_t d, H;
    void *weights;        /* INOUT real */
    void *deltas;         /* INOUT real, 0 at the start of a batch; unused for batches */
                          /* of one example */
    void *workspace;      /* real, zeros at first */
} network;

/* Which row is presented when: order[i], or i where both are NULL. Numbers of 32 bits
 * take half the memory, and serve below 2³² rows. */
typedef struct {
    const uint32_t *narrow;
    const uint64_t *wide;
} row_order;

typedef struct {
    const void *X;                /* IN real (n, d), units of the user */
    ptrdiff_t row_stride, column_stride; /* of X, in items */
    const void *y;                /* IN real (n,), training units */
    const double *mean;           /* IN (d,)  training units are (x - mean) × scale */
    const double *scale;          /* IN (d,) */
    row_order order;
} examples;

/* What a long computation asks now and then; it ends at once, and returns -1, if the
 * answer is not 0. */
typedef int (*interrupted)(void);

typedef struct {
    /* Present the examples start ≤ i < stop of an epoch of n; a batch ends with every
     * batch_size-th example of the epoch and with its last. Returns Σ E, each E from
     * just before its own update. */
    double (*train)(const network *, const examples *, ptrdiff_t start, ptrdiff_t stop,
                    ptrdiff_t n, ptrdiff_t batch_size, double eta);
    /* y_hat[i] = ŷ in training units for start ≤ i < stop, real */
    void (*predict)(const network *, const examples *, ptrdiff_t start, ptrdiff_t stop,
                    void *y_hat);
    /* mean and standard deviation of each of d columns over the first n of the order */
    int (*moments)(const examples *, ptrdiff_t n, ptrdiff_t d, double *mean, double *std,
                   interrupted);
    /* first row < n with a value beyond ±LIMIT in training units, or n */
    ptrdiff_t (*first_beyond)(const examples *, ptrdiff_t n, ptrdiff_t d, interrupted);
    /* hashes[i] = 64 bits that depend on the values of row i of X and of y, and on nothing
     * else: -0 counts as 0, and values of 0 in X leave no trace */
    int (*hash_rows)(const examples *, const double *y, ptrdiff_t n, ptrdiff_t d,
                     uint64_t *hashes, interrupted);
    /* weights from W, real (d + 1, H), and v, real (H + 1,) with v_0 first */
    void (*pack)(const network *, const void *W, const void *v);
    /* W and v from weights; returns whether all of them are finite */
    int (*unpack)(const network *, void *W, void *v);
} functions;

typedef struct {
    const char *name;
    functions f32, f64;
} kernel;

static inline ptrdiff_t row_at(row_order order, ptrdiff_t i)
{
    return order.narrow ? (ptrdiff_t)order.narrow[i]
           : order.wide ? (ptrdiff_t)order.wide[i]
                        : i;
}

/* a number of items, rounded up to whole tiles */
static inline ptrdiff_t padded(ptrdiff_t items, ptrdiff_t itemsize)
{
    const ptrdiff_t tile = TILE_BYTES / itemsize;
    return (items + tile - 1) / tile * tile;
}

/* items in weights, and in deltas */
static inline ptrdiff_t weights_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    return padded(H, itemsize) * (d + 2) + TILE_BYTES / itemsize;
}

static inline ptrdiff_t block_length(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    const ptrdiff_t bytes = padded(H, itemsize) * (d + 1) * itemsize;
    return bytes > LARGE_BYTES ? LONG_BLOCK : BLOCK;
}

/* items for a, g, the rows of a block, and x and x_last; see blocks.inc.h */
static inline ptrdiff_t workspace_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    return block_length(d, H, itemsize)
           * (2 * padded(H, itemsize) + padded(d + 1, itemsize) + 2 * (d + 1));
}

/* the kernel of that name, "baseline", "x86-64-v3" or "x86-64-v4", or NULL if it was not
 * built or the CPU does not run it; without a name the fastest that it runs */
const kernel *choose_kernel(const char *name);

/* whether the CPU has fused multiply-add, which is slow without */
int cpu_has_fma(void);

#endif
