/* The compiled kernel: the documented updates, one sample at a time or in batches, and
 * predictions.
 *
 * A contract between the boundary (_boundary.pyx) and the functions of every instruction
 * set and floating-point type. The rule itself is stated in ../equations.py; this kernel
 * computes the same numbers up to rounding. It validates nothing, allocates nothing, and
 * calls nothing of Python.
 *
 * The bits of a result do not depend on the instruction set: only + - × ÷ and fma, in
 * an order that the source fixes.
 */

#ifndef SKLEARN_BACKPROP_KERNEL_H
#define SKLEARN_BACKPROP_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "network.h"
#include "samples.h"

/* Statistics of d columns, each an array of d numbers. */
typedef struct {
    double *mean;
    double *std; /* 0 without spread, infinite where rounding is all there is of it */
    double *low, *high; /* the extremes */
    double *two;        /* 1 if there are no other values than these two, else 0 */
    double *scale;      /* 1 / std, and 0 for a column that does not vary */
} statistics;

/* What a long computation asks after about PATIENCE values; it ends at once, and returns
 * -1, if the answer is not 0. */
typedef int (*interrupted)(void);
#define PATIENCE ((ptrdiff_t)1 << 20)

/* The functions of one instruction set and one type of real numbers. */
typedef struct {
    /* Train on the entries start ≤ i < stop of the order. Returns loss + Σ E, each E from
     * just before its own update. An epoch may be cut into several calls without a
     * change of a bit: after a multiple of LONG_BLOCK entries; in batches that are no
     * longer than their batch_block, after any batch; anywhere if rows stay sparse. */
    double (*train)(const network *, const samples *, const learning_rule *,
                    ptrdiff_t start, ptrdiff_t stop, double loss);
    /* y_hat[i] = ŷ in training units for rows start ≤ i < stop, real (n, K) */
    void (*predict)(const network *, const samples *, ptrdiff_t start, ptrdiff_t stop,
                    void *y_hat);
    /* Before the first call of either with sparse X, and after the last of train: hidden
     * weights move from `weights` to net->by_input, and from there to net->weights. */
    void (*open_sparse)(const network *, const samples *, const void *weights);
    void (*close_sparse)(const network *, const samples *);
    /* The statistics of each of d columns over the first n of the order, and over earlier
     * samples of that weight, 0 if there are none; room is for 6 d numbers where X is
     * sparse. Returns whether a value was clipped. */
    int (*measure)(const samples *, ptrdiff_t n, ptrdiff_t d, const statistics *before,
                   double weight_before, const statistics *to, double *room,
                   interrupted);
    /* first row < n with a value beyond ±LIMIT in training units, or n */
    ptrdiff_t (*first_beyond)(const samples *, ptrdiff_t n, ptrdiff_t d, interrupted);
    /* hashes[i] = 64 bits that depend on the seed and the values of row i of X and of
     * y (n, K), and on nothing else: -0 counts as 0, and whether zeros are stored does
     * not count. Another seed gives hashes that have nothing to do with these. */
    int (*hash_rows)(const samples *, const double *y, ptrdiff_t n, ptrdiff_t d,
                     ptrdiff_t K, uint64_t seed, uint64_t *hashes, interrupted);
    /* weights from W, real (d + 1, H), and v, real (K, H + 1) with v_0 first; and back */
    void (*pack)(const network *, const void *W, const void *v);
    void (*unpack)(const network *, void *W, void *v);
    /* whether all weights are, and outputs for every X within the limit */
    int (*are_finite)(const network *);
} functions;

/* an instruction set: "baseline", "x86-64-v3" or "x86-64-v4" */
typedef struct {
    const char *name;
    const functions *float32, *float64;
} kernel;

/* the kernel of that name, or NULL if it was not built or the CPU does not run it;
 * without a name the fastest that it runs */
const kernel *choose_kernel(const char *name);

/* whether the CPU has fused multiply-add, which is slow without */
int cpu_has_fma(void);

#endif
